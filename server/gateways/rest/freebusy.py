"""Free-busy: when people, or calendars as a whole, have no time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.event import Instance
from crdt_calendar.model.freebusy import Busy, busy_spans
from crdt_calendar.shapes.events import zone_of
from crdt_calendar.shapes.times import format_instant
from server.gateways.rest.call import CALENDAR, Call, Reply
from server.gateways.rest.ranges import RangeQuery

MOST_PROJECTS = 50
MOST_ATTENDEES = 200
UTC_ZONE = ZoneInfo("UTC")


class BusyShape(Struct, frozen=True):
    """From ``start`` to before ``end``; ``kind`` is ``busy`` or ``tentative``."""

    start: str
    end: str
    kind: str

    @classmethod
    def of(cls, busy: Busy) -> BusyShape:
        """That span."""
        return cls(format_instant(busy.start), format_instant(busy.end), busy.kind)


class FreeBusyQuery(RangeQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From when to when, and of whom."""

    attendee: Annotated[str, Meta(description="of this person instead of all events")] = ""


class FreeBusy(Struct, frozen=True):
    """Spans of time that is taken, in order; they neither touch nor overlap."""

    busy: list[BusyShape]


class FreeBusyAsked(RangeQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From when to when, of which projects, and of whom in them."""

    projects: Annotated[list[str], Meta(min_length=1, max_length=MOST_PROJECTS)]
    attendees: Annotated[list[str], Meta(max_length=MOST_ATTENDEES)] = []


class FreeBusyTold(Struct, frozen=True):
    """What is taken: of each project as a whole, and of each person over all these projects."""

    projects: dict[str, list[BusyShape]]
    attendees: dict[str, list[BusyShape]]


async def get_free_busy(call: Call, query: FreeBusyQuery) -> Reply[FreeBusy]:
    """Tell when time is taken in a project.

    Nothing is taken by events that are cancelled or transparent; a person's time is taken by what
    they are invited to and have not declined, tentatively as long as they have not said.
    """

    def look(calendar: Calendar) -> list[Busy]:
        start, end, zone = query.span(zone_of(calendar))
        return busy_spans(calendar.between(start, end, zone), start, end, query.attendee)

    return Reply(FreeBusy(list(map(BusyShape.of, await call.view(look)))))


async def ask_free_busy(call: Call, body: FreeBusyAsked) -> Reply[FreeBusyTold]:
    """Tell when time is taken in several projects, and of several people over all of them.

    The caller must be a viewer of each. A date or local time without `timeZone` is in UTC.
    """
    start, end, _ = body.span(UTC_ZONE)
    zone = body.time_zone or None
    found: dict[str, list[Instance]] = {}
    for project in dict.fromkeys(body.projects):
        found[project] = await _instances(call, project, start, end, zone)
    everything = [one for instances in found.values() for one in instances]

    def spans(instances: list[Instance], attendee: str = "") -> list[BusyShape]:
        return list(map(BusyShape.of, busy_spans(instances, start, end, attendee)))

    return Reply(
        FreeBusyTold(
            {project: spans(instances) for project, instances in found.items()},
            {who: spans(everything, who) for who in dict.fromkeys(body.attendees) if who},
        )
    )


async def _instances(
    call: Call, project: str, start: datetime, end: datetime, zone: str | None
) -> list[Instance]:
    await call.desk.authority.admit(call.claims, project)
    found = await call.desk.catalog.project(project)
    if found is None or found.kind != CALENDAR:
        raise InvalidValue(f"projects: {project} is no calendar")
    async with call.desk.registry.room(project) as room:
        return (await room.browse(lambda calendar: calendar.between(start, end, zone))).value
