"""A server as a process on a core of its own, and what it uses there."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core the server has, and which the load; None where there are not two."""

    server: int | None
    load: int | None

    @classmethod
    def split(cls) -> Cores:
        """One core each, of those this process may use."""
        cores = sorted(os.sched_getaffinity(0))
        return cls(cores[1], cores[0]) if len(cores) > 1 else cls(None, None)

    def pin_load(self) -> None:
        """Bind this process to the core of the load."""
        if self.load is not None:
            os.sched_setaffinity(0, {self.load})

    def busy_seconds(self) -> float:
        """What both cores have been doing since the machine started, whoever did it."""
        names = {f"cpu{core}" for core in (self.server, self.load) if core is not None}
        lines = Path("/proc/stat").read_text().splitlines()
        ticks = 0
        for line in lines:
            name, *fields = line.split()
            if name in names:
                user, nice, system, _idle, _iowait, irq, softirq = map(int, fields[:7])
                ticks += user + nice + system + irq + softirq
        return ticks / _TICKS_PER_SECOND


class ServerProcess:
    """A running server with its children."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid = process.pid
        self._process = process

    def cpu_seconds(self) -> float:
        """User and system time of the process tree so far."""
        return sum(_cpu_ticks(pid) for pid in self._tree()) / _TICKS_PER_SECOND

    def rss_bytes(self) -> int:
        """Resident memory of the process tree."""
        return sum(_status_kib(pid, "VmRSS") for pid in self._tree()) * 1024

    def ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None

    def _tree(self) -> list[int]:
        tree = [self.pid]
        for pid in tree:
            tree += _children(pid)
        return tree


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        found = " ".join((task / "children").read_text() for task in tasks)
    except OSError:
        return []
    return [int(child) for child in found.split()]


def _cpu_ticks(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The name in parentheses may hold spaces; utime and stime are the 14th and 15th field of all.
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _status_kib(pid: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: Sequence[str], port: int, core: int | None, log: Path, environment: Mapping[str, str]
) -> Iterator[ServerProcess]:
    """Start a server, wait until it accepts connections, and kill it at the end.

    Raises `RuntimeError` with the end of its output when it does not come up.
    """

    def pin() -> None:
        if core is not None:
            os.sched_setaffinity(0, {core})

    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            preexec_fn=pin,
            start_new_session=True,
        )
    try:
        _wait_until_listening(process, port, log)
        yield ServerProcess(process)
    finally:
        _end(process)


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    end = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"the server did not start; its output ends in:\n{end}")


def _end(process: subprocess.Popen[bytes]) -> None:
    # The whole session, which holds only what this server started. Its data is thrown away, and
    # a graceful stop of a server with a backlog may take minutes.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
