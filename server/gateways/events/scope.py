"""Scopes: which part of a project a connection hears of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.changes import CalendarChanged, Change, Updated
from crdt_calendar.model.conflicts import Conflict
from crdt_calendar.model.event import Event
from crdt_calendar.model.timeline import instances_of
from crdt_calendar.shapes.messages import ScopeFields
from crdt_calendar.shapes.times import parse_instant

MOVING = ("when", "recurrence", "override/")  # fields by which an event comes into a range


@dataclass(slots=True)
class Scope:
    """All of a project, a range of time, or one event.

    ``seen`` are the events in the range that the client knows of, so that it hears when one
    leaves; None where it came back with knowledge of its own: then it hears of whatever may have.
    """

    name: str
    start: datetime | None = None
    end: datetime | None = None
    event: str | None = None
    seen: set[str] | None = field(default_factory=set)

    @classmethod
    def of(cls, wish: ScopeFields) -> Scope:
        """The scope that somebody wishes for. Raises `InvalidValue` naming the field."""
        name = _name(wish)
        if wish.range is None:
            return cls(name, event=wish.event_id)
        if wish.event_id is not None:
            raise InvalidValue("payload.eventId: give a range or an event, not both")
        start = parse_instant(wish.range.start, "payload.range.from")
        end = parse_instant(wish.range.end, "payload.range.to")
        if end <= start:
            raise InvalidValue("payload.range.to: not after payload.range.from")
        return cls(name, start, end)

    @property
    def is_whole(self) -> bool:
        """Whether this is all of the project."""
        return self.start is None and self.event is None

    def holds(self, event: Event, zone: ZoneInfo) -> bool:
        """Whether the event belongs to it now."""
        if self.start is None or self.end is None:
            return self.event in (None, event.id)
        return bool(instances_of(event, self.start, self.end, zone))

    def concerns(self, change: Change, event: Event | None, zone: ZoneInfo) -> bool:
        """Whether its client has to hear of the change."""
        if self.is_whole or isinstance(change, CalendarChanged):
            return True
        if self.event is not None:
            return change.id == self.event
        held = event is not None and self.holds(event, zone)
        if self.seen is None:
            return held or _may_have_left(change)
        known = change.id in self.seen
        if held:
            self.seen.add(change.id)
        else:
            self.seen.discard(change.id)
        return held or known

    def concerns_conflict(self, conflict: Conflict) -> bool:
        """Whether its client has to hear of the conflict."""
        return self.event in (None, conflict.event, conflict.other)


def _may_have_left(change: Change) -> bool:
    if isinstance(change, Updated):
        return any(name.startswith(MOVING) for name in change.fields)
    return not isinstance(change, CalendarChanged)


def _name(wish: ScopeFields) -> str:
    """Its name, or one that the same wish always has."""
    if wish.name:
        return f"name {wish.name}"
    if wish.range is not None:
        return f"range {wish.range.start} {wish.range.end}"
    return "all" if wish.event_id is None else f"event {wish.event_id}"
