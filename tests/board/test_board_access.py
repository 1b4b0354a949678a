"""Who may come to a board, and what they may do there, at any moment."""

from __future__ import annotations

import time
from http.client import HTTPConnection
from typing import Any
from uuid import uuid4

import anyio
import pytest

from tests.board.rig import (
    NAMESPACE,
    POLLING,
    WEBSOCKET,
    Socket,
    Sockets,
    new_board,
    raw,
    yjs_client,
)
from tests.support.server import HOST, ServerProcess

pytestmark = [pytest.mark.anyio]

EDITS: dict[str, tuple[dict[str, Any], str]] = {
    "update-gbs-number": ({"lineupId": "kim", "gbsNumber": 9}, "UPDATE_FAILED"),
    "create-lineup-memo": ({"lineupId": "kim", "memo": "x"}, "CREATE_MEMO_FAILED"),
    "update-lineup-memo": ({"memoId": "m", "memo": "x"}, "UPDATE_MEMO_FAILED"),
    "delete-lineup-memo": ({"memoId": "m"}, "DELETE_MEMO_FAILED"),
}


@pytest.fixture
async def kim(server: ServerProcess, retreat: str) -> str:
    """Somebody on the board, with a memo."""
    async with yjs_client(server, "root", retreat) as yjs:
        await yjs.edit(lambda board: board.create({"name": "Kim"}, lineup_id="kim"))
        await yjs.edit(lambda board: board.add_memo("kim", "hi", memo_id="m"))
    return "kim"


async def until_it_may(socket: Socket, *, edit: bool) -> None:
    """Wait until it may edit, or no more; what is asked for changes nothing."""
    with anyio.fail_after(10):
        while True:
            answer = await socket.ask("update-gbs-number", {"lineupId": "kim", "gbsNumber": None})
            if ("error" not in answer) == edit:
                return


def status_of(server: ServerProcess, path: str, origin: str) -> int:
    """The status of the answer to a page of that origin."""
    connection = HTTPConnection(HOST, server.port, timeout=10)
    try:
        connection.request("GET", path, headers={"Origin": origin})
        return connection.getresponse().status
    finally:
        connection.close()


async def nothing_happened(server: ServerProcess, retreat: str) -> None:
    """Kim is as before."""
    async with yjs_client(server, "root", retreat) as yjs:
        row = yjs.board.get("kim")
        assert (row.gbs_number, [memo.text for memo in row.memos]) == (None, ["hi"])


async def refused(socket: Socket) -> None:
    """Every edit is refused, each with its code."""
    for event, (data, code) in EDITS.items():
        answer = await socket.ask(event, data)
        assert answer["error"]["code"] == code
        assert answer["error"] in [d[0] for name, *d in await socket.heard() if name == "error"]


@pytest.mark.node
@pytest.mark.parametrize("transports", [WEBSOCKET, POLLING])
async def test_nobody_and_strangers_are_refused_by_name(
    server: ServerProcess, clients: Sockets, retreat: str, transports: list[str]
) -> None:
    expired = server.token("ann", retreat, expires_seconds=-60)
    for token, message in (
        (None, "Authentication required"),
        ("nonsense", "Invalid token"),
        (expired, "Invalid token"),
    ):
        socket = await clients.open(token, transports=transports)
        error = await socket.next("connect_error")
        assert error["message"] == message
        assert error["data"]["code"] == 4401
        assert "nonsense" not in str(error)


@pytest.mark.node
async def test_a_token_may_come_as_header_or_in_the_query(
    server: ServerProcess, clients: Sockets, retreat: str, kim: str
) -> None:
    token = server.token("ann", retreat)
    header = {"extraHeaders": {"Authorization": f"Bearer {token}"}}
    for options in (header, {"query": {"token": token}}):
        socket = await clients.open(None, transports=WEBSOCKET, **options)
        await socket.next("connect")
        assert [line["id"] for line in await socket.join(retreat)] == [kim]


@pytest.mark.node
async def test_a_board_is_entered_only_by_its_members(
    server: ServerProcess, clients: Sockets, retreat: str, kim: str
) -> None:
    calendar = f"team-{uuid4()}"
    server.create(calendar)
    for home, wanted, words in (
        (retreat, "nowhere", "no project 'nowhere'"),
        ("elsewhere", retreat, f"ann is no member of project {retreat}"),
        (calendar, calendar, f"retreatSlug: {calendar} is no line-up board"),
        (retreat, None, "retreatSlug: the id of a project, as text"),
        (retreat, {"a": 1}, "retreatSlug: the id of a project, as text"),
    ):
        socket = await clients.connected("ann", home)
        answer = await socket.ask("join-retreat", wanted)
        assert answer == {"error": {"message": words, "code": "JOIN_FAILED"}}
        assert await socket.next("error") == answer["error"]
        await refused(socket)
        assert "initial-data" not in [name for name, *_ in await socket.heard()]
    await nothing_happened(server, retreat)


@pytest.mark.node
async def test_a_viewer_sees_all_and_edits_nothing(
    server: ServerProcess, clients: Sockets, retreat: str, kim: str
) -> None:
    eve = await clients.connected("eve", retreat, "viewer")
    assert [line["id"] for line in await eve.join(retreat)] == [kim]
    await refused(eve)
    await nothing_happened(server, retreat)
    assert await eve.ask("user-editing", {"lineupId": "kim"}) == {}, "showing is not editing"
    async with yjs_client(server, "root", retreat) as yjs:
        await yjs.edit(lambda board: board.patch("kim", {"name": "Kim A"}))
    assert (await eve.next("lineup-updated"))["name"] == "Kim A"


@pytest.mark.node
async def test_who_is_downgraded_reads_on_and_who_is_promoted_writes(
    server: ServerProcess, clients: Sockets, retreat: str, kim: str
) -> None:
    ann = await clients.connected("ann", retreat)
    await ann.join(retreat)
    server.admin("members.add", project=retreat, user="ann", role="viewer")
    await until_it_may(ann, edit=False)
    await refused(ann)
    await nothing_happened(server, retreat)
    server.admin("members.add", project=retreat, user="ann", role="editor")
    await until_it_may(ann, edit=True)
    assert (await ann.ask("update-gbs-number", EDITS["update-gbs-number"][0]))["gbsNumber"] == 9


@pytest.mark.node
@pytest.mark.parametrize("transports", [WEBSOCKET, POLLING])
async def test_who_is_removed_is_told_so_and_out_within_a_second(
    server: ServerProcess, clients: Sockets, retreat: str, kim: str, transports: list[str]
) -> None:
    ann = await clients.connected("ann", retreat, transports=transports)
    await ann.join(retreat)
    started = time.monotonic()
    server.admin("members.add", project=retreat, user="ann", role="editor")
    server.admin("members.remove", project=retreat, user="ann")
    error = await ann.next("error")
    assert error["code"] == "JOIN_FAILED"
    assert "no longer a member" in error["message"]
    assert await ann.next("disconnect") == "io server disconnect", "it does not come back by itself"
    assert time.monotonic() - started < 10
    async with yjs_client(server, "root", retreat) as yjs:
        await yjs.edit(lambda board: board.patch("kim", {"name": "Kim A"}))
    assert "lineup-updated" not in [name for name, *_ in await ann.heard()]


@pytest.mark.node
async def test_a_token_ends_while_one_is_there(
    server: ServerProcess, clients: Sockets, retreat: str, kim: str
) -> None:
    token = server.token("ann", retreat, expires_seconds=2.0)
    ann = await clients.open(token, transports=WEBSOCKET)
    await ann.next("connect")
    idle = await clients.open(token, transports=WEBSOCKET)
    await idle.next("connect")
    await ann.join(retreat)
    assert "expired" in (await ann.next("error"))["message"]
    await ann.next("disconnect")
    answer = await idle.ask("join-retreat", retreat)
    assert answer["error"]["code"] == "JOIN_FAILED", "the token counts when it is used"


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_page_of_a_foreign_origin_may_not_connect(
    server: ServerProcess, transport: str
) -> None:
    own = f"http://{HOST}:{server.port}"
    for origin, status in (("https://evil.example", 400), (own, 200)):
        path = f"/socket.io/?EIO=4&transport={transport}"
        if transport == "polling":
            found = status_of(server, path, origin)
            assert found == status
            continue
        with anyio.fail_after(10):
            try:
                async with raw(server, origin=origin) as socket:
                    await socket.hear("0")
                    assert status == 200
            except Exception as error:
                assert status != 200, error


async def test_the_cookie_of_the_page_needs_the_origin_of_the_page(
    server: ServerProcess, retreat: str
) -> None:
    cookie = {"Cookie": f"crdt_calendar_session={server.token('ann', retreat)}"}
    own = f"http://{HOST}:{server.port}"
    async with raw(server, additional_headers=cookie) as socket:
        await socket.hear("0")
        await socket.send(f"40{NAMESPACE},")
        assert "origin" in await socket.hear(f"44{NAMESPACE}")
    async with raw(server, additional_headers=cookie, origin=own) as socket:
        await socket.hear("0")
        await socket.send(f"40{NAMESPACE},")
        await socket.hear(f"40{NAMESPACE}")
        await socket.emit("join-retreat", retreat)
        assert await socket.event("initial-data") == []


async def test_other_namespaces_are_not_there(server: ServerProcess, retreat: str) -> None:
    new_board(server, f"retreat-{uuid4()}")
    async with raw(server) as socket:
        await socket.hear("0")
        for namespace in ("", "/admin,", "/other,"):
            await socket.send(f"40{namespace}")
            assert "Unable to connect" in await socket.hear("44")
