"""The page's session: signing in and out, the cookie, renewal, and whose page may ask for it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from http.cookies import Morsel, SimpleCookie

import httpx
import jwt
import pytest
from anyio.to_thread import run_sync

from server.auth.middleware import SESSION_COOKIE
from server.auth.tokens import Keyring
from tests.serving.polling import bearer, site
from tests.support.server import ServerProcess, UvicornProcess, started

pytestmark = pytest.mark.anyio

SESSION = "/api/v1/session"
RENEW = "/api/v1/session/renew"
FOREIGN = "https://elsewhere.example"
LIFE = 1000.0


def set_cookie(answer: httpx.Response) -> Morsel[str]:
    """The session cookie that an answer sets."""
    jar = SimpleCookie(answer.headers["set-cookie"])
    return jar[SESSION_COOKIE]


def max_age(answer: httpx.Response) -> int:
    """For how many seconds a browser keeps the session cookie that an answer sets."""
    return int(set_cookie(answer)["max-age"])


def end_of(token: str) -> float:
    """When a token says that it ends."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return float(claims["exp"])


def renewable(
    server: ServerProcess, *, age: float = 0.0, life: float = LIFE, until: float = 2 * LIFE
) -> str:
    """Alice's token, issued `age` seconds ago, and to be renewed `until` so long after that."""
    keyring = Keyring.open(server.data / "token-secret")
    now = time.time() - age
    return keyring.issue(
        "alice", "demo", "editor", expires_seconds=life, now=now, renew_seconds=until
    )


async def sign_in(http: httpx.AsyncClient, token: object, **headers: str) -> httpx.Response:
    return await http.post(SESSION, json={"token": token}, headers=headers)


def own_origin(server: ServerProcess) -> dict[str, str]:
    """What a browser sends from this server's own page."""
    return {"origin": f"http://127.0.0.1:{server.port}"}


async def test_who_signs_in_is_told_who_they_are_and_where_they_may_go(
    server: ServerProcess, project: str, http: httpx.AsyncClient
) -> None:
    token = server.token("alice", project, "viewer", name="앨리스", expires_seconds=LIFE)
    answer = await sign_in(http, token)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert told["user"] == {"id": "alice", "name": "앨리스"}
    assert told["expires"] == pytest.approx(time.time() + LIFE, abs=30)
    assert told["renewable"] is False
    entry = {"id": project, "name": project, "kind": "calendar", "role": "viewer"}
    assert told["projects"] == [entry]
    assert (await http.get(SESSION)).json() == told, "by the cookie"


async def test_no_script_and_no_other_page_has_the_cookie(
    server: ServerProcess, http: httpx.AsyncClient
) -> None:
    token = server.token("alice")
    cookie = set_cookie(await sign_in(http, token))
    assert cookie.value == token
    assert cookie["httponly"]
    assert cookie["samesite"].lower() == "strict"
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    assert not cookie["secure"], "a browser would not send it back over http"


@pytest.fixture(scope="module")
def behind_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The same application on uvicorn, which believes a proxy on the loopback."""
    with started(UvicornProcess(tmp_path_factory.mktemp("uvicorn") / "data")) as server:
        yield server


async def test_the_cookie_is_for_https_only_where_the_page_is(behind_tls: ServerProcess) -> None:
    token = behind_tls.token("alice")
    async with site(behind_tls.port) as http:
        answer = await sign_in(http, token, **{"x-forwarded-proto": "https"})
        assert set_cookie(answer)["secure"]
        assert not set_cookie(await sign_in(http, token))["secure"]


@pytest.mark.parametrize(
    ("headers", "secure"),
    [
        ({"x-forwarded-proto": "https"}, True),
        ({"x-forwarded-proto": "HTTPS , http", "origin": "http://{place}"}, True),
        ({"origin": "https://{place}"}, True),
        ({"x-forwarded-proto": "http, https", "origin": "http://{place}"}, False),
        ({"x-forwarded-proto": ""}, False),
    ],
)
async def test_the_cookie_is_for_https_only_behind_a_proxy(
    server: ServerProcess, http: httpx.AsyncClient, headers: dict[str, str], secure: bool
) -> None:
    token, place = server.token("alice"), f"127.0.0.1:{server.port}"
    sent = {name: value.format(place=place) for name, value in headers.items()}
    for answer in (
        await sign_in(http, token, **sent),
        await http.post(RENEW, headers={**sent, **bearer(renewable(server))}),
        await http.get("/", params={"token": token}, headers=sent),
    ):
        assert answer.status_code in (200, 303)
        assert bool(set_cookie(answer)["secure"]) is secure


async def test_the_cookie_outlives_the_browser_for_as_long_as_its_token(
    server: ServerProcess, http: httpx.AsyncClient
) -> None:
    year = 365 * 24 * 3600  # for a token without an end
    for life, kept in ((LIFE, LIFE), (90 * 24 * 3600.0, 90 * 24 * 3600), (None, year)):
        token = server.token("alice", expires_seconds=life)
        link = await http.get("/", params={"token": token})
        for answer in (link, await sign_in(http, token, **own_origin(server))):
            assert max_age(answer) == pytest.approx(kept, abs=30)


async def test_a_link_with_a_token_signs_in_and_takes_it_out_of_the_address(
    server: ServerProcess, http: httpx.AsyncClient
) -> None:
    token = server.token("alice")
    answer = await http.get("/", params={"token": token})
    assert (answer.status_code, answer.headers["location"]) == (303, ".")
    assert answer.headers["cache-control"] == "no-store"
    assert set_cookie(answer).value == token
    assert (await http.get(SESSION)).json()["user"]["id"] == "alice"


async def test_a_link_with_a_bad_token_leaves_who_is_signed_in(
    server: ServerProcess, http: httpx.AsyncClient
) -> None:
    await sign_in(http, server.token("alice"))
    answer = await http.get("/", params={"token": "bad"})
    assert (answer.status_code, answer.headers["location"]) == (303, "./#refused")
    assert "set-cookie" not in answer.headers
    assert (await http.get(SESSION)).json()["user"]["id"] == "alice"


@pytest.mark.parametrize("fault", ["none", "bad", "expired", "forged", "revoked"])
async def test_a_token_that_does_not_count_signs_nobody_in(
    server: ServerProcess, http: httpx.AsyncClient, fault: str
) -> None:
    token = server.token("alice", expires_seconds=-1.0 if fault == "expired" else LIFE)
    if fault == "revoked":
        await run_sync(partial(server.admin, "tokens.revoke", token.encode()))
    forged = Keyring(bytes(32)).issue("alice", "demo", "owner")
    wrong = {"none": "", "bad": "a.b.c", "forged": forged}.get(fault, token)
    answer = await sign_in(http, wrong)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert (answer.json()["slug"], answer.json()["code"]) == ("unauthenticated", 4401)
    assert "set-cookie" not in answer.headers
    assert not wrong or wrong not in answer.text
    assert (await http.get(SESSION)).status_code == 401


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"token": 1}', b'{"other": "x"}', b"\xff"])
async def test_a_body_that_holds_no_token_is_refused_by_name(
    http: httpx.AsyncClient, body: bytes
) -> None:
    answer = await http.post(SESSION, content=body)
    assert (answer.status_code, answer.json()["slug"]) == (422, "invalid-value")
    assert "token" in answer.json()["detail"]


async def test_a_body_far_longer_than_any_token_is_not_read(http: httpx.AsyncClient) -> None:
    answer = await http.post(SESSION, content=json.dumps({"token": "x" * 20_000}))
    assert (answer.status_code, answer.json()["detail"]) == (422, "token: too long")


async def test_who_signs_out_is_nobody(server: ServerProcess, http: httpx.AsyncClient) -> None:
    await sign_in(http, server.token("alice"))
    answer = await http.delete(SESSION, headers=own_origin(server))
    assert answer.status_code == 204
    cookie = set_cookie(answer)
    assert (cookie.value, cookie["max-age"], cookie["path"]) == ("", "0", "/")
    assert (await http.get(SESSION)).status_code == 401


async def test_a_renewed_token_lives_longer(server: ServerProcess, http: httpx.AsyncClient) -> None:
    token = renewable(server, age=400)
    assert (await sign_in(http, token)).json()["renewable"] is True
    answer = await http.post(RENEW, headers=own_origin(server))
    assert answer.status_code == 200
    renewed = set_cookie(answer).value
    assert end_of(renewed) == pytest.approx(end_of(token) + 400, abs=30)
    assert max_age(answer) == pytest.approx(LIFE, abs=30), "not what the old one had left"
    assert answer.json()["expires"] == end_of(renewed)
    assert answer.json()["user"]["id"] == "alice"
    assert (await http.get(SESSION)).json()["expires"] == end_of(renewed), "by the new cookie"


async def test_renewal_does_not_reach_beyond_the_life_it_was_given(
    server: ServerProcess, http: httpx.AsyncClient
) -> None:
    token = renewable(server, age=LIFE - 60, until=LIFE + 30)
    answer = await http.post(RENEW, headers=bearer(token))
    renewed = set_cookie(answer).value
    assert end_of(renewed) == pytest.approx(end_of(token) + 30, abs=0.01)
    assert max_age(answer) == pytest.approx(90, abs=30)
    assert answer.json()["renewable"] is False


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("without renewal", 403),
        ("past its renewal", 403),
        ("expired", 401),
        ("revoked", 401),
        ("bad", 401),
    ],
)
async def test_what_may_not_be_renewed_is_not(
    server: ServerProcess, http: httpx.AsyncClient, token: str, status: int
) -> None:
    presented = {
        "without renewal": server.token("alice", expires_seconds=LIFE),
        "past its renewal": renewable(server, age=60, until=30),
        "expired": renewable(server, age=LIFE + 1),
        "revoked": renewable(server),
        "bad": "a.b.c",
    }[token]
    if token == "revoked":
        await run_sync(partial(server.admin, "tokens.revoke", presented.encode()))
    answer = await http.post(RENEW, headers=bearer(presented))
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers


async def test_to_revoke_a_token_is_to_revoke_what_it_was_renewed_to(
    server: ServerProcess, http: httpx.AsyncClient
) -> None:
    token = renewable(server, age=10)
    renewed = set_cookie(await http.post(RENEW, headers=bearer(token))).value
    assert renewed != token
    await run_sync(partial(server.admin, "tokens.revoke", token.encode()))
    http.cookies.clear()
    for method, path in (("GET", SESSION), ("POST", RENEW)):
        answer = await http.request(method, path, headers=bearer(renewed))
        assert answer.status_code == 401


@pytest.mark.parametrize("origin", [FOREIGN, "null", "http://127.0.0.1:1", "none"])
@pytest.mark.parametrize(("method", "path"), [("POST", RENEW), ("DELETE", SESSION)])
async def test_the_cookie_counts_only_from_the_servers_own_page(
    server: ServerProcess, http: httpx.AsyncClient, method: str, path: str, origin: str
) -> None:
    await sign_in(http, renewable(server))
    headers = {} if origin == "none" else {"origin": origin}
    answer = await http.request(method, path, headers=headers)
    assert (answer.status_code, answer.json()["slug"]) == (403, "forbidden")
    assert "set-cookie" not in answer.headers
    assert (await http.get(SESSION)).status_code == 200


async def test_no_other_page_signs_anybody_in(
    server: ServerProcess, http: httpx.AsyncClient
) -> None:
    token = server.token("mallory")
    answer = await sign_in(http, token, origin=FOREIGN)
    assert (answer.status_code, answer.json()["code"]) == (403, 4403)
    assert "set-cookie" not in answer.headers
    assert (await sign_in(http, token, **own_origin(server))).status_code == 200
