"""Records of conflicts as values, deciding them, and who is expected twice at one time."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from pycrdt import Doc, Map

from crdt_calendar.errors import InvalidValue, NoSuchConflict, NoSuchEvent
from crdt_calendar.model.bookings import double_bookings
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.conflicts import BOOKING, DELETION, Claim, Conflict, Conflicts
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.when import When

AT = datetime(2026, 1, 6, 8, tzinfo=UTC)
BOTH = (Claim("Lunch", "ann", AT, write="1.2"), Claim("Dinner", "bob"))
CAROL = "carol@example.org"


@pytest.fixture
def calendar(doc: Doc[Map[object]]) -> Calendar:
    names = iter(f"id{number}" for number in range(100))
    return Calendar(doc, clock=lambda: AT, new_id=lambda: next(names), user="carol")


@pytest.fixture
def conflicts(doc: Doc[Map[object]], calendar: Calendar) -> Conflicts:
    return Conflicts(doc, calendar)


def test_a_record_says_what_the_contract_says_and_is_read_back() -> None:
    conflict = Conflict("c", "e", "title", BOTH, 1, resolved={"by": "ann", "at": "x"})
    assert conflict.to_value() == {
        "kind": "field",
        "event": "e",
        "field": "title",
        "values": [
            {"value": "Lunch", "by": "ann", "at": "2026-01-06T08:00:00.000Z", "write": "1.2"},
            {"value": "Dinner", "by": "bob", "at": ""},
        ],
        "stands": 1,
        "state": "open",
        "strategy": "last_write_wins",
        "resolved": {"by": "ann", "at": "x"},
    }
    assert Conflict.from_value("c", conflict.to_value()) == conflict
    edited = Conflict("d", "e", "deleted", (Claim({}, ""), Claim(None, "bob", None, ("url",))), 0)
    assert Conflict.from_value("d", edited.to_value()) == edited


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        {},
        {"event": "e", "field": "title", "values": "both", "stands": 0},
        {"event": "e", "field": "title", "values": [], "stands": 0},
        {"event": "e", "field": "title", "values": [{}], "stands": 1},
        {"event": 5, "field": "title", "values": [{}], "stands": 0},
        {"event": "e", "field": "title", "values": [[]], "stands": 0},
        {"event": "e", "field": "title", "values": [{}], "stands": 0, "other": 5},
    ],
)
def test_what_is_no_record_is_passed_over(
    doc: Doc[Map[object]], conflicts: Conflicts, value: object
) -> None:
    doc.get("conflicts", type=Map)["odd"] = value
    assert list(conflicts) == conflicts.open() == []
    with pytest.raises((InvalidValue, NoSuchConflict)):
        conflicts.get("odd")


def test_odd_times_read_as_unknown() -> None:
    for at in ("soon", "2026-01-06T08:00:00", 5, None):
        value = {"event": "e", "field": "f", "values": [{"at": at}], "stands": 0}
        assert Conflict.from_value("c", value).claims[0].at is None


def test_deciding_for_the_other_value_writes_it(calendar: Calendar, conflicts: Conflicts) -> None:
    event = calendar.create(title="Lunch")
    conflicts.record(Conflict("c", event, "title", BOTH, 0))
    conflicts.resolve("c", 1)
    assert calendar.get(event).title == "Dinner"
    decided = conflicts.get("c")
    assert (decided.stands, decided.state, conflicts.open()) == (1, "resolved", [])
    assert decided.resolved == {"by": "carol", "at": "2026-01-06T08:00:00.000Z"}


def test_deciding_for_what_stands_writes_nothing_else(
    calendar: Calendar, conflicts: Conflicts
) -> None:
    event = calendar.create(title="Lunch, as somebody wrote since")
    conflicts.record(Conflict("c", event, "title", BOTH, 0))
    conflicts.resolve("c", 0)
    assert calendar.get(event).title == "Lunch, as somebody wrote since"


def test_what_cannot_be_decided_changes_nothing(calendar: Calendar, conflicts: Conflicts) -> None:
    with pytest.raises(NoSuchConflict):
        conflicts.resolve("c", 0)
    conflicts.record(Conflict("c", "gone", "title", BOTH, 0))
    with pytest.raises(NoSuchEvent):
        conflicts.resolve("c", 1)
    event = calendar.create(title="Lunch")
    for index in (-1, 2):
        with pytest.raises(InvalidValue, match="2 values"):
            conflicts.resolve("c", index)
    odd = (BOTH[0], Claim({"start": 5}, "bob"))
    conflicts.record(Conflict("c", event, "when", odd, 0))
    with pytest.raises(InvalidValue):
        conflicts.resolve("c", 1)
    assert conflicts.get("c").state == "open"


def test_a_deletion_is_decided_both_ways(calendar: Calendar, conflicts: Conflicts) -> None:
    event = calendar.create(title="Lunch")
    calendar.delete(event)
    claims = (Claim({"by": "ann", "at": "x"}, "ann", AT), Claim(None, "bob", AT, ("title",)))
    conflicts.record(Conflict("c", event, "deleted", claims, 0, DELETION))
    conflicts.resolve("c", 1)
    assert event in calendar
    conflicts.resolve("c", 0)
    assert event not in calendar
    conflicts.resolve("c", 0)
    assert event not in calendar


def test_a_booking_is_only_looked_at(calendar: Calendar, conflicts: Conflicts) -> None:
    event = calendar.create(when=at(9))
    claims = (Claim(at(9).to_value(), "ann"), Claim(at(9).to_value(), "bob"))
    conflicts.record(Conflict("c", event, "when", claims, 0, BOOKING, other="f", attendee=CAROL))
    conflicts.resolve("c", 1)
    assert calendar.get(event).when == at(9)
    conflicts.discard("c")
    conflicts.discard("c")
    assert len(conflicts) == 0


def at(hour: int, minutes: int = 60) -> When:
    start = datetime(2026, 3, 2, hour)
    return When(start, datetime(2026, 3, 2, hour + minutes // 60, minutes % 60), "Asia/Seoul")


def meeting(calendar: Calendar, when: When | None, status: str = "accepted", **more: object) -> str:
    event = calendar.create(when=when, **more)  # type: ignore[arg-type]
    calendar.set_attendee(event, CAROL, status=status)
    return event


def test_who_is_expected_twice_at_one_time(calendar: Calendar) -> None:
    def met(*events: str) -> list[str]:
        one, other = (calendar.find(event) for event in events)
        assert one and other
        return double_bookings(one, other, "Asia/Seoul")

    nine, ten = meeting(calendar, at(9)), meeting(calendar, at(10))
    assert met(nine, meeting(calendar, at(9, 90))) == [CAROL]
    assert met(nine, ten) == [], "one after the other"
    assert met(nine, meeting(calendar, at(9), "declined")) == []
    assert met(nine, meeting(calendar, None)) == []
    cancelled = meeting(calendar, at(9))
    calendar.update(cancelled, status="cancelled")
    assert met(nine, cancelled) == []
    day = meeting(calendar, When(date(2026, 3, 2), date(2026, 3, 3)))
    assert met(day, nine) == [CAROL]
    calendar.delete(day)
    assert met(day, nine) == []


def test_series_meet_where_their_instances_do(calendar: Calendar) -> None:
    daily = meeting(calendar, at(9), recurrence=Recurrence("FREQ=DAILY;COUNT=30"))
    late = When(datetime(2026, 3, 20, 9, 30), datetime(2026, 3, 20, 10), "Asia/Seoul")
    once = meeting(calendar, late)

    def met() -> list[str]:
        one, other = calendar.find(daily), calendar.find(once)
        assert one and other
        return double_bookings(one, other)

    assert met() == [CAROL]
    calendar.cancel_instance(daily, "2026-03-20T09:00:00")
    assert met() == []
    calendar.reset_instance(daily, "2026-03-20T09:00:00")
    calendar.override_instance(daily, "2026-03-20T09:00:00", status="cancelled")
    assert met() == []
