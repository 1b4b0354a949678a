"""Backup of a database beside its server, and restoring one in its place.

Synchronous; run it on a thread beside a server. A backup is one self-contained file.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

from crdt_calendar.errors import CorruptData, StorageError
from server.storage.connections import connect_writer, sync_directory
from server.storage.directory import DataDirectory
from server.storage.maintenance import integrity_problems, reading
from server.storage.schema import migrate

# Copied in one step, after which progress is told: 4 MB.
PAGES_PER_STEP = 1_024

Progress = Callable[[int, int], None]

_log = logging.getLogger(__name__)


def backup(path: Path, target: Path, *, progress: Progress | None = None) -> int:
    """Copy a database, also one in use, to a new file; return its size in bytes.

    The copy is of one moment. It is read through a connection of its own, so that no append waits
    for it. ``progress`` hears of pages done and pages in all. Raises `StorageError` when the target
    exists or cannot be written, `CorruptData` when what was copied is damaged.
    """
    if target.exists():
        raise StorageError(f"{target} exists; give the backup a new name")
    with _draft(target) as draft:
        _copy(path, draft, progress)
        size_bytes = draft.stat().st_size
        draft.replace(target)
    sync_directory(target.parent)
    return size_bytes


def restore(source: Path, directory: DataDirectory) -> Path | None:
    """Put a backup in the place of a directory's database; return where that was put aside.

    Every project enters the recovery state, in which clients bring back what the backup lacks.
    Tokens and members revoked since the backup stay revoked. Raises `DataLocked` while a server
    runs, `CorruptData` or `StorageError` for a backup that cannot be used; then nothing changed.
    """
    with directory.locked(), _draft(directory.database) as draft:
        _copy(source, draft, None)
        # Before anything opens it: SQLite may delete the log of a file that is damaged.
        aside = _put_aside(directory.database)
        _prepare(draft, directory.database)
        # A log left beside another database would be taken for that one's.
        for name in _files(directory.database)[1:]:
            name.unlink(missing_ok=True)
        draft.replace(directory.database)
        sync_directory(directory.path)
        return aside


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """A name beside the target, for its owner only, that is gone afterwards."""
    draft = target.with_name(f"{target.name}.partial-{secrets.token_hex(4)}")
    try:
        draft.touch(mode=0o600)
        yield draft
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"{target} cannot be written: {error}") from error
    finally:
        for name in _files(draft):
            name.unlink(missing_ok=True)


def _files(database: Path) -> list[Path]:
    return [database.with_name(database.name + suffix) for suffix in ("", "-wal", "-shm")]


def _copy(source: Path, target: Path, progress: Progress | None) -> None:
    """Copy page by page out of one transaction; check the copy, sync it."""

    def step(_: int, remaining: int, total: int) -> None:
        if progress:
            progress(total - remaining, total)

    with reading(source) as old, closing(sqlite3.connect(target, isolation_level=None)) as new:
        # An open transaction keeps the view: otherwise every commit beside it starts it over.
        old.execute("BEGIN")
        old.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        old.backup(new, pages=PAGES_PER_STEP, progress=step)
        old.execute("ROLLBACK")
        new.execute("PRAGMA journal_mode = DELETE")  # one file, no log beside it
        if problems := integrity_problems(new):
            raise CorruptData(f"{source} is damaged: {'; '.join(problems[:3])}")
    _sync(target)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _prepare(draft: Path, replaced: Path) -> None:
    """Make a copy of a backup fit to be served."""
    with closing(connect_writer(draft)) as connection:
        migrate(connection)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT OR IGNORE INTO rooms (name) SELECT id FROM projects")
        connection.execute("UPDATE rooms SET recovering = 1 WHERE name IS NOT NULL")
        if replaced.exists():
            _carry_over(connection, replaced)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = DELETE")
    _sync(draft)


def _carry_over(connection: sqlite3.Connection, replaced: Path) -> None:
    """Keep what must not be undone: revocations, and numbers that were given away."""
    try:
        with reading(replaced) as old:
            tokens = old.execute("SELECT jti, at_ms FROM revoked_tokens").fetchall()
            members = old.execute(
                "SELECT project, user, role, name, changed_at_ms FROM members WHERE revoked"
            ).fetchall()
            (seq,) = old.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()
    except StorageError as error:
        _log.warning("revocations since the backup could not be read: %s", error)
        return
    connection.executemany(
        "INSERT OR IGNORE INTO revoked_tokens (jti, at_ms) VALUES (?, ?)", tokens
    )
    connection.executemany(
        """INSERT INTO members (project, user, role, name, changed_at_ms, revoked)
           SELECT ?1, ?2, ?3, ?4, ?5, 1 WHERE EXISTS (SELECT 1 FROM projects WHERE id = ?1)
           ON CONFLICT DO UPDATE SET revoked = 1, changed_at_ms = excluded.changed_at_ms
           WHERE excluded.changed_at_ms > members.changed_at_ms""",
        members,
    )
    _raise_sequence(connection, seq)


def _raise_sequence(connection: sqlite3.Connection, seq: int) -> None:
    connection.execute(
        """INSERT INTO sqlite_sequence (name, seq) SELECT 'updates', 0
           WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'updates')"""
    )
    connection.execute(
        "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'updates'", (seq,)
    )


def _put_aside(database: Path) -> Path | None:
    """Give a database, and a log that a crash left beside it, another name as well."""
    if not database.exists():
        return None
    names = (database.with_name(f"{database.name}.replaced-{n}") for n in count(1))
    aside = next(name for name in names if not name.exists())
    for old, kept in zip(_files(database)[:2], _files(aside)[:2], strict=True):
        if old.exists():
            _keep(old, kept)
    sync_directory(database.parent)
    return aside


def _keep(old: Path, kept: Path) -> None:
    try:
        kept.hardlink_to(old)
    except OSError:  # a file system without hard links
        shutil.copy2(old, kept)
