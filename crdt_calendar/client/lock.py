"""The lock of a replica: one client at a time, told by the system when its process has ended."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from crdt_calendar.client.errors import ReplicaFailed, ReplicaLocked


class FileLock:
    """``<replica>.lock``, locked until `release`; holds the pid of who has it.

    The lock file is never removed: another process might have opened it a moment before, and would
    lock what nobody else can see.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, replica: Path) -> Self:
        """Take the lock. Raises `ReplicaLocked` naming the process that has it."""
        path = replica.with_name(f"{replica.name}.lock")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ReplicaFailed(f"replica {replica}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "?"
            os.close(descriptor)
            raise ReplicaLocked(
                f"process {pid} is using the replica {replica}; give each its own, or wait for it"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Let others have it. Once more does nothing."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None
