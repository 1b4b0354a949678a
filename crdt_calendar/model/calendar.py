"""A calendar, read from and written to a `pycrdt.Doc` as the document contract says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from datetime import datetime
from typing import TypeGuard, Unpack, cast
from zoneinfo import ZoneInfo

from pycrdt import Doc, Map, Text

from crdt_calendar.errors import InvalidValue, NoSuchEvent
from crdt_calendar.model.details import LARGEST_INT, Alarm, Attendee, Plain, Problem, Stamp, as_int
from crdt_calendar.model.event import Event, Instance, is_tombstone
from crdt_calendar.model.fields import (
    ALARM,
    ATTENDEE,
    OVERRIDE,
    Fields,
    check_key,
    normal_value,
    well_formed,
    wire_values,
)
from crdt_calendar.model.maps import EventMap, differing, new_map, read_map, set_plain, write_map
from crdt_calendar.model.properties import Properties, PropertyFields, property_values
from crdt_calendar.model.series import following, instance_start, shifted, split
from crdt_calendar.model.timeline import Expansion, Timeline
from crdt_calendar.model.when import Local, When, find_zone, parse_zone

SCHEMA = 1


class Calendar:
    """The events and properties of one document.

    Every method that writes does it in one transaction (the caller's, if one is open), writes only
    what differs, and then counts ``sequence`` up and sets ``updated``; a write that changes nothing
    leaves no trace. Writing methods raise `InvalidValue` naming the field, and `NoSuchEvent`;
    reading methods raise nothing on account of what other clients have written.

    ``clock`` returns the time, aware; ``new_id`` makes ids of events and alarms; ``user`` is who
    writes. With a ``timeline`` open on the document, `between` is fast; without one it reads the
    document each time.
    """

    def __init__(
        self,
        doc: Doc[Map[object]],
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        user: str,
        timeline: Timeline | None = None,
    ) -> None:
        self._doc = doc
        self._clock = clock
        self._new_id = new_id
        self._user = user
        self._timeline = timeline
        # Looking a root up by doc["events"] wraps every root there is: look them up once.
        self._calendar: EventMap = doc.get("calendar", type=Map)
        self._events: EventMap = doc.get("events", type=Map)

    def acting_as(self, user: str) -> Calendar:
        """The same calendar, written to in the name of somebody else."""
        other = copy(self)
        other._user = user
        return other

    # Reading

    def get(self, event_id: str) -> Event:
        """The event of that id. Raises `NoSuchEvent` when there is none, or it is deleted."""
        return Event.read(event_id, read_map(self._live(event_id)))

    def find(self, event_id: str) -> Event | None:
        """The event of that id, deleted or not; None when there is none."""
        shared = self._events.get(event_id)
        return Event.read(event_id, read_map(shared)) if isinstance(shared, Map) else None

    def version(self, event_id: str) -> int:
        """The ``sequence`` of an event. Raises `NoSuchEvent` as `get` does."""
        return _sequence(self._live(event_id))

    def values(self, event_id: str) -> dict[str, object]:
        """What an event's map says, by its keys, as `patch` takes it. Raises `NoSuchEvent`."""
        values = read_map(self._live(event_id))
        return {key: str(v) if isinstance(v, Text) else v for key, v in values.items()}

    def __contains__(self, event_id: object) -> bool:
        return isinstance(event_id, str) and _is_live(self._events.get(event_id))

    def __len__(self) -> int:
        return sum(1 for shared in self._events.values() if _is_live(shared))

    def ids(self) -> list[str]:
        """The id of every event, deleted ones as well."""
        return list(self._events.keys())

    def events(self) -> list[Event]:
        """Every event that is not deleted, in no particular order."""
        return [event for event in self._all() if event.deleted is None]

    def deleted(self) -> list[Event]:
        """Every event that is deleted and can be restored."""
        return [event for event in self._all() if event.deleted is not None]

    def everything(self) -> Mapping[str, Event]:
        """Every event by id, deleted ones as well. With a `timeline` that costs nothing."""
        if self._timeline is not None:
            return self._timeline.everything()
        return {event.id: event for event in self._all()}

    def between(
        self, start: datetime, end: datetime, zone: str | ZoneInfo | None = None
    ) -> list[Instance]:
        """What takes place from `start` to before `end` (both aware), sorted by time.

        Series are expanded, within bounds; `expand` tells where a bound was met. Floating
        times and whole days are taken in ``zone``, the calendar's own unless given, else UTC.
        """
        return self.expand(start, end, zone).instances

    def expand(
        self, start: datetime, end: datetime, zone: str | ZoneInfo | None = None
    ) -> Expansion:
        """The same, and which events would not end."""
        timeline = self._timeline or Timeline(self._doc)
        return timeline.expand(start, end, self._zone(zone))

    def properties(self) -> Properties:
        """The properties of the calendar itself."""
        return Properties.read(read_map(self._calendar))

    def problems(self) -> list[Problem]:
        """Everything malformed in the document, as `Event.problems` and `Properties.problems`."""
        stray = [
            Problem(event_id, "", "not a map")
            for event_id, shared in list(self._events.items())
            if not isinstance(shared, Map)
        ]
        found = [problem for event in self._all() for problem in event.problems]
        return [*self.properties().problems, *stray, *found]

    # Writing events

    def create(self, *, event_id: str | None = None, **fields: Unpack[Fields]) -> str:
        """Make an event; return its id: `event_id`, which must not be taken, or a new one."""
        made = self._new_id() if event_id is None else event_id
        return self._create(made, wire_values(fields), _least_sequence(fields))

    def update(self, event_id: str, **fields: Unpack[Fields]) -> frozenset[str]:
        """Write the fields that differ; return their keys in the event map.

        A series given another ``when`` moves as a whole (see `series.shifted`), unless
        ``recurrence`` or ``overrides`` are given as well.
        """
        values = read_map(self._live(event_id))
        wire = wire_values(fields, values)
        if wire.get("when") is not None:
            wire = _with_series(Event.read(event_id, values), fields, wire)
        return self._write(event_id, wire, _least_sequence(fields))

    def patch(self, event_id: str, values: Plain) -> frozenset[str]:
        """Write plain values by the keys of the event map, where they differ; return those keys.

        None takes a key away; ``description`` comes as text. Nothing moves along with ``when``.
        """
        self._live(event_id)
        wire = {key: normal_value(key, value) for key, value in values.items()}
        return self._write(event_id, wire)

    def move(self, event_id: str, when: When) -> frozenset[str]:
        """Give an event, or a series as a whole, another time."""
        return self.update(event_id, when=when)

    def delete(self, event_id: str) -> None:
        """Put a tombstone on an event; it can be restored."""
        self._live(event_id)
        self._write(event_id, {"deleted": self.stamp()})

    def restore(self, event_id: str) -> None:
        """Take the tombstone off; nothing happens when there is none."""
        shared = self._events.get(event_id)
        if not isinstance(shared, Map):
            raise NoSuchEvent(f"no event {event_id}")
        if is_tombstone(shared.get("deleted")):
            self._write(event_id, {"deleted": None})

    # Writing instances of a series. A recurrence id is the start the rule gives the instance,
    # written like `when.start`; there must be such an instance.

    def override_instance(
        self, event_id: str, recurrence_id: str, **fields: Unpack[Fields]
    ) -> frozenset[str]:
        """Change fields in one instance only, on top of what was changed there before.

        A field that is None is absent in that instance. A cancelled instance takes place again.
        """
        event = self.get(event_id)
        instance_start(event, recurrence_id)
        held = event.overrides.get(recurrence_id)
        wire = wire_values(fields, read_map(self._live(event_id)))
        changes = {**(held.changes if held else {}), **wire}
        return self._override(event_id, recurrence_id, changes)

    def cancel_instance(self, event_id: str, recurrence_id: str) -> frozenset[str]:
        """Have one instance not take place."""
        instance_start(self.get(event_id), recurrence_id)
        return self._override(event_id, recurrence_id, {"cancelled": True})

    def reset_instance(self, event_id: str, recurrence_id: str) -> frozenset[str]:
        """Make one instance like the rest of its series again."""
        return self._override(event_id, recurrence_id, None)

    def update_following(self, event_id: str, recurrence_id: str, **fields: Unpack[Fields]) -> str:
        """Change fields in one instance and all that follow; return the id of their event.

        The series ends before that instance and a new one begins with it, which takes along the
        later overrides. From the first instance on it is the same event.
        """
        event = self.get(event_id)
        start = instance_start(event, recurrence_id)
        if event.when is not None and start == event.when.start:
            self.update(event_id, **fields)
            return event_id
        with self._doc.transaction():
            return self._split(event, start, fields)

    # Writing attendees and alarms

    def set_attendee(
        self,
        event_id: str,
        address: str,
        *,
        name: str | None = None,
        role: str | None = None,
        status: str | None = None,
    ) -> frozenset[str]:
        """Invite somebody, or change what is known of them; None leaves it as it is."""
        attendees = {one.address: one for one in self.get(event_id).attendees}
        held = attendees.get(address, Attendee(address))
        given = {"name": name, "role": role, "status": status}
        told = {key: value for key, value in given.items() if value is not None}
        return self.patch(event_id, {ATTENDEE + address: {**held.to_value(), **told}})

    def remove_attendee(self, event_id: str, address: str) -> frozenset[str]:
        """Take somebody off the list."""
        return self.patch(event_id, {ATTENDEE + address: None})

    def set_alarm(
        self,
        event_id: str,
        before_seconds: int,
        action: str = "display",
        *,
        alarm_id: str | None = None,
    ) -> str:
        """Add an alarm, or change the one of that id; return its id."""
        made = self._new_id() if alarm_id is None else alarm_id
        held = {one.id: one for one in self.get(event_id).alarms}.get(made)
        alarm = Alarm(made, before_seconds, action, held.ics if held else {})
        self.patch(event_id, {ALARM + made: alarm.to_value()})
        return made

    def remove_alarm(self, event_id: str, alarm_id: str) -> frozenset[str]:
        """Take an alarm away."""
        return self.patch(event_id, {ALARM + alarm_id: None})

    # Writing properties

    def set_properties(self, **fields: Unpack[PropertyFields]) -> frozenset[str]:
        """Write the calendar's properties that differ; return their keys in the `calendar` map."""
        changes = property_values(fields, read_map(self._calendar))
        changes = {key: v for key, v in changes.items() if self._calendar.get(key) != v}
        if changes:
            with self._doc.transaction():
                self._mark_schema()
                for key, value in changes.items():
                    set_plain(self._calendar, key, value)
        return frozenset(changes)

    # How

    def _all(self) -> list[Event]:
        found = list(self._events.items())
        return [Event.read(key, read_map(item)) for key, item in found if isinstance(item, Map)]

    def _live(self, event_id: str) -> EventMap:
        shared = self._events.get(event_id)
        if not _is_live(shared):
            raise NoSuchEvent(f"no event {event_id}")
        return shared

    def _zone(self, zone: str | ZoneInfo | None) -> ZoneInfo:
        if isinstance(zone, ZoneInfo):
            return zone
        if zone is not None:
            parse_zone(zone, "zone")
        return find_zone(zone or self.properties().timezone or "UTC") or ZoneInfo("UTC")

    def stamp(self) -> dict[str, object]:
        """Who writes here, and the time: ``{by, at}``."""
        return Stamp(self._user, self._clock()).to_value()

    def _create(self, event_id: str, values: Plain, sequence: int = 0) -> str:
        check_key(event_id, "event_id")
        if isinstance(self._events.get(event_id), Map):
            raise InvalidValue(f"event_id: {event_id} is taken; update it, or restore it first")
        stamp = self.stamp()
        with self._doc.transaction():
            self._mark_schema()
            self._events[event_id] = new_map(
                {**values, "created": stamp, "updated": stamp, "sequence": sequence}
            )
        self._forget(event_id)
        return event_id

    def _write(self, event_id: str, values: Plain, sequence: int = 0) -> frozenset[str]:
        shared = cast("EventMap", self._events[event_id])
        changes = differing(shared, values)
        if changes:
            seen = _sequence(shared)
            book = {"sequence": min(max(seen + 1, sequence), LARGEST_INT), "updated": self.stamp()}
            with self._doc.transaction():
                self._mark_schema()
                write_map(shared, {**changes, **book})
            self._forget(event_id)
        return frozenset(changes)

    def _override(self, event_id: str, recurrence_id: str, value: Plain | None) -> frozenset[str]:
        return self.patch(event_id, {OVERRIDE + recurrence_id: value})

    def _split(self, event: Event, start: Local, fields: Fields) -> str:
        held = read_map(self._live(event.id))
        before, after = split(event, start)
        values = following(
            event, well_formed({**held, "description": event.description}), start, after
        )
        new_id = self._new_id()
        wire = _with_series(Event.read(new_id, values), fields, wire_values(fields, values))
        moved = {key: None for key in values if key.startswith(OVERRIDE)}
        self._create(new_id, {**values, **wire})
        self._write(event.id, {"recurrence": before.to_value(), **moved})
        return new_id

    def _mark_schema(self) -> None:
        if self._calendar.get("schema") is None:
            self._calendar["schema"] = SCHEMA

    def _forget(self, event_id: str) -> None:
        """What a timeline knows of the event is no longer so, even before the commit."""
        if self._timeline is not None:
            self._timeline.forget(event_id)


def _is_live(shared: object) -> TypeGuard[EventMap]:
    return isinstance(shared, Map) and not is_tombstone(shared.get("deleted"))


def _sequence(shared: EventMap) -> int:
    try:
        return as_int(shared.get("sequence", 0), "sequence")
    except InvalidValue:  # as a reader of the event takes it
        return 0


def _least_sequence(fields: Fields) -> int:
    return as_int(fields.get("sequence", 0), "sequence")


def _with_series(event: Event, fields: Fields, wire: dict[str, object]) -> dict[str, object]:
    if wire.get("when") is None or "recurrence" in fields or "overrides" in fields:
        return wire
    return {**shifted(event, When.from_value(wire["when"])), **wire}
