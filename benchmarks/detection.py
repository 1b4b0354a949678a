"""What does it cost to look for conflicts in every update?

``python -m benchmarks.detection`` takes the same updates through the ledger and the document, with
the look for conflicts and without it, turn by turn in one process. What it adds to an update is set
against what telling a hundred clients about that update costs the server, measured beside it; and
what an update costs that is in conflict is told, too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from unittest.mock import patch
from uuid import uuid4

from pycrdt import Doc, Map
from rich.console import Console
from rich.table import Table

from benchmarks.rig.processes import Cores
from benchmarks.rig.report import RESULTS, machine
from benchmarks.rig.rows import ROWS
from benchmarks.rig.run import Timing, measure
from benchmarks.rig.servers import choose
from crdt_calendar.limits import Limits
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.protocol.ledger import Ledger, finish
from crdt_calendar.protocol.survey import Survey
from server.rooms.referee import Referee
from server.rooms.replica import Replica
from server.rooms.suspicion import Suspicion

TARGET_SHARE = 0.10
WRITERS = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write down. Returns the exit code."""
    options = _options(arguments)
    console, cores = Console(), Cores.split()
    stored, updates, rivals = _updates(options.events, options.updates)
    costs: dict[str, list[float]] = {"with": [], "without": [], "conflict": []}
    for _ in range(options.rounds):
        costs["with"].append(_take(stored, updates))
        with _blind():
            costs["without"].append(_take(stored, updates))
        costs["conflict"].append(_take(stored, rivals))
    found = {name: median(times) for name, times in costs.items()}
    added = found["with"] - found["without"]
    figures = measure(choose("crdt-calendar")[0], ROWS["1"], cores, Timing(options.seconds, 2.0))
    fanout = figures.cpu_us * (ROWS["1"].clients - 1)
    share = added / fanout
    table = Table(title="looking for conflicts", title_justify="left", pad_edge=False)
    for heading in ("an update of three fields", "us"):
        table.add_column(heading, justify="left" if heading != "us" else "right")
    table.add_row("check and apply, blind", f"{found['without']:.1f}")
    table.add_row("check, look and apply", f"{found['with']:.1f}")
    table.add_row("the same of one in conflict, with its record", f"{found['conflict']:.1f}")
    table.add_row("server CPU for telling 100 clients", f"{fanout:.0f}")
    console.print(table)
    console.print(f"target: at most {TARGET_SHARE:.0%} of telling; it is {share:.1%}")
    RESULTS.mkdir(exist_ok=True)
    content = {"machine": machine(cores), **found, "fanout_us": fanout, "share": share}
    (RESULTS / "detection.json").write_text(json.dumps(content, indent=1) + "\n")
    return 1 if options.check and share > TARGET_SHARE else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.detection", description=__doc__)
    add = parser.add_argument
    add("--events", type=int, default=1000, help="in the calendar (1000)")
    add("--updates", type=int, default=3000, help="of each kind (3000)")
    add("--rounds", type=int, default=5, help="medians are shown (5)")
    add("--seconds", type=float, default=5.0, help="for which the fan-out is measured (5)")
    add("--check", action="store_true", help="fail when the target is missed")
    return parser.parse_args(arguments)


class _Author:
    """A client and what it emits."""

    def __init__(self, stored: bytes, user: str) -> None:
        self.user = user
        self.emitted: list[bytes] = []
        self.doc: Doc[Map[object]] = Doc()
        self.doc.apply_update(stored)
        self.doc.observe(lambda event: self.emitted.append(event.update))
        self.calendar = _calendar(self.doc, user)

    def edit(self, event: str, title: str) -> bytes:
        """Write a title, and what goes with it."""
        self.calendar.update(event, title=title)
        return self.emitted.pop()


def _calendar(doc: Doc[Map[object]], user: str) -> Calendar:
    return Calendar(doc, clock=lambda: datetime.now(UTC), new_id=lambda: str(uuid4()), user=user)


Updates = list[tuple[str, bytes]]


def _updates(events: int, count: int) -> tuple[bytes, Updates, Updates]:
    """A calendar, updates by writers who know each other, and updates by two who do not."""
    doc: Doc[Map[object]] = Doc()
    calendar = _calendar(doc, "ann")
    names = [calendar.create(title="Stand-up", location="Room 4") for _ in range(events)]
    stored = doc.get_update()
    authors = [_Author(stored, f"user{number}") for number in range(WRITERS)]
    # Each writer has events of its own, as people mostly have: nobody waits for anybody.
    plain = [
        (author.user, author.edit(names[(number * WRITERS + at) % events], f"title {number}"))
        for number in range(count // WRITERS)
        for at, author in enumerate(authors)
    ]
    one, other = _Author(stored, "ann"), _Author(stored, "bob")
    rivals = [
        (author.user, author.edit(names[number % events], f"{author.user} {number}"))
        for number in range(min(count, events) // 2)
        for author in (one, other)
    ]
    return stored, plain, rivals


def _take(stored: bytes, updates: Updates) -> float:
    """Microseconds an update, as a room takes it in."""
    limits = Limits()
    replica = Replica(stored, Ledger.restore(stored, {}, limits))
    referee = Referee(replica, limits)
    started = perf_counter()
    for user, update in updates:
        admission = finish(replica.ledger.check(update, user))
        suspicion = referee.look(user, admission, {})
        replica.apply(admission)
        if suspicion is not None:
            _write_down(replica, referee, suspicion)
    taken = perf_counter() - started
    replica.close()
    return taken / len(updates) * 1e6


def _write_down(replica: Replica, referee: Referee, suspicion: Suspicion) -> None:
    """Judge, and admit what was written, as a room does."""
    replica.judge(lambda: referee.judge(suspicion))
    for _, admission in replica.take_own():
        referee.note(admission)


@contextmanager
def _blind() -> Iterator[None]:
    """Nobody keeps account of map entries, nobody looks."""
    with (
        patch.object(Survey, "_enter", lambda *_: None),
        patch.object(Referee, "look", lambda *_: None),
    ):
        yield


if __name__ == "__main__":
    raise SystemExit(main())
