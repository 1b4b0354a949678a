"""Serving: what hypercorn does for us, and what we do in its place, on real sockets."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
import websockets
from starlette.types import Receive, Scope, Send

from crdt_calendar.errors import CalendarError, TooSlow
from server.gateways.line import LINE_EXTENSION
from server.rooms.frame import Frame
from server.rooms.line import Line
from server.serving import listen, serve
from server.serving.stream import HIGH_WATER_BYTES, SocketLine

LIMIT = 100_000


class Echo:
    """An application on a line: sends back what it gets, keeps what it was told."""

    def __init__(self) -> None:
        self.line: Line | None = None
        self.ended: list[CalendarError] = []
        self.gone = anyio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            return await self._answer(scope, receive, send)
        await receive()
        end = anyio.Event()

        def ended(error: CalendarError) -> None:
            self.ended.append(error)
            end.set()

        self.line = scope["extensions"][LINE_EXTENSION].open_line(self._take, ended)
        await send({"type": "websocket.accept"})
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._until_gone, receive, tasks.cancel_scope)
            tasks.start_soon(self._until_ended, end, send)

    def _take(self, data: bytes | None) -> None:
        assert self.line is not None
        assert self.line.offer(Frame(data or b"text"))

    async def _until_gone(self, receive: Receive, scope: anyio.CancelScope) -> None:
        await receive()
        self.gone.set()
        scope.cancel()

    async def _until_ended(self, end: anyio.Event, send: Send) -> None:
        await end.wait()
        error = self.ended[0]
        await send({"type": "websocket.close", "code": error.close_code, "reason": str(error)})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})


@asynccontextmanager
async def serving(ping_seconds: float = 20.0) -> AsyncIterator[tuple[Echo, int]]:
    """An echo on a free port of the loopback."""
    app, sockets, stop = Echo(), listen("127.0.0.1", 0), anyio.Event()
    port = sockets.insecure_sockets[0].getsockname()[1]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run, app, sockets, stop, ping_seconds)
        yield app, port
        stop.set()


async def run(app: Echo, sockets: object, stop: anyio.Event, ping_seconds: float) -> None:
    await serve(
        app,
        sockets,  # type: ignore[arg-type]
        frame_bytes=LIMIT,
        stop=stop.wait,
        ping_seconds=ping_seconds,
    )


def test_messages_of_every_length_arrive_whole() -> None:
    async def main() -> None:
        async with serving() as (_, port), websockets.connect(f"ws://127.0.0.1:{port}") as client:
            for length in (0, 1, 125, 126, 127, 65_535, 65_536, LIMIT):
                await client.send(bytes(length))
                assert await client.recv() == (bytes(length) or b"text")

    asyncio.run(main())


def test_compression_is_never_negotiated() -> None:
    async def main() -> None:
        async with (
            serving() as (_, port),
            websockets.connect(f"ws://127.0.0.1:{port}", compression="deflate") as client,
        ):
            assert client.response is not None
            assert "Sec-WebSocket-Extensions" not in client.response.headers
            assert client.protocol.extensions == []

    asyncio.run(main())


def test_a_message_over_the_limit_ends_the_connection_with_a_reason() -> None:
    async def main() -> None:
        async with serving() as (app, port), websockets.connect(f"ws://127.0.0.1:{port}") as client:
            await client.send(bytes(LIMIT + 1))
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await client.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009
            assert str(LIMIT) in closed.value.rcvd.reason
            assert app.ended

    asyncio.run(main())


def test_pings_are_sent() -> None:
    async def main() -> None:
        async with serving(ping_seconds=0.02) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(upgrade())
            await reader.readuntil(b"\r\n\r\n")
            assert await asyncio.wait_for(reader.readexactly(2), 5) == b"\x89\x00"
            writer.close()

    asyncio.run(main())


def test_bytes_behind_the_upgrade_do_not_take_the_server_down() -> None:
    # pgjones/hypercorn#225: what comes in the same packet as the upgrade request.
    async def main() -> None:
        async with serving() as (_, port):
            for trailing in (b"garbage" * 10, b"\x82\x80\x00\x00\x00\x00", b"\x00", b"GET / HTTP"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(upgrade() + trailing)
                await asyncio.wait_for(reader.read(1024), 5)
                writer.close()
            async with websockets.connect(f"ws://127.0.0.1:{port}") as client:
                await client.send(b"still here")
                assert await client.recv() == b"still here"

    asyncio.run(main())


def test_a_line_stops_taking_when_nobody_reads_and_says_so_in_time() -> None:
    async def main() -> None:
        async with serving() as (app, port):
            reader, writer = await slow_client(port)
            line = app.line
            assert isinstance(line, SocketLine)
            frame, offered = Frame(bytes(64_000)), 0
            while line.offer(frame):
                offered += 1
                await asyncio.sleep(0.001)
            assert offered * 64_000 < 20_000_000 + HIGH_WATER_BYTES
            with pytest.raises(TooSlow):
                await line.send(frame, 0.05)
            line.abort()
            await asyncio.wait_for(app.gone.wait(), 5)
            writer.close()

    asyncio.run(main())


async def slow_client(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connected client that reads nothing: its buffers are small and its reader is paused."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=raw)
    writer.write(upgrade())
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    return reader, writer


def upgrade() -> bytes:
    """A WebSocket handshake (RFC 6455 section 4.1)."""
    key = base64.b64encode(bytes(16)).decode()
    return (
        "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def test_what_the_protocol_forbids_ends_one_connection_and_no_other() -> None:
    async def main() -> None:
        async with serving() as (_, port):
            unmasked, reserved = b"\x82\x01a", b"\xf2\x81\x00\x00\x00\x00a"
            for forbidden in (unmasked, reserved, b"\x80\x80\x00\x00\x00\x00"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(upgrade())
                await reader.readuntil(b"\r\n\r\n")
                writer.write(forbidden)
                closing = await asyncio.wait_for(reader.readexactly(4), 5)
                assert closing[0] == 0x88
                assert int.from_bytes(closing[2:], "big") == 1008
                writer.close()
            async with websockets.connect(f"ws://127.0.0.1:{port}") as client:
                await client.send(b"still here")
                assert await client.recv() == b"still here"

    asyncio.run(main())
