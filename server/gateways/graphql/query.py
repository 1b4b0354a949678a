"""Questions: every one is a look at a point between commits, all that it shows being on disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from zoneinfo import ZoneInfo

import strawberry
from strawberry.types import Info

from crdt_calendar.errors import AccessError
from crdt_calendar.model.calendar import Calendar as ModelCalendar
from crdt_calendar.model.conflicts import Conflict as ModelConflict
from crdt_calendar.model.conflicts import Conflicts
from crdt_calendar.model.event import Event as ModelEvent
from crdt_calendar.model.freebusy import normal_address
from crdt_calendar.model.timeline import Expansion
from crdt_calendar.shapes.events import zone_of
from server.gateways.graphql.conflict import Conflict, ConflictPage, ConflictState
from server.gateways.graphql.described import field
from server.gateways.graphql.desk import Asked
from server.gateways.graphql.event import Event, EventPage
from server.gateways.graphql.instance import Instance, InstancePage
from server.gateways.graphql.paging import USUAL, Key, check_limit, page
from server.gateways.graphql.presence import Presence
from server.gateways.graphql.project import Member, Project
from server.gateways.graphql.scalars import SafeInt
from server.gateways.graphql.span import Range
from server.rooms.room import Room

From = Annotated[str, strawberry.argument(name="from", description="An instant.")]
To = Annotated[str, strawberry.argument(description="An instant; exclusive.")]
Search = Annotated[
    str, strawberry.argument(description="Words, parts of words, or phrases in quotes.")
]
Zone = Annotated[
    str | None,
    strawberry.argument(description="Where whole days are; the calendar's own zone if left out."),
]


@strawberry.type
class Query:
    @field
    async def projects(self, info: Info[Asked]) -> list[Project]:
        """The projects you may enter, by id."""
        asked, found = info.context, []
        for project in await asked.desk.projects.projects():
            try:
                found.append(Project.of(project, await asked.grant(project.id)))
            except AccessError:
                continue
        return found

    @field
    async def project(self, info: Info[Asked], project_id: strawberry.ID) -> Project:
        """One project."""
        grant = await info.context.grant(project_id)
        return Project.of(await info.context.project(project_id), grant)

    @field
    async def event(
        self, info: Info[Asked], project_id: strawberry.ID, event_id: strawberry.ID
    ) -> Event | None:
        """One event, deleted or not; null when there is none."""
        view = await info.context.view(
            project_id, lambda calendar: Event.found(calendar, project_id, event_id)
        )
        return view.value

    @field
    async def events(
        self,
        info: Info[Asked],
        project_id: strawberry.ID,
        limit: int = USUAL,
        cursor: str | None = None,
        attendee: str = "",
        search: Search = "",
        deleted: bool = False,
    ) -> EventPage:
        """Events, sorted by id: all, those to which somebody is invited, those that hold words."""
        info.context.spend(check_limit(limit))

        address = normal_address(attendee)

        def wanted(event: ModelEvent) -> bool:
            return (event.deleted is not None) is deleted and (
                not address
                or any(normal_address(one.address) == address for one in event.attendees)
            )

        async with info.context.room(project_id) as (room, _):
            view = await room.browse(_everything)
            events, zone = view.value
            ids = await room.index.search(events, search) if search.strip() else events.keys()
        found = sorted((events[id] for id in ids if wanted(events[id])), key=_by_id)
        part, following = page(found, _by_id, limit, cursor)
        return EventPage(
            position=SafeInt(view.position),
            items=[Event.of(event, project_id, zone) for event in part],
            next=following,
        )

    @field
    async def instances(
        self,
        info: Info[Asked],
        project_id: strawberry.ID,
        from_: From,
        to: To,
        time_zone: Zone = None,
        limit: int = USUAL,
        cursor: str | None = None,
    ) -> InstancePage:
        """What takes place from `from` to before `to`."""
        info.context.spend(check_limit(limit))
        span = Range.read(from_, to, time_zone)

        def look(calendar: ModelCalendar) -> tuple[list[Instance], str | None, Expansion]:
            expansion = span.expand(calendar)
            found, following = page(expansion.instances, span.key, limit, cursor)
            return [Instance.of(one, project_id) for one in found], following, expansion

        view = await info.context.browse(project_id, look)
        items, following, expansion = view.value
        return InstancePage(
            position=SafeInt(view.position),
            items=items,
            next=following,
            cut=[strawberry.ID(event_id) for event_id in expansion.cut],
        )

    @field
    async def conflicts(
        self,
        info: Info[Asked],
        project_id: strawberry.ID,
        limit: int = USUAL,
        cursor: str | None = None,
        state: ConflictState = ConflictState.OPEN,
    ) -> ConflictPage:
        """Conflicts by id."""
        info.context.spend(check_limit(limit))

        def look(records: Conflicts) -> tuple[list[Conflict], str | None]:
            wanted = sorted((one for one in records if state.covers(one)), key=_by_id)
            found, following = page(wanted, _by_id, limit, cursor)
            return [Conflict.of(one, project_id) for one in found], following

        async with info.context.room(project_id) as (room, _):
            view = await room.view_as(Conflicts.on, look)
        items, following = view.value
        return ConflictPage(position=SafeInt(view.position), items=items, next=following)

    @field
    async def presence(self, info: Info[Asked], project_id: strawberry.ID) -> list[Presence]:
        """Who is there now, and what they show."""
        async with info.context.room(project_id) as (room, _):
            found = everybody(room, project_id)
        info.context.spend(len(found))
        return found

    @field
    async def members(self, info: Info[Asked], project_id: strawberry.ID) -> list[Member]:
        """Whom the server's own table of members lets in, by id."""
        await info.context.grant(project_id)
        rows = await info.context.desk.projects.members(project_id)
        found = [
            Member(
                id=strawberry.ID(f"{project_id}/{row.user}"),
                project_id=project_id,
                user_id=strawberry.ID(row.user),
                name=row.name,
                role=row.role,
            )
            for row in rows
            if not row.revoked
        ]
        info.context.spend(len(found))
        return found


def everybody(room: Room, project: str) -> list[Presence]:
    """The presence of everybody in a room."""
    states = room.presence.states().items()
    return [
        Presence.of(project, client, state.value)
        for client, state in states
        if state.value is not None
    ]


def _by_id(one: ModelEvent | ModelConflict) -> Key:
    return (one.id,)


def _everything(calendar: ModelCalendar) -> tuple[Mapping[str, ModelEvent], ZoneInfo]:
    return dict(calendar.everything()), zone_of(calendar)
