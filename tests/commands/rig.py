"""The real command, as a process, on a data directory of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).with_name("crdt-calendar")
SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Data:
    """A data directory and the command on it; ``url`` is that of its server, "" if none runs."""

    path: Path
    url: str = ""

    def run(
        self, *words: str, code: int = 0, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        """Run the command with these words; it must end with that exit code."""
        done = subprocess.run(
            [COMMAND, *words, "--data", self.path],
            input=stdin,
            capture_output=True,
            timeout=SECONDS,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == code, f"{words}: exit code {done.returncode}\n{out}\n{err}"
        assert "Traceback" not in err
        return subprocess.CompletedProcess(done.args, code, out, err)

    def json(self, *words: str) -> Any:
        """What the command says for a program to read."""
        return json.loads(self.run(*words, "--json").stdout)

    def fails(self, *words: str, code: int = 1) -> str:
        """The one sentence with which the command fails."""
        done = self.run(*words, code=code)
        assert done.stdout == ""
        (sentence,) = done.stderr.splitlines()
        assert sentence.startswith("crdt-calendar: ")
        return sentence.removeprefix("crdt-calendar: ")


@dataclass(frozen=True, slots=True)
class Server:
    """A running ``crdt-calendar serve``."""

    process: subprocess.Popen[str]
    printed: list[str]  # up to and with the URL

    @property
    def address(self) -> str:
        """The URL without path and token."""
        return self.printed[-1].partition("/?")[0].rstrip("/")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


@contextmanager
def serving(path: Path, *options: str) -> Iterator[Server]:
    """A server on a free port, from its URL on until the block ends."""
    process = subprocess.Popen(
        [COMMAND, "serve", "--port", "0", "--data", path, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        printed = []
        for line in process.stdout:
            printed.append(line.rstrip())
            if line.startswith("http://"):
                break
        assert printed, process.communicate(timeout=SECONDS)
        yield Server(process, printed)
    finally:
        if process.poll() is None:
            process.terminate()
        # pytest shows what it captured when a test fails.
        sys.stderr.write(process.communicate(timeout=SECONDS)[1])


@contextmanager
def opened(path: Path, state: str) -> Iterator[Data]:
    """A data directory that a server runs on (`state` is "running"), or none does."""
    if state == "running":
        with serving(path, "--quiet") as server:
            yield Data(path, server.address)
    else:
        yield Data(path)
