"""One server for the folder; each test takes a project of its own."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.support.server import ServerProcess, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server that waits two seconds for somebody to say who they are."""
    data = tmp_path_factory.mktemp("events") / "data"
    with running(data, CRDT_CALENDAR_LIMIT_AUTH_SECONDS="2") as server:
        yield server


@pytest.fixture
def project(server: ServerProcess) -> str:
    """A project nobody has been in."""
    name = f"project-{uuid4()}"
    server.create(name)
    return name
