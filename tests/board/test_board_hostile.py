"""What no honest client does: it costs whoever does it, and nobody else."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import anyio
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.board.rig import NAMESPACE, Raw, new_board, raw, yjs_client
from tests.support.server import HOST, ServerProcess, UvicornProcess, running, started

pytestmark = [pytest.mark.anyio]

EVENT = f"42{NAMESPACE},"


async def at_the_board(socket: Raw, server: ServerProcess, retreat: str, user: str = "ann") -> None:
    """Join, and see who is there."""
    await socket.enter(server.token(user, retreat))
    await socket.emit("join-retreat", retreat)
    await socket.event("initial-data")


MALFORMED = {
    "no JSON": f"{EVENT}[nonsense",
    "deep": f"{EVENT}{'[' * 100_000}",
    "no event": f'{EVENT}{{"a": 1}}',
    "nothing": EVENT,
    "no name": f"{EVENT}[7]",
    "an empty list": f"{EVENT}[]",
    "a reserved name": f'{EVENT}["disconnect", "transport close"]',
    "another one": f'{EVENT}["connect", {{"token": "x"}}]',
    "too many arguments": f"{EVENT}{json.dumps(['update-gbs-number', *range(9)])}",
    "an acknowledgement": f"43{NAMESPACE},7[1]",
    "a long id": f'42{NAMESPACE},{"9" * 90}["update-gbs-number", {{}}]',
    "attachments": f'459-{NAMESPACE},["update-gbs-number", {{"_placeholder": true, "num": 7}}]',
    "NaN": f'{EVENT}["update-gbs-number", {{"lineupId": "kim", "gbsNumber": NaN}}]',
    "a connect error": f'44{NAMESPACE},{{"message": "x"}}',
}

WRONG: tuple[tuple[str, Any, str, str], ...] = (
    ("update-gbs-number", {"gbsNumber": 1}, "UPDATE_FAILED", "lineupId: missing"),
    ("update-gbs-number", {"lineupId": "kim"}, "UPDATE_FAILED", "gbsNumber: missing"),
    ("update-gbs-number", {"lineupId": "kim", "gbsNumber": "3"}, "UPDATE_FAILED", "gbsNumber: "),
    ("update-gbs-number", {"lineupId": "kim", "gbsNumber": 1.5}, "UPDATE_FAILED", "gbsNumber: "),
    ("update-gbs-number", {"lineupId": "kim", "gbsNumber": -1}, "UPDATE_FAILED", "gbsNumber: "),
    ("update-gbs-number", {"lineupId": "kim", "gbsNumber": 2**60}, "UPDATE_FAILED", "gbsNumber: "),
    ("update-gbs-number", {"lineupId": [1], "gbsNumber": 1}, "UPDATE_FAILED", "lineupId: "),
    ("update-gbs-number", {"lineupId": True, "gbsNumber": 1}, "UPDATE_FAILED", "lineupId: "),
    ("update-gbs-number", {"lineupId": "lee", "gbsNumber": 1}, "UPDATE_FAILED", "no line-up lee"),
    ("update-gbs-number", "kim", "UPDATE_FAILED", "data: expected `object`"),
    ("update-gbs-number", None, "UPDATE_FAILED", "data: expected `object`"),
    ("create-lineup-memo", {"lineupId": "kim"}, "CREATE_MEMO_FAILED", "memo: missing"),
    ("create-lineup-memo", {"lineupId": "kim", "memo": " "}, "CREATE_MEMO_FAILED", "memo: empty"),
    (
        "create-lineup-memo",
        {"lineupId": "kim", "memo": "x", "color": 7},
        "CREATE_MEMO_FAILED",
        "color: ",
    ),
    (
        "create-lineup-memo",
        {"lineupId": "kim", "memo": "x", "text": "y"},
        "CREATE_MEMO_FAILED",
        "text: another word for memo",
    ),
    ("update-lineup-memo", {"memoId": "none", "memo": "x"}, "UPDATE_MEMO_FAILED", "no memo none"),
    ("update-lineup-memo", {"memoId": 7, "memo": "x"}, "UPDATE_MEMO_FAILED", "memoId: "),
    ("update-lineup-memo", {"memoId": "", "memo": "x"}, "UPDATE_MEMO_FAILED", "memoId: "),
    ("delete-lineup-memo", {}, "DELETE_MEMO_FAILED", "memoId: missing"),
    ("user-editing", {"lineupId": {}}, "UPDATE_FAILED", "lineupId: "),
    ("drop-table", {}, "UPDATE_FAILED", "drop-table: unknown event"),
)


async def test_what_cannot_be_read_is_answered_and_the_connection_stays(
    server: ServerProcess, retreat: str
) -> None:
    async with raw(server) as socket, yjs_client(server, "root", retreat) as yjs:
        await at_the_board(socket, server, retreat)
        await yjs.put("kim", name="Kim")
        await socket.event("initial-data")
        for name, packet in MALFORMED.items():
            await socket.send(packet)
            error = await socket.event("error")
            assert error["code"] == "UPDATE_FAILED", name
            assert error["message"], name
        for event, data, code, words in WRONG:
            await socket.emit(event, data)
            error = await socket.event("error")
            assert error["code"] == code, (event, data)
            assert error["message"].startswith(words), (event, data, error)
        await socket.emit("update-gbs-number")
        assert (await socket.event("error"))["message"].startswith("data: one argument")
        await socket.emit("update-gbs-number", {"lineupId": "kim", "gbsNumber": 1})
        line = await socket.event("lineup-updated")
        assert (line["gbsNumber"], line["memos"], line["version"]) == (1, [], 1)


@pytest.mark.parametrize(
    "packet",
    ["", "x", "4", "4x", "2[[[[", "0{}", "\x1e", b"4binary", "4" + "2" * 2_000_000, "99"],
)
async def test_what_is_no_packet_ends_its_connection(
    server: ServerProcess, retreat: str, packet: str | bytes
) -> None:
    async with raw(server) as bad, raw(server) as good:
        await at_the_board(bad, server, retreat)
        await at_the_board(good, server, retreat, "bob")
        await bad.send(packet)
        await bad.ended()
        await good.emit("leave-retreat", retreat)
        await good.emit("join-retreat", retreat)
        assert await good.event("initial-data") == []


async def test_one_session_cannot_enter_twice(server: ServerProcess, retreat: str) -> None:
    token = json.dumps({"token": server.token("ann", retreat)})
    async with raw(server) as socket:
        await at_the_board(socket, server, retreat)
        for _ in range(3):
            await socket.send(f"40{NAMESPACE},{token}")
        await socket.emit("join-retreat", retreat)
        assert await socket.event("initial-data") == []
    await gone(server)


async def gone(server: ServerProcess) -> None:
    """Wait until nobody is connected by this door."""
    with anyio.fail_after(15):
        while server.metric("gateway_connections", gateway="board"):  # noqa: ASYNC110
            await anyio.sleep(0.05)


@pytest.mark.last
def test_who_never_says_who_they_are_is_shown_out(stranger: ClientConnection) -> None:
    assert str(stranger.recv(10)).startswith("0")
    with pytest.raises(ConnectionClosed):
        stranger.recv(20)


@pytest.mark.parametrize("path", ["", "&sid=nonsense", "&sid=nonsense&transport=websocket", "&j=x"])
def test_bodies_and_sessions_that_are_none_are_refused(server: ServerProcess, path: str) -> None:
    connection = HTTPConnection(HOST, server.port, timeout=10)
    try:
        body = b"4" * 3_000_000
        connection.request("POST", f"/socket.io/?EIO=4&transport=polling{path}", body)
        assert connection.getresponse().status == 400
    finally:
        connection.close()


def test_a_post_that_is_too_long_ends_its_session(server: ServerProcess) -> None:
    connection = HTTPConnection(HOST, server.port, timeout=10)
    try:
        connection.request("GET", "/socket.io/?EIO=4&transport=polling")
        sid = json.loads(connection.getresponse().read()[1:])["sid"]
        path = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
        connection.request("POST", path, b"4" * 3_000_000)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (400, b'"Bad Request"')
        connection.close()
        connection.request("POST", path, b"40/gbs-lineup,")
        assert connection.getresponse().status == 400
    finally:
        connection.close()


async def test_who_does_not_read_costs_no_more_than_a_board(tmp_path: Path) -> None:
    with running(tmp_path / "data", CRDT_CALENDAR_LIMIT_STALE_SECONDS="3") as server:
        retreat = new_board(server, "retreat")
        async with (
            yjs_client(server, "root", retreat) as yjs,
            raw(server) as good,
            raw(server) as slow,
        ):
            for number in range(5):
                await yjs.put(str(number), name="Kim", others="x" * 100_000)
            await at_the_board(good, server, retreat)

            async def grown() -> int:
                """By how much the server grows with so many edits, which somebody reads."""
                before = server.resident_bytes()
                for turn in range(1, 151):
                    await yjs.number(str(turn % 5), before + turn)
                    await good.hear(f'42{NAMESPACE},["lineup-updated"')
                return server.resident_bytes() - before

            usual = await grown()
            await at_the_board(slow, server, retreat, "eve")
            slow.socket.transport.pause_reading()
            # To keep all that waits would take 15 MB more, and as much again on its way.
            assert await grown() - usual < 8 * 1024 * 1024
            with anyio.fail_after(20):
                while server.metric("gateway_connections", gateway="board") > 1:  # noqa: ASYNC110
                    await anyio.sleep(0.05)


async def test_the_same_on_another_asgi_server(tmp_path: Path) -> None:
    with started(UvicornProcess(tmp_path / "data")) as server:
        retreat = new_board(server, "retreat")
        async with raw(server) as socket, yjs_client(server, "root", retreat) as yjs:
            await at_the_board(socket, server, retreat)
            await yjs.put("kim", name="Kim")
            await socket.event("initial-data")
            await socket.emit("update-gbs-number", {"lineupId": "kim", "gbsNumber": 3})
            assert (await socket.event("lineup-updated"))["gbsNumber"] == 3
            await socket.send("x")
            await socket.ended()
