"""A backup is whole and of one moment; restoring one loses nothing that is still there."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import anyio.from_thread
import anyio.to_thread
import pytest

from crdt_calendar.errors import CorruptData, DataLocked, StorageError
from server.storage import backup as module
from server.storage.backup import backup, restore
from server.storage.directory import DataDirectory
from server.storage.maintenance import inspect, verify
from server.storage.sqlite import Store, open_store
from tests.storage.histories import content, damage, edits, entries

pytestmark = pytest.mark.anyio


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    """Where the fixture `database` is."""
    return DataDirectory(tmp_path)


def found(folder: Path, pattern: str) -> list[str]:
    """Names in a folder."""
    return [path.name for path in folder.glob(pattern)]


def digest(path: Path) -> bytes:
    """What tells one content from another."""
    return hashlib.sha256(path.read_bytes()).digest()


async def documents(database: Path) -> dict[str, object]:
    """What the rooms of a file hold."""
    async with open_store(database) as store:
        names = [room.room for room in verify(database).rooms]
        return {name: content((await store.log.load(name)).update) for name in names}


async def test_a_backup_beside_appends_is_of_one_moment(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGES_PER_STEP", 1)
    before = edits(300, keys=300)
    await store.log.append(entries(before))
    steps: list[tuple[int, int]] = []

    def append_in_between(done: int, total: int) -> None:
        assert len(steps) < 1_000
        steps.append((done, total))
        anyio.from_thread.run(store.log.append, entries(edits(1, client=2)))

    def run() -> int:
        return backup(store.path, tmp_path / "copy.db", progress=append_in_between)

    size_bytes = await anyio.to_thread.run_sync(run)
    assert size_bytes == 4096 * len(steps)
    assert steps == [(done + 1, len(steps)) for done in range(len(steps))]
    assert verify(tmp_path / "copy.db").sound
    assert (await documents(tmp_path / "copy.db"))["room"] == content(*before)
    assert len(await store.log.history("room")) == 300 + len(steps)


async def test_a_backup_is_one_private_file(store: Store, tmp_path: Path) -> None:
    await store.log.append(entries(edits(5)))
    folder = tmp_path / "backups"
    folder.mkdir()
    backup(store.path, folder / "copy.db")
    assert [path.name for path in folder.iterdir()] == ["copy.db"]
    assert stat.S_IMODE((folder / "copy.db").stat().st_mode) == 0o600


async def test_a_backup_replaces_nothing_and_leaves_no_half(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious")
    with pytest.raises(StorageError, match="exists"):
        backup(store.path, target)
    assert target.read_text() == "precious"
    with pytest.raises(StorageError, match="cannot be written"):
        backup(store.path, tmp_path / "nowhere" / "copy.db")
    with pytest.raises(StorageError, match="unable to open"):
        backup(tmp_path / "nothing.db", tmp_path / "other.db")
    assert found(tmp_path, "*partial*") == []
    assert not (tmp_path / "other.db").exists()


async def test_a_damaged_database_makes_no_backup(database: Path, tmp_path: Path) -> None:
    async with open_store(database) as store:
        await store.log.append(entries(edits(500)))
    damage(database, page=30)
    with pytest.raises(CorruptData, match="damaged"):
        backup(database, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


async def test_restoring_puts_the_backup_in_place_and_the_old_aside(
    database: Path, directory: DataDirectory
) -> None:
    copy = directory.path / "copy.db"
    async with open_store(database) as store:
        await store.catalog.create_project("room")
        await store.catalog.create_project("untouched")
        await store.log.append(entries(edits(10)))
        backup(database, copy)
        await store.log.append(entries(edits(5, client=2)))
    aside = restore(copy, directory)
    assert aside is not None
    assert aside.name == "calendar.db.replaced-1"
    assert (await documents(database))["room"] == content(*edits(10))
    assert (await documents(aside))["room"] == content(*edits(10), *edits(5, client=2))
    assert verify(copy).sound
    async with open_store(database) as store:
        for room in ("room", "untouched"):
            assert (await store.log.load(room)).recovering
        (number,) = await store.log.append(entries(edits(1, client=3)))
        assert number > 15  # numbers the lost rows had are not given again
    second = restore(copy, directory)
    assert second is not None
    assert second.name == "calendar.db.replaced-2"
    assert not inspect(copy, "room").recovering


async def test_restoring_into_an_empty_directory(store: Store, tmp_path: Path) -> None:
    await store.log.append(entries(edits(10)))
    backup(store.path, tmp_path / "copy.db")
    directory = DataDirectory(tmp_path / "fresh")
    assert restore(tmp_path / "copy.db", directory) is None
    assert (await documents(directory.database))["room"] == content(*edits(10))
    assert {path.name for path in directory.path.iterdir()} == {"calendar.db", "lock"}


async def test_what_was_revoked_stays_revoked(database: Path, directory: DataDirectory) -> None:
    copy = directory.path / "copy.db"
    async with open_store(database) as store:
        await store.catalog.create_project("team")
        await store.catalog.set_member("team", "ada", "owner")
        await store.catalog.set_member("team", "bob", "editor")
        backup(database, copy)
        await store.catalog.remove_member("team", "bob")
        await store.catalog.remove_member("team", "mallory")
        await store.catalog.revoke_token("t1")
        await store.catalog.create_project("later")
        await store.catalog.remove_member("later", "eve")
    restore(copy, directory)
    async with open_store(database) as store:
        members = {member.user: member for member in await store.catalog.members("team")}
        assert [members[user].revoked for user in ("ada", "bob", "mallory")] == [False, True, True]
        assert members["bob"].role == "editor"
        assert await store.catalog.revoked("t1")
        assert await store.catalog.project("later") is None


async def test_a_membership_given_back_before_the_backup_is_not_revoked_again(
    database: Path, directory: DataDirectory
) -> None:
    old, new = directory.path / "old.db", directory.path / "new.db"
    async with open_store(database) as store:
        await store.catalog.create_project("team")
        await store.catalog.remove_member("team", "ada")
        backup(database, old)
        await store.catalog.set_member("team", "ada", "editor")
        backup(database, new)
    restore(old, directory)
    restore(new, directory)
    async with open_store(database) as store:
        ada = await store.catalog.member("team", "ada")
    assert ada is not None
    assert not ada.revoked


async def test_nothing_is_restored_under_a_running_server(
    store: Store, directory: DataDirectory
) -> None:
    await store.log.append(entries(edits(10)))
    copy = directory.path / "copy.db"
    backup(store.path, copy)
    with directory.locked(), pytest.raises(DataLocked):
        restore(copy, directory)
    assert found(directory.path, "*replaced*") == []


async def test_a_backup_that_cannot_be_used_changes_nothing(
    database: Path, directory: DataDirectory
) -> None:
    async with open_store(database) as store:
        await store.log.append(entries(edits(500)))
    before = digest(database)
    bad = directory.path / "bad.db"
    shutil.copy(database, bad)
    damage(bad, page=5)
    with pytest.raises(CorruptData):
        restore(bad, directory)
    bad.write_bytes(b"text " * 1000)
    with pytest.raises(CorruptData):
        restore(bad, directory)
    with closing(sqlite3.connect(directory.path / "foreign.db")) as connection:
        connection.execute("CREATE TABLE recipes (id)")
    with pytest.raises(StorageError, match="another program"):
        restore(directory.path / "foreign.db", directory)
    assert digest(database) == before
    assert found(directory.path, "*replaced*") == []
    assert found(directory.path, "*partial*") == []


async def test_a_log_left_by_a_crash_is_not_lost_and_not_mixed_in(
    tmp_path: Path, directory: DataDirectory
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    async with open_store(elsewhere / "calendar.db") as store:
        await store.log.append(entries(edits(10)))
        backup(store.path, tmp_path / "copy.db")
        await store.log.append(entries(edits(5, client=2)))
        for name in ("calendar.db", "calendar.db-wal"):  # as a crash would leave them
            shutil.copy(elsewhere / name, directory.path / name)
    aside = restore(tmp_path / "copy.db", directory)
    assert aside is not None
    assert (await documents(aside))["room"] == content(*edits(10), *edits(5, client=2))
    assert (await documents(directory.database))["room"] == content(*edits(10))


async def test_a_damaged_database_is_put_aside_with_its_log(
    tmp_path: Path, directory: DataDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_store(tmp_path / "good.db") as store:
        await store.log.append(entries(edits(10)))
        backup(store.path, tmp_path / "copy.db")
    directory.database.write_bytes(b"\xa5" * 40_000)
    wal = directory.database.with_name("calendar.db-wal")
    wal.write_bytes(b"\x5a" * 5_000)
    aside = restore(tmp_path / "copy.db", directory)
    assert aside is not None
    assert aside.read_bytes() == b"\xa5" * 40_000
    assert aside.with_name(aside.name + "-wal").read_bytes() == b"\x5a" * 5_000
    assert (await documents(directory.database))["room"] == content(*edits(10))
    assert "could not be read" in caplog.text


async def test_a_file_system_without_hard_links(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.log.append(entries(edits(10)))
    backup(store.path, tmp_path / "copy.db")
    directory = DataDirectory(tmp_path / "fat")
    restore(tmp_path / "copy.db", directory)

    def refuse(*_: object) -> None:
        raise PermissionError("operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    aside = restore(tmp_path / "copy.db", directory)
    assert aside is not None
    assert (await documents(aside))["room"] == content(*edits(10))


async def test_a_disk_that_fills_up_leaves_all_as_it_was(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.log.append(entries(edits(10)))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_sync", full)
    with pytest.raises(StorageError, match="No space left"):
        backup(store.path, tmp_path / "copy.db")
    assert found(tmp_path, "copy*") == []
