"""A receiver of webhooks: a small HTTP server that keeps what it was sent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.abc import SocketAttribute, SocketStream


@dataclass
class Receiver:
    """What came, in order; ``answer`` says by which status each is answered."""

    port: int = 0
    answer: Callable[[int], int] = lambda number: 200
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook?x=1"

    @property
    def bodies(self) -> list[Any]:
        """The bodies, decoded."""
        return [json.loads(body) for _, body in self.received]

    def kinds(self) -> list[str]:
        """What it was told, without repetitions of one message."""
        told = {headers["webhook-id"]: json.loads(body) for headers, body in self.received}
        return [body["type"] for body in told.values()]

    async def has(self, count: int) -> None:
        """Wait until that many requests have come."""
        with anyio.fail_after(10):
            while len(self.received) < count:  # noqa: ASYNC110  # they come by themselves
                await anyio.sleep(0.01)

    async def _serve(self, stream: SocketStream) -> None:
        async with stream:
            data = b""
            while b"\r\n\r\n" not in data:
                data += await stream.receive()
            head, _, body = data.partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")[1:]
            headers = {name.lower(): value for name, value in (one.split(": ", 1) for one in lines)}
            while len(body) < int(headers["content-length"]):
                body += await stream.receive()
            self.received.append((headers, body))
            status = self.answer(len(self.received))
            await stream.send(
                f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()
            )


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a port of its own."""
    receiver = Receiver()
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    receiver.port = listener.extra(SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, receiver._serve)
        yield receiver
        tasks.cancel_scope.cancel()
