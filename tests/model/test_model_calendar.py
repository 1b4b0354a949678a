"""Writing to a calendar: what lands in the document, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from pycrdt import Doc, Map, Text

from crdt_calendar.errors import InvalidValue, NoSuchEvent
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.details import Alarm, Attendee, Stamp
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.when import When

NOW = Stamp("ann", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
NINE = When(datetime(2026, 3, 2, 9), datetime(2026, 3, 2, 10), "Europe/Berlin")
DAILY = Recurrence("FREQ=DAILY")


def contents(doc: Doc[Map[object]], event_id: str) -> dict[str, object]:
    events: Map[object] = doc.get("events", type=Map)
    shared = events[event_id]
    assert isinstance(shared, Map)
    return dict(shared.items())


def text_of(doc: Doc[Map[object]], event_id: str) -> Text:
    text = contents(doc, event_id)["description"]
    assert isinstance(text, Text)
    return text


def count_updates(doc: Doc[Map[object]], write: Callable[[], object]) -> list[int]:
    """The size of each update that `write` makes the document emit."""
    sizes: list[int] = []
    subscription = doc.observe(lambda event: sizes.append(len(event.update)))
    write()
    doc.unobserve(subscription)
    return sizes


def test_a_created_event_has_the_shape_of_the_contract(
    doc: Doc[Map[object]], calendar: Calendar
) -> None:
    event_id = calendar.create(
        title="Stand-up",
        location="Room 4",
        when=NINE,
        recurrence=Recurrence("FREQ=DAILY", (datetime(2026, 2, 1, 9),)),
        description="Coffee ☕",
        attendees=[Attendee("bob@example.org", "Bob", "chair", "accepted")],
        alarms=[Alarm("a1", 600), Alarm("a2", -60, "email", {"SUMMARY": "late"})],
        overrides={"2026-03-03T09:00:00": {"cancelled": True}},
        ics={"X-FOO": [1, {"a": None}]},
        url="",
    )
    values = contents(doc, event_id)
    assert str(values.pop("description")) == "Coffee ☕"
    stamp = {"by": "ann", "at": "2026-01-02T03:04:05.000Z"}
    assert values == {
        "title": "Stand-up",
        "location": "Room 4",
        "when": {
            "start": "2026-03-02T09:00:00",
            "end": "2026-03-02T10:00:00",
            "tz": "Europe/Berlin",
        },
        "recurrence": {"rrule": "FREQ=DAILY", "rdate": ["2026-02-01T09:00:00"]},
        "attendee/bob@example.org": {"name": "Bob", "role": "chair", "status": "accepted"},
        "alarm/a1": {"before": 600, "action": "display"},
        "alarm/a2": {"before": -60, "action": "email", "ics": {"SUMMARY": "late"}},
        "override/2026-03-03T09:00:00": {"cancelled": True},
        "ics/X-FOO": [1, {"a": None}],
        "created": stamp,
        "updated": stamp,
        "sequence": 0,
    }
    root: Map[object] = doc.get("calendar", type=Map)
    assert dict(root.items()) == {"schema": 1}
    assert calendar.problems() == []


def test_the_description_is_there_from_the_start(doc: Doc[Map[object]], calendar: Calendar) -> None:
    assert str(text_of(doc, calendar.create())) == ""


def test_ids_are_given_or_made_and_never_taken_twice(calendar: Calendar) -> None:
    assert calendar.create(event_id="uid@example.org") == "uid@example.org"
    assert calendar.create() == "id-1"
    with pytest.raises(InvalidValue, match="^event_id: "):
        calendar.create(event_id="uid@example.org")
    calendar.delete("uid@example.org")
    with pytest.raises(InvalidValue, match="^event_id: "):
        calendar.create(event_id="uid@example.org")
    for impossible in ("", "x" * 2000, "\ud800"):
        with pytest.raises(InvalidValue, match="^event_id: "):
            calendar.create(event_id=impossible)


def test_each_write_is_one_update(doc: Doc[Map[object]], calendar: Calendar) -> None:
    event_id = calendar.create(title="x", when=NINE, recurrence=DAILY)
    writes: list[Callable[[], object]] = [
        lambda: calendar.create(title="y", description="z"),
        lambda: calendar.update(event_id, title="new", description="text", location="here"),
        lambda: calendar.override_instance(event_id, "2026-03-03T09:00:00", title="other"),
        lambda: calendar.move(event_id, NINE.starting(datetime(2026, 3, 2, 11))),
        lambda: calendar.update_following(event_id, "2026-03-05T11:00:00", title="later"),
        lambda: calendar.set_properties(name="Team", color="teal"),
        lambda: calendar.delete(event_id),
        lambda: calendar.restore(event_id),
    ]
    for write in writes:
        assert len(count_updates(doc, write)) == 1


def test_only_what_differs_is_written(doc: Doc[Map[object]], calendar: Calendar) -> None:
    event_id = calendar.create(title="x" * 500, location="y" * 500, description="z" * 500)
    assert calendar.update(event_id, title="x" * 500, location="there") == {"location"}
    (size,) = count_updates(doc, lambda: calendar.update(event_id, title="x" * 500, location="h"))
    assert size < 250
    assert calendar.get(event_id).sequence == 2


def test_a_write_that_changes_nothing_leaves_no_trace(
    doc: Doc[Map[object]], calendar: Calendar
) -> None:
    fields = {
        "title": "x",
        "when": NINE,
        "recurrence": DAILY,
        "description": "y",
        "attendees": [Attendee("bob", "Bob")],
        "alarms": [Alarm("a", 60)],
        "overrides": {"2026-03-03T09:00:00": {"title": "z", "alarm/b": {"before": 5}}},
        "ics": {"X": 1},
        "sequence": 7,
    }
    event_id = calendar.create(**fields)  # type: ignore[arg-type]
    calendar.set_properties(name="Team", timezone="Asia/Seoul", ics={"X": 1})
    before = doc.get_state()
    assert calendar.update(event_id, **fields) == frozenset()  # type: ignore[arg-type]
    assert calendar.set_properties(name="Team", timezone="Asia/Seoul", ics={"X": 1}) == frozenset()
    calendar.restore(event_id)
    assert doc.get_state() == before
    assert calendar.get(event_id).sequence == 7


def test_bookkeeping_says_who_and_how_often(open_calendar: Callable[..., Calendar]) -> None:
    ann = open_calendar()
    event_id = ann.create(title="x")
    ann.acting_as("bob").update(event_id, title="y")
    event = ann.get(event_id)
    assert event.created == NOW
    assert event.updated == Stamp("bob", NOW.at)
    assert event.sequence == 1
    ann.update(event_id, title="z", sequence=9)
    assert ann.get(event_id).sequence == 9
    assert ann.get(event_id).updated == NOW


def test_a_field_is_taken_away_by_none_or_by_nothing_in_it(
    doc: Doc[Map[object]], calendar: Calendar
) -> None:
    event_id = calendar.create(title="x", location="y", url="z", when=NINE, description="text")
    calendar.update(event_id, location=None, url="", when=None, description=None)
    assert set(contents(doc, event_id)) == {
        "title", "description", "created", "updated", "sequence",
    }  # fmt: skip
    event = calendar.get(event_id)
    assert (event.location, event.url, event.when, event.description) == ("", "", None, "")


def test_a_collection_stands_for_all_there_is(calendar: Calendar) -> None:
    event_id = calendar.create(attendees=[Attendee("ann"), Attendee("bob")], ics={"A": 1, "B": 2})
    assert calendar.update(event_id, attendees=[Attendee("bob"), Attendee("eve")]) == {
        "attendee/ann",
        "attendee/eve",
    }
    assert [one.address for one in calendar.get(event_id).attendees] == ["bob", "eve"]
    assert calendar.get(event_id).ics == {"A": 1, "B": 2}
    calendar.update(event_id, ics={})
    assert calendar.get(event_id).ics == {}


def test_attendees_and_alarms_one_by_one(calendar: Calendar) -> None:
    event_id = calendar.create(attendees=[Attendee("bob", "Bob", "chair", "", {"RSVP": "TRUE"})])
    calendar.set_attendee(event_id, "bob", status="accepted")
    calendar.set_attendee(event_id, "eve", name="Eve")
    assert calendar.get(event_id).attendees == (
        Attendee("bob", "Bob", "chair", "accepted", {"RSVP": "TRUE"}),
        Attendee("eve", "Eve"),
    )
    assert calendar.remove_attendee(event_id, "bob") == {"attendee/bob"}
    assert calendar.remove_attendee(event_id, "bob") == frozenset()

    alarm_id = calendar.set_alarm(event_id, 600)
    assert calendar.set_alarm(event_id, 60, "email", alarm_id=alarm_id) == alarm_id
    assert calendar.get(event_id).alarms == (Alarm(alarm_id, 60, "email"),)
    calendar.remove_alarm(event_id, alarm_id)
    assert calendar.get(event_id).alarms == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "hello"),
        ("hello", ""),
        ("hello world", "hello brave world"),
        ("hello brave world", "hello world"),
        ("aaa", "aaaa"),
        ("abab", "ab"),
        ("안녕하세요", "안녕히 가세요"),
        ("👩‍👩‍👧 and ☕", "👩‍👧 and ☕☕"),
        ("é", "è"),
        ("x\r\ny", "x\ny"),
    ],
)
def test_a_description_becomes_what_is_wanted(
    doc: Doc[Map[object]], calendar: Calendar, before: str, after: str
) -> None:
    event_id = calendar.create(description=before)
    calendar.update(event_id, description=after)
    assert calendar.get(event_id).description == after


def test_a_description_is_edited_where_it_differs(
    doc: Doc[Map[object]], calendar: Calendar, open_calendar: Callable[..., Calendar]
) -> None:
    event_id = calendar.create(description="one\ntwo\nthree")
    other: Doc[Map[object]] = Doc()
    other.apply_update(doc.get_update())
    calendar.update(event_id, description="one\n2\nthree")
    open_calendar(other, user="bob").update(event_id, description="one\ntwo\nthree\nfour")
    doc.apply_update(other.get_update(doc.get_state()))
    assert calendar.get(event_id).description == "one\n2\nthree\nfour"


def test_a_description_with_something_embedded_is_replaced(
    doc: Doc[Map[object]], calendar: Calendar
) -> None:
    event_id = calendar.create(description="see picture")
    text_of(doc, event_id).insert_embed(4, {"image": "x.png"})
    calendar.update(event_id, description="see nothing")
    assert calendar.get(event_id).description == "see nothing"


def test_a_description_of_the_wrong_type_is_put_right(
    doc: Doc[Map[object]], calendar: Calendar
) -> None:
    events: Map[object] = doc.get("events", type=Map)
    events["e"] = Map({"title": "x", "description": "plain"})
    assert calendar.update("e", description="plain") == {"description"}
    assert str(text_of(doc, "e")) == "plain"


def test_deleting_is_a_tombstone_and_can_be_undone(calendar: Calendar) -> None:
    event_id = calendar.create(title="x")
    calendar.delete(event_id)
    assert event_id not in calendar
    assert (len(calendar), calendar.events()) == (0, [])
    assert [event.deleted for event in calendar.deleted()] == [NOW]
    found = calendar.find(event_id)
    assert found is not None
    assert found.deleted == NOW
    attempts: list[Callable[[], object]] = [
        lambda: calendar.get(event_id),
        lambda: calendar.update(event_id, title="y"),
        lambda: calendar.patch(event_id, {"title": "y"}),
        lambda: calendar.move(event_id, NINE),
        lambda: calendar.delete(event_id),
        lambda: calendar.set_attendee(event_id, "bob"),
        lambda: calendar.set_alarm(event_id, 60),
        lambda: calendar.cancel_instance(event_id, "2026-03-02"),
        lambda: calendar.update_following(event_id, "2026-03-02"),
        lambda: calendar.restore("never there"),
        lambda: calendar.get("never there"),
    ]
    for attempt in attempts:
        with pytest.raises(NoSuchEvent):
            attempt()
    calendar.restore(event_id)
    assert calendar.get(event_id).title == "x"
    assert calendar.get(event_id).deleted is None
    assert (len(calendar), calendar.deleted()) == (1, [])


def test_editing_a_deleted_event_elsewhere_is_not_lost(
    doc: Doc[Map[object]], calendar: Calendar, open_calendar: Callable[..., Calendar]
) -> None:
    event_id = calendar.create(title="x")
    other: Doc[Map[object]] = Doc()
    other.apply_update(doc.get_update())
    open_calendar(other).update(event_id, title="edited meanwhile")
    calendar.delete(event_id)
    doc.apply_update(other.get_update(doc.get_state()))
    assert event_id not in calendar
    calendar.restore(event_id)
    assert calendar.get(event_id).title == "edited meanwhile"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": 5}, "title"),
        ({"title": "\ud800"}, "title"),
        ({"status": "maybe"}, "status"),
        ({"visibility": "secret"}, "visibility"),
        ({"when": "tomorrow"}, "when"),
        ({"recurrence": {"rrule": "FREQ=X"}}, "recurrence.rrule"),
        ({"created": {}}, "created"),
        ({"sequence": "5"}, "sequence"),
        ({"nonsense": 1}, "nonsense"),
        ({"attendees": [Attendee("")]}, "attendee/"),
        ({"attendees": [Attendee("x" * 2000)]}, "attendee/"),
        ({"alarms": [Alarm("a", 2**60)]}, "alarm/a"),
        ({"ics": {"X": b"bytes"}}, "ics/X"),
        ({"ics": {"": 1}}, "ics/"),
        ({"overrides": {"soon": {}}}, "override/soon"),
        ({"overrides": {"2026-03-02": {"recurrence": None}}}, "recurrence"),
        ({"overrides": {"2026-03-02": {"when": None}}}, "when"),
        ({"overrides": {"2026-03-02": {"title": 5}}}, "title"),
    ],
)
def test_bad_input_is_refused_by_its_field_and_nothing_is_written(
    doc: Doc[Map[object]], calendar: Calendar, fields: dict[str, object], field: str
) -> None:
    event_id = calendar.create(title="x")
    state = doc.get_state()
    with pytest.raises(InvalidValue, match=f"^{field}"):
        calendar.update(event_id, **fields)  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match=f"^{field}"):
        calendar.create(**fields)  # type: ignore[arg-type]
    assert doc.get_state() == state


def test_patching_takes_plain_values_by_their_keys(
    doc: Doc[Map[object]], calendar: Calendar
) -> None:
    event_id = calendar.create(title="x", when=NINE)
    changed = calendar.patch(
        event_id,
        {
            "title": "y",
            "when": {"start": "2026-03-02", "end": "2026-03-03"},
            "description": "text",
            "attendee/bob": {"name": "Bob"},
            "location": None,
        },
    )
    assert changed == {"title", "when", "description", "attendee/bob"}
    event = calendar.get(event_id)
    assert event.when == When(date(2026, 3, 2), date(2026, 3, 3))
    assert event.description == "text"
    with pytest.raises(InvalidValue, match="^sequence: "):
        calendar.patch(event_id, {"sequence": 5})


def test_a_hostile_sequence_does_not_stop_the_count(
    doc: Doc[Map[object]], calendar: Calendar
) -> None:
    events: Map[object] = doc.get("events", type=Map)
    events["e"] = Map({"title": "x", "sequence": 2**53})
    calendar.update("e", title="y")
    calendar.update("e", title="z")
    assert calendar.problems() == []


def test_properties(doc: Doc[Map[object]], calendar: Calendar) -> None:
    written = calendar.set_properties(
        name="Team",
        timezone="Asia/Seoul",
        color="teal",
        description="Ours",
        conflict_strategy="keep-both",
        ics={"X-WR-RELCALID": "7"},
    )
    assert written == {
        "name", "timezone", "color", "description", "conflictStrategy", "ics/X-WR-RELCALID",
    }  # fmt: skip
    properties = calendar.properties()
    assert (properties.name, properties.timezone) == ("Team", "Asia/Seoul")
    assert properties.conflict_strategy == "keep-both"
    assert properties.ics == {"X-WR-RELCALID": "7"}
    root: Map[object] = doc.get("calendar", type=Map)
    assert root["schema"] == 1
    assert root["description"] == "Ours"

    calendar.set_properties(color=None, ics={})
    assert calendar.properties().color == ""
    assert calendar.properties().ics == {}
    for fields, field in (
        ({"timezone": "Mars"}, "timezone"),
        ({"name": 5}, "name"),
        ({"ics": {"X": b""}}, "ics/X"),
        ({"nonsense": 1}, "nonsense"),
    ):
        with pytest.raises(InvalidValue, match=f"^{field}"):
            calendar.set_properties(**fields)


def test_malformed_properties_read_as_absent(doc: Doc[Map[object]], calendar: Calendar) -> None:
    root: Map[object] = doc.get("calendar", type=Map)
    with doc.transaction():
        root["name"], root["timezone"], root["color"] = 5, "Mars", None
        root["description"], root["ics/X"] = Text("x"), b"bytes"
    properties = calendar.properties()
    assert (properties.name, properties.timezone, properties.description) == ("", "", "")
    assert {problem.key for problem in properties.problems} == {
        "name", "timezone", "description", "ics/X",
    }  # fmt: skip
    assert calendar.problems() == list(properties.problems)


def test_a_clock_without_a_zone_is_refused(doc: Doc[Map[object]]) -> None:
    calendar = Calendar(doc, clock=lambda: datetime(2026, 1, 1), new_id=lambda: "x", user="ann")
    with pytest.raises(InvalidValue, match="^at: "):
        calendar.create(title="x")
