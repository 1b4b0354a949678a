"""Coming back without a gap or a repeat; and whoever reads slowly catches up, or is sent away."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from tests.events.talker import JSON, MSGPACK, Talker, subscribed, talking
from tests.support.server import ServerProcess, running

pytestmark = pytest.mark.anyio

NINE = {"startDate": "2026-03-02T09:00:00Z", "endDate": "2026-03-02T10:00:00Z"}


async def make(talker: Talker, title: str, **fields: object) -> str:
    """An event; its id."""
    made = await talker.done("event:create", {"title": title, **NINE, **fields})
    id_: str = made["id"]
    return id_


async def test_a_client_that_comes_back_is_told_what_it_missed(
    server: ServerProcess, project: str
) -> None:
    async with subscribed(server, project) as ann:
        event = await make(ann, "first")
        async with subscribed(server, project, "bob") as bob:
            since = bob.mirror(project).position
        await ann.done("event:update", {"id": event, "title": "second"})
        await make(ann, "other")
        await ann.done("event:delete", {"id": event})
        async with talking(server, server.token("bob", project)) as bob:
            told = await bob.done("subscribe", {"projectId": project, "since": since})
            assert told["resumed"] is True
            await bob.told("event:deleted")
            types = [m["type"] for m in bob.heard if m["type"].startswith("event:")]
            assert types == ["event:updated", "event:created", "event:deleted"]
            assert bob.all("snapshot") == []
            await make(ann, "live")
            await bob.until(lambda m: m["type"] == "event:created" and "live" in str(m))
            assert len(bob.all("event:created")) == 2


async def test_a_client_comes_back_after_the_server_was_killed(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        async with subscribed(server, "demo") as ann, subscribed(server, "demo", "bob") as bob:
            event = await make(ann, "first")
            await bob.told("event:created")
            since = bob.mirror("demo").position
            await ann.done("event:update", {"id": event, "title": "second"})
            created = await ann.done("event:create", {"title": "once", **NINE}, id="sent-once")
        server.kill()
        server.start()
        async with talking(server, server.token("bob", "demo")) as bob:
            assert (await bob.done("subscribe", {"projectId": "demo", "since": since}))["resumed"]
            updated = await bob.told("event:updated")
            assert updated["payload"]["title"] == "second"
            await bob.told("event:created")
            assert bob.all("snapshot") == []
        async with subscribed(server, "demo") as ann:
            again = await ann.done("event:create", {"title": "once", **NINE}, id="sent-once")
            assert again["id"] == created["id"] and again["duplicate"] is True
            assert len(ann.mirror("demo").events) == 2


async def test_who_reads_slowly_catches_up_without_a_gap(tmp_path: Path) -> None:
    """The socket of one reader is not read; its outbox is small, so its news are dropped."""
    with running(tmp_path / "data", CRDT_CALENDAR_LIMIT_OUTBOX_BYTES="500000") as server:
        async with subscribed(server, "demo") as ann:
            token = server.token("bob", "demo")
            async with (
                talking(server, token) as bob,
                talking(server, token, protocol=MSGPACK) as cy,
            ):
                for one in (bob, cy):
                    await one.done("subscribe", {"projectId": "demo"})
                bob.socket.transport.pause_reading()
                text = "x" * 20_000
                for number in range(400):
                    await ann.say(
                        "event:create", {"title": str(number), "description": text, **NINE}
                    )
                await ann.so(lambda: len(ann.all("ack")) == 401 or ann.closed)
                assert ann.closed is None
                await cy.so(lambda: len(cy.mirror("demo").events) == 400)
                assert len(bob.mirror("demo").events) < 400
                bob.socket.transport.resume_reading()
                await bob.so(lambda: len(bob.mirror("demo").events) == 400)
                assert bob.mirror("demo").titles() == ann.mirror("demo").titles()
                positions = [m["position"] for m in bob.heard if "position" in m]
                assert positions == sorted(positions)


async def test_who_takes_nothing_is_sent_away(tmp_path: Path) -> None:
    environment = {
        "CRDT_CALENDAR_LIMIT_OUTBOX_BYTES": "500000",
        "CRDT_CALENDAR_LIMIT_STALE_SECONDS": "0.5",
    }
    with running(tmp_path / "data", **environment) as server:
        async with subscribed(server, "demo") as ann, subscribed(server, "demo", "bob") as bob:
            bob.socket.transport.pause_reading()
            text = "x" * 50_000
            for number in range(300):
                await ann.say("event:create", {"title": str(number), "description": text, **NINE})
            await ann.so(lambda: len(ann.all("ack")) == 301)
            with anyio.fail_after(10):
                while server.metric("connections_closed_total", code="1013") == 0:  # noqa: ASYNC110
                    await anyio.sleep(0.05)
            await make(ann, "nobody else noticed")


@pytest.mark.parametrize("protocol", [JSON, MSGPACK])
async def test_a_burst_is_told_in_order_and_once(
    server: ServerProcess, project: str, protocol: str
) -> None:
    async with (
        subscribed(server, project, protocol=protocol) as ann,
        subscribed(server, project, "bob", protocol=protocol) as bob,
    ):
        for number in range(500):
            await ann.say("event:create", {"title": f"{number:03}", **NINE})
        await bob.so(lambda: len(bob.mirror(project).events) == 500)
        titles = [m["payload"]["title"] for m in bob.all("event:created")]
        assert titles == sorted(titles) and len(titles) == 500
        positions = [m["position"] for m in bob.all("event:created") if "position" in m]
        assert positions == sorted(set(positions))
        ids = [m["id"] for m in bob.all("event:created")]
        assert len(set(ids)) == 500
