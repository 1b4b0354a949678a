"""Verify and inspect: what those who run the service can learn of its database.

Synchronous, with connections of their own that only read; run them on a thread beside a server.
Documents are built in a `Scratch` process, since a hostile row may end the one that applies it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from crdt_calendar.errors import CorruptData, NoSuchProject, StorageError
from server.storage.connections import connect_reader
from server.storage.documents import Piece, Proof
from server.storage.queries import (
    RoomRow,
    all_rooms,
    base_snapshot,
    find_room,
    loadable,
    newest_snapshot,
    rows_between,
)
from server.storage.schema import check_ours
from server.storage.scratch import Scratch


@dataclass(frozen=True, slots=True)
class Client:
    """A Yjs client id in a room: whose it is ("" if nobody's), and its next clock."""

    user: str
    clock: int


@dataclass(frozen=True, slots=True)
class RoomFacts:
    """What is stored of one room."""

    room: str
    rows: int
    bytes: int  # of rows and snapshots
    clients: Mapping[int, Client]
    events: int  # deleted ones included
    first_ms: int | None  # time of the oldest row kept; None without rows
    last_ms: int | None
    snapshot_seq: int  # last row in the snapshot it is loaded from; 0 without one
    last_seq: int
    recovering: bool
    parked: bool  # part of the document waits for updates that are missing


@dataclass(frozen=True, slots=True)
class RoomReport:
    """What verifying one room found; ``problem`` is empty when it is sound."""

    room: str
    rows: int
    problem: str


@dataclass(frozen=True, slots=True)
class Report:
    """What verifying a file found; ``problems`` are those of the file as such."""

    problems: tuple[str, ...]
    rooms: tuple[RoomReport, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing at all is wrong."""
        return not self.problems and not any(room.problem for room in self.rooms)


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection for looking into a file of ours.

    Raises `CorruptData` for a damaged file, `StorageError` for one that is not there or not ours.
    """
    try:
        with closing(connect_reader(path)) as connection:
            check_ours(connection)
            yield connection
    except sqlite3.OperationalError as error:
        raise StorageError(f"{path} cannot be read: {error}") from error
    except sqlite3.DatabaseError as error:
        raise CorruptData(f"{path} is damaged: {error}; restore a backup") from error


def integrity_problems(connection: sqlite3.Connection) -> tuple[str, ...]:
    """What SQLite finds wrong with a file, a sentence each."""
    found = [text for (text,) in connection.execute("PRAGMA integrity_check") if text != "ok"]
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        found.append(f"row {row} of {table} refers to a row of {parent} that is not there")
    return tuple(found)


def verify(path: Path, *, progress: Callable[[int, int], None] | None = None) -> Report:
    """Check a file and every document in it.

    ``progress`` hears of rooms done and rooms in all. Raises `StorageError` only when the file
    cannot be read at all, or is not ours; whatever else is wrong is in the report.
    """
    try:
        with reading(path) as connection, Scratch() as scratch:
            problems = integrity_problems(connection)
            rooms = all_rooms(connection)
            reports = []
            for done, room in enumerate(rooms, 1):
                reports.append(_verify_room(connection, scratch, room))
                if progress:
                    progress(done, len(rooms))
            return Report(problems, tuple(reports))
    except CorruptData as error:
        return Report((str(error),), ())


def inspect(path: Path, room: str) -> RoomFacts:
    """What is stored of one room. Raises `NoSuchProject`, `CorruptData`, `StorageError`."""
    with reading(path) as connection, Scratch() as scratch:
        with _one_view(connection):
            found = find_room(connection, room)
            if found is None and not _project_exists(connection, room):
                raise NoSuchProject(f"no project {room!r}")
            stored = _stored(connection, found) if found else _Stored({}, [], (0, 0, None, None), 0)
        proof = scratch.prove(room, stored.pieces)
    ...


def _verify_room(
    connection: sqlite3.Connection, scratch: Scratch, room: RoomRow
) -> RoomReport:
    with _one_view(connection):
        base = base_snapshot(connection, room.id)
        rows = rows_between(connection, room.id, base[0][0] if base else 0)
        snapshot, later = loadable(connection, room.id)
    ...
