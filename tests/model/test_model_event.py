"""What a foreign client may write in an event map, and how it reads."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, XmlFragment

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.details import Alarm, Attendee, Stamp, as_plain
from crdt_calendar.model.event import Event
from crdt_calendar.model.timeline import Timeline

GOOD: dict[str, object] = {
    "title": "Stand-up",
    "location": "Room 4",
    "url": "https://example.org/",
    "color": "teal",
    "status": "confirmed",
    "visibility": "private",
    "when": {"start": "2026-03-02T09:00:00", "end": "2026-03-02T09:15:00", "tz": "Asia/Seoul"},
    "recurrence": {"rrule": "FREQ=DAILY"},
    "override/2026-03-03T09:00:00": {"title": "Retrospective", "location": None},
    "override/2026-03-04T09:00:00": {"cancelled": True},
    "attendee/ann@example.org": {"name": "Ann", "role": "chair", "status": "accepted"},
    "alarm/a1": {"before": 600, "action": "display"},
    "ics/X-FOO": {"value": "bar"},
    "created": {"by": "ann", "at": "2026-01-01T00:00:00.000Z"},
    "updated": {"by": "bob", "at": "2026-01-01T01:00:00+01:00"},
    "sequence": 3.0,
}
ODD_VALUES: list[Callable[[], object]] = [
    lambda: 5,
    lambda: -1.5,
    lambda: 1e300,
    lambda: 2**62,
    lambda: math.nan,
    lambda: math.inf,
    lambda: True,
    lambda: False,
    lambda: "",
    lambda: "nonsense",
    lambda: "\x00",
    lambda: b"bytes",
    lambda: [],
    lambda: [None, [{}]],
    lambda: {},
    lambda: {"start": 1, "end": [], "tz": {}, "by": 1, "at": 1, "rrule": 1, "before": "x"},
    lambda: {"start": "2026-03-02T09:00:00", "end": "2026-03-01T09:00:00", "tz": "Asia/Seoul"},
    lambda: {"by": "x", "at": "0001-01-01T00:00:00+14:00"},
    lambda: {"rrule": "FREQ=DAILY;UNTIL=1", "rdate": {"a": 1}},
    lambda: {"cancelled": "yes"},
    lambda: {"when": None, "title": 3, "override/x": {}, "attendee/": 1, "recurrence": {}},
    lambda: {"name": 1, "role": [], "status": {}, "ics": "x", "action": 7},
    lambda: {"before": math.nan},
    lambda: {"before": 1.5, "ics": {"x": b"bytes"}},
    lambda: Map({"start": "2026-03-02", "end": "2026-03-03"}),
    lambda: Array([1, 2]),
    lambda: Text("shared"),
    lambda: XmlFragment([]),
    lambda: Doc(),
]
ODD_KEYS = [
    *GOOD,
    "description",
    "deleted",
    "override/",
    "override/soon",
    "override/2026-03-05",
    "override/9998-12-31T23:59:59",
    "attendee/",
    "alarm/",
    "ics/",
    "unknown",
    "",
]


def write(doc: Doc[Map[object]], values: dict[str, object], event_id: str = "e") -> None:
    events: Map[object] = doc.get("events", type=Map)
    shared: Map[object] = Map({})
    with doc.transaction():
        events[event_id] = shared
        for key, value in values.items():
            shared[key] = value


def test_every_field_is_read(doc: Doc[Map[object]], calendar: Calendar) -> None:
    write(doc, {**GOOD, "description": Text("Bring coffee."), "unknown": [1]})
    event = calendar.get("e")
    assert event.problems == ()
    assert (event.title, event.location, event.color) == ("Stand-up", "Room 4", "teal")
    assert (event.status, event.visibility) == ("confirmed", "private")
    assert event.description == "Bring coffee."
    assert event.attendees == (Attendee("ann@example.org", "Ann", "chair", "accepted"),)
    assert event.alarms == (Alarm("a1", 600),)
    assert event.ics == {"X-FOO": {"value": "bar"}}
    assert event.created == Stamp("ann", datetime(2026, 1, 1, tzinfo=UTC))
    assert event.updated == Stamp("bob", datetime(2026, 1, 1, tzinfo=UTC))
    assert event.sequence == 3
    assert isinstance(event.sequence, int)
    assert event.deleted is None


def test_an_override_holds_the_event_as_it_is_in_its_instance(
    doc: Doc[Map[object]], calendar: Calendar
) -> None:
    write(doc, {**GOOD, "description": Text("Bring coffee.")})
    override = calendar.get("e").overrides["2026-03-03T09:00:00"]
    assert override.changes == {"title": "Retrospective", "location": None}
    assert override.event is not None
    assert override.event.when is not None
    assert override.event.when.to_value() == {
        "start": "2026-03-03T09:00:00",
        "end": "2026-03-03T09:15:00",
        "tz": "Asia/Seoul",
    }
    assert (override.event.title, override.event.location) == ("Retrospective", "")
    assert override.event.description == "Bring coffee."
    assert override.event.attendees == calendar.get("e").attendees
    assert calendar.get("e").overrides["2026-03-04T09:00:00"].cancelled


def test_a_stranger_who_leaves_the_bookkeeping_out_is_welcome(
    doc: Doc[Map[object]], calendar: Calendar
) -> None:
    write(doc, {"title": "Lunch"})
    event = calendar.get("e")
    assert (event.title, event.sequence, event.problems) == ("Lunch", 0, ())
    assert calendar.update("e", title="Dinner") == {"title"}
    assert calendar.get("e").sequence == 1


@pytest.mark.parametrize("key", ODD_KEYS)
def test_whatever_is_at_a_key_nothing_raises(
    doc: Doc[Map[object]], calendar: Calendar, key: str
) -> None:
    for number, make in enumerate(ODD_VALUES):
        write(doc, {**GOOD, key: make()}, f"e{number}")
    march, april = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    events = [*calendar.events(), *calendar.deleted()]
    assert len(events) == len(ODD_VALUES)
    for event in events:
        for name, value in vars_of(event).items():
            assert value != b"bytes", name
        json.dumps([event.ics, [dict(one.ics) for one in event.attendees]])
        json.dumps([dict(override.changes) for override in event.overrides.values()])
    calendar.between(march, april)
    if key in ("when", "recurrence"):  # the others say nothing about time
        calendar.between(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    calendar.problems()


def vars_of(event: Event) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__slots__}


@pytest.mark.parametrize(
    ("key", "value", "absent"),
    [
        ("title", 5, ""),
        ("url", ["x"], ""),
        ("status", "maybe", ""),
        ("visibility", True, ""),
        ("description", "a string, not a Text", ""),
        ("when", {"start": "2026-03-02", "end": "2026-03-01"}, None),
        ("recurrence", {"rrule": "FREQ=NEVER"}, None),
        ("sequence", "3", 0),
        ("sequence", 2.5, 0),
        ("sequence", True, 0),
        ("created", {"by": "x"}, None),
        ("updated", {"by": "x", "at": "2026-01-01T00:00:00"}, None),
        ("deleted", True, None),
        ("deleted", {"by": "x", "at": "yesterday"}, None),
    ],
)
def test_a_malformed_value_reads_as_absent_and_is_reported(
    doc: Doc[Map[object]], calendar: Calendar, key: str, value: object, absent: object
) -> None:
    write(doc, {"title": "Lunch", key: value})
    event = calendar.get("e")
    assert getattr(event, key) == absent
    assert [(problem.event_id, problem.key) for problem in event.problems] == [("e", key)]
    assert calendar.problems() == list(event.problems)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("attendee/ann", 5),
        ("attendee/", {"name": "nobody"}),
        ("attendee/ann", {"name": 5}),
        ("alarm/a", {"before": "soon"}),
        ("ics/X", b"bytes"),
        ("override/soon", {"title": "x"}),
        ("override/2026-03-02T09:00:00", "x"),
        ("override/2026-03-02T09:00:00", {"title": 5}),
        ("override/2026-03-02T09:00:00", {"recurrence": {"rrule": "FREQ=DAILY"}}),
    ],
)
def test_malformed_entries_are_reported_by_their_key(
    doc: Doc[Map[object]], calendar: Calendar, key: str, value: object
) -> None:
    write(doc, {"when": GOOD["when"], "recurrence": GOOD["recurrence"], key: value})
    assert [problem.key for problem in calendar.get("e").problems] == [key]


def test_a_malformed_change_of_one_instance_leaves_the_field_of_the_series(
    doc: Doc[Map[object]], calendar: Calendar
) -> None:
    key = "override/2026-03-03T09:00:00"
    write(doc, {**GOOD, key: {"title": 5, "when": {"start": 1}, "location": "Room 5"}})
    event = calendar.get("e").overrides["2026-03-03T09:00:00"].event
    assert event is not None
    assert event.when is not None
    assert (event.title, event.location) == ("Stand-up", "Room 5")
    assert event.when.to_value()["start"] == "2026-03-03T09:00:00"


def test_what_is_no_map_is_no_event(doc: Doc[Map[object]], calendar: Calendar) -> None:
    events: Map[object] = doc.get("events", type=Map)
    with doc.transaction():
        events["a"], events["b"], events["c"] = 5, Array([1]), Text("x")
        events["d"] = None
    assert calendar.events() == []
    assert len(calendar) == 0
    assert "a" not in calendar
    assert calendar.find("b") is None
    assert {problem.event_id for problem in calendar.problems()} == {"a", "b", "c", "d"}
    assert calendar.create(event_id="a", title="Mine now") == "a"


def test_roots_of_another_type_read_as_empty(
    open_calendar: Callable[..., Calendar],
) -> None:
    strange = Doc({"events": Text("x"), "calendar": Array([1])})
    calendar = open_calendar(strange)
    assert calendar.events() == []
    assert calendar.properties().name == ""
    assert calendar.get(calendar.create(title="Lunch")).title == "Lunch"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from(ODD_KEYS), JSON, max_size=8))
def test_no_json_in_an_event_raises(values: dict[str, object]) -> None:
    event = Event.read("e", values)
    reported = {problem.key for problem in event.problems}
    assert reported <= set(values)
    if event.when is not None:
        assert event.when.duration.total_seconds() >= 0


def test_a_timeline_takes_what_is_there(doc: Doc[Map[object]]) -> None:
    write(doc, GOOD)
    events: Map[object] = doc.get("events", type=Map)
    events["stray"] = 5
    with Timeline(doc) as timeline:
        march = datetime(2026, 3, 1, tzinfo=UTC)
        found = timeline.expand(march, march.replace(day=5), seoul()).instances
    assert [instance.event.title for instance in found] == ["Stand-up", "Retrospective"]


def seoul() -> ZoneInfo:
    return ZoneInfo("Asia/Seoul")


@pytest.mark.parametrize(
    "value",
    [b"x", math.nan, math.inf, 2**53 + 1, "\ud800", {"\ud800": 1}, {1: 2}, object(), [{"a": b""}]],
)
def test_what_no_document_can_hold_is_refused(value: object) -> None:
    with pytest.raises(InvalidValue, match="^here: "):
        as_plain(value, "here")


def test_plain_values_have_a_depth() -> None:
    deep: object = 1
    for _ in range(100):
        deep = [deep]
    with pytest.raises(InvalidValue, match="^here: "):
        as_plain(deep, "here")
    assert as_plain({"a": (1, None, True, "x")}, "here") == {"a": [1, None, True, "x"]}
