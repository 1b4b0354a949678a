"""Who the page's visitor is: ``/api/v1/session``, a token kept in a cookie that no script reads."""

from __future__ import annotations

import json
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from typing import Protocol, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from crdt_calendar.errors import AccessError, CalendarError, InvalidValue
from server.auth.authority import Authority
from server.auth.middleware import SESSION_COOKIE, check_origin, credentials
from server.auth.tokens import Claims
from server.gateways.problem import NEVER_STORED, problem

MOST_BODY_BYTES = 16 * 1024  # twice the longest token
YEAR_SECONDS = 365 * 24 * 3600  # browsers keep no cookie for more than 400 days

Act: TypeAlias = Callable[[Request], Awaitable[Response]]


class Named(Protocol):
    """A project as the catalog has it."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...


class Projects(Protocol):
    """Whoever keeps the projects."""

    async def projects(self) -> Sequence[Named]:
        """All of them, by id."""


class SessionGateway:
    """Signs in and out, renews, and says who one is and which projects one may enter."""

    def __init__(
        self, authority: Authority, projects: Projects, allowed_origins: Collection[str]
    ) -> None:
        self._authority = authority
        self._projects = projects
        self._allowed_origins = allowed_origins

    async def show(self, request: Request) -> Response:
        """``GET``: the session of the credentials that came."""
        return await self._answer(request, self._show)

    async def sign_in(self, request: Request) -> Response:
        """``POST {"token": ...}``: take that token into the cookie."""
        return await self._answer(request, self._sign_in)

    async def sign_out(self, request: Request) -> Response:
        """``DELETE``: forget the cookie."""
        return await self._answer(request, self._sign_out)

    async def renew(self, request: Request) -> Response:
        """``POST .../renew``: the same token with a later end, if it may be renewed."""
        return await self._answer(request, self._renew)

    async def enter(self, request: Request, token: str) -> Response:
        """Move a token out of the URL into the cookie: out of the history and of referrers.

        One that does not count leaves whoever is signed in as they are.
        """
        try:
            claims = await self._authority.identify(token)
        except CalendarError:
            return RedirectResponse("./#refused", 303, NEVER_STORED)
        response = RedirectResponse(".", 303, NEVER_STORED)
        _set_cookie(response, request, token, claims)
        return response

    async def _show(self, request: Request) -> Response:
        claims = await self._authority.identify(credentials(request.scope).token)
        return await self._session(claims)

    async def _sign_in(self, request: Request) -> Response:
        return await self._signed_in(request, await _token_of(request))

    async def _sign_out(self, request: Request) -> Response:
        response = Response(status_code=204, headers=NEVER_STORED)
        response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")
        return response

    async def _renew(self, request: Request) -> Response:
        token = await self._authority.renew(credentials(request.scope).token)
        return await self._signed_in(request, token)

    async def _signed_in(self, request: Request, token: str) -> Response:
        claims = await self._authority.identify(token)
        response = await self._session(claims)
        _set_cookie(response, request, token, claims)
        return response

    async def _session(self, claims: Claims) -> Response:
        told = {
            "user": {"id": claims.user, "name": claims.name or claims.user},
            "expires": claims.expires,
            "renewable": claims.renewable_until > (claims.expires or 0.0),
            "projects": [entry async for entry in self._entries(claims)],
        }
        return JSONResponse(told, headers=NEVER_STORED)

    async def _entries(self, claims: Claims) -> AsyncIterator[dict[str, str]]:
        for project in await self._projects.projects():
            try:
                grant = await self._authority.admit(claims, project.id)
            except AccessError:
                continue
            yield {
                "id": project.id,
                "name": project.name,
                "kind": project.kind,
                "role": grant.role.name.lower(),
            }

    async def _answer(self, request: Request, act: Act) -> Response:
        try:
            source = credentials(request.scope).source
            check_origin(request.scope, self._allowed_origins, source)
            return await act(request)
        except CalendarError as error:
            return problem(error)


async def _token_of(request: Request) -> str:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            raise InvalidValue("token: too long")
    try:
        token = json.loads(bytes(body)).get("token")
    except (ValueError, AttributeError):
        token = None
    if not isinstance(token, str):
        raise InvalidValue('token: send {"token": "..."} as JSON')
    return token


def _set_cookie(response: Response, request: Request, token: str, claims: Claims) -> None:
    """Keep the token for as long as it lives (RFC 6265 section 5.2.2), over restarts too."""
    life = YEAR_SECONDS if claims.expires is None else math.ceil(claims.expires - time.time())
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=life,
        httponly=True,
        samesite="strict",
        secure=_is_https(request),
    )


def _is_https(request: Request) -> bool:
    """Whether the browser speaks TLS, be it with a proxy before us, as far as the request says.

    A false claim harms nobody but its sender, whose browser keeps the cookie from http.
    """
    forwarded, _, _ = request.headers.get("x-forwarded-proto", "").partition(",")
    origin, _, _ = request.headers.get("origin", "").partition(":")
    claimed = (request.url.scheme, forwarded.strip(), origin)
    return "https" in map(str.lower, claimed)
