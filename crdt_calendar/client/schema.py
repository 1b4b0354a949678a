"""The tables of a replica, and whether a file is one::

    meta      key, value                     the project; the user whose edits these are
    updates   seq, data, crc                 what the document is made of, in order
    pending   number, at, told, data, crc    edits that are not on the server's disk

SQLite does not notice a bit that has changed within a row; the CRC-32 of the row does.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from crdt_calendar.client.errors import WrongReplica

APPLICATION_ID: Final = 0x43435231
"""``CCR1``: what the file says it is, where SQLite keeps such a thing."""

VERSION: Final = 1

_SCHEMA: Final = f"""
    BEGIN IMMEDIATE;
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA user_version = {VERSION};
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE updates (seq INTEGER PRIMARY KEY, data BLOB NOT NULL, crc INTEGER NOT NULL) STRICT;
    CREATE TABLE pending (
        number INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, told TEXT NOT NULL,
        data BLOB NOT NULL, crc INTEGER NOT NULL
    ) STRICT;
    COMMIT;
"""


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the file, which is made if it is not there. Raises `sqlite3.Error`."""
    is_new = not path.exists()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if is_new:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))  # others' calendars are private
    connection = sqlite3.connect(path, timeout=1.0, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        if not connection.execute("PRAGMA schema_version").fetchone()[0]:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
            _sync_directory(path.parent)
    except BaseException:
        connection.close()
        raise
    return connection


def check(connection: sqlite3.Connection, path: Path, project: str) -> None:
    """Raise `WrongReplica` unless the file is a replica of that project, or of none yet."""
    (kind,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if kind != APPLICATION_ID:
        raise WrongReplica(f"{path} is the database of another program; choose another file")
    if version > VERSION:
        raise WrongReplica(f"{path} was written by a later version of this program")
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('project', ?)", (project,))
    (found,) = connection.execute("SELECT value FROM meta WHERE key = 'project'").fetchone()
    if found != project:
        raise WrongReplica(f"{path} is a replica of the project {found}, not of {project}")


def _sync_directory(path: Path) -> None:
    """Make the name of a new file durable; syncing the file alone does not."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
