"""The update log in an SQLite file, and everything else that is kept there.

``append`` is the hot path: one transaction on the writer's thread for whatever the caller collected
(group commit), by the plain `sqlite3` module.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread

from crdt_calendar.errors import CorruptData, StorageError
from server.storage.answers import Answers
from server.storage.catalog import Catalog, now_ms
from server.storage.compaction import Compaction
from server.storage.connections import (
    Reader,
    Writer,
    connect_reader,
    connect_writer,
    open_connections,
)
from server.storage.documents import merge
from server.storage.feeds import Feeds
from server.storage.growth import Counts, Growth
from server.storage.log import Base, Entry, Log, Row, Stored
from server.storage.queries import base_snapshot, find_room, loadable
from server.storage.schema import check_ours, migrate
from server.storage.scratch import Scratch
from server.storage.webhooks import Webhooks

NEW_ROOM = "INSERT OR IGNORE INTO rooms (name) VALUES (?)"
NEXT_SEQ = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'updates'), 0) + 1"
NEW_UPDATE = """
    INSERT INTO updates (seq, room, user, at_ms, data)
    VALUES (?, (SELECT id FROM rooms WHERE name = ?), ?, ?, ?)
"""
NEW_CLIENT = """
    INSERT OR IGNORE INTO clients (room, client, user)
    VALUES ((SELECT id FROM rooms WHERE name = ?), ?, ?)
"""


class SqliteLog(Log):
    """The log in the tables `rooms`, `updates`, `snapshots` and `clients`; see `schema`."""

    def __init__(self, writer: Writer, reader: Reader, growth: Growth) -> None:
        self._writer = writer
        self._reader = reader
        self._growth = growth

    async def append(self, entries: Sequence[Entry]) -> Sequence[int]:
        """Store the entries in one transaction, synced to disk; see `Log.append`."""
        if not entries:
            return ()
        seqs = await self._writer.write(lambda connection: _append(connection, entries))
        for entry in entries:
            self._growth.add(entry.room, len(entry.update))
        return seqs

    async def load(self, room: str) -> Stored:
        """Everything of one room, from its snapshot and the rows since; see `Log.load`."""
        stored, counts = await self._reader.read(lambda connection: _load(connection, room))
        self._growth[room] = counts
        return stored

    async def history(self, room: str, *, after: int = 0, most: int = 1000) -> Sequence[Row]:
        """Rows within the retention, oldest first; see `Log.history`."""
        return await self._reader.read(
            lambda connection: [
                Row(seq, data, user, at_ms)
                for seq, data, user, at_ms in connection.execute(
                    "SELECT seq, data, user, at_ms FROM updates"
                    " WHERE room = (SELECT id FROM rooms WHERE name = ?) AND seq > ?"
                    " ORDER BY seq LIMIT ?",
                    (room, after, most),
                )
            ]
        )

    async def base(self, room: str) -> Base:
        """The snapshot in place of rows past the retention; see `Log.base`."""

        def work(connection: sqlite3.Connection) -> Base:
            found = find_room(connection, room)
            snapshot = base_snapshot(connection, found.id) if found else []
            return Base(*snapshot[0]) if snapshot else Base()

        return await self._reader.read(work)

    async def set_recovering(self, room: str, recovering: bool) -> None:
        """Begin or end the recovery state of a room; see `Log.set_recovering`."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(NEW_ROOM, (room,))
            connection.execute("UPDATE rooms SET recovering = ? WHERE name = ?", (recovering, room))

        await self._writer.write(work)


def _append(connection: sqlite3.Connection, entries: Sequence[Entry]) -> Sequence[int]:
    connection.executemany(NEW_ROOM, [(room,) for room in {entry.room for entry in entries}])
    (first,) = connection.execute(NEXT_SEQ).fetchone()
    seqs = range(first, first + len(entries))
    connection.executemany(
        NEW_UPDATE,
        [
            (seq, entry.room, entry.user, entry.at_ms, entry.update)
            for seq, entry in zip(seqs, entries, strict=True)
        ],
    )
    clients = [
        (entry.room, client, user) for entry in entries for client, user in entry.bindings.items()
    ]
    if clients:
        connection.executemany(NEW_CLIENT, clients)
    return seqs


def _load(connection: sqlite3.Connection, room: str) -> tuple[Stored, Counts]:
    found = find_room(connection, room)
    if found is None:
        return Stored(b"", 0, {}), Counts()
    snapshot, rows = loadable(connection, found.id)
    pieces = [*snapshot, *rows]
    clients = connection.execute("SELECT client, user FROM clients WHERE room = ?", (found.id,))
    stored = Stored(
        merge(room, pieces), pieces[-1][0] if pieces else 0, dict(clients), found.recovering
    )
    return stored, Counts.of(snapshot, rows)


def _open_file(path: Path) -> None:
    """Make or migrate the file, on a connection that is gone before the writer opens its own."""
    try:
        if path.exists():  # the writer would change the file of another program by opening it
            with closing(connect_reader(path)) as connection:
                check_ours(connection)
        with closing(connect_writer(path)) as connection:
            migrate(connection)
    except sqlite3.OperationalError as error:
        raise StorageError(f"{path} cannot be opened: {error}") from error
    except sqlite3.DatabaseError as error:
        raise CorruptData(f"{path} is damaged: {error}; restore a backup") from error


@dataclass(frozen=True, slots=True)
class Store:
    """All that one database file keeps."""

    path: Path
    log: SqliteLog
    catalog: Catalog
    compaction: Compaction
    answers: Answers
    feeds: Feeds
    webhooks: Webhooks


@asynccontextmanager
async def open_store(path: Path, *, clock_ms: Callable[[], int] = now_ms) -> AsyncIterator[Store]:
    """The store in that file, which is made or brought up to date.

    Hold the lock of its `DataDirectory` meanwhile: two writers can damage the file. Raises
    `StorageError` when it cannot be opened, `CorruptData` when it is no database.
    """
    await anyio.to_thread.run_sync(_open_file, path)
    async with open_connections(path) as (writer, reader):
        growth = Growth()
        with Scratch() as scratch:
            yield Store(
                path,
                SqliteLog(writer, reader, growth),
                Catalog(writer, reader, clock_ms=clock_ms),
                Compaction(writer, reader, growth, scratch),
                Answers(writer, reader, clock_ms=clock_ms),
                Feeds(writer, reader, clock_ms=clock_ms),
                Webhooks(writer, reader, clock_ms=clock_ms),
            )
