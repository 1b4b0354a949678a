"""Verify finds what is wrong and says where; inspect says what there is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from crdt_calendar.errors import CorruptData, NoSuchProject, StorageError
from server.storage import maintenance
from server.storage.log import Entry
from server.storage.maintenance import Client, RoomReport, inspect, verify
from server.storage.queries import rows_between
from server.storage.sqlite import Store, open_store
from tests.storage.histories import damage, deep_value, edits, entries

pytestmark = pytest.mark.anyio


def tamper(database: Path, statement: str, *values: object) -> None:
    """Change a database behind our back."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(statement, values)
        connection.commit()


async def fill(database: Path) -> None:
    """A room of 30 rows, 20 of them in a snapshot and 10 of those removed; and a small room."""
    updates = edits(30)
    async with open_store(database) as store:
        await store.log.append(entries(updates[:10], at_ms=1))
        await store.log.append(entries(updates[10:20], at_ms=9))
        await store.compaction.compact("room")
        await store.compaction.thin("room", before_ms=5)
        await store.log.append(entries(updates[20:], at_ms=9))
        await store.log.append(entries(edits(3), room="small"))


async def test_a_sound_file_is_sound_also_beside_its_server(store: Store) -> None:
    steps: list[tuple[int, int]] = []
    assert verify(store.path).rooms == ()
    await fill_more(store)
    report = verify(store.path, progress=lambda done, total: steps.append((done, total)))
    assert report.sound
    assert report.rooms == (RoomReport("a", 5, ""), RoomReport("b", 2, ""))
    assert steps == [(1, 2), (2, 2)]


async def fill_more(store: Store) -> None:
    """Two rooms."""
    await store.log.append(entries(edits(5), room="a"))
    await store.log.append(entries(edits(2), room="b"))


async def test_a_row_that_does_not_decode_is_found(database: Path) -> None:
    await fill(database)
    tamper(database, "UPDATE updates SET data = x'ffff' WHERE seq = 25")
    report = verify(database)
    assert not report.sound
    room, small = report.rooms
    assert "update number 25 does not decode" in room.problem
    assert "first at number 25" in room.problem
    assert small.problem == ""


async def test_a_row_that_would_end_the_process_is_found(database: Path) -> None:
    await fill(database)
    tamper(database, "UPDATE updates SET data = ? WHERE seq = 23", deep_value(500_000))
    room, small = verify(database).rooms
    assert "ended the process" in room.problem
    assert "first at number 23" in room.problem
    assert small.problem == ""


async def test_a_row_that_is_missing_is_found(database: Path) -> None:
    await fill(database)
    tamper(database, "DELETE FROM updates WHERE seq = 27")
    assert "waits for updates that are missing" in verify(database).rooms[0].problem


async def test_a_snapshot_that_is_not_what_the_rows_say_is_found(database: Path) -> None:
    await fill(database)
    (other,) = edits(1, client=9)
    tamper(database, "UPDATE snapshots SET data = ? WHERE kind = 'head'", other)
    assert "snapshot up to number 20 is not what its rows say" in verify(database).rooms[0].problem
    tamper(database, "UPDATE snapshots SET data = x'ff' WHERE kind = 'head'")
    assert "its snapshot: room room: update number 20" in verify(database).rooms[0].problem


async def test_a_reference_to_nothing_is_found(database: Path) -> None:
    await fill(database)
    tamper(database, "INSERT INTO updates (room, user, at_ms, data) VALUES (99, '', 1, x'0000')")
    assert verify(database).problems == (
        "row 34 of updates refers to a row of rooms that is not there",
    )


async def test_damaged_pages_are_found(database: Path) -> None:
    await fill(database)
    damage(database, page=4)
    assert not verify(database).sound
    damage(database, page=1)
    (problem,) = verify(database).problems
    assert "not a database" in problem


async def test_a_room_whose_rows_cannot_be_read_leaves_the_others_verified(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(database)

    def unreadable(
        connection: sqlite3.Connection, room: int, after: int
    ) -> list[tuple[int, bytes]]:
        if room == 1:
            raise sqlite3.DatabaseError("database disk image is malformed")
        return rows_between(connection, room, after)

    monkeypatch.setattr(maintenance, "rows_between", unreadable)
    room, small = verify(database).rooms
    assert "malformed" in room.problem
    assert small.problem == ""


def test_a_file_that_is_not_there_is_refused(database: Path) -> None:
    with pytest.raises(StorageError, match="unable to open"):
        verify(database)
    assert not database.exists()


async def test_inspect_says_what_there_is(store: Store) -> None:
    updates = edits(30, client=7)
    await store.catalog.create_project("room")
    empty = inspect(store.path, "room")
    assert (empty.rows, empty.bytes, empty.first_ms, empty.last_seq) == (0, 0, None, 0)
    await store.log.append([Entry("room", updates[0], "ada", 500, {7: "ada", 8: "bob"})])
    await store.log.append(entries(updates[1:20], at_ms=1_000))
    await store.compaction.compact("room")
    await store.log.append(entries(updates[20:], at_ms=2_000))
    await store.log.set_recovering("room", True)
    facts = inspect(store.path, "room")
    assert (facts.room, facts.rows, facts.events) == ("room", 30, 5)
    assert facts.clients == {7: Client("ada", 30), 8: Client("bob", 0)}
    assert (facts.first_ms, facts.last_ms) == (500, 2_000)
    assert (facts.snapshot_seq, facts.last_seq) == (20, 30)
    assert facts.bytes > sum(map(len, updates))
    assert facts.recovering
    assert not facts.parked


async def test_inspecting_what_is_not_there_or_not_sound_is_refused(database: Path) -> None:
    await fill(database)
    with pytest.raises(NoSuchProject, match="nothing"):
        inspect(database, "nothing")
    tamper(database, "UPDATE updates SET data = x'ffff' WHERE seq = 25")
    with pytest.raises(CorruptData, match="number 25"):
        inspect(database, "room")
