"""One server for what the page and polling clients ask of it over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import httpx
import pytest

from tests.serving.polling import site
from tests.support.server import ServerProcess, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server; each test takes a project of its own."""
    with running(tmp_path_factory.mktemp("serving") / "data") as server:
        yield server


@pytest.fixture
def project(server: ServerProcess) -> str:
    """A project nobody has been in."""
    name = f"project-{uuid4()}"
    server.create(name)
    return name


@pytest.fixture
async def http(server: ServerProcess) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with an HTTP client and no credentials."""
    async with site(server.port) as http:
        yield http
