"""What the seeds name works under these names, in the style asked in."""

from __future__ import annotations

import zlib
from typing import Any

import anyio
import msgspec
import pytest
import websockets

from tests.events.talker import JSON, MSGPACK, Talker, subscribed, talking
from tests.support.client import connected
from tests.support.server import HOST, ServerProcess

pytestmark = pytest.mark.anyio

NINE = {"startDate": "2026-03-02T09:00:00Z", "endDate": "2026-03-02T10:00:00Z"}


@pytest.mark.parametrize("protocol", [JSON, MSGPACK])
async def test_each_style_is_answered_in_its_own(
    server: ServerProcess, project: str, protocol: str
) -> None:
    async with (
        subscribed(server, project, "ann", protocol=protocol, upper=True) as ann,
        subscribed(server, project, "bob", protocol=protocol) as bob,
        subscribed(server, project, "cy", protocol=protocol, style="update") as cy,
    ):
        made = await ann.done("EVENT_CREATE", {"title": "Plan", **NINE})
        event = made["id"]
        await bob.done("event:update", {"id": event, "title": "Plans"})
        await ann.done("EVENT_DELETE", {"id": event})
        await bob.done("event:restore", event)
        await ann.done("PROJECT_UPDATE", {"name": "Ours", "timezone": "Asia/Seoul"})
        for one in (ann, bob, cy):
            await one.until(lambda m: "Ours" in str(m))
        told = ["EVENT_CREATED", "EVENT_UPDATED", "EVENT_DELETED", "EVENT_CREATED"]
        news = [m for m in ann.heard if m["type"].startswith(("EVENT_", "PROJECT_"))]
        assert [m["type"] for m in news] == [*told, "PROJECT_UPDATED"]
        assert [m["payload"] for m in news][2] == event
        assert news[1]["payload"]["fields"] == ["title"] and news[1]["payload"]["title"] == "Plans"
        assert news[3]["payload"]["restored"] is True
        assert [m["version"] for m in news[:4]] == [0, 1, 2, 3]
        assert [m["userId"] for m in news] == ["ann", "bob", "ann", "bob", "ann"]
        assert news[0]["timestamp"] > 1_700_000_000_000
        assert news[4]["payload"]["fields"] == ["name", "timezone"]
        positions = [m["position"] for m in news]
        assert positions == sorted(set(positions))
        types = [m["type"] for m in bob.heard if m["type"].startswith(("event:", "project:"))]
        colon = ["event:created", "event:updated", "event:deleted", "event:created"]
        assert types == [*colon, "project:update"]
        changes = [m["payload"]["changes"][0]["action"] for m in cy.all("calendar:update")]
        assert changes == ["created", "updated", "deleted", "restored"]
        assert len(cy.all("project:update")) == 1
        for one in (ann, bob, cy):
            assert one.mirror(project).titles() == {event: "Plans"}


async def test_an_ack_comes_after_the_news_of_what_it_acknowledges(
    server: ServerProcess, project: str
) -> None:
    async with subscribed(server, project) as ann:
        done = await ann.done("event:create", {"event": {"title": "Plan", **NINE}}, id="one")
        kinds = [
            m["type"] for m in ann.heard if m.get("id") == "one" or m["type"] == "event:created"
        ]
        assert kinds == ["event:created", "ack"]
        assert done["event"]["title"] == "Plan" and done["version"] == 0
        assert done["position"] == ann.all("event:created")[0]["position"]
        assert done["projectId"] == project


async def test_require_ack_says_whether_there_is_one(server: ServerProcess, project: str) -> None:
    async with subscribed(server, project) as ann:
        await ann.say("event:create", {"title": "quiet", **NINE}, id="quiet", requireAck=False)
        await ann.done("user:cursor", {"x": 1, "y": 2}, requireAck=True)
        await ann.say("user:cursor", {"x": 3, "y": 2}, id="cursor")
        await ann.say("ack", None, id="something that was heard")
        await ann.done("event:create", {"title": "loud", **NINE})
        assert [m for m in ann.heard if m["id"] in ("quiet", "cursor")] == []


async def test_the_bare_ping_of_old_clients_is_answered(
    server: ServerProcess, project: str
) -> None:
    async with subscribed(server, project) as ann:
        await ann.send({"type": "ping", "timestamp": 17})
        pong = await ann.told("pong")
        assert pong["payload"]["positions"] == {project: ann.mirror(project).position}
        await ann.send({"type": "PING"})
        await ann.told("PONG")
        await (await ann.socket.ping())


async def test_without_a_subprotocol_it_is_json(server: ServerProcess, project: str) -> None:
    token = server.token("ann", project)
    url = f"ws://{HOST}:{server.port}/events?token={token}"
    async with websockets.connect(url, compression=None) as socket:
        assert socket.subprotocol is None
        await socket.send('{"type": "ping", "timestamp": 1}')
        answer = await socket.recv()
        assert isinstance(answer, str) and '"pong"' in answer


async def test_subscriptions_come_and_go(server: ServerProcess) -> None:
    server.create("left", "right")
    token = server.token("ann", "*")
    async with talking(server, token) as ann, talking(server, token) as bob:
        await ann.done("subscribe", {"projectId": "left"})
        await ann.done("SUBSCRIBE_PROJECT", {"projectId": "right"})
        missing = await ann.ask("event:create", {"title": "where?", **NINE})
        assert missing["payload"]["field"] == "payload.projectId"
        await bob.done("event:create", {"projectId": "left", "title": "one", **NINE})
        await bob.done("event:create", {"projectId": "right", "title": "two", **NINE})
        await ann.told("event:created")
        await ann.told("EVENT_CREATED")
        await ann.done("unsubscribe", {"projectId": "left"})
        again = await ann.ask("unsubscribe", {"projectId": "left"})
        assert again["type"] == "error"
        await bob.done("event:create", {"projectId": "left", "title": "three", **NINE})
        await bob.done("event:create", {"projectId": "right", "title": "four", **NINE})
        await ann.until(lambda m: m["type"] == "EVENT_CREATED" and "four" in str(m))
        assert len(ann.all("event:created")) == 1


async def test_a_range_and_one_event(server: ServerProcess, project: str) -> None:
    march = {"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}
    may = {"start": "2026-05-02T09:00:00Z", "end": "2026-05-02T10:00:00Z"}
    daily = {"start": "2026-02-27T09:00:00Z", "recurrence": {"rrule": "FREQ=DAILY;COUNT=5"}}
    async with subscribed(server, project) as ann:
        inside = (await ann.done("event:create", {"title": "in", **NINE}))["id"]
        outside = (await ann.done("event:create", {"title": "out", **may}))["id"]
        await ann.done("event:create", {"title": "daily", **daily})
        async with (
            subscribed(server, project, "bob", range=march, name="view") as bob,
            subscribed(server, project, "cy", eventId=outside) as cy,
        ):
            assert sorted(bob.mirror(project).titles().values()) == ["daily", "in"]
            assert list(cy.mirror(project).titles().values()) == ["out"]
            await ann.done("event:update", {"id": outside, "title": "still out"})
            await ann.done("event:update", {"id": inside, **may})  # leaves, and bob hears of it
            await ann.done("event:update", {"id": inside, "title": "gone"})
            await ann.done("event:update", {"id": outside, **NINE})  # comes
            await bob.until(lambda m: m["type"] == "event:updated" and "still out" in str(m))
            await cy.until(lambda m: m["type"] == "event:updated" and "03-02" in str(m))
            assert [m["payload"]["title"] for m in bob.all("event:updated")] == ["in", "still out"]
            assert {m["payload"]["id"] for m in cy.all("event:updated")} == {outside}
            heard = len(bob.heard)
            june = {"from": "2026-06-01T00:00:00Z", "to": "2026-07-01T00:00:00Z"}
            await bob.done("subscribe", {"projectId": project, "range": june, "name": "view"})
            snapshot = await bob.told("snapshot", heard)
            assert snapshot["payload"]["events"] == []
            await ann.done("event:update", {"id": outside, "title": "unheard"})
            await ann.done("event:create", {"title": "June", "start": "2026-06-03"})
            await bob.told("event:created", heard)
            assert [m for m in bob.heard if "unheard" in str(m)] == []


async def test_many_messages_in_one_frame(server: ServerProcess, project: str) -> None:
    async with subscribed(server, project) as ann:
        await ann.send(
            [
                {"type": "event:create", "id": "a", "payload": {"title": "A", **NINE}},
                {"type": "event:create", "id": "b", "payload": {"title": 3, **NINE}},
                {"type": "subscribe", "id": "c", "payload": {"projectId": project}},
                {"type": "event:create", "id": "d", "payload": {"title": "D", **NINE}},
            ]
        )
        answers = {id_: await ann.answer(id_) for id_ in "abcd"}
        assert [answers[id_]["type"] for id_ in "abcd"] == ["ack", "error", "ack", "ack"]
        assert answers["b"]["payload"]["field"] == "payload.title"
        assert sorted(ann.mirror(project).titles().values()) == ["A", "D"]


@pytest.mark.parametrize("protocol", [JSON, MSGPACK])
async def test_what_goes_out_is_collected_when_asked(
    server: ServerProcess, project: str, protocol: str
) -> None:
    async with subscribed(server, project, protocol=protocol) as ann:
        await ann.done("options", {"batch": {"size": 10, "delay": 100}})
        before = len(ann.frames)
        for number in range(25):
            await ann.say("event:create", {"title": str(number), **NINE}, id=f"n{number}")
        await ann.answer("n24")
        frames = ann.frames[before:]
        decode: Any = msgspec.json.decode if protocol == JSON else msgspec.msgpack.decode
        arrays = [decode(frame) for frame in frames]
        assert all(isinstance(array, list) and len(array) <= 10 for array in arrays)
        assert sum(map(len, arrays)) == 50
        assert len(arrays) < 25
        await ann.say("options", {"batch": False})
        await ann.ask("event:create", {"title": "alone", **NINE})
        assert not isinstance(decode(ann.frames[-1]), list)


@pytest.mark.parametrize("protocol", [JSON, MSGPACK])
async def test_large_payloads_are_compressed_when_asked(
    server: ServerProcess, project: str, protocol: str
) -> None:
    async with subscribed(server, project, protocol=protocol) as ann:
        await ann.done("OPTIONS", {"compress": True})
        encode = msgspec.json.encode if protocol == JSON else msgspec.msgpack.encode
        large = {"title": "large", "description": "words " * 2000, **NINE}
        message = {"type": "event:create", "id": "large", "payload": large}
        await ann.socket.send(zlib.compress(encode(message)))
        answer = await ann.answer("large")
        assert answer["payload"]["event"]["description"] == "words " * 2000
        compressed = [frame for frame in ann.frames if frame[:1] == b"\x78"]
        assert len(compressed) == 2 and all(len(frame) < 1000 for frame in compressed)
        bomb = zlib.compress(b" " * (64 << 20))
        await ann.socket.send(bomb)
        error = await ann.told("error")
        assert error["payload"]["code"] == "too-large"
        await ann.done("event:create", {"title": "still here", **NINE})


async def test_a_snapshot_of_many_events_comes_in_parts(
    server: ServerProcess, project: str
) -> None:
    async with connected(server.url, server.token("ann", project), project) as yjs:
        await yjs.until_synced()

        def fill(calendar: object) -> None:
            for number in range(450):
                yjs.calendar.create(title=str(number))

        await yjs.edit(fill)
        async with subscribed(server, project, "bob") as bob:
            await bob.so(lambda: len(bob.mirror(project).events) == 450)
            parts = [m["payload"] for m in bob.all("snapshot")]
            assert [part["part"] for part in parts] == [0, 1, 2, 3, 4]
            assert [part["last"] for part in parts] == [False] * 4 + [True]
            assert parts[0]["project"]["role"] == "editor"
            assert [m.get("position") is not None for m in bob.all("snapshot")][-1]
            assert all("position" not in m for m in bob.all("snapshot")[:-1])


async def test_who_says_nothing_about_themselves_is_sent_away(server: ServerProcess) -> None:
    async with talking(server, None) as nobody:
        await nobody.say("ping")
        await nobody.told("pong")
        assert (await nobody.ask("subscribe", {"projectId": "demo"}))["payload"]["status"] == 401
        assert await nobody.until_closed() == 4401


async def test_who_one_is_can_be_said_in_a_message_and_again(
    server: ServerProcess, project: str
) -> None:
    async with talking(server, None) as ann:
        short = server.token("ann", project, expires_seconds=1.5)
        told = await ann.done("AUTH", {"token": short})
        assert told["user"] == {"id": "ann", "name": "ann"}
        await ann.done("subscribe", {"projectId": project})
        await ann.done("AUTH", {"token": server.token("ann", project)})
        other = await ann.ask("auth", {"token": server.token("bob", project)})
        assert other["payload"]["code"] == "forbidden"
        bad = await ann.ask("auth", {"token": "none"})
        assert bad["payload"]["code"] == "unauthenticated"
        await anyio.sleep(2.6)  # past the end of the first token, and a look at it
        await ann.done("event:create", {"title": "still ann", **NINE})
    async with talking(server, None) as nobody:
        await nobody.say("AUTH", {"token": "none"})
        assert await nobody.until_closed() == 4401


async def test_offline_queues_are_replayed_once(server: ServerProcess, project: str) -> None:
    queue = [("event:create", {"title": str(n), "projectId": project, **NINE}) for n in range(5)]

    async def replay(talker: Talker) -> list[object]:
        return [
            await talker.done(type_, payload, id=f"queued-{project}-{n}")
            for n, (type_, payload) in enumerate(queue)
        ]

    token = server.token("ann", project)
    async with talking(server, token) as ann:
        first = await replay(ann)
    async with talking(server, token, protocol=MSGPACK) as ann:
        second = await replay(ann)
    async with talking(server, token) as ann:
        id_ = f"queued-{project}-1"
        wrong = await ann.ask("event:delete", {"projectId": project, "id": "x"}, id=id_)
        assert wrong["payload"]["field"] == "id"
    assert [one["id"] for one in first] == [one["id"] for one in second]  # type: ignore[index]
    assert all(one["duplicate"] for one in second)  # type: ignore[index]
    async with subscribed(server, project, "bob") as bob:
        assert len(bob.mirror(project).events) == 5
