"""The page in a real browser: Debian's Chromium, driven by Playwright as a person would.

A `Window` speaks of events and panels by their roles and names; what it cannot find that way nobody
with a screen reader could find either.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from server.gateways.assets import BUILD
from tests.support.server import ServerProcess

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or ""
AXE = BUILD.parent / "node_modules" / "axe-core" / "axe.min.js"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
LOOK_MS = 8_000
# What a browser says of a line that was cut on purpose.
EXPECTED = re.compile(r"WebSocket|Failed to load resource|net::ERR_|beforeunload", re.IGNORECASE)


def missing() -> str:
    """Why there can be no browser on this machine; "" if there can."""
    if not CHROMIUM:
        return "Chromium is not installed"
    return "" if (BUILD / "index.html").is_file() else "the page is not built: make test builds it"


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser until the block ends."""
    expect.set_options(timeout=LOOK_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Person:
    """One user at a browser of their own, with any number of windows."""

    def __init__(self, browser: Browser, server: ServerProcess, **options: Any) -> None:
        wanted = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US", **options}
        self.context: BrowserContext = browser.new_context(timezone_id="Asia/Seoul", **wanted)
        self.context.set_default_timeout(LOOK_MS)
        self.server = server
        self.complaints: list[str] = []

    def open(self, token: str) -> Window:
        """A new window, signed in by the link with that token."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._note)
        page.goto(f"http://127.0.0.1:{self.server.port}/?token={token}")
        return Window(page)

    def _note(self, message: Any) -> None:
        if message.type == "error" and not EXPECTED.search(message.text):
            self.complaints.append(message.text)


class Window:
    """One window of the page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    # Looking

    def event(self, title: str) -> Locator:
        """The event of that title in the grid."""
        return self.page.locator("[data-event]:not(.event-ghost)").filter(has_text=title)

    def sees(self, *titles: str) -> None:
        """Wait until these events are there."""
        for title in titles:
            expect(self.event(title).first).to_be_visible()

    def misses(self, title: str) -> None:
        """Wait until that event is not there."""
        expect(self.event(title)).to_have_count(0)

    def says(self, state: str) -> None:
        """Wait until the connection is said to be that."""
        expect(self.page.locator("[data-state][data-saved]")).to_have_attribute("data-state", state)

    def saved(self, state: str) -> None:
        """Wait until edits are said to be that far: unsaved, here, server."""
        expect(self.page.locator("[data-saved][data-state]")).to_have_attribute("data-saved", state)

    @property
    def panel(self) -> Locator:
        """The side panel."""
        return self.page.locator("aside.panel")

    def ready(self) -> Window:
        """Wait until the page is connected."""
        self.says("connected")
        return self

    # Doing

    def view(self, name: str) -> None:
        """Show the month, the week, the day or the list."""
        self.page.get_by_role("radio", name=name, exact=True).click()

    def create(self, title: str) -> None:
        """Make an event on the day that is shown."""
        self.page.get_by_role("button", name="New event").click()
        field = self.panel.get_by_label("Title")
        field.fill(title)
        field.press("Enter")
        expect(self.panel).to_have_count(0)

    def open_event(self, title: str) -> Locator:
        """Open an event in the panel."""
        self.event(title).first.click()
        expect(self.panel.get_by_label("Title")).to_be_visible()
        return self.panel

    def close_panel(self) -> None:
        """Close the panel."""
        self.panel.get_by_role("button", name="Close").click()

    def rename(self, title: str, new: str) -> None:
        """Give an event another title."""
        panel = self.open_event(title)
        panel.get_by_label("Title").fill(new)
        panel.get_by_label("Title").blur()
        self.close_panel()

    # Through the page's own SDK

    def run(self, script: str, argument: Any = None) -> Any:
        """Run JavaScript with `project`, the first open project, and `argument`."""
        body = f"(argument) => {{ const project = workspace.getSnapshot().open[0]; {script} }}"
        return self.page.evaluate(body, argument)

    def make(self, title: str, start: str, end: str, **fields: object) -> str:
        """Make an event through the SDK; times are in Seoul."""
        when = {"start": start, "end": end, "tz": "Asia/Seoul" if "T" in start else None}
        made: str = self.run(
            "return project.calendar.create(argument)", {"title": title, "when": when, **fields}
        )
        return made

    def titles(self) -> list[str]:
        """Of all events that are not in the bin, sorted."""
        found: list[str] = self.run(
            "const events = project.doc.getMap('events');"
            "return [...events.values()].filter((event) => !event.get('deleted'))"
            ".map((event) => event.get('title') ?? '').sort()"
        )
        return found


def screenshots() -> Path | None:
    """Where pictures of the page are wanted, if anywhere."""
    folder = os.environ.get("SCREENSHOTS")
    return Path(folder) if folder else None
