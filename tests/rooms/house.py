"""A house with rooms and visitors: the real registry and rooms, without sockets.

A `Visitor` is a Yjs client of a dozen lines: its own `pycrdt.Doc`, y-protocols, and a line that is
a list. Tests read as conversations and check both ends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from pycrdt import Doc, Map

from crdt_calendar.errors import CalendarError
from crdt_calendar.limits import Limits
from crdt_calendar.protocol import messages
from crdt_calendar.protocol.messages import Message, SyncStep1, SyncStep2, Update
from server.auth.grants import Grant, Role
from server.rooms.observer import Silent
from server.rooms.peer import Peer
from server.rooms.registry import Registry
from server.rooms.room import Room
from server.storage.log import Log
from server.storage.memory import MemoryLog
from tests.rooms.lines import ListLine


class Visitor:
    """One connection to a room, by hand."""

    def __init__(self, room: Room, peer: Peer, line: ListLine) -> None:
        self.room = room
        self.peer = peer
        self.line = line
        self.doc: Doc[Map[object]] = Doc()
        self.events = self.doc.get("events", type=Map)
        self._read = 0

    async def say(self, message: Message | bytes) -> None:
        """Send one message; an error ends the peer, as in the gateway."""
        frame = message if isinstance(message, bytes) else messages.encode(message)
        try:
            if (rest := self.room.receive(self.peer, frame)) is not None:
                await rest
        except CalendarError as error:
            self.peer.end(error)

    async def edit(self, key: str, value: object) -> bytes:
        """Set a key of the root map and send the update; return it."""
        before = self.doc.get_state()
        self.events[key] = value
        update = self.doc.get_update(before)
        await self.say(Update(update))
        return update

    async def sync(self) -> None:
        """Ask for everything, as a stock client does when it connects."""
        await self.say(SyncStep1(self.doc.get_state()))

    def heard(self) -> list[Message]:
        """What came since the last call."""
        frames = self.line.payloads[self._read :]
        self._read += len(frames)
        return [messages.decode(frame, Limits()) for frame in frames]

    def take_in(self) -> list[Message]:
        """Apply what came to the document; return all of it."""
        heard = self.heard()
        for message in heard:
            if isinstance(message, SyncStep2 | Update):
                self.doc.apply_update(message.update)
        return heard


class House:
    """A registry on a log, running."""

    def __init__(self, registry: Registry, log: Log, limits: Limits) -> None:
        self.registry = registry
        self.log = log
        self.limits = limits

    @asynccontextmanager
    async def visit(
        self,
        user: str = "alice",
        role: Role = Role.EDITOR,
        *,
        project: str = "demo",
        line: ListLine | None = None,
        expires: float | None = None,
    ) -> AsyncIterator[Visitor]:
        """Somebody in a room, until the block ends."""
        line = line or ListLine()
        grant = Grant(user, project, role, expires=expires)

        async def keep(grant: Grant) -> Grant:
            return grant

        async with self.registry.visit(project, user) as room:
            now = anyio.current_time()
            peer = Peer(line, grant, self.limits, now=now, ended=lambda: None, reconsider=keep)
            with room.joined(peer):
                yield Visitor(room, peer, line)


@asynccontextmanager
async def house(
    limits: Limits | None = None, *, log: Log | None = None, idle_seconds: float = 30.0
) -> AsyncIterator[House]:
    """A house on an empty memory log, or on the log given."""
    limits, log = limits or Limits(), log or MemoryLog()
    async with anyio.create_task_group() as tasks:
        spawn = tasks.start_soon
        registry = Registry(log, limits, Silent(), spawn=spawn, idle_seconds=idle_seconds)
        tasks.start_soon(registry.run)
        yield House(registry, log, limits)
        await registry.stop()
        tasks.cancel_scope.cancel()


async def settled() -> None:
    """Wait until rooms have had their tick and everything is published."""
    await anyio.sleep(0.01)
    await anyio.wait_all_tasks_blocked()
