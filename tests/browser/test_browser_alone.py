"""One person and the page: everything that can be done with a calendar."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Join
from tests.support.browser import AXE

ICS = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//test//EN\r
BEGIN:VEVENT\r
UID:one@test\r
DTSTAMP:20260101T000000Z\r
DTSTART;VALUE=DATE:{day}\r
SUMMARY:From a file\r
END:VEVENT\r
END:VCALENDAR\r
"""
DROP = """async ([name, text]) => {
  const data = new DataTransfer()
  data.items.add(new File([text], name, { type: 'text/calendar' }))
  const zone = document.querySelector('.drop-zone')
  for (const kind of ['dragenter', 'dragover', 'drop'])
    zone.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }))
}"""


def test_an_event_is_made_by_dragging_over_the_grid(join: Join) -> None:
    ann = join("ann")
    ann.view("Week")
    box = ann.page.get_by_role("region", name="Calendar").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    ann.page.mouse.move(x, y)
    ann.page.mouse.down()
    ann.page.mouse.move(x, y + 90, steps=6)
    ann.page.mouse.up()
    ann.panel.get_by_label("Title").fill("Dragged out")
    ann.panel.get_by_role("button", name="Save").click()
    ann.sees("Dragged out")


def test_a_viewer_can_look_and_not_edit(join: Join, today: str) -> None:
    ann, eve = join("ann"), join("eve", role="viewer")
    ann.make("Look at me", f"{today}T09:00:00", f"{today}T10:00:00")
    panel = eve.open_event("Look at me")
    expect(panel.get_by_text("You may look at this event, not change it.")).to_be_visible()
    expect(panel.get_by_label("Title")).to_be_disabled()
    expect(panel.get_by_role("button", name="Delete")).to_have_count(0)
    eve.close_panel()
    eve.page.get_by_role("button", name="New event").click()
    expect(eve.page.get_by_text("You can look at this calendar, not change it.")).to_be_visible()
    # Past the page, through the document itself: the server refuses, and the page says so.
    eve.make("Smuggled", f"{today}T11:00:00", f"{today}T12:00:00")
    eve.page.wait_for_function(
        "() => workspace.getSnapshot().open[0].connection.getSnapshot().readOnly"
    )
    expect(eve.page.locator("[data-saved][data-state]")).not_to_have_attribute(
        "data-saved", "server"
    )
    assert ann.titles() == ["Look at me"]


def test_by_keyboard_alone(join: Join) -> None:
    ann = join("ann")
    keyboard = ann.page.keyboard
    ann.page.locator("body").press("n")
    expect(ann.panel.get_by_label("Title")).to_be_focused()
    keyboard.type("By keys")
    keyboard.press("Enter")
    ann.sees("By keys")
    expect(ann.page.locator(":focus").get_by_text("By keys")).to_be_visible()
    before = ann.run("return [...project.doc.getMap('events').values()][0].get('when').start")
    keyboard.press("ArrowRight")
    keyboard.press("Alt+ArrowDown")
    after = "return [...project.doc.getMap('events').values()][0].get('when').start"
    ann.page.wait_for_function(
        "(before) => [...workspace.getSnapshot().open[0].doc.getMap('events').values()][0]"
        ".get('when').start !== before",
        arg=before,
    )
    assert ann.run(after) != before
    keyboard.press("Enter")
    expect(ann.panel.get_by_label("Title")).to_have_value("By keys")
    keyboard.press("Escape")
    expect(ann.panel).to_have_count(0)
    keyboard.press("Delete")
    ann.misses("By keys")
    keyboard.press("Control+z")
    ann.sees("By keys")
    keyboard.press("w")
    expect(ann.page.get_by_role("radio", name="Week")).to_be_checked()
    keyboard.press("?")
    expect(ann.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    keyboard.press("Escape")
    # The same key, where it writes Hangul.
    ann.page.evaluate(
        "() => window.dispatchEvent(new KeyboardEvent('keydown', { key: 'ㅜ', code: 'KeyN' }))"
    )
    expect(ann.panel.get_by_label("Title")).to_be_focused()


def test_what_was_typed_is_not_lost_with_the_panel(join: Join) -> None:
    ann = join("ann")
    ann.page.get_by_role("button", name="New event").click()
    ann.page.keyboard.type("Half typ")
    ann.panel.get_by_label("Description").fill("With much thought")
    ann.page.keyboard.press("Escape")
    expect(ann.panel).to_have_count(0)
    ann.page.get_by_role("button", name="Continue").click()
    expect(ann.panel.get_by_label("Title")).to_have_value("Half typ")
    expect(ann.panel.get_by_label("Description")).to_have_value("With much thought")
    ann.panel.get_by_role("button", name="Save").click()
    ann.sees("Half typ")
    ann.page.get_by_role("button", name="New event").click()
    ann.panel.get_by_label("Title").fill("Not meant")
    ann.panel.get_by_role("button", name="Cancel").click()
    ann.misses("Not meant")
    expect(ann.page.get_by_role("button", name="Continue")).to_have_count(0)


def test_a_time_zone_that_was_chosen_stays_and_is_shown(join: Join, today: str) -> None:
    ann = join("ann")
    ann.make("Breakfast", f"{today}T09:00:00", f"{today}T10:00:00")
    ann.page.get_by_role("button", name="Menu").click()
    ann.page.get_by_label("Time zone").select_option("America/New_York")
    ann.page.keyboard.press("Escape")
    zone = ann.page.locator(".topbar-zone")
    expect(zone).to_have_text("America/New_York")
    ann.page.reload()
    expect(zone).to_have_text("America/New_York")
    expect(ann.event("Breakfast")).to_contain_text(re.compile("7pm|8pm"))
    panel = ann.open_event("Breakfast")
    expect(panel.get_by_text(re.compile("PM in America/New_York"))).to_be_visible()
    ann.close_panel()
    ann.page.get_by_role("button", name="Menu").click()
    ann.page.get_by_label("Time zone").select_option(label="As this machine: Asia/Seoul")
    expect(zone).to_have_count(0)
    expect(ann.event("Breakfast")).to_contain_text("9am")


def test_the_bin_and_back(join: Join) -> None:
    ann = join("ann")
    ann.create("Thrown away")
    ann.open_event("Thrown away").get_by_role("button", name="Delete", exact=True).click()
    ann.misses("Thrown away")
    ann.page.get_by_role("button", name="Bin").click()
    ann.panel.get_by_role("button", name="Restore Thrown away").click()
    ann.sees("Thrown away")


def test_a_series_is_made_and_changed_in_parts(join: Join, today: str) -> None:
    ann = join("ann")
    ann.view("Week")
    ann.create("Daily")
    panel = ann.open_event("Daily")
    panel.get_by_label("Repeats").select_option(label="Every day")
    expect(panel.get_by_text("every day", exact=True)).to_be_visible()
    ann.close_panel()
    ann.view("Month")
    ann.page.wait_for_function("() => document.querySelectorAll('[data-event]').length > 1")
    count = ann.event("Daily").count()
    panel = ann.open_event("Daily")
    panel.get_by_label("Title").fill("Only this")
    panel.get_by_label("Title").blur()
    ann.sees("Only this")
    expect(ann.event("Daily")).to_have_count(count - 1)
    ann.close_panel()
    ann.event("Daily").nth(1).click()
    ann.panel.get_by_text("This and following", exact=True).click()
    ann.panel.get_by_label("Title").fill("From here")
    ann.panel.get_by_label("Title").blur()
    expect(ann.event("Daily")).to_have_count(1)
    ann.panel.get_by_text("All", exact=True).click()
    ann.panel.get_by_role("button", name="Delete", exact=True).click()
    ann.page.get_by_role("dialog").get_by_role("button", name="All", exact=True).click()
    ann.misses("From here")
    ann.sees("Daily", "Only this")


def test_a_file_is_dropped_and_taken_out_again(join: Join, today: str) -> None:
    ann = join("ann")
    ann.page.evaluate(DROP, ["holidays.ics", ICS.format(day=today.replace("-", ""))])
    expect(ann.page.get_by_text("holidays.ics: 1 new, 0 changed, 0 as they were")).to_be_visible()
    ann.sees("From a file")
    ann.page.evaluate(DROP, ["broken.ics", "no calendar at all"])
    expect(ann.page.get_by_text("broken.ics was not imported")).to_be_visible()
    ann.page.get_by_role("button", name="Menu").click()
    with ann.page.expect_download() as download:
        ann.page.get_by_role("button", name="Export .ics").click()
    assert "SUMMARY:From a file" in Path(download.value.path()).read_text()


def test_search_finds_and_goes_there(join: Join) -> None:
    ann = join("ann")
    ann.make("Far away", "2027-05-03T09:00:00", "2027-05-03T10:00:00", location="Jeju")
    box = ann.page.get_by_role("combobox", name="Search events")
    box.fill("jeju")
    expect(ann.page.get_by_role("option")).to_have_count(1)
    box.press("Enter")
    expect(ann.page.get_by_role("heading", level=1)).to_have_text("May 2027")
    expect(ann.panel.get_by_label("Title")).to_have_value("Far away")


def test_korean(join: Join, today: str) -> None:
    mina = join("mina", locale="ko-KR")
    expect(mina.page.get_by_role("radio", name="월")).to_be_checked()
    expect(mina.page.get_by_role("heading", level=1)).to_contain_text(f"{today[:4]}년")
    expect(mina.page.get_by_text("연결됨")).to_be_visible()
    mina.page.get_by_role("button", name="새 일정").click()
    mina.panel.get_by_label("제목").fill("점심 산책")
    mina.panel.get_by_label("반복").select_option(label="매주")
    expect(mina.panel.locator(".editor-words").last).to_contain_text("매주 ")
    mina.panel.get_by_role("button", name="저장").click()
    mina.sees("점심 산책")
    assert mina.page.locator("html").get_attribute("lang") == "ko"


def test_a_phone(join: Join) -> None:
    ann = join("ann", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    expect(ann.page.get_by_role("radio", name="List")).to_be_checked()
    ann.page.get_by_role("button", name="Show calendars").tap()
    ann.page.get_by_role("button", name="New event").tap()
    ann.panel.get_by_label("Title").fill("On the way")
    ann.panel.get_by_role("button", name="Save").tap()
    ann.sees("On the way")
    assert ann.page.evaluate("() => document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(join: Join, today: str, scheme: str) -> None:
    ann = join("ann", color_scheme=scheme)
    ann.make("Review", f"{today}T09:00:00", f"{today}T10:00:00", color="tomato", location="Room 4")
    for name in ("Month", "Week", "List"):
        ann.view(name)
        ann.sees("Review")
        assert violations(ann.page) == []
    ann.open_event("Review")
    assert violations(ann.page) == []
    ann.page.get_by_role("button", name="Connection:").click()
    assert violations(ann.page) == []


def violations(page: Page) -> list[str]:
    """What axe finds that is serious, or worse."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text())
    found = page.evaluate("() => axe.run()")["violations"]
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]
