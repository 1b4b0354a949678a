"""The document on this machine: one SQLite file, for one client at a time.

Local edits are written in the call that makes them, in one transaction, into `updates` and
`pending`. ``synchronous=FULL``: with NORMAL, a commit in the write-ahead log is synced only at the
next checkpoint, so an edit that was reported as saved could be gone after a power cut. It costs one
sync of the disk for each edit, 0.3 ms to 10 ms. What comes from the server is written with the next
edit, or a little later: were it lost, the server would send it again.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self
from zlib import crc32

from pycrdt import merge_updates

from crdt_calendar.client.damage import is_damage, read_edit
from crdt_calendar.client.edits import PendingEdit
from crdt_calendar.client.errors import ReplicaDamaged, ReplicaFailed
from crdt_calendar.client.schema import check, connect

# Past so much beside the latest whole state it is compacted: opening reads little, and compacting
# stays a small part of the writing.
MOST_ROWS: Final = 2_000
MOST_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a replica holds: the document as one update (b"" if empty), and what has not arrived."""

    update: bytes
    pending: list[PendingEdit]
    last: int  # the highest number an edit ever had
    user: str  # who wrote here last; "" if nobody did


class Replica:
    """An open replica file. Whoever opens it holds its `FileLock`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._rows = 0
        self._bytes = 0  # in rows after the first
        self._base_bytes = 0
        self._queued: list[bytes] = []
        self._edits: list[PendingEdit] = []
        self._arrived = 0

    @classmethod
    def open(cls, path: Path, project: str) -> Self:
        """Open the replica of that project, or make it.

        Raises `ReplicaDamaged`, `WrongReplica`, and `ReplicaFailed` when it cannot be opened.
        """
        try:
            connection = connect(path)
            try:
                check(connection, path, project)
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            raise _failure(path, error) from error
        return cls(path, connection)

    def load(self) -> Loaded:
        """Everything there is. Raises `ReplicaDamaged`, `ReplicaFailed`."""
        try:
            updates = self._updates()
            rows = self._connection.execute(
                "SELECT number, at, told, data, crc FROM pending ORDER BY number"
            ).fetchall()
            last = self._one("SELECT seq FROM sqlite_sequence WHERE name = 'pending'")
            user = self._one("SELECT value FROM meta WHERE key = 'user'")
        except sqlite3.Error as error:
            raise _failure(self.path, error) from error
        try:
            pending = [read_edit(row) for row in rows]
            whole = updates[0] if len(updates) == 1 else merge_updates(*updates) if updates else b""
        except ValueError as error:
            raise ReplicaDamaged(f"{self.path}: {error}") from error
        return Loaded(whole, pending, int(last or 0), str(user or ""))

    def queue(self, update: bytes, edit: PendingEdit | None = None) -> None:
        """Write this at the next `flush`, in this order; if it is an edit, that it is pending."""
        self._queued.append(update)
        if edit is not None:
            self._edits.append(edit)

    def forget(self, up_to: int) -> None:
        """Edits up to that number have arrived; that is written at the next `flush`."""
        self._arrived = up_to
        self._edits = [edit for edit in self._edits if edit.number > up_to]

    @property
    def dirty(self) -> bool:
        """Whether there is something for `flush`."""
        return bool(self._queued or self._arrived)

    def flush(self) -> None:
        """Write what is queued, all or nothing. Raises `ReplicaFailed`; it stays queued then."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._write()
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk may have rolled back already
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise ReplicaFailed(f"{self.path}: {error}; nothing was written") from error
        self._rows += bool(self._queued)
        self._bytes += sum(map(len, self._queued))
        self._queued, self._edits, self._arrived = [], [], 0

    @property
    def grown(self) -> bool:
        """Whether it is time to `compact`."""
        return self._rows > 1 and (
            self._rows > MOST_ROWS or self._bytes > max(MOST_BYTES, self._base_bytes)
        )

    def compact(self, state: bytes) -> None:
        """Put the whole state in place of all updates. Raises `ReplicaFailed`; nothing is lost."""
        try:
            self._connection.executescript("BEGIN IMMEDIATE; DELETE FROM updates;")
            self._connection.execute(
                "INSERT INTO updates (data, crc) VALUES (?, ?)", (state, crc32(state))
            )
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise ReplicaFailed(f"{self.path}: {error}") from error
        self._rows, self._bytes, self._base_bytes = 1, 0, len(state)

    def set_user(self, user: str) -> None:
        """Remember whose edits these are. Raises `ReplicaFailed`."""
        try:
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('user', ?)", (user,))
        except sqlite3.Error as error:
            raise ReplicaFailed(f"{self.path}: {error}") from error

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _write(self) -> None:
        if self._arrived:
            self._connection.execute("DELETE FROM pending WHERE number <= ?", (self._arrived,))
        if self._queued:
            # One row for all of it: a merge keeps the order, whatever waits for whatever.
            update = self._queued[0] if len(self._queued) == 1 else merge_updates(*self._queued)
            self._connection.execute(
                "INSERT INTO updates (data, crc) VALUES (?, ?)", (update, crc32(update))
            )
        self._connection.executemany(
            "INSERT INTO pending VALUES (?, ?, ?, ?, ?)",
            [
                (edit.number, edit.at.isoformat(), edit.told, edit.update, crc32(edit.update))
                for edit in self._edits
            ],
        )

    def _updates(self) -> list[bytes]:
        updates: list[bytes] = []
        for seq, data, crc in self._connection.execute("SELECT * FROM updates ORDER BY seq"):
            if crc32(data) != crc:
                raise ReplicaDamaged(f"{self.path}: row {seq} is not what was written")
            updates.append(data)
        self._rows = len(updates)
        self._base_bytes = len(updates[0]) if updates else 0
        self._bytes = sum(map(len, updates[1:]))
        return updates

    def _one(self, query: str) -> Any:
        row = self._connection.execute(query).fetchone()
        return row[0] if row else None


def now() -> datetime:
    """The time, as edits and files have it."""
    return datetime.now(UTC)


def _failure(path: Path, error: sqlite3.Error) -> ReplicaDamaged | ReplicaFailed:
    if is_damage(error):
        return ReplicaDamaged(f"{path}: {error}")
    return ReplicaFailed(f"{path}: {error}")
