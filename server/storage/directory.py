"""The data directory: what lies in it under which name, and who may write there.

::

    calendar.db            the database (and its -wal and -shm while open)
    token-secret           key of the tokens this server issues
    admin-secret           opens the administrative door of a running server
    lock                   locked by the process that writes the directory; holds its pid
    server.json            pid and URL of a running server
    calendar.db.replaced-* databases that `restore` put aside

Nobody but the owner can read any of it.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from crdt_calendar.errors import DataLocked, StorageError
from server.storage.connections import sync_directory

# Somebody asking `running` holds the lock for microseconds; a writer holds it for good.
LOCK_ATTEMPTS = 10
LOCK_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Running:
    """A process that writes the directory; ``url`` is empty unless it is a server that is up."""

    pid: int
    url: str


class DataDirectory:
    """A data directory, made when it is not there, for its owner only.

    Raises `StorageError` when it cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.database = self.path / "calendar.db"
        self.secret = self.path / "token-secret"
        self._lock = self.path / "lock"
        self._server = self.path / "server.json"
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"data directory {path}: {error.strerror}") from error
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise StorageError(f"data directory {path}: not writable; choose another by --data")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the one process that writes here; the system unlocks when the process ends.

        Raises `DataLocked` naming the process that is.
        """
        with _open_private(self._lock) as descriptor:
            if not _acquire(descriptor):
                raise DataLocked(self._refusal())
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
            os.ftruncate(descriptor, 0)

    @contextmanager
    def announced(self, url: str) -> Iterator[None]:
        """Let others know, while locked, that a server is up and where."""
        _write_private(self._server, json.dumps({"pid": os.getpid(), "url": url}).encode())
        try:
            yield
        finally:
            self._server.unlink(missing_ok=True)

    def running(self) -> Running | None:
        """Who writes this directory at the moment; None if nobody does.

        What a process that was killed left behind does not count: the lock decides.
        """
        if not self._lock.exists():
            return None
        with _open_private(self._lock) as descriptor:
            if _try_lock(descriptor, fcntl.LOCK_SH):
                return None
            pid = _pid(os.pread(descriptor, 32, 0))
        return Running(pid, self._announced_url(pid))

    def admin_secret(self) -> str:
        """The secret of the administrative door, made when first asked for."""
        path = self.path / "admin-secret"
        if not path.exists():
            with suppress(FileExistsError):  # another process was first
                _write_private(path, secrets.token_urlsafe(32).encode(), replace=False)
        return path.read_text()

    def _announced_url(self, pid: int) -> str:
        try:
            said = json.loads(self._server.read_text())
        except (OSError, ValueError):
            return ""
        return str(said["url"]) if said.get("pid") == pid else ""

    def _refusal(self) -> str:
        running = self.running() or Running(0, "")
        where = f", the server at {running.url}," if running.url else ""
        return f"process {running.pid or '?'}{where} is using {self.path}; stop it first"


@contextmanager
def _open_private(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(descriptor: int) -> bool:
    for _ in range(LOCK_ATTEMPTS):
        if _try_lock(descriptor, fcntl.LOCK_EX):
            return True
        time.sleep(LOCK_PAUSE_SECONDS)
    return False


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pid(text: bytes) -> int:
    return int(text) if text.strip().isdigit() else 0


def _write_private(path: Path, content: bytes, *, replace: bool = True) -> None:
    """Write a file that only the owner can read, whole or not at all.

    Raises `FileExistsError` when it is there and must not be replaced.
    """
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    draft.touch(mode=0o600)
    try:
        draft.write_bytes(content)
        if replace:
            draft.replace(path)
        else:
            path.hardlink_to(draft)
        sync_directory(path.parent)
    finally:
        draft.unlink(missing_ok=True)
