"""Events: list, create, read, change, delete, restore."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from msgspec import UNSET, Meta, Struct, UnsetType

from crdt_calendar.errors import NoSuchEvent
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.event import Event
from crdt_calendar.model.freebusy import normal_address
from crdt_calendar.shapes.events import EventFields, EventShape, zone_of
from server.gateways.rest.call import Call, Reply
from server.gateways.rest.conditions import check_match, tag_of
from server.gateways.rest.pages import USUAL, Cursor, Limit, Page, page
from server.gateways.rest.prefix import PREFIX
from server.gateways.rest.ranges import instant


class EventQuery(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Which events of a list, and how many at once."""

    q: Annotated[
        str, Meta(description="words, parts of words, or phrases in quotes; all occur")
    ] = ""
    attendee: Annotated[str, Meta(description="address of somebody who is invited")] = ""
    deleted: Annotated[bool, Meta(description="those that are deleted, instead of the others")] = (
        False
    )
    updated_since: Annotated[str, Meta(description="an instant: written at that time or later")] = (
        ""
    )
    limit: Limit = USUAL
    cursor: Cursor = ""


class NewEvent(EventFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new event. ``id`` is the UID of iCalendar; without one a random id is made."""

    id: Annotated[str, Meta(min_length=1, max_length=1024)] | UnsetType = UNSET


class EventPatch(
    EventFields, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"
):
    """What is to change in an event, as a merge patch (RFC 7396)."""


def shape(calendar: Calendar, event: Event, project: str) -> EventShape:
    """The event as it is shown."""
    return EventShape.of(event, project, zone_of(calendar))


def read(calendar: Calendar, event_id: str, call: Call) -> EventShape:
    """A live event, checked against If-Match. Raises `NoSuchEvent`, `PreconditionFailed`."""
    found = shape(calendar, calendar.get(event_id), call.project)
    check_match(call.expected, found.version, found)
    return found


def told(found: EventShape, *, status: int = 0) -> Reply[EventShape]:
    """An event as an answer, with its tag; one that was created also says where it is."""
    where = f"{PREFIX}/projects/{found.project_id}/events/{quote(found.id, safe='')}"
    headers = {"location": where} if status == 201 else {}
    return Reply(found, status, tag_of(found.version, found), headers)


async def list_events(call: Call, query: EventQuery) -> Reply[Page[EventShape]]:
    """List events, by id.

    The order is that of the ids, which never change: whoever turns the pages while others edit
    misses nothing that stays, and sees nothing twice. `q` searches titles, descriptions, places
    and people, in every script; what it finds is never older than the answer.
    """
    since = instant(query.updated_since, "updatedSince") if query.updated_since else None
    address = normal_address(query.attendee)

    def is_wanted(event: Event) -> bool:
        if (event.deleted is not None) is not query.deleted:
            return False
        if address and all(normal_address(one.address) != address for one in event.attendees):
            return False
        written = event.deleted or event.updated or event.created
        return since is None or (written is not None and written.at >= since)

    async with call.room() as room:
        events, zone = (await room.browse(_all_in_zone)).value
        ids = await room.index.search(events, query.q) if query.q else events.keys()
    wanted = [event for id, event in events.items() if id in ids and is_wanted(event)]
    part, following = page(wanted, lambda event: (event.id,), query.limit, query.cursor)
    return Reply(Page([EventShape.of(one, call.project, zone) for one in part], following))


async def create_event(call: Call, body: NewEvent) -> Reply[EventShape]:
    """Create an event.

    With an `Idempotency-Key` and without an `id`, the id follows from the key: even a server that
    was killed between writing the event and answering makes no second one.
    """
    by_key = str(uuid5(NAMESPACE_URL, f"{call.project}\n{call.claims.user}\n{call.key}"))
    made = body.id if body.id is not UNSET else by_key if call.key else None

    def change(calendar: Calendar) -> EventShape:
        held = calendar.find(made) if made == by_key else None
        if held is None:
            made_id = calendar.create(event_id=made, **body.for_model(calendar))
            held = calendar.get(made_id)
        return shape(calendar, held, call.project)

    return told(await call.edit(change), status=201)


class DeletedQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a deleted event may be shown."""

    deleted: Annotated[bool, Meta(description="show it also when it is deleted")] = False


async def get_event(call: Call, query: DeletedQuery) -> Reply[EventShape]:
    """Read an event. Its ETag holds its version, for `If-Match`."""
    event_id = call.path["event"]

    def look(calendar: Calendar) -> EventShape:
        event = calendar.find(event_id)
        if event is None or (event.deleted is not None and not query.deleted):
            raise NoSuchEvent(f"no event {event_id}")
        return shape(calendar, event, call.project)

    return told(await call.glance(look))


async def patch_event(call: Call, body: EventPatch) -> Reply[EventShape]:
    """Change fields of an event; what is left out stays, and null takes a field away.

    A series that is given another time moves as a whole. With `If-Match`, nothing is written over
    what the caller has not seen.
    """
    event_id = call.path["event"]

    def change(calendar: Calendar) -> EventShape:
        read(calendar, event_id, call)
        calendar.update(event_id, **body.for_model(calendar, calendar.get(event_id)))
        return shape(calendar, calendar.get(event_id), call.project)

    return told(await call.edit(change))


async def delete_event(call: Call) -> Reply[None]:
    """Delete an event. It keeps its id and its content, and can be restored."""
    event_id = call.path["event"]

    def change(calendar: Calendar) -> None:
        read(calendar, event_id, call)
        calendar.delete(event_id)

    await call.edit(change)
    return Reply(None)


async def restore_event(call: Call) -> Reply[EventShape]:
    """Restore a deleted event; one that is not deleted stays as it is."""
    event_id = call.path["event"]

    def change(calendar: Calendar) -> EventShape:
        calendar.restore(event_id)
        return shape(calendar, calendar.get(event_id), call.project)

    return told(await call.edit(change))


def _all_in_zone(calendar: Calendar) -> tuple[dict[str, Event], ZoneInfo]:
    return dict(calendar.everything()), zone_of(calendar)
