"""An echo is an ack: whatever a client has seen come back is there after ``kill -9``."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import anyio
import pytest
import websockets
from anyio.to_thread import run_sync
from pycrdt import Doc, Map

from crdt_calendar.model.calendar import Calendar
from tests.support.client import Client, connected
from tests.support.server import ServerProcess, started

pytestmark = pytest.mark.anyio

SEED = int(os.environ.get("TORTURE_SEED") or random.randrange(1 << 32))
PROJECTS = 2
WRITERS = 3  # in each project
CYCLES_A_PROJECT = 10  # then on to a new one, so that documents stay small and rooms many
LONGEST_SECONDS = 0.4  # a server lives so long, once its clients are there
RESTART_SECONDS = 2.0


class Writer:
    """Somebody who writes things once, and one thing again and again, and notes what came back.

    The document lives on while servers die; what was not echoed is sent again by the next sync.
    """

    def __init__(self, name: str, chance: random.Random) -> None:
        self.name = name
        self.chance = chance
        self.doc: Doc[Map[object]] = Doc()
        self.written = 0
        self.pending: dict[str, bytes] = {}  # event id -> what the update that makes it contains
        self.echoed: set[str] = set()
        self.turn = 0
        self.echoed_turn = 0

    async def write(self, server: ServerProcess, project: str) -> None:
        """Write until the server is gone."""
        token = server.token(self.name, project)
        with suppress(OSError, websockets.WebSocketException, ExceptionGroup):
            async with connected(server.url, token, project, user=self.name, doc=self.doc) as it:
                await self._write(it)

    async def _write(self, client: Client) -> None:
        while client.closed is None:
            await client.edit(self._create)
            if client.synced:
                await client.edit(self._turn)
            await anyio.sleep(self.chance.random() * 0.004)
            self._take_echoes(client)

    def _create(self, calendar: Calendar) -> None:
        event = f"{self.name}-{self.written}."
        self.written += 1
        self.pending[event] = event.encode()
        calendar.create(event_id=event, title=f"제목 {event}")

    def _turn(self, calendar: Calendar) -> None:
        if calendar.find(self.name) is None:
            calendar.create(event_id=self.name)
        self.turn += 1
        calendar.update(self.name, title=self._mark(self.turn))

    def _mark(self, turn: int) -> str:
        return f"{self.name}#{turn:08}"

    def _take_echoes(self, client: Client) -> None:
        heard = b"".join(client.updates)
        client.updates.clear()
        for event in [event for event, sign in self.pending.items() if sign in heard]:
            del self.pending[event]
            self.echoed.add(event)
        for turn in range(self.turn, self.echoed_turn, -1):
            if self._mark(turn).encode() in heard:
                self.echoed_turn = turn
                return


class Project:
    """One document and those who write in it."""

    def __init__(self, name: str, chance: random.Random) -> None:
        self.name = name
        self.writers = [Writer(f"{name}-w{number}", chance) for number in range(WRITERS)]

    async def check(self, server: ServerProcess) -> None:
        """A client that has nothing must get everything that was ever echoed."""
        async with connected(server.url, server.token("reader", self.name), self.name) as reader:
            await reader.until_synced()
            for writer in self.writers:
                there = {event.id: event.title for event in reader.calendar.events()}
                lost = {id for id in writer.echoed if there.get(id) != f"제목 {id}"}
                assert lost == set()
                if writer.echoed_turn:
                    assert str(there[writer.name]) >= f"{writer.name}#{writer.echoed_turn:08}"


class Torture:
    """Cycles of start, check, load, kill."""

    def __init__(self, server: ServerProcess, seed: int) -> None:
        self.server = server
        self.chance = random.Random(seed)
        self.projects: list[Project] = []
        self.restarts: list[float] = []

    async def run(self, cycles: int) -> None:
        """All cycles, and a last look at everything there ever was."""
        for current in self._generations(cycles):
            self.restarts.append(await run_sync(self.server.start))
            await self._make(current)
            for project in current:
                await project.check(self.server)
            await self._load(current)
        await run_sync(self.server.start)
        for project in self.projects:
            await project.check(self.server)

    def _generations(self, cycles: int) -> Iterator[list[Project]]:
        for cycle in range(cycles):
            if cycle % CYCLES_A_PROJECT == 0:
                names = [f"p{cycle}-{number}" for number in range(PROJECTS)]
                self.projects += [Project(name, self.chance) for name in names]
            yield self.projects[-PROJECTS:]

    async def _make(self, projects: list[Project]) -> None:
        known = {project["id"] for project in await run_sync(self.server.admin, "projects.list")}
        for project in projects:
            if project.name not in known:
                await run_sync(self.server.create, project.name)

    async def _load(self, projects: list[Project]) -> None:
        async with anyio.create_task_group() as tasks:
            for project in projects:
                for writer in project.writers:
                    tasks.start_soon(writer.write, self.server, project.name)
            if self.chance.random() < 0.3:
                tasks.start_soon(self._compact)
            await anyio.sleep(0.02 + self.chance.random() * LONGEST_SECONDS)
            await run_sync(self.server.kill)

    async def _compact(self) -> None:
        """Killed in the middle of writing snapshots, too."""
        with suppress(Exception):
            while True:
                await run_sync(self.server.admin, "compact")


@pytest.mark.parametrize(
    "cycles",
    [
        pytest.param(20, marks=pytest.mark.timeout(600)),
        pytest.param(200, marks=pytest.mark.torture),
    ],
)
async def test_no_echoed_edit_is_lost_when_the_server_is_killed(
    tmp_path: Path, cycles: int, record_property: Any
) -> None:
    print(f"TORTURE_SEED={SEED}")  # noqa: T201  # shown when the test fails
    began = time.perf_counter()
    server = ServerProcess(tmp_path / "data")
    with started(server):
        server.kill()
        torture = Torture(server, SEED)
        await torture.run(cycles)
        report = await run_sync(server.admin, "verify")
        assert report["sound"], report
    writers = [writer for project in torture.projects for writer in project.writers]
    echoed = sum(len(writer.echoed) + writer.echoed_turn for writer in writers)
    assert echoed > 20 * cycles  # there was load
    assert min(torture.restarts) < RESTART_SECONDS  # the others waited for a processor, too
    record_property(
        "durability",
        f"{cycles} kills, {echoed} echoed edits, 0 lost; restart to serving "
        f"{median(torture.restarts):.2f} s (median), {max(torture.restarts):.2f} s (most); "
        f"{time.perf_counter() - began:.0f} s in all",
    )
