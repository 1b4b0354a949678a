"""How long does the server take to say what takes place in a week?

``python -m benchmarks.ranges`` brings a calendar of 10,000 events into a room and asks the REST
gateway, in one process and without a socket, for weeks: cold, when the room has read no event yet;
a week that nobody has asked for; the same week again; and a week right after an edit. What the same
costs by walking the document is beside it, and so is a search.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.rig.calendars import file_of
from benchmarks.rig.processes import Cores
from benchmarks.rig.report import RESULTS, machine
from crdt_calendar.model.calendar import Calendar
from server.app import Service, open_service, routes
from server.auth.grants import Grant, Role
from server.rooms.imports import bring, read_file
from server.settings import Settings

TARGET_MS = 5.0
PROJECT = "team"
WEEK = timedelta(days=7)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write down. Returns the exit code."""
    options = _options(arguments)
    with TemporaryDirectory() as folder:
        figures = asyncio.run(_measure(Path(folder) / "data", options.events, options.rounds))
    table = Table(title=f"a week out of {options.events:,} events", title_justify="left")
    table.add_column("answered by the server, median")
    table.add_column("ms", justify="right")
    for name, milliseconds in figures.items():
        table.add_row(name.replace("_", " "), f"{milliseconds:.1f}")
    console = Console()
    console.print(table)
    console.print(
        f"target: a new week in at most {TARGET_MS:.0f} ms; it is {figures['new_week']:.1f}"
    )
    RESULTS.mkdir(exist_ok=True)
    content = {"machine": machine(Cores.split()), "events": options.events, **figures}
    (RESULTS / "ranges.json").write_text(json.dumps(content, indent=1) + "\n")
    return 1 if options.check and figures["new_week"] > TARGET_MS else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.ranges", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="in the calendar (10000)")
    parser.add_argument("--rounds", type=int, default=40, help="medians are shown (40)")
    parser.add_argument("--check", action="store_true", help="fail when the target is missed")
    return parser.parse_args(arguments)


async def _measure(data: Path, events: int, rounds: int) -> dict[str, float]:
    async with open_service(Settings(data=data)) as service:
        await service.store.catalog.create_project(PROJECT)
        token = service.keyring.issue("bench", PROJECT, "editor")
        grant = await service.authority.grant(token, PROJECT)
        job = await read_file(file_of(events))
        async for _ in bring(service.registry, grant, job):
            pass
        watch = Watch(Starlette(routes=routes(service)))
        base = f"http://bench/api/v1/projects/{PROJECT}"
        headers = {"authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(watch)
        async with httpx.AsyncClient(transport=transport, base_url=base, headers=headers) as http:
            return await _ask(service, http, watch, rounds)


class Watch:
    """An application, and how long it took to answer each request, in milliseconds."""

    def __init__(self, app: ASGIApp) -> None:
        self.taken: list[float] = []
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = perf_counter()
        await self._app(scope, receive, send)
        self.taken.append(1000 * (perf_counter() - started))

    def median(self) -> float:
        """Of the requests since the last call."""
        taken, self.taken = self.taken, []
        return median(taken)


async def _ask(
    service: Service, http: httpx.AsyncClient, watch: Watch, rounds: int
) -> dict[str, float]:
    weeks = [date.today() + timedelta(weeks=number - rounds // 2) for number in range(rounds)]
    figures = {}

    async def ask(path: str, **params: str) -> None:
        answer = await http.get(path, params=params)
        assert answer.status_code == 200, answer.text

    async def week(start: date) -> None:
        await ask("/instances", **{"from": f"{start}", "to": f"{start + WEEK}", "limit": "500"})

    await week(weeks[0])
    figures["cold"] = watch.median()
    for start in weeks[1:]:
        await week(start)
    figures["new_week"] = watch.median()
    for _ in weeks:
        await week(weeks[-1])
    figures["same_week"] = watch.median()
    figures["after_an_edit"] = await _after_edits(service, watch, lambda: week(weeks[-1]))
    async with service.registry.room(PROJECT) as room:
        started = perf_counter()
        start = datetime.fromisoformat(f"{weeks[-1]}T00:00:00+09:00")
        room.read().between(start, start + WEEK)
        figures["by_walking_the_document"] = 1000 * (perf_counter() - started)
    await ask("/events", q="회의")
    figures["first_search"] = watch.median()
    for number in range(rounds):
        await ask("/events", q=f"회의 {number}")
    figures["search"] = watch.median()
    return figures


async def _after_edits(
    service: Service, watch: Watch, week: Callable[[], Coroutine[Any, Any, None]]
) -> float:
    """Each time after one event has changed."""
    grant = Grant("bench", PROJECT, Role.EDITOR)
    async with service.registry.room(PROJECT) as room:
        ids = (await room.view(lambda calendar: list(calendar.everything())[:20])).value
        for id in ids:
            await room.edit(grant, partial(Calendar.update, event_id=id, title="another"))
            await week()
    return watch.median()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        raise SystemExit(main())
