"""Webhooks: signed, in order, again until they arrive; after a crash nothing is missing."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from crdt_calendar.errors import InvalidValue
from server.gateways.rest.addresses import Addresses
from server.gateways.rest.courier import RETRY_SECONDS
from tests.rest.conftest import House, Person
from tests.rest.receiver import Receiver, receiving
from tests.support.server import HOST, running

pytestmark = pytest.mark.anyio


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Somebody to be told."""
    async with receiving() as receiver:
        yield receiver


async def register(owner: Person, receiver: Receiver, **words: Any) -> Any:
    body = {"url": receiver.url, **words}
    return await owner.send("POST", "/webhooks", body, status=201)


async def until(condition: Callable[[], Any]) -> Any:
    """Wait until that is so."""
    with anyio.fail_after(10):
        while not (found := await condition()):  # noqa: ASYNC110  # it may be about anything
            await anyio.sleep(0.01)
    return found


async def test_every_change_is_told_signed_and_in_order(owner: Person, receiver: Receiver) -> None:
    hook = await register(owner, receiver)
    await owner.event(id="e", title="회의")
    await owner.send("PATCH", "/events/e", {"title": "b"})
    await owner.send("DELETE", "/events/e", status=204)
    await owner.send("POST", "/events/e/restore")
    await owner.send("PATCH", "", {"name": "Team"})
    await receiver.has(5)
    assert receiver.kinds() == [
        "event.created",
        "event.updated",
        "event.deleted",
        "event.restored",
        "calendar.updated",
    ]
    created, updated = receiver.bodies[:2]
    assert created["data"]["event"]["title"] == "회의"
    assert created["data"]["projectId"] == owner.project
    assert (updated["data"]["fields"], updated["data"]["event"]["version"]) == (["title"], 1)
    assert updated["timestamp"] == updated["data"]["event"]["updatedAt"]
    for headers, body in receiver.received:
        assert headers["webhook-signature"] == signature(hook["secret"], headers, body)
        assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
        assert headers["host"] == f"127.0.0.1:{receiver.port}"

    async def log() -> Any:
        found = (await owner.get(f"/webhooks/{hook['id']}/deliveries"))["items"]
        return found if all(one["state"] == "delivered" for one in found) else None

    told = await until(log)
    assert [one["kind"] for one in told] == receiver.kinds()[::-1]
    assert {(one["status"], one["attempts"], one["error"]) for one in told} == {(200, 1, "")}
    assert told[0]["body"] == receiver.bodies[-1]


def signature(secret: str, headers: dict[str, str], body: bytes) -> str:
    """As the specification of Standard Webhooks says it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, "sha256").digest()).decode()


async def test_only_the_kinds_that_were_asked_for_are_told(
    owner: Person, receiver: Receiver
) -> None:
    secret = "whsec_" + base64.b64encode(bytes(24)).decode()
    hook = await register(owner, receiver, kinds=["event.deleted"], secret=secret)
    assert hook["secret"] == secret
    await owner.event(id="e", title="a")
    await owner.send("DELETE", "/events/e", status=204)
    await owner.send("POST", f"/webhooks/{hook['id']}/ping", status=204)
    await receiver.has(2)
    assert sorted(receiver.kinds()) == ["event.deleted", "webhook.ping"]
    assert "secret" not in await owner.get(f"/webhooks/{hook['id']}")


async def test_what_did_not_arrive_is_sent_again_under_its_id(
    house: House, owner: Person, receiver: Receiver
) -> None:
    receiver.answer = lambda number: 500 if number == 1 else 302 if number == 2 else 204
    house.service.courier._retry_seconds = (0.01, 0.01, 0.01)
    hook = await register(owner, receiver)
    await owner.event(id="e", title="a")
    await owner.send("PATCH", "/events/e", {"title": "b"})
    await receiver.has(4)
    assert [body["type"] for body in receiver.bodies] == [*["event.created"] * 3, "event.updated"]
    assert len({headers["webhook-id"] for headers, _ in receiver.received[:3]}) == 1

    async def log() -> Any:
        found = (await owner.get(f"/webhooks/{hook['id']}/deliveries"))["items"]
        return found if all(one["state"] == "delivered" for one in found) else None

    assert [one["attempts"] for one in await until(log)] == [1, 3]


async def test_who_never_answers_is_given_up_and_may_be_told_again(
    house: House, owner: Person, receiver: Receiver
) -> None:
    receiver.answer = lambda number: 500
    house.service.courier._retry_seconds = (0.01,)
    hook = await register(owner, receiver)
    path = f"/webhooks/{hook['id']}"
    await owner.event(id="e", title="a")

    async def disabled() -> Any:
        return (await owner.get(path))["disabled"]

    assert await until(disabled) == "given up after 2 attempts: answered with status 500"
    (failed,) = (await owner.get(f"{path}/deliveries"))["items"]
    assert (failed["state"], failed["status"]) == ("failed", 500)
    assert (await owner.send("POST", f"{path}/ping", status=409))["slug"] == "taken"

    receiver.answer = lambda number: 200
    await owner.send("PATCH", "/events/e", {"title": "meanwhile"})
    await owner.send("PATCH", path, {"enabled": True})
    await receiver.has(3)
    assert receiver.bodies[-1]["data"]["event"]["title"] == "meanwhile"


async def test_a_webhook_that_is_stopped_or_deleted_is_told_nothing(
    owner: Person, receiver: Receiver
) -> None:
    stopped, deleted, told = [await register(owner, receiver) for _ in range(3)]
    await owner.send("PATCH", f"/webhooks/{stopped['id']}", {"enabled": False})
    await owner.send("DELETE", f"/webhooks/{deleted['id']}", status=204)
    assert [one["id"] for one in (await owner.get("/webhooks"))["items"]] == [
        one["id"]
        for one in sorted((stopped, told), key=lambda hook: (hook["createdAt"], hook["id"]))
    ]
    await owner.event(title="a")
    await receiver.has(1)
    await owner.send("POST", f"/webhooks/{told['id']}/ping", status=204)
    await receiver.has(2)
    assert len(receiver.received) == 2


async def test_who_may_not_read_any_more_is_told_nothing_more(
    house: House, owner: Person, receiver: Receiver
) -> None:
    hook = await register(owner, receiver)
    await owner.event(title="a")
    await receiver.has(1)
    catalog = house.service.store.catalog
    await catalog.set_member(owner.project, "other", "owner")
    await catalog.remove_member(owner.project, "olga")

    async def disabled() -> bool:
        found = await house.service.store.webhooks.find(hook["id"])
        return found is not None and "no longer a member" in found.disabled

    await until(disabled)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost:8000/",
        "http://[::1]/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://192.168.1.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://0.0.0.0/",
        "http://2130706433/",
        "http://[fe80::1]/",
        "http://100.64.0.1/",
        "http://[64:ff9b::10.0.0.1]/",
        "http://[2002:7f00:1::]/",
    ],
)
async def test_no_request_goes_into_a_private_network(url: str) -> None:
    with pytest.raises(InvalidValue, match="private network"):
        await Addresses().resolve(url)
    await Addresses(private=True).resolve(url)


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/", "http://", "https://user@example.org/", "http://x:99999/", "no", "a b"],
)
async def test_what_is_no_address_is_refused(owner: Person, url: str) -> None:
    refused = await owner.send("POST", "/webhooks", {"url": url}, status=422)
    assert refused["field"] == "url"


async def test_after_a_kill_nothing_is_missing(tmp_path: Path, receiver: Receiver) -> None:
    """What was committed before, during and after the kill is told, each under one id."""
    with running(tmp_path / "data", CRDT_CALENDAR_WEBHOOKS_PRIVATE="true") as server:
        server.create("team")
        url = f"http://{HOST}:{server.port}"
        async with httpx.AsyncClient(base_url=url, timeout=20) as http:
            owner = Person(http, server.token("olga", "team", "owner"), "team")
            receiver.answer = lambda number: 503  # nothing arrives until the server is back
            await register(owner, receiver)
            for number in range(10):
                await owner.event(id=f"e{number}", title="a")
            server.kill()
            receiver.answer = lambda number: 200
            server.start()
            await owner.event(id="e10", title="a")

            async def all_told() -> bool:
                told = {
                    (headers["webhook-id"], body["data"]["eventId"])
                    for (headers, _), body in zip(receiver.received, receiver.bodies, strict=True)
                }
                return len(told) == 11 and {id for _, id in told} == {f"e{n}" for n in range(11)}

            await until(all_told)


def test_the_retries_go_on_for_a_day() -> None:
    assert 24 * 3600 < sum(RETRY_SECONDS) < 48 * 3600
    assert list(RETRY_SECONDS) == sorted(RETRY_SECONDS)
