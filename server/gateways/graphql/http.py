"""GraphQL over HTTP: ``POST`` with JSON, as https://graphql.github.io/graphql-over-http has it."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from crdt_calendar.errors import CalendarError, FrameTooLarge, OverloadError, WrongMediaType
from server.auth.middleware import check_origin, credentials
from server.gateways.graphql.desk import Asked, Desk
from server.gateways.graphql.errors import describe, told
from server.gateways.graphql.request import (
    MOST_BODY_BYTES,
    NO_OPERATION,
    Asking,
    answer,
    read,
    refusal,
)
from server.gateways.graphql.schema import Schema
from server.gateways.problem import NEVER_STORED, RETRY_SECONDS

PLAIN = "application/json"
OWN = "application/graphql-response+json"
# Of what is too large anyway so much is read and thrown away, or its sender would hear nothing.
MOST_UNREAD_BYTES = 16 * 1024 * 1024
OPERATIONS = (OperationType.QUERY, OperationType.MUTATION)


async def respond(desk: Desk, schema: Schema, request: Request) -> Response:
    """Run one query or mutation."""
    if request.method != "POST":
        return Response("POST a query as JSON", 405, {"allow": "POST"}, "text/plain")
    try:
        # First of all: a server closes a connection on which it has not read what was sent.
        body = await _body(request)
        _check_type(request)
        found = credentials(request.scope)
        check_origin(request.scope, desk.origins, found.source)
        claims = await desk.authority.identify(found.token)
        asking = read(body)
    except CalendarError as error:
        return _failed(request, error)
    return await _run(request, schema, asking, Asked(desk, claims))


async def _run(request: Request, schema: Schema, asking: Asking, asked: Asked) -> Response:
    try:
        result = await schema.execute(
            asking.query,
            variable_values=asking.variables,
            context_value=asked,
            operation_name=asking.operation_name,
            allowed_operation_types=OPERATIONS,
        )
    except NO_OPERATION as error:
        return _refused(request, [told(refusal(error))])
    if isinstance(result, PreExecutionError):
        return _refused(request, [told(error) for error in result.errors or ()])
    return _response(request, answer(result), 200)


def _refused(request: Request, errors: list[dict[str, Any]]) -> Response:
    """Nothing was run."""
    return _response(request, {"errors": errors}, 400 if _prefers_own(request) else 200)


def _check_type(request: Request) -> None:
    """What a form can send, a page elsewhere may send with the cookie, and is not asked first."""
    kind, _, _ = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != PLAIN:
        raise WrongMediaType(f"send {PLAIN}")


async def _body(request: Request) -> bytes:
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MOST_BODY_BYTES:
            body += chunk
        elif size > MOST_UNREAD_BYTES:
            break
    if size > MOST_BODY_BYTES:
        raise FrameTooLarge(f"the request is too large; {MOST_BODY_BYTES >> 20} MiB at most")
    return bytes(body)


def _failed(request: Request, error: CalendarError) -> Response:
    response = _response(request, {"errors": [describe(error)]}, error.http_status)
    if isinstance(error, OverloadError):
        response.headers["retry-after"] = RETRY_SECONDS
    if error.http_status == 401:
        response.headers["www-authenticate"] = "Bearer"
    return response


def _response(request: Request, body: dict[str, Any], status: int) -> Response:
    kind = OWN if _prefers_own(request) else PLAIN
    return Response(msgspec.json.encode(body), status, NEVER_STORED, kind)


def _prefers_own(request: Request) -> bool:
    """Whether they ask for the media type whose status says, too, that nothing was run."""
    return OWN in request.headers.get("accept", "")
