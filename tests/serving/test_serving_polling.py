"""Long polling over real HTTP: a peer like any other, on a line made of requests."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import anyio
import httpx
import pytest
from anyio.to_thread import run_sync
from pycrdt import Doc, Map

from crdt_calendar.model.calendar import Calendar
from crdt_calendar.protocol.messages import SyncStep1, SyncStep2, Update
from tests.serving.polling import Polling, bearer, frames_of, polled, site
from tests.support import forged
from tests.support.client import Client, calendar_of, connected
from tests.support.server import ServerProcess, running

pytestmark = pytest.mark.anyio

FOREIGN = "https://elsewhere.example"
AT_ONCE = 2.0  # seconds; far less than any patience or poll


def creating(event: str, description: str = "") -> partial[str]:
    """The edit that makes an event of that id."""
    return partial(Calendar.create, event_id=event, title=event, description=description)


def made(event: str) -> Update:
    """What somebody says who makes that event in a document of their own."""
    doc = Doc()  # type: ignore[var-annotated]
    creating(event)(calendar_of(doc))
    return Update(doc.get_update())


def events_of(client: Client) -> object:
    """All that a client's document says of events."""
    return client.doc.get("events", type=Map).to_py()


async def heard(client: Client, event: str) -> None:
    """Wait until the server has said something with that event in it."""
    await client.until(lambda: any(event.encode() in update for update in client.updates))


async def test_polling_and_a_socket_see_one_another(server: ServerProcess, project: str) -> None:
    async with (
        connected(server.url, server.token("alice", project), project) as alice,
        polled(server.port, server.token("bob", project), project) as bob,
    ):
        await alice.until_synced()
        await bob.until_synced()
        await alice.show(cursor=1)
        await bob.show(cursor=2)
        await alice.until(lambda: bob.doc.client_id in alice.present)
        await bob.until(lambda: alice.doc.client_id in bob.present)
        assert alice.present[bob.doc.client_id].value == {
            "cursor": 2,
            "user": {"id": "bob", "name": "bob"},
        }
        await alice.edit(creating("from-a-socket"))
        await bob.edit(creating("from-a-poll"))
        for client in (alice, bob):
            await client.until(lambda: len(client.calendar) == 2)  # noqa: B023
            await heard(client, "from-a-socket")
            await heard(client, "from-a-poll")
        assert events_of(alice) == events_of(bob)
    async with connected(server.url, server.token("carol", project), project) as carol:
        await carol.until_synced()
        assert {event.id for event in carol.calendar.events()} == {"from-a-socket", "from-a-poll"}


async def test_a_session_begins_with_states_and_goes_on_with_updates(
    server: ServerProcess, project: str, http: httpx.AsyncClient
) -> None:
    async with connected(server.url, server.token("alice", project), project) as alice:
        await alice.edit(creating("before"))
        await heard(alice, "before")
        polling = Polling(http, project, server.token("bob", project))
        opened = await polling.open()
        assert opened.headers["cache-control"] == "no-store"
        assert opened.headers["content-type"] == "application/octet-stream"
        assert frames_of(opened.content)[0].startswith(forged.SYNC_STEP_1)
        assert (await polling.say(SyncStep1(b"\x00"))).status_code == 204
        (answer,) = await polling.heard()
        assert isinstance(answer, SyncStep2)
        assert b"before" in answer.update
        await alice.edit(creating("after"))
        (live,) = await polling.heard()
        assert isinstance(live, Update)
        assert b"after" in live.update
        assert b"before" not in live.update


async def test_an_echo_by_polling_is_on_disk(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        async with site(server.port) as http:
            polling = Polling(http, "demo", server.token("bob"))
            await polling.open()
            await polling.say(made("durable"))
            (echo,) = await polling.heard()
            await run_sync(server.kill)
        assert isinstance(echo, Update)
        assert b"durable" in echo.update
        await run_sync(server.start)
        async with connected(server.url, server.token("alice")) as alice:
            await alice.until_synced()
            assert "durable" in alice.calendar


async def test_a_viewer_who_polls_is_told_that_an_edit_was_refused(
    server: ServerProcess, project: str
) -> None:
    async with (
        connected(server.url, server.token("alice", project), project) as alice,
        polled(server.port, server.token("eve", project, "viewer"), project, user="eve") as eve,
    ):
        await alice.until_synced()
        await eve.until_synced()
        await eve.edit(creating("refused"))
        await eve.until(lambda: eve.denied)
        assert "eve may read this calendar, not edit it" in eve.denied
        await alice.edit(creating("accepted"))
        await eve.until(lambda: "accepted" in eve.calendar)
        assert eve.closed is None
        assert "refused" not in alice.calendar
        assert not any(b"refused" in update for update in alice.updates)


@pytest.mark.parametrize(("operation", "code"), [("members.remove", 4403), ("tokens.revoke", 4401)])
async def test_who_may_not_any_more_is_told_so_within_a_second(
    server: ServerProcess, project: str, operation: str, code: int
) -> None:
    token = server.token("bob", project)
    async with (
        connected(server.url, server.token("alice", project), project) as alice,
        polled(server.port, token, project) as bob,
    ):
        await bob.until_synced()
        await bob.show(cursor=1)
        await alice.until(lambda: bob.doc.client_id in alice.present)
        about = {"project": project, "user": "bob"} if code == 4403 else {}
        await run_sync(partial(server.admin, operation, token.encode(), **about))
        assert (await bob.until_closed(1.0))[0] == code
        await alice.until(lambda: bob.doc.client_id not in alice.present, 1.0)


async def test_a_session_nobody_knows_is_gone(
    server: ServerProcess, project: str, http: httpx.AsyncClient
) -> None:
    polling = Polling(http, project, server.token("bob", project))
    polling.session = "never-heard-of"
    for answer in (await polling.poll(), await polling.say(made("x")), await polling.leave()):
        assert_is_gone(answer)


def assert_is_gone(answer: httpx.Response) -> None:
    """It says that there is no such session."""
    assert answer.status_code == 410
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["slug"], answer.json()["code"]) == ("no-such-session", 1012)


@pytest.mark.parametrize("stranger", ["another user", "another project"])
async def test_a_session_is_its_owners_and_of_its_project(
    server: ServerProcess, project: str, http: httpx.AsyncClient, stranger: str
) -> None:
    polling = Polling(http, project, server.token("bob", project))
    await polling.open()
    if stranger == "another user":
        other = Polling(http, project, server.token("eve", project))
    else:
        other = Polling(http, "demo", server.token("bob"))
    other.session = polling.session
    for answer in (await other.poll(), await other.say(made("smuggled")), await other.leave()):
        assert_is_gone(answer)
    await polling.say(made("own"))
    (echo,) = await polling.heard()
    assert isinstance(echo, Update)
    assert b"own" in echo.update
    assert b"smuggled" not in echo.update


async def test_a_session_that_was_left_is_gone(
    server: ServerProcess, project: str, http: httpx.AsyncClient
) -> None:
    polling = Polling(http, project, server.token("bob", project))
    await polling.open()
    assert (await polling.leave()).status_code == 204
    for answer in (await polling.poll(), await polling.say(made("x")), await polling.leave()):
        assert_is_gone(answer)


MALFORMED = {
    "a length without its message": ("malformed", b"\x05\x00"),
    "a length without an end": ("malformed", b"\xff" * 12),
    "an empty message": ("malformed", b"\x00"),
    "an unknown type": ("malformed", forged.sized(b"\x63\x00")),
    "text": ("malformed", b"{}"),
    "trailing bytes": ("malformed", forged.sized(forged.frame(forged.SYNC_STEP_1, b"\x00") + b"x")),
    "a false count": ("hostile", forged.sized(forged.frame(forged.UPDATE, b"\x01\x01"))),
}


@pytest.mark.parametrize(("slug", "body"), MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_body_ends_one_session_and_nobody_else_notices(
    server: ServerProcess, project: str, http: httpx.AsyncClient, slug: str, body: bytes
) -> None:
    async with connected(server.url, server.token("alice", project), project) as alice:
        await alice.until_synced()
        polling = Polling(http, project, server.token("bob", project))
        await polling.open()
        before = list(alice.updates)
        answer = await polling.say_bytes(body)
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.json()["code"], answer.json()["slug"]) == (1008, slug)
        assert answer.json()["detail"]
        assert (await polling.poll()).json() == answer.json()
        assert (alice.closed, alice.updates, alice.present) == (None, before, {})
        await alice.edit(creating("unhurt"))
        await heard(alice, "unhurt")
    assert await run_sync(server.is_ready)


async def test_a_session_does_not_begin_with_a_malformed_body(
    server: ServerProcess, project: str, http: httpx.AsyncClient
) -> None:
    polling = Polling(http, project, server.token("bob", project))
    answer = await polling.open(b"\x63")
    assert (answer.status_code, answer.json()["slug"]) == (400, "malformed")
    assert polling.session == ""


async def test_a_body_over_the_limit_is_refused(
    server: ServerProcess, project: str, http: httpx.AsyncClient
) -> None:
    polling = Polling(http, project, server.token("bob", project))
    await polling.open()
    answer = await polling.say_bytes(bytes(32 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["slug"]) == (413, "too-large")
    assert answer.json()["code"] == 1009


async def test_an_idle_poll_returns_by_itself(
    server: ServerProcess, project: str, http: httpx.AsyncClient
) -> None:
    polling = Polling(http, project, server.token("bob", project))
    await polling.open()
    for wait, least, most in (("0.3", 0.3, 0.3 + AT_ONCE), ("0", 0.0, AT_ONCE), ("-5", 0.0, 2.0)):
        started = time.monotonic()
        answer = await polling.poll(wait=wait)
        assert (answer.status_code, answer.content) == (200, b"")
        assert least <= time.monotonic() - started < most


async def test_a_new_poll_ends_the_one_before_it(
    server: ServerProcess, project: str, http: httpx.AsyncClient
) -> None:
    polling = Polling(http, project, server.token("bob", project))
    await polling.open()
    first: list[bytes] = []

    async def poll() -> None:
        first.append((await polling.poll()).content)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(poll)
        with anyio.fail_after(AT_ONCE):
            while not first:
                assert (await polling.poll(wait="0.05")).status_code == 200
        assert first == [b""]


@pytest.mark.parametrize("farewell", ["DELETE", "a broken poll"])
async def test_who_leaves_is_gone_at_once(
    server: ServerProcess, project: str, http: httpx.AsyncClient, farewell: str
) -> None:
    async with connected(server.url, server.token("alice", project), project) as alice:
        polling = Polling(http, project, server.token("bob", project))
        await polling.open(forged.presence((7, 1, b"{}")))
        await alice.until(lambda: 7 in alice.present)
        if farewell == "DELETE":
            assert (await polling.leave()).status_code == 204
        else:
            await break_a_poll(polling)
        await alice.until(lambda: 7 not in alice.present, AT_ONCE)


async def break_a_poll(polling: Polling) -> None:
    """Poll twice at once: when one is answered, the server waits with the other, and we hang up."""
    while (await polling.poll(wait="0")).content:
        pass

    async def poll(scope: anyio.CancelScope) -> None:
        assert (await polling.poll()).content == b""
        scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(poll, tasks.cancel_scope)
        tasks.start_soon(poll, tasks.cancel_scope)


async def test_there_is_nothing_to_delete_without_a_session(
    server: ServerProcess, project: str, http: httpx.AsyncClient
) -> None:
    answer = await http.delete(f"/sync/{project}", headers=bearer(server.token("bob", project)))
    assert (answer.status_code, answer.json()["slug"]) == (422, "invalid-value")
    assert "?session=ID" in answer.json()["detail"]
    assert "sync-session" not in answer.headers


async def test_who_polls_seldom_misses_nothing(
    server: ServerProcess, project: str, http: httpx.AsyncClient
) -> None:
    polling = Polling(http, project, server.token("bob", project))
    await polling.open()
    async with connected(server.url, server.token("alice", project), project) as alice:
        for number in range(60):  # 1.2 MB, several times what waits for a poll
            await alice.edit(creating(f"event-{number}", "x" * 20_000))
            await heard(alice, f"event-{number}")
        doc = Doc()  # type: ignore[var-annotated]
        with anyio.fail_after(10):
            while doc.get_state() != alice.doc.get_state():
                for message in await polling.heard():
                    assert isinstance(message, Update | SyncStep2)
                    doc.apply_update(message.update)
        assert len(calendar_of(doc)) == 60


async def test_a_page_of_a_foreign_origin_may_not_poll(
    server: ServerProcess, project: str, http: httpx.AsyncClient
) -> None:
    polling = Polling(http, project, server.token("bob", project))
    polling.headers["origin"] = FOREIGN
    answer = await polling.open()
    assert (answer.status_code, answer.json()["code"]) == (403, 4403)
    polling.headers["origin"] = f"http://127.0.0.1:{server.port}"
    assert (await polling.open()).status_code == 200


@pytest.mark.parametrize(
    ("token", "project", "status", "code"),
    [("bad", "demo", 401, 4401), ("bob's", "nowhere", 404, 4404), ("eve's", "demo", 403, 4403)],
)
async def test_a_refusal_has_the_code_that_a_socket_gets(
    server: ServerProcess,
    http: httpx.AsyncClient,
    token: str,
    project: str,
    status: int,
    code: int,
) -> None:
    tokens = {"bob's": server.token("bob"), "eve's": server.token("eve", "elsewhere")}
    polling = Polling(http, project, tokens.get(token, "a.b.c"))
    answer = await polling.open()
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_sigterm_answers_waiting_polls_and_the_process_exits_0(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        async with (
            polled(server.port, server.token("bob"), "demo") as bob,
            polled(server.port, server.token("carol"), "demo") as carol,
        ):
            await bob.until_synced()
            await carol.until_synced()
            await bob.edit(creating("last-minute"))
            await carol.until(lambda: "last-minute" in carol.calendar)
            server.process.terminate()
            for client in (bob, carol):
                assert (await client.until_closed(AT_ONCE))[0] == 1012
            assert await run_sync(server.process.wait, 10.0) == 0
        await run_sync(server.start)
        async with connected(server.url, server.token("bob")) as again:
            await again.until_synced()
            assert "last-minute" in again.calendar
