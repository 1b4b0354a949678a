"""What the log, compaction and maintenance all ask of the tables; see `schema`."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from server.storage.documents import Piece


class RoomRow(NamedTuple):
    """A room as the tables know it."""

    id: int
    name: str
    recovering: bool


def all_rooms(connection: sqlite3.Connection) -> list[RoomRow]:
    """Every room that is not deleted."""
    found = connection.execute(
        "SELECT id, name, recovering FROM rooms WHERE name IS NOT NULL ORDER BY name"
    )
    return [RoomRow(id, name, bool(recovering)) for id, name, recovering in found]


def find_room(connection: sqlite3.Connection, name: str) -> RoomRow | None:
    """The room of that name, if anything was ever stored for it."""
    found = connection.execute(
        "SELECT id, name, recovering FROM rooms WHERE name = ?", (name,)
    ).fetchone()
    return found and RoomRow(found[0], found[1], bool(found[2]))


def newest_snapshot(connection: sqlite3.Connection, room: int) -> list[Piece]:
    """The snapshot to load from: a list of one, or of none."""
    return connection.execute(
        "SELECT seq, data FROM snapshots WHERE room = ? ORDER BY seq DESC LIMIT 1", (room,)
    ).fetchall()


def base_snapshot(connection: sqlite3.Connection, room: int) -> list[Piece]:
    """The snapshot in place of the rows that were removed: a list of one, or of none."""
    return connection.execute(
        "SELECT seq, data FROM snapshots WHERE room = ? AND kind = 'base'", (room,)
    ).fetchall()


def rows_between(
    connection: sqlite3.Connection, room: int, after: int, last: int | None = None
) -> list[Piece]:
    """The rows with a number greater than `after`, up to and with `last` (None: all), in order."""
    return connection.execute(
        "SELECT seq, data FROM updates"
        " WHERE room = ? AND seq > ? AND (?3 IS NULL OR seq <= ?3) ORDER BY seq",
        (room, after, last),
    ).fetchall()


def loadable(connection: sqlite3.Connection, room: int) -> tuple[list[Piece], list[Piece]]:
    """All that makes the document: the newest snapshot (one or none), and the rows after it."""
    snapshot = newest_snapshot(connection, room)
    return snapshot, rows_between(connection, room, snapshot[0][0] if snapshot else 0)
