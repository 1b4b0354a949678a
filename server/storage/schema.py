"""The tables, as numbered migrations.

::

    rooms      id, name, recovering         a room's name is its project's id; NULL once deleted
    updates    seq, room, user, at_ms, data what documents emitted, in the order it was committed
    snapshots  room, kind, seq, data        the document up to `seq`: `head` to load it quickly,
                                            `base` in place of the rows that retention removed
    clients    room, client, user           whose each Yjs client id is
    projects   id, kind, name, created_ms
    members    project, user, role, ...     a removed member stays, marked revoked, with the time
    revoked_tokens  jti, at_ms
    answers         user, key, ...          what was answered to requests with an idempotency key
    feeds           id, project, digest     secret links to a calendar's file; of the secret, a hash
    webhooks        id, project, url, ...   who is told of changes, and up to which position
    deliveries      id, webhook, body, ...  what they are told, until it has reached them and after

Applied migrations are kept in the table `_sqlite_migrations` (sqlite-utils). A released migration
never changes; a new need is a new number at the end.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from crdt_calendar.errors import CorruptData, StorageError

# Written into the file's header, so that some other SQLite file is not taken for ours: "CCal".
APPLICATION_ID = 0x4343616C


def _log(db: Database) -> None:
    # A room is an integer in the rows: the name would be most of a small row, and of its index.
    db.execute(
        """CREATE TABLE rooms (
            id INTEGER PRIMARY KEY,
            name TEXT UNIQUE,
            recovering INTEGER NOT NULL DEFAULT 0 CHECK (recovering IN (0, 1))
        ) STRICT"""
    )
    # AUTOINCREMENT: a number is never used again, even when the last rows were removed.
    # The data comes last, so that reading times and users does not read through it.
    db.execute(
        """CREATE TABLE updates (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            room INTEGER NOT NULL REFERENCES rooms (id),
            user TEXT NOT NULL,
            at_ms INTEGER NOT NULL,
            data BLOB NOT NULL
        ) STRICT"""
    )
    # SQLite appends the row's seq to each index entry: this also orders a room's rows.
    db.execute("CREATE INDEX updates_room ON updates (room)")
    db.execute(
        """CREATE TABLE snapshots (
            room INTEGER NOT NULL REFERENCES rooms (id),
            kind TEXT NOT NULL CHECK (kind IN ('base', 'head')),
            seq INTEGER NOT NULL,
            data BLOB NOT NULL,
            PRIMARY KEY (room, kind)
        ) STRICT"""
    )
    db.execute(
        """CREATE TABLE clients (
            room INTEGER NOT NULL REFERENCES rooms (id),
            client INTEGER NOT NULL,
            user TEXT NOT NULL,
            PRIMARY KEY (room, client)
        ) STRICT, WITHOUT ROWID"""
    )


def _catalog(db: Database) -> None:
    db.execute(
        """CREATE TABLE projects (
            id TEXT PRIMARY KEY,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            created_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID"""
    )
    db.execute(
        """CREATE TABLE members (
            project TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
            user TEXT NOT NULL,
            role TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'owner')),
            name TEXT NOT NULL,
            changed_at_ms INTEGER NOT NULL,
            revoked INTEGER NOT NULL CHECK (revoked IN (0, 1)),
            PRIMARY KEY (project, user)
        ) STRICT, WITHOUT ROWID"""
    )
    db.execute(
        """CREATE TABLE revoked_tokens (
            jti TEXT PRIMARY KEY,
            at_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID"""
    )


def _rest(db: Database) -> None:
    db.execute(
        """CREATE TABLE answers (
            user TEXT NOT NULL,
            key TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            status INTEGER NOT NULL,
            headers TEXT NOT NULL,
            body BLOB NOT NULL,
            at_ms INTEGER NOT NULL,
            PRIMARY KEY (user, key)
        ) STRICT, WITHOUT ROWID"""
    )
    db.execute("CREATE INDEX answers_at ON answers (at_ms)")
    db.execute(
        """CREATE TABLE feeds (
            id TEXT PRIMARY KEY,
            project TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
            digest BLOB NOT NULL UNIQUE,
            busy_only INTEGER NOT NULL CHECK (busy_only IN (0, 1)),
            created_by TEXT NOT NULL,
            created_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID"""
    )
    db.execute("CREATE INDEX feeds_project ON feeds (project)")
    db.execute(
        """CREATE TABLE webhooks (
            id TEXT PRIMARY KEY,
            project TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
            url TEXT NOT NULL,
            secret TEXT NOT NULL,
            kinds TEXT NOT NULL,
            created_by TEXT NOT NULL,
            created_ms INTEGER NOT NULL,
            disabled TEXT NOT NULL,
            position INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID"""
    )
    db.execute("CREATE INDEX webhooks_project ON webhooks (project)")
    # The number is the order in which they are told.
    db.execute(
        """CREATE TABLE deliveries (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            webhook TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
            kind TEXT NOT NULL,
            created_ms INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
            attempts INTEGER NOT NULL,
            next_ms INTEGER NOT NULL,
            status INTEGER NOT NULL,
            error TEXT NOT NULL,
            tried_ms INTEGER NOT NULL,
            body BLOB NOT NULL
        ) STRICT"""
    )
    db.execute("CREATE INDEX deliveries_webhook ON deliveries (webhook, number)")


STEPS = {"0001_log": _log, "0002_catalog": _catalog, "0003_rest": _rest}
migrations = Migrations("crdt-calendar")
for _name, _step in STEPS.items():
    migrations(name=_name)(_step)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a file, or a new and empty one, up to today's schema.

    Raises `StorageError` for a file of a newer version or of another program, `CorruptData` for one
    that is no database.
    """
    check_ours(connection)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    migrations.apply(Database(connection))


def check_ours(connection: sqlite3.Connection) -> None:
    """Raise, as `migrate` does, unless this version can read the file."""
    try:
        db = Database(connection)
        tables = db.table_names()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
    except sqlite3.DatabaseError as error:
        raise CorruptData(f"not a database: {error}; restore a backup") from error
    if tables and application != APPLICATION_ID:
        raise StorageError("this SQLite file belongs to another program; choose another directory")
    newer = sorted({done.name for done in migrations.applied(db)} - STEPS.keys())
    if newer:
        raise StorageError(
            f"the data was written by a newer version (it has {', '.join(newer)}); "
            "upgrade crdt-calendar, or restore a backup made before that"
        )
