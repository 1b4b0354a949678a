"""One server for the folder, and socket.io clients for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.board.rig import Sockets, new_board, sockets
from tests.support.server import HOST, ServerProcess, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server; each test takes a board of its own."""
    with running(tmp_path_factory.mktemp("board") / "data") as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def stranger(server: ServerProcess) -> Iterator[ClientConnection]:
    """Somebody who connects and says nothing while the tests of this folder run."""
    url = f"ws://{HOST}:{server.port}/socket.io/?EIO=4&transport=websocket"
    with connect(url) as socket:
        yield socket


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ask last of all what became of the stranger: meanwhile everything else goes on."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture
def retreat(server: ServerProcess) -> str:
    """A board nobody has been at."""
    return new_board(server, f"retreat-{uuid4()}")


@pytest.fixture
async def clients(server: ServerProcess) -> AsyncIterator[Sockets]:
    """A Node process with socket.io clients."""
    async with sockets(server) as clients:
        yield clients
