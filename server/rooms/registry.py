"""The registry: which rooms are loaded. Each is loaded once, and let go when it has been idle."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

import anyio
from anyio.to_thread import run_sync

from crdt_calendar.errors import NoSuchProject, ServiceRestart, TooManyConnections
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.ledger import Ledger
from server.rooms.observer import Observer
from server.rooms.peer import Spawn
from server.rooms.room import Room
from server.rooms.writer import Writer
from server.storage.log import Log

IDLE_SECONDS = 30.0  # long enough for a page reload or a phone that changes networks
SWEEP_SECONDS = 1.0


@dataclass(slots=True)
class _Slot:
    """A room that is there, or on its way; ``pins`` counts who needs it."""

    lock: anyio.Lock = field(default_factory=anyio.Lock)
    room: Room | None = None
    pins: int = 0
    idle_since: float = 0.0


class Registry:
    """All rooms of this process. ``spawn`` starts a task that ends with the registry's owner."""

    def __init__(
        self,
        log: Log,
        limits: Limits,
        observer: Observer,
        *,
        spawn: Spawn,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self.writer = Writer(log, limits, observer)
        self._log = log
        self._limits = limits
        self._observer = observer
        self._spawn = spawn
        self._idle_seconds = idle_seconds
        self._slots: dict[str, _Slot] = {}
        self._users: Counter[str] = Counter()
        self.stopping = False
        self.epoch = 0  # grows with every change of memberships

    async def run(self) -> None:
        """Commit, sweep and let go of idle rooms until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.writer.run)
            while True:
                await anyio.sleep(SWEEP_SECONDS)
                self._sweep(monotonic())

    @asynccontextmanager
    async def room(self, name: str) -> AsyncIterator[Room]:
        """The room of that name, loaded if need be, kept as long as the block lasts.

        Raises `CorruptData` when what is stored does not decode.
        """
        slot = self._slots.setdefault(name, _Slot())
        slot.pins += 1
        try:
            yield await self._loaded(name, slot)
        finally:
            self._unpin(slot)

    @asynccontextmanager
    async def visit(self, name: str, user: str) -> AsyncIterator[Room]:
        """The room of that name for one connection of that user, which counts as one.

        Raises `TooManyConnections`, `ServiceRestart`, and what `room` raises.
        """
        self._count_in(user)
        slot = self._slots.setdefault(name, _Slot())
        slot.pins += 1
        try:
            yield await self._loaded(name, slot)
        finally:
            self._unpin(slot)
            self._users[user] -= 1
            if not self._users[user]:
                del self._users[user]

    def _count_in(self, user: str) -> None:
        if self.stopping:
            raise ServiceRestart("this server is stopping; come back in a moment")
        if self._users[user] >= self._limits.connections_per_user:
            raise TooManyConnections(f"{user} has too many connections; close some")
        self._users[user] += 1

    def _unpin(self, slot: _Slot) -> None:
        slot.pins -= 1
        slot.idle_since = monotonic()

    @property
    def rooms(self) -> tuple[Room, ...]:
        """The rooms that are loaded."""
        return tuple(slot.room for slot in self._slots.values() if slot.room is not None)

    def loaded(self, name: str) -> Room | None:
        """The room of that name if it is loaded."""
        slot = self._slots.get(name)
        return None if slot is None else slot.room

    async def regrant(self, project: str | None = None, user: str | None = None) -> None:
        """Memberships changed: ask again what live peers may do. None stands for all."""
        self.epoch += 1
        concerned = [room for room in self.rooms if project in (None, room.name)]
        for room in concerned:
            for one in room.participants:
                if user in (None, one.grant.user):
                    await room.regrant(one)

    async def stop(self) -> None:
        """Close every peer with 1012 and wait until all that was accepted is on disk."""
        self.stopping = True
        for room in self.rooms:
            for one in room.participants:
                one.end(ServiceRestart("this server is stopping; come back in a moment"))
        for room in self.rooms:
            await room.committed()
        await self.writer.flushed()

    async def _loaded(self, name: str, slot: _Slot) -> Room:
        async with slot.lock:
            if slot.room is not None and slot.room.failed is not None:
                await self._discard(slot)
            if slot.room is None:
                slot.room = await self._load(name)
        return slot.room

    async def _load(self, name: str) -> Room:
        stored = await self._log.load(name)
        # The walk over a large document takes a while in Python; other rooms go on meanwhile.
        ledger = await run_sync(Ledger.restore, stored.update, stored.bindings, self._limits)
        return Room(name, stored, ledger, self.writer, self._observer, self._spawn)

    async def discard(self, name: str) -> None:
        """Send everybody away from a project that is gone, and let go of its room."""
        slot = self._slots.get(name)
        if slot is None:
            return
        async with slot.lock:
            for one in slot.room.participants if slot.room else ():
                one.end(NoSuchProject(f"project {name!r} was deleted"))
            await self._discard(slot)

    async def _discard(self, slot: _Slot) -> None:
        room, slot.room = slot.room, None
        if room is not None:
            await room.committed()
            room.close()

    def _sweep(self, now: float) -> None:
        for name, slot in list(self._slots.items()):
            if slot.room is None:
                if not slot.pins:
                    del self._slots[name]
                continue
            slot.room.sweep(now)
            if not slot.pins and slot.room.idle and now - slot.idle_since >= self._idle_seconds:
                slot.room.close()
                del self._slots[name]
