"""Clients of ``/graphql`` in Python: one for HTTP, and one for graphql-transport-ws."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import anyio
import httpx
import websockets
from websockets.asyncio.client import ClientConnection

from tests.support.server import HOST, ServerProcess

PROTOCOL = "graphql-transport-ws"
WAIT_SECONDS = 30.0  # on a machine that does much else
POLL_SECONDS = 0.002


class Failed(AssertionError):
    """An answer with errors; ``code`` is that of the first."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(json.dumps(errors))
        self.errors = errors
        self.code: str = errors[0]["extensions"]["code"]
        self.field: str | None = errors[0]["extensions"].get("field")


class Person:
    """Somebody with a token and an HTTP client."""

    def __init__(self, http: httpx.AsyncClient, token: str | None) -> None:
        self.http = http
        self.token = token

    async def post(self, body: Any, **headers: str) -> httpx.Response:
        """Any request at all."""
        bearer = {"authorization": f"Bearer {self.token}"} if self.token else {}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        all_headers = {"content-type": "application/json", **bearer, **headers}
        return await self.http.post("/graphql", content=content, headers=all_headers)

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """What is answered. Raises `Failed`."""
        answer = (await self.post({"query": query, "variables": variables})).json()
        if "errors" in answer:
            raise Failed(answer["errors"])
        data: dict[str, Any] = answer["data"]
        return data


@asynccontextmanager
async def person(server: ServerProcess, token: str | None) -> AsyncIterator[Person]:
    """Somebody, until the block ends."""
    base = f"http://{HOST}:{server.port}"
    async with httpx.AsyncClient(base_url=base, timeout=20, trust_env=False) as http:
        yield Person(http, token)


class Operation:
    """One operation on a socket, and everything it has been told."""

    def __init__(self, line: Line, id: str) -> None:
        self.line = line
        self.id = id
        self.heard: list[dict[str, Any]] = []  # the data of each answer
        self.errors: list[dict[str, Any]] | None = None
        self.complete = False

    @property
    def over(self) -> bool:
        """Whether nothing more can come."""
        return self.complete or self.errors is not None or self.line.closed is not None

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until the condition holds. Raises `TimeoutError`."""
        await self.line.until(condition)

    async def next(self) -> dict[str, Any]:
        """Take the next answer, once it is there. Raises `Failed`."""
        await self.until(lambda: self.heard or self.over)
        if not self.heard:
            raise Failed(self.errors or [{"extensions": {"code": str(self.line.closed)}}])
        return self.heard.pop(0)

    async def stop(self) -> None:
        """Unsubscribe."""
        await self.line.send({"id": self.id, "type": "complete"})


class Line:
    """One socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.operations: dict[str, Operation] = {}
        self.acknowledged = False
        self.messages: list[dict[str, Any]] = []

    @property
    def closed(self) -> tuple[int, str] | None:
        """Code and reason of the close frame that came; None while open."""
        code = self.socket.close_code
        return None if code is None else (code, self.socket.close_reason or "")

    async def send(self, message: Any) -> None:
        """Send one message, or any text."""
        text = message if isinstance(message, str | bytes) else json.dumps(message)
        await self.socket.send(text)

    async def init(self, **payload: Any) -> None:
        """Introduce oneself."""
        await self.send({"type": "connection_init", "payload": payload})

    async def subscribe(self, query: str, **variables: Any) -> Operation:
        """Begin an operation."""
        operation = Operation(self, str(uuid4()))
        self.operations[operation.id] = operation
        payload = {"query": query, "variables": variables}
        await self.send({"id": operation.id, "type": "subscribe", "payload": payload})
        return operation

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The answer to a query or mutation. Raises `Failed`."""
        operation = await self.subscribe(query, **variables)
        return await operation.next()

    async def until(self, condition: Callable[[], object], seconds: float = WAIT_SECONDS) -> None:
        """Wait until the condition holds. Raises `TimeoutError`."""
        with anyio.fail_after(seconds):
            while not condition():  # noqa: ASYNC110  # it may be about anything
                await anyio.sleep(POLL_SECONDS)

    async def until_closed(self, seconds: float = WAIT_SECONDS) -> tuple[int, str]:
        """Wait for the end; return code and reason."""
        with anyio.fail_after(seconds):
            await self.socket.wait_closed()
        assert self.closed is not None
        return self.closed

    async def listen(self) -> None:
        """Take in everything until the connection ends."""
        try:
            async for text in self.socket:
                await self._take(json.loads(text))
        except websockets.ConnectionClosed:
            return

    async def _take(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        if message["type"] == "connection_ack":
            self.acknowledged = True
        elif message["type"] == "ping":
            await self.send({"type": "pong"})
        elif "id" in message:
            _hear(self.operations[message["id"]], message)


def _hear(operation: Operation, message: dict[str, Any]) -> None:
    if message["type"] == "next" and "errors" not in message["payload"]:
        operation.heard.append(message["payload"]["data"])
    elif message["type"] == "next":
        operation.errors = message["payload"]["errors"]
    elif message["type"] == "error":
        operation.errors = message["payload"]
    else:
        operation.complete = True


@asynccontextmanager
async def socket(
    server: ServerProcess,
    *,
    token: str | None = None,
    protocols: tuple[str, ...] = (PROTOCOL,),
    origin: str | None = None,
    query: str = "",
    cookie: str = "",
) -> AsyncIterator[Line]:
    """A socket that has not introduced itself; a `token` goes with the upgrade."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    connection = await websockets.connect(
        f"ws://{HOST}:{server.port}/graphql{query}",
        subprotocols=[websockets.Subprotocol(name) for name in protocols],
        additional_headers={**headers, **({"cookie": cookie} if cookie else {})},
        origin=websockets.Origin(origin) if origin else None,
        compression=None,
        max_size=None,
        ping_interval=None,
        close_timeout=1.0,
    )
    try:
        line = Line(connection)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(line.listen)
            yield line
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await connection.close()


@asynccontextmanager
async def connected(server: ServerProcess, token: str) -> AsyncIterator[Line]:
    """A socket of somebody who was let in."""
    async with socket(server) as line:
        await line.init(token=token)
        await line.until(lambda: line.acknowledged)
        yield line
