"""The update log in memory: for tests and for a service that may forget.

It keeps the contract of `Log` except that nothing survives the process, and can be told to fail or
to take its time, as a disk does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel

from crdt_calendar.errors import CommitFailed
from server.storage.documents import merge
from server.storage.log import Base, Entry, Log, Row, Stored


@dataclass(slots=True)
class _Room:
    rows: list[Row] = field(default_factory=list)
    bindings: dict[int, str] = field(default_factory=dict)
    recovering: bool = False


class MemoryLog(Log):
    """A log that lives as long as the process."""

    def __init__(self) -> None:
        self._rooms: dict[str, _Room] = {}
        self._seq = 0
        self._failures = 0
        self._gate = anyio.Event()
        self._gate.set()

    def fail_next(self, times: int = 1) -> None:
        """Let the next `times` calls of `append` raise `CommitFailed` and store nothing."""
        self._failures = times

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let calls of `append` wait, nothing stored, until the block ends."""
        self._gate = anyio.Event()
        try:
            yield
        finally:
            self._gate.set()

    async def append(self, entries: Sequence[Entry]) -> Sequence[int]:
        """Keep the entries; see `Log.append`."""
        await anyio.lowlevel.checkpoint()
        await self._gate.wait()
        if self._failures:
            self._failures -= 1
            raise CommitFailed("nothing was stored: told to fail; it may be tried again")
        return [self._keep(entry) for entry in entries]

    def _keep(self, entry: Entry) -> int:
        self._seq += 1
        room = self._rooms.setdefault(entry.room, _Room())
        room.rows.append(Row(self._seq, entry.update, entry.user, entry.at_ms))
        for client, user in entry.bindings.items():
            room.bindings.setdefault(client, user)
        return self._seq

    async def load(self, room: str) -> Stored:
        """Everything of one room; see `Log.load`."""
        await anyio.lowlevel.checkpoint()
        kept = self._rooms.get(room, _Room())
        update = merge(room, [(row.seq, row.update) for row in kept.rows])
        seq = kept.rows[-1].seq if kept.rows else 0
        return Stored(update, seq, dict(kept.bindings), kept.recovering)

    async def history(self, room: str, *, after: int = 0, most: int = 1000) -> Sequence[Row]:
        """Rows, oldest first; see `Log.history`."""
        await anyio.lowlevel.checkpoint()
        rows = self._rooms.get(room, _Room()).rows
        return [row for row in rows if row.seq > after][:most]

    async def base(self, room: str) -> Base:
        """Nothing: every row is kept; see `Log.base`."""
        return Base()

    async def set_recovering(self, room: str, recovering: bool) -> None:
        """Begin or end the recovery state of a room; see `Log.set_recovering`."""
        self._rooms.setdefault(room, _Room()).recovering = recovering
