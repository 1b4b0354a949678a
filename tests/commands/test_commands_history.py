"""Where rows of history wrote, read from real documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text

from crdt_calendar.limits import Limits
from server.commands.history import Paths, read_update

LIMITS = Limits()


class Room:
    """A document and the rows it emitted."""

    def __init__(self) -> None:
        self.doc: Doc[Any] = Doc()
        self.rows: list[bytes] = []
        self._subscription = self.doc.observe(lambda event: self.rows.append(event.update))
        self.events = self.doc.get("events", type=Map)

    def write(self, change: Callable[[], object]) -> list[str]:
        """Where the row that this makes says it wrote."""
        with self.doc.transaction():
            change()
        return self.paths().written(self.rows[-1])

    def paths(self, rows: list[bytes] | None = None) -> Paths:
        return Paths(self.doc.get_update(), self.rows if rows is None else rows, LIMITS)


@pytest.fixture
def room() -> Room:
    room = Room()
    with room.doc.transaction():
        room.events["a"] = Map({"title": "one", "description": Text("hello")})
    return room


def event(room: Room) -> Map[object]:
    found = room.events["a"]
    assert isinstance(found, Map)
    return found


def description(room: Room) -> Text:
    found = event(room)["description"]
    assert isinstance(found, Text)
    return found


def test_a_new_event_is_one_path(room: Room) -> None:
    assert room.paths().written(room.rows[0]) == ["events/a"]


def test_a_key_written_first_is_named(room: Room) -> None:
    assert room.write(lambda: event(room).update({"when": {"start": "x"}})) == ["events/a/when"]


def test_a_key_that_is_overwritten_is_found_by_its_origin(room: Room) -> None:
    assert room.write(lambda: event(room).update({"title": "two"})) == ["events/a/title"]
    assert room.write(lambda: event(room).update({"title": "three"})) == ["events/a/title"]


def test_a_key_taken_away_is_found_by_what_was_deleted(room: Room) -> None:
    assert room.write(lambda: event(room).pop("title")) == ["events/a/title"]


def test_one_deletion_can_be_of_several_keys(room: Room) -> None:
    room.write(lambda: event(room).update({"url": "x", "when": "y"}))

    def remove() -> None:
        del event(room)["url"], event(room)["when"]

    assert room.write(remove) == ["events/a/url", "events/a/when"]


def test_text_is_found_wherever_it_is_edited(room: Room) -> None:
    def insert(at: int, text: str) -> Callable[[], object]:
        return lambda: description(room).insert(at, text)

    for change in (insert(5, " world"), insert(2, "가"), insert(0, ">"), insert(3, "x")):
        assert room.write(change) == ["events/a/description"]
    assert room.write(lambda: description(room).clear()) == ["events/a/description"]


def test_a_root_without_keys_is_its_own_path(room: Room) -> None:
    notes = room.doc["notes"] = Array[str]()
    assert room.write(lambda: notes.append("x")) == ["notes"]
    assert room.write(lambda: notes.append("y")) == ["notes"]


def test_several_places_are_in_order(room: Room) -> None:
    def change() -> None:
        room.doc.get("calendar", type=Map)["name"] = "N"
        event(room)["title"] = "T"
        room.events["b"] = Map({"title": "B"})

    assert room.write(change) == ["calendar/name", "events/a/title", "events/b"]


def test_what_the_document_has_collected_is_in_the_rows(room: Room) -> None:
    def remove() -> None:
        del room.events["a"]

    room.write(lambda: description(room).insert(5, "!"))
    inserted = room.rows[-1]
    room.write(remove)
    assert room.paths().written(inserted) == ["events/a/description"]
    assert room.paths([]).written(inserted) == [], "and without them it cannot be known"


def test_a_row_that_does_not_decode_has_no_paths(room: Room) -> None:
    assert room.paths().written(b"\xff\xff") == []


def test_an_empty_room_has_no_paths() -> None:
    assert Paths(b"", [], LIMITS).written(b"\x00\x00") == []


def test_reading_an_update_gives_structs_then_deletions(room: Room) -> None:
    room.write(lambda: event(room).update({"title": "two"}))
    kinds = [type(item).__name__ for _, item in read_update(room.rows[-1], LIMITS)]
    assert kinds == ["Struct", "Delete"]


def test_the_last_update_of_a_history_written_by_two(room: Room) -> None:
    other: Doc[Map[object]] = Doc()
    other.apply_update(room.doc.get_update())
    theirs = other.get("events", type=Map)
    entry = theirs["a"]
    assert isinstance(entry, Map)
    seen = room.doc.get_state()
    with other.transaction():
        entry["title"] = "theirs"
    room.write(lambda: event(room).update({"title": "ours"}))
    row = other.get_update(seen)
    room.doc.apply_update(row)
    assert room.paths().written(row) == ["events/a/title"]
