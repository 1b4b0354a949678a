"""Is the page quick, smooth and small?

``python -m benchmarks.page`` opens it in Chromium: how much JavaScript a first view loads; how
long 10,000 events take from IndexedDB to the screen with no network; how long the page is busy
while somebody turns months, scrolls and drags; whether memory comes back; and how many frames a
second are left when a hundred people move their pointers.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from playwright.sync_api import Page
from rich.console import Console
from rich.table import Table

from benchmarks.rig.calendars import file_of
from benchmarks.rig.pointers import wander
from benchmarks.rig.processes import Cores
from benchmarks.rig.report import RESULTS, machine
from server.gateways.assets import BUILD
from tests.support import browser as support
from tests.support.browser import Person, Window
from tests.support.server import ServerProcess, running

PROJECT = "demo"
WATCH = (Path(__file__).parent / "rig" / "watch.js").read_text()
# A point on an event that a pointer can get at.
GRIP = """() => {
  const middle = { x: innerWidth / 2, y: innerHeight / 2 }
  const far = ({ x, y }) => Math.hypot(x - middle.x, y - middle.y)
  const points = [...document.querySelectorAll('[data-event]')].flatMap((event) => {
    const { left, top, width } = event.getBoundingClientRect()
    const point = { x: left + width / 2, y: top + 8 }
    return event.contains(document.elementFromPoint(point.x, point.y)) ? [point] : []
  })
  const { x, y } = points.sort((a, b) => far(a) - far(b))[0]
  return [x, y]
}"""
_LOOK_MS = 60_000


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; `most` or `least` is the target, if there is one."""

    key: str
    what: str
    value: float
    unit: str
    most: float | None = None
    least: float | None = None

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        above = self.most is not None and self.value > self.most
        return not above and not (self.least is not None and self.value < self.least)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write down. Returns the exit code."""
    options = _options(arguments)
    console = Console()
    if reason := support.missing():
        console.print(f"not measured: {reason}")
        return 1 if options.check else 0
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "data") as server:
        with support.browsing() as browser:
            person = Person(browser, server)
            figures = list(_measure(person, server, options))
            person.context.close()
    _print_table(console, figures)
    content = {
        "machine": machine(Cores(None, None)),
        "events": options.events,
        "figures": {figure.key: figure.value for figure in figures},
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "page.json").write_text(json.dumps(content, indent=1) + "\n")
    return 1 if options.check and not all(figure.met for figure in figures) else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.page", description=__doc__)
    add = parser.add_argument
    add("--events", type=int, default=10_000, help="in the project (10000)")
    add("--rounds", type=int, default=5, help="openings from IndexedDB (5)")
    add("--people", type=int, default=100, help="who move their pointers (100)")
    add("--seconds", type=float, default=5.0, help="for which they do (5)")
    add("--check", action="store_true", help="fail when a target is missed")
    return parser.parse_args(arguments)


def _measure(
    person: Person, server: ServerProcess, options: argparse.Namespace
) -> Iterator[Figure]:
    person.context.set_default_timeout(_LOOK_MS)
    person.context.add_init_script(WATCH)
    token = server.token("ann", PROJECT)
    window = person.open(token).ready()
    yield Figure(
        "script_kb", "JavaScript of a first view, gzip", _script_kb(window.page), "KB", 400
    )
    _fill(server, token, options.events)
    window.page.wait_for_function(
        f"() => workspace.getSnapshot().open[0].doc.getMap('events').size >= {options.events}"
    )
    window.saved("server")
    window.page.wait_for_timeout(2000)
    window.page.close()
    yield from _openings(person, server, options.rounds)
    window = person.open(token).ready()
    window.page.wait_for_function("() => marks.painted")
    yield from _handling(window)
    yield from _pointers(window, server, options.people, options.seconds)


def _script_kb(page: Page) -> float:
    """What was loaded before anything was opened, as it is stored compressed by gzip."""
    page.wait_for_load_state("networkidle")
    paths: list[str] = page.evaluate(
        "() => performance.getEntriesByType('resource')"
        ".map((entry) => new URL(entry.name).pathname).filter((path) => path.endsWith('.js'))"
    )
    files = [BUILD / path.lstrip("/") for path in set(paths)]
    return sum(file.with_name(f"{file.name}.gz").stat().st_size for file in files) / 1000


def _fill(server: ServerProcess, token: str, events: int) -> None:
    answer = httpx.post(
        f"http://127.0.0.1:{server.port}/api/v1/projects/{PROJECT}/import",
        content=file_of(events),
        headers={"authorization": f"Bearer {token}", "content-type": "text/calendar"},
        timeout=120,
    )
    answer.raise_for_status()


def _openings(person: Person, server: ServerProcess, rounds: int) -> Iterator[Figure]:
    """The page comes from the service worker, the calendar from IndexedDB."""
    person.context.set_offline(True)
    painted, busy = [], []
    for _ in range(rounds):
        page = person.context.new_page()
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.wait_for_function("() => marks.painted")
        painted.append(page.evaluate("() => marks.painted"))
        page.wait_for_timeout(1500)
        busy.append(max((length for _, length in page.evaluate("() => tasks")), default=0.0))
        page.close()
    person.context.set_offline(False)
    yield Figure(
        "paint_ms", "first paint of the month, offline, median", median(painted), "ms", 1000
    )
    yield Figure("paint_most_ms", "the slowest of them", max(painted), "ms", 1000)
    yield Figure("open_task_ms", "longest task while opening, median", median(busy), "ms")


def _handling(window: Window) -> Iterator[Figure]:
    """What hands do: the month turned, the week scrolled, an event dragged."""
    page = window.page
    before = _heap_mb(page)
    yield Figure("heap_mb", "memory (JavaScript heap) after opening", before, "MB")
    with _watched(page) as turning:
        for name in ("Next", "Previous"):
            for _ in range(12):
                page.get_by_role("button", name=name, exact=True).click()
                page.wait_for_timeout(100)
    yield from turning.figures("month", "turning 24 months")
    window.view("Week")
    page.wait_for_timeout(500)
    box = page.get_by_role("region", name="Calendar").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    with _watched(page) as scrolling:
        for step in range(60):
            page.mouse.wheel(0, 40 if step < 30 else -40)
            page.wait_for_timeout(16)
    yield from scrolling.figures("scroll", "scrolling the week")
    left, top = page.evaluate(GRIP)
    with _watched(page) as dragging:
        page.mouse.move(left, top)
        page.mouse.down()
        for step in range(60):
            page.mouse.move(left - 150 + step * 5, top - 50 + step * 2)
            page.wait_for_timeout(16)
        held = window.run("return project.presence.getSnapshot().self.dragging")
        page.mouse.up()
        page.keyboard.press("Escape")  # of a series: this one, or all?
    assert held, "no event was dragged: this was no measurement"
    yield from dragging.figures("drag", "dragging an event over the week")
    window.view("Month")
    page.wait_for_timeout(1000)
    yield Figure("heap_growth_mb", "memory more after all that", _heap_mb(page) - before, "MB", 20)


class Watch:
    """What a page did for a while."""

    frames: list[float]
    tasks: list[float]

    def figures(self, key: str, what: str) -> Iterator[Figure]:
        """The longest task, and how late frames were."""
        late = sorted(self.frames)[int(len(self.frames) * 0.95)]
        yield Figure(f"{key}_task_ms", f"{what}: longest task", max(self.tasks, default=0.0), "ms")
        yield Figure(f"{key}_tasks", f"{what}: tasks of over 50 ms", len(self.tasks), "")
        yield Figure(f"{key}_frame_ms", f"{what}: time between frames, p95", late, "ms")


@contextmanager
def _watched(page: Page) -> Iterator[Watch]:
    watch = Watch()
    page.evaluate("() => { tasks.length = frames.length = 0 }")
    yield watch
    page.wait_for_timeout(100)
    watch.frames = page.evaluate("() => frames")
    watch.tasks = [length for _, length in page.evaluate("() => tasks")]


def _heap_mb(page: Page) -> float:
    """After a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used: int = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return used / 1e6


def _pointers(
    window: Window, server: ServerProcess, people: int, seconds: float
) -> Iterator[Figure]:
    """A hundred people point at the month that is shown here."""
    view: dict[str, Any] = window.run("return project.presence.getSnapshot().self.view")
    token = server.token("crowd", PROJECT)
    stop = threading.Event()
    crowd = threading.Thread(target=wander, args=(server.url, PROJECT, token, people, view, stop))
    crowd.start()
    try:
        window.page.wait_for_function(
            "(people) => document.querySelector('.calendar-pointers').dataset.names"
            ".split(',').length >= people",
            arg=people,
        )
        window.page.wait_for_timeout(1000)
        with _watched(window.page) as pointing:
            window.page.wait_for_timeout(seconds * 1000)
    finally:
        stop.set()
        crowd.join()
    rate = 1000 / (sum(pointing.frames) / len(pointing.frames))
    yield Figure("pointers_fps", f"frames a second with {people} pointers", rate, "fps", least=50)
    yield from pointing.figures("pointers", f"{people} pointers")


def _print_table(console: Console, figures: Sequence[Figure]) -> None:
    table = Table(title="the page", title_justify="left", pad_edge=False)
    table.add_column("what")
    for heading in ("measured", "target"):
        table.add_column(heading, justify="right")
    for figure in figures:
        target = ""
        if figure.most is not None:
            target = f"at most {figure.most:g}"
        elif figure.least is not None:
            target = f"at least {figure.least:g}"
        met = "" if figure.met else " missed"
        table.add_row(figure.what, f"{figure.value:.1f} {figure.unit}".rstrip(), target + met)
    console.print(table)


if __name__ == "__main__":
    raise SystemExit(main())
