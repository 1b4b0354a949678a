"""Pictures of the page in its main states, for people to look at.

``make pictures`` keeps them in ``pictures``; otherwise the states are gone through all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import expect

from server.demo import team_calendar
from tests.browser.conftest import Join, Take
from tests.support.browser import Person, Window
from tests.support.server import ServerProcess

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(autouse=True)
def calendar(server: ServerProcess, project: str, tmp_path: Path) -> None:
    """A calendar with something in it."""
    file = tmp_path / "team.ics"
    file.write_bytes(team_calendar(date.today()))
    server.run("import", str(file), "--project", project)


def test_views_in_two_languages_and_two_schemes(join: Join, take: Take) -> None:
    for locale, names in (("en-US", ("Month", "Week", "Day", "List")), ("ko-KR", ("월", "주"))):
        window = join("ann", locale=locale)
        for name in names:
            window.view(name)
            take(window, f"{locale[:2]}-{'month week day list'.split()[names.index(name)]}")
    dark = join("ann", color_scheme="dark")
    take(dark, "dark-month")
    dark.view("Week")
    take(dark, "dark-week")


def test_several_people_at_once(join: Join, take: Take) -> None:
    ann, bob, mina = join("ann"), join("bob"), join("mina", locale="ko-KR")
    for window in (ann, bob):
        window.view("Week")
    mina.view("주")
    box = bob.page.get_by_role("region", name="Calendar").bounding_box()
    assert box
    bob.page.mouse.move(box["x"] + 420, box["y"] + 300)
    bob.page.mouse.move(box["x"] + 460, box["y"] + 330, steps=3)
    mina.page.locator("[data-event]").nth(3).click()
    mina.panel.get_by_label("설명").click()
    mina.page.keyboard.type("안건: ")
    take(ann, "people-week")
    ann.page.locator(f"[data-event='{editing(mina)}']").first.click()
    ann.panel.get_by_label("Description").click()
    ann.page.keyboard.type("Bring figures. ")
    mina.page.keyboard.type("지난 주 결과")
    take(ann, "people-description")


def editing(window: Window) -> str:
    """The event that is open there."""
    found: str = window.run("return project.presence.getSnapshot().self.editing.event")
    return found


def test_a_phone_in_three_states(join: Join, take: Take) -> None:
    ann = join("ann", **PHONE)
    take(ann, "phone-list")
    ann.view("Month")
    take(ann, "phone-month")
    ann.page.locator("[data-event]").first.tap()
    expect(ann.panel).to_be_visible()
    take(ann, "phone-editor")


def test_offline_with_edits_to_be_sent(
    people: Callable[..., Person], server: ServerProcess, project: str, take: Take
) -> None:
    person = people()
    ann = person.open(server.token("ann", project, name="Ann")).ready()
    person.context.set_offline(True)
    ann.says("offline")
    ann.create("Written on a train")
    ann.saved("here")
    ann.page.get_by_role("button", name="Connection:").click()
    take(ann, "offline")
    person.context.set_offline(False)
    ann.saved("server")


def test_panels_and_dialogs(join: Join, take: Take, server: ServerProcess) -> None:
    ann = join("ann")
    ann.page.locator("[data-event]").nth(5).click()
    expect(ann.panel).to_be_visible()
    take(ann, "editor")
    ann.close_panel()
    ann.create("Not needed")
    ann.open_event("Not needed").get_by_role("button", name="Delete", exact=True).click()
    ann.page.get_by_role("button", name="Bin").click()
    expect(ann.panel.get_by_role("button", name="Restore Not needed")).to_be_visible()
    take(ann, "bin")
    ann.close_panel()
    ann.page.get_by_role("combobox", name="Search events").fill("re")
    expect(ann.page.get_by_role("option").first).to_be_visible()
    take(ann, "search")
    ann.page.keyboard.press("Escape")
    ann.page.get_by_role("heading", level=1).click()
    ann.page.keyboard.press("?")
    expect(ann.page.get_by_role("dialog")).to_be_visible()
    take(ann, "shortcuts")


def test_the_door(people: Callable[..., Person], server: ServerProcess, take: Take) -> None:
    window = people().open("not-a-token")
    expect(window.page.get_by_role("button", name="Sign in")).to_be_visible()
    take(window, "sign-in")
