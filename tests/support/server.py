"""The service as people run it: a process of its own, on a port and a data directory."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from prometheus_client.parser import text_string_to_metric_families

from server.auth.tokens import Keyring

COMMAND = Path(sys.executable).with_name("crdt-calendar")
HOST = "127.0.0.1"
START_SECONDS = 30.0
STOP_SECONDS = 30.0
FIRST_PROJECT = "demo"


class ServerProcess:
    """``crdt-calendar serve``, or another command that serves the same application.

    It can be killed and started again: port, data and output stay the same. ``environment`` adds to
    that of the tests, from which settings of ours are taken out.
    """

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.port = _free_port()
        self.output = data.with_name(f"{data.name}.output")
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._keyring: Keyring | None = None
        self._tokens: list[str] = []

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that runs, or ran last."""
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        """The pid of that process."""
        return self.process.pid

    @property
    def url(self) -> str:
        """What a y-websocket client has as its server URL."""
        return f"ws://{HOST}:{self.port}/yjs"

    def command(self) -> list[str]:
        """What starts it."""
        words = ["serve", "--host", HOST, "--port", str(self.port), "--data", str(self.data)]
        return [str(COMMAND), *words, "--no-token", "--access-log"]

    def start(self) -> float:
        """Start it; return how many seconds later ``/readyz`` first said yes."""
        if not self.data.exists():
            self.run("projects", "create", FIRST_PROJECT)  # or `serve` makes one, full of events
        started = time.perf_counter()
        ours = {key for key in os.environ if key.startswith("CRDT_CALENDAR_")}
        inherited = {key: value for key, value in os.environ.items() if key not in ours}
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                self.command(),
                env={**inherited, "PYTHONUNBUFFERED": "1", **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        while not self.is_ready():
            assert self._process.poll() is None, self.said()
            assert time.perf_counter() - started < START_SECONDS, self.said()
            time.sleep(0.005)
        return time.perf_counter() - started

    def is_ready(self) -> bool:
        """Whether ``/readyz`` says yes."""
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def kill(self) -> None:
        """``kill -9``: what it has not on disk by now is lost."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_SECONDS)

    def terminate(self) -> int:
        """SIGTERM, and wait; return the exit code."""
        self.process.terminate()
        return self.process.wait(STOP_SECONDS)

    def stop(self) -> None:
        """End it, whatever state it is in."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def said(self) -> str:
        """Everything it has printed and logged."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def token(
        self,
        user: str,
        project: str = FIRST_PROJECT,
        role: str = "editor",
        *,
        name: str = "",
        expires_seconds: float | None = None,
    ) -> str:
        """A token, made with the data directory's own secret."""
        if self._keyring is None:
            self._keyring = Keyring.open(self.data / "token-secret")
        token = self._keyring.issue(user, project, role, name, expires_seconds)
        self._tokens.append(token)
        return token

    def told(self) -> list[str]:
        """Tokens of ours that can be read in what it has printed and logged: there must be none."""
        said = self.said()
        return [token for token in self._tokens if token.rpartition(".")[2] in said]

    def run(self, *words: str) -> str:
        """What a command prints that is run on the same data. Raises when it fails."""
        command = [str(COMMAND), *words, "--data", str(self.data)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=STOP_SECONDS)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        printed: str = done.stdout
        return printed

    def admin(self, operation: str, body: bytes = b"", **parameters: str) -> Any:
        """What the administrative door answers: a quicker command line."""
        secret = (self.data / "admin-secret").read_text()
        path = f"/admin/{operation}?{urlencode(parameters)}"
        status, answer = self._ask("POST", path, body, {"Authorization": f"Bearer {secret}"})
        assert status == 200, answer
        last = json.loads(answer.splitlines()[-1])
        assert "result" in last, last
        return last["result"]

    def create(self, *projects: str) -> None:
        """Make projects."""
        for project in projects:
            self.admin("projects.create", project=project)

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a GET."""
        return self._ask("GET", path)

    def metric(self, name: str, **labels: str) -> float:
        """The value of one sample in ``/metrics``; 0.0 if it is not there."""
        text = self.get("/metrics")[1].decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == f"crdt_calendar_{name}" and sample.labels == labels:
                    return sample.value
        return 0.0

    def resident_bytes(self) -> int:
        """How much memory the process has."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def _ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        connection = HTTPConnection(HOST, self.port, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


class UvicornProcess(ServerProcess):
    """The same application on another ASGI server, which knows nothing of our lines."""

    def __init__(self, data: Path) -> None:
        super().__init__(data, CRDT_CALENDAR_DATA=str(data))

    def command(self) -> list[str]:
        """What starts it."""
        words = ["server.app:app", "--host", HOST, "--port", str(self.port)]
        return [sys.executable, "-m", "uvicorn", *words, "--ws", "websockets-sansio"]


@contextmanager
def running(data: Path, **environment: str) -> Iterator[ServerProcess]:
    """A server process until the block ends; no token may be in what it said."""
    with started(ServerProcess(data, **environment)) as server:
        yield server
    assert server.told() == []


@contextmanager
def started(server: ServerProcess) -> Iterator[ServerProcess]:
    """That server, started, until the block ends."""
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    """A port nobody has. It is fixed here so that a server can be started on it again."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
