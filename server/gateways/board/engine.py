"""Engine.IO within our limits: python-socketio's server, with what it leaves open closed.

It keeps whatever a client does not read, and sessions that never say who they are; it waits for a
socket that takes nothing. Here each of these has a bound. One process, no queue to other ones, and
so nothing is ever pickled.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any

import anyio
import engineio
import socketio
from starlette.types import Message, Receive, Send

from crdt_calendar.errors import CalendarError, RateExceeded, TooSlow
from crdt_calendar.limits import Limits
from server.gateways.board.packets import NAMESPACE, BoardPacket
from server.rooms.meter import Meter

PING_SECONDS = 25
PING_TIMEOUT_SECONDS = 60
LARGEST_MESSAGE_BYTES = 1_000_000  # what Socket.IO servers take unless told otherwise
INTRODUCTION_SECONDS = 10.0  # to say who one is, after which the session ends
MOST_STRANGERS = 1000  # sessions of which nobody knows yet whose they are
MOST_WAITING = 16  # packets in the engine's queue; more are not made before these are taken
LOOK_SECONDS = 0.02  # how often a queue is looked at that has not been taken
SWEEP_SECONDS = 1.0
# What a client may send over WebSocket: a message is a packet of Socket.IO.
CONTROL = frozenset({"1", "2", "2probe", "3", "5", "6"})
MESSAGE = re.compile("4[0-6]")

log = logging.getLogger(__name__)
# What strangers send must not fill the log, and the engine would log it: tokens as well.
_quiet = logging.getLogger(f"{__name__}.inside")
_quiet.setLevel(logging.CRITICAL)

Allows = Callable[[str, dict[str, Any]], bool]


class Wire:
    """One WebSocket of the engine: sends with patience, reads only what is a packet."""

    def __init__(self, handler: Any, server: Any, patience_seconds: float) -> None:
        self.socket = handler.__self__
        self._handler = handler
        self._wires: set[Wire] = server.wires
        self._patience_seconds = patience_seconds
        self._scope = anyio.CancelScope()
        self._receive: Receive
        self._send: Send

    async def __call__(self, environ: dict[str, Any]) -> str:
        """Serve until either side has enough."""
        self._receive, self._send = environ["asgi.receive"], environ["asgi.send"]
        await self._send({"type": "websocket.accept"})
        self._wires.add(self)
        try:
            with self._scope:
                await self._handler(self)
        finally:
            self._wires.discard(self)
            with anyio.CancelScope(shield=True):
                await self.socket.close(wait=False, abort=True, reason="transport close")
                self.socket.queue.put_nowait(None)  # its writer ends, should it still wait
        return ""

    def cut(self) -> None:
        """End it, whatever it is waiting for."""
        self._scope.cancel()

    async def send(self, message: str | bytes) -> None:
        """Send a packet, or end where it is not taken for too long."""
        with anyio.move_on_after(self._patience_seconds):
            await self._send({"type": "websocket.send", **_content(message)})
            return
        self.cut()
        raise OSError("nothing was read for too long")

    async def wait(self) -> str:
        """The next packet. Raises `OSError` at the end, and for what is no packet."""
        event: Message = await self._receive()
        text = event.get("text")
        if event["type"] != "websocket.receive" or not isinstance(text, str):
            raise OSError("the end, or binary")
        if text not in CONTROL and not MESSAGE.match(text):
            raise OSError("no packet")
        return text

    async def close(self) -> None:
        """Say that this is the end."""
        with anyio.move_on_after(1.0):
            try:
                await self._send({"type": "websocket.close"})
            except Exception:  # closed already, which every ASGI server says in its own way
                return


class Engine(engineio.AsyncServer):  # type: ignore[misc]
    """Engine.IO with our WebSockets, and a sweep of our own."""

    def __init__(self, patience_seconds: float, **settings: Any) -> None:
        super().__init__(**settings)
        self.wires: set[Wire] = set()
        wire = partial(Wire, patience_seconds=patience_seconds)
        self._async: dict[str, Any] = {**vars(self)["_async"], "websocket": wire}

    async def disconnect(self, sid: str) -> None:
        """End a session without waiting for what it has not read, as the engine would."""
        session = self.sockets.pop(sid, None)
        if session is not None:
            await session.close(wait=False, reason=self.reason.SERVER_DISCONNECT)


class SocketServer(socketio.AsyncServer):  # type: ignore[misc]
    """Socket.IO for one namespace, with bounds. `run` has to run beside it."""

    def __init__(self, limits: Limits, allows: Allows) -> None:
        self.limits = limits
        self._strangers: dict[str, float] = {}  # since when, by engine session
        self._meters: dict[str, Meter] = {}
        super().__init__(
            async_mode="asgi",
            serializer=BoardPacket,
            namespaces=[NAMESPACE],
            async_handlers=False,  # one after another: what is not read yet, TCP holds back
            logger=_quiet,
            engineio_logger=_quiet,
            patience_seconds=limits.stale_seconds,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_TIMEOUT_SECONDS,
            max_http_buffer_size=LARGEST_MESSAGE_BYTES,
            http_compression=False,
            monitor_clients=False,  # `run` does
            cors_allowed_origins=allows,
        )

    async def run(self) -> None:
        """End sessions that are over, or never began, until cancelled."""
        while True:
            await anyio.sleep(SWEEP_SECONDS)
            try:
                await self._sweep()
            except Exception:  # of one session; the others, and this server, go on
                log.exception("a sweep over the sessions failed")

    async def _sweep(self) -> None:
        for eio_sid, session in list(self.eio.sockets.items()):
            if session.closed:
                self.eio.sockets.pop(eio_sid, None)
            elif not session.closing:
                await session.check_ping_timeout()
        for eio_sid, since in list(self._strangers.items()):
            if monotonic() - since > INTRODUCTION_SECONDS:
                await self.end(eio_sid)
        for wire in list(self.eio.wires):
            if wire.socket.closed:
                wire.cut()

    async def end(self, eio_sid: str) -> None:
        """End an engine session without waiting for what it has not read."""
        self._forget(eio_sid)
        session = self.eio.sockets.pop(eio_sid, None)
        if session is not None:
            await session.close(wait=False, abort=True, reason=self.reason.SERVER_DISCONNECT)
            session.queue.put_nowait(None)  # a poll that waits ends, and so does a writer

    def is_open(self, eio_sid: str) -> bool:
        """Whether that session lasts."""
        session = self.eio.sockets.get(eio_sid)
        return session is not None and not session.closed and not session.closing

    def introduced(self, eio_sid: str) -> None:
        """Whose session that is has been found out."""
        self._strangers.pop(eio_sid, None)

    def estranged(self, eio_sid: str) -> None:
        """That session is nobody's any more; if it lasts, it may introduce itself again."""
        if eio_sid in self._meters:
            self._strangers[eio_sid] = monotonic()

    async def drained(self, eio_sid: str, most: int = 0) -> None:
        """Wait until no more than so many packets wait to be taken.

        Raises `TooSlow` when none was for `Limits.stale_seconds`.
        """
        session = self.eio.sockets.get(eio_sid)
        if session is None or session.queue.qsize() <= most:
            return
        least, since = session.queue.qsize(), monotonic()
        while session.queue.qsize() > most and not session.closed:
            await anyio.sleep(LOOK_SECONDS)
            if session.queue.qsize() < least:
                least, since = session.queue.qsize(), monotonic()
            elif monotonic() - since > self.limits.stale_seconds:
                raise TooSlow("what we had to say was not read")

    # What python-socketio calls

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> bool | None:
        if len(self._strangers) >= MOST_STRANGERS:
            return False
        self._strangers[eio_sid] = monotonic()
        self._meters[eio_sid] = Meter(self.limits, monotonic())
        await super()._handle_eio_connect(eio_sid, environ)
        return None

    async def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        try:
            await self._hold_back(eio_sid, len(data))
            await self.drained(eio_sid, MOST_WAITING)
        except CalendarError as error:
            log.info("connection closed", extra={"slug": error.slug, "reason": str(error)})
            await self.end(eio_sid)
            return
        await super()._handle_eio_message(eio_sid, data)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        self._forget(eio_sid)
        await super()._handle_eio_disconnect(eio_sid, reason)

    def _engineio_server_class(self) -> type[Engine]:
        return Engine

    async def _hold_back(self, eio_sid: str, size_bytes: int) -> None:
        meter = self._meters.get(eio_sid)
        hold = meter.charge(size_bytes, monotonic()) if meter else 0.0
        if hold > self.limits.hold_seconds:
            raise RateExceeded("far more messages than this connection may send; try again later")
        if hold:
            await anyio.sleep(hold)

    def _forget(self, eio_sid: str) -> None:
        self._strangers.pop(eio_sid, None)
        self._meters.pop(eio_sid, None)


def _content(message: str | bytes) -> dict[str, str | bytes]:
    return {"bytes": message} if isinstance(message, bytes) else {"text": message}
