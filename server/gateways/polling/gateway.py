"""The long polling gateway: requests to and from the sessions.

::

    POST   /sync/{project}               open: the body's messages go in, what waits comes out;
                                         the header Sync-Session names the session
    POST   /sync/{project}?session=ID    with a body: these messages, in order; answered 204
    POST   /sync/{project}?session=ID    without: a poll, held until there is something to say
    DELETE /sync/{project}?session=ID    leave
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from time import monotonic

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from crdt_calendar.errors import CalendarError, FrameTooLarge, InvalidValue, NoSuchSession
from crdt_calendar.limits import Limits
from server.auth.authority import Authority
from server.auth.grants import Grant
from server.auth.middleware import check_origin, check_user, credentials
from server.auth.tokens import Claims
from server.gateways.polling.session import PollSession
from server.gateways.problem import NEVER_STORED, problem
from server.rooms.observer import Observer
from server.rooms.registry import Registry

POLL_SECONDS = 25.0  # proxies cut what is silent for 30
PATIENCE_SECONDS = 15.0  # without a poll; then the session has left
REMEMBERED_SECONDS = 30.0  # why a session ended, for the poll that comes after
SESSION_HEADER = "sync-session"

Start = Callable[..., object]


class PollingGateway:
    """The ASGI application behind ``/sync/{project}``. `start` runs a function beside it."""

    def __init__(
        self,
        registry: Registry,
        authority: Authority,
        limits: Limits,
        observer: Observer,
        start: Start,
        allowed_origins: Collection[str] = (),
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._registry = registry
        self._authority = authority
        self._limits = limits
        self._observer = observer
        self._start = start
        self._allowed_origins = allowed_origins
        self._patience_seconds = patience_seconds
        self._sessions: dict[str, PollSession] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        except CalendarError as error:
            self._observer.refused(error.slug)
            response = problem(error)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        found = credentials(request.scope)
        check_origin(request.scope, self._allowed_origins, found.source)
        claims, epoch = await self._authority.identify(found.token), self._registry.epoch
        check_user(request.scope, found, claims.user)
        name = request.query_params.get("session")
        if name is None:
            if request.method == "DELETE":
                raise InvalidValue("session: say which one to leave, by ?session=ID")
            grant = await self._authority.admit(claims, request.path_params["project"])
            return await self._open(request, grant, claims, epoch)
        session = self._find(name, claims, request.path_params["project"])
        if request.method == "DELETE":
            session.leave()
            del self._sessions[name]
            return Response(status_code=204, headers=NEVER_STORED)
        body = await self._body(request)
        if body:
            await session.receive(body)
            return Response(status_code=204, headers=NEVER_STORED)
        return _messages(await self._poll(request, session))

    async def _open(self, request: Request, grant: Grant, claims: Claims, epoch: int) -> Response:
        body = await self._body(request)
        self._forget_old()
        session = PollSession(self._registry, self._authority, self._limits, self._patience_seconds)
        self._start(self._keep, session, grant, claims, epoch)
        await session.opened()
        name = secrets.token_urlsafe(18)
        self._sessions[name] = session
        await session.receive(body)
        response = _messages(session.take())
        response.headers[SESSION_HEADER] = name
        return response

    async def _keep(self, session: PollSession, grant: Grant, claims: Claims, epoch: int) -> None:
        self._observer.connected("polling")
        try:
            await session.run(grant, claims, epoch)
        finally:
            self._observer.disconnected("polling")

    async def _poll(self, request: Request, session: PollSession) -> bytes:
        """A poll whose client hangs up has lost its answer: the session is over."""
        answer = b""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_until_gone, request.receive, session)
            try:
                answer = await session.poll(_seconds(request))
            except CalendarError as error:
                reason: CalendarError | None = error
            else:
                reason = None
            tasks.cancel_scope.cancel()
        if reason is not None:
            raise reason
        return answer

    def _find(self, name: str, claims: Claims, project: str) -> PollSession:
        session = self._sessions.get(name)
        if session is None or (session.user, session.project) != (claims.user, project):
            raise NoSuchSession("no such session; open a new one")
        return session

    def _forget_old(self) -> None:
        now = monotonic()
        for name, session in list(self._sessions.items()):
            if session.ended_at is not None and now - session.ended_at > REMEMBERED_SECONDS:
                del self._sessions[name]

    async def _body(self, request: Request) -> bytes:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._limits.frame_bytes:
                most = self._limits.frame_bytes
                raise FrameTooLarge(f"the request is too large; {most} bytes at most")
        return bytes(body)


def _messages(body: bytes) -> Response:
    return Response(body, headers=NEVER_STORED, media_type="application/octet-stream")


def _seconds(request: Request) -> float:
    try:
        seconds = float(request.query_params.get("wait", POLL_SECONDS))
    except ValueError:
        return POLL_SECONDS
    return min(max(seconds, 0.0), POLL_SECONDS) if seconds == seconds else POLL_SECONDS


async def _until_gone(receive: Receive, session: PollSession) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    session.leave()
