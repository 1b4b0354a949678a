"""A server, and a bad line to it; on asyncio and on trio."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from crdt_calendar.client import CalendarClient, Timing
from crdt_calendar.client.token import Tokens
from tests.client.rig import QUICK
from tests.support.server import ServerProcess, running
from tests.support.toxic import Toxic, toxic

_numbers = count(1)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Whoever uses the library chooses: so do its tests."""
    backend: str = request.param
    return backend


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server for all tests that leave it as it is."""
    with running(tmp_path_factory.mktemp("client") / "data") as server:
        yield server


@dataclass
class Site:
    """A project of its own on a server, behind a proxy of its own."""

    server: ServerProcess
    proxy: Toxic
    project: str
    folder: Path

    def token(self, user: str = "ann", role: str = "editor") -> str:
        """A token for it."""
        return self.server.token(user, self.project, role)

    def client(
        self,
        user: str = "ann",
        role: str = "editor",
        *,
        store: str | Path | None = None,
        timing: Timing = QUICK,
        token: Tokens | None = None,
        **options: object,
    ) -> CalendarClient:
        """A client through the proxy; ``store`` is the name of a file, if not a path."""
        path = None if store is None else self.folder / store
        return CalendarClient(
            self.proxy.url,
            self.project,
            self.token(user, role) if token is None else token,
            path,
            timing=timing,
            **options,  # type: ignore[arg-type]
        )


@pytest.fixture
def site(server: ServerProcess, tmp_path: Path) -> Iterator[Site]:
    """A fresh project."""
    project = f"project-{next(_numbers)}"
    server.create(project)
    with toxic(server.port) as proxy:
        yield Site(server, proxy, project, tmp_path)


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    """A project on a server of its own, to be killed and started again."""
    with running(tmp_path / "data") as server, toxic(server.port) as proxy:
        yield Site(server, proxy, "demo", tmp_path)
