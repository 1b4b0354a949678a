"""Server-sent events, for those who only read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
import httpx
import pytest
from anyio.to_thread import run_sync

from tests.events.talker import subscribed
from tests.support.server import HOST, ServerProcess

pytestmark = pytest.mark.anyio

NINE = {"startDate": "2026-03-02T09:00:00Z", "endDate": "2026-03-02T10:00:00Z"}


class Reader:
    """What an EventSource makes of an answer."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.last_id = ""

    async def next(self) -> dict[str, Any] | None:
        """The next message; None when the answer is over."""
        fields: dict[str, str] = {}
        with anyio.fail_after(10):
            async for line in self._lines:
                if not line:
                    self.last_id = fields.get("id", self.last_id)
                    if "data" in fields:
                        told: dict[str, Any] = json.loads(fields["data"])
                        assert told["type"] == fields["event"]
                        return told
                    fields = {}
                elif not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    fields[name] = value
        return None

    async def until(self, type_: str) -> dict[str, Any]:
        """The next message of that type."""
        while (told := await self.next()) is not None:
            if told["type"] == type_:
                return told
        raise AssertionError(f"over before any {type_}")


@asynccontextmanager
async def reading(
    server: ServerProcess, token: str | None, query: str, last_id: str = ""
) -> AsyncIterator[Reader]:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    if last_id:
        headers["last-event-id"] = last_id
    url = f"http://{HOST}:{server.port}/events/stream?{query}"
    async with httpx.AsyncClient() as http, http.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Reader(answer.aiter_lines())


async def test_a_reader_is_told_and_goes_on_where_it_was(
    server: ServerProcess, project: str
) -> None:
    token = server.token("rea", project, "viewer")
    async with subscribed(server, project) as ann:
        await ann.done("event:create", {"title": "first", **NINE})
        async with reading(server, token, f"project={project}") as reader:
            snapshot = await reader.until("snapshot")
            assert [event["title"] for event in snapshot["payload"]["events"]] == ["first"]
            await ann.done("event:create", {"title": "second", **NINE})
            assert (await reader.until("event:created"))["payload"]["title"] == "second"
            assert reader.last_id == f"{project}:{ann.mirror(project).position}"
        await ann.done("event:create", {"title": "missed", **NINE})
        query = f"project={project}&style=upper"
        async with reading(server, token, query, reader.last_id) as again:
            first = await again.next()
            assert first is not None and first["type"] == "EVENT_CREATED"
            assert first["payload"]["title"] == "missed"


async def test_a_quiet_project_has_an_id_to_go_on_from(server: ServerProcess, project: str) -> None:
    token = server.token("rea", project)
    async with subscribed(server, project) as ann:
        await ann.done("event:create", {"title": "first", **NINE})
        async with reading(server, token, f"project={project}") as reader:
            await reader.until("snapshot")
            with anyio.move_on_after(1):
                await reader.next()  # only an id comes
        assert reader.last_id == f"{project}:{ann.mirror(project).position}"


async def test_several_projects_in_one_stream(server: ServerProcess) -> None:
    server.create("one", "two")
    token = server.token("rea", "*")
    async with subscribed(server, "one") as ann, subscribed(server, "two") as bob:
        async with reading(server, token, "project=one&project=two") as reader:
            await reader.until("snapshot")
            await reader.until("snapshot")
            await ann.done("event:create", {"title": "in one", **NINE})
            assert (await reader.until("event:created"))["projectId"] == "one"
            await bob.done("event:create", {"title": "in two", **NINE})
            assert (await reader.until("event:created"))["projectId"] == "two"
            at = {
                project: talker.mirror(project).position
                for project, talker in (("one", ann), ("two", bob))
            }
            assert reader.last_id == f"one:{at['one']},two:{at['two']}"
        await ann.done("event:create", {"title": "one more", **NINE})
        async with reading(server, token, "project=one&project=two", reader.last_id) as reader:
            assert (await reader.until("event:created"))["payload"]["title"] == "one more"


async def test_a_stream_ends_when_its_reader_may_no_longer_read(
    server: ServerProcess, project: str
) -> None:
    server.admin("members.add", project=project, user="mia", role="viewer")
    token = server.token("mia", "nothing")
    async with reading(server, token, f"project={project}") as reader:
        await reader.until("snapshot")
        await run_sync(partial(server.admin, "members.remove", project=project, user="mia"))
        assert (await reader.until("error"))["payload"]["code"] == "forbidden"
        assert await reader.next() is None


@pytest.mark.parametrize(
    ("user", "query", "status"),
    [
        (None, "project={}", 401),
        ("elsewhere", "project={}", 403),
        ("rea", "project=nowhere", 404),
        ("rea", "", 422),
        ("rea", "project={}&from=then", 422),
        ("rea", "project={}&style=loud", 422),
    ],
)
async def test_who_may_not_read_is_told_by_a_status(
    server: ServerProcess, project: str, user: str | None, query: str, status: int
) -> None:
    token = user and server.token(user, "*" if user == "rea" else "demo")
    headers = {"authorization": f"Bearer {token}"} if token else {}
    url = f"http://{HOST}:{server.port}/events/stream?{query.format(project)}"
    async with httpx.AsyncClient() as http:
        answer = await http.get(url, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
