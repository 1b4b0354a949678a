"""The secret of a data directory."""

from __future__ import annotations

import logging
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crdt_calendar.errors import CorruptData
from server.auth.secret import SECRET_BYTES, open_secret


def test_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret"
    secret = open_secret(path)
    assert len(secret) == SECRET_BYTES
    assert open_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]  # no draft stays behind


def test_two_directories_have_two_secrets(tmp_path: Path) -> None:
    assert open_secret(tmp_path / "one") != open_secret(tmp_path / "two")


def test_all_who_open_it_at_once_get_the_same(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)

    def opens(path: Path) -> bytes:
        barrier.wait()
        return open_secret(path)

    with ThreadPoolExecutor(8) as pool:
        for attempt in range(20):
            path = tmp_path / str(attempt)
            assert list(pool.map(opens, [path] * 8)) == [path.read_bytes()] * 8


def test_a_short_file_is_refused_rather_than_used(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"hunter2")
    with pytest.raises(CorruptData, match="7 bytes, 32 needed"):
        open_secret(path)
    assert path.read_bytes() == b"hunter2"


def test_a_mode_that_lets_others_read_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "secret"
    open_secret(path)
    with caplog.at_level(logging.WARNING):
        open_secret(path)
        assert caplog.records == []
        path.chmod(0o644)
        open_secret(path)
    assert [record.getMessage() for record in caplog.records] == [
        "others may read the secret; change its mode to 0600"
    ]
