"""The administrative door: how the command line works through a running server.

``POST /admin/{operation}`` with the operation's parameters as a query and, where it takes a file,
that as the body. The answer is newline-delimited JSON::

    {"progress": [done, total]}      any number of times
    {"result": ...}                  or {"error": <slug>, "message": <sentence>}, once, last

Who does not come from this machine, or does not hold the data directory's secret, is told what
anybody is told of a path that is not there.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, TypeAlias

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from crdt_calendar.errors import CalendarError, FrameTooLarge, InvalidValue

# The largest calendar files people have are some tens of megabytes.
MOST_BODY_BYTES = 256 * 1024 * 1024
# A proxy on this machine would make everybody look local; whoever comes through one does not pass.
PROXY_HEADERS = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via"})

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"
Progress: TypeAlias = Callable[[int, int], Coroutine[Any, Any, None]]
"""Told how much is done, and of how much."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked of an operation: its parameters by name, and the body."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def text(self, name: str, default: str | None = None) -> str:
        """The parameter of that name. Raises `InvalidValue` if it is missing."""
        value = self.parameters.get(name, default)
        if value is None:
            raise InvalidValue(f"{name}: missing")
        return value

    def seconds(self, name: str) -> float | None:
        """The parameter as a number of seconds above 0; None if it is missing."""
        text = self.parameters.get(name)
        if text is None:
            return None
        try:
            seconds = float(text)
        except ValueError:
            seconds = 0.0
        if not 0 < seconds < float("inf"):
            raise InvalidValue(f"{name}: seconds above 0 needed, not {text!r}")
        return seconds


Operation: TypeAlias = Callable[[Call, Progress], Awaitable[Json]]


class AdminDoor:
    """The ASGI application behind ``/admin/{operation}``, over a table of operations."""

    def __init__(self, operations: Mapping[str, Operation], secret: str) -> None:
        self._operations = operations
        self._secret = secret.encode()

    async def answer(self, operation: str, call: Call, progress: Progress) -> Json:
        """What the operation of that name says. Raises what it raises."""
        return await self._operations[operation](call, progress)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        operation = request.path_params.get("operation", "")
        if not (self._admits(request) and operation in self._operations):
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
            return
        try:
            call = Call(dict(request.query_params), await _body(request))
        except ClientDisconnect:
            return
        except FrameTooLarge as error:
            await PlainTextResponse(str(error), error.http_status)(scope, receive, send)
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_until_gone, receive, tasks.cancel_scope)
            await self._stream(operation, call, send)
            tasks.cancel_scope.cancel()

    def _admits(self, request: Request) -> bool:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        return (
            request.method == "POST"
            and _is_local(request)
            and scheme.lower() == "bearer"
            and hmac.compare_digest(secret.encode(), self._secret)
        )

    async def _stream(self, operation: str, call: Call, send: Send) -> None:
        async def progress(done: int, total: int) -> None:
            await send(_line({"progress": [done, total]}))

        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"application/x-ndjson")],
            }
        )
        log.info("administrative request operation=%s", operation)
        await send(_line(await self._outcome(operation, call, progress)))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _outcome(self, operation: str, call: Call, progress: Progress) -> dict[str, Json]:
        try:
            return {"result": await self.answer(operation, call, progress)}
        except CalendarError as error:
            return {"error": error.slug, "message": str(error)}
        except Exception:
            log.exception("administrative request failed operation=%s", operation)
            return {"error": CalendarError.slug, "message": "the server failed; see its log"}


def _is_local(request: Request) -> bool:
    if request.client is None or any(name in PROXY_HEADERS for name, _ in request.headers.raw):
        return False
    try:
        address = ip_address(request.client.host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)  # ::ffff:127.0.0.1 on a socket of both families
    return (mapped or address).is_loopback


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            raise FrameTooLarge(f"the file is too large; {MOST_BODY_BYTES} bytes at most")
    return bytes(body)


async def _until_gone(receive: Receive, work: anyio.CancelScope) -> None:
    """Stop the work when nobody waits for it any more."""
    while (await receive())["type"] != "http.disconnect":
        pass
    work.cancel()


def _line(value: Mapping[str, Json]) -> Message:
    body = json.dumps(value, ensure_ascii=False).encode() + b"\n"
    return {"type": "http.response.body", "body": body, "more_body": True}
