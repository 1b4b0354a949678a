"""Snapshots for fast loading, and removal of rows that are older than the retention.

A room is loaded from its newest snapshot and the rows after it. Every row is also its history, so
compaction removes none: it writes a new ``head`` snapshot. Thinning removes rows past the retention
and leaves, in place of them, a ``base`` snapshot: the document as it was before the oldest row that
is kept. Documents are built in a `Scratch` process; what is written is written in transactions, the
removal in many short ones, so that an append never waits long. A `kill -9` at any moment loses
nothing: rows go only after the snapshot that covers them is on disk.
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import anyio
import anyio.to_thread

from crdt_calendar.errors import CorruptData
from server.storage.connections import Reader, Writer
from server.storage.documents import Piece
from server.storage.growth import Counts, Growth
from server.storage.queries import (
    base_snapshot,
    find_room,
    loadable,
    newest_snapshot,
    rows_between,
)
from server.storage.scratch import Scratch

# Rows removed in one transaction; see benchmarks for what an append then waits.
ROWS_PER_DELETE = 500
# Thinning rewrites the base; once a day is enough.
SLACK_MS = 24 * 60 * 60 * 1000

NEW_SNAPSHOT = """
    INSERT INTO snapshots (room, kind, seq, data) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET seq = excluded.seq, data = excluded.data
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did: rooms with a new snapshot, rows removed, rooms that do not decode."""

    compacted: tuple[str, ...]
    removed_rows: int
    corrupt: tuple[str, ...]


class _Floor(NamedTuple):
    """Up to which row a room's rows may go, and what a snapshot of that moment is made of."""

    room: int
    seq: int
    pieces: list[Piece]  # none: the base is there already
    is_head: bool  # the head snapshot is of that very moment


class Compaction:
    """Compacts and thins the rooms of one file, beside the appends."""

    def __init__(self, writer: Writer, reader: Reader, growth: Growth, scratch: Scratch) -> None:
        self._writer = writer
        self._reader = reader
        self._growth = growth
        self._scratch = scratch
        self._turn = anyio.Lock()  # one room at a time: two would move each other's snapshots

    def needs_compaction(self, room: str) -> bool:
        """Whether enough was added since the newest snapshot that loading got slower."""
        return self._growth[room].due

    async def compact(self, room: str) -> None:
        """Write a snapshot of all there is. Raises `CorruptData`, `CommitFailed`."""
        async with self._turn:
            found = await self._reader.read(lambda connection: _gather(connection, room))
            if found is None:
                self._growth[room] = Counts()
                return
            snapshot, rows = found.snapshot, found.rows
            if rows:
                head = (rows[-1][0], [*snapshot, *rows])
                size_bytes = await self._write(room, found.room, "head", *head)
                self._growth.settle(room, Counts.of(snapshot, rows), size_bytes)

    async def thin(self, room: str, before_ms: int) -> int:
        """Remove the rows before the first one that is as new as `before_ms`; say how many.

        Only rows that a snapshot covers go. Age is read off the clock that wrote the rows, but
        what goes is always the beginning of the log: a clock that was wrong can keep rows longer,
        and never tears a hole. Raises `CorruptData`, `CommitFailed`.
        """
        async with self._turn:
            floor = await self._reader.read(lambda connection: _floor(connection, room, before_ms))
            if floor is None:
                return 0
            if floor.is_head:
                await self._writer.write(lambda connection: _lower_head(connection, floor.room))
            elif floor.pieces:
                await self._write(room, floor.room, "base", floor.seq, floor.pieces)
            return await self._remove_rows(floor.room, floor.seq)

    async def sweep(self, before_ms: int, *, slack_ms: int = SLACK_MS) -> Swept:
        """Compact every room that needs it, thin what is past `before_ms`, purge the deleted.

        A room is thinned once its first row is `slack_ms` older than that. One that does not decode
        is reported and left as it is. Raises `CommitFailed`.
        """
        compacted: list[str] = []
        corrupt: list[str] = []
        removed = 0
        oldest_ms = before_ms - slack_ms
        expired = await self._reader.read(lambda connection: _expired(connection, oldest_ms))
        for room in sorted({*self._growth.due(), *expired}):
            try:
                await self.compact(room)
                compacted.append(room)
                if room in expired:
                    removed += await self.thin(room, before_ms)
            except CorruptData as error:
                _log.error("compaction left a room as it is: %s", error)
                self._growth[room] = Counts()
                corrupt.append(room)
        removed += await self._purge()
        await anyio.to_thread.run_sync(self._scratch.rest)
        return Swept(tuple(compacted), removed, tuple(corrupt))

    async def _write(
        self, room: str, room_id: int, kind: str, seq: int, pieces: list[Piece]
    ) -> int:
        proof = await anyio.to_thread.run_sync(
            self._scratch.prove, room, pieces, abandon_on_cancel=True
        )
        row = (room_id, kind, seq, proof.snapshot)
        await self._writer.write(lambda connection: connection.execute(NEW_SNAPSHOT, row))
        return len(proof.snapshot)

    async def _purge(self) -> int:
        """Remove what deleted projects left behind."""
        removed = 0
        async with self._turn:
            for room in await self._reader.read(_deleted_rooms):
                removed += await self._remove_rows(room, None)
                await self._writer.write(partial(_drop_room, room=room))
        return removed

    async def _remove_rows(self, room: int, last: int | None) -> int:
        removed = 0
        while batch := await self._writer.write(partial(_delete_some, room=room, last=last)):
            removed += batch
        return removed


class _Gathered(NamedTuple):
    room: int
    snapshot: list[Piece]
    rows: list[Piece]


def _gather(connection: sqlite3.Connection, name: str) -> _Gathered | None:
    room = find_room(connection, name)
    return room and _Gathered(room.id, *loadable(connection, room.id))


def _floor(connection: sqlite3.Connection, name: str, before_ms: int) -> _Floor | None:
    room = find_room(connection, name)
    newest = newest_snapshot(connection, room.id) if room else []
    if not room or not newest:
        return None
    newest_seq = newest[0][0]
    kept = connection.execute(
        "SELECT seq FROM updates WHERE room = ? AND at_ms >= ? ORDER BY seq LIMIT 1",
        (room.id, before_ms),
    ).fetchone()
    base = base_snapshot(connection, room.id)
    base_seq = base[0][0] if base else 0
    seq = max(base_seq, min(newest_seq, kept[0] - 1) if kept else newest_seq)
    if seq == base_seq:
        return _Floor(room.id, seq, [], is_head=False)
    if seq == newest_seq:
        return _Floor(room.id, seq, [], is_head=True)
    rows = rows_between(connection, room.id, base_seq, seq)
    return _Floor(room.id, seq, [*base, *rows], is_head=False)


def _lower_head(connection: sqlite3.Connection, room: int) -> None:
    """Make the head snapshot the base: every row it covers may go."""
    connection.execute("DELETE FROM snapshots WHERE room = ? AND kind = 'base'", (room,))
    connection.execute("UPDATE snapshots SET kind = 'base' WHERE room = ?", (room,))


def _delete_some(connection: sqlite3.Connection, room: int, last: int | None) -> int:
    return connection.execute(
        """DELETE FROM updates WHERE seq IN (
            SELECT seq FROM updates WHERE room = ?1 AND (?2 IS NULL OR seq <= ?2)
            ORDER BY seq LIMIT ?3
        )""",
        (room, last, ROWS_PER_DELETE),
    ).rowcount


def _expired(connection: sqlite3.Connection, oldest_ms: int) -> set[str]:
    """Rooms whose first row is older than that: one look into the index for each room."""
    found = connection.execute(
        """SELECT name FROM rooms WHERE name IS NOT NULL AND ? > (
            SELECT at_ms FROM updates WHERE room = rooms.id ORDER BY seq LIMIT 1
        )""",
        (oldest_ms,),
    )
    return {name for (name,) in found}


def _deleted_rooms(connection: sqlite3.Connection) -> list[int]:
    return [room for (room,) in connection.execute("SELECT id FROM rooms WHERE name IS NULL")]


def _drop_room(connection: sqlite3.Connection, room: int) -> None:
    connection.execute("DELETE FROM clients WHERE room = ?", (room,))
    connection.execute("DELETE FROM snapshots WHERE room = ?", (room,))
    connection.execute("DELETE FROM rooms WHERE id = ?", (room,))
