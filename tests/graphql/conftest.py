"""One server for the folder, with web pages of one other origin let in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from tests.graphql.rig import Line, Person, connected, person
from tests.support.server import ServerProcess, running

FRIEND = "https://calendar.example.org"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server; each test takes a project of its own."""
    data = tmp_path_factory.mktemp("graphql") / "data"
    with running(data, CRDT_CALENDAR_ORIGINS=FRIEND) as server:
        yield server


@pytest.fixture
def project(server: ServerProcess) -> str:
    """A project nobody has been in."""
    name = f"project-{uuid4()}"
    server.create(name)
    return name


@pytest.fixture
async def alice(server: ServerProcess, project: str) -> AsyncIterator[Person]:
    """An editor of the project, over HTTP."""
    async with person(server, server.token("alice", project, name="Alice")) as alice:
        yield alice


@pytest.fixture
async def line(server: ServerProcess, project: str) -> AsyncIterator[Line]:
    """A socket of an editor of the project."""
    async with connected(server, server.token("lina", project, name="Lina")) as line:
        yield line
