"""``/events`` over WebSocket: from the handshake to the end of one connection."""

from __future__ import annotations

import logging
from collections.abc import Awaitable

import anyio
from starlette.types import Receive, Scope, Send

from crdt_calendar.errors import CalendarError, FrameTooLarge, ProtocolError
from server.auth.middleware import check_origin, check_user, credentials
from server.gateways.events.client import Client, House
from server.gateways.events.dialogue import Dialogue
from server.gateways.events.voice import VOICES
from server.gateways.line import LINE_EXTENSION, AsgiLine
from server.rooms.line import Line

REASON_BYTES = 123  # RFC 6455 section 5.5: a control frame has at most 125, the code takes two
FAREWELL_SECONDS = 1.0  # for a client to take the close frame and answer it
USUAL = "calendar.v1.json"

log = logging.getLogger(__name__)


class SocketConnection:
    """One WebSocket. Who comes with a token is checked before anything else; who comes without
    says who they are in a message."""

    def __init__(
        self, house: House, origins: frozenset[str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._house = house
        self._origins = origins
        self._scope = scope
        self._receive = receive
        self._send = send
        self._credentials = credentials(scope)
        self._protocol = _protocol(scope)
        self._accepted = self._closing = False
        self._ended = anyio.CancelScope()
        self._line: Line = AsgiLine(send)
        self._client: Client | None = None
        self._dialogue: Dialogue | None = None
        self._ready: anyio.Event | None = None  # made by the first message that comes too early

    async def run(self, clients: set[Client]) -> None:
        """Serve until either side has enough. The client is in `clients` meanwhile."""
        await self._receive()  # websocket.connect
        self._house.observer.connected("events")
        try:
            await self._serve(clients)
        except CalendarError as error:
            await self._close(error)
        finally:
            self._house.observer.disconnected("events")

    async def _serve(self, clients: set[Client]) -> None:
        check_origin(self._scope, self._origins, self._credentials.source)
        self._open_line()
        voice = VOICES[self._protocol or USUAL]
        client = self._client = Client(self._house, voice, self._line, self._ended.cancel)
        if self._credentials.token:
            claims = await client.identify(self._credentials.token)
            check_user(self._scope, self._credentials, claims.user)
        self._dialogue = Dialogue(client)
        clients.add(client)
        try:
            with self._ended:
                await self._accept()
                await self._stay()
        finally:
            clients.discard(client)
            error = client.error
            client.close()
        if error is not None:
            raise error

    def _open_line(self) -> None:
        offered = self._scope.get("extensions", {}).get(LINE_EXTENSION)
        if offered is not None:
            most = self._house.limits.envelope_bytes
            line = offered.open_line(self._take, self._end, texts=True, most_bytes=most)
            self._line = line or self._line

    async def _stay(self) -> None:
        """Wait for the end; without a line of the server's, messages come this way too."""
        if self._ready is not None:
            self._ready.set()
        while (message := await self._receive())["type"] == "websocket.receive":
            data = message.get("bytes")
            if (rest := self._take(message["text"].encode() if data is None else data)) is not None:
                await rest

    def _take(self, data: bytes | None) -> Awaitable[None] | None:
        if self._closing:
            return None
        if self._dialogue is None or not self._accepted:
            return self._take_later(data)
        content = data or b""
        if len(content) > self._house.limits.envelope_bytes:
            most = self._house.limits.envelope_bytes
            self._end(FrameTooLarge(f"a message may have at most {most} bytes"))
            return None
        return self._dialogue.take(content)

    async def _take_later(self, data: bytes | None) -> None:
        if self._ready is None:
            self._ready = anyio.Event()
        await self._ready.wait()
        if (rest := self._take(data)) is not None:
            await rest

    def _end(self, error: CalendarError) -> None:
        if self._client is not None:
            self._client.end(error)

    async def _accept(self) -> None:
        self._accepted = True
        subprotocol = self._protocol or self._credentials.subprotocol
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol})

    async def _close(self, error: CalendarError) -> None:
        self._closing = True
        if self._ready is not None:
            self._ready.set()
        self._house.observer.refused(error.slug)
        self._house.observer.closed(error.close_code)
        claims = self._client.claims if self._client else None
        log.log(
            logging.WARNING if isinstance(error, ProtocolError) else logging.INFO,
            "connection closed",
            extra={
                "user": claims.user if claims else "",
                "code": error.close_code,
                "slug": error.slug,
                "reason": str(error),
            },
        )
        reason = str(error).encode()[:REASON_BYTES].decode(errors="ignore")
        with anyio.move_on_after(FAREWELL_SECONDS, shield=True):
            if not self._accepted:
                await self._accept()
            await self._send(
                {"type": "websocket.close", "code": error.close_code, "reason": reason}
            )
            # What a client sends to a socket that is gone comes back as a reset, and with it the
            # farewell is lost: wait until the client has closed as well (RFC 6455 section 7.1.1).
            while (await self._receive())["type"] != "websocket.disconnect":
                pass
            return
        self._line.abort()


def _protocol(scope: Scope) -> str | None:
    """The first subprotocol of ours that is offered."""
    return next((name for name in scope.get("subprotocols", ()) if name in VOICES), None)
