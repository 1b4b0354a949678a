"""Yjs itself, on lines as bad as they get, and pycrdt, against the running server."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from random import Random, randrange
from typing import Any, Final, cast

import anyio
import pytest
from pycrdt import Doc, Map

from crdt_calendar.model.calendar import Calendar
from crdt_calendar.protocol.messages import SyncStatus
from tests.support.author import Author
from tests.support.client import Client, connected
from tests.support.node import Node, NodeClient, node
from tests.support.server import ServerProcess, running

pytestmark = [pytest.mark.anyio, pytest.mark.node]

SEED: Final = os.environ.get("CONVERGENCE_SEED") or str(randrange(1 << 32))
CHAOS: Final = 0.15  # of the messages of a Node client, either way
LETTERS: Final = "ab가나😀"
EVENTS: Final = 4


class Yjs:
    """A y-websocket client that edits at random."""

    def __init__(self, client: NodeClient, chance: Random) -> None:
        self.client = client
        self.chance = chance
        self.typed: set[tuple[str, str]] = set()
        self._count = 0

    async def edit(self, steps: int) -> None:
        """That many edits; at times the line goes, or comes back."""
        for _ in range(steps):
            await self._step()

    async def _step(self) -> None:
        lot = self.chance.random()
        if lot < 0.02:
            await self.client.do("disconnect")
        elif lot < 0.06:
            await self.client.do("connect")
        else:
            await self._edit(f"event{self.chance.randrange(EVENTS)}")

    async def _edit(self, event: str) -> None:
        if not await self.client.do("has", id=event):
            return
        self._count += 1
        token = f"<{self.client.name}.{self._count}{self.chance.choice(LETTERS)}>"
        lot = self.chance.random()
        if lot < 0.4:
            await self.client.insert(event, 0, token)
            self.typed.add((event, token))
        elif lot < 0.7:
            await self.client.set(event, self.chance.choice(["title", "location"]), token)
        elif lot < 0.9:
            await self.client.set(event, f"attendee/{token}", {"name": "손님"})
        else:
            await self.client.do("remove", id=event, key="location")

    async def heal(self) -> None:
        """A good line from now on, and a new connection."""
        await self.client.do("trouble", chaos=0)
        await self.client.do("disconnect")
        await self.client.do("connect")


class Pycrdt:
    """A pycrdt client that edits at random, offline for a while now and then."""

    def __init__(self, server: ServerProcess, user: str, chance: Random) -> None:
        self.doc: Doc[Map[object]] = Doc()
        self.author = Author(user, self.doc, chance)
        self._server = server
        self._user = user
        self._chance = chance

    async def edit(self, steps: int) -> None:
        """That many edits, over several connections."""
        token = self._server.token(self._user)
        while steps > 0:
            async with connected(self._server.url, token, doc=self.doc) as client:
                await client.until_synced()
                for _ in range(self._chance.randint(5, 40)):
                    await client.edit(lambda calendar: self.author.edit())
                    steps -= 1
                    await anyio.sleep(self._chance.random() * 0.01)
            for _ in range(self._chance.randint(0, 5)):
                self.author.edit()  # offline
        await self.sync()

    async def sync(self) -> None:
        """Come back, until what was written offline has come back too."""
        token = self._server.token(self._user)
        async with connected(self._server.url, token, doc=self.doc) as client:
            await client.until_synced()
            await client.send(SyncStatus(b"all"))
            await client.until(lambda: client.statuses)


@pytest.mark.parametrize("steps", [400, pytest.param(1_500, marks=pytest.mark.torture)])
async def test_yjs_and_pycrdt_converge_through_the_running_server(
    tmp_path: Path, steps: int, record_property: Any
) -> None:
    print(f"CONVERGENCE_SEED={SEED}")  # noqa: T201  # shown when the test fails
    chance = Random(SEED)
    with running(tmp_path / "data") as server:
        async with node() as clients, connected(server.url, server.token("ada")) as ada:
            await ada.until_synced()
            for number in range(EVENTS):
                create = partial(Calendar.create, event_id=f"event{number}", description="-")
                await ada.edit(create)
            troubled = [await troubled_client(clients, server, n, chance) for n in range(3)]
            steady = [Pycrdt(server, f"python{number}", chance) for number in range(2)]
            async with anyio.create_task_group() as tasks:
                for yjs in troubled:
                    tasks.start_soon(yjs.edit, steps)
                for one in steady:
                    tasks.start_soon(one.edit, steps)
            for yjs in troubled:
                await yjs.heal()
            await until_same(ada, troubled)
            await check_nothing_is_lost(server, troubled, steady)
        assert server.metric("hostile_frames_total") == 0
    record_property("convergence_with_yjs", f"{steps * 5} steps, CONVERGENCE_SEED={SEED}")


async def troubled_client(clients: Node, server: ServerProcess, number: int, chance: Random) -> Yjs:
    """A client that is in sync, and whose line goes bad now."""
    seed = chance.randrange(1 << 31)
    client = await clients.synced(server.url, server.token(f"node{number}"), seed=seed)
    await client.do("trouble", chaos=CHAOS)
    return Yjs(client, chance)


async def until_same(ada: Client, troubled: list[Yjs]) -> None:
    """Wait until everybody has what everybody has."""
    events = ada.doc.get("events", type=Map)
    for yjs in troubled:

        async def same(client: NodeClient) -> bool:
            return await client.events() == events.to_py()

        await yjs.client.until(same, 20)


async def check_nothing_is_lost(
    server: ServerProcess, troubled: list[Yjs], steady: list[Pycrdt]
) -> None:
    """A newcomer has it all, too."""
    for one in steady:
        await one.sync()
    async with connected(server.url, server.token("newcomer")) as newcomer:
        await newcomer.until_synced()
        events = cast("dict[str, Any]", newcomer.doc.get("events", type=Map).to_py())
        assert newcomer.calendar.problems() == []
    for one in steady:
        assert one.doc.get("events", type=Map).to_py() == events
        assert one.author.lost(events) == set()
    for yjs in troubled:
        assert await yjs.client.events() == events
        for event, token in yjs.typed:
            assert token in events[event]["description"]
