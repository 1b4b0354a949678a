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
from typing import NamedTuple

from crdt_calendar.errors import CorruptData, NoSuchProject, StorageError
from server.storage.connections import connect_reader
from server.storage.documents import Piece
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
        raise StorageError(f"{path}: {error}") from error
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
            found = _require_room(connection, room)
            snapshot, rows = loadable(connection, found.id)
            sizes = _sizes(connection, found.id)
            owners = _owners(connection, found.id)
        pieces = [*snapshot, *rows]
        proof = scratch.prove(room, pieces)
    return RoomFacts(
        room=room,
        rows=sizes.rows,
        bytes=sizes.bytes,
        clients=_clients(owners, proof.clocks),
        events=proof.events,
        first_ms=sizes.first_ms,
        last_ms=sizes.last_ms,
        snapshot_seq=snapshot[0][0] if snapshot else 0,
        last_seq=pieces[-1][0] if pieces else 0,
        recovering=found.recovering,
        parked=proof.parked,
    )


def _require_room(connection: sqlite3.Connection, name: str) -> RoomRow:
    """The room, or that of a project for which nothing was stored yet."""
    found = find_room(connection, name)
    if found:
        return found
    if not connection.execute("SELECT 1 FROM projects WHERE id = ?", (name,)).fetchone():
        raise NoSuchProject(f"no project {name!r}")
    return RoomRow(0, name, recovering=False)


class _Sizes(NamedTuple):
    rows: int
    bytes: int
    first_ms: int | None
    last_ms: int | None


def _sizes(connection: sqlite3.Connection, room: int) -> _Sizes:
    rows, row_bytes, first_ms, last_ms = connection.execute(
        "SELECT count(*), total(length(data)), min(at_ms), max(at_ms) FROM updates WHERE room = ?",
        (room,),
    ).fetchone()
    (snapshot_bytes,) = connection.execute(
        "SELECT total(length(data)) FROM snapshots WHERE room = ?", (room,)
    ).fetchone()
    return _Sizes(rows, int(row_bytes + snapshot_bytes), first_ms, last_ms)


def _owners(connection: sqlite3.Connection, room: int) -> dict[int, str]:
    found = connection.execute("SELECT client, user FROM clients WHERE room = ?", (room,))
    return dict(found.fetchall())


def _clients(owners: Mapping[int, str], clocks: Mapping[int, int]) -> dict[int, Client]:
    return {
        client: Client(owners.get(client, ""), clocks.get(client, 0))
        for client in sorted(owners.keys() | clocks.keys())
    }


def _verify_room(connection: sqlite3.Connection, scratch: Scratch, room: RoomRow) -> RoomReport:
    try:
        with _one_view(connection):
            base = base_snapshot(connection, room.id)
            rows = rows_between(connection, room.id, base[0][0] if base else 0)
            head = newest_snapshot(connection, room.id)
    except sqlite3.DatabaseError as error:
        return RoomReport(room.name, 0, f"its rows cannot be read: {error}")
    return RoomReport(room.name, len(rows), _problem(scratch, room.name, [*base, *rows], head))


def _problem(scratch: Scratch, room: str, history: list[Piece], head: list[Piece]) -> str:
    """What is wrong with a room; "" for nothing."""
    try:
        proof = scratch.prove(room, history)
    except CorruptData as error:
        return f"{error} (first at number {_first_fatal(scratch, room, history)})"
    if proof.parked:
        return "part of its document waits for updates that are missing"
    return _head_problem(scratch, room, history, head)


def _head_problem(scratch: Scratch, room: str, history: list[Piece], head: list[Piece]) -> str:
    """Whether loading from the head snapshot gives what the history gives."""
    if not head:
        return ""
    (seq, _), *_ = head
    try:
        loaded = scratch.prove(room, head)
    except CorruptData as error:
        return f"its snapshot: {error}"
    upto = [piece for piece in history if piece[0] <= seq]
    if loaded.clocks != scratch.prove(room, upto).clocks:
        return f"its snapshot up to number {seq} is not what its rows say"
    return ""


def _first_fatal(scratch: Scratch, room: str, pieces: list[Piece]) -> int:
    """The number of the piece with which building the document first fails, by bisection."""
    sound, fatal = 0, len(pieces)
    while fatal - sound > 1:
        middle = (sound + fatal) // 2
        try:
            scratch.prove(room, pieces[:middle])
            sound = middle
        except CorruptData:
            fatal = middle
    return pieces[fatal - 1][0]


@contextmanager
def _one_view(connection: sqlite3.Connection) -> Iterator[None]:
    """Read one state of the file, whatever is committed meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
