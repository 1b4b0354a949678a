"""The acceptance suite of `server.storage.log.Log`.

An adapter's test file derives a class from `LogContract` with a fixture ``log``.
"""

from __future__ import annotations

import random

import anyio
import pytest

from crdt_calendar.errors import CorruptData
from server.storage.log import Entry, Log
from tests.storage.histories import concurrent_edits, content, edits, entries


@pytest.mark.anyio
class LogContract:
    """What every log must do."""

    async def test_numbers_grow_over_all_rooms_and_follow_the_list(self, log: Log) -> None:
        first = await log.append(entries(edits(3), room="a") + entries(edits(2), room="b"))
        second = await log.append(entries(edits(2, client=2), room="a"))
        numbers = [*first, *second]
        assert len(numbers) == 7
        assert numbers == sorted(set(numbers))
        assert numbers[0] > 0
        assert [row.seq for row in await log.history("a")] == [*first[:3], *second]

    async def test_appending_nothing_gives_no_numbers(self, log: Log) -> None:
        assert list(await log.append([])) == []

    async def test_an_unknown_room_is_empty(self, log: Log) -> None:
        stored = await log.load("nobody")
        assert (stored.update, stored.seq, dict(stored.bindings)) == (b"", 0, {})
        assert not stored.recovering
        assert list(await log.history("nobody")) == []
        assert (await log.base("nobody")).update == b""

    async def test_what_was_appended_is_loaded_by_one_apply(self, log: Log) -> None:
        updates = edits(100)
        numbers = await log.append(entries(updates))
        stored = await log.load("room")
        assert content(stored.update) == content(*updates)
        assert stored.seq == numbers[-1]

    @pytest.mark.parametrize("seed", range(10))
    async def test_content_survives_any_order_of_rows(self, log: Log, seed: int) -> None:
        updates = concurrent_edits(seed, 150)
        shuffled = random.Random(seed).sample(updates, len(updates))
        await log.append(entries(updates, room="in order"))
        await log.append(entries(shuffled, room="shuffled"))
        assert len(content((await log.load("in order")).update)[2]) > 1
        assert content((await log.load("shuffled")).update) == content(
            (await log.load("in order")).update
        )

    async def test_a_row_stored_twice_changes_nothing(self, log: Log) -> None:
        updates = edits(20)
        await log.append(entries(updates))
        await log.append(entries(updates))
        assert content((await log.load("room")).update) == content(*updates)

    async def test_rooms_are_apart(self, log: Log) -> None:
        mine, other = edits(5, client=1), edits(5, client=2, keys=2)
        await log.append([*entries(mine, room="a"), *entries(other, room="b")])
        assert content((await log.load("a")).update) == content(*mine)
        assert content((await log.load("b")).update) == content(*other)

    async def test_history_gives_rows_as_they_were(self, log: Log) -> None:
        (update,) = edits(1)
        (seq,) = await log.append([Entry("회의", update, "유리@example.com", 1_700_000_000_123)])
        (row,) = await log.history("회의")
        assert (row.seq, row.update) == (seq, update)
        assert (row.user, row.at_ms) == ("유리@example.com", 1_700_000_000_123)

    async def test_history_is_read_in_pages(self, log: Log) -> None:
        numbers = list(await log.append(entries(edits(10))))
        first = await log.history("room", most=4)
        rest = await log.history("room", after=first[-1].seq)
        assert [row.seq for row in first] == numbers[:4]
        assert [row.seq for row in rest] == numbers[4:]
        assert list(await log.history("room", after=numbers[-1])) == []

    async def test_a_clock_set_back_changes_nothing(self, log: Log) -> None:
        updates = edits(6)
        for hours, update in enumerate(updates):
            await log.append([Entry("room", update, "ada", 10**12 - hours * 3_600_000)])
        assert content((await log.load("room")).update) == content(*updates)
        assert [row.update for row in await log.history("room")] == updates

    async def test_a_client_belongs_to_who_used_it_first(self, log: Log) -> None:
        updates = edits(3)
        await log.append([Entry("a", updates[0], "ada", 1, {7: "ada", 2**53 - 1: "ada"})])
        await log.append([Entry("a", updates[1], "bob", 1, {7: "bob", 8: "bob"})])
        await log.append([Entry("b", updates[2], "bob", 1, {7: "bob"})])
        assert dict((await log.load("a")).bindings) == {7: "ada", 2**53 - 1: "ada", 8: "bob"}
        assert dict((await log.load("b")).bindings) == {7: "bob"}

    async def test_recovery_begins_and_ends(self, log: Log) -> None:
        await log.append(entries(edits(1), room="a"))
        for room in ("a", "never seen"):
            await log.set_recovering(room, True)
            assert (await log.load(room)).recovering
            await log.set_recovering(room, False)
            assert not (await log.load(room)).recovering

    async def test_a_row_that_does_not_decode_is_named(self, log: Log) -> None:
        good = edits(5)
        numbers = await log.append(entries([*good[:3], b"\xff" * 20, *good[3:]], room="bad"))
        await log.append(entries(good, room="good"))
        with pytest.raises(CorruptData, match=rf"bad: update number {numbers[3]} does not decode"):
            await log.load("bad")
        assert content((await log.load("good")).update) == content(*good)
        assert len(await log.history("bad")) == 6

    async def test_a_large_update_comes_back(self, log: Log) -> None:
        text = edits(1)[0]
        large = [Entry("room", update, "ada", 1) for update in edits(3_000, keys=3_000)]
        await log.append([Entry("room", text, "ada", 1), *large])
        stored = await log.load("room")
        assert content(stored.update) == content(*(entry.update for entry in large))

    async def test_what_is_loaded_beside_appends_is_always_a_beginning(self, log: Log) -> None:
        updates = edits(60, keys=60)
        seen: list[int] = []

        async def load() -> None:
            while len(seen) < 2 or seen[-1] < len(updates):
                events, *_ = content((await log.load("room")).update)
                assert isinstance(events, dict)
                assert sorted(item["n"] for item in events.values()) == list(range(len(events)))
                seen.append(len(events))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(load)
            for update in updates:
                await log.append(entries([update]))
        assert seen == sorted(seen)
