"""The data directory: who may read it, who writes it, where its server is."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crdt_calendar.errors import DataLocked, StorageError
from server.storage import directory as module
from server.storage.directory import DataDirectory, Running

HOLDER = """
import sys, time
from pathlib import Path
from server.storage.directory import DataDirectory
directory = DataDirectory(Path(sys.argv[1]))
with directory.locked(), directory.announced("http://127.0.0.1:8000"):
    print("locked", flush=True)
    time.sleep(60)
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has the directory, as a server does."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    """A new one."""
    return DataDirectory(tmp_path / "new" / "data")


def mode(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_else_can_read_anything(directory: DataDirectory) -> None:
    directory.admin_secret()
    with directory.locked(), directory.announced("http://127.0.0.1:1"):
        assert mode(directory.path) == 0o700
        assert {path.name: mode(path) for path in directory.path.iterdir()} == {
            "admin-secret": 0o600,
            "lock": 0o600,
            "server.json": 0o600,
        }
    assert directory.database.parent == directory.secret.parent == directory.path


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="data directory"):
        DataDirectory(tmp_path / "file" / "data")


def test_a_directory_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(StorageError, match="not writable"):
        DataDirectory(tmp_path)


def test_another_process_is_named_and_does_not_get_in(directory: DataDirectory) -> None:
    with holder(directory.path) as process:
        with pytest.raises(DataLocked) as refusal, directory.locked():
            pytest.fail("two writers")
        assert f"process {process.pid}, the server at http://127.0.0.1:8000," in str(refusal.value)
        assert directory.running() == Running(process.pid, "http://127.0.0.1:8000")


def test_what_a_killed_server_left_behind_does_not_count(directory: DataDirectory) -> None:
    with holder(directory.path):
        pass
    assert (directory.path / "server.json").exists()
    assert directory.running() is None
    with directory.locked():
        assert directory.running() == Running(os.getpid(), "")


def test_the_lock_ends_with_the_block(directory: DataDirectory) -> None:
    for _ in range(2):
        with directory.locked():
            pass
    assert directory.running() is None


def test_a_directory_nobody_used_has_no_server(directory: DataDirectory) -> None:
    assert directory.running() is None
    assert list(directory.path.iterdir()) == []


def test_a_server_is_announced_while_it_is_up(directory: DataDirectory) -> None:
    with directory.locked():
        with directory.announced("http://[::1]:80/"):
            assert directory.running() == Running(os.getpid(), "http://[::1]:80/")
        assert directory.running() == Running(os.getpid(), "")
        (directory.path / "server.json").write_text("{half")
        assert directory.running() == Running(os.getpid(), "")


def test_who_only_asks_keeps_nobody_out(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_PAUSE_SECONDS", 0.001)
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            directory.running()

    thread = threading.Thread(target=ask)
    with directory.locked():
        pass
    thread.start()
    try:
        for _ in range(200):
            with directory.locked():
                pass
    finally:
        stop.set()
        thread.join()


def test_the_admin_secret_is_made_once(directory: DataDirectory) -> None:
    secret = directory.admin_secret()
    assert len(secret) >= 32
    assert directory.admin_secret() == DataDirectory(directory.path).admin_secret() == secret


def test_processes_that_make_the_secret_at_once_agree(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = directory.admin_secret()
    real = Path.exists
    # As if the other process had made it just after we looked.
    monkeypatch.setattr(
        Path, "exists", lambda self: self.name != "admin-secret" and real(self), raising=True
    )
    assert directory.admin_secret() == ours
    assert [path.name for path in directory.path.iterdir()] == ["admin-secret"]
