"""The administrative door: who passes, and what the answer looks like."""

from __future__ import annotations

import json

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Message

from crdt_calendar.errors import InvalidValue
from server.gateways.admin import door
from server.gateways.admin.door import AdminDoor, Call, Json, Progress

pytestmark = pytest.mark.anyio

SECRET = "a-secret-of-the-directory"
BEARER = {"authorization": f"Bearer {SECRET}"}


async def echo(call: Call, progress: Progress) -> Json:
    await progress(1, 2)
    await progress(2, 2)
    return {"said": call.text("word"), "body": call.body.decode()}


async def crash(call: Call, progress: Progress) -> Json:
    raise RuntimeError("the inside of the server")


def application() -> Starlette:
    opened = AdminDoor({"echo": echo, "crash": crash}, SECRET)
    return Starlette(routes=[Route("/admin/{operation}", opened)])


async def ask(
    path: str = "/admin/echo?word=hi",
    *,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    client: str = "127.0.0.1",
    body: bytes = b"",
) -> httpx.Response:
    transport = httpx.ASGITransport(application(), client=(client, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        headers = BEARER if headers is None else headers
        return await http.request(method, path, headers=headers, content=body)


def lines(response: httpx.Response) -> list[dict[str, Json]]:
    return [json.loads(line) for line in response.text.splitlines()]


@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
async def test_who_is_local_and_has_the_secret_passes(client: str) -> None:
    response = await ask(client=client, body="몸".encode())
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-ndjson"
    assert lines(response) == [
        {"progress": [1, 2]},
        {"progress": [2, 2]},
        {"result": {"said": "hi", "body": "몸"}},
    ]


@pytest.mark.parametrize(
    "refused",
    [
        {"headers": {}},
        {"headers": {"authorization": SECRET}},
        {"headers": {"authorization": "Bearer"}},
        {"headers": {"authorization": f"Bearer {SECRET}x"}},
        {"headers": {"authorization": f"Basic {SECRET}"}},
        {"headers": BEARER | {"x-forwarded-for": "127.0.0.1"}},
        {"headers": BEARER | {"forwarded": "for=127.0.0.1"}},
        {"client": "192.0.2.1"},
        {"client": "::ffff:192.0.2.1"},
        {"client": "testclient"},
        {"method": "GET"},
        {"method": "PUT"},
        {"path": "/admin/other"},
        {"path": "/admin/echo/more"},
        {"path": "/admin/"},
    ],
    ids=str,
)
async def test_anybody_else_learns_nothing(refused: dict[str, str]) -> None:
    response = await ask(**refused)  # type: ignore[arg-type]
    nowhere = await ask("/nowhere")
    assert (response.status_code, response.text) == (404, "Not Found")
    assert (nowhere.status_code, nowhere.text) == (404, "Not Found")


async def test_an_operations_error_is_the_last_line() -> None:
    assert lines(await ask("/admin/echo"))[-1] == {
        "error": "invalid-value",
        "message": "word: missing",
    }


async def test_a_defect_stays_inside(caplog: pytest.LogCaptureFixture) -> None:
    response = await ask("/admin/crash")
    assert lines(response) == [{"error": "internal", "message": "the server failed; see its log"}]
    assert "the inside of the server" in caplog.text


async def test_a_file_that_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MOST_BODY_BYTES", 10)
    response = await ask(body=b"12345678901")
    assert response.status_code == 413
    assert "10 bytes at most" in response.text


async def test_work_nobody_waits_for_any_more_ends() -> None:
    began, ended, gone = anyio.Event(), anyio.Event(), anyio.Event()

    async def work(call: Call, progress: Progress) -> Json:
        began.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()
        return None

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    body: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if body:
            return body.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/admin/work",
        "query_string": b"",
        "headers": [(b"authorization", BEARER["authorization"].encode())],
        "client": ("127.0.0.1", 1),
        "path_params": {"operation": "work"},
    }
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(AdminDoor({"work": work}, SECRET), scope, receive, send)
        await began.wait()
        gone.set()
        with anyio.fail_after(2):
            await ended.wait()
    assert [message["type"] for message in sent] == ["http.response.start"]


async def test_a_client_that_goes_while_it_sends_is_no_error() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        raise AssertionError("there is nobody to answer")

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/admin/echo",
        "query_string": b"",
        "headers": [(b"authorization", BEARER["authorization"].encode())],
        "client": ("127.0.0.1", 1),
        "path_params": {"operation": "echo"},
    }
    await AdminDoor({"echo": echo}, SECRET)(scope, receive, send)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon", ""])
async def test_seconds_are_above_nothing(text: str) -> None:
    with pytest.raises(InvalidValue, match="expires: seconds above 0 needed"):
        Call({"expires": text}).seconds("expires")
    assert Call({"expires": "1.5"}).seconds("expires") == 1.5
    assert Call().seconds("expires") is None
