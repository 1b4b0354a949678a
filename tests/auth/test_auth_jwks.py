"""An identity provider's keys, from a real server on loopback that can be slow, down or wrong."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anyio
import anyio.lowlevel
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from crdt_calendar.errors import OverloadError
from server.auth.jwks import KeySet

pytestmark = pytest.mark.anyio

RSA = rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


def key(kid: str, **changes: object) -> dict[str, object]:
    """A JWK of a fresh P-256 key."""
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    entry: dict[str, object] = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(public))
    return entry | {"kid": kid} | changes


class Provider:
    """What the server of the identity provider says, and how often it was asked."""

    def __init__(self) -> None:
        self.keys = [key("one")]
        self.body: bytes | None = None
        self.status = 200
        self.asked = 0
        self.called = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.url = ""
        self.endless = False
        self.written_bytes = 0

    def answer(self) -> bytes:
        self.asked += 1
        self.called.set()
        assert self.may_answer.wait(20)
        return json.dumps({"keys": self.keys}).encode() if self.body is None else self.body


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("NO_PROXY", "*")
    provider = Provider()

    class Requests(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server's name
            body = provider.answer()
            self.send_response(provider.status)
            if provider.endless:
                self.end_headers()
                self.write_for_ever(body)
                return
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            with suppress(OSError):  # who asked may have gone
                self.wfile.write(body)

        def write_for_ever(self, body: bytes) -> None:
            with suppress(OSError):
                while True:
                    provider.written_bytes += self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Requests) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        provider.url = f"http://127.0.0.1:{server.server_port}/jwks"
        yield provider
        provider.may_answer.set()
        server.shutdown()
        thread.join()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def kids(keys: KeySet, kid: str | None = None, algorithm: str = "ES256") -> list[str | None]:
    return [found.key_id for found in await keys.find(kid, algorithm)]


async def test_keys_are_fetched_when_first_needed_and_kept(provider: Provider) -> None:
    keys = KeySet(provider.url)
    assert provider.asked == 0
    for _ in range(3):
        assert await kids(keys, "one") == ["one"]
    assert provider.asked == 1


async def test_an_unknown_kid_fetches_again_but_seldom(provider: Provider) -> None:
    clock = Clock()
    keys = KeySet(provider.url, retry_seconds=10, clock=clock)
    await keys.find("one", "ES256")
    provider.keys.append(key("two"))
    clock.now += 9.9
    assert await kids(keys, "two") == []
    assert provider.asked == 1
    clock.now += 0.1
    assert await kids(keys, "two") == ["two"]
    for number in range(50):
        assert await kids(keys, f"made up {number}") == []
    assert provider.asked == 2


async def test_a_crowd_with_a_new_key_asks_once(provider: Provider) -> None:
    keys = KeySet(provider.url)
    found: list[list[str | None]] = []

    async def login() -> None:
        found.append(await kids(keys, "one"))

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(login)
    assert found == [["one"]] * 50
    assert provider.asked == 1


async def test_a_source_that_hangs_holds_up_no_known_key(provider: Provider) -> None:
    keys = KeySet(provider.url)
    await keys.find("one", "ES256")
    provider.called.clear()
    provider.may_answer.clear()
    async with anyio.create_task_group() as group:
        group.start_soon(keys.follow)
        await anyio.to_thread.run_sync(provider.called.wait)
        with anyio.fail_after(1):  # the loop runs, and this key needs nobody
            assert await kids(keys, "one") == ["one"]
        cancelled = time.monotonic()
        group.cancel_scope.cancel()  # nor does a stop wait for the source
    assert time.monotonic() - cancelled < 2


async def test_a_source_without_end_is_left(provider: Provider) -> None:
    provider.endless = True
    assert not await KeySet(provider.url).refresh()
    assert provider.written_bytes < 32 * 1024 * 1024  # what sockets buffer, not what it could


async def test_a_source_that_is_down_takes_no_known_key_away(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    keys = KeySet(provider.url, clock=clock)
    await keys.find("one", "ES256")
    provider.status = 503
    for _ in range(3):
        clock.now += 60
        assert await kids(keys, "two") == []
        assert await kids(keys, "one") == ["one"]
    assert not await keys.refresh()
    assert provider.asked == 5
    assert "going on with those there are" in caplog.text
    assert provider.url not in caplog.text  # it may hold a password


async def test_one_that_was_never_up_is_a_reason_to_come_back(provider: Provider) -> None:
    clock = Clock()
    keys = KeySet(provider.url, clock=clock)
    provider.status = 500
    for _ in range(2):
        with pytest.raises(OverloadError):
            await keys.find("one", "ES256")
    assert provider.asked == 1
    provider.status = 200
    clock.now += 10
    assert await kids(keys, "one") == ["one"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": [1, {}, {"kty": "oct", "k": "AAAA"}]}',
        b'{"keys": [{"kty": "RSA", "n": 5, "e": null}]}',
        b'{"keys": [{"kty": ["EC"], "crv": "P-256", "x": "!", "y": {}}]}',
        b"[" * 100_000,
        json.dumps({"keys": [key("one")]}).encode() + b" " * 300_000,
        b"\xff\xfe\x00",
    ],
)
async def test_what_is_no_key_set_changes_nothing(provider: Provider, body: bytes) -> None:
    keys = KeySet(provider.url)
    assert await keys.refresh()
    provider.body = body
    assert not await keys.refresh()
    assert await kids(keys, "one") == ["one"]


async def test_redirections_are_not_followed(provider: Provider) -> None:
    provider.status = 302
    assert not await KeySet(provider.url).refresh()
    assert provider.asked == 1


async def test_a_key_that_is_withdrawn_is_forgotten_at_the_next_look(provider: Provider) -> None:
    keys = KeySet(provider.url, refresh_seconds=0.01)
    await keys.find("one", "ES256")
    provider.keys = [key("two")]
    async with anyio.create_task_group() as group:
        group.start_soon(keys.follow)
        with anyio.fail_after(10):
            while await kids(keys) != ["two"]:
                await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()


async def test_only_keys_that_verify_signatures_we_take(provider: Provider) -> None:
    private: dict[str, object] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA))
    provider.keys = [
        key("good"),
        key("encrypts", use="enc"),
        key("signs", use="sig"),
        key("other", alg="ES384"),
        {"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "shared"},
        private | {"kid": "leaked", "alg": "RS256"},
        {"kty": "later", "kid": "unheard of"},
    ]
    keys = KeySet(provider.url)
    assert await kids(keys) == ["good", "signs"]
    assert await kids(keys, "good", "RS256") == []
    assert await kids(keys, None, "HS256") == []
    assert await kids(keys, "other", "ES384") == []
    (leaked,) = await keys.find("leaked", "RS256")
    assert not isinstance(leaked.key, rsa.RSAPrivateKey)  # its public half only


async def test_a_file_may_not_be_endless_either(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [key("one")]}) + " " * 300_000)
    assert not await KeySet(str(path)).refresh()


async def test_a_file_is_read_again_when_it_changed(tmp_path: Path) -> None:
    clock = Clock()
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [key("one")]}))
    keys = KeySet(str(path), clock=clock)
    assert await kids(keys, "one") == ["one"]
    path.write_text(json.dumps({"keys": [key("two")]}))
    clock.now += 10
    assert await kids(keys, "two") == ["two"]


async def test_addresses_that_are_none_are_reported_not_raised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        for source in ("http://", "https://[", "http://127.0.0.1:1/", "/nowhere/jwks.json", "\0"):
            assert not await KeySet(source).refresh()
    assert len(caplog.records) == 5
