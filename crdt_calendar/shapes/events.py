"""Events as programs see them: what they are given, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from msgspec import UNSET, Meta, Struct, UnsetType

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.details import Alarm, Attendee
from crdt_calendar.model.event import Event, Instance, Override
from crdt_calendar.model.fields import Fields
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.when import When, find_zone, format_local
from crdt_calendar.shapes.times import Span, format_instant

UTC_ZONE = ZoneInfo("UTC")
TEXTS = ("title", "description", "location", "url", "color", "status", "visibility")

Text = Annotated[str | None | UnsetType, Meta(description="null or empty takes it away")]


class AttendeeShape(Struct, frozen=True, rename="camel"):
    """Somebody who is invited; ``address`` is a mail address or another URI."""

    address: str
    name: str = ""
    role: str = ""
    status: str = ""

    @classmethod
    def of(cls, attendee: Attendee) -> AttendeeShape:
        """That attendee."""
        return cls(attendee.address, attendee.name, attendee.role, attendee.status)


class AlarmShape(Struct, frozen=True, rename="camel"):
    """A reminder; ``before`` counts seconds back from the start."""

    before: int
    id: str = ""
    action: str = "display"

    @classmethod
    def of(cls, alarm: Alarm) -> AlarmShape:
        """That alarm."""
        return cls(alarm.before_seconds, alarm.id, alarm.action)


class RecurrenceShape(Struct, frozen=True, rename="camel"):
    """How it repeats: an RRULE (RFC 5545 section 3.3.10), further starts, or both."""

    rrule: str | None = None
    rdate: list[str] = []

    @classmethod
    def of(cls, recurrence: Recurrence) -> RecurrenceShape:
        """That recurrence."""
        return cls(recurrence.rrule, [format_local(day) for day in recurrence.rdate])


class OverrideShape(Struct, frozen=True, rename="camel"):
    """What differs in one instance of a series: cancelled, or fields by their document keys."""

    cancelled: bool = False
    changes: dict[str, object] = {}

    @classmethod
    def of(cls, override: Override) -> OverrideShape:
        """That override."""
        return cls(override.cancelled, dict(override.changes))


class EventShape(Struct, frozen=True, kw_only=True, rename="camel"):
    """An event. A text that is absent is empty.

    ``start``, ``end``: dates, or local times of ``timeZone`` (null: floating); ``end`` is
    exclusive. ``startDate``, ``endDate``: the same as instants; whole days and floating times are
    taken in the calendar's zone. ``version`` grows with every write.
    """

    id: str
    project_id: str
    title: str = ""
    description: str = ""
    location: str = ""
    url: str = ""
    color: str = ""
    status: str = ""
    visibility: str = ""
    start: str | None = None
    end: str | None = None
    time_zone: str | None = None
    all_day: bool = False
    start_date: str | None = None
    end_date: str | None = None
    recurrence: RecurrenceShape | None = None
    overrides: dict[str, OverrideShape] = {}
    attendees: list[AttendeeShape] = []
    alarms: list[AlarmShape] = []
    version: int = 0
    created_at: str | None = None
    created_by: str | None = None
    updated_at: str | None = None
    updated_by: str | None = None
    deleted_at: str | None = None
    deleted_by: str | None = None

    @classmethod
    def of(cls, event: Event, project: str, zone: ZoneInfo = UTC_ZONE) -> EventShape:
        """That event; `zone` is the calendar's own (see `zone_of`)."""
        return cls(
            id=event.id,
            project_id=project,
            **{name: getattr(event, name) for name in TEXTS},
            **({} if event.when is None else _when_words(event.when, event.when.instants(zone))),
            recurrence=None if event.recurrence is None else RecurrenceShape.of(event.recurrence),
            overrides={key: OverrideShape.of(one) for key, one in event.overrides.items()},
            attendees=[AttendeeShape.of(one) for one in event.attendees],
            alarms=[AlarmShape.of(one) for one in event.alarms],
            version=event.sequence,
            **_stamp_words(event),
        )


class InstanceShape(Struct, frozen=True, kw_only=True, rename="camel"):
    """One time an event takes place; the fields are as they are in this instance.

    ``recurrenceId`` names it within its series; null for an event that does not repeat.
    """

    event_id: str
    project_id: str
    recurrence_id: str | None
    overridden: bool
    title: str
    description: str
    location: str
    url: str
    color: str
    status: str
    visibility: str
    start: str | None
    end: str | None
    time_zone: str | None
    all_day: bool
    start_date: str | None
    end_date: str | None
    attendees: list[AttendeeShape]
    version: int

    @classmethod
    def of(cls, instance: Instance, project: str) -> InstanceShape:
        """That instance."""
        event = instance.event
        words = _when_words(instance.when, (instance.starts_at, instance.ends_at))
        return cls(
            event_id=event.id,
            project_id=project,
            recurrence_id=instance.recurrence_id,
            overridden=instance.overridden,
            **{name: getattr(event, name) for name in TEXTS},
            **words,
            attendees=[AttendeeShape.of(one) for one in event.attendees],
            version=event.sequence,
        )


class EventFields(Struct, frozen=True, kw_only=True, rename="camel"):
    """What somebody says about an event; what is left out stays as it is.

    ``start`` and ``end`` are dates, local times, or instants; ``startDate`` and ``endDate`` are
    other names for them. ``attendees`` and ``alarms`` stand for all there are.
    """

    title: Text = UNSET
    description: Text = UNSET
    location: Text = UNSET
    url: Text = UNSET
    color: Text = UNSET
    status: Text = UNSET
    visibility: Text = UNSET
    start: str | UnsetType = UNSET
    end: str | UnsetType = UNSET
    start_date: str | UnsetType = UNSET
    end_date: str | UnsetType = UNSET
    time_zone: str | None | UnsetType = UNSET
    all_day: bool | UnsetType = UNSET
    recurrence: RecurrenceShape | None | UnsetType = UNSET
    attendees: list[AttendeeShape] | UnsetType = UNSET
    alarms: list[AlarmShape] | UnsetType = UNSET

    def for_model(self, calendar: Calendar, held: Event | None = None) -> Fields:
        """The fields for `Calendar.create`, or for `Calendar.update` of the event `held`.

        Raises `InvalidValue` naming the field.
        """
        fields: Fields = {}
        for name in TEXTS:
            if (value := getattr(self, name)) is not UNSET:
                fields[name] = value  # type: ignore[literal-required]
        span = self._span()
        if not span.says_nothing:
            zone = calendar.properties().timezone
            fields["when"] = span.when(
                held.when if held else None, find_zone(zone) if zone else None
            )
        if self.recurrence is not UNSET:
            fields["recurrence"] = _recurrence(self.recurrence)
        if self.attendees is not UNSET:
            before = {one.address: one for one in held.attendees} if held else {}
            fields["attendees"] = [_attendee(one, before) for one in self.attendees]
        if self.alarms is not UNSET:
            known = {one.id: one for one in held.alarms} if held else {}
            fields["alarms"] = [_alarm(one, n, known) for n, one in enumerate(self.alarms, 1)]
        return fields

    def _span(self) -> Span:
        for name, other in (("start", "startDate"), ("end", "endDate")):
            if getattr(self, name) is not UNSET and getattr(self, f"{name}_date") is not UNSET:
                raise InvalidValue(f"{other}: another word for {name}; give one of them")
        names = {
            name: name if getattr(self, f"{name}_date") is UNSET else f"{name}Date"
            for name in ("start", "end")
        }
        start = self.start if self.start is not UNSET else self.start_date
        end = self.end if self.end is not UNSET else self.end_date
        return Span(start, end, self.time_zone, self.all_day, names)


def zone_of(calendar: Calendar) -> ZoneInfo:
    """The zone in which a calendar's whole days and floating times are taken for instants."""
    return find_zone(calendar.properties().timezone or "UTC") or UTC_ZONE


def _when_words(when: When, instants: tuple[datetime, datetime]) -> dict[str, Any]:
    starts, ends = instants
    return {
        "start": format_local(when.start),
        "end": format_local(when.end),
        "time_zone": when.tz,
        "all_day": when.all_day,
        "start_date": format_instant(starts),
        "end_date": format_instant(ends),
    }


def _stamp_words(event: Event) -> dict[str, Any]:
    stamps = {"created": event.created, "updated": event.updated, "deleted": event.deleted}
    words = {}
    for name, stamp in stamps.items():
        if stamp is not None:
            words[f"{name}_at"] = format_instant(stamp.at)
            words[f"{name}_by"] = stamp.by
    return words


def _recurrence(shape: RecurrenceShape | None) -> Recurrence | None:
    if shape is None:
        return None
    return Recurrence.from_value({"rrule": shape.rrule, "rdate": shape.rdate})


def _attendee(shape: AttendeeShape, held: Mapping[str, Attendee]) -> Attendee:
    before = held.get(shape.address)
    value = {"name": shape.name, "role": shape.role, "status": shape.status}
    return Attendee.from_value(shape.address, {**value, "ics": before.ics if before else {}})


def _alarm(shape: AlarmShape, number: int, held: Mapping[str, Alarm]) -> Alarm:
    before = held.get(shape.id)
    value = {"before": shape.before, "action": shape.action, "ics": before.ics if before else {}}
    return Alarm.from_value(shape.id or f"alarm-{number}", value)
