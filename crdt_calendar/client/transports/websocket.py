"""WebSocket (RFC 6455) by wsproto, over a stream of anyio: asyncio and trio alike.

Not by httpx-ws: it takes messages without any bound, its farewell is a write that nothing can
cancel, so that a line which swallows everything holds up the end of the program, and it does not
say how much of a large message has gone out. Compression is not offered: it would have to be
undone before any bound is looked at.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.abc import ByteStream
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    RejectData,
    Request,
)
from wsproto.utilities import ProtocolError

from crdt_calendar.client.connection import NO_WORD, Ending
from crdt_calendar.client.transports import AWAY, LineLost, Sent, Target
from crdt_calendar.errors import FrameTooLarge

# A large message goes out in pieces, and after each of them it is known how far it has come.
PIECE_BYTES = 16 * 1024
_READ_BYTES = 64 * 1024
_FAREWELL_SECONDS = 0.5
_BROKEN = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, OSError)


@asynccontextmanager
async def open_websocket(target: Target) -> AsyncIterator[WebSocket]:
    """A WebSocket to the project, until the block ends. Raises `LineLost`."""
    stream = await _connect(target)
    socket = WebSocket(stream, target.most_bytes)
    try:
        await socket.shake_hands(target)
        yield socket
    finally:
        with anyio.CancelScope(shield=True):  # bounded, whatever the line does
            await socket.leave()


async def _connect(target: Target) -> ByteStream:
    address = target.address
    try:
        with anyio.fail_after(target.timing.opening):
            stream = await anyio.connect_tcp(address.host, address.port)
    except OSError as error:  # a TimeoutError is one
        reason = f"nobody answers at {address.authority}: {error}"
        raise LineLost(Ending(NO_WORD, reason, reached=False)) from error
    if not address.secure:
        return stream
    return await _secured(stream, target)


async def _secured(stream: ByteStream, target: Target) -> ByteStream:
    import ssl

    from anyio.streams.tls import TLSStream

    try:
        return await TLSStream.wrap(
            stream,
            hostname=target.address.host,
            ssl_context=target.tls or ssl.create_default_context(),
            standard_compatible=False,  # no waiting for the other side's goodbye
        )
    except (ssl.SSLError, *_BROKEN) as error:
        await anyio.aclose_forcefully(stream)
        raise LineLost(Ending(NO_WORD, f"no secure connection: {error}")) from error


class WebSocket:
    """One WebSocket, the client's side; a `Transport`."""

    def __init__(self, stream: ByteStream, most_bytes: int) -> None:
        self._stream = stream
        self._most_bytes = most_bytes
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._writing = anyio.Lock()
        self._pieces: list[bytes] = []
        self._bytes = 0
        self._messages: list[bytes] = []
        self._ending: Ending | None = None

    async def shake_hands(self, target: Target) -> None:
        """Upgrade to WebSocket. Raises `LineLost`."""
        request = Request(
            host=target.address.authority,
            target=target.address.websocket_target,
            extra_headers=[(key.encode(), value.encode()) for key, value in target.headers.items()],
        )
        await self._write(self._protocol.send(request))
        while self._protocol.state is ConnectionState.CONNECTING:
            for event in await self._read():
                await self._take(event)
                if self._ending is not None:
                    raise LineLost(self._ending)

    async def send(self, frames: Sequence[bytes], sent: Sent) -> None:
        """Send each as one binary message; see `Transport.send`."""
        for frame in frames:
            if self._protocol.state is not ConnectionState.OPEN:
                raise LineLost(self._ending or Ending())
            data = self._protocol.send(BytesMessage(frame))
            async with self._writing:
                for start in range(0, len(data), PIECE_BYTES):
                    await self._write(data[start : start + PIECE_BYTES], locked=True)
                    sent(min(PIECE_BYTES, len(data) - start))

    async def receive(self) -> bytes:
        """The next message; see `Transport.receive`."""
        while not self._messages:
            if self._ending is not None:
                raise LineLost(self._ending)
            for event in await self._read():
                await self._take(event)
        return self._messages.pop(0)

    async def leave(self) -> None:
        """Say goodbye if somebody still listens, and let go of the line."""
        with anyio.move_on_after(_FAREWELL_SECONDS), suppress(LineLost, ProtocolError):
            if self._protocol.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
                code = 1000 if self._ending is None else self._ending.code
                await self._write(self._protocol.send(CloseConnection(code)))
        with suppress(*_BROKEN):
            await anyio.aclose_forcefully(self._stream)

    async def _write(self, data: bytes, *, locked: bool = False) -> None:
        try:
            if locked:
                await self._stream.send(data)
            else:
                async with self._writing:
                    await self._stream.send(data)
        except _BROKEN as error:
            raise LineLost(Ending(NO_WORD, "the line broke")) from error

    async def _read(self) -> list[Event]:
        try:
            data = await self._stream.receive(_READ_BYTES)
            self._protocol.receive_data(data)
            return list(self._protocol.events())
        except _BROKEN as error:
            raise LineLost(Ending(NO_WORD, "the line broke")) from error
        except ProtocolError as error:
            raise LineLost(Ending(NO_WORD, f"no WebSocket: {error}")) from error

    async def _take(self, event: Event) -> None:
        match event:
            case BytesMessage():
                self._add(event)
            case Ping():
                await self._write(self._protocol.send(event.response()))
            case CloseConnection():
                self._ending = Ending(event.code or NO_WORD, event.reason or "")
            case RejectConnection():
                reason = f"the handshake was answered {event.status_code}"
                self._ending = Ending(NO_WORD, reason, proxied=event.status_code in AWAY)
            case RejectData() | AcceptConnection():
                pass

    def _add(self, event: BytesMessage) -> None:
        self._pieces.append(bytes(event.data))
        self._bytes += len(event.data)
        if self._bytes > self._most_bytes:
            reason = f"the server sent more than {self._most_bytes} bytes in one message"
            raise LineLost(Ending(FrameTooLarge.close_code, reason))
        if event.message_finished:
            self._messages.append(b"".join(self._pieces))
            self._pieces, self._bytes = [], 0
