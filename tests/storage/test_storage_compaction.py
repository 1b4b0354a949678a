"""Snapshots and retention: the document stays what it was, history what it should be."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from crdt_calendar.errors import CorruptData
from server.storage import compaction, growth, scratch
from server.storage.growth import Counts, Growth
from server.storage.log import Entry
from server.storage.maintenance import inspect, verify
from server.storage.sqlite import Store, open_store
from tests.storage.histories import concurrent_edits, content, edits, entries

pytestmark = pytest.mark.anyio

DAY_MS = 24 * 3_600_000


async def loaded(store: Store, room: str = "room") -> tuple[object, str, bytes]:
    """What a room's document holds."""
    return content((await store.log.load(room)).update)


async def replayed(store: Store, room: str = "room") -> tuple[object, str, bytes]:
    """What its history makes: the base, and every row on it."""
    base = await store.log.base(room)
    rows = await store.log.history(room, most=100_000)
    assert all(row.seq > base.seq for row in rows)
    return content(base.update, *(row.update for row in rows))


@pytest.mark.parametrize("seed", range(12))
async def test_any_order_of_append_compact_thin_and_load_keeps_the_document(
    store: Store, seed: int
) -> None:
    chance = random.Random(seed)
    updates = concurrent_edits(seed, 200)
    appended: list[bytes] = []
    while len(appended) < len(updates):
        count = chance.randrange(1, 25)
        new = updates[len(appended) : len(appended) + count]
        # The clock goes where it likes.
        await store.log.append(entries(new, at_ms=chance.randrange(100)))
        appended += new
        step = chance.random()
        if step < 0.4:
            await store.compaction.compact("room")
        if step < 0.2:
            await store.compaction.thin("room", before_ms=chance.randrange(100))
        assert await loaded(store) == content(*appended)
        assert await replayed(store) == content(*appended)
    assert verify(store.path).sound


async def test_a_snapshot_is_compact_and_loses_no_history(store: Store) -> None:
    updates = edits(500)
    numbers = await store.log.append(entries(updates))
    before = await store.log.load("room")
    await store.compaction.compact("room")
    after = await store.log.load("room")
    assert content(after.update) == content(before.update)
    assert after.seq == before.seq == numbers[-1]
    assert len(after.update) * 5 < len(before.update)
    assert len(await store.log.history("room")) == 500
    await store.compaction.compact("room")
    assert await loaded(store) == content(before.update)


async def test_rows_within_the_retention_stay_whole(store: Store) -> None:
    old, new = edits(40), edits(10, client=2)
    await store.log.append(entries(old, at_ms=1 * DAY_MS))
    await store.log.append(entries(new, at_ms=9 * DAY_MS))
    await store.compaction.compact("room")
    assert await store.compaction.thin("room", before_ms=5 * DAY_MS) == 40
    assert [row.update for row in await store.log.history("room")] == new
    assert content((await store.log.base("room")).update) == content(*old)
    assert await loaded(store) == await replayed(store) == content(*old, *new)


async def test_compacting_and_thinning_at_once_tears_no_hole(store: Store) -> None:
    updates = edits(120)
    async with anyio.create_task_group() as tasks:
        for start in range(0, len(updates), 10):
            await store.log.append(entries(updates[start : start + 10], at_ms=start))
            tasks.start_soon(store.compaction.compact, "room")
            tasks.start_soon(store.compaction.thin, "room", start)
    assert await loaded(store) == await replayed(store) == content(*updates)
    assert [row.update for row in await store.log.history("room")] == updates[110:]


async def test_rows_without_a_snapshot_stay(store: Store) -> None:
    await store.log.append(entries(edits(5)))
    assert await store.compaction.thin("room", before_ms=DAY_MS) == 0
    await store.compaction.compact("room")
    await store.log.append(entries(edits(5, client=2)))
    assert await store.compaction.thin("room", before_ms=DAY_MS) == 5
    assert await loaded(store) == content(*edits(5), *edits(5, client=2))


async def test_a_clock_that_was_wrong_tears_no_hole(store: Store) -> None:
    times = [9, 1, 1, 9]
    for update, day in zip(edits(4), times, strict=True):
        await store.log.append(entries([update], at_ms=day * DAY_MS))
    await store.compaction.compact("room")
    assert await store.compaction.thin("room", before_ms=5 * DAY_MS) == 0
    assert len(await store.log.history("room")) == 4


async def test_numbers_go_on_after_all_rows_are_gone(database: Path) -> None:
    async with open_store(database) as store:
        numbers = await store.log.append(entries(edits(5)))
        await store.compaction.compact("room")
        assert await store.compaction.thin("room", before_ms=DAY_MS) == 5
    async with open_store(database) as store:
        assert (await store.log.load("room")).seq == numbers[-1]
        (number,) = await store.log.append(entries(edits(1, client=2)))
    assert number > numbers[-1]


async def test_what_waits_for_a_missing_update_is_kept_in_the_snapshot(store: Store) -> None:
    updates = edits(3)
    await store.log.append(entries([updates[0], updates[2]]))
    await store.compaction.compact("room")
    await store.compaction.thin("room", before_ms=DAY_MS)
    assert inspect(store.path, "room").parked
    await store.log.append(entries([updates[1]]))
    assert await loaded(store) == content(*updates)
    await store.compaction.compact("room")
    assert not inspect(store.path, "room").parked


async def test_thinning_that_was_interrupted_is_finished_by_the_next(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "ROWS_PER_DELETE", 3)
    updates = edits(30)
    async with open_store(database) as store:
        await store.log.append(entries(updates))
        await store.compaction.compact("room")
        batches = 0

        def stop(connection: sqlite3.Connection, room: int, last: int) -> int:
            nonlocal batches
            batches += 1
            if batches == 3:
                raise RuntimeError("the power is gone")
            return real(connection, room, last)

        real = compaction._delete_some
        with monkeypatch.context() as patched, pytest.raises(RuntimeError):
            patched.setattr(compaction, "_delete_some", stop)
            await store.compaction.thin("room", before_ms=DAY_MS)
    async with open_store(database) as store:
        assert await loaded(store) == content(*updates)
        assert await store.compaction.thin("room", before_ms=DAY_MS) == 24
        assert await loaded(store) == content(*updates)


async def test_a_sweep_compacts_thins_and_purges(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "ROWS", 20)
    await store.catalog.create_project("gone")
    for room, count, day in (("busy", 30, 9), ("quiet", 3, 9), ("old", 3, 1), ("gone", 7, 9)):
        await store.log.append(entries(edits(count), room=room, at_ms=day * DAY_MS))
    await store.catalog.delete_project("gone")
    swept = await store.compaction.sweep(before_ms=5 * DAY_MS)
    assert sorted(swept.compacted) == ["busy", "old"]
    assert swept.removed_rows == 3 + 7
    assert swept.corrupt == ()
    assert len(await store.log.history("busy")) == 30
    assert await loaded(store, "old") == content(*edits(3))
    assert await store.compaction.sweep(before_ms=5 * DAY_MS) == compaction.Swept((), 0, ())


async def test_a_sweep_thins_at_most_once_a_day(store: Store) -> None:
    await store.log.append(entries(edits(5), at_ms=5 * DAY_MS))
    swept = await store.compaction.sweep(before_ms=6 * DAY_MS - 1)
    assert swept.removed_rows == 0
    swept = await store.compaction.sweep(before_ms=6 * DAY_MS + 1)
    assert swept.removed_rows == 5


async def test_a_room_that_does_not_decode_is_reported_and_left(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    bad = [edits(1)[0], b"\xff\xff\xff"]
    await store.log.append(entries(bad, room="bad"))
    await store.log.append(entries(edits(5), room="good"))
    with pytest.raises(CorruptData, match="bad: update number 2 does not decode"):
        await store.compaction.compact("bad")
    swept = await store.compaction.sweep(before_ms=9 * DAY_MS)
    assert (swept.compacted, swept.corrupt) == (("good",), ("bad",))
    assert "room bad" in caplog.text
    assert [row.update for row in await store.log.history("bad")] == bad


async def test_compacting_what_is_not_there_does_nothing(store: Store) -> None:
    await store.compaction.compact("nobody")
    assert await store.compaction.thin("nobody", before_ms=DAY_MS) == 0


async def test_appends_go_on_while_a_large_room_is_compacted(store: Store) -> None:
    large = [Entry("large", update, "ada", 1) for update in edits(5_000, keys=5_000)]
    await store.log.append(large)
    during = 0

    async def append() -> None:
        nonlocal during
        for update in edits(10_000):
            await store.log.append(entries([update], room="small"))
            during += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(append)
        await store.compaction.compact("large")
        tasks.cancel_scope.cancel()
    assert during > 10
    assert len((await store.log.load("large")).update) > 100_000


async def test_stopping_does_not_wait_for_a_document_that_takes_long(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start_sleeper() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", "import time; time.sleep(60)"]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    monkeypatch.setattr(scratch, "_start", start_sleeper)
    updates = edits(5)
    with anyio.fail_after(30):
        async with open_store(database) as store:
            await store.log.append(entries(updates))
            with anyio.move_on_after(0.1):
                await store.compaction.compact("room")
    async with open_store(database) as store:
        assert await loaded(store) == content(*updates)


async def test_growth_since_the_snapshot_says_when_another_is_due(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "ROWS", 20)
    async with open_store(database) as store:
        await store.log.append(entries(edits(19)))
        assert not store.compaction.needs_compaction("room")
        await store.log.append(entries(edits(1, client=2)))
        assert store.compaction.needs_compaction("room")
    async with open_store(database) as store:
        assert not store.compaction.needs_compaction("room")  # nobody uses it
        await store.log.load("room")
        assert store.compaction.needs_compaction("room")
        await store.compaction.compact("room")
        assert not store.compaction.needs_compaction("room")
        await store.log.load("room")
        assert not store.compaction.needs_compaction("room")


async def test_a_room_is_loaded_from_its_newest_snapshot(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "ROWS", 20)
    await store.log.append(entries(edits(5), at_ms=1))
    await store.log.append(entries(edits(30, client=2), at_ms=9))
    await store.compaction.compact("room")
    await store.compaction.thin("room", before_ms=5)
    await store.log.load("room")
    assert not store.compaction.needs_compaction("room")  # it read no rows


def test_a_large_snapshot_is_not_rewritten_for_a_little() -> None:
    assert Counts(rows=1_000).due
    assert Counts(bytes=1 << 20).due
    large = 30_000_000
    assert not Counts(rows=9_999, bytes=14_999_999, snapshot_bytes=large).due
    assert Counts(rows=10_000, snapshot_bytes=large).due
    assert Counts(bytes=15_000_000, snapshot_bytes=large).due


def test_rows_that_came_while_a_snapshot_was_made_are_counted() -> None:
    counted = Growth()
    for _ in range(5):
        counted.add("room", 100)
    counted.settle("room", Counts(rows=3, bytes=300), snapshot_bytes=50)
    assert counted["room"] == Counts(rows=2, bytes=200, snapshot_bytes=50)
