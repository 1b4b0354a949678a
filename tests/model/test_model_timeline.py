"""What takes place when, with and without an index."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pycrdt import Doc, Map

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.timeline import Timeline
from crdt_calendar.model.when import When

UTC_ZONE = ZoneInfo("UTC")
DAY = timedelta(days=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def meeting(start: str, minutes: int = 60, tz: str | None = "UTC") -> When:
    begins = datetime.fromisoformat(start)
    return When(begins, begins + timedelta(minutes=minutes), tz)


def titles(calendar: Calendar, start: str, end: str, zone: str | None = None) -> list[str]:
    return [instance.event.title for instance in calendar.between(utc(start), utc(end), zone)]


@pytest.mark.parametrize(
    ("start", "end", "is_in"),
    [
        ("2026-03-02T08:00", "2026-03-02T09:00", False),  # the end of a span is not in it
        ("2026-03-02T08:00", "2026-03-02T09:01", True),
        ("2026-03-02T09:30", "2026-03-02T09:31", True),
        ("2026-03-02T09:59", "2026-03-02T11:00", True),
        ("2026-03-02T10:00", "2026-03-02T11:00", False),  # nor is the end of an event
    ],
)
def test_an_event_is_in_the_spans_it_touches(
    calendar: Calendar, start: str, end: str, is_in: bool
) -> None:
    calendar.create(title="x", when=meeting("2026-03-02T09:00"))
    calendar.create(
        title="x", when=meeting("2026-03-01T09:00"), recurrence=Recurrence("FREQ=DAILY;COUNT=5")
    )
    assert titles(calendar, start, end) == ["x", "x"] * is_in


def test_what_takes_no_time_is_in_the_span_it_begins(calendar: Calendar) -> None:
    calendar.create(title="x", when=meeting("2026-03-02T09:00", minutes=0))
    assert titles(calendar, "2026-03-02T09:00", "2026-03-02T10:00") == ["x"]
    assert titles(calendar, "2026-03-02T08:00", "2026-03-02T09:00") == []


def test_whole_days_and_floating_times_are_in_the_zone_asked_for(calendar: Calendar) -> None:
    calendar.create(title="day", when=When(date(2026, 3, 2), date(2026, 3, 3)))
    calendar.create(title="floating", when=meeting("2026-03-02T00:30", tz=None))
    calendar.create(
        title="week",
        when=When(date(2026, 2, 23), date(2026, 2, 24)),
        recurrence=Recurrence("FREQ=WEEKLY"),
    )
    last_hour = ("2026-03-01T15:00", "2026-03-01T16:00")  # the first hour of 2 March in Seoul
    assert titles(calendar, *last_hour) == []
    assert titles(calendar, *last_hour, zone="Asia/Seoul") == ["day", "week", "floating"]
    calendar.set_properties(timezone="Asia/Seoul")
    assert titles(calendar, *last_hour) == ["day", "week", "floating"]
    assert titles(calendar, *last_hour, zone="UTC") == []
    found = calendar.between(utc(last_hour[0]), utc(last_hour[1]), ZoneInfo("Asia/Seoul"))
    assert found[0].starts_at == utc("2026-03-01T15:00")
    assert found[0].ends_at == utc("2026-03-02T15:00")


@pytest.mark.parametrize("tz", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_ends_of_the_world(calendar: Calendar, tz: str) -> None:
    when = meeting("2026-03-02T09:00", tz=tz)
    start, end = when.instants(UTC_ZONE)
    calendar.create(title="x", when=when, recurrence=Recurrence("FREQ=YEARLY"))
    assert len(calendar.between(start, end)) == 1
    assert calendar.between(start - DAY, start) == []
    assert calendar.between(end, end + DAY) == []


def test_all_is_sorted_by_time(calendar: Calendar) -> None:
    calendar.create(title="b", when=meeting("2026-03-02T10:00"), event_id="2")
    calendar.create(title="a", when=meeting("2026-03-02T10:00"), event_id="1")
    calendar.create(title="first", when=meeting("2026-03-02T10:00", tz="Europe/Berlin"))
    calendar.create(title="midnight", when=meeting("2026-03-02T00:00"))
    calendar.create(title="day", when=When(date(2026, 3, 2), date(2026, 3, 3)))
    found = titles(calendar, "2026-03-02T00:00", "2026-03-03T00:00")
    assert found == ["day", "midnight", "first", "a", "b"]


def test_what_has_no_time_or_is_deleted_does_not_take_place(calendar: Calendar) -> None:
    calendar.create(title="someday", recurrence=Recurrence("FREQ=DAILY"))
    calendar.delete(calendar.create(title="gone", when=meeting("2026-03-02T10:00")))
    assert titles(calendar, "2026-03-01T00:00", "2026-04-01T00:00") == []


def test_long_instances_overlap_themselves(calendar: Calendar) -> None:
    calendar.create(
        title="x",
        when=meeting("2026-03-02T10:00", minutes=72 * 60),
        recurrence=Recurrence("FREQ=DAILY;COUNT=10"),
    )
    assert len(titles(calendar, "2026-03-08T09:00", "2026-03-08T10:00")) == 3


def test_an_instance_moved_from_far_away_is_found(calendar: Calendar) -> None:
    event_id = calendar.create(
        title="x", when=meeting("2026-03-02T10:00"), recurrence=Recurrence("FREQ=DAILY;COUNT=3")
    )
    calendar.override_instance(event_id, "2026-03-03T10:00:00", when=meeting("2030-01-01T10:00"))
    calendar.override_instance(event_id, "2026-03-04T10:00:00", when=meeting("2020-01-01T10:00"))
    assert titles(calendar, "2026-03-03T00:00", "2026-03-05T00:00") == []
    assert titles(calendar, "2030-01-01T00:00", "2030-01-02T00:00") == ["x"]
    assert titles(calendar, "2020-01-01T00:00", "2020-01-02T00:00") == ["x"]


def test_the_span_must_say_where_it_is(calendar: Calendar) -> None:
    with pytest.raises(InvalidValue, match="^start: "):
        calendar.between(datetime(2026, 3, 1), utc("2026-03-02"))
    with pytest.raises(InvalidValue, match="^end: "):
        calendar.between(utc("2026-03-01"), datetime(2026, 3, 2))
    with pytest.raises(InvalidValue, match="^zone: "):
        calendar.between(utc("2026-03-01"), utc("2026-03-02"), "Mars")


def test_a_span_may_be_all_of_time(calendar: Calendar) -> None:
    calendar.create(title="x", when=When(date(9990, 1, 1), date(9998, 1, 1)))
    calendar.create(
        title="x", when=When(date(9990, 1, 1), date(9994, 1, 1)),
        recurrence=Recurrence("FREQ=YEARLY"),
    )  # fmt: skip
    calendar.create(
        title="y", when=When(date(9990, 1, 1), date(9996, 1, 1)),
        recurrence=Recurrence("FREQ=YEARLY;UNTIL=99991231"),
    )  # fmt: skip
    beginning, end = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert len(calendar.between(beginning, end)) == 9
    east = ZoneInfo("Pacific/Kiritimati")
    assert len(calendar.between(datetime.min.replace(tzinfo=east), end)) == 9
    assert calendar.between(end, beginning) == []


def test_an_answer_has_a_bound_and_says_so(
    doc: Doc[Map[object]], open_calendar: Callable[..., Calendar]
) -> None:
    with Timeline(doc) as timeline:
        calendar = open_calendar(timeline=timeline)
        every_second = calendar.create(
            when=meeting("2026-03-02T10:00", minutes=0), recurrence=Recurrence("FREQ=SECONDLY")
        )
        once = calendar.create(when=meeting("2026-03-02T11:00"))
        for _ in range(2):
            expansion = timeline.expand(utc("2026-03-02"), utc("2026-03-05"), UTC_ZONE)
            assert expansion.cut == (every_second,)
            assert len(expansion.instances) <= 5_002
            assert once in {instance.event_id for instance in expansion.instances}
        few = timeline.expand(utc("2026-03-02"), utc("2026-03-05"), UTC_ZONE, most=3)
        assert len(few.instances) == 3
        assert every_second in few.cut


def test_a_document_made_to_be_slow_is_not(
    doc: Doc[Map[object]], open_calendar: Callable[..., Calendar]
) -> None:
    calendar = open_calendar()
    with doc.transaction():
        for number in range(150):
            never = f"FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30;INTERVAL={number + 1}"
            calendar.create(when=meeting("2026-03-02T10:00"), recurrence=Recurrence(never))
            counted = f"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT={number + 2}"
            calendar.create(when=meeting("2026-03-02T10:00"), recurrence=Recurrence(counted))
    with Timeline(doc) as timeline:
        for _ in range(2):
            began = time.process_time()
            found = timeline.expand(utc("1900-01-01"), utc("2900-01-01"), UTC_ZONE)
            assert time.process_time() - began < 10  # measured: 1.2 the first time, then 0.4
            assert len(found.cut) >= 150


def test_a_timeline_keeps_up_with_the_document(
    doc: Doc[Map[object]], open_calendar: Callable[..., Calendar]
) -> None:
    """Random edits here and elsewhere: the index says what reading everything anew says."""
    chance = random.Random(7)
    elsewhere: Doc[Map[object]] = Doc()
    with Timeline(doc) as timeline:
        indexed, other = open_calendar(timeline=timeline), open_calendar(elsewhere, user="bob")
        for _ in range(60):
            _edit(chance.choice([indexed, other]), chance)
            if chance.random() < 0.3:
                elsewhere.apply_update(doc.get_update(elsewhere.get_state()))
                doc.apply_update(elsewhere.get_update(doc.get_state()))
            for days in (7, 40):
                start = utc("2026-03-01") + chance.randrange(4) * 7 * DAY
                span = (start, start + days * DAY)
                assert indexed.between(*span) == open_calendar().between(*span)


def _edit(calendar: Calendar, chance: random.Random) -> None:
    known = [event.id for event in calendar.events()]
    when = meeting(f"2026-03-{chance.randrange(1, 30):02}T10:00")
    kind = chance.randrange(6) if known else 0
    if kind == 0:
        recurrence = chance.choice(
            [None, Recurrence("FREQ=WEEKLY"), Recurrence("FREQ=DAILY;COUNT=9")]
        )
        calendar.create(when=when, recurrence=recurrence)
    elif kind == 1:
        calendar.update(chance.choice(known), title=str(chance.random()))
    elif kind == 2:
        calendar.move(chance.choice(known), when)
    elif kind == 3:
        calendar.delete(chance.choice(known))
    elif kind == 4:
        for event in calendar.deleted()[:1]:
            calendar.restore(event.id)
    else:
        for instance in calendar.between(utc("2026-03-10"), utc("2026-03-20"))[:1]:
            if instance.recurrence_id is not None:
                calendar.cancel_instance(instance.event_id, instance.recurrence_id)


def test_a_writer_sees_its_own_writes_before_the_commit(
    doc: Doc[Map[object]], open_calendar: Callable[..., Calendar]
) -> None:
    with Timeline(doc) as timeline:
        calendar = open_calendar(timeline=timeline)
        assert titles(calendar, "2026-03-02T00:00", "2026-03-03T00:00") == []
        with doc.transaction():
            event_id = calendar.create(title="x", when=meeting("2026-03-02T10:00"))
            assert titles(calendar, "2026-03-02T00:00", "2026-03-03T00:00") == ["x"]
            calendar.update(event_id, title="y")
            assert titles(calendar, "2026-03-02T00:00", "2026-03-03T00:00") == ["y"]
        assert titles(calendar, "2026-03-02T00:00", "2026-03-03T00:00") == ["y"]


def test_a_closed_timeline_still_answers(
    doc: Doc[Map[object]], open_calendar: Callable[..., Calendar]
) -> None:
    timeline = Timeline(doc)
    calendar = open_calendar(timeline=timeline)
    with timeline:
        calendar.create(title="x", when=meeting("2026-03-02T10:00"))
        assert titles(calendar, "2026-03-02T00:00", "2026-03-03T00:00") == ["x"]
    open_calendar().create(title="y", when=meeting("2026-03-02T11:00"))
    assert titles(calendar, "2026-03-02T00:00", "2026-03-03T00:00") == ["x", "y"]


def test_a_week_out_of_ten_thousand_events(
    doc: Doc[Map[object]], open_calendar: Callable[..., Calendar]
) -> None:
    chance = random.Random(1)
    with Timeline(doc) as timeline:
        calendar = open_calendar(timeline=timeline)
        with doc.transaction():
            for number in range(10_000):
                start = datetime(2020, 1, 1, 9) + chance.randrange(365 * 8) * DAY
                calendar.create(
                    title="x",
                    when=When(start, start + timedelta(hours=1), "Europe/Berlin"),
                    recurrence=Recurrence("FREQ=WEEKLY") if number % 10 == 0 else None,
                )
        week = (utc("2026-03-02"), utc("2026-03-09"))
        calendar.between(*week)
        fastest = 1.0
        for number in range(5):
            calendar.create(title="new", when=meeting(f"2026-03-03T1{number}:00"))
            began = time.process_time()
            found = calendar.between(*week)
            fastest = min(fastest, time.process_time() - began)
        assert len(found) > 700
        assert fastest < 0.01  # measured: 0.001
