"""Instances: when events take place, and one time of a series that differs from the others."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from msgspec import Struct

from crdt_calendar.errors import InvalidValue, NotFound
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.event import Event, Instance
from crdt_calendar.model.series import instance_start
from crdt_calendar.model.timeline import instances_of
from crdt_calendar.shapes.events import EventShape, InstanceShape, zone_of
from server.gateways.rest.call import Call, Reply
from server.gateways.rest.conditions import tag_of
from server.gateways.rest.events import EventPatch, read, shape, told
from server.gateways.rest.pages import USUAL, Cursor, Limit, page
from server.gateways.rest.ranges import RangeQuery


class InstanceQuery(RangeQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which instances, and how many at once."""

    limit: Limit = USUAL
    cursor: Cursor = ""


class Instances(Struct, frozen=True):
    """A part of the instances. ``next`` is the cursor of the page after this one; null at the end.

    ``cut`` are the ids of events that have more instances in the range than are ever shown.
    """

    items: list[InstanceShape]
    next: str | None = None
    cut: list[str] = []


async def list_instances(call: Call, query: InstanceQuery) -> Reply[Instances]:
    """List what takes place in a range of time, by time; series are expanded."""

    def look(calendar: Calendar) -> Instances:
        start, end, zone = query.span(zone_of(calendar))
        expansion = calendar.expand(start, end, zone)
        found, following = page(expansion.instances, _by_time, query.limit, query.cursor)
        items = [InstanceShape.of(one, call.project) for one in found]
        return Instances(items, following, list(expansion.cut))

    return Reply(await call.view(look))


async def list_event_instances(call: Call, query: InstanceQuery) -> Reply[Instances]:
    """List when one event takes place in a range of time."""

    def look(calendar: Calendar) -> Instances:
        event = calendar.get(call.path["event"])
        found = instances_of(event, *query.span(zone_of(calendar)))
        part, following = page(found, _by_time, query.limit, query.cursor)
        return Instances([InstanceShape.of(one, call.project) for one in part], following)

    return Reply(await call.glance(look))


async def get_instance(call: Call) -> Reply[InstanceShape]:
    """Read one instance of a series. The ETag is the event's."""

    def look(calendar: Calendar) -> Reply[InstanceShape]:
        return _told(calendar, call)

    return await call.glance(look)


async def patch_instance(call: Call, body: EventPatch) -> Reply[InstanceShape]:
    """Change fields in one instance only; null takes a field away in this instance."""

    def change(calendar: Calendar) -> Reply[InstanceShape]:
        event, rid, zone = _named(calendar, call)
        held = _instance(event, rid, zone, cancelled=True)
        fields = body.for_model(calendar, held.event)
        calendar.override_instance(event.id, rid, **fields)
        return _told(calendar, call)

    return await call.edit(change)


async def cancel_instance(call: Call) -> Reply[None]:
    """Have one instance not take place; the others do."""

    def change(calendar: Calendar) -> None:
        event, rid, _ = _named(calendar, call)
        calendar.cancel_instance(event.id, rid)

    await call.edit(change)
    return Reply(None)


async def reset_instance(call: Call) -> Reply[InstanceShape]:
    """Make one instance like the rest of its series again."""

    def change(calendar: Calendar) -> Reply[InstanceShape]:
        event, rid, _ = _named(calendar, call)
        calendar.reset_instance(event.id, rid)
        return _told(calendar, call)

    return await call.edit(change)


async def patch_following(call: Call, body: EventPatch) -> Reply[EventShape]:
    """Change fields in one instance and all that follow.

    The series ends before that instance, and a new event begins with it, which is the answer.
    From the first instance on it is the same event.
    """

    def change(calendar: Calendar) -> EventShape:
        event, rid, zone = _named(calendar, call)
        held = _instance(event, rid, zone, cancelled=True)
        fields = body.for_model(calendar, held.event)
        made = calendar.update_following(event.id, rid, **fields)
        return shape(calendar, calendar.get(made), call.project)

    return told(await call.edit(change))


def _named(calendar: Calendar, call: Call) -> tuple[Event, str, ZoneInfo]:
    """The same, checked against If-Match."""
    read(calendar, call.path["event"], call)
    return _found(calendar, call)


def _found(calendar: Calendar, call: Call) -> tuple[Event, str, ZoneInfo]:
    """The event and instance of the address. Raises `NotFound` where there is none."""
    event, rid = calendar.get(call.path["event"]), call.path["instance"]
    try:
        instance_start(event, rid)
    except InvalidValue as error:
        raise NotFound(f"no such instance: {error}") from None
    return event, rid, zone_of(calendar)


def _instance(event: Event, rid: str, zone: ZoneInfo, *, cancelled: bool = False) -> Instance:
    override = event.overrides.get(rid)
    if override is not None and override.cancelled and not cancelled:
        raise NotFound("this instance is cancelled")
    assert event.when is not None  # `instance_start` saw to it
    changed = override.event if override is not None else None
    plain = event.when.starting(instance_start(event, rid))
    when = changed.when if changed is not None and changed.when is not None else plain
    shown = changed if changed is not None else replace(event, when=when)
    return Instance(shown, rid, when, *when.instants(zone), changed is not None)


def _told(calendar: Calendar, call: Call) -> Reply[InstanceShape]:
    event, rid, zone = _found(calendar, call)
    found = _instance(event, rid, zone)
    whole = shape(calendar, event, call.project)
    return Reply(InstanceShape.of(found, call.project), tag=tag_of(whole.version, whole))


def _by_time(instance: Instance) -> tuple[str, bool, str, str]:
    """As `Timeline.expand` sorts."""
    return (
        instance.starts_at.isoformat(),
        not instance.when.all_day,
        instance.event_id,
        instance.recurrence_id or "",
    )
