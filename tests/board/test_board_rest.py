"""Boards over REST: the same line-ups, and everybody at the board hears of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.board.rig import raw, yjs_client
from tests.support.server import HOST, ServerProcess

pytestmark = pytest.mark.anyio


@pytest.fixture
async def rest(server: ServerProcess, retreat: str) -> AsyncIterator[httpx.AsyncClient]:
    """Ann's way to the line-ups of the board."""
    async with httpx.AsyncClient(
        base_url=f"http://{HOST}:{server.port}/api/v1/projects/{retreat}",
        headers={"authorization": f"Bearer {server.token('ann', retreat)}"},
    ) as client:
        yield client


async def test_an_edit_by_rest_is_at_the_board_and_the_other_way_round(
    server: ServerProcess, retreat: str, rest: httpx.AsyncClient
) -> None:
    async with raw(server) as socket, yjs_client(server, "root", retreat) as yjs:
        await socket.enter(server.token("bob", retreat))
        await socket.emit("join-retreat", retreat)
        assert await socket.event("initial-data") == []
        made = await rest.post("/lineups", json={"id": 7, "name": "Kim", "others": {"grade": 3}})
        assert (made.status_code, made.json()["id"]) == (201, 7)
        assert made.headers["location"].endswith(f"/projects/{retreat}/lineups/7")
        (line,) = await socket.event("initial-data")
        assert (line["id"], line["name"], line["grade"]) == (7, "Kim", 3)
        told = await rest.patch("/lineups/7", json={"gbsNumber": 3, "others": {"grade": None}})
        assert (told.json()["gbsNumber"], told.json()["others"]) == (3, {})
        line = await socket.event("lineup-updated")
        assert (line["gbsNumber"], line["updatedBy"], "grade" in line) == (3, "ann", False)
        told = await rest.post("/lineups/7/memos", json={"memo": "late", "color": "red"})
        assert told.status_code == 201
        (memo,) = told.json()["memos"]
        assert (await socket.event("lineup-updated"))["memos"] == [memo]
        await socket.emit("update-lineup-memo", {"memoId": memo["id"], "memo": "on time"})
        await socket.event("lineup-updated")
        read = await rest.get("/lineups/7")
        assert [one["text"] for one in read.json()["memos"]] == ["on time"]
        path = f"/lineups/7/memos/{memo['id']}"
        assert (await rest.patch(path, json={"text": "late"})).json()["memos"][0]["by"] == "ann"
        assert (await rest.delete(path)).status_code == 204
        await yjs.until(lambda: "7" in yjs.board and yjs.board.get("7").memos == ())
        assert (await rest.delete("/lineups/7")).status_code == 204
        assert (await rest.get("/lineups")).json() == {"items": [], "next": None}
        deleted = (await rest.get("/lineups", params={"deleted": "true"})).json()["items"]
        assert [one["id"] for one in deleted] == [7]
        assert (await rest.post("/lineups/7/restore")).json()["name"] == "Kim"


async def test_nothing_is_written_over_what_was_not_seen(
    server: ServerProcess, retreat: str, rest: httpx.AsyncClient
) -> None:
    tag = (await rest.post("/lineups", json={"id": "kim", "name": "Kim"})).headers["etag"]
    changed = await rest.patch("/lineups/kim", json={"gbsNumber": 1}, headers={"if-match": tag})
    assert changed.status_code == 200
    refused = await rest.patch("/lineups/kim", json={"gbsNumber": 2}, headers={"if-match": tag})
    assert refused.status_code == 412
    assert (await rest.get("/lineups/kim")).json()["gbsNumber"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("PATCH", "/kim", {"gbsNumber": "3"}, 422, "gbsNumber: "),
        ("PATCH", "/kim", {"gbsNumber": -1}, 422, "gbsNumber: "),
        ("PATCH", "/kim", {"sequence": 1}, 422, "sequence: "),
        ("PATCH", "/kim", {"others": {"memo/x": 1}}, 422, "others.memo/x: "),
        ("PATCH", "/lee", {"gbsNumber": 1}, 404, "no line-up lee"),
        ("POST", "", {"id": "kim"}, 422, "lineupId: kim is taken"),
        ("POST", "/kim/memos", {}, 422, "memo: missing"),
        ("PATCH", "/kim/memos/none", {"memo": "x"}, 404, "no memo none"),
        ("DELETE", "/kim/memos/none", None, 404, "no memo none"),
    ],
)
async def test_what_cannot_be_done_is_told_by_name(
    rest: httpx.AsyncClient, method: str, path: str, body: object, status: int, words: str
) -> None:
    before = (await rest.post("/lineups", json={"id": "kim", "name": "Kim"})).json()
    answer = await rest.request(method, f"/lineups{path}", json=body)
    assert (answer.status_code, answer.json()["detail"][: len(words)]) == (status, words)
    assert (await rest.get("/lineups/kim")).json() == before


async def test_a_calendar_has_no_line_ups_and_a_board_no_events(
    server: ServerProcess, retreat: str, rest: httpx.AsyncClient
) -> None:
    api = f"http://{HOST}:{server.port}/api/v1/projects"
    headers = {"authorization": f"Bearer {server.token('ann', '*', 'viewer')}"}
    async with httpx.AsyncClient(headers=headers) as client:
        for path in (f"{retreat}/events", "demo/lineups"):
            answer = await client.get(f"{api}/{path}")
            assert answer.status_code == 422
            assert ", and no " in answer.json()["detail"]
    async with httpx.AsyncClient(headers=headers) as viewer:
        assert (await viewer.get(f"{api}/{retreat}/lineups")).status_code == 200
        refused = await viewer.post(f"{api}/{retreat}/lineups", json={"name": "Kim"})
        assert refused.status_code == 403
