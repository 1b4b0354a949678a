"""Serving: hypercorn, with a line straight to the socket.

Hypercorn takes about 27 us of one core for a frame on its way out, through two state machines, a
lock and three awaits, and on its way in a queue and a task switch. A room sends the same bytes to
all its peers; here they reach the transport in one call. All else (HTTP, TLS, HTTP/2, handshakes,
control frames, fragments) remains hypercorn's. What is replaced is one class, `WSStream`, and
`tests/test_serving.py` holds it against the versions that we run on.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import anyio
import hypercorn.protocol.h2
import hypercorn.protocol.h11
from hypercorn.asyncio.run import worker_serve
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.config import Config, Sockets
from hypercorn.protocol.events import Event, Request
from hypercorn.protocol.ws_stream import ASGIWebsocketState, WSStream
from hypercorn.utils import wrap_app
from starlette.types import ASGIApp
from wsproto.events import CloseConnection
from wsproto.events import Event as WsprotoEvent
from wsproto.frame_protocol import CloseReason

from crdt_calendar.errors import FrameTooLarge, TooSlow
from server.gateways.line import LINE_EXTENSION, Ended, Receiver
from server.rooms.frame import Frame
from server.rooms.line import Line

HIGH_WATER_BYTES = 64 * 1024  # where asyncio and uvloop begin to make writers wait
PING = b"\x89\x00"  # RFC 6455 section 5.5.2: a ping frame without content
PING_SECONDS = 20.0  # below the 30 to 60 s after which proxies cut silent connections
DEAD_LINE_MS = 30_000  # unanswered bytes for that long: the kernel ends the connection
GRACE_SECONDS = 2.0  # for what is still in flight after every peer was told to go


class SocketLine(Line):
    """A line that writes whole WebSocket frames to the transport of one connection."""

    __slots__ = ("_stream", "_transport", "_writer")

    def __init__(self, stream: FrameStream, writer: asyncio.StreamWriter) -> None:
        self._stream = stream
        self._writer = writer
        self._transport = writer.transport

    def offer(self, frame: Frame) -> bool:
        """Write the frame unless the transport has enough; after a close nothing is written."""
        if self._transport.get_write_buffer_size() > HIGH_WATER_BYTES:
            return False
        self.write(frame.wire)
        return True

    def write(self, wire: bytes) -> None:
        """Write the bytes of whole frames, if the connection is open."""
        if self._stream.is_open and not self._transport.is_closing():
            self._transport.write(wire)

    async def send(self, frame: Frame, patience_seconds: float) -> None:
        """Write the frame and wait until the transport has room, as long as there is progress."""
        self.write(frame.wire)
        while True:
            before = self._transport.get_write_buffer_size()
            with anyio.move_on_after(patience_seconds):
                await self._drain()
                return
            if self._transport.get_write_buffer_size() >= before:
                raise TooSlow(f"nothing was read for {patience_seconds:g} seconds")

    async def _drain(self) -> None:
        try:
            await self._writer.drain()
        except (ConnectionError, RuntimeError):
            return  # the connection is gone; its reader will say so

    @property
    def is_gone(self) -> bool:
        """Whether nothing will ever be written here again."""
        return self._transport.is_closing()

    def abort(self) -> None:
        """Cut the connection: a peer that does not read would not take a farewell either."""
        self._transport.abort()


class FrameStream(WSStream):
    """Hypercorn's WebSocket stream, without compression and with a line for the application.

    The scope's ``extensions`` have this object under `LINE_EXTENSION`; an application that knows it
    calls `open_line` before it accepts. Nothing changes for any other application.
    """

    def __init__(self, app: Any, *arguments: Any) -> None:
        super().__init__(app, *arguments)
        self.app = self._offering(app)
        self._writer = _writer_of(self)
        self._put: Callable[[Any], Awaitable[None]] | None = None
        self._receiver: Receiver | None = None
        self._ended: Ended | None = None

    @property
    def is_open(self) -> bool:
        """Accepted, and no close frame was sent."""
        return self.state is ASGIWebsocketState.CONNECTED and not self.closed

    def open_line(self, receiver: Receiver, ended: Ended) -> Line | None:
        """Deliver every message to `receiver` from now on; return the line for what goes out.

        None where the connection has no transport of its own (HTTP/2).
        """
        if self._writer is None or self.app_put is None:
            return None
        self._receiver, self._ended = receiver, ended
        self._put, self.app_put = self.app_put, self._deliver
        line = SocketLine(self, self._writer)
        _lines.add(line)
        return line

    async def handle(self, event: Event) -> None:
        """Never let a client negotiate permessage-deflate (RFC 7692).

        64 KB of input would inflate to 63 MB before any limit is looked at, and each connection
        would keep 90 KiB of windows.
        """
        if isinstance(event, Request):
            event = replace(event, headers=list(filter(_is_no_extension, event.headers)))
        await super().handle(event)

    def _offering(self, app: Any) -> Any:
        async def offering(scope: Any, *arguments: Any) -> None:
            scope["extensions"][LINE_EXTENSION] = self
            await app(scope, *arguments)

        return offering

    async def _deliver(self, message: dict[str, Any]) -> None:
        assert self._receiver is not None
        assert self._put is not None
        if message["type"] == "websocket.receive":
            await self._receiver(message["bytes"])
        else:
            await self._put(message)

    async def _send_wsproto_event(self, event: WsprotoEvent) -> None:
        if (
            self._ended is not None
            and isinstance(event, CloseConnection)
            and event.code == CloseReason.MESSAGE_TOO_BIG
            and event.reason is None
        ):
            # Hypercorn would say so and then wait for the client, which may not care.
            limit = self.config.websocket_max_message_size
            self._ended(FrameTooLarge(f"a message may have at most {limit} bytes"))
        else:
            await super()._send_wsproto_event(event)


def _is_no_extension(header: tuple[bytes, bytes]) -> bool:
    return header[0].lower() != b"sec-websocket-extensions"


def _writer_of(stream: WSStream) -> asyncio.StreamWriter | None:
    """The connection's writer, by way of the two objects that bind `stream.send`."""
    protocol = getattr(stream.send, "__self__", None)
    server = getattr(getattr(protocol, "send", None), "__self__", None)
    return server.writer if isinstance(server, TCPServer) else None


_lines: set[SocketLine] = set()


async def _ping(seconds: float) -> None:
    """Ping every open line; the kernel ends a connection that leaves this unanswered."""
    while True:
        await anyio.sleep(seconds)
        for line in list(_lines):
            if line.is_gone:
                _lines.discard(line)
            else:
                line.write(PING)


def listen(host: str, port: int) -> Sockets:
    """Bind a listening socket; port 0 takes a free one. Raises `OSError`."""
    config = Config()
    config.bind = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
    sockets = config.create_sockets()
    for listener in sockets.insecure_sockets:
        # Inherited by accepted connections: pulled plugs are noticed without a task for each.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_LINE_MS)
        listener.listen(config.backlog)
    return sockets


async def serve(
    app: ASGIApp,
    sockets: Sockets,
    *,
    frame_bytes: int,
    stop: Callable[[], Awaitable[None]],
    ping_seconds: float = PING_SECONDS,
) -> None:
    """Serve the application on the sockets until `stop` returns."""
    config = Config()
    config.websocket_max_message_size = frame_bytes
    config.websocket_ping_interval = None  # ours, for all lines: no task for each connection
    config.graceful_timeout = GRACE_SECONDS
    config.include_server_header = False
    config.accesslog = None
    config.errorlog = "-"
    for module in (hypercorn.protocol.h11, hypercorn.protocol.h2):
        vars(module)["WSStream"] = FrameStream
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_ping, ping_seconds)
        wrapped = wrap_app(cast(Any, app), config.wsgi_max_body_size, "asgi")
        await worker_serve(wrapped, config, sockets=sockets, shutdown_trigger=stop)
        tasks.cancel_scope.cancel()
