"""A stock Apollo client beside a Yjs client: its cache, its optimism, and its return."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import groupby, pairwise
from pathlib import Path
from subprocess import PIPE
from typing import Any

import anyio
import pytest
from anyio.to_thread import run_sync

from crdt_calendar.model.calendar import Calendar
from tests.support.client import connected
from tests.support.node import POLL_SECONDS, Node
from tests.support.server import HOST, ServerProcess, running

pytestmark = [pytest.mark.anyio, pytest.mark.node]

FOLDER = Path(__file__).parent / "node"
Look = dict[str, Any]


class Apollo:
    """One Apollo client in the Node process."""

    def __init__(self, node: Node, name: str) -> None:
        self.do = partial(node.ask, client=name)

    async def look(self) -> Look:
        """Everything it has: cache, position, what it was told, what it has shown."""
        found: Look = await self.do("look")
        return found

    async def until(self, holds: Callable[[Look], object], seconds: float = 40.0) -> Look:
        """Look until the condition holds. Raises `TimeoutError`."""
        with anyio.fail_after(seconds):
            while not holds(found := await self.look()):  # noqa: ASYNC110  # another process knows
                await anyio.sleep(POLL_SECONDS)
        return found


@asynccontextmanager
async def apollo(
    server: ServerProcess, user: str, project: str, *, mutations: str = "http"
) -> AsyncIterator[Apollo]:
    """A client that follows a project, until the block ends."""
    if not (FOLDER / "node_modules").is_dir():
        pytest.skip(
            "no node_modules: make test installs them, or npm ci --prefix tests/graphql/node"
        )
    command = ["node", str(FOLDER / "apollo.mjs")]
    async with await anyio.open_process(command, stdin=PIPE, stdout=PIPE, stderr=None) as process:
        try:
            client = Apollo(Node(process), user)
            words = {"host": f"{HOST}:{server.port}", "token": server.token(user, project)}
            await client.do("open", projectId=project, mutations=mutations, **words)
            await client.until(lambda seen: seen["position"] is not None)
            yield client
        finally:
            process.kill()


def cached(seen: Look, project: str, event: str) -> Any:
    """The event in the normalised cache."""
    return seen["cache"].get(json.dumps({"__typename": "Event", "id": f"{project}/{event}"})) or (
        seen["cache"].get(f"Event:{project}/{event}")
    )


def distinct(values: list[Any]) -> list[Any]:
    """The values without repetitions in a row."""
    return [value for value, _ in groupby(values)]


async def test_a_yjs_edit_elsewhere_appears_in_the_normalised_cache(
    server: ServerProcess, project: str
) -> None:
    token = server.token("yuna", project)
    async with apollo(server, "ann", project) as ann, connected(server.url, token, project) as yuna:
        await yuna.until_synced()
        assert (await ann.do("list"))["items"] == []
        await yuna.edit(partial(Calendar.create, event_id="standup", title="Stand-up"))
        seen = await ann.until(lambda seen: cached(seen, project, "standup"))
        assert cached(seen, project, "standup")["title"] == "Stand-up"
        assert [one["eventId"] for one in seen["listed"]["events"]["items"]] == ["standup"]
        await ann.do("watch", eventId="standup")
        await ann.until(lambda seen: seen["shown"])
        await yuna.edit(lambda calendar: calendar.update("standup", title="회의", location="4F"))
        seen = await ann.until(lambda seen: cached(seen, project, "standup")["title"] == "회의")
        assert [one["title"] for one in seen["shown"]] == ["Stand-up", "회의"]
        assert seen["told"][-1]["fields"] == ["location", "title"]
        assert seen["told"][-1]["by"] == "yuna"
        await yuna.edit(lambda calendar: calendar.delete("standup"))
        seen = await ann.until(lambda seen: cached(seen, project, "standup")["deletedAt"])
        assert seen["listed"]["events"]["items"] == []
        assert [one["kind"] for one in seen["told"]] == ["CREATED", "UPDATED", "DELETED"]


@pytest.mark.parametrize("mutations", ["http", "socket"])
async def test_an_optimistic_mutation_settles_without_a_flicker(
    server: ServerProcess, project: str, mutations: str
) -> None:
    token = server.token("yuna", project)
    async with (
        apollo(server, "ann", project, mutations=mutations) as ann,
        connected(server.url, token, project) as yuna,
    ):
        await yuna.until_synced()
        await yuna.edit(partial(Calendar.create, event_id="lunch", title="Lunch"))
        await ann.until(lambda seen: cached(seen, project, "lunch"))
        await ann.do("watch", eventId="lunch")
        await ann.until(lambda seen: seen["shown"])
        made = await ann.do("update", eventId="lunch", input={"title": "Brunch"})
        assert (made["title"], made["version"]) == ("Brunch", 1)
        # The echo may come after the answer: wait for it, then nothing more can come.
        seen = await ann.until(lambda seen: seen["told"][-1]["version"] == 1)
        shown = [(one["title"], one["version"]) for one in seen["shown"]]
        assert distinct(shown) == [("Lunch", 0), ("Brunch", 1)]
        assert shown == distinct(shown), "not even the same value twice"
        await yuna.until(lambda: yuna.calendar.get("lunch").title == "Brunch")


async def test_edits_in_quick_succession_among_others_never_go_back(
    server: ServerProcess, project: str
) -> None:
    token = server.token("yuna", project)
    async with (
        apollo(server, "ann", project, mutations="socket") as ann,
        connected(server.url, token, project) as yuna,
    ):
        await yuna.until_synced()
        await yuna.edit(partial(Calendar.create, event_id="lunch", title="0", location="0"))
        await ann.until(lambda seen: cached(seen, project, "lunch"))
        await ann.do("watch", eventId="lunch")
        await ann.until(lambda seen: seen["shown"])
        titles = [str(number) for number in range(1, 21)]
        inputs = [{"title": title} for title in titles]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(ann.do, "updates", eventId="lunch", inputs=inputs))
            for number in range(1, 21):
                await yuna.edit(partial(Calendar.update, event_id="lunch", location=str(number)))
                await anyio.sleep(0.002)
        await yuna.until(lambda: yuna.calendar.get("lunch").title == "20")
        last = yuna.calendar.get("lunch").sequence
        seen = await ann.until(lambda seen: seen["told"][-1]["version"] >= last)
        assert cached(seen, project, "lunch")["title"] == "20"
        assert cached(seen, project, "lunch")["location"] == "20"
        for name in ("title", "location"):
            values = [int(one[name]) for one in seen["shown"]]
            back = [(one, two) for one, two in pairwise(values) if two < one]
            assert back == [], f"{name} went back: {values}"


async def test_after_the_server_was_killed_nothing_is_missed_and_nothing_comes_twice(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "data") as server:
        token = server.token("yuna")
        async with apollo(server, "ann", "demo") as ann:
            async with connected(server.url, token) as yuna:
                await yuna.until_synced()
                for number in range(3):
                    await yuna.edit(partial(Calendar.create, event_id=f"before{number}"))
                await ann.until(lambda seen: len(seen["told"]) == 3)
            server.kill()
            await run_sync(server.start)
            await ann.until(lambda seen: seen["connections"] >= 1)
            # Some of this may happen before it is back, some after.
            async with connected(server.url, token, doc=yuna.doc) as again:
                await again.until_synced()
                for number in range(5):
                    await again.edit(partial(Calendar.create, event_id=f"after{number}"))
                seen = await ann.until(lambda seen: len(seen["told"]) >= 8)
                await again.edit(partial(Calendar.create, event_id="last"))
                seen = await ann.until(lambda seen: seen["told"][-1]["eventId"] == "last")
        told = [(one["kind"], one["eventId"]) for one in seen["told"]]
        wanted = [f"before{n}" for n in range(3)] + [f"after{n}" for n in range(5)] + ["last"]
        assert told == [("CREATED", event) for event in wanted]
        assert not seen["resynced"]
        assert seen["connections"] >= 2
