"""How late does a subscriber of GraphQL hear of an edit, and what does a week cost?

``python -m benchmarks.graphql`` fills a calendar, lets a Yjs client edit it a few dozen times a
second, and has subscribers of ``projectEvents`` say how long after each edit was sent they had it,
as JSON, from the disk. Then it asks for a week of that calendar, again and again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

import anyio
import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.rig.calendars import file_of
from benchmarks.rig.processes import Cores
from benchmarks.rig.report import RESULTS, machine
from crdt_calendar.model.calendar import Calendar
from tests.graphql.rig import Operation, connected, person
from tests.support.client import connected as yjs
from tests.support.server import FIRST_PROJECT, HOST, ServerProcess, running

TARGET_MS = 100.0
WARM_UP = 20
EVENT = "event-2@benchmarks"
FOLLOW = """
  subscription ($p: ID!) {
    projectEvents(projectId: $p) {
      position
      changes { kind key fields by event { id title start end timeZone location version } }
    }
  }
"""
WEEK = """
  query ($p: ID!, $from: String!, $to: String!) {
    instances(projectId: $p, from: $from, to: $to, limit: 500) {
      position next
      items { id eventId recurrenceId title location start end timeZone allDay startDate endDate }
    }
  }
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table; times in milliseconds."""

    what: str
    count: int
    p50_ms: float
    p99_ms: float
    remark: str = ""

    @classmethod
    def of(cls, what: str, times: Sequence[float], remark: str = "") -> Line:
        """The line of those times, in seconds."""
        percentiles = quantiles(times, n=100)
        return cls(what, len(times), median(times) * 1000, percentiles[98] * 1000, remark)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write down. Returns the exit code."""
    options = _options(arguments)
    lines = asyncio.run(measure(options.events, options.edits, options.subscribers))
    table = Table(title="GraphQL", title_justify="left", pad_edge=False)
    for heading in ("what", "how often", "p50 ms", "p99 ms", ""):
        table.add_column(heading, justify="right" if heading.endswith("ms") else "left")
    for line in lines:
        row = (line.what, f"{line.count:,}", f"{line.p50_ms:.1f}", f"{line.p99_ms:.1f}")
        table.add_row(*row, line.remark)
    Console().print(table)
    RESULTS.mkdir(exist_ok=True)
    content = {"machine": machine(Cores(None, None)), "lines": [asdict(line) for line in lines]}
    (RESULTS / "graphql.json").write_text(json.dumps(content, indent=1) + "\n")
    late = [line for line in lines if line.what.startswith("edit") and line.p99_ms > TARGET_MS]
    return 1 if options.check and late else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.graphql", description=__doc__)
    add = parser.add_argument
    add("--events", type=int, default=10_000, help="events in the calendar (10,000)")
    add("--edits", type=int, default=300, help="edits of a run (300)")
    add("--subscribers", type=int, nargs="*", default=[1, 25], help="how many hear them (1 25)")
    add("--check", action="store_true", help="fail when an edit takes more than 100 ms at p99")
    return parser.parse_args(arguments)


async def measure(events: int, edits: int, subscribers: Sequence[int]) -> list[Line]:
    """All lines of the table."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "data") as server:
        await _fill(server, events)
        lines = [await _lateness(server, edits, count) for count in subscribers]
        return [*lines, *await _week(server, events)]


async def _fill(server: ServerProcess, events: int) -> None:
    url = f"http://{HOST}:{server.port}/api/v1/projects/{FIRST_PROJECT}/import"
    headers = {"authorization": f"Bearer {server.token('importer')}"}
    async with httpx.AsyncClient(timeout=300, trust_env=False) as http:
        answer = await http.post(url, content=file_of(events), headers=headers)
    assert '"result"' in answer.text, answer.text[-500:]


async def _lateness(server: ServerProcess, edits: int, subscribers: int) -> Line:
    """The title of an edit is the moment at which it was sent."""
    times: list[float] = []
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        yuna = await enter(yjs(server.url, server.token("yuna")))
        await yuna.until_synced()
        operations = []
        for number in range(subscribers):
            line = await enter(connected(server, server.token(f"subscriber{number}")))
            operations.append(await line.subscribe(FOLLOW, p=FIRST_PROJECT))
        for one in operations:
            await one.next()
        until = yuna.calendar.get(EVENT).sequence + edits
        async with anyio.create_task_group() as tasks:
            for one in operations:
                tasks.start_soon(_listen, one, until, times)
            for _ in range(edits):
                title = partial(_set_title, str(perf_counter()))
                await yuna.edit(title)
                await anyio.sleep(0.03)
    people = "a subscriber" if subscribers == 1 else f"{subscribers} subscribers"
    return Line.of(f"edit over Yjs until {people} had it", times[WARM_UP * subscribers :])


def _set_title(title: str, calendar: Calendar) -> None:
    calendar.update(EVENT, title=title)


async def _listen(operation: Operation, until: int, times: list[float]) -> None:
    version = 0
    while version < until:
        news = (await operation.next())["projectEvents"]
        now = perf_counter()
        for change in news["changes"]:
            times.append(now - float(change["event"]["title"]))
            # Edits that were committed together are told together.
            version = change["event"]["version"]


async def _week(server: ServerProcess, events: int) -> list[Line]:
    monday = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    async with person(server, server.token("reader")) as reader:
        times, found = [], 0
        for number in range(60):
            start = monday + timedelta(weeks=number % 10)
            words = {"from": start.isoformat(), "to": (start + timedelta(days=7)).isoformat()}
            begun = perf_counter()
            page = (await reader.ask(WEEK, p=FIRST_PROJECT, **words))["instances"]
            times.append(perf_counter() - begun)
            found = max(found, len(page["items"]))
        empty, words = [], {"from": "1990-01-01T00:00:00Z", "to": "1990-01-08T00:00:00Z"}
        for _ in range(60):
            begun = perf_counter()
            await reader.ask(WEEK, p=FIRST_PROJECT, **words)
            empty.append(perf_counter() - begun)
    what = f"a week out of {events:,} events"
    first = Line(f"{what}, the first time", 1, times[0] * 1000, times[0] * 1000)
    remark = f"up to {found} instances of 11 fields"
    return [first, Line.of(what, times[10:], remark), Line.of("a week without events", empty[10:])]


if __name__ == "__main__":
    raise SystemExit(main())
