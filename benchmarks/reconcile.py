"""What does it take to come back after a time without a network?

``python -m benchmarks.reconcile`` lets the offline-first client make 10 to 100,000 edits while the
server is out of reach, and opens it again with the server there: how long until all of them are on
the server's disk, and how many bytes went each way. Beside it: the size of the calendar as JSON,
which a client that polls is sent every two seconds, with edits or without.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import cast

from pycrdt import Doc, Map
from rich.console import Console
from rich.table import Table

from benchmarks.rig.processes import Cores
from benchmarks.rig.report import RESULTS, machine
from crdt_calendar.client import CalendarClient
from crdt_calendar.model.when import When
from tests.support.server import FIRST_PROJECT, ServerProcess, running
from tests.support.toxic import Toxic

EVENTS = 200  # as JSON about as large as what the pollers were sent
FIRST = datetime(2026, 11, 23, 9)
TARGET_SECONDS = 1.0  # for a week: ten thousand edits


@dataclass(frozen=True, slots=True)
class Return:
    """One time away, and coming back."""

    edits: int
    edit_us: float  # an edit offline, until it is on this disk
    open_ms: float  # until the calendar can be read, from this disk
    saved_ms: float  # from opening until everything is on the server's disk
    up_bytes: int
    down_bytes: int
    json_bytes: int  # the calendar as JSON, once


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write down. Returns the exit code."""
    options = _options(arguments)
    console = Console()
    found = [measure(edits) for edits in options.edits]
    table = Table(title="coming back", title_justify="left", pad_edge=False)
    headings = (
        "edits",
        "us each, offline",
        "open ms",
        "all saved ms",
        "KB up",
        "KB down",
        "KB JSON",
    )
    for heading in headings:
        table.add_column(heading, justify="right")
    for line in found:
        times = (line.edit_us, line.open_ms, line.saved_ms)
        sizes = (line.up_bytes / 1000, line.down_bytes / 1000, line.json_bytes / 1000)
        table.add_row(f"{line.edits:,}", *(f"{value:,.1f}" for value in (*times, *sizes)))
    console.print(table)
    content = {"machine": machine(Cores(None, None)), "returns": [asdict(line) for line in found]}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "reconcile.json").write_text(json.dumps(content, indent=1) + "\n")
    week = [line for line in found if line.edits <= 10_000]
    slow = [line for line in week if line.saved_ms > TARGET_SECONDS * 1000]
    return 1 if options.check and slow else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.reconcile", description=__doc__)
    add = parser.add_argument
    add("--edits", type=int, nargs="+", default=[10, 1_000, 10_000, 100_000], help="made offline")
    add("--check", action="store_true", help="fail when a week of edits takes over a second")
    return parser.parse_args(arguments)


def measure(edits: int) -> Return:
    """One time away with so many edits."""
    with tempfile.TemporaryDirectory() as folder:
        with running(Path(folder) / "data") as server:
            return asyncio.run(_measure(server, Path(folder) / "replica", edits))


async def _measure(server: ServerProcess, store: Path, edits: int) -> Return:
    url, token = f"http://127.0.0.1:{server.port}", server.token("ann")
    async with CalendarClient(url, FIRST_PROJECT, token, store) as calendar:
        names = [calendar.create(title=f"Event {at}", when=_when(at)) for at in range(EVENTS)]
        await calendar.saved()
        size = len(_as_json(calendar._doc))
    # Nobody listens there.
    async with CalendarClient("http://127.0.0.1:9", FIRST_PROJECT, token, store) as calendar:
        started = perf_counter()
        for number in range(edits):
            calendar.update(names[number % EVENTS], title=f"Changed {number}")
        edit_us = (perf_counter() - started) / edits * 1e6
    proxy = Toxic(server.port)
    proxy.accept()
    try:
        started = perf_counter()
        async with CalendarClient(proxy.url, FIRST_PROJECT, token, store) as calendar:
            assert calendar.get(names[0]).title
            opened = perf_counter()
            await calendar.saved()
            saved = perf_counter()
    finally:
        proxy.stop()
    return Return(
        edits,
        edit_us,
        (opened - started) * 1000,
        (saved - started) * 1000,
        proxy.up_bytes,
        proxy.down_bytes,
        size,
    )


def _when(number: int) -> When:
    start = FIRST + timedelta(hours=number)
    return When(start, start + timedelta(minutes=45), "Asia/Seoul")


def _as_json(doc: Doc[Map[object]]) -> bytes:
    events = cast("dict[str, object]", doc.get("events", type=Map).to_py())
    polled = {"events": events, "serverTime": datetime.now(UTC).isoformat()}
    return json.dumps(polled, ensure_ascii=False).encode()


if __name__ == "__main__":
    raise SystemExit(main())
