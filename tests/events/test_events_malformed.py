"""Whatever comes: an error that names the field, the connection stays, nothing half done."""

from __future__ import annotations

import pytest
import websockets

from tests.events.talker import JSON, MSGPACK, subscribed, talking
from tests.support.server import HOST, ServerProcess

pytestmark = pytest.mark.anyio

NINE = {"startDate": "2026-03-02T09:00:00Z", "endDate": "2026-03-02T10:00:00Z"}
DEEP = 100_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nonsense",
        '{"type": "ping"} trailing',
        '{"type": "ping", "payload": NaN}',
        "[" * DEEP,
        '{"type": "event:create", "payload": ' + "[" * DEEP,
        '{"type": "event:create", "payload": ' + "[" * DEEP + "]" * DEEP + "}",
    ],
)
async def test_bad_json(server: ServerProcess, project: str, text: str) -> None:
    async with subscribed(server, project) as ann:
        await ann.socket.send(text)
        assert (await ann.told("error"))["payload"]["code"] == "malformed"
        await ann.done("event:create", {"title": "still here", **NINE})


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\xff",
        b"{}",
        b"\xc1",
        b"\xdd\xff\xff\xff\xff",  # an array of 4 billion
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
        b"\x82\xa4type\xacevent:create\xa7payload\xdd\xff\xff\xff\xff\x01",
        b"\x82\xa4type\xacevent:create\xa7payload\xdb\x7f\xff\xff\xff",
        b"\x82\xa4type\xacevent:create\xa7payload" + b"\x91" * DEEP + b"\x01",
        b"\x91" * DEEP,
        b"\x78\x9c nonsense",
    ],
)
async def test_bad_messagepack(server: ServerProcess, project: str, data: bytes) -> None:
    before = server.resident_bytes()
    async with subscribed(server, project, protocol=MSGPACK) as ann:
        await ann.socket.send(data)
        error = await ann.told("error")
        assert error["payload"]["code"] in ("malformed", "invalid-value")
        await ann.done("event:create", {"title": "still here", **NINE})
    assert server.resident_bytes() - before < 100 << 20


@pytest.mark.parametrize("protocol", [JSON, MSGPACK])
@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"type": "event:create", "payload": {"title": 3}}, "payload.title"),
        ({"type": "event:create", "payload": {"end": "2026-03-01"}}, "start"),
        ({"type": "event:create", "payload": {"start": "soon"}}, "start"),
        ({"type": "event:create", "payload": {"startDate": "2026-13-01"}}, "startDate"),
        (
            {"type": "event:create", "payload": {"start": "2026-03-01", "timeZone": "Mars"}},
            "timeZone",
        ),
        ({"type": "event:create", "payload": {"start": "2026-03-01", "status": "x"}}, "status"),
        ({"type": "event:create", "payload": []}, "payload"),
        (
            {"type": "event:create", "payload": {"attendees": [{"address": 3}]}},
            "payload.attendees[0].address",
        ),
        ({"type": "event:update", "payload": {"title": "which?"}}, "payload.id"),
        ({"type": "event:update", "payload": {"id": "x"}, "version": -1}, "version"),
        ({"type": "event:update", "payload": {"id": "x"}, "version": "1"}, "version"),
        ({"type": "event:delete", "payload": 7}, "payload"),
        ({"type": "subscribe"}, "payload.projectId"),
        ({"type": "subscribe", "payload": {"projectId": "x", "since": "y"}}, "payload.since"),
        (
            {"type": "subscribe", "payload": {"projectId": "x", "range": {"from": "a"}}},
            "payload.range.to",
        ),
        (
            {
                "type": "subscribe",
                "payload": {"projectId": "x", "range": {"from": "2026", "to": "2027"}},
            },
            "payload.range.from",
        ),
        (
            {
                "type": "subscribe",
                "payload": {
                    "projectId": "x",
                    "range": {"from": "2026-03-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"},
                },
            },
            "payload.range.to",
        ),
        ({"type": "options", "payload": {"batch": {"size": 11}}}, "payload.batch.size"),
        ({"type": "project:update", "payload": {"timezone": "Mars"}}, "timezone"),
        (
            {"type": "project:update", "payload": {"conflictStrategy": "shout"}},
            "conflictStrategy",
        ),
        ({"type": "conflict:resolve", "payload": {"index": 0}}, "payload.conflictId"),
        ({"type": "no such thing"}, "type"),
        ({"type": 7}, "type"),
        ({"payload": {}}, "type"),
        (7, "message"),
        ({"type": "ping", "id": 7}, "id"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_what_is_wrong_is_named(
    server: ServerProcess, project: str, protocol: str, message: object, field: str
) -> None:
    async with subscribed(server, project, protocol=protocol) as ann:
        id_ = "the message"
        known = isinstance(message, dict) and "id" not in message
        await ann.send({**message, "id": id_} if known else message)  # type: ignore[dict-item]
        error = await ann.told("error")
        assert error["payload"]["field"] == field, error
        assert error["id"] == (id_ if known else "")
        await ann.done("event:create", {"title": "still here", **NINE})
        assert list(ann.mirror(project).titles().values()) == ["still here"]


async def test_a_message_of_the_other_codec(server: ServerProcess, project: str) -> None:
    async with subscribed(server, project, protocol=MSGPACK) as ann:
        await ann.socket.send('{"type": "ping"}')
        await ann.told("error")
    async with subscribed(server, project) as ann:
        await ann.socket.send(b'{"type": "ping"}')  # JSON all the same
        await ann.told("pong")
        await ann.socket.send(b"\x81\xa4type\xa4ping")
        await ann.told("error")


async def test_limits_of_a_frame(server: ServerProcess, project: str) -> None:
    async with subscribed(server, project) as ann:
        await ann.send([{"type": "pong"}] * 1001)
        assert (await ann.told("error"))["payload"]["code"] == "too-large"
        await ann.send([{"type": "pong"}] * 1000)
        await ann.socket.send("x" * (1024 * 1024 + 1))
        assert await ann.until_closed() == 1009


async def test_a_text_in_fragments_is_a_message(server: ServerProcess, project: str) -> None:
    async with subscribed(server, project) as ann:
        await ann.socket.send(['{"type": ', '"ping", ', '"id": "in pieces"}'])
        assert (await ann.answer("in pieces"))["type"] == "pong"
        await ann.socket.send(['{"type": "ping", "id": "', "x" * 600_000, "x" * 600_000])
        assert await ann.until_closed() == 1009


async def test_so_many_subscriptions_and_no_more(server: ServerProcess, project: str) -> None:
    async with subscribed(server, project, snapshot=False, presence=False) as ann:
        for number in range(255):
            await ann.say("subscribe", {"projectId": project, "eventId": str(number)})
        await ann.done("event:create", {"title": "x", **NINE})
        assert ann.all("error") == []
        answer = await ann.ask("subscribe", {"projectId": project, "eventId": "one more"})
        assert "256 subscriptions" in answer["payload"]["message"]
        await ann.done("unsubscribe", {"projectId": project, "eventId": "7"})
        await ann.done("subscribe", {"projectId": project, "eventId": "one more"})


async def test_a_page_of_another_origin_is_refused(server: ServerProcess, project: str) -> None:
    token = server.token("ann", project)
    url = f"ws://{HOST}:{server.port}/events?token={token}"
    origin = websockets.Origin("https://elsewhere.example")
    async with websockets.connect(url, origin=origin, compression=None) as socket:
        await socket.wait_closed()
        assert socket.close_code == 4403


async def test_a_client_that_floods_is_held(server: ServerProcess, project: str) -> None:
    async with talking(server, server.token("ann", project)) as ann:
        for _ in range(11):
            await ann.send([{"type": "pong"}] * 1000)  # a burst of 10,000 and then 1,000 a second
        await ann.ask("ping")
        assert ann.closed is None
