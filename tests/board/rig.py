"""Stock socket.io clients in a Node process, and Yjs clients beside them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

import anyio
from pycrdt import Doc, Map
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from crdt_calendar.model.lineup import Lineup
from crdt_calendar.protocol.messages import SyncStatus
from tests.support.client import Client, connected
from tests.support.node import Node, node
from tests.support.server import HOST, ServerProcess

T = TypeVar("T")
PATIENCE_SECONDS = 10.0
LOOK_SECONDS = 0.01
NAMESPACE = "/gbs-lineup"
WEBSOCKET, POLLING = ["websocket"], ["polling"]


class Socket:
    """One socket.io client."""

    def __init__(self, node: Node, name: str) -> None:
        self._node = node
        self._name = name
        self._read = 0

    async def do(self, do: str, **words: object) -> Any:
        """Have this client do something; see ``sockets.mjs``."""
        return await self._node.ask(do, client=self._name, **words)

    async def emit(self, event: str, *data: object) -> None:
        """Emit an event and ask for nothing."""
        await self.do("emit", event=event, data=list(data))

    async def ask(self, event: str, *data: object) -> Any:
        """Emit an event; what it is acknowledged with."""
        return await self.do("asked", event=event, data=list(data))

    async def next(self, event: str) -> Any:
        """The data of the next event of that name; what came before it is passed over."""
        with anyio.fail_after(PATIENCE_SECONDS):
            while True:
                for name, *data in await self.do("since", **{"from": self._read}):
                    self._read += 1
                    if name == event:
                        return data[0] if data else None
                await anyio.sleep(LOOK_SECONDS)

    async def heard(self) -> list[Any]:
        """Everything it has heard so far."""
        heard: list[Any] = await self.do("since", **{"from": 0})
        return heard

    async def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until its status is such."""
        with anyio.fail_after(PATIENCE_SECONDS):
            while True:
                status: dict[str, Any] = await self.do("status")
                if holds(status):
                    return status
                await anyio.sleep(LOOK_SECONDS)

    async def join(self, retreat: str) -> list[dict[str, Any]]:
        """Enter a board; all its line-ups."""
        answer = await self.ask("join-retreat", retreat)
        assert "error" not in answer, answer
        board: list[dict[str, Any]] = await self.next("initial-data")
        return board


class Sockets:
    """A Node process with socket.io clients for one server."""

    def __init__(self, node: Node, server: ServerProcess) -> None:
        self._node = node
        self.server = server
        self._count = 0

    async def open(self, token: str | None, **options: object) -> Socket:
        """A client that begins to connect."""
        self._count += 1
        name = f"socket{self._count}"
        auth = {} if token is None else {"auth": {"token": token}}
        url = f"http://{HOST}:{self.server.port}{NAMESPACE}"
        await self._node.ask("open", client=name, url=url, options={**auth, **options})
        return Socket(self._node, name)

    async def connected(
        self, user: str, project: str, role: str = "editor", **options: object
    ) -> Socket:
        """A client of that user that is connected."""
        token = self.server.token(user, project, role, name=user.title())
        socket = await self.open(token, **{"transports": WEBSOCKET, **options})
        await socket.next("connect")
        return socket


@asynccontextmanager
async def sockets(server: ServerProcess) -> AsyncIterator[Sockets]:
    """Socket.io clients until the block ends."""
    async with node("sockets.mjs") as process:
        yield Sockets(process, server)


def new_board(server: ServerProcess, project: str) -> str:
    """A project of kind `lineup`."""
    server.admin("projects.create", project=project, kind="lineup")
    return project


def lineup_of(doc: Doc[Map[object]], user: str = "tester") -> Lineup:
    """The board on a document."""
    return Lineup(doc, clock=lambda: datetime.now(UTC), new_id=lambda: str(uuid4()), user=user)


class Yjs:
    """A Yjs client at a board."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.board = lineup_of(client.doc, client.user)
        self.until = client.until

    async def edit(self, change: Callable[[Lineup], T]) -> T:
        """Change the board, and wait until that is on disk."""
        result = await self.client.edit(lambda _: change(self.board))
        payload = uuid4().bytes
        await self.client.send(SyncStatus(payload))
        await self.until(lambda: payload in self.client.statuses)
        return result

    async def put(self, lineup_id: str, **values: object) -> None:
        """Somebody on the board."""
        await self.edit(lambda board: board.create(values, lineup_id=lineup_id))

    async def number(self, lineup_id: str, gbs_number: int) -> None:
        """Put somebody into a group."""
        await self.edit(lambda board: board.set_number(lineup_id, gbs_number))


@asynccontextmanager
async def yjs_client(
    server: ServerProcess,
    user: str,
    project: str,
    role: str = "editor",
    *,
    doc: Doc[Map[object]] | None = None,
) -> AsyncIterator[Yjs]:
    """A Yjs client that has heard everything there is."""
    token = server.token(user, project, role)
    async with connected(server.url, token, project, user=user, doc=doc) as client:
        await client.until_synced()
        yield Yjs(client)


class Raw:
    """A WebSocket that speaks Engine.IO and Socket.IO by hand, or something else."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def enter(self, token: str) -> None:
        """Enter the namespace."""
        await self.hear("0")
        await self.send(f"40{NAMESPACE},{json.dumps({'token': token})}")
        await self.hear(f"40{NAMESPACE}")

    async def send(self, packet: str | bytes) -> None:
        """Send that, whatever it is."""
        await self.socket.send(packet)

    async def hear(self, start: str) -> str:
        """The next packet that begins so; what came before it is passed over."""
        with anyio.fail_after(PATIENCE_SECONDS):
            while True:
                packet = await self.socket.recv()
                if isinstance(packet, str) and packet.startswith(start):
                    return packet

    async def event(self, name: str) -> Any:
        """The data of the next event of that name."""
        packet = await self.hear(f'42{NAMESPACE},["{name}"')
        return json.loads(packet.partition(",")[2])[1]

    async def emit(self, *event: object) -> None:
        """Emit an event."""
        await self.send(f"42{NAMESPACE},{json.dumps(event)}")

    async def ended(self) -> None:
        """Wait until the server has closed it."""
        with anyio.fail_after(PATIENCE_SECONDS):
            while True:
                try:
                    await self.socket.recv()
                except ConnectionClosed:
                    return


@asynccontextmanager
async def raw(server: ServerProcess, port: int | None = None, **options: Any) -> AsyncIterator[Raw]:
    """A WebSocket at the engine's door, or at another port behind which that is."""
    url = f"ws://{HOST}:{port or server.port}/socket.io/?EIO=4&transport=websocket"
    async with connect(url, max_size=None, close_timeout=0.5, **options) as socket:
        yield Raw(socket)
