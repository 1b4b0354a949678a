"""What a request says about its sender, from the ASGI scopes that servers really make."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Scope

from crdt_calendar.errors import Forbidden, Unauthenticated
from server.auth.middleware import Credentials, Source, check_origin, check_user, credentials

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2ln"


def scope(
    *headers: tuple[str, str],
    kind: str = "websocket",
    method: str = "GET",
    query: str = "",
    subprotocols: Iterable[str] = (),
) -> Scope:
    made: Scope = {
        "type": kind,
        "path": "/yjs/team",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
    }
    if kind == "http":
        made["method"] = method
    else:
        made["subprotocols"] = list(subprotocols)
    return made


# Credentials


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (scope(), Credentials()),
        (
            scope(("Authorization", f"Bearer {TOKEN}")),
            Credentials(TOKEN, None, Source.HEADER),
        ),
        (scope(("Authorization", f"bEARER  {TOKEN} ")), Credentials(TOKEN, None, Source.HEADER)),
        (scope(("Authorization", "Basic YTpi")), Credentials()),
        (scope(("Authorization", "Bearer ")), Credentials()),
        (scope(("Authorization", TOKEN)), Credentials()),
        (scope(query=f"a=1&token={TOKEN}"), Credentials(TOKEN, None, Source.QUERY)),
        (scope(query="token=a%2Eb"), Credentials("a.b", None, Source.QUERY)),
        (scope(query="token="), Credentials()),
        (scope(query="mytoken=x&tokens=y"), Credentials()),
        (scope(query="&".join(f"token={n}" for n in range(1000))), Credentials()),
        (
            scope(subprotocols=["calendar.v1.json", f"yauth-{TOKEN}"]),
            Credentials(TOKEN, f"yauth-{TOKEN}", Source.SUBPROTOCOL),
        ),
        (scope(subprotocols=["yauth-", "calendar.v1.json"]), Credentials()),
        (
            scope(("Cookie", f"theme=dark; crdt_calendar_session={TOKEN}")),
            Credentials(TOKEN, None, Source.COOKIE),
        ),
        (scope(("Cookie", "crdt_calendar_session=")), Credentials()),
        (
            scope(kind="http", method="POST", query="token=t"),
            Credentials("t", None, Source.QUERY),
        ),
    ],
)
def test_where_a_token_may_be(made: Scope, expected: Credentials) -> None:
    assert credentials(made) == expected


def test_the_first_place_counts() -> None:
    places: list[tuple[tuple[str, str], ...]] = [(("Authorization", "Bearer header"),), ()]
    cookie = ("Cookie", "crdt_calendar_session=cookie")
    found = [
        credentials(scope(*headers, cookie, query=query, subprotocols=offered)).token
        for headers in places
        for offered in (["yauth-protocol"], [])
        for query in ("token=query", "")
    ]
    assert found == ["header"] * 4 + ["protocol"] * 2 + ["query", "cookie"]


def test_a_page_does_not_speak_by_the_cookie_of_somebody_else() -> None:
    cookie = Credentials("t", None, Source.COOKIE)
    for query in ("", "user=ann", "other=bob&user=ann"):
        check_user(scope(query=query), cookie, "ann")
    check_user(scope(query="user=%EC%95%A4"), cookie, "앤")
    with pytest.raises(Unauthenticated, match="reload"):
        check_user(scope(query="user=bob"), cookie, "ann")
    check_user(scope(query="user=bob"), Credentials("t", None, Source.HEADER), "ann")


def test_a_repr_shows_no_token() -> None:
    assert "secret" not in repr(Credentials("secret", "yauth-secret", Source.SUBPROTOCOL))


@settings(max_examples=200, derandomize=True)
@given(st.binary(), st.binary(), st.text())
def test_nothing_in_a_scope_raises(value: bytes, query: bytes, offered: str) -> None:
    for name in (b"authorization", b"cookie", b"origin", b"host"):
        made: Scope = {
            "type": "websocket",
            "headers": [(name, value), (b"origin", b"http://" + value), (b"host", value)],
            "query_string": query,
            "subprotocols": [offered],
        }
        found = credentials(made)
        assert (found.token is None) == (found.source is Source.NONE)
        try:
            check_origin(made, ())
        except Forbidden:
            pass


# Origin


def passes(made: Scope, allowed: Collection[str] = (), source: Source = Source.QUERY) -> bool:
    try:
        check_origin(made, allowed, source)
    except Forbidden:
        return False
    return True


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://cal.example", "cal.example"),
        ("https://cal.example", "cal.example"),  # a proxy ends TLS before us
        ("https://cal.example", "cal.example:443"),
        ("http://cal.example:80", "cal.example"),
        ("HTTP://CAL.example", "cal.EXAMPLE"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_our_own_pages_pass(origin: str, host: str) -> None:
    for source in (Source.QUERY, Source.COOKIE):
        assert passes(scope(("Origin", origin), ("Host", host)), source=source)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "cal.example"),
        ("http://cal.example.evil.example", "cal.example"),
        ("http://cal.example:8001", "cal.example:8000"),
        ("https://cal.example:80", "cal.example"),
        ("http://cal.example@evil.example", "cal.example"),
        ("http://cal.example/", "cal.example"),
        ("http://x@cal.example", "cal.example"),
        ("null", "cal.example"),
        ("", "cal.example"),
        ("", ""),
        ("file://", ""),
        ("http://cal.example:port", "cal.example:port"),
        ("chrome-extension://cal.example", "cal.example"),
    ],
)
def test_other_pages_do_not(origin: str, host: str) -> None:
    made = scope(("Origin", origin), ("Host", host))
    for source in Source:
        assert not passes(made, ["https://app.example"], source)


def test_configured_origins_pass_exactly() -> None:
    allowed = ("https://app.example", "http://localhost:5173")
    for origin, good in [
        ("https://app.example", True),
        ("https://APP.example", True),
        ("http://localhost:5173", True),
        ("http://app.example", False),
        ("https://app.example:8443", False),
        ("https://sub.app.example", False),
    ]:
        made = scope(("Origin", origin), ("Host", "cal.example"))
        assert passes(made, allowed) is good
        assert passes(made, allowed, Source.COOKIE) is good


def test_a_program_needs_no_origin_but_a_cookie_does() -> None:
    for made in (scope(("Host", "cal.example")), scope(kind="http", method="POST")):
        for source in Source:
            assert passes(made, source=source) is (source is not Source.COOKIE)


def test_all_origins_may_be_allowed_but_not_to_use_the_cookie() -> None:
    made = scope(("Origin", "https://evil.example"), ("Host", "cal.example"))
    assert passes(made, ["*"])
    assert not passes(made, ["*"], Source.COOKIE)
    assert passes(made, ["*", "https://evil.example"], Source.COOKIE)


def test_reading_by_http_is_left_to_the_same_origin_policy() -> None:
    headers = (("Origin", "https://evil.example"), ("Host", "cal.example"))
    for method in ("GET", "HEAD", "OPTIONS"):
        assert passes(scope(*headers, kind="http", method=method), source=Source.COOKIE)
    for method in ("POST", "PUT", "PATCH", "DELETE", "MKCALENDAR", "get"):
        assert not passes(scope(*headers, kind="http", method=method))


def test_two_origins_are_none() -> None:
    own = ("Origin", "http://cal.example")
    assert not passes(scope(own, own, ("Host", "cal.example")))
    other = ("Host", "evil.example")
    assert not passes(scope(own, ("Host", "cal.example"), other))
