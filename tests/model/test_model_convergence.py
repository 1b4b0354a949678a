"""Several people edit one calendar apart from each other; whatever they do, it comes to one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Map

from crdt_calendar.errors import InvalidValue, NoSuchEvent
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.details import Attendee
from crdt_calendar.model.event import Event
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.when import Local, When

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SPAN = (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
ZONES = [None, "UTC", "Europe/Berlin", "America/New_York", "Asia/Seoul", "Pacific/Fiji"]
RRULES = [
    "FREQ=DAILY;COUNT=9",
    "FREQ=DAILY;UNTIL=20260401T000000Z",
    "FREQ=WEEKLY;BYDAY=SU,WE",
    "FREQ=MONTHLY;BYDAY=-1FR",
    "FREQ=YEARLY",
]


class Replica:
    """One person's copy, and a way to do something to it for each letter of a history."""

    def __init__(self, name: str) -> None:
        self.doc: Doc[Map[object]] = Doc()
        self._made = 0
        self.calendar = Calendar(self.doc, clock=lambda: NOW, new_id=self._new_id, user=name)
        self._name = name
        self._edits: Sequence[Callable[[int], object]] = [
            self._create,
            lambda n: self.calendar.update(self._some(n), title=f"title {n}", location=None),
            lambda n: self.calendar.update(self._some(n), description=f"{n} " * (n % 5)),
            lambda n: self.calendar.move(self._some(n), _when(n)),
            self._resize,
            lambda n: self.calendar.update(self._some(n), recurrence=_recurrence(n)),
            lambda n: self.calendar.delete(self._some(n)),
            lambda n: self.calendar.restore(self._any(n)),
            lambda n: self.calendar.override_instance(*self._instance(n), title=f"odd {n}"),
            lambda n: self.calendar.override_instance(*self._instance(n), when=_when(n)),
            lambda n: self.calendar.cancel_instance(*self._instance(n)),
            lambda n: self.calendar.update_following(*self._instance(n), title=f"later {n}"),
            lambda n: self.calendar.set_attendee(self._some(n), f"a{n % 3}", status="accepted"),
            lambda n: self.calendar.remove_attendee(self._some(n), f"a{n % 3}"),
            lambda n: self.calendar.set_alarm(self._some(n), n, alarm_id=f"b{n % 2}"),
            lambda n: self.calendar.set_properties(name=f"name {n}", timezone=ZONES[n % 6]),
        ]
        self.kinds = len(self._edits)

    def edit(self, kind: int, number: int) -> None:
        """Do it, if it can be done to what is here."""
        try:
            self._edits[kind % self.kinds](number)
        except (NoSuchEvent, InvalidValue, IndexError):
            return

    def pull(self, other: Replica) -> None:
        self.doc.apply_update(other.doc.get_update(self.doc.get_state()))

    def contents(self) -> dict[str, object]:
        return {name: self.doc.get(name, type=Map).to_py() for name in ("events", "calendar")}

    def _new_id(self) -> str:
        self._made += 1
        return f"{self._name}-{self._made}"

    def _some(self, number: int) -> str:
        live = sorted(event.id for event in self.calendar.events())
        return live[number % len(live) if live else 0]

    def _any(self, number: int) -> str:
        known = [event.id for event in (*self.calendar.events(), *self.calendar.deleted())]
        return sorted(known)[number % len(known) if known else 0]

    def _instance(self, number: int) -> tuple[str, str]:
        found = [i for i in self.calendar.between(*SPAN) if i.recurrence_id is not None]
        chosen = found[number % len(found) if found else 0]
        return chosen.event_id, chosen.recurrence_id or ""

    def _create(self, number: int) -> None:
        self.calendar.create(
            title=f"made {number}",
            description="text",
            when=_when(number),
            recurrence=_recurrence(number) if number % 2 else None,
            attendees=[Attendee("a1", "Ann")],
        )

    def _resize(self, number: int) -> None:
        event = self.calendar.get(self._some(number))
        if event.when is not None:
            longer = event.when.end + timedelta(days=number % 3, hours=number % 5)
            self.calendar.update(event.id, when=When(event.when.start, longer, event.when.tz))


def _when(number: int) -> When:
    day = date(2026, 3, 20) + timedelta(days=number % 17)
    if number % 4 == 0:
        return When(day, day + timedelta(days=1 + number % 2))
    start = datetime(day.year, day.month, day.day, number % 24, 30 * (number % 2))
    return When(start, start + timedelta(minutes=number % 200), ZONES[number % len(ZONES)])


def _recurrence(number: int) -> Recurrence:
    extra: tuple[Local, ...] = (datetime(2026, 3, 5, 9),) if number % 3 == 0 else ()
    return Recurrence(RRULES[number % len(RRULES)], extra)


STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 20), st.integers(0, 1000)), min_size=5, max_size=80
)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(steps=STEPS, order=st.permutations([(a, b) for a in range(3) for b in range(3) if a != b]))
def test_replicas_come_to_one_and_read_back_valid(
    steps: list[tuple[int, int, int]], order: list[tuple[int, int]]
) -> None:
    replicas = [Replica(name) for name in ("ann", "bob", "eve")]
    replicas[0].edit(0, 1)
    for who, kind, number in steps:
        if kind < replicas[who].kinds:
            replicas[who].edit(kind, number)
        else:  # the higher kinds are exchanges
            replicas[who].pull(replicas[number % 3])
    for _ in range(2):
        for one, other in order:
            replicas[one].pull(replicas[other])

    first, *others = replicas
    for replica in others:
        assert replica.contents() == first.contents()
        assert replica.calendar.between(*SPAN) == first.calendar.between(*SPAN)
    assert first.calendar.problems() == []
    for event in (*first.calendar.events(), *first.calendar.deleted()):
        _check(event)
    for instance in first.calendar.between(*SPAN):
        assert instance.starts_at <= instance.ends_at


def _check(event: Event) -> None:
    assert event.when is not None
    if event.when.all_day:
        assert event.when.end > event.when.start
    else:
        assert event.when.end >= event.when.start
    assert event.created is not None
    assert event.updated is not None


@pytest.fixture
def pair() -> tuple[Replica, Replica]:
    """Two people with the same event, a daily one."""
    ann, bob = Replica("ann"), Replica("bob")
    start = datetime(2026, 3, 2, 9)
    when = When(start, start + timedelta(hours=1), "UTC")
    ann.calendar.create(event_id="e", title="x", when=when, recurrence=Recurrence("FREQ=DAILY"))
    bob.pull(ann)
    return ann, bob


def exchange(ann: Replica, bob: Replica) -> None:
    ann.pull(bob)
    bob.pull(ann)
    assert ann.contents() == bob.contents()


def test_a_move_and_a_resize_at_once_end_after_they_start(pair: tuple[Replica, Replica]) -> None:
    ann, bob = pair
    when = ann.calendar.get("e").when
    assert when is not None
    ann.calendar.move("e", when.starting(datetime(2026, 3, 9, 9)))
    bob.calendar.update("e", when=When(when.start, datetime(2026, 3, 2, 9, 30), "UTC"))
    exchange(ann, bob)
    merged = ann.calendar.get("e").when
    assert merged is not None
    assert merged.duration in (timedelta(hours=1), timedelta(minutes=30))


def test_first_overrides_and_attendees_by_both_all_survive(pair: tuple[Replica, Replica]) -> None:
    ann, bob = pair
    ann.calendar.override_instance("e", "2026-03-03T09:00:00", title="a")
    ann.calendar.set_attendee("e", "ann")
    bob.calendar.cancel_instance("e", "2026-03-04T09:00:00")
    bob.calendar.set_attendee("e", "bob")
    exchange(ann, bob)
    event = ann.calendar.get("e")
    assert set(event.overrides) == {"2026-03-03T09:00:00", "2026-03-04T09:00:00"}
    assert [one.address for one in event.attendees] == ["ann", "bob"]


def test_a_first_description_by_both_keeps_both(pair: tuple[Replica, Replica]) -> None:
    ann, bob = pair
    ann.calendar.update("e", description="by Ann.")
    bob.calendar.update("e", description="by Bob.")
    exchange(ann, bob)
    text = ann.calendar.get("e").description
    assert "Ann" in text
    assert "Bob" in text


def test_an_override_of_an_instance_that_another_has_moved_away_is_ignored(
    pair: tuple[Replica, Replica],
) -> None:
    ann, bob = pair
    ann.calendar.override_instance("e", "2026-03-03T09:00:00", title="a")
    when = bob.calendar.get("e").when
    assert when is not None
    bob.calendar.move("e", when.starting(datetime(2026, 3, 2, 10)))
    exchange(ann, bob)
    assert {i.event.title for i in ann.calendar.between(*SPAN)} == {"x"}
    assert ann.calendar.problems() == []
