"""What a request says about its sender: credentials and origin, read from an ASGI scope.

Pure functions, used by every gateway before it accepts anything.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.requests import cookie_parser
from starlette.types import Scope

from crdt_calendar.errors import Forbidden, Unauthenticated

SESSION_COOKIE: Final = "crdt_calendar_session"
"""The cookie of the web page; its value is a token."""

TOKEN_PROTOCOL: Final = "yauth-"
"""A WebSocket subprotocol of that beginning carries a token: browsers can send no header."""

ANY_ORIGIN: Final = "*"
"""In the list of allowed origins: all."""

# RFC 9110 section 9.2.1: these are read-only; a page elsewhere can't read the answer anyway.
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class Source(Enum):
    """Where a token was found."""

    NONE = "none"
    HEADER = "header"
    SUBPROTOCOL = "subprotocol"
    QUERY = "query"
    COOKIE = "cookie"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The token of a request, not verified.

    ``subprotocol`` is the one it came in. A server must choose a subprotocol out of those offered
    (RFC 6455 section 4.1; browsers drop the connection otherwise): accept with this one unless
    another of them is spoken here.
    """

    token: str | None = None
    subprotocol: str | None = None
    source: Source = Source.NONE

    def __repr__(self) -> str:
        return f"Credentials(source={self.source.value})"  # a repr ends up in logs


def credentials(scope: Scope) -> Credentials:
    """The token of a request, from the first place that has one.

    In this order: ``Authorization: Bearer``, subprotocol, ``?token=``, session cookie. The cookie
    is last, as it is sent whether meant or not.
    """
    return (
        _from_header(scope)
        or _from_subprotocol(scope)
        or _from_query(scope)
        or _from_cookie(scope)
        or Credentials()
    )


def check_origin(scope: Scope, allowed: Collection[str], source: Source = Source.NONE) -> None:
    """Raise `Forbidden` if a page of a foreign origin sent this request and that matters.

    It matters for WebSockets, which the same-origin policy does not cover, and for requests that
    change something. No Origin header means a program and passes, unless the credentials are a
    cookie (`source`), which only browsers send by themselves. ``ANY_ORIGIN`` in `allowed` does not
    open the door to other pages' use of the cookie.
    """
    if scope["type"] == "http" and scope["method"] in _SAFE_METHODS:
        return
    origins = _headers(scope, b"origin")
    by_cookie = source is Source.COOKIE
    if not origins and not by_cookie:
        return
    if ANY_ORIGIN in allowed and not by_cookie:
        return
    if len(origins) == 1 and (origins[0].lower() in allowed or _is_own(scope, origins[0])):
        return
    raise Forbidden("this origin may not connect; whoever runs the server can allow it")


def check_user(scope: Scope, found: Credentials, user: str) -> None:
    """Raise `Unauthenticated` if a page means to speak for somebody else than its cookie does.

    Two people may use one browser: the page of the one, still open or reloaded, must not send
    what it holds under the name of the other, who signed in meanwhile. A page says by ``?user=``
    whose it is.
    """
    if found.source is Source.COOKIE and _query(scope, "user") not in (None, user):
        raise Unauthenticated("somebody else has signed in at this browser; reload the page")


def _from_header(scope: Scope) -> Credentials | None:
    for value in _headers(scope, b"authorization"):
        # RFC 9110 section 11.1: the scheme is case-insensitive.
        scheme, _, token = value.partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return Credentials(token.strip(), None, Source.HEADER)
    return None


def _from_subprotocol(scope: Scope) -> Credentials | None:
    for offered in scope.get("subprotocols", ()):
        token = offered.removeprefix(TOKEN_PROTOCOL)
        if token and token != offered:
            return Credentials(token, offered, Source.SUBPROTOCOL)
    return None


def _from_query(scope: Scope) -> Credentials | None:
    token = _query(scope, "token")
    return Credentials(token, None, Source.QUERY) if token else None


def _from_cookie(scope: Scope) -> Credentials | None:
    for value in _headers(scope, b"cookie"):
        token = cookie_parser(value).get(SESSION_COOKIE)
        if token:
            return Credentials(token, None, Source.COOKIE)
    return None


def _query(scope: Scope, name: str) -> str | None:
    query = scope.get("query_string", b"").decode("latin-1")
    try:
        values = parse_qs(query, max_num_fields=100).get(name)
    except ValueError:
        return None
    return values[0] if values else None


def _headers(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _is_own(scope: Scope, origin: str) -> bool:
    """Whether `origin` is the host the request was sent to.

    Schemes may differ: behind a proxy that ends TLS we see http where the page has https.
    """
    hosts = _headers(scope, b"host")
    place = _place(origin)
    if place is None or len(hosts) != 1:
        return False
    scheme = urlsplit(origin).scheme
    return _place(f"{scheme}://{hosts[0]}") == place


def _place(url: str) -> tuple[str, int] | None:
    """Host and port of an origin; None for what is not one, like ``null``."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    if not parts.hostname or parts.path or parts.query or parts.fragment or parts.username:
        return None
    return parts.hostname, port
