"""Two people who did not know of each other: both see it, one decides, both see that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Join, Take
from tests.browser.test_browser_alone import violations
from tests.support.browser import Window

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
WRITE = "project.calendar.write(argument[0], argument[1])"
CAROL = {"carol@example.org": {"name": "Carol"}}


@contextmanager
def apart(*windows: Window) -> Iterator[None]:
    """Nobody hears of the others within the block; at its end they come back, one by one."""
    for window in windows:
        window.page.context.set_offline(True)
        window.run("project.connection.pause()")
        window.says("offline")
    yield
    for window in windows:
        window.page.context.set_offline(False)
        window.run("project.connection.resume()")
        window.says("connected")
        window.saved("server")


def write(window: Window, event: str, **fields: Any) -> None:
    window.run(WRITE, [event, fields])


def meet(join: Join, today: str, **options: Any) -> tuple[Window, Window, str]:
    """Ann and Bob, who both know one event."""
    ann, bob = join("ann"), join("bob", **options)
    event = ann.make("Lunch", f"{today}T12:00:00", f"{today}T13:00:00", location="Canteen")
    bob.sees("Lunch")
    return ann, bob, event


def disagree(join: Join, today: str, **options: Any) -> tuple[Window, Window, str]:
    """Ann and Bob, who have both renamed the event."""
    ann, bob, event = meet(join, today, **options)
    with apart(ann, bob):
        write(ann, event, title="Lunch with Carol in Room 4")
        write(bob, event, title="Lunch with Carol at Mario’s")
    return ann, bob, event


def counter(window: Window, count: int = 1) -> Locator:
    """The button that says how much there is to decide."""
    text = "1 thing to decide" if count == 1 else f"{count} things to decide"
    return window.page.get_by_role("button", name=text, exact=True)


def dialog(window: Window) -> Locator:
    return window.page.get_by_role("dialog")


def version(window: Window, name: str) -> Locator:
    """What one of them wrote, in the dialog."""
    return dialog(window).get_by_role("region", name=f"Version of {name}")


def test_both_change_a_title_and_one_decides_for_the_other_version(join: Join, today: str) -> None:
    ann, bob, _ = disagree(join, today)
    for window in (ann, bob):
        window.sees("at Mario’s")  # the later one stands
        expect(window.event("at Mario’s").get_by_label("written by two at once")).to_be_visible()
        counter(window).click()
        expect(version(window, "Ann")).to_contain_text("Lunch with Carol in Room 4")
        expect(version(window, "Bob")).to_contain_text("Lunch with Carol at Mario’s")
        expect(version(window, "Bob")).to_contain_text("In the calendar")
        assert own(version(window, "Ann")) == ["in Room 4"]
        assert own(version(window, "Bob")) == ["at Mario’s"]
        expect(dialog(window).get_by_role("heading", level=3)).to_have_text(
            "Title of “Lunch with Carol at Mario’s”"
        )
    version(bob, "Ann").get_by_role("button", name="Keep this one").click()
    for window in (ann, bob):
        expect(dialog(window)).to_have_count(0)
        expect(counter(window)).to_have_count(0)
        window.sees("in Room 4")
        expect(window.page.get_by_label("written by two at once")).to_have_count(0)
    bob.page.get_by_role("button", name="Undo").last.click()
    for window in (ann, bob):
        expect(counter(window)).to_be_visible()
        window.sees("at Mario’s")


def own(version: Locator) -> list[str]:
    """What only that version says."""
    return version.locator("ins").all_inner_texts()


def test_who_is_in_it_is_told(join: Join, today: str) -> None:
    ann, bob, event = meet(join, today)
    ann.page.wait_for_timeout(3100)  # what is there when one comes is no news
    with apart(ann, bob):
        write(ann, event, title="By Ann")
        write(bob, event, title="By Bob")
    told = "changed the title at the same time as you"
    expect(bob.page.get_by_text(f"Ann {told}")).to_be_visible()
    expect(ann.page.get_by_text(f"Bob {told}")).to_be_visible()
    ann.page.get_by_role("button", name="Look").click()
    expect(version(ann, "Bob")).to_contain_text("By Bob")


def test_many_are_told_in_one_word(join: Join, today: str) -> None:
    ann, bob, event = meet(join, today)
    bob.page.wait_for_timeout(3100)
    fields = ("title", "location", "url", "color", "status")
    values = (("a", "b"), ("a", "b"), ("a:", "b:"), ("red", "blue"), ("confirmed", "cancelled"))
    with apart(ann, bob):
        write(ann, event, **{field: one for field, (one, _) in zip(fields, values, strict=True)})
        write(bob, event, **{field: two for field, (_, two) in zip(fields, values, strict=True)})
    toasts = bob.page.locator("[data-sonner-toast]")
    expect(toasts.filter(has_text="5 things to decide")).to_be_visible()
    expect(toasts.filter(has_text="at the same time")).to_have_count(0)


def test_several_one_after_the_other_by_keyboard(join: Join, today: str) -> None:
    ann, bob, event = meet(join, today)
    with apart(ann, bob):
        write(ann, event, title="By Ann", location="Room 1")
        write(bob, event, title="By Bob", location="Room 2")
    panel = ann.open_event("By Bob")
    expect(panel.get_by_text("There are 2 conflicts to decide.")).to_be_visible()
    look = panel.get_by_role("button", name="Look")
    look.press("Enter")
    heading = dialog(ann).get_by_role("heading", level=3)
    expect(heading).to_be_focused()
    expect(dialog(ann).get_by_text("1 of 2")).to_be_visible()
    first = heading.inner_text()
    dialog(ann).get_by_role("button", name="Next").press("Enter")
    expect(heading).not_to_have_text(first)
    expect(heading).to_be_focused()
    dialog(ann).get_by_role("button", name="Previous").press("Enter")
    expect(heading).to_have_text(first)
    version(ann, "Ann").get_by_role("button", name="Keep this one").press("Enter")
    expect(heading).not_to_have_text(first)
    expect(heading).to_be_focused()
    expect(counter(bob)).to_be_visible()
    # The dialog stays, and so does the way back within it.
    dialog(ann).get_by_role("button", name="Undo").press("Enter")
    expect(heading).to_have_text(first)
    expect(counter(bob, 2)).to_be_visible()
    ann.page.keyboard.press("Escape")
    expect(dialog(ann)).to_have_count(0)
    expect(ann.panel).to_be_visible()
    expect(look).to_be_focused()


def test_a_deleted_event_that_was_edited_meanwhile(join: Join, today: str) -> None:
    ann, bob, event = meet(join, today)
    with apart(ann, bob):
        ann.run("project.calendar.remove(argument)", event)
        write(bob, event, title="Long lunch", location="Garden")
    for window in (ann, bob):
        window.misses("unch")
        counter(window).click()
        expect(version(window, "Ann")).to_contain_text("Deleted the event")
        expect(version(window, "Ann")).to_contain_text("In the bin")
        expect(version(window, "Bob")).to_contain_text("Edited title, location")
        expect(version(window, "Bob")).to_contain_text("Garden")
    dialog(ann).get_by_role("button", name="Restore").click()
    for window in (ann, bob):
        window.sees("Long lunch")
        expect(counter(window)).to_have_count(0)
    ann.page.keyboard.press("Control+z")
    for window in (ann, bob):
        window.misses("Long lunch")
        expect(counter(window)).to_be_visible()
    counter(bob).click()
    dialog(bob).get_by_role("button", name="Keep deleted").click()
    for window in (ann, bob):
        expect(counter(window)).to_have_count(0)
    assert bob.titles() == []


def test_two_events_for_one_person_at_one_time(join: Join, today: str) -> None:
    ann, bob = join("ann"), join("bob")
    one = ann.make("Budget", f"{today}T09:00:00", f"{today}T10:00:00", attendees=CAROL)
    two = ann.make("Design", f"{today}T14:00:00", f"{today}T15:00:00", attendees=CAROL)
    bob.sees("Budget", "Design")
    span = {"start": f"{today}T11:00:00", "end": f"{today}T12:00:00", "tz": "Asia/Seoul"}
    with apart(ann, bob):
        write(ann, one, when=span)
        write(bob, two, when=span)
    for window in (ann, bob):
        for title in ("Budget", "Design"):
            sign = window.event(title).get_by_label("written by two at once")
            expect(sign).to_be_visible()
        counter(window).click()
        heading = dialog(window).get_by_role("heading", level=3)
        expect(heading).to_have_text("Carol is invited to two events at once")
    by = {"Budget": "Ann", "Design": "Bob"}
    for title, name in by.items():
        expect(dialog(ann).get_by_role("region", name=title)).to_contain_text(name)
    dialog(ann).get_by_role("button", name="Open Design").click()
    expect(ann.panel.get_by_label("Title")).to_have_value("Design")
    dialog(bob).get_by_role("button", name="Fine").click()
    for window in (ann, bob):
        expect(counter(window)).to_have_count(0)
        expect(window.page.get_by_label("written by two at once")).to_have_count(0)


def test_what_was_changed_since_is_shown(join: Join, today: str) -> None:
    ann, bob, event = disagree(join, today)
    write(bob, event, title="Lunch is off")
    counter(ann).click()
    expect(version(ann, "Bob")).to_contain_text("Lunch is off")
    expect(version(ann, "Bob")).to_contain_text("Changed since then.")
    version(ann, "Bob").get_by_role("button", name="Keep this one").click()
    expect(counter(bob)).to_have_count(0)
    assert bob.titles() == ["Lunch is off"]


def test_how_it_is_settled_is_chosen_in_the_menu(join: Join, today: str) -> None:
    ann, bob, event = meet(join, today)
    ann.page.get_by_role("button", name="Menu").click()
    choice = ann.page.get_by_label("When two edit the same")
    expect(choice).to_have_value("last_write_wins")
    choice.select_option(label="The earlier edit stands")
    ann.saved("server")
    bob.page.wait_for_function(
        "() => workspace.getSnapshot().open[0].calendar.getSnapshot().properties"
        ".conflictStrategy === 'first_write_wins'"
    )
    with apart(ann, bob):
        write(ann, event, title="By Ann")
        write(bob, event, title="By Bob")
    bob.sees("By Ann")
    counter(bob).click()
    expect(dialog(bob)).to_contain_text("The earlier one stands until you decide.")


def test_a_viewer_looks_and_does_not_decide(join: Join, today: str) -> None:
    disagree(join, today)
    eve = join("eve", role="viewer")
    counter(eve).click()
    expect(version(eve, "Ann")).to_contain_text("in Room 4")
    expect(dialog(eve).get_by_role("button", name="Keep this one")).to_have_count(0)
    expect(dialog(eve).get_by_text("You can look at this, not decide it.")).to_be_visible()


def test_korean(join: Join, today: str) -> None:
    ann, mina, event = meet(join, today, locale="ko-KR")
    with apart(ann, mina):
        write(ann, event, when={"start": today, "end": today_after(today), "tz": None})
        write(mina, event, when=seoul(today, "13:00", "14:30"))
    mina.page.get_by_role("button", name="결정할 항목 1개").click()
    expect(dialog(mina).get_by_role("heading", level=3)).to_have_text("‘Lunch’의 시간")
    bob = dialog(mina).get_by_role("region", name="Bob 님의 값")
    expect(bob).to_contain_text(re.compile("(오후|PM) 1:00"))
    expect(bob).to_contain_text("현재 값")
    dialog(mina).get_by_role("button", name="이 값으로").first.click()
    expect(dialog(mina)).to_have_count(0)
    assert mina.run("return project.calendar.event(argument).when.tz", event) is None


def seoul(day: str, start: str, end: str) -> dict[str, object]:
    return {"start": f"{day}T{start}:00", "end": f"{day}T{end}:00", "tz": "Asia/Seoul"}


def today_after(today: str) -> str:
    return (date.fromisoformat(today) + timedelta(days=1)).isoformat()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(join: Join, today: str, scheme: str) -> None:
    ann, bob, event = meet(join, today, color_scheme=scheme)
    with apart(ann, bob):
        write(ann, event, title="By Ann", color="tomato")
        write(bob, event, title="By Bob", color="teal")
    bob.open_event("By Bob")
    assert violations(bob.page) == []
    counter(bob, 2).click()
    assert violations(bob.page) == []
    version(bob, "Ann").get_by_role("button", name="Keep this one").click()
    expect(dialog(bob).get_by_role("button", name="Undo")).to_be_visible()
    assert violations(bob.page) == []


def test_a_phone_has_the_versions_below_one_another(join: Join, today: str) -> None:
    _, bob, _ = disagree(join, today, **PHONE)
    counter(bob).tap()
    whole = dialog(bob).bounding_box()
    boxes = [version(bob, name).bounding_box() for name in ("Ann", "Bob")]
    assert whole and boxes[0] and boxes[1]
    assert whole["x"] >= 0
    assert whole["x"] + whole["width"] <= bob.page.evaluate("() => innerWidth")
    assert boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"]
    assert boxes[0]["width"] > whole["width"] * 0.8
    version(bob, "Ann").get_by_role("button", name="Keep this one").tap()
    expect(counter(bob)).to_have_count(0)


def test_pictures(join: Join, today: str, take: Take) -> None:
    ann, bob, event = meet(join, today)
    phone = join("bob", **PHONE)
    dark = join("ann", color_scheme="dark")
    mina = join("mina", locale="ko-KR", **PHONE)
    bob.page.wait_for_timeout(3100)
    weekly, daily = "FREQ=WEEKLY;BYDAY=MO,FR", "FREQ=DAILY;COUNT=5"
    other = ann.make("Review", f"{today}T15:00:00", f"{today}T16:00:00", attendees=CAROL)
    gone = ann.make("Stand-up", f"{today}T09:00:00", f"{today}T09:15:00")
    bob.sees("Stand-up", "Review")
    with apart(ann, bob):
        write(ann, event, title="Lunch with Carol in Room 4", when=seoul(today, "12:00", "13:30"))
        write(bob, event, title="Lunch with Carol at Mario’s", when=seoul(today, "12:30", "14:00"))
        write(ann, event, recurrence={"rrule": weekly}, attendees=CAROL)
        write(bob, event, recurrence={"rrule": daily})
        ann.run("project.calendar.remove(argument)", gone)
        write(bob, gone, title="Stand-up, short", location="Garden")
        write(bob, other, when=seoul(today, "12:30", "13:30"))
    take(bob, "conflicts-told")
    for window, name in ((bob, "conflicts"), (phone, "phone-conflicts"), (dark, "dark-conflicts")):
        window.page.get_by_role("button", name="things to decide").click()
        for number in range(5):
            take(window, f"{name}-{number + 1}")
            later = dialog(window).get_by_role("button", name="Next")
            if later.is_enabled():
                later.click()
    mina.page.get_by_role("button", name="결정할 항목").click()
    take(mina, "phone-ko-conflicts")
    dialog(bob).get_by_role("button", name="Fine").or_(
        dialog(bob).get_by_role("button", name="Keep").first
    ).first.click()
    take(bob, "conflicts-decided")
    bob.page.keyboard.press("Escape")
    bob.event("Lunch").first.click()
    take(bob, "conflicts-editor")
    bob.page.get_by_role("button", name="Menu").click()
    take(bob, "conflicts-menu")
