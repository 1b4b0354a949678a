"""One server for the folder, and one client that is alone for longer than stock clients wait."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.support.node import FOLDER, missing
from tests.support.server import ServerProcess, running

LONE_SECONDS = 36.0  # y-websocket 3 gives up a line on which nothing came for 30 s


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server; each test takes a project of its own."""
    with running(tmp_path_factory.mktemp("interop") / "data") as server:
        yield server


@pytest.fixture
def project(server: ServerProcess) -> str:
    """A project nobody has been in."""
    name = f"project-{uuid4()}"
    server.create(name)
    return name


@pytest.fixture(scope="session", autouse=True)
def lone(server: ServerProcess) -> Iterator[subprocess.Popen[bytes] | None]:
    """A client that is alone in a room while the tests of this folder run."""
    if missing():
        yield None
        return
    server.create("lone")
    words = [server.url, "lone", server.token("lone", "lone"), str(LONE_SECONDS)]
    with subprocess.Popen(["node", str(FOLDER / "lone.mjs"), *words], stdout=subprocess.PIPE) as it:
        yield it
        it.kill()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ask last of all how the lone client is: meanwhile everything else goes on."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)
