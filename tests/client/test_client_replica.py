"""The file on this machine: locked, damaged, full, compacted, somebody else's."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from pycrdt import Doc, Map

from crdt_calendar.client import (
    CalendarClient,
    ClientCalendar,
    Recovery,
    ReplicaFailed,
    ReplicaLocked,
    WrongReplica,
)
from crdt_calendar.client import replica as replica_module
from crdt_calendar.model.calendar import Calendar
from tests.client.conftest import Site
from tests.client.rig import saved, titles, until, until_synced
from tests.support.client import calendar_of

pytestmark = pytest.mark.anyio

NOWHERE = "http://127.0.0.1:1"
HOLDER = """
import sys, anyio
from crdt_calendar.client import CalendarClient
async def main():
    async with CalendarClient("http://127.0.0.1:1", "demo", "", sys.argv[1]):
        print("open", flush=True)
        await anyio.sleep_forever()
anyio.run(main)
"""


def offline(store: Path, project: str = "demo", token: str = "") -> CalendarClient:
    return CalendarClient(NOWHERE, project, token, store)


async def test_a_second_client_is_told_who_has_the_replica(tmp_path: Path) -> None:
    store = tmp_path / "replica"
    process = subprocess.Popen(  # noqa: ASYNC220  # it outlives every await here
        [sys.executable, "-c", HOLDER, str(store)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(ReplicaLocked, match=str(process.pid)):
            async with offline(store):
                pass
    finally:
        process.kill()
        process.communicate()
    async with offline(store) as calendar:  # what was killed holds nothing any more
        calendar.create(title="mine")
        with pytest.raises(ReplicaLocked, match=str(os.getpid())):
            async with offline(store):
                pass
        calendar.create(title="still mine")
    async with offline(store) as calendar:
        assert titles(calendar) == {"mine", "still mine"}


async def _filled(site: Site) -> list[str]:
    """A replica with three events that have arrived, and three edits that have not."""
    async with site.client("ann", store="replica") as ann:
        with ann.batch():
            for number in range(300):
                ann.create(title=f"old {number}", description="words " * 40)
        made = [ann.create(title=f"saved {number}") for number in range(3)]
        await saved(ann)
    site.proxy.down()
    async with site.client("ann", store="replica") as ann:
        ann.update(made[0], title="점심", location="Room 4")
        ann.delete(made[1])
        made.append(ann.create(title="unsent"))
        assert len(ann.pending) == 3
    return made


def garbage(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(path.stat().st_size))


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def header_lost(path: Path) -> None:
    _overwrite(path, 0, 100)


def schema_lost(path: Path) -> None:
    _overwrite(path, 100, 3000)


def torn_page(path: Path) -> None:
    """Pages with the first row of `updates` are half of what they were."""
    for where in _words(path):
        _overwrite(path, where - where % 4096, 2048)


def flipped_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for where in _words(path):
        content[where] ^= 1
    path.write_bytes(content)


def _words(path: Path) -> list[int]:
    """Where words of the events are, in pages that are used and in such as are free by now."""
    return [found.start() for found in re.finditer(b"words words words words", path.read_bytes())]


def undecodable_update(path: Path) -> None:
    connection = sqlite3.connect(path)
    from zlib import crc32

    data = b"\x05no update at all"
    with connection:
        connection.execute("INSERT INTO updates (data, crc) VALUES (?, ?)", (data, crc32(data)))
    connection.close()


def table_lost(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE updates")
    connection.close()


def _overwrite(path: Path, start: int, size: int) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(random.Random(2).randbytes(size))


@pytest.mark.parametrize(
    ("damage", "readable"),
    [
        (garbage, False),
        (truncated, False),
        (header_lost, True),
        (schema_lost, True),
        (torn_page, True),
        (flipped_bit, True),
        (undecodable_update, True),
        (table_lost, True),
    ],
)
async def test_a_damaged_replica_is_put_aside_and_unsent_edits_are_kept(
    site: Site, damage: Callable[[Path], None], *, readable: bool
) -> None:
    made = await _filled(site)
    damage(site.folder / "replica")
    before = (site.folder / "replica").read_bytes()
    site.proxy.accept()
    told: list[Recovery] = []
    async with site.client("ann", store="replica", on_recovered=told.append) as ann:
        recovered = ann.client.recovered
        assert recovered is not None and told == [recovered]
        assert recovered.damaged.name.startswith("replica.damaged-")
        assert recovered.damaged.read_bytes() == before
        await until_synced(ann)
        assert len(ann) == 303, "what had arrived comes back from the server"
        assert ann.pending == ()
        ann.create(title="goes on")
        await saved(ann)
    if readable:
        assert recovered.unsent is not None
        _check_page(recovered.unsent, made)
    async with site.client("ann", store="replica") as ann:
        assert ann.client.recovered is None
        assert "goes on" in titles(ann)


def _check_page(path: Path, made: list[str]) -> None:
    page = json.loads(path.read_text())
    assert "점심" in path.read_text(), "for people to read"
    edits = {
        change["id"]: (change["change"], change.get("values"))
        for edit in page["edits"]
        if edit["edit"] > 4 or not edit.get("perhaps_sent")
        for change in edit["changes"]
    }
    assert edits[made[0]] == ("updated", {"title": "점심", "location": "Room 4"})
    assert edits[made[1]] == ("deleted", None)
    kind, values = edits[made[3]]
    assert (kind, values["title"]) == ("created", "unsent")


async def test_what_is_kept_of_unsent_edits_can_be_applied(site: Site) -> None:
    made = await _filled(site)
    undecodable_update(site.folder / "replica")
    async with site.client("ann", store="replica") as ann:
        recovered = ann.client.recovered
    assert recovered is not None and recovered.unsent is not None
    updates = [b64decode(edit["update"]) for edit in recovered.edits]
    assert len(updates) == 3
    doc: Doc[Map[object]] = Doc()
    doc.apply_update(updates[-1])
    calendar: Calendar = calendar_of(doc)
    assert calendar.get(made[3]).title == "unsent"


async def test_a_replica_killed_in_the_middle_of_its_log_is_damaged_and_read_from_it(
    site: Site,
) -> None:
    """The edits are only in the write-ahead log; the file beside it is damaged."""
    store = site.folder / "replica"
    made = await _filled(site)
    site.proxy.down()
    async with site.client("ann", store="replica") as ann:
        last = ann.create(title="in the log")
        for side in ("", "-wal"):
            shutil.copy(f"{store}{side}", site.folder / f"copy{side}")
    flipped_bit(site.folder / "copy")
    async with CalendarClient(NOWHERE, site.project, "", site.folder / "copy") as ann:
        recovered = ann.client.recovered
    assert recovered is not None
    found = {change["id"] for edit in recovered.edits for change in edit["changes"]}
    assert {made[0], made[1], made[3], last} <= found


async def test_a_replica_of_another_project_is_not_touched(tmp_path: Path) -> None:
    store = tmp_path / "replica"
    async with offline(store, "one") as calendar:
        calendar.create(title="mine")
    content = store.read_bytes()
    with pytest.raises(WrongReplica, match="one"):
        async with offline(store, "other"):
            pass
    assert store.read_bytes() == content


async def test_the_database_of_another_program_is_not_touched(tmp_path: Path) -> None:
    store = tmp_path / "bookmarks.db"
    connection = sqlite3.connect(store)
    connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.commit()
    connection.close()
    content = store.read_bytes()
    with pytest.raises(WrongReplica, match="another program"):
        async with offline(store):
            pass
    assert store.read_bytes() == content
    assert [name for name in os.listdir(tmp_path) if "damaged" in name] == []


async def test_edits_of_one_user_are_not_sent_as_anothers(site: Site) -> None:
    site.proxy.down()
    async with site.client("ann", store="replica") as ann:
        ann.create(title="mine")
    with pytest.raises(WrongReplica, match="ann"):
        async with site.client("bob", store="replica"):
            pass
    site.proxy.accept()
    async with site.client("ann", store="replica") as ann:
        await saved(ann)
    async with site.client("bob", store="replica") as bob:
        assert titles(bob) == {"mine"}
        assert bob.user == "bob"


async def test_who_wrote_offline_is_remembered(tmp_path: Path, site: Site) -> None:
    async with site.client("ann", store="replica"):
        pass

    async def tokens(refused: bool) -> str:
        raise ConnectionError

    async with site.client(token=tokens, store="replica") as ann:
        made = ann.create(title="mine")
        stamp = ann.get(made).created
        assert stamp is not None and stamp.by == "ann"


def _disk_error(calendar: ClientCalendar) -> object:
    return calendar.client.disk_error


async def test_a_disk_that_is_full_is_told_and_the_edit_goes_up_all_the_same(site: Site) -> None:
    async with site.client("ann", store="replica") as ann:
        await until_synced(ann)
        assert ann.client._replica is not None
        connection = ann.client._replica._connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(ReplicaFailed):
            ann.create(title="x" * 50_000)
        assert isinstance(_disk_error(ann), ReplicaFailed)
        assert len(ann) == 1 and len(ann.pending) == 1
        await saved(ann)
        connection.execute("PRAGMA max_page_count = 1000000")
        ann.create(title="fits")
        assert _disk_error(ann) is None
        await saved(ann)
    site.proxy.down()
    async with site.client("ann", store="replica") as ann:
        assert len(ann) == 2


async def test_a_replica_compacts_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    monkeypatch.setattr(replica_module, "MOST_ROWS", 50)
    store = tmp_path / "replica"
    async with offline(store) as calendar:
        made = calendar.create(title="one")
        for number in range(501):
            calendar.update(made, title=f"title {number}")
        assert _count(store, "updates") <= 51
        assert _count(store, "pending") == 502
    started = time.perf_counter()
    async with offline(store) as calendar:
        record_property("seconds to open", time.perf_counter() - started)
        assert calendar.get(made).title == "title 500"
        assert len(calendar.pending) == 502


def _count(store: Path, table: str) -> int:
    connection = sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    finally:
        connection.close()


async def test_ten_thousand_events_open_quickly(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    store = tmp_path / "replica"
    async with offline(store) as calendar:
        with calendar.batch():
            for number in range(10_000):
                calendar.create(title=f"event {number}", location="somewhere")
    started = time.process_time()
    async with offline(store) as calendar:
        seconds = time.process_time() - started
        record_property("seconds to open", seconds)
        assert seconds < 1
        assert len(calendar) == 10_000


async def test_what_comes_from_the_server_is_kept(site: Site) -> None:
    async with site.client("bob") as bob, site.client("ann", store="replica") as ann:
        made = bob.create(title="from bob")
        await until(lambda: made in ann)
        await anyio.sleep(0.1)
        assert _count(site.folder / "replica", "updates") >= 1
    site.proxy.down()
    async with site.client("ann", store="replica") as ann:
        assert titles(ann) == {"from bob"}
        assert ann.pending == ()


async def test_a_replica_is_for_its_owner_only(tmp_path: Path) -> None:
    store = tmp_path / "deep" / "replica"
    async with offline(store) as calendar:
        calendar.create(title="mine")
        for path in store.parent.iterdir():
            assert path.stat().st_mode & 0o077 == 0, path
    assert store.parent.stat().st_mode & 0o077 == 0


async def test_without_a_store_nothing_is_written(tmp_path: Path) -> None:
    async with CalendarClient(NOWHERE, "demo", "") as calendar:
        calendar.create(title="mine")
        assert len(calendar.pending) == 1
    assert os.listdir(tmp_path) == []
