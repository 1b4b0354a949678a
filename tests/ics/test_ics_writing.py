"""A calendar as a file: valid, deterministic, and nothing in it that was not meant."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import icalendar
import pytest

from crdt_calendar.ics import write, write_events
from crdt_calendar.ics.lines import FOLD_BYTES
from crdt_calendar.model.details import Alarm, Attendee
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.when import When
from tests.ics.samples import Desk, vcalendar, vevent

REAL = sorted((Path(__file__).parent / "data").glob("*.ics"))
NINE = datetime(2026, 3, 2, 9)
HOUR = timedelta(hours=1)
BERLIN = When(NINE, NINE + HOUR, "Europe/Berlin")

GOLDEN = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//crdt-calendar//crdt-calendar//EN
CALSCALE:GREGORIAN
NAME:합창단
X-WR-CALNAME:합창단
COLOR:teal
X-WR-TIMEZONE:Europe/Berlin
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:20250330T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:20251026T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:rehearsal
DTSTAMP:20260301T080000Z
CREATED:20260301T080000Z
LAST-MODIFIED:20260301T080000Z
SEQUENCE:3
DTSTART;TZID=Europe/Berlin:20260302T090000
DTEND;TZID=Europe/Berlin:20260302T100000
RRULE:FREQ=WEEKLY
RDATE;TZID=Europe/Berlin:20260304T090000
EXDATE;TZID=Europe/Berlin:20260309T090000
SUMMARY:연습\\, 알토
LOCATION:Aula\\; 2. Stock
DESCRIPTION:Noten\\nWasser
URL:https://example.com/?a=1,2;3
STATUS:CONFIRMED
CLASS:PRIVATE
CATEGORIES:choir,fun
X-ODD;X-A="b:c":raw\\,
ATTENDEE;CN="Lovelace, Ada";ROLE=CHAIR;PARTSTAT=ACCEPTED;RSVP=TRUE:mailto:a
 da@x
BEGIN:VALARM
UID:early
ACTION:DISPLAY
TRIGGER:-PT15M
DESCRIPTION:Reminder
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:rehearsal
DTSTAMP:20260301T080000Z
CREATED:20260301T080000Z
LAST-MODIFIED:20260301T080000Z
SEQUENCE:3
DTSTART;TZID=Europe/Berlin:20260317T190000
DTEND;TZID=Europe/Berlin:20260317T200000
RECURRENCE-ID;TZID=Europe/Berlin:20260316T090000
SUMMARY:Concert
DESCRIPTION:Noten\\nWasser
URL:https://example.com/?a=1,2;3
STATUS:CONFIRMED
CLASS:PRIVATE
CATEGORIES:choir,fun
X-ODD;X-A="b:c":raw\\,
ATTENDEE;CN="Lovelace, Ada";ROLE=CHAIR;PARTSTAT=ACCEPTED;RSVP=TRUE:mailto:a
 da@x
BEGIN:VALARM
UID:early
ACTION:DISPLAY
TRIGGER:-PT15M
DESCRIPTION:Reminder
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:tour
DTSTAMP:20260301T080000Z
CREATED:20260301T080000Z
LAST-MODIFIED:20260301T080000Z
SEQUENCE:0
DTSTART;VALUE=DATE:20260501
DTEND;VALUE=DATE:20260504
SUMMARY:Tour
END:VEVENT
END:VCALENDAR
"""


def text_of(desk: Desk) -> str:
    return write(desk.calendar).decode().replace("\r\n", "\n")


def event_lines(desk: Desk) -> list[str]:
    """The lines of the only event, without bookkeeping."""
    lines = text_of(desk).split("BEGIN:VEVENT\n")[1].split("END:VEVENT")[0].splitlines()
    book = ("UID", "DTSTAMP", "CREATED", "LAST-MODIFIED", "SEQUENCE")
    return [line for line in lines if not line.startswith(book)]


def test_a_calendar() -> None:
    desk = Desk()
    desk.calendar.set_properties(name="합창단", color="teal", timezone="Europe/Berlin")
    moved = When(datetime(2026, 3, 17, 19), datetime(2026, 3, 17, 20), "Europe/Berlin")
    desk.calendar.create(
        event_id="rehearsal",
        title="연습, 알토",
        location="Aula; 2. Stock",
        description="Noten\nWasser",
        url="https://example.com/?a=1,2;3",
        status="confirmed",
        visibility="private",
        when=BERLIN,
        recurrence=Recurrence("FREQ=WEEKLY", (datetime(2026, 3, 4, 9),)),
        attendees=[Attendee("ada@x", "Lovelace, Ada", "chair", "accepted", {"RSVP": "TRUE"})],
        alarms=[Alarm("early", 900)],
        ics={
            "X-ODD": [{"value": "raw\\,", "params": {"X-A": "b:c"}}],
            "CATEGORIES": [{"value": "choir,fun"}],
        },
        overrides={
            "2026-03-09T09:00:00": {"cancelled": True},
            "2026-03-16T09:00:00": {
                "title": "Concert",
                "location": None,
                "when": moved.to_value(),
            },
        },
        sequence=3,
    )
    days = When(date(2026, 5, 1), date(2026, 5, 4))
    desk.calendar.create(event_id="tour", title="Tour", when=days)
    desk.calendar.create(event_id="timeless", title="Some day")
    desk.calendar.create(event_id="gone", title="Gone", when=days)
    desk.calendar.delete("gone")
    assert text_of(desk) == GOLDEN


def test_lines_end_and_are_folded_as_the_rfc_wants() -> None:
    desk = Desk()
    desk.calendar.create(title="긴 제목 " * 40, description="x\n" * 500, when=BERLIN)
    data = write(desk.calendar)
    assert data.endswith(b"END:VCALENDAR\r\n")
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert max(len(line) for line in data.split(b"\r\n")) <= FOLD_BYTES


@pytest.mark.parametrize(
    ("when", "lines"),
    [
        (When(NINE, NINE + HOUR, "UTC"), ["DTSTART:20260302T090000Z", "DTEND:20260302T100000Z"]),
        (When(NINE, NINE + HOUR), ["DTSTART:20260302T090000", "DTEND:20260302T100000"]),
        (When(NINE, NINE, "UTC"), ["DTSTART:20260302T090000Z"]),
        (
            When(date(2026, 3, 2), date(2026, 3, 3)),
            ["DTSTART;VALUE=DATE:20260302", "DTEND;VALUE=DATE:20260303"],
        ),
    ],
)
def test_when(when: When, lines: list[str]) -> None:
    desk = Desk()
    desk.calendar.create(when=when)
    assert event_lines(desk) == lines


def test_exceptions_and_extra_dates_have_the_form_of_the_start() -> None:
    desk = Desk()
    desk.calendar.create(
        when=When(date(2026, 3, 2), date(2026, 3, 3)),
        recurrence=Recurrence("FREQ=DAILY", (date(2026, 7, 1),)),
        overrides={
            "2026-03-04": {"cancelled": True},
            "2026-03-05T09:00:00": {"cancelled": True},  # of no instance: the series has days
            "2026-03-06": {"title": "other"},
        },
    )
    lines = text_of(desk).splitlines()
    assert "EXDATE;VALUE=DATE:20260304" in lines
    assert "RDATE;VALUE=DATE:20260701" in lines
    assert "RECURRENCE-ID;VALUE=DATE:20260306" in lines


def test_every_zone_that_is_used_is_defined_once() -> None:
    desk = Desk()
    for tz in ("Europe/Berlin", "Asia/Seoul", "Europe/Berlin", "UTC", None):
        desk.calendar.create(when=When(NINE, NINE + HOUR, tz))
    seoul = When(NINE, NINE + HOUR, "America/New_York").to_value()
    desk.calendar.create(
        when=BERLIN,
        recurrence=Recurrence("FREQ=DAILY"),
        overrides={"2026-03-03T09:00:00": {"when": seoul}},
    )
    zones = [line for line in text_of(desk).splitlines() if line.startswith("TZID:")]
    assert zones == ["TZID:America/New_York", "TZID:Asia/Seoul", "TZID:Europe/Berlin"]


def test_alarms_say_what_they_said_as_long_as_they_mean_it() -> None:
    desk = Desk()
    absolute = "BEGIN:VALARM\r\nUID:1\r\nACTION:AUDIO\r\n{}\r\nEND:VALARM"
    trigger = "TRIGGER;VALUE=DATE-TIME:20260302T080000Z"
    desk.bring_in(vcalendar(vevent(absolute.format(trigger))))
    assert trigger in event_lines(desk)
    desk.calendar.move("a@x", When(NINE + HOUR, NINE + HOUR, "UTC"))
    assert "TRIGGER:-PT1H" in event_lines(desk)
    nonsense = Alarm("1", 60, "audio", {"TRIGGER": [{"value": "soon"}]})
    desk.calendar.update("a@x", alarms=[nonsense])
    assert "TRIGGER:-PT1M" in event_lines(desk)


def test_alarms_have_what_their_action_demands() -> None:
    desk = Desk()
    desk.calendar.create(when=BERLIN, alarms=[Alarm("1", 0, "email"), Alarm("2", -60, "audio")])
    lines = event_lines(desk)
    assert lines[2:8] == [
        "BEGIN:VALARM",
        "ACTION:EMAIL",
        "TRIGGER:PT0S",
        "DESCRIPTION:Reminder",
        "SUMMARY:Reminder",
        "END:VALARM",
    ]
    assert lines[8:] == ["BEGIN:VALARM", "ACTION:AUDIO", "TRIGGER:PT1M", "END:VALARM"]


def test_parameters_of_a_text_go_back_until_somebody_changes_it() -> None:
    desk = Desk()
    line = 'DESCRIPTION;ALTREP="data:text/html,<b>x</b>":x\\, y'
    desk.bring_in(vcalendar(vevent(line, "STATUS;X-WHO=me:CONFIRMED")))
    assert line in event_lines(desk)
    assert "STATUS;X-WHO=me:CONFIRMED" in event_lines(desk)
    desk.calendar.update("a@x", description="z", status=None)
    assert "DESCRIPTION:z" in event_lines(desk)
    desk.calendar.update("a@x", description=None)
    assert not [line for line in event_lines(desk) if line.startswith("DESCRIPTION")]


def test_a_status_that_is_none_of_ours_goes_back_until_there_is_one() -> None:
    desk = Desk()
    desk.bring_in(vcalendar(vevent("STATUS:X-BUSY")))
    assert "STATUS:X-BUSY" in event_lines(desk)
    desk.calendar.update("a@x", status="tentative")
    assert [line for line in event_lines(desk) if line.startswith("STATUS")] == ["STATUS:TENTATIVE"]


def test_nobody_writes_lines_of_their_own_through_a_field() -> None:
    """Every value below could have been written by a foreign client."""
    desk = Desk()
    evil = "x\r\nEND:VEVENT\r\nBEGIN:VEVENT"
    desk.calendar.set_properties(name=evil, color=evil)
    desk.calendar.create(
        event_id=evil,
        title=evil,
        url=evil,
        color=evil,
        when=BERLIN,
        attendees=[Attendee(evil, evil, evil, evil, {evil: evil, "X-A": [evil, 5], "X-B": 5})],
        alarms=[Alarm(evil, 5, evil, {evil: [], "X-A": [{"value": evil}], "TRIGGER": "soon"})],
        ics={
            evil: [{"value": "1"}],
            "BEGIN": [{"value": "VEVENT"}],
            "X-LIST": evil,
            "X-NUMBER": [5, {"value": 5}, {"value": evil, "params": {evil: evil, "X": {}}}],
            "@import": "secret",
        },
    )
    lines = text_of(desk).splitlines()
    assert lines.count("BEGIN:VEVENT") == 1
    assert lines.count("END:VEVENT") == 1
    assert not [line for line in lines if "secret" in line]
    read = icalendar.Calendar.from_ical(write(desk.calendar))
    assert str(read.events[0]["SUMMARY"]) == evil.replace("\r\n", "\n")


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_another_library_reads_what_we_write(path: Path) -> None:
    desk = Desk()
    desk.bring_in(path.read_bytes())
    read = icalendar.Calendar.from_ical(write(desk.calendar))
    assert isinstance(read, icalendar.Calendar)
    assert {str(event["UID"]) for event in read.events} == {e.id for e in desk.calendar.events()}
    for component in read.walk():
        assert component.errors == []


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_real_files_survive_the_way_there_and_back(path: Path) -> None:
    desk, other = Desk(), Desk()
    desk.bring_in(path.read_bytes())
    data = write(desk.calendar)
    result = other.bring_in(data)
    assert list(result.problems) == []
    assert write(other.calendar) == data
    assert desk.bring_in(data).updated == 0


def test_the_same_calendar_gives_the_same_bytes() -> None:
    desk, other = Desk(), Desk()
    for number in range(20):
        attendees = [Attendee(f"{n}@x", ics={f"X-{m}": "1" for m in range(9)}) for n in range(5)]
        desk.calendar.create(event_id=f"{number}", when=BERLIN, attendees=attendees)
    other.doc.apply_update(desk.doc.get_update())
    assert write(other.calendar) == write(desk.calendar)
    events = list(reversed(desk.calendar.events()))
    assert write_events(desk.calendar.properties(), events) == write(desk.calendar)
