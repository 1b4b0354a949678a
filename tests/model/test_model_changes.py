"""What a document tells of itself, in the words of a calendar."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from pycrdt import Array, Doc, Map, Text

from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.changes import (
    CalendarChanged,
    ChangeFeed,
    Created,
    Deleted,
    Restored,
    Updated,
)
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.timeline import Timeline
from crdt_calendar.model.when import When

Open = Callable[..., Calendar]
TOMBSTONE = {"by": "bob", "at": "2026-01-01T00:00:00Z"}
NINE = When(datetime(2026, 3, 2, 9), datetime(2026, 3, 2, 10), "Europe/Berlin")


def root(doc: Doc[Map[object]], name: str = "events") -> Map[object]:
    return doc.get(name, type=Map)


def test_one_change_for_each_kind_of_write(doc: Doc[Map[object]], calendar: Calendar) -> None:
    with ChangeFeed(doc) as feed:
        assert feed.take() == []
        event_id = calendar.create(title="x", when=NINE, recurrence=Recurrence("FREQ=DAILY"))
        assert feed.take() == [Created(event_id)]
        calendar.update(event_id, title="y", location="here")
        assert feed.take() == [Updated(event_id, frozenset({"title", "location"}))]
        calendar.update(event_id, description="text")
        assert feed.take() == [Updated(event_id, frozenset({"description"}))]
        calendar.cancel_instance(event_id, "2026-03-03T09:00:00")
        assert feed.take() == [Updated(event_id, frozenset({"override/2026-03-03T09:00:00"}))]
        calendar.set_attendee(event_id, "bob")
        assert feed.take() == [Updated(event_id, frozenset({"attendee/bob"}))]
        calendar.delete(event_id)
        assert feed.take() == [Deleted(event_id)]
        calendar.restore(event_id)
        assert feed.take() == [Restored(event_id)]
        calendar.set_properties(name="Team", conflict_strategy="x")
        assert feed.take() == [CalendarChanged(frozenset({"name", "conflictStrategy"}))]
        assert feed.take() == []


def test_who_and_when_are_in_the_event(doc: Doc[Map[object]], calendar: Calendar) -> None:
    event_id = calendar.create(title="x")
    with ChangeFeed(doc) as feed:
        calendar.acting_as("bob").update(event_id, title="y")
        (change,) = feed.take()
        assert isinstance(change, Updated)
        updated = calendar.get(change.id).updated
        assert updated is not None
        assert updated.by == "bob"


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        (["create", "update"], [Created("e")]),
        (["create", "update", "delete"], []),
        (["create", "delete", "restore"], [Created("e")]),
    ],
)
def test_what_came_and_went_in_between_is_told_as_what_it_comes_to(
    doc: Doc[Map[object]], calendar: Calendar, edits: list[str], expected: list[object]
) -> None:
    steps = _steps(calendar)
    with ChangeFeed(doc) as feed:
        for edit in edits:
            steps[edit]()
        assert feed.take() == expected


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        (["update", "delete"], [Deleted("e")]),
        (["delete", "restore"], [Updated("e", frozenset())]),
        (["delete", "restore", "update"], [Updated("e", frozenset({"title"}))]),
        (["delete", "restore", "delete"], [Deleted("e")]),
    ],
)
def test_the_same_of_an_event_that_was_there(
    doc: Doc[Map[object]], calendar: Calendar, edits: list[str], expected: list[object]
) -> None:
    steps = _steps(calendar)
    steps["create"]()
    with ChangeFeed(doc) as feed:
        for edit in edits:
            steps[edit]()
        assert feed.take() == expected


def _steps(calendar: Calendar) -> dict[str, Callable[[], object]]:
    return {
        "create": lambda: calendar.create(event_id="e", title="x"),
        "update": lambda: calendar.update("e", title="y"),
        "delete": lambda: calendar.delete("e"),
        "restore": lambda: calendar.restore("e"),
    }


def test_changes_made_elsewhere(doc: Doc[Map[object]], open_calendar: Open) -> None:
    there: Doc[Map[object]] = Doc()
    other = open_calendar(there, user="bob")
    kept, gone = other.create(title="a"), other.create(title="b")
    other.delete(gone)
    with ChangeFeed(doc) as feed:
        doc.apply_update(there.get_update())
        assert feed.take() == [Created(kept)]
        other.update(kept, title="c")
        other.restore(gone)
        doc.apply_update(there.get_update(doc.get_state()))
        doc.apply_update(there.get_update())  # known already
        changes = feed.take()
        assert {type(change) for change in changes} == {Updated, Restored}


def test_strangers_writes(doc: Doc[Map[object]], calendar: Calendar) -> None:
    calendar.create(event_id="e", title="x", location="here")
    events = root(doc)
    with ChangeFeed(doc) as feed:
        events["stray"] = 5
        events["list"] = Array([1])
        shared = events["list"]
        assert isinstance(shared, Array)
        shared.append(2)
        assert feed.take() == []

        del events["stray"]
        assert feed.take() == []
        events["stray"] = Map({"title": "now an event"})
        assert feed.take() == [Created("stray")]

        event = events["e"]
        assert isinstance(event, Map)
        event["title"] = "x"  # what it was
        event["sequence"] = 9
        assert feed.take() == [Updated("e", frozenset())]
        event["notes"] = Text("shared")
        assert feed.take() == [Updated("e", frozenset({"notes"}))]
        notes = event["notes"]
        assert isinstance(notes, Text)
        notes.insert(0, "more ")
        assert feed.take() == [Updated("e", frozenset({"notes"}))]

        event["deleted"] = "yes"  # no tombstone
        assert feed.take() == [Updated("e", frozenset())]
        event["deleted"] = TOMBSTONE
        assert feed.take() == [Deleted("e")]
        event["deleted"] = None
        assert feed.take() == [Restored("e")]

        events["e"] = Map({"title": "another map"})
        assert feed.take() == [Updated("e", frozenset({"title"}))]
        del events["e"]
        events["e"] = Map({"title": "and another"})
        assert feed.take() == [Updated("e", frozenset({"title"}))]
        del events["e"]
        assert feed.take() == [Deleted("e")]
        events["f"] = Map({"title": "x", "deleted": TOMBSTONE})
        assert feed.take() == []


def test_observers_raise_nothing_into_whoever_applies_an_update(
    doc: Doc[Map[object]],
) -> None:
    there: Doc[Map[object]] = Doc()
    odd: list[object] = [None, 5, "x", [], {}, b"x", Text("x"), Array([1]), Map({"deleted": 7})]
    with there.transaction():
        for number, value in enumerate(odd):
            root(there)[f"e{number}"] = value
            root(there, "calendar")[f"k{number}"] = 1
    with ChangeFeed(doc) as feed:
        doc.apply_update(there.get_update())  # an ExceptionGroup would surface here
        assert Created("e8") in feed.take()


def test_a_closed_feed_hears_nothing(doc: Doc[Map[object]], calendar: Calendar) -> None:
    feed = ChangeFeed(doc)
    calendar.create(title="before")
    with feed:
        pass
    calendar.create(title="after")
    assert feed.take() == []


def test_a_document_is_freed_when_its_feed_is_closed(open_calendar: Open) -> None:
    doc: Doc[Map[object]] = Doc()
    with ChangeFeed(doc) as feed, Timeline(doc) as timeline:
        calendar = open_calendar(doc, timeline=timeline)
        calendar.create(title="x", when=NINE)
        feed.take()
        calendar.between(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    freed = weakref.ref(doc)
    del doc, feed, timeline, calendar
    gc.collect()
    assert freed() is None
