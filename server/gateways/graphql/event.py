"""Events, and what is said about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar
from zoneinfo import ZoneInfo

import strawberry
from strawberry import UNSET

from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.event import Event as ModelEvent
from crdt_calendar.shapes.events import EventShape, OverrideShape, zone_of
from server.gateways.graphql.made import made
from server.gateways.graphql.scalars import JSON, SafeInt, event_key


@strawberry.type(description="Somebody who is invited.")
class Attendee:
    address: str = strawberry.field(description="A mail address or another URI.")
    name: str
    role: str
    status: str


@strawberry.type(description="A reminder.")
class Alarm:
    alarm_id: str = strawberry.field(description="Unique within its event.")
    before: SafeInt = strawberry.field(description="Seconds, counted back from the start.")
    action: str


@strawberry.type(description="How an event repeats.")
class Recurrence:
    rrule: str | None = strawberry.field(description="RFC 5545 section 3.3.10.")
    rdate: list[str] = strawberry.field(description="Further starts.")


@strawberry.type(description="What differs in one instance of a series.")
class Override:
    recurrence_id: str
    cancelled: bool
    changes: JSON = strawberry.field(description="Fields by their keys in the document.")


@strawberry.type(description="An event. A text that is absent is empty.")
class Event:
    id: strawberry.ID = strawberry.field(description="Unique among the events of all projects.")
    event_id: strawberry.ID = strawberry.field(description="Its id within the project.")
    project_id: strawberry.ID
    title: str
    description: str
    location: str
    url: str
    color: str
    status: str
    visibility: str
    start: str | None = strawberry.field(description="A date, or local time of timeZone.")
    end: str | None = strawberry.field(description="Likewise; exclusive.")
    time_zone: str | None = strawberry.field(description="An IANA name; null: floating.")
    all_day: bool
    start_date: str | None = strawberry.field(description="The start as an instant.")
    end_date: str | None = strawberry.field(description="The end as an instant.")
    recurrence: Recurrence | None
    overrides: list[Override]
    attendees: list[Attendee]
    alarms: list[Alarm]
    version: SafeInt = strawberry.field(description="Grows with every write.")
    created_at: str | None
    created_by: str | None
    updated_at: str | None
    updated_by: str | None
    deleted_at: str | None = strawberry.field(description="Set while it is deleted.")
    deleted_by: str | None

    @classmethod
    def of(cls, event: ModelEvent, project: str, zone: ZoneInfo) -> Event:
        """That event; `zone` is the calendar's own."""
        shape = EventShape.of(event, project, zone)
        overrides = [_override(*item) for item in shape.overrides.items()]
        alarms = [made(Alarm, one, alarm_id=one.id) for one in shape.alarms]
        key = event_key(project, event.id)
        more = {"overrides": overrides, "alarms": alarms}
        return made(cls, shape, id=key, event_id=event.id, **more)

    @classmethod
    def found(cls, calendar: Calendar, project: str, event_id: str) -> Event | None:
        """The event of that id, deleted or not."""
        event = calendar.find(event_id)
        return None if event is None else cls.of(event, project, zone_of(calendar))


@strawberry.type(description="Events, sorted by id.")
class EventPage:
    position: SafeInt = strawberry.field(description="From where to follow what comes after this.")
    items: list[Event]
    next: str | None = strawberry.field(description="For `cursor`; null: these are the last.")


@strawberry.input(description="Somebody to invite.")
class AttendeeInput:
    address: str
    name: str = ""
    role: str = ""
    status: str = ""


@strawberry.input(description="A reminder to set.")
class AlarmInput:
    ALIASES: ClassVar[Mapping[str, str]] = {"alarm_id": "id"}

    before: SafeInt
    alarm_id: str = ""
    action: str = "display"


@strawberry.input(description="How an event is to repeat: by an RRULE, further starts, or both.")
class RecurrenceInput:
    rrule: str | None = None
    rdate: list[str] = strawberry.field(default_factory=list)


@strawberry.input(
    description="What is said about an event. What is left out stays as it is; a text that is null "
    "or empty is taken away. Attendees and alarms stand for all there are."
)
class EventInput:
    title: str | None = UNSET
    description: str | None = UNSET
    location: str | None = UNSET
    url: str | None = UNSET
    color: str | None = UNSET
    status: str | None = UNSET
    visibility: str | None = UNSET
    start: str | None = strawberry.field(
        default=UNSET, description="A date, a local time, or an instant."
    )
    end: str | None = strawberry.field(default=UNSET, description="Likewise; exclusive.")
    start_date: str | None = strawberry.field(default=UNSET, description="Another word for start.")
    end_date: str | None = strawberry.field(default=UNSET, description="Another word for end.")
    time_zone: str | None = UNSET
    all_day: bool | None = UNSET
    recurrence: RecurrenceInput | None = UNSET
    attendees: list[AttendeeInput] | None = UNSET
    alarms: list[AlarmInput] | None = UNSET


def _override(recurrence_id: str, shape: OverrideShape) -> Override:
    return made(Override, shape, recurrence_id=recurrence_id)
