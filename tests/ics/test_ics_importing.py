"""Bringing a file into a calendar: once, again, and after people have been at work."""

from __future__ import annotations

from pathlib import Path

import pytest
from pycrdt import Doc

from crdt_calendar.ics import Import, ImportResult, import_into, read, write
from crdt_calendar.ics.importing import BATCH_BYTES, BATCH_EVENTS
from tests.ics.samples import Desk, parse, vcalendar, vevent

REAL = sorted((Path(__file__).parent / "data").glob("*.ics"))

STANDUP = vcalendar(
    vevent(
        "RRULE:FREQ=DAILY",
        "EXDATE:20260304T090000Z",
        "SUMMARY:Standup",
        "DESCRIPTION:every day",
        "CATEGORIES:work",
        "ATTENDEE;CN=Ada:mailto:ada@x",
    ),
    vevent("SUMMARY:Lunch", uid="b@x"),
)


def counts(result: ImportResult) -> tuple[int, int, int, int]:
    return result.created, result.updated, result.unchanged, result.skipped


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    assert counts(desk.bring_in(STANDUP)) == (2, 0, 0, 0)
    return desk


def test_events_come_in_whole(desk: Desk) -> None:
    event = desk.calendar.get("a@x")
    assert (event.title, event.description) == ("Standup", "every day")
    assert event.recurrence is not None and event.recurrence.rrule == "FREQ=DAILY"
    assert event.overrides["2026-03-04T09:00:00"].cancelled
    assert event.attendees[0].name == "Ada"
    assert event.ics["CATEGORIES"] == [{"value": "work"}]
    assert event.problems == ()
    assert event.updated is not None and event.updated.by == "ada"


def test_the_same_file_again_changes_nothing(desk: Desk) -> None:
    before = desk.state()
    assert counts(desk.bring_in(STANDUP)) == (0, 0, 2, 0)
    assert desk.state() == before


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_real_files_come_in_once(path: Path) -> None:
    desk = Desk()
    first = desk.bring_in(path.read_bytes())
    before = desk.state()
    again = desk.bring_in(path.read_bytes())
    assert counts(again) == (0, 0, first.created, 0)
    assert desk.state() == before
    assert desk.calendar.problems() == []


def test_the_same_file_again_takes_nothing_back_that_people_did(desk: Desk) -> None:
    desk.calendar.update("b@x", title="Long lunch")
    desk.calendar.cancel_instance("a@x", "2026-03-05T09:00:00")
    before = desk.state()
    assert counts(desk.bring_in(STANDUP)) == (0, 0, 2, 0)
    assert desk.state() == before


def test_news_of_the_file_come_in_where_nobody_changed_anything(desk: Desk) -> None:
    changed = STANDUP.replace("SUMMARY:Lunch", "SUMMARY:Brunch").replace("EXDATE", "X-WAS")
    assert counts(desk.bring_in(changed)) == (0, 2, 0, 0)
    assert desk.calendar.get("b@x").title == "Brunch"
    assert desk.calendar.get("a@x").overrides == {}
    assert counts(desk.bring_in(changed)) == (0, 0, 2, 0)
    back = desk.bring_in(STANDUP)
    assert counts(back) == (0, 2, 0, 0)
    assert desk.calendar.get("b@x").title == "Lunch"


@pytest.mark.parametrize("sequence", [0, 1])  # the edit made it 1 here
def test_where_both_changed_the_calendar_stays_and_says_so(desk: Desk, sequence: int) -> None:
    desk.calendar.update("b@x", title="Long lunch")
    before = desk.state()
    changed = f"SEQUENCE:{sequence}\r\nSUMMARY:Brunch"
    result = desk.bring_in(STANDUP.replace("SUMMARY:Lunch", changed))
    assert counts(result) == (0, 0, 1, 1)
    assert desk.state() == before
    (problem,) = result.problems
    assert problem.line == STANDUP.split("SUMMARY:Lunch")[0].count("\n") - 2
    assert "changed here as well" in problem.message


def test_a_later_revision_of_the_file_counts_more(desk: Desk) -> None:
    desk.calendar.update("b@x", title="Long lunch")
    result = desk.bring_in(STANDUP.replace("SUMMARY:Lunch", "SUMMARY:Brunch\r\nSEQUENCE:2"))
    assert counts(result) == (0, 1, 1, 0)
    event = desk.calendar.get("b@x")
    assert (event.title, event.sequence) == ("Brunch", 2)


def test_what_the_file_no_longer_says_goes(desk: Desk) -> None:
    desk.bring_in(
        STANDUP.replace("ATTENDEE;CN=Ada:mailto:ada@x\r\n", "").replace("CATEGORIES", "X-C")
    )
    event = desk.calendar.get("a@x")
    assert event.attendees == ()
    assert "CATEGORIES" not in event.ics


@pytest.mark.parametrize("sequence", [0, 1])  # deleting made it 1
def test_deleted_events_stay_deleted(desk: Desk, sequence: int) -> None:
    desk.calendar.delete("b@x")
    before = desk.state()
    changed = f"SEQUENCE:{sequence}\r\nSUMMARY:Brunch"
    result = desk.bring_in(STANDUP.replace("SUMMARY:Lunch", changed))
    assert counts(result) == (0, 0, 1, 1)
    assert desk.state() == before
    assert "deleted here" in result.problems[0].message


def test_a_later_revision_brings_a_deleted_event_back(desk: Desk) -> None:
    desk.calendar.delete("b@x")
    result = desk.bring_in(STANDUP.replace("SUMMARY:Lunch", "SUMMARY:Brunch\r\nSEQUENCE:2"))
    assert counts(result) == (0, 1, 1, 0)
    assert desk.calendar.get("b@x").title == "Brunch"


def test_an_event_made_here_takes_what_was_done_to_its_export() -> None:
    desk = Desk()
    made = desk.calendar.create(title="Made here", when=parse(vevent()).events[0].fields["when"])
    exported = write(desk.calendar)
    before = desk.state()
    assert counts(desk.bring_in(exported)) == (0, 0, 1, 0)
    assert desk.state() == before
    assert counts(desk.bring_in(exported.replace(b"Made here", b"Edited there"))) == (0, 1, 0, 0)
    assert desk.calendar.get(made).title == "Edited there"


def test_people_s_events_are_not_lost_to_an_old_export() -> None:
    desk = Desk()
    made = desk.calendar.create(title="Made here", when=parse(vevent()).events[0].fields["when"])
    exported = write(desk.calendar)
    desk.calendar.update(made, title="Renamed here")
    assert counts(desk.bring_in(exported)) == (0, 0, 0, 1)
    assert desk.calendar.get(made).title == "Renamed here"


def test_events_without_uid_come_in_once() -> None:
    desk = Desk()
    text = vcalendar(vevent("SUMMARY:a", uid=None), vevent("SUMMARY:b", uid=None))
    assert counts(desk.bring_in(text)) == (2, 0, 0, 0)
    assert counts(desk.bring_in(text)) == (0, 0, 2, 0)


def test_the_calendar_s_own_properties_are_filled_in_not_replaced() -> None:
    desk = Desk()
    desk.calendar.set_properties(name="Ours")
    desk.bring_in(
        vcalendar("NAME:Theirs", "COLOR:red", "X-WR-TIMEZONE:Asia/Seoul", "DESCRIPTION:d")
    )
    properties = desk.calendar.properties()
    assert (properties.name, properties.color) == ("Ours", "red")
    assert (properties.timezone, properties.description) == ("Asia/Seoul", "d")


def test_a_file_that_says_nothing_leaves_no_trace() -> None:
    desk = Desk()
    desk.bring_in(b"")
    desk.bring_in(vcalendar())
    assert desk.state() == (Doc().get_state(), 0)


# Instances without their series


INSTANCE = vcalendar(
    vevent("RECURRENCE-ID:20260306T090000Z", "SUMMARY:Special", start="DTSTART:20260306T100000Z")
)


def test_an_instance_goes_to_the_series_that_is_here(desk: Desk) -> None:
    assert counts(desk.bring_in(INSTANCE)) == (0, 1, 0, 0)
    override = desk.calendar.get("a@x").overrides["2026-03-06T09:00:00"]
    assert override.event is not None
    assert override.event.title == "Special"
    assert override.event.description == ""
    before = desk.state()
    assert counts(desk.bring_in(INSTANCE)) == (0, 0, 1, 0)
    assert desk.state() == before


def test_an_instance_does_not_undo_what_people_did(desk: Desk) -> None:
    desk.bring_in(INSTANCE)
    desk.calendar.override_instance("a@x", "2026-03-06T09:00:00", title="Very special")
    assert counts(desk.bring_in(INSTANCE)) == (0, 0, 0, 1)
    desk.calendar.delete("a@x")
    assert counts(desk.bring_in(INSTANCE)) == (0, 0, 0, 1)


def test_an_instance_of_nothing_is_an_event() -> None:
    desk = Desk()
    assert counts(desk.bring_in(INSTANCE)) == (1, 0, 0, 0)
    assert desk.calendar.get("a@x/2026-03-06T09:00:00").title == "Special"
    assert counts(desk.bring_in(INSTANCE)) == (0, 0, 1, 0)


# Foreign content


def test_nonsense_that_a_foreign_client_has_put_in_the_place_of_an_event_gives_way() -> None:
    desk = Desk()
    desk.events["a@x"] = "nonsense"
    assert counts(desk.bring_in(STANDUP)) == (2, 0, 0, 0)
    assert desk.calendar.get("a@x").title == "Standup"


def test_an_event_that_a_foreign_client_has_garbled_is_not_taken_for_the_file_s(desk: Desk) -> None:
    desk.events["b@x"]["ics/" + "x" * 2000] = 1
    desk.events["b@x"]["title"] = 5
    assert counts(desk.bring_in(STANDUP)) == (0, 0, 2, 0)
    assert counts(desk.bring_in(STANDUP.replace("Lunch", "Brunch"))) == (0, 0, 1, 1)


def test_what_no_key_can_hold_is_skipped() -> None:
    desk, uid = Desk(), "x" * 1020
    instance = vevent("RECURRENCE-ID:20260302T090000Z", uid=uid)
    result = desk.bring_in(vcalendar(vevent(), instance))
    assert counts(result) == (1, 0, 0, 1)
    assert result.problems[0].line == 8


# Steps


def test_an_import_writes_in_batches_and_tells_how_far_it_is() -> None:
    total = 2 * BATCH_EVENTS + 1
    parsed = parse(*(vevent(uid=f"{number}") for number in range(total)))
    desk, told = Desk(), list[tuple[int, int]]()
    result = import_into(
        desk.calendar,
        parsed,
        lambda done, of: told.append((done, of)),
        transaction=desk.doc.transaction,
    )
    assert counts(result) == (total, 0, 0, 0)
    assert len(desk.updates) == 3
    assert told == [(BATCH_EVENTS, total), (2 * BATCH_EVENTS, total), (total, total)]


def test_a_batch_is_only_so_large() -> None:
    text = "x" * (BATCH_BYTES // 2)
    parsed = parse(*(vevent(f"DESCRIPTION:{text}", uid=f"{number}") for number in range(5)))
    desk, job = Desk(), Import(parsed)
    job.step(desk.calendar)
    assert (job.done, job.total, job.finished) == (2, 5, False)
    assert job.result.created == 2


def test_without_a_transaction_each_event_is_one(desk: Desk) -> None:
    alone = Desk()
    import_into(alone.calendar, read(STANDUP.encode()))
    assert len(alone.updates) == 2
    assert write(alone.calendar) == write(desk.calendar)


def test_two_people_who_import_the_same_file_at_once_have_it_once() -> None:
    one, other = Desk(), Desk()
    one.bring_in(STANDUP)
    other.bring_in(STANDUP)
    updates = one.doc.get_update(), other.doc.get_update()
    one.doc.apply_update(updates[1])
    other.doc.apply_update(updates[0])
    assert write(one.calendar) == write(other.calendar)
    before = one.state()
    assert counts(one.bring_in(STANDUP)) == (0, 0, 2, 0)
    assert one.state() == before
