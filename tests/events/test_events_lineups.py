"""Line-up boards by the events door: snapshot, news, edits, coming back, and the stream."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.board.rig import new_board, yjs_client
from tests.events.talker import JSON, MSGPACK, Message, Talker, subscribed, talking
from tests.events.test_events_stream import reading
from tests.support.server import HOST, ServerProcess, running

pytestmark = pytest.mark.anyio

NINE = {"startDate": "2026-03-02T09:00:00Z", "endDate": "2026-03-02T10:00:00Z"}


@pytest.fixture
def board(server: ServerProcess) -> str:
    """A board nobody has been at."""
    return new_board(server, f"board-{uuid4()}")


def rest(server: ServerProcess, board: str) -> httpx.AsyncClient:
    """Rea's way to the line-ups of a board."""
    return httpx.AsyncClient(
        base_url=f"http://{HOST}:{server.port}/api/v1/projects/{board}",
        headers={"authorization": f"Bearer {server.token('rea', board)}"},
    )


async def hears(talker: Talker, since: int = 0, **fields: object) -> Message:
    """Wait for news of a line-up that has these fields."""
    told = await talker.until(
        lambda m: m["type"] == "lineup:updated" and fields.items() <= m["payload"].items(), since
    )
    payload: Message = told["payload"]
    return payload


@pytest.mark.parametrize("protocol", [JSON, MSGPACK])
async def test_an_edit_of_a_line_up_is_seen_by_every_door(
    server: ServerProcess, board: str, protocol: str
) -> None:
    async with (
        rest(server, board) as http,
        yjs_client(server, "yul", board) as yjs,
        subscribed(server, board, protocol=protocol) as ann,
        subscribed(server, board, "bob") as bob,
    ):
        await yjs.put("7", name="Kim", grade=3)
        for one in (ann, bob):
            told = await hears(one, id=7, name="Kim", grade=3)
            assert (told["gbsNumber"], told["updatedBy"]) == (None, "yul")

        done = await ann.done("update-gbs-number", {"lineupId": 7, "gbsNumber": 4})
        assert (done["id"], done["version"], done["lineup"]["gbsNumber"]) == (7, 1, 4)
        assert await hears(bob, gbsNumber=4) == done["lineup"] == await hears(ann, gbsNumber=4)
        types = [m["type"] for m in ann.heard]
        assert types.index("lineup:updated") < len(types) - 1 - types[::-1].index("ack")
        assert ann.heard[-1]["payload"]["position"] == ann.mirror(board).position
        await yjs.until(lambda: yjs.board.get("7").gbs_number == 4)
        assert (await http.get("/lineups/7")).json()["gbsNumber"] == 4

        assert (await http.patch("/lineups/7", json={"gbsNumber": 5})).status_code == 200
        assert (await hears(ann, gbsNumber=5))["updatedBy"] == "rea"
        await yjs.until(lambda: yjs.board.get("7").gbs_number == 5)
        await bob.done("UPDATE_GBS_NUMBER", {"lineupId": "7", "gbsNumber": None})
        await hears(ann, gbsNumber=None, version=3)
        await yjs.until(lambda: yjs.board.get("7").gbs_number is None)

        assert (await http.delete("/lineups/7")).status_code == 204
        removed = await ann.told("lineup:removed")
        assert (removed["payload"], removed["userId"]) == (7, "rea")
        heard = len(ann.heard)
        assert (await http.post("/lineups/7/restore")).status_code == 200
        await hears(ann, heard, name="Kim")


async def test_memos_are_pinned_reworded_and_taken_off(server: ServerProcess, board: str) -> None:
    async with (
        rest(server, board) as http,
        subscribed(server, board) as ann,
        subscribed(server, board, "bob") as bob,
    ):
        await http.post("/lineups", json={"id": "kim", "name": "Kim"})
        asked = {"lineupId": "kim", "memo": "late", "color": "red"}
        done = await ann.done("create-lineup-memo", asked, id="pinned-once")
        (memo,) = done["lineup"]["memos"]
        assert (memo["text"], memo["color"], memo["by"]) == ("late", "red", "ann")
        heard = len(ann.heard)
        await ann.say("create-lineup-memo", asked, id="pinned-once")
        again = (await ann.told("ack", heard))["payload"]
        assert (again["duplicate"], again["lineup"]["memos"]) == (True, [memo])
        done = await bob.done("update-lineup-memo", {"memoId": memo["id"], "memo": "on time"})
        assert [one["text"] for one in done["lineup"]["memos"]] == ["on time"]
        assert (await hears(ann, version=2))["memos"] == done["lineup"]["memos"]
        assert (await http.get("/lineups/kim")).json()["memos"] == done["lineup"]["memos"]
        done = await bob.done("delete-lineup-memo", {"memoId": memo["id"]})
        assert (await hears(ann, version=3))["memos"] == done["lineup"]["memos"] == []


async def test_a_board_comes_in_parts(server: ServerProcess, board: str) -> None:
    async with yjs_client(server, "yul", board) as yjs:
        await yjs.edit(
            lambda b: [b.create({"name": f"n{n}"}, lineup_id=str(n)) for n in range(230)]
        )
        await yjs.edit(lambda b: b.delete("5"))
    async with subscribed(server, board, role="viewer") as ann:
        parts = [m["payload"] for m in ann.all("snapshot")]
    assert [len(part["lineups"]) for part in parts] == [100, 100, 29]
    assert [part["part"] for part in parts] == [0, 1, 2]
    assert all("events" not in part and "conflicts" not in part for part in parts)
    told = {line["id"]: line["name"] for part in parts for line in part["lineups"]}
    assert told == {n: f"n{n}" for n in range(230) if n != 5}
    assert (parts[0]["project"]["kind"], parts[0]["project"]["role"]) == ("lineup", "viewer")


async def test_who_comes_back_to_a_board_is_told_what_they_missed(tmp_path: Path) -> None:
    pin = {"lineupId": 1, "memo": "late"}
    with running(tmp_path / "data") as server:
        board = new_board(server, "board")
        async with rest(server, board) as http, subscribed(server, board) as ann:
            for one in (1, 2):
                await http.post("/lineups", json={"id": one, "name": f"n{one}"})
            await hears(ann, id=2)
            async with subscribed(server, board, "bob") as bob:
                since = bob.mirror(board).position
            await ann.done("update-gbs-number", {"lineupId": 1, "gbsNumber": 3})
            await http.delete("/lineups/2")
            await ann.told("lineup:removed")
            wish = {"projectId": board, "since": since}
            async with talking(server, server.token("bob", board)) as bob:
                assert (await bob.done("subscribe", wish))["resumed"] is True
                await bob.told("lineup:removed")
                assert [m["type"] for m in bob.heard if "lineup" in m["type"]] == [
                    "lineup:updated",
                    "lineup:removed",
                ]
            await ann.done("create-lineup-memo", pin, id="pinned-once")
        server.kill()
        server.start()
        async with talking(server, server.token("bob", board)) as bob:
            assert (await bob.done("subscribe", wish))["resumed"] is True
            assert [memo["text"] for memo in (await hears(bob, id=1, gbsNumber=3))["memos"]] == [
                "late"
            ]
            assert (await bob.told("lineup:removed"))["payload"] == 2
            assert bob.all("snapshot") == []
        async with subscribed(server, board) as ann:
            again = await ann.done("create-lineup-memo", pin, id="pinned-once")
            assert again["duplicate"] is True and len(again["lineup"]["memos"]) == 1


@pytest.mark.parametrize("style", ["upper", "update"])
async def test_line_ups_are_told_in_each_style(
    server: ServerProcess, board: str, style: str
) -> None:
    words = ["lineup:updated", "lineup:removed"]
    async with subscribed(server, board, style=style) as ann, rest(server, board) as http:
        await http.post("/lineups", json={"id": 1, "name": "Kim"})
        await http.delete("/lineups/1")
        if style == "upper":
            words = [word.upper().replace(":", "_") for word in words]
        await ann.told(words[1])
        assert [m["type"] for m in ann.heard if "lineup" in m["type"].lower()] == words


async def test_a_reader_of_the_stream_is_told_of_line_ups(
    server: ServerProcess, board: str
) -> None:
    token = server.token("rea", board, "viewer")
    async with rest(server, board) as http:
        await http.post("/lineups", json={"id": 1, "name": "Kim"})
        async with reading(server, token, f"project={board}") as reader:
            snapshot = await reader.until("snapshot")
            assert [line["name"] for line in snapshot["payload"]["lineups"]] == ["Kim"]
            await http.patch("/lineups/1", json={"gbsNumber": 3})
            assert (await reader.until("lineup:updated"))["payload"]["gbsNumber"] == 3
        await http.delete("/lineups/1")
        async with reading(server, token, f"project={board}", reader.last_id) as reader:
            told = await reader.next()
            assert told is not None and (told["type"], told["payload"]) == ("lineup:removed", 1)
        async with reading(server, token, f"project={board}&event=one") as reader:
            error = (await reader.until("error"))["payload"]
            assert (error["code"], await reader.next()) == ("invalid-value", None)


@pytest.mark.parametrize("is_subscribed", [True, False], ids=["subscribed", "from outside"])
async def test_what_is_said_in_a_project_of_the_wrong_kind_is_refused(
    server: ServerProcess, board: str, project: str, is_subscribed: bool
) -> None:
    async with talking(server, server.token("ann", "*", "owner")) as ann:
        for one in (board, project) if is_subscribed else ():
            await ann.done("subscribe", {"projectId": one})
        for place, is_a, no, messages in (
            (board, "lineup", "calendar", AT_CALENDARS),
            (project, "calendar", "lineup", AT_BOARDS),
        ):
            for type_, payload in messages.items():
                for name in (type_, type_.upper().replace(":", "_").replace("-", "_")):
                    refused = await ann.ask(name, {"projectId": place, **payload})
                    assert refused["type"] == "error", name
                    told = refused["payload"]
                    assert (told["code"], told["field"]) == ("invalid-value", "payload.projectId")
                    assert told["message"].endswith(f"{place} is a {is_a}, and no {no}")
        refused = await ann.ask("subscribe", {"projectId": board, "eventId": "one"})
        assert refused["payload"]["field"] == "payload.eventId"
        span = {"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}
        refused = await ann.ask("subscribe", {"projectId": board, "range": span})
        assert refused["payload"]["field"] == "payload.range"
        await ann.done("subscribe", {"projectId": board})


AT_CALENDARS: dict[str, dict[str, object]] = {
    "event:create": {"title": "x", **NINE},
    "event:update": {"id": "one", "title": "x"},
    "event:delete": {"id": "one"},
    "event:restore": {"id": "one"},
    "project:update": {"description": "x"},
    "conflict:resolve": {"conflictId": "one", "index": 0},
}
AT_BOARDS: dict[str, dict[str, object]] = {
    "update-gbs-number": {"lineupId": 1, "gbsNumber": 2},
    "create-lineup-memo": {"lineupId": 1, "memo": "x"},
    "update-lineup-memo": {"memoId": "one", "memo": "x"},
    "delete-lineup-memo": {"memoId": "one"},
}


@pytest.mark.parametrize(
    ("type_", "payload", "code", "words"),
    [
        ("update-gbs-number", {"lineupId": 1}, "invalid-value", "payload.gbsNumber: missing"),
        ("update-gbs-number", {"lineupId": 1, "gbsNumber": -1}, "invalid-value", "payload.gbs"),
        ("update-gbs-number", {"lineupId": -1, "gbsNumber": 1}, "invalid-value", "lineupId: "),
        ("update-gbs-number", {"lineupId": 9, "gbsNumber": 1}, "no-such-lineup", "no line-up 9"),
        ("create-lineup-memo", {"lineupId": 1}, "invalid-value", "memo: missing"),
        ("create-lineup-memo", {"lineupId": 1, "memo": " "}, "invalid-value", "memo: empty"),
        ("create-lineup-memo", {"lineupId": [], "memo": "x"}, "invalid-value", "payload.lineupId"),
        ("update-lineup-memo", {"memoId": "no", "memo": "x"}, "no-such-memo", "no memo no"),
        ("delete-lineup-memo", {"memoId": ""}, "invalid-value", "payload.memoId: "),
        ("delete-lineup-memo", 5, "invalid-value", "payload: "),
    ],
)
async def test_what_cannot_be_done_to_a_line_up_is_told(
    server: ServerProcess, board: str, type_: str, payload: object, code: str, words: str
) -> None:
    async with subscribed(server, board) as ann, yjs_client(server, "yul", board) as yjs:
        await yjs.put("1", name="Kim")
        await hears(ann, id=1)
        refused = (await ann.ask(type_, payload))["payload"]
        assert (refused["code"], refused["message"][: len(words)]) == (code, words)
        await ann.done("update-gbs-number", {"lineupId": 1, "gbsNumber": 1})
        assert [m["payload"]["version"] for m in ann.all("lineup:updated")] == [0, 1]
