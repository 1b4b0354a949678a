"""Requests of every kind: what cannot be served is refused in one form, what may repeat repeats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from server.gateways.rest.reading import MOST_BODY_BYTES
from tests.rest.conftest import House, Person, opened

pytestmark = pytest.mark.anyio

API = "/api/v1"


def check_problem(answer: httpx.Response, status: int, slug: str) -> Any:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert (told["status"], told["slug"]) == (status, slug)
    return told


@pytest.mark.parametrize(
    "path", ["", "/", "/nothing", "/projects/", "/projects//events", "/docs", "/a%0Ab"]
)
async def test_what_is_not_there_is_not_found(house: House, editor: Person, path: str) -> None:
    check_problem(await editor.ask("GET", API + path), 404, "not-found")
    check_problem(await house.http.get(API + path), 404, "not-found")


async def test_another_method_is_told_which_there_are(editor: Person) -> None:
    answer = await editor.ask("PUT", "/events")
    check_problem(answer, 405, "wrong-method")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    options = await editor.ask("OPTIONS", "/events")
    assert (options.status_code, options.headers["allow"]) == (204, answer.headers["allow"])
    check_problem(await editor.ask("DELETE", f"{API}/session/renew"), 405, "wrong-method")


async def test_head_is_get_without_a_body(editor: Person) -> None:
    get, head = await editor.ask("GET", "/events"), await editor.ask("HEAD", "/events")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == get.headers["etag"]


async def test_a_body_that_is_none_is_refused(editor: Person) -> None:
    async def post(content: bytes, kind: str = "application/json") -> httpx.Response:
        headers = {"content-type": kind}
        return await editor.ask("POST", "/events", content=content, headers=headers)

    check_problem(await post(b"{}", "text/plain"), 415, "wrong-media-type")
    check_problem(await post(b"{}", "application/xml"), 415, "wrong-media-type")
    for content in (b"", b"{", b"\xff", b'{"title": "\\ud800"}', b"NaN"):
        told = check_problem(await post(content), 400, "malformed-request")
        assert "field" not in told
    for content in (b"[]", b"7", b'"x"', b"null", b"[" * 100_000):
        assert check_problem(await post(content), 422, "invalid-value")["field"] == "body"
    large = b'{"title": "' + b"x" * MOST_BODY_BYTES + b'"}'
    check_problem(await post(large), 413, "too-large")
    assert (await editor.get("/events"))["items"] == []


async def test_a_query_that_nobody_asks_is_named(editor: Person) -> None:
    for query, field in (("form=x", "form"), ("limit=ten", "limit"), ("limit=1&limit=2", "limit")):
        answer = await editor.ask("GET", f"/events?{query}")
        assert check_problem(answer, 422, "invalid-value")["field"] == field
    assert (await editor.ask("GET", f"/events?token={editor.token}")).status_code == 200


async def test_the_same_key_has_the_same_answer(editor: Person) -> None:
    async def post(title: str, key: str = "k1") -> httpx.Response:
        headers = {"idempotency-key": key}
        return await editor.ask("POST", "/events", json={"title": title}, headers=headers)

    first, again = await post("a"), await post("a")
    assert (again.status_code, again.content) == (201, first.content)
    for name in ("location", "etag", "content-type"):
        assert again.headers[name] == first.headers[name]
    assert again.headers["idempotency-replayed"] == "true"
    check_problem(await post("b"), 422, "key-reused")
    assert (await post("a", "k2")).json()["id"] != first.json()["id"]
    assert len((await editor.get("/events"))["items"]) == 2
    check_problem(await post("a", "k" * 256), 422, "invalid-value")


async def test_a_key_is_one_users(house: House, project: str, editor: Person) -> None:
    other = house.person("emil", "editor", project)
    made = [
        await one.send("POST", "/events", {"title": "a"}, status=201, Idempotency_Key="k")
        for one in (editor, other)
    ]
    assert made[0]["id"] != made[1]["id"]


async def test_what_failed_may_be_tried_again_with_its_key(editor: Person) -> None:
    await editor.send("POST", "/events", {"titel": "a"}, status=422, Idempotency_Key="k")
    await editor.send("POST", "/events", {"title": "a"}, status=201, Idempotency_Key="k")


async def test_requests_with_one_key_at_once_do_it_once(editor: Person) -> None:
    answers: list[httpx.Response] = []

    async def post() -> None:
        headers = {"idempotency-key": "k"}
        answers.append(await editor.ask("POST", "/events", json={"title": "a"}, headers=headers))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(post)
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert 201 in {answer.status_code for answer in answers}
    assert len((await editor.get("/events"))["items"]) == 1


async def test_a_key_has_its_answer_after_a_restart_too(tmp_path: Path) -> None:
    told: list[Any] = []
    project = ""
    for _ in range(2):
        async with opened(tmp_path / "data") as house:
            project = project or await house.project()
            editor = house.person("erin", "editor", project)
            words = {"title": "a"}
            told.append(
                await editor.send("POST", "/events", words, status=201, Idempotency_Key="k")
            )
            assert len((await editor.get("/events"))["items"]) == 1
    assert told[0] == told[1]


async def test_an_event_whose_answer_was_lost_is_not_made_twice(
    house: House, editor: Person
) -> None:
    made = await editor.send("POST", "/events", {"title": "a"}, status=201, Idempotency_Key="k")
    # As after a crash between the event and its answer.
    await house.service.store.answers._writer.write(
        lambda connection: connection.execute("DELETE FROM answers")
    )
    again = await editor.send("POST", "/events", {"title": "a"}, status=201, Idempotency_Key="k")
    assert again == made
    assert len((await editor.get("/events"))["items"]) == 1


async def test_a_page_of_elsewhere_cannot_use_the_cookie(house: House, editor: Person) -> None:
    cookie = {"cookie": f"crdt_calendar_session={editor.token}"}
    path = f"{editor.base}/events"
    foreign = {**cookie, "origin": "https://evil.example"}
    answer = await house.http.post(path, json={"title": "a"}, headers=foreign)
    check_problem(answer, 403, "forbidden")
    own = {**cookie, "origin": "http://house"}
    assert (await house.http.post(path, json={"title": "a"}, headers=own)).status_code == 201
    other = await house.http.get(f"{path}?user=somebody", headers=cookie)
    check_problem(other, 401, "unauthenticated")
