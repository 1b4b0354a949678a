"""The door: takes each request to its operation, and its answer or its error back.

One place decides in this order: is there such an address, who is it, may they, is what came of its
form, was it answered before; only then the operation runs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from crdt_calendar.errors import CalendarError, NoSuchProject, WrongMethod
from server.auth.middleware import check_origin, check_user, credentials
from server.auth.tokens import Claims
from server.gateways.problem import NEVER_STORED, problem
from server.gateways.rest.call import Call, Desk, Reply
from server.gateways.rest.conditions import is_held, weak_tag
from server.gateways.rest.openapi import describe
from server.gateways.rest.operation import Endpoints, Foreign, May, Operation, Table
from server.gateways.rest.page import render
from server.gateways.rest.reading import read_body, read_bytes, read_query
from server.gateways.rest.repeats import Repeats
from server.gateways.rest.table import PREFIX, operations

NOBODY = Claims("", "", {}, 0.0, None, "", False)
# Answers are one person's: a browser may keep them, and asks each time whether they still hold.
PRIVATE = {"cache-control": "private, no-cache", "vary": "authorization, cookie"}
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

log = logging.getLogger(__name__)


class Door(BaseRoute):
    """``/api/v1`` and everything below it, as one route; and the page that describes it.

    Not a `Mount`, whose pattern takes no address with a line break in it.
    """

    def __init__(self, desk: Desk, endpoints: Endpoints) -> None:
        self.table = Table(operations())
        self._desk = desk
        self._repeats = Repeats(desk.answers)
        self._endpoints = {**endpoints, "openapi": self._openapi}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a request is for us."""
        path = scope["path"] if scope["type"] == "http" else ""
        is_ours = path == PREFIX or path.startswith(f"{PREFIX}/")
        return (Match.FULL if is_ours else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        except CalendarError as error:
            response = problem(error)
            if isinstance(error, WrongMethod):
                response.headers["allow"] = self.table.allow(_raw_path(scope))
        except Exception:
            log.exception("a request failed method=%s", scope["method"])
            response = problem(CalendarError("this request failed; see the server's log"))
        await response(scope, receive, send)

    async def page(self, request: Request) -> Response:
        """``/docs``: what there is, to be read."""
        headers = {"content-security-policy": PAGE_POLICY, "x-content-type-options": "nosniff"}
        return _cached(request, Response(_page(), headers=headers, media_type="text/html"))

    async def _openapi(self, request: Request) -> Response:
        return _cached(request, Response(_description(), media_type="application/json"))

    async def _answer(self, request: Request) -> Response:
        raw_path = _raw_path(request.scope)
        if request.method == "OPTIONS" and (allowed := self.table.allow(raw_path)):
            return Response(status_code=204, headers={"allow": allowed})
        operation, path = self.table.find(request.method, raw_path)
        if isinstance(operation.does, Foreign):
            request.scope["path_params"] = path
            return await self._endpoints[operation.name](request)
        call = await self._admit(request, operation, path)
        asked = read_query(request, operation.query)
        body = await read_bytes(request)
        run = partial(_run, operation, call, asked, body)
        if operation.once and call.key:
            return await self._repeats.answer(call, body, run)
        return await run()

    async def _admit(self, request: Request, operation: Operation, path: Mapping[str, str]) -> Call:
        """Who calls, and that they may. Raises `AccessError`."""
        if operation.may is May.ANYBODY:
            return Call(request, self._desk, path, NOBODY, None, None)
        found = credentials(request.scope)
        check_origin(request.scope, self._desk.origins, found.source)
        claims = await self._desk.authority.identify(found.token)
        check_user(request.scope, found, claims.user)
        role = operation.may.role
        if role is None:
            return Call(request, self._desk, path, claims, None, None)
        grant = await self._desk.authority.admit(claims, path["project"])
        grant.require(role)
        project = await self._desk.catalog.project(grant.project)
        if project is None:  # deleted a moment ago
            raise NoSuchProject(f"no project {grant.project!r}")
        return Call(request, self._desk, path, claims, grant, project)


@cache
def _description() -> bytes:
    return msgspec.json.encode(describe(operations()))


@cache
def _page() -> bytes:
    return render(describe(operations())).encode()


async def _run(operation: Operation, call: Call, asked: Any, body: bytes) -> Response:
    words = {}
    if operation.query is not None:
        words["query"] = asked
    if operation.body is not None:
        words["body"] = read_body(call.request, body, operation.body)
    assert not isinstance(operation.does, Foreign)
    reply: Reply[Any] = await operation.does(call, **words)
    headers = {**reply.headers}
    if reply.tag:
        headers["etag"] = reply.tag
    status = reply.status or operation.status
    if reply.value is None:
        return Response(status_code=status, headers={**NEVER_STORED, **headers})
    content = msgspec.json.encode(reply.value)
    if operation.method != "GET":
        headers = {**NEVER_STORED, **headers}
        return Response(content, status, headers, media_type="application/json")
    response = Response(content, status, {**PRIVATE, **headers}, media_type="application/json")
    return _cached(call.request, response)


def _cached(request: Request, response: Response) -> Response:
    """That response, or that the caller has it already (RFC 9110 section 15.4.5)."""
    tag = response.headers.setdefault("etag", weak_tag(bytes(response.body)))
    if not is_held(tag, request.headers.get("if-none-match")):
        return response
    kept = {"etag", "cache-control", "vary"}
    headers = {name: value for name, value in response.headers.items() if name in kept}
    return Response(status_code=304, headers=headers)


def _raw_path(scope: Scope) -> str:
    """The path below our own address as it was sent, percent-encoded.

    A server that does not tell sends what it decoded, in which a slash cannot be told any more.
    """
    raw = scope.get("raw_path") or str(scope["path"]).encode()
    return bytes(raw).partition(b"?")[0].decode("latin-1").partition(PREFIX)[2]
