"""graphql-transport-ws: the protocol, its bounds, and who does not read."""

from __future__ import annotations

import json
import socket as tcp
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from crdt_calendar.model.calendar import Calendar
from server.app import graphql_desk, open_service
from server.gateways.graphql import socket as gateway
from server.gateways.graphql.schema import make_schema
from server.settings import Settings
from tests.graphql.rig import PROTOCOL, Failed, Line, connected, socket
from tests.support.client import Client
from tests.support.client import connected as yjs
from tests.support.server import HOST, ServerProcess, running

pytestmark = pytest.mark.anyio

FOLLOW = """
  subscription ($p: ID!) {
    projectEvents(projectId: $p) { position resync changes { eventId event { version } } }
  }
"""
PROJECTS = "{ projects { id } }"


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["{"], 4400),
        (["[]"], 4400),
        (["[" * 100_000], 4400),
        ([b"\x00"], 4400),
        ([{"type": "nonsense"}], 4400),
        ([{"type": "connection_init", "payload": 5}], 4400),
        ([{"type": "connection_init", "payload": "INIT"}], 4401),
        ([{"type": "subscribe", "id": "1", "payload": {"query": PROJECTS}}], 4401),
        (["INIT", "INIT"], 4429),
        (["INIT", {"type": "subscribe", "payload": {"query": PROJECTS}}], 4400),
        (["INIT", {"type": "subscribe", "id": 1, "payload": {"query": PROJECTS}}], 4400),
        (["INIT", {"type": "subscribe", "id": "1"}], 4400),
        (["INIT", {"type": "subscribe", "id": "1", "payload": {"query": 5}}], 4400),
        (["INIT", "FOLLOW", "FOLLOW"], 4409),
        (["INIT", {"type": "next", "id": "1", "payload": {}}], 4400),
        ([" " * 2_000_000], 1009),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_what_breaks_the_protocol_closes_with_the_code_it_has_for_that(
    server: ServerProcess, project: str, line: Line, messages: list[Any], code: int
) -> None:
    meant = {
        "INIT": {"type": "connection_init", "payload": {"token": server.token("mia", project)}},
        "FOLLOW": {
            "type": "subscribe",
            "id": "1",
            "payload": {"query": FOLLOW, "variables": {"p": project}},
        },
    }
    if messages[0] == {"type": "connection_init", "payload": "INIT"}:
        messages = [{"type": "connection_init", "payload": {"token": "of nobody"}}]
    async with socket(server) as broken:
        broken.operations["1"] = await line.subscribe(FOLLOW, p=project)
        for message in messages:
            await broken.send(meant.get(message, message) if isinstance(message, str) else message)
        assert (await broken.until_closed())[0] == code
    assert (await line.ask(PROJECTS))["projects"], "nobody else notices"


async def test_another_subprotocol_is_not_spoken(server: ServerProcess) -> None:
    async with socket(server, protocols=("graphql-ws",)) as line:
        assert (await line.until_closed())[0] == 4406
    async with socket(server, protocols=()) as line:
        assert (await line.until_closed())[0] == 4406


async def test_ping_is_answered_with_pong(line: Line) -> None:
    await line.send({"type": "ping", "payload": {"any": "thing"}})
    await line.until(lambda: {"type": "pong"} in line.messages)
    await line.send({"type": "pong"})
    assert (await line.ask(PROJECTS))["projects"]


async def test_who_says_nothing_is_pinged(tmp_path: Path) -> None:
    with running(tmp_path / "data", CRDT_CALENDAR_PING_SECONDS="1") as server:
        async with connected(server, server.token("mia")) as line:
            await line.until(lambda: {"type": "ping"} in line.messages)


async def test_who_never_begins_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "INIT_SECONDS", 0.0)
    sent: list[dict[str, Any]] = []
    closed = anyio.Event()

    async def receive() -> dict[str, Any]:
        if not sent:
            return {"type": "websocket.connect"}
        await closed.wait()
        return {"type": "websocket.disconnect", "code": 1005}

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "websocket.close":
            closed.set()

    async with open_service(Settings(data=tmp_path / "data")) as service:
        scope = {"type": "websocket", "headers": [], "subprotocols": [PROTOCOL]}
        desk = graphql_desk(service, frozenset())
        await gateway.Socket(desk, make_schema(), scope, receive, send).run()
    assert [one["type"] for one in sent] == ["websocket.accept", "websocket.close"]
    assert sent[1]["code"] == 4408


async def test_an_operation_that_cannot_be_run_ends_alone(project: str, line: Line) -> None:
    for query, code in [
        ("{", "invalid-query"),
        ("{ nonsense }", "invalid-query"),
        ("", "malformed"),
        ("#" * 70_000, "too-large"),
        ("fragment A on Query { __typename }", "invalid-query"),
        ('subscription { projectEvents(projectId: "nowhere") { position } }', "no-such-project"),
        ('{ events(projectId: "nowhere") { position } }', "no-such-project"),
    ]:
        with pytest.raises(Failed) as refused:
            await line.ask(query)
        assert refused.value.code == code, query[:50]
        assert refused.value.errors[0]["extensions"]["status"]
    operation = await line.subscribe(FOLLOW, p=project)
    await operation.next()
    await operation.stop()
    done = await line.subscribe(PROJECTS)
    await done.until(lambda: done.complete)
    assert not operation.over, "who completes an operation is not told so"
    assert [one["type"] for one in line.messages if one.get("id") == done.id] == [
        "next",
        "complete",
    ]


async def test_one_socket_has_a_bounded_number_of_operations(project: str, line: Line) -> None:
    operations = [await line.subscribe(FOLLOW, p=project) for _ in range(gateway.MOST_OPERATIONS)]
    for one in operations:
        await one.next()
    with pytest.raises(Failed) as refused:
        await line.ask(PROJECTS)
    assert refused.value.code == "connections"
    await operations[0].stop()
    assert (await line.ask(PROJECTS))["projects"]


async def test_a_socket_that_is_gone_leaves_nothing_behind(
    server: ServerProcess, project: str
) -> None:
    async with yjs(server.url, server.token("yuna", project), project) as yuna:
        await yuna.until_synced()
        show = f'subscription {{ presence(projectId: "{project}", show: {{x: 1}}) {{ reset }} }}'
        before = server.metric("gateway_connections", gateway="graphql")
        async with connected(server, server.token("mia", project)) as line:
            await (await line.subscribe(show)).next()
            await yuna.until(lambda: any(one.user == "mia" for one in yuna.present.values()))
            line.socket.transport.abort()
        await yuna.until(lambda: all(one.user != "mia" for one in yuna.present.values()))
        await yuna.until(lambda: server.metric("gateway_connections", gateway="graphql") == before)


# Who is slow


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that waits for a second."""
    data = tmp_path_factory.mktemp("impatient") / "data"
    with running(data, CRDT_CALENDAR_LIMIT_STALE_SECONDS="1") as server:
        yield server


async def unread(server: ServerProcess, project: str) -> ClientConnection:
    """A socket that follows a project; nothing is read from it but the first answers."""
    narrow = tcp.socket()
    narrow.setsockopt(tcp.SOL_SOCKET, tcp.SO_RCVBUF, 4096)
    narrow.connect((HOST, server.port))
    connection = await websockets.connect(
        sock=narrow,
        uri=f"ws://{HOST}:{server.port}/graphql",
        subprotocols=[websockets.Subprotocol(PROTOCOL)],
        compression=None,
        max_size=None,
        max_queue=1,
        ping_interval=None,
    )
    payload: dict[str, Any] = {"token": server.token("mia", project)}
    await connection.send(json.dumps({"type": "connection_init", "payload": payload}))
    text = FOLLOW.replace("version", "version description")
    payload = {"query": text, "variables": {"p": project}}
    await connection.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
    assert json.loads(await connection.recv())["type"] == "connection_ack"
    assert json.loads(await connection.recv())["type"] == "next"
    return connection


async def flood(yuna: Client, size: int, count: int) -> None:
    """More than any buffer on the way takes, and then more than an inbox takes."""
    for number in range(count):
        large = partial(Calendar.create, event_id=f"large{number}", description="x" * size)
        await committed(yuna, large, f"large{number}")
    for batch in range(12):

        def make(calendar: Calendar, batch: int = batch) -> None:
            for number in range(300):
                calendar.create(event_id=f"e{batch}-{number}")

        await committed(yuna, lambda calendar: together(yuna, make), f"e{batch}-299")


def together(yuna: Client, make: Any) -> None:
    with yuna.doc.transaction():
        make(yuna.calendar)


async def committed(yuna: Client, change: Any, event: str) -> None:
    """Make an edit, and wait for its echo."""
    await yuna.edit(change)
    sign = event.encode()
    await yuna.until(lambda: any(sign in update for update in yuna.updates[-3:]))


async def test_who_falls_behind_goes_on_from_where_they_were(
    server: ServerProcess, project: str
) -> None:
    slow = await unread(server, project)
    async with yjs(server.url, server.token("yuna", project), project) as yuna:
        await yuna.until_synced()
        await flood(yuna, 500_000, 10)
        wanted = {event.id for event in yuna.calendar.events()}
    seen: list[str] = []
    positions: list[int] = []
    with anyio.fail_after(20):
        while len(seen) < len(wanted):
            message = json.loads(await slow.recv())
            if message["type"] == "next":
                news = message["payload"]["data"]["projectEvents"]
                assert not news["resync"]
                positions.append(news["position"])
                seen += [one["eventId"] for one in news["changes"]]
    assert sorted(seen) == sorted(wanted), "nothing is missing, and nothing came twice"
    assert positions == sorted(positions)
    await slow.close()


async def test_who_does_not_read_at_all_is_let_go(impatient: ServerProcess) -> None:
    slow = await unread(impatient, "demo")
    async with yjs(impatient.url, impatient.token("yuna"), "demo") as yuna:
        await yuna.until_synced()
        await flood(yuna, 50_000, 90)
        gone = partial(impatient.metric, "connections_closed_total", code="1013")
        await yuna.until(lambda: gone() == 1, 30.0)
    slow.transport.abort()


async def test_a_full_room_refuses_the_subscription_and_not_the_socket(tmp_path: Path) -> None:
    with running(tmp_path / "data", CRDT_CALENDAR_LIMIT_CONNECTIONS_PER_ROOM="2") as server:
        server.create("other")
        async with connected(server, server.token("mia", "*")) as line:
            for _ in range(2):
                await (await line.subscribe(FOLLOW, p="demo")).next()
            with pytest.raises(Failed) as refused:
                await (await line.subscribe(FOLLOW, p="demo")).next()
            assert (refused.value.code, line.closed) == ("connections", None)
            assert await (await line.subscribe(FOLLOW, p="other")).next()
