"""The servers that are compared, each as its makers ship it, logging turned off."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from benchmarks.rig.dialect import Dialect, hocuspocus, plain

_HERE = Path(__file__).resolve().parent.parent
_ROOT = _HERE.parent
_NODE = _HERE / "node"


class Server(Protocol):
    """How to start one kind of server and how to reach a room of it."""

    name: str

    def missing(self) -> str:
        """What has to be installed before it can run; empty when it can."""

    def version(self) -> str:
        """Version of what is measured."""

    def prepare(self, home: Path, rooms: Sequence[str]) -> None:
        """Make what has to be there before the server starts; `home` is an empty directory."""

    def command(self, home: Path, port: int) -> list[str]:
        """The command that serves in the foreground."""

    def environment(self, port: int) -> Mapping[str, str]:
        """What it reads from its environment."""

    def path(self, room: str) -> str:
        """Path and query of a room."""

    def dialect(self, room: str) -> Dialect:
        """How messages look in that room."""


class CrdtCalendar:
    """This project's server: an SQLite file on disk, every update committed before it is sent."""

    name = "crdt-calendar"

    def __init__(self) -> None:
        self._program = Path(sys.executable).with_name("crdt-calendar")
        self._tokens: dict[str, str] = {}

    def missing(self) -> str:
        """The command of the installed project."""
        return "" if self._program.exists() else "pip install -e ."

    def version(self) -> str:
        """Version of the installed project."""
        return metadata.version("crdt-calendar")

    def prepare(self, home: Path, rooms: Sequence[str]) -> None:
        """Create a project for every room, and a token for it."""
        data = ("--data", str(home))
        who = ("--user", "ada", "--role", "editor")
        for room in rooms:
            self._run("projects", "create", room, *data)
            self._tokens[room] = self._run("token", "--project", room, *who, *data)

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(self._program), *arguments], capture_output=True, text=True, timeout=30
        )
        if done.returncode:
            raise RuntimeError(
                f"crdt-calendar {' '.join(arguments)}: {done.stderr.strip().splitlines()[-1]}"
            )
        return done.stdout.strip().splitlines()[-1]

    def command(self, home: Path, port: int) -> list[str]:
        """``crdt-calendar serve``, logging warnings only."""
        address = ("--host", "127.0.0.1", "--port", str(port))
        return [
            str(self._program),
            "serve",
            "--log-level",
            "warning",
            *address,
            "--data",
            str(home),
        ]

    def environment(self, port: int) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def path(self, room: str) -> str:
        """The Yjs gateway."""
        return f"/yjs/{room}?token={self._tokens[room]}"

    def dialect(self, room: str) -> Dialect:
        """Plain y-protocols."""
        return plain()


class YWebsocket:
    """The server in the npm package y-websocket, documents in memory."""

    name = "y-websocket"

    def missing(self) -> str:
        """Node and the package."""
        return _missing_package("y-websocket")

    def version(self) -> str:
        """Version of the package."""
        return _package_version("y-websocket")

    def prepare(self, home: Path, rooms: Sequence[str]) -> None:
        """Nothing: rooms come into being when somebody joins."""

    def command(self, home: Path, port: int) -> list[str]:
        """Its bundled server."""
        return ["node", str(_NODE / "node_modules/y-websocket/bin/server.cjs")]

    def environment(self, port: int) -> Mapping[str, str]:
        """Where to listen."""
        return {"HOST": "127.0.0.1", "PORT": str(port)}

    def path(self, room: str) -> str:
        """The room's name is the path."""
        return f"/{room}"

    def dialect(self, room: str) -> Dialect:
        """Plain y-protocols."""
        return plain()


class Hocuspocus:
    """@hocuspocus/server from npm, documents in memory."""

    name = "hocuspocus"

    def missing(self) -> str:
        """Node and the package."""
        return _missing_package("@hocuspocus/server")

    def version(self) -> str:
        """Version of the package."""
        return _package_version("@hocuspocus/server")

    def prepare(self, home: Path, rooms: Sequence[str]) -> None:
        """Nothing: documents come into being when somebody joins."""

    def command(self, home: Path, port: int) -> list[str]:
        """A server with its defaults."""
        return ["node", str(_NODE / "hocuspocus.mjs"), str(port)]

    def environment(self, port: int) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def path(self, room: str) -> str:
        """Any path; the document's name is in the messages."""
        return "/"

    def dialect(self, room: str) -> Dialect:
        """Hocuspocus' own."""
        return hocuspocus(room)


class PycrdtWebsocket:
    """pycrdt-websocket on hypercorn and uvloop, documents in memory."""

    name = "pycrdt-websocket"

    def missing(self) -> str:
        """The package."""
        return "" if find_spec("pycrdt.websocket") else "pip install pycrdt-websocket"

    def version(self) -> str:
        """Version of the package."""
        return metadata.version("pycrdt-websocket")

    def prepare(self, home: Path, rooms: Sequence[str]) -> None:
        """Nothing: rooms come into being when somebody joins."""

    def command(self, home: Path, port: int) -> list[str]:
        """The smallest program that serves it."""
        return [sys.executable, "-m", "benchmarks.peers.pycrdt_websocket", str(port)]

    def environment(self, port: int) -> Mapping[str, str]:
        """Where the program is found."""
        return {"PYTHONPATH": os.pathsep.join((str(_ROOT), os.environ.get("PYTHONPATH", "")))}

    def path(self, room: str) -> str:
        """The room's name is the path."""
        return f"/{room}"

    def dialect(self, room: str) -> Dialect:
        """Plain y-protocols."""
        return plain()


def _missing_package(name: str) -> str:
    if shutil.which("node") is None:
        return "install Node.js"
    found = (_NODE / "node_modules" / name).exists()
    return "" if found else "npm ci --prefix benchmarks/node"


def _package_version(name: str) -> str:
    described = json.loads((_NODE / "node_modules" / name / "package.json").read_text())
    return str(described["version"])


SERVERS: tuple[Server, ...] = (CrdtCalendar(), YWebsocket(), Hocuspocus(), PycrdtWebsocket())


def choose(names: str) -> list[Server]:
    """Servers by name, separated by commas; ``all`` for all. Raises `ValueError` for others."""
    known = {server.name: server for server in SERVERS}
    if names == "all":
        return list(SERVERS)
    wanted = names.split(",")
    if unknown := [name for name in wanted if name not in known]:
        raise ValueError(f"no server {', '.join(unknown)}; servers are {', '.join(known)}")
    return [known[name] for name in wanted]
