"""One browser and one server for the folder; each test has a project and people of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser

from tests.support import browser as support
from tests.support.browser import Person, Window
from tests.support.server import ServerProcess, running

Join = Callable[..., Window]
Take = Callable[[Window, str], None]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a browser, and comes last of all.

    Playwright keeps an event loop running on this thread as long as it lives: no other test that
    wants one of its own could run meanwhile.
    """
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser."""
    if reason := support.missing():
        pytest.skip(reason)
    with support.browsing() as browser:
        yield browser


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server."""
    with running(tmp_path_factory.mktemp("browser") / "data") as server:
        yield server


@pytest.fixture
def project(server: ServerProcess) -> str:
    """A project nobody has been in."""
    name = f"team-{uuid4().hex[:8]}"
    server.create(name)
    return name


@pytest.fixture
def people(chromium: Browser, server: ServerProcess) -> Iterator[Callable[..., Person]]:
    """Makes people; nothing may have gone wrong in their browsers at the end."""
    made: list[Person] = []

    def make(**options: object) -> Person:
        made.append(Person(chromium, server, **options))
        return made[-1]

    yield make
    for person in made:
        person.context.close()
    assert [complaint for person in made for complaint in person.complaints] == []


@pytest.fixture
def join(people: Callable[..., Person], server: ServerProcess, project: str) -> Join:
    """Lets somebody into the project: ``join("ann")``, ``join("eve", role="viewer")``."""

    def join(user: str, role: str = "editor", **options: object) -> Window:
        name = user.capitalize()
        token = server.token(user, project, role, name=name)
        return people(**options).open(token).ready()

    return join


@pytest.fixture
def today() -> str:
    """The date in Seoul, where the browsers are."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    now: date = datetime.now(ZoneInfo("Asia/Seoul")).date()
    return now.isoformat()


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """Takes a picture of a window, to be kept where pictures are wanted."""
    folder = support.screenshots() or tmp_path
    folder.mkdir(parents=True, exist_ok=True)

    def take(window: Window, name: str) -> None:
        window.page.wait_for_timeout(400)  # what moves has come to rest
        path = folder / f"{name}.png"
        window.page.screenshot(path=path)
        assert path.stat().st_size > 5_000

    return take
