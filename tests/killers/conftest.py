"""One server that every killer is sent to; it must be the same process when all is over."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.support.server import ServerProcess, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server; each test takes a project of its own."""
    with running(tmp_path_factory.mktemp("killers") / "data") as server:
        pid = server.pid
        yield server
        assert server.process.poll() is None, server.said()
        assert server.pid == pid


@pytest.fixture
def project(server: ServerProcess) -> str:
    """A project nobody has been in."""
    name = f"project-{uuid4()}"
    server.create(name)
    return name
