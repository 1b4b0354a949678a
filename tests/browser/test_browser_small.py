"""The page where there is little room: on phones and tablets, and with much on one day."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Join
from tests.support.browser import Window

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_a_finger_makes_events_in_every_view(join: Join) -> None:
    ann = join("ann", **PHONE)
    # From the drawer, which is then out of the way.
    ann.page.get_by_role("button", name="Show calendars").tap()
    ann.page.get_by_role("button", name="New event").tap()
    save(ann, "From the drawer")
    ann.page.get_by_label("New event").tap()
    save(ann, "By the button")
    # A tap on a day of the month opens the day; one on an hour begins an event there.
    ann.view("Month")
    middle_of(ann, 0.5, 0.3)
    expect(ann.page.get_by_role("radio", name="Day", exact=True)).to_be_checked()
    middle_of(ann, 0.6, 0.5)
    save(ann, "By a tap")
    ann.sees("By a tap")
    assert ann.titles() == ["By a tap", "By the button", "From the drawer"]


def middle_of(window: Window, right: float, down: float) -> None:
    """Tap on the calendar, so much of its width and height from its corner."""
    box = window.page.get_by_role("region", name="Calendar").bounding_box()
    assert box
    window.page.touchscreen.tap(box["x"] + right * box["width"], box["y"] + down * box["height"])


def save(window: Window, title: str) -> None:
    """Call the new event that, and save it by tapping where the buttons are."""
    window.panel.get_by_label("Title").fill(title)
    window.panel.get_by_role("button", name="Save").tap()
    expect(window.panel).to_have_count(0)


def test_the_list_begins_today_and_a_week_has_its_dates(join: Join, today: str) -> None:
    ann = join("ann", **PHONE)
    month, day = today[:8], int(today[8:])
    ann.run(
        "for (let day = 1; day <= argument[1]; day++) {"
        "  const start = argument[0] + String(day).padStart(2, '0');"
        "  for (let at = 10; at < 20; at++) project.calendar.create({ title: `Event ${day}.${at}`,"
        "    when: { start: `${start}T${at}:00:00`, end: `${start}T${at}:30:00`, tz: 'Asia/Seoul' }"
        "}) }",
        [month, day],
    )
    ann.page.reload()
    expect(ann.event(f"Event {day}.10")).to_be_in_viewport()
    ann.page.locator("[data-date]").first.scroll_into_view_if_needed()
    ann.page.get_by_role("button", name="Today").tap()
    expect(ann.event(f"Event {day}.10")).to_be_in_viewport()
    ann.view("Week")
    expect(ann.page.locator(".calendar-head-today")).to_contain_text(str(day))


@pytest.mark.parametrize("width", [320, 360, 820, 1024])
def test_no_button_is_out_of_reach(join: Join, width: int) -> None:
    ann = join("ann", viewport={"width": width, "height": 700})
    for user in ("bob", "cleo", "dan"):
        join(user)
    expect(ann.page.get_by_role("button", name="3 other people are here")).to_be_visible()
    ann.page.context.set_offline(True)
    ann.create("Not sent yet")
    ann.saved("here")
    bar = ann.page.locator(".topbar")
    for button in bar.get_by_role("button").or_(bar.get_by_role("radio")).all():
        if button.is_visible():
            inside(button, width)
    title = bar.get_by_role("heading")
    search = bar.get_by_role("combobox").bounding_box()
    box = title.bounding_box()
    assert box and search
    is_beside = box["y"] < search["y"] + search["height"] and search["y"] < box["y"] + box["height"]
    assert not is_beside or box["x"] + box["width"] <= search["x"]
    assert title.evaluate("(element) => element.scrollWidth - element.clientWidth") <= 0 or (
        width <= 360
    )


def inside(element: Locator, width: int) -> None:
    """It is within the page, from side to side."""
    box = element.bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= width, element


def test_all_events_of_a_full_day_can_be_reached(join: Join, today: str) -> None:
    ann = join("ann")
    last = f"{today[:8]}28"
    ann.run(
        "const { calendar } = project;"
        "const when = { start: `${argument}T09:00:00`, end: `${argument}T10:00:00`, tz: null };"
        "for (let at = 0; at < 60; at++)"
        "  calendar.create({ title: `Event ${at} ${'with a long name '.repeat(20)}`, when })",
        last,
    )
    ann.page.get_by_role("button", name=re.compile(r"\+\d+ more")).click()
    every = ann.page.get_by_role("dialog")
    box = every.bounding_box()
    assert box and box["x"] + box["width"] <= 1280
    every.get_by_text("Event 59").click()
    expect(ann.panel.get_by_label("Title")).to_have_value(re.compile("^Event 59 "))
