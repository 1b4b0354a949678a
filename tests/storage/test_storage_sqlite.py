"""The log in SQLite: the suite of every log, durability, and what a disk can do to it."""

from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from crdt_calendar.errors import CommitFailed, CorruptData, StorageError
from server.storage import connections
from server.storage.connections import Reader, Writer, connect_reader
from server.storage.log import Entry
from server.storage.sqlite import SqliteLog, Store, open_store
from tests.contracts.log import LogContract
from tests.storage.histories import content, damage, edits, entries

pytestmark = pytest.mark.anyio


class TestSqliteLog(LogContract):
    """The suite."""

    @pytest.fixture
    def log(self, store: Store) -> SqliteLog:
        """That of a fresh file."""
        return store.log


def writer_of(store: Store) -> Writer:
    """The thread with the writing connection."""
    return store.log._writer


def reader_of(store: Store) -> Reader:
    """The thread with the reading connection."""
    return store.log._reader


async def pragma(thread: Writer | Reader, text: str) -> object:
    """What a connection says to a pragma."""

    def ask(connection: sqlite3.Connection) -> object:
        return connection.execute(f"PRAGMA {text}").fetchone()[0]

    return await thread.run(ask)


async def test_a_file_opened_again_has_it_all_and_counts_on(database: Path) -> None:
    updates = edits(10)
    async with open_store(database) as store:
        numbers = await store.log.append(
            [Entry("room", update, "ada", 5, {1: "ada"}) for update in updates]
        )
        await store.log.set_recovering("room", True)
    async with open_store(database) as store:
        stored = await store.log.load("room")
        (next_number,) = await store.log.append(entries(edits(1, client=2)))
    assert content(stored.update) == content(*updates)
    assert (dict(stored.bindings), stored.recovering, stored.seq) == ({1: "ada"}, True, numbers[-1])
    assert next_number > numbers[-1]


async def test_every_commit_is_synced_and_only_the_writer_can_write(store: Store) -> None:
    assert await pragma(writer_of(store), "journal_mode") == "wal"
    assert await pragma(writer_of(store), "synchronous") == 2  # FULL
    with pytest.raises(StorageError, match="readonly|read-only|query"):
        await reader_of(store).read(lambda reader: reader.execute("DELETE FROM updates"))


async def test_a_full_disk_stores_nothing_and_may_be_tried_again(store: Store) -> None:
    small, large = edits(1), [edits(1)[0], b"\x00\x00" + bytes(200_000)]
    await store.log.append(entries(small))
    pages = await pragma(writer_of(store), "page_count")
    await pragma(writer_of(store), f"max_page_count = {pages}")
    for _ in range(2):
        with pytest.raises(CommitFailed, match="full") as failure:
            await store.log.append(entries(large, room="other"))
        assert isinstance(failure.value.__cause__, sqlite3.OperationalError)
    assert len(await store.log.history("room")) == 1
    assert list(await store.log.history("other")) == []
    await pragma(writer_of(store), "max_page_count = 1000000")
    assert list(await store.log.append(entries(large, room="other"))) == [2, 3]


async def test_a_locked_file_is_reported_and_may_be_tried_again(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.01)
    async with open_store(database) as store:
        with closing(sqlite3.connect(database, isolation_level=None)) as intruder:
            intruder.execute("BEGIN IMMEDIATE")
            with pytest.raises(CommitFailed, match="locked"):
                await store.log.append(entries(edits(1)))
            intruder.execute("ROLLBACK")
            assert len(await store.log.append(entries(edits(1)))) == 1


async def test_work_that_raises_leaves_nothing_behind(store: Store) -> None:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO rooms (name) VALUES ('half')")
        raise KeyError("half way")

    with pytest.raises(KeyError):
        await writer_of(store).write(work)
    count = "SELECT count(*) FROM rooms"
    assert await reader_of(store).read(lambda reader: reader.execute(count).fetchone()) == (0,)


async def test_an_append_whose_caller_gave_up_is_stored_all_the_same(store: Store) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await store.log.append(entries(edits(1)))
    await store.log.append(entries(edits(1, client=2)))
    assert len(await store.log.history("room")) == 2


def size(path: Path) -> int:
    """A file's size in bytes."""
    return path.stat().st_size


async def until(condition: object) -> None:
    """Wait until a callable says so, five seconds at most."""
    assert callable(condition)
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        await anyio.sleep(0.005)


async def test_after_quiet_the_log_is_moved_into_the_file(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.01)
    async with open_store(database) as store:
        before = size(database)
        await store.log.append(entries([b"\x00\x00" + bytes(100_000)]))
        await until(lambda: size(database) > before)
        await store.log.append(entries(edits(1)))  # and the thread works on
        assert len(await store.log.history("room")) == 2


async def test_under_load_the_log_is_moved_every_so_many_commits(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 60)
    monkeypatch.setattr(connections, "COMMITS_PER_CHECKPOINT", 10)
    async with open_store(database) as store:
        for update in edits(200):
            await store.log.append(entries([update]))
        assert size(database.with_name("calendar.db-wal")) < 50 * 4096


async def test_a_checkpoint_that_fails_is_only_reported(
    database: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.01)
    async with open_store(database) as store:

        def refuse(connection: sqlite3.Connection) -> None:
            connection.set_authorizer(
                lambda action, argument, *_: (
                    sqlite3.SQLITE_DENY if argument == "wal_checkpoint" else sqlite3.SQLITE_OK
                )
            )

        await writer_of(store).run(refuse)
        with caplog.at_level(logging.WARNING):
            await store.log.append(entries(edits(1)))
            await until(lambda: "checkpoint failed" in caplog.text)
        await store.log.append(entries(edits(1)))


async def test_a_damaged_page_is_corrupt_data(database: Path) -> None:
    async with open_store(database) as store:
        await store.log.append(entries(edits(300)))
    damage(database, page=3)
    with closing(connect_reader(database)) as connection:
        reader = Reader(connection, "test")
        log = SqliteLog(None, reader, {})  # type: ignore[arg-type]  # it only reads
        with pytest.raises(CorruptData, match="damaged"):
            await log.load("room")
        await reader.close()


async def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be opened"):
        async with open_store(tmp_path / "nowhere" / "calendar.db"):
            pass
    (tmp_path / "text.db").write_bytes(b"not a database at all" * 1000)
    with pytest.raises(CorruptData, match="restore a backup"):
        async with open_store(tmp_path / "text.db"):
            pass


def test_work_that_ends_after_its_loop_is_nobodys_trouble(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None, check_same_thread=False)
    reader = Reader(connection, "test")

    async def leave() -> None:
        with anyio.move_on_after(0.01):
            await reader.run(lambda _: time.sleep(0.1))

    anyio.run(leave)
    assert anyio.run(reader.run, lambda _: 7) == 7
    anyio.run(reader.close)
