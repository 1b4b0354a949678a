"""GraphQL over WebSocket: graphql-transport-ws, the protocol of the npm package graphql-ws.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from __future__ import annotations

import logging
from contextlib import aclosing
from time import monotonic, time
from typing import Any

import anyio
import msgspec
from anyio.abc import TaskGroup
from graphql import GraphQLError
from msgspec import UNSET, Struct, UnsetType
from starlette.types import Receive, Scope, Send
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from crdt_calendar.errors import (
    CalendarError,
    FrameTooLarge,
    ProtocolError,
    RateExceeded,
    ServiceRestart,
    TooManyConnections,
    TooSlow,
    Unauthenticated,
)
from server.auth.middleware import check_origin, check_user, credentials
from server.auth.tokens import Claims
from server.gateways.graphql.desk import Asked, Desk
from server.gateways.graphql.errors import describe, ends_socket, report, told
from server.gateways.graphql.order import Order
from server.gateways.graphql.request import (
    MOST_BODY_BYTES,
    NO_OPERATION,
    Asking,
    answer,
    refusal,
)
from server.gateways.graphql.schema import Schema
from server.rooms.meter import Meter

PROTOCOL = "graphql-transport-ws"
MOST_OPERATIONS = 100  # at once on one socket; a page has a handful
INIT_SECONDS = 10.0
SLOWEST_BYTES_PER_SECOND = 16 * 1024
REASON_BYTES = 123  # RFC 6455 section 5.5
FAREWELL_SECONDS = 1.0

log = logging.getLogger(__name__)


class Message(Struct, frozen=True):
    """A message of the client."""

    type: str
    id: str | UnsetType = UNSET
    payload: msgspec.Raw = msgspec.Raw(b"null")


class Closing(ProtocolError):
    """The protocol was broken in a way that has a close code of its own."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.close_code = code  # type: ignore[misc]  # of each one


class Socket:
    """One connection."""

    def __init__(
        self, desk: Desk, schema: Schema, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._desk = desk
        self._schema = schema
        self._scope = scope
        self._receive = receive
        self._send = send
        self._found = credentials(scope)
        self._token: str | None = self._found.token
        self._claims: Claims | None = None
        self._meter = Meter(desk.limits, monotonic())
        self._order = Order()
        self._operations: dict[str, anyio.CancelScope] = {}
        self._turn = anyio.Lock(fast_acquire=True)
        self._error: CalendarError | None = None
        self._tasks: TaskGroup | None = None
        self._gone = False

    async def run(self) -> None:
        """Serve until either side has enough."""
        await self._receive()  # websocket.connect
        self._desk.observer.connected("graphql")
        try:
            offered = PROTOCOL in self._scope.get("subprotocols", ())
            chosen = PROTOCOL if offered else self._found.subprotocol
            await self._send({"type": "websocket.accept", "subprotocol": chosen})
            try:
                await self._serve(offered)
            except CalendarError as error:
                self._error = error
            await self._close()
        finally:
            self._desk.observer.disconnected("graphql")

    def end(self, error: CalendarError) -> None:
        """Close this connection, with that error as the reason."""
        if self._error is None:
            self._error = error
            if self._tasks is not None:
                self._tasks.cancel_scope.cancel()

    async def _serve(self, offered: bool) -> None:
        if not offered:
            raise Closing(4406, f"the subprotocol {PROTOCOL} is spoken here")
        check_origin(self._scope, self._desk.origins, self._found.source)
        if self._desk.registry.stopping:
            raise ServiceRestart("this server is stopping; come back in a moment")
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            tasks.start_soon(self._watch)
            await self._listen()
            tasks.cancel_scope.cancel()

    # Receiving

    async def _listen(self) -> None:
        while (event := await self._receive())["type"] == "websocket.receive":
            try:
                await self._take(event.get("text"))
            except CalendarError as error:
                return self.end(error)
        self._gone = True

    async def _take(self, text: str | None) -> None:
        if text is None:
            raise Closing(4400, "messages are texts")
        hold = self._meter.charge(len(text), monotonic())
        if len(text) > MOST_BODY_BYTES:
            raise FrameTooLarge(f"the message is too large; {MOST_BODY_BYTES >> 20} MiB at most")
        message = _decode(text, Message)
        act = self._acts.get(message.type)
        if act is None:
            raise Closing(4400, f"there is no message {message.type[:40]!r}")
        self._desk.observer.received(message.type, len(text))
        await act(self, message)
        if hold > self._desk.limits.hold_seconds:
            raise RateExceeded("far more messages than this connection may send; try again later")
        if hold:
            await anyio.sleep(hold)

    async def _init(self, message: Message) -> None:
        if self._claims is not None:
            raise Closing(4429, "one connection_init is enough")
        payload = _decode(message.payload, dict[str, Any] | None) or {}
        self._token = _token_of(payload) or self._token
        claims = await self._desk.authority.identify(self._token)
        if self._token == self._found.token:
            check_user(self._scope, self._found, claims.user)
        self._claims = claims
        await self._say({"type": "connection_ack"})

    async def _subscribe(self, message: Message) -> None:
        if self._claims is None or self._tasks is None:
            raise Closing(4401, "connection_init comes first")
        if message.id is UNSET:
            raise Closing(4400, "id: missing")
        if message.id in self._operations:
            raise Closing(4409, f"there is an operation {message.id[:40]} already")
        asking = _decode(message.payload, Asking)
        if len(self._operations) >= MOST_OPERATIONS:
            error = TooManyConnections(f"{MOST_OPERATIONS} operations at once on one connection")
            return await self._refuse(message.id, [describe(error)])
        scope = self._operations[message.id] = anyio.CancelScope()
        self._tasks.start_soon(self._operate, message.id, asking, scope)

    async def _complete(self, message: Message) -> None:
        if message.id is not UNSET and message.id in self._operations:
            self._operations.pop(message.id).cancel()

    async def _ping(self, message: Message) -> None:
        await self._say({"type": "pong"})

    async def _pong(self, message: Message) -> None:
        pass

    _acts = {
        "connection_init": _init,
        "subscribe": _subscribe,
        "complete": _complete,
        "ping": _ping,
        "pong": _pong,
    }

    # Operations

    async def _operate(self, id: str, asking: Asking, scope: anyio.CancelScope) -> None:
        with scope:
            try:
                asking.check()
                claims = await self._identified()
                await self._run(id, asking, Asked(self._desk, claims, self._order))
            except CalendarError as error:
                await self._finish(id, {"type": "error", "payload": [describe(error)]})
            except NO_OPERATION as error:
                await self._finish(id, {"type": "error", "payload": [told(refusal(error))]})
            except Exception as error:
                failed = GraphQLError("", original_error=error)
                report([failed])
                await self._finish(id, {"type": "error", "payload": [told(failed)]})
            finally:
                if self._operations.get(id) is scope:
                    del self._operations[id]

    async def _identified(self) -> Claims:
        """Who that is, as of now: the token may have been revoked since."""
        try:
            return await self._desk.authority.identify(self._token)
        except CalendarError as error:
            self.end(error)
            raise

    async def _run(self, id: str, asking: Asking, asked: Asked) -> None:
        stream = await self._schema.stream(
            asking.query,
            variable_values=asking.variables,
            context_value=asked,
            operation_name=asking.operation_name,
        )
        async with aclosing(stream):
            async for result in stream:
                assert isinstance(result, ExecutionResult)
                if _is_last(result):
                    return await self._fail(id, result.errors or [])
                await self._say({"id": id, "type": "next", "payload": answer(result)})
        await self._finish(id, {"type": "complete"})

    async def _fail(self, id: str, errors: list[GraphQLError]) -> None:
        """The operation is over, and for some reasons the whole connection with it."""
        if (reason := ends_socket(errors)) is not None:
            return self.end(reason)
        await self._finish(id, {"type": "error", "payload": [told(error) for error in errors]})

    async def _finish(self, id: str, message: dict[str, Any]) -> None:
        """Say the last about an operation; its id is free from then on."""
        if self._operations.pop(id, None) is not None:
            await self._say({"id": id, **message})

    async def _refuse(self, id: str, errors: list[dict[str, Any]]) -> None:
        await self._say({"id": id, "type": "error", "payload": errors})

    # Sending

    async def _say(self, message: dict[str, Any]) -> None:
        """Send that after all that is being sent; who does not take it for too long, ends."""
        text = msgspec.json.encode(message).decode()
        seconds = self._desk.limits.stale_seconds + len(text) / SLOWEST_BYTES_PER_SECOND
        with anyio.move_on_after(seconds) as patience:
            async with self._turn:
                try:
                    await self._send({"type": "websocket.send", "text": text})
                except OSError:
                    return  # the connection is gone; `_listen` will hear of it
        if patience.cancelled_caught:
            self.end(TooSlow(f"nothing was read for {seconds:.0f} seconds"))
        self._desk.observer.sent(1, len(text))

    async def _watch(self) -> None:
        """Once a second: whether it is time to ping, or to go."""
        begun = pinged = monotonic()
        while True:
            await anyio.sleep(1.0)
            now = monotonic()
            if self._desk.registry.stopping:
                return self.end(ServiceRestart("this server is stopping; come back in a moment"))
            if self._claims is None:
                if now - begun >= INIT_SECONDS:
                    return self.end(Closing(4408, "no connection_init came"))
            elif self._claims.expires is not None and self._claims.expires <= time():
                return self.end(Unauthenticated("the token has expired; come back with a new one"))
            if now - pinged >= self._desk.ping_seconds:
                pinged = now
                await self._say({"type": "ping"})

    async def _close(self) -> None:
        error = self._error
        if error is None or self._gone:
            return
        reason = str(error).encode()[:REASON_BYTES].decode(errors="ignore")
        user = self._claims.user if self._claims else ""
        log.info(
            "connection closed",
            extra={
                "user": user,
                "code": error.close_code,
                "slug": error.slug,
                "reason": str(error),
            },
        )
        self._desk.observer.refused(error.slug)
        self._desk.observer.closed(error.close_code)
        with anyio.move_on_after(FAREWELL_SECONDS, shield=True):
            await self._send(
                {"type": "websocket.close", "code": error.close_code, "reason": reason}
            )
            while (await self._receive())["type"] != "websocket.disconnect":
                pass


def _is_last(result: ExecutionResult) -> bool:
    """Whether nothing follows: it was refused before it ran, or its source has failed."""
    if isinstance(result, PreExecutionError):
        return True
    return bool(result.errors) and all(error.path is None for error in result.errors or ())


def _token_of(payload: dict[str, Any]) -> str | None:
    """A token in connection_init: ``{token}``, or a header's worth in ``{Authorization}``."""
    token = payload.get("token")
    if isinstance(token, str) and token:
        return token
    for name in ("Authorization", "authorization"):
        scheme, _, rest = str(payload.get(name) or "").partition(" ")
        if scheme.lower() == "bearer" and rest.strip():
            return rest.strip()
    return None


def _decode(data: str | bytes | msgspec.Raw, kind: Any) -> Any:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise Closing(4400, f"malformed: {error}") from None
