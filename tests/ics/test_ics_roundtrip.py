"""Whatever an event holds, it is the same after a way through a file."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import icalendar
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt_calendar.ics import write
from crdt_calendar.ics.lines import FOLD_BYTES
from crdt_calendar.ics.parsed import Content
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.details import Alarm, Attendee
from crdt_calendar.model.fields import Fields
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.when import Local, When, format_local
from tests.ics.samples import Desk

PLAIN = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])
# What people write, and what iCalendar has a meaning for.
TELLING = st.sampled_from(list("가나힣회의,;:\\\"'^\n\tnN=é🎉 ")) | PLAIN
TEXT = st.text(TELLING, max_size=40)
LINE = TEXT.map(lambda text: text.replace("\n", "").replace("\t", ""))
WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=8)
ADDRESS = st.tuples(WORD, WORD).map("@".join) | st.just("urn:uuid:1")
ZONE = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Asia/Seoul", "Pacific/Apia", "UTC", None]
)
MOMENT = st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)).map(
    lambda m: m.replace(microsecond=0)
)
RULE = st.sampled_from(
    ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=9", "FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20991231"]
)
PARAMETERS = st.dictionaries(
    WORD.map(lambda word: f"X-{word.upper()}"),
    LINE | st.lists(LINE, min_size=2, max_size=3),
    max_size=2,
)


@st.composite
def whens(draw: st.DrawFn) -> When:
    start, seconds = draw(MOMENT), draw(st.integers(0, 10**6))
    if draw(st.booleans()):
        day = start.date()
        return When(day, day + timedelta(days=1 + seconds % 40))
    return When(start, start + timedelta(seconds=seconds), draw(ZONE))


@st.composite
def kept(draw: st.DrawFn) -> list[dict[str, Any]]:
    entries = draw(st.lists(st.tuples(LINE, PARAMETERS), min_size=1, max_size=2))
    return [
        {"value": value, "params": params} if params else {"value": value}
        for value, params in entries
    ]


KEPT = st.dictionaries(WORD.map(lambda word: f"X-K-{word.upper()}"), kept(), max_size=2)
ATTENDEES = st.lists(
    st.builds(
        Attendee,
        ADDRESS,
        LINE,
        st.sampled_from(["", "chair", "opt-participant"]),
        st.sampled_from(["", "accepted", "x-maybe"]),
        PARAMETERS,
    ),
    max_size=3,
    unique_by=lambda attendee: attendee.address,
)
ALARMS = st.lists(
    st.builds(
        Alarm,
        WORD,
        st.integers(-(10**7), 10**7),
        st.sampled_from(["display", "audio", "email"]),
        KEPT,
    ),
    max_size=3,
    unique_by=lambda alarm: alarm.id,
)


def series(when: When) -> st.SearchStrategy[dict[str, Any]]:
    """A recurrence, and overrides of instances that it may or may not have."""
    starts = st.integers(1, 60).map(lambda days: _later(when.start, days))
    changes = st.fixed_dictionaries(
        {"title": LINE.map(lambda text: f"changed: {text}")},
        optional={
            "description": TEXT.map(lambda text: f"otherwise: {text}"),
            "when": st.integers(1, 5).map(lambda days: _shorter(when, days).to_value()),
        },
    )
    return st.fixed_dictionaries(
        {
            "recurrence": st.builds(
                Recurrence, RULE, st.lists(starts, unique=True, max_size=2).map(_sorted)
            ),
            "overrides": st.dictionaries(
                starts.map(format_local), st.just({"cancelled": True}) | changes, max_size=3
            ),
        }
    )


def _later(start: Local, days: int) -> Local:
    return start + timedelta(days=days)


def _shorter(when: When, days: int) -> When:
    """Another time than any instance of the series has."""
    start = _later(when.start, 1000 + days)
    return When(start, start + timedelta(days=50), when.tz)


def _sorted(starts: list[Local]) -> tuple[Local, ...]:
    return tuple(sorted(starts, key=format_local))


@st.composite
def events(draw: st.DrawFn) -> Fields:
    when = draw(whens())
    fields = Fields(
        title=draw(TEXT),
        location=draw(TEXT),
        description=draw(TEXT),
        url=draw(LINE),
        color=draw(TEXT),
        status=draw(st.sampled_from([None, "confirmed", "tentative", "cancelled"])),
        visibility=draw(st.sampled_from([None, "public", "private", "confidential"])),
        when=when,
        attendees=draw(ATTENDEES),
        alarms=draw(ALARMS),
        ics=draw(KEPT),
    )
    if draw(st.booleans()):
        fields |= draw(series(when))  # type: ignore[typeddict-item]
    return fields


def contents(calendar: Calendar) -> dict[str, Any]:
    return {event.id: Content.of_event(event).values for event in calendar.events()}


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.lists(events(), max_size=3), TEXT, TEXT)
def test_events_come_back_as_they_went(made: list[Fields], name: str, description: str) -> None:
    desk, other = Desk(), Desk()
    desk.calendar.set_properties(name=name.strip(), description=description.strip())
    for number, fields in enumerate(made):
        desk.calendar.create(event_id=f"이벤트 {number}", **fields)
    data = write(desk.calendar)
    assert max(map(len, data.split(b"\r\n"))) <= FOLD_BYTES
    result = other.bring_in(data)
    assert list(result.problems) == []
    assert contents(other.calendar) == contents(desk.calendar)
    assert other.calendar.properties().name == name.strip()
    assert write(other.calendar) == data
    before = desk.state()
    assert desk.bring_in(data).unchanged == len(made)
    assert desk.state() == before


@settings(max_examples=60, derandomize=True, deadline=None)
@given(events())
def test_another_library_reads_the_same_out_of_it(fields: Fields) -> None:
    desk = Desk()
    desk.calendar.create(event_id="1", **fields)
    read = icalendar.Calendar.from_ical(write(desk.calendar))
    assert isinstance(read, icalendar.Calendar)
    event = next(event for event in read.events if "RECURRENCE-ID" not in event)
    when = fields["when"]
    assert when is not None
    start = event.DTSTART
    assert start is not None
    assert (start.replace(tzinfo=None) if isinstance(start, datetime) else start) == when.start
    assert isinstance(start, datetime) == isinstance(when.start, datetime)
    assert type(start) in (date, datetime)
    assert str(event.get("SUMMARY", "")) == fields["title"]
    triggers = [alarm.decoded("TRIGGER") for alarm in event.walk("VALARM")]
    assert triggers == [
        timedelta(seconds=-alarm.before_seconds)
        for alarm in sorted(fields["alarms"], key=lambda alarm: alarm.id)
    ]
    assert {str(one).removeprefix("mailto:") for one in event.attendees} == {
        one.address for one in fields["attendees"]
    }
