"""Hypercorn's WebSocket stream, with a line straight to the socket.

Hypercorn takes about 27 us of one core for a frame on its way out, through two state machines, a
lock and three awaits, and 40 us on its way in. A room sends the same bytes to all its peers; here
they reach the transport in one call, and whole binary messages take the short way in. All else
(HTTP, TLS, HTTP/2, handshakes, control frames, fragments) remains hypercorn's and wsproto's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import anyio
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.protocol.events import Data, Event, Request
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.ws_stream import ASGIWebsocketState, WSStream
from wsproto.events import CloseConnection
from wsproto.events import Event as WsprotoEvent
from wsproto.frame_protocol import CloseReason

from crdt_calendar.errors import FrameTooLarge, TooSlow
from server.gateways.line import LINE_EXTENSION, Ended, Receiver
from server.rooms.frame import Frame
from server.rooms.line import Line
from server.serving.intake import Intake

PING = b"\x89\x00"  # RFC 6455 section 5.5.2: a ping frame without content
HIGH_WATER_BYTES = 64 * 1024  # where asyncio and uvloop begin to make writers wait


open_lines: set[SocketLine] = set()  # for pings


class SocketLine(Line):
    """A line that writes whole WebSocket frames to the transport of one connection."""

    __slots__ = ("_is_closing", "_stream", "_waiting_bytes", "_write", "_writer")

    def __init__(self, stream: FrameStream, writer: asyncio.StreamWriter) -> None:
        self._stream = stream
        self._writer = writer
        # Bound once: a room calls these for every peer and frame.
        self._write = writer.transport.write
        self._is_closing = writer.transport.is_closing
        self._waiting_bytes = writer.transport.get_write_buffer_size

    def offer(self, frame: Frame) -> bool:
        """Write the frame unless the transport has enough; once it is closed, to nowhere."""
        if self._waiting_bytes() > HIGH_WATER_BYTES:
            return False
        if not self._is_closing():
            self._write(frame.wire)
        return True

    def ping(self) -> bool:
        """Send a ping; return whether the line is there at all."""
        if self._is_closing():
            return False
        if self._stream.is_open:
            self._write(PING)
        return True

    async def send(self, frame: Frame, patience_seconds: float) -> None:
        """Write the frame and wait until the transport has room, as long as there is progress."""
        if self._is_closing():
            return
        self._write(frame.wire)
        while True:
            before = self._waiting_bytes()
            with anyio.move_on_after(patience_seconds):
                await self._drain()
                return
            if self._waiting_bytes() >= before:
                raise TooSlow(f"nothing was read for {patience_seconds:g} seconds")

    async def _drain(self) -> None:
        try:
            await self._writer.drain()
        except (ConnectionError, RuntimeError):
            return  # the connection is gone; its reader will say so

    def abort(self) -> None:
        """Cut the connection: a peer that does not read would not take a farewell either."""
        self._writer.transport.abort()


class FrameStream(WSStream):
    """Hypercorn's WebSocket stream, without compression and with a line for the application.

    The scope's ``extensions`` have this object under `LINE_EXTENSION`; an application that knows it
    calls `open_line` before it accepts. Nothing changes for any other application.
    """

    def __init__(self, app: Any, *arguments: Any) -> None:
        super().__init__(app, *arguments)
        self.app = self._offering(app)
        self._server = _server_of(self)
        self._put: Callable[[Any], Awaitable[None]] | None = None
        self._receiver: Receiver | None = None
        self._ended: Ended | None = None
        self._intake: Intake | None = None
        self._texts = False

    @property
    def is_open(self) -> bool:
        """Accepted, and no close frame was sent."""
        return self.state is ASGIWebsocketState.CONNECTED and not self.closed

    def open_line(
        self,
        receiver: Receiver,
        ended: Ended,
        *,
        texts: bool = False,
        most_bytes: int | None = None,
    ) -> Line | None:
        """Deliver every message to `receiver` from now on; return the line for what goes out.

        With ``texts`` a text is delivered as the bytes of its UTF-8, else as None. A message of
        more than `most_bytes` is refused. None where the connection has no transport of its own
        (HTTP/2).
        """
        if self._server is None or self.app_put is None:
            return None
        self._receiver, self._ended = receiver, ended
        self._texts = texts
        most = most_bytes or self.config.websocket_max_message_size
        self._intake = Intake(most, receiver, ended, texts=texts)
        self._put, self.app_put = self.app_put, self._deliver
        line = SocketLine(self, self._server.writer)
        open_lines.add(line)
        return line

    async def handle(self, event: Event) -> None:
        """Take the messages out of what comes in; hand all else on.

        A client may not negotiate permessage-deflate (RFC 7692): 64 KB of input would inflate to
        63 MB before any limit is looked at, and each connection would keep 90 KiB of windows.
        """
        if isinstance(event, Data) and self._intake and not self._intake.has_taken_over:
            await self._read(event, self._intake)
            return
        if isinstance(event, Request):
            event = replace(event, headers=list(filter(_is_no_extension, event.headers)))
        await super().handle(event)

    async def _read(self, event: Data, intake: Intake) -> None:
        async def general(data: bytes) -> None:
            await super(FrameStream, self).handle(Data(event.stream_id, data))

        await intake.read(event.data, general)
        # Private, and the only way to know that hypercorn holds nothing that came before.
        if self._server and self.is_open and not self._server.reader._buffer:  # type: ignore[attr-defined]
            # Of a socket: it goes both ways, which a writer's type does not say.
            intake.take_over(cast(asyncio.Transport, self._server.writer.transport))

    async def _accept(self, message: Any) -> None:
        """Accept, and let go of the parser that read the handshake: 2 KiB for every connection."""
        await super()._accept(message)
        if self._server is not None:
            connection = self._server.protocol.protocol.connection
            vars(connection)["h11_connection"] = None

    def _offering(self, app: Any) -> Any:
        async def offering(scope: Any, *arguments: Any) -> None:
            scope["extensions"][LINE_EXTENSION] = self
            await app(scope, *arguments)

        return offering

    async def _deliver(self, message: dict[str, Any]) -> None:
        assert self._receiver is not None
        assert self._put is not None
        if message["type"] == "websocket.receive":
            data = message["bytes"]
            if data is None and self._texts:
                data = message["text"].encode()
            rest = self._receiver(data)
            if rest is not None:
                await rest
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


def _server_of(stream: WSStream) -> TCPServer | None:
    """The connection's server object, by way of the two objects that bind `stream.send`."""
    protocol = getattr(stream.send, "__self__", None)
    if not isinstance(protocol, H11Protocol):  # HTTP/2: the transport is not this stream's own
        return None
    server = getattr(protocol.send, "__self__", None)
    return server if isinstance(server, TCPServer) else None
