"""The Yjs gateway: ``/yjs/{project}``, y-protocols over WebSocket, for any stock Yjs client.

One connection is one peer of one room; a WebSocket message is one y-protocols message.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from time import monotonic

import anyio
from starlette.types import Receive, Scope, Send

from crdt_calendar.errors import CalendarError, MalformedFrame, ProtocolError
from crdt_calendar.limits import Limits
from server.auth.authority import Authority
from server.auth.grants import Grant
from server.auth.middleware import check_origin, check_user, credentials
from server.auth.tokens import Claims
from server.gateways.line import LINE_EXTENSION, AsgiLine
from server.rooms.line import Line
from server.rooms.observer import Observer
from server.rooms.peer import Peer
from server.rooms.registry import Registry
from server.rooms.room import Room

REASON_BYTES = 123  # RFC 6455 section 5.5: a control frame has at most 125, the code takes two
FAREWELL_SECONDS = 1.0  # for a peer to take the close frame and answer it

log = logging.getLogger(__name__)


class YjsGateway:
    """The ASGI application behind ``/yjs/{project}``."""

    def __init__(
        self,
        registry: Registry,
        authority: Authority,
        limits: Limits,
        observer: Observer,
        allowed_origins: frozenset[str] = frozenset(),
    ) -> None:
        self.registry = registry
        self.authority = authority
        self.limits = limits
        self.observer = observer
        self.allowed_origins = allowed_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection from its handshake to its end."""
        await Connection(self, scope, receive, send).run()


class Connection:
    """One WebSocket. Everything is decided before it is accepted and before any room exists.

    A refusal is accepted and closed at once all the same: a browser can read a close code, and
    cannot read the status of a refused handshake.
    """

    __slots__ = (
        "_accepted",
        "_credentials",
        "_gateway",
        "_line",
        "_peer",
        "_project",
        "_ready",
        "_receive",
        "_room",
        "_scope",
        "_send",
        "_user",
    )

    def __init__(self, gateway: YjsGateway, scope: Scope, receive: Receive, send: Send) -> None:
        self._gateway = gateway
        self._scope = scope
        self._receive = receive
        self._send = send
        self._credentials = credentials(scope)
        self._project: str = scope["path_params"]["project"]
        self._user = ""
        self._accepted = False
        self._ready: anyio.Event | None = None  # made by the first message that comes too early
        self._line: Line = AsgiLine(send)
        self._room: Room | None = None
        self._peer: Peer | None = None

    async def run(self) -> None:
        """Serve until either side has enough."""
        await self._receive()  # websocket.connect
        self._gateway.observer.connected("yjs")
        try:
            await self._serve()
        except CalendarError as error:
            await self._close(error)
        finally:
            self._gateway.observer.disconnected("yjs")

    async def _serve(self) -> None:
        gateway = self._gateway
        check_origin(self._scope, gateway.allowed_origins, self._credentials.source)
        claims = await gateway.authority.identify(self._credentials.token)
        check_user(self._scope, self._credentials, claims.user)
        self._user, epoch = claims.user, gateway.registry.epoch
        grant = await gateway.authority.admit(claims, self._project)
        async with gateway.registry.visit(self._project, claims.user) as room:
            self._open_line()
            with anyio.CancelScope() as scope:
                peer = self._make_peer(grant, claims, scope)
                await self._accept()
                with room.joined(peer):
                    if epoch != gateway.registry.epoch:  # memberships changed meanwhile
                        await peer.regrant()
                    await self._stay(peer, room)
            if peer.error is not None:
                raise peer.error

    def _make_peer(self, grant: Grant, claims: Claims, scope: anyio.CancelScope) -> Peer:
        return Peer(
            self._line,
            grant,
            self._gateway.limits,
            now=monotonic(),
            ended=scope.cancel,
            reconsider=lambda grant: self._gateway.authority.regrant(grant, claims),
        )

    def _open_line(self) -> None:
        offered = self._scope.get("extensions", {}).get(LINE_EXTENSION)
        if offered is not None:
            self._line = offered.open_line(self._take, self._end) or self._line

    async def _stay(self, peer: Peer, room: Room) -> None:
        """Wait for the end; without a line of the server's, messages come this way too."""
        self._peer, self._room = peer, room
        if self._ready is not None:
            self._ready.set()
        while (message := await self._receive())["type"] == "websocket.receive":
            if (rest := self._take(message.get("bytes"))) is not None:
                await rest

    def _take(self, data: bytes | None) -> Awaitable[None] | None:
        """Hand one message to the room; whatever is wrong with it ends this connection only."""
        peer, room = self._peer, self._room
        if peer is None or room is None:
            return self._take_later(data)
        if peer.error is not None:
            return None
        try:
            if data is None:
                raise MalformedFrame("text; y-protocols messages are binary")
            rest = room.receive(peer, data)
        except CalendarError as error:
            peer.end(error)
            return None
        return None if rest is None else self._finish(peer, rest)

    async def _take_later(self, data: bytes | None) -> None:
        if self._ready is None:
            self._ready = anyio.Event()
        await self._ready.wait()
        if (rest := self._take(data)) is not None:
            await rest

    async def _finish(self, peer: Peer, rest: Awaitable[None]) -> None:
        try:
            await rest
        except CalendarError as error:
            peer.end(error)

    def _end(self, error: CalendarError) -> None:
        if self._peer is not None:
            self._peer.end(error)

    async def _accept(self) -> None:
        self._accepted = True
        await self._send({"type": "websocket.accept", "subprotocol": self._credentials.subprotocol})

    async def _close(self, error: CalendarError) -> None:
        self._gateway.observer.refused(error.slug)
        self._gateway.observer.closed(error.close_code)
        log.log(
            logging.WARNING if isinstance(error, ProtocolError) else logging.INFO,
            "connection closed",
            extra={
                "project": self._project,
                "user": self._user,
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
