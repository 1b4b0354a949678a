"""Edits: each is answered once it is on disk, with what its commit made of the calendar."""

from __future__ import annotations

from dataclasses import replace

import strawberry
from strawberry.types import Info

from crdt_calendar.errors import NoSuchEvent
from crdt_calendar.model.calendar import Calendar as ModelCalendar
from crdt_calendar.model.conflicts import Conflict as ModelConflict
from crdt_calendar.model.conflicts import Conflicts
from crdt_calendar.model.event import Event as ModelEvent
from crdt_calendar.model.series import instance_start
from crdt_calendar.shapes.calendars import PropertiesFields
from crdt_calendar.shapes.events import EventFields
from server.gateways.graphql.conflict import Conflict
from server.gateways.graphql.described import mutation
from server.gateways.graphql.desk import Asked
from server.gateways.graphql.event import Event, EventInput
from server.gateways.graphql.made import said
from server.gateways.graphql.project import Calendar, CalendarInput


@strawberry.type(description="A series that was split.")
class Following:
    event: Event = strawberry.field(description="What was before.")
    following: Event = strawberry.field(description="That instance and those after it.")


@strawberry.type
class Mutation:
    @mutation
    async def create_event(
        self,
        info: Info[Asked],
        project_id: strawberry.ID,
        input: EventInput,
        event_id: strawberry.ID | None = None,
    ) -> Event:
        """Makes an event. With an `eventId` of your own a request that comes twice makes one."""
        fields = said(input, EventFields)

        def create(calendar: ModelCalendar) -> str:
            return calendar.create(event_id=event_id, **fields.for_model(calendar))

        return await info.context.edit(
            project_id, create, lambda calendar, made: _event(calendar, project_id, made)
        )

    @mutation
    async def update_event(
        self,
        info: Info[Asked],
        project_id: strawberry.ID,
        event_id: strawberry.ID,
        input: EventInput,
    ) -> Event:
        """Writes the fields that differ, and no other."""
        fields = said(input, EventFields)

        def update(calendar: ModelCalendar) -> object:
            held = calendar.get(event_id)
            return calendar.update(event_id, **fields.for_model(calendar, held))

        return await info.context.edit(
            project_id, update, lambda calendar, _: _event(calendar, project_id, event_id)
        )

    @mutation
    async def delete_event(
        self, info: Info[Asked], project_id: strawberry.ID, event_id: strawberry.ID
    ) -> Event:
        """Deletes an event; it can be restored."""
        return await info.context.edit(
            project_id,
            lambda calendar: calendar.delete(event_id),
            lambda calendar, _: _event(calendar, project_id, event_id),
        )

    @mutation
    async def restore_event(
        self, info: Info[Asked], project_id: strawberry.ID, event_id: strawberry.ID
    ) -> Event:
        """Takes a deletion back."""
        return await info.context.edit(
            project_id,
            lambda calendar: calendar.restore(event_id),
            lambda calendar, _: _event(calendar, project_id, event_id),
        )

    @mutation
    async def override_instance(
        self,
        info: Info[Asked],
        project_id: strawberry.ID,
        event_id: strawberry.ID,
        recurrence_id: str,
        input: EventInput,
    ) -> Event:
        """Changes one instance of a series, on top of what differs."""
        fields = said(input, EventFields)

        def override(calendar: ModelCalendar) -> object:
            held = _as_in(calendar, event_id, recurrence_id)
            given = fields.for_model(calendar, held)
            return calendar.override_instance(event_id, recurrence_id, **given)

        return await info.context.edit(
            project_id, override, lambda calendar, _: _event(calendar, project_id, event_id)
        )

    @mutation
    async def cancel_instance(
        self,
        info: Info[Asked],
        project_id: strawberry.ID,
        event_id: strawberry.ID,
        recurrence_id: str,
    ) -> Event:
        """Has one instance of a series not take place."""
        return await info.context.edit(
            project_id,
            lambda calendar: calendar.cancel_instance(event_id, recurrence_id),
            lambda calendar, _: _event(calendar, project_id, event_id),
        )

    @mutation
    async def reset_instance(
        self,
        info: Info[Asked],
        project_id: strawberry.ID,
        event_id: strawberry.ID,
        recurrence_id: str,
    ) -> Event:
        """Makes one instance like the rest of its series again."""
        return await info.context.edit(
            project_id,
            lambda calendar: calendar.reset_instance(event_id, recurrence_id),
            lambda calendar, _: _event(calendar, project_id, event_id),
        )

    @mutation
    async def update_following(
        self,
        info: Info[Asked],
        project_id: strawberry.ID,
        event_id: strawberry.ID,
        recurrence_id: str,
        input: EventInput,
    ) -> Following:
        """Changes one instance and all that follow."""
        fields = said(input, EventFields)

        def update(calendar: ModelCalendar) -> str:
            held = _as_in(calendar, event_id, recurrence_id)
            given = fields.for_model(calendar, held)
            return calendar.update_following(event_id, recurrence_id, **given)

        def look(calendar: ModelCalendar, following: str) -> Following:
            return Following(
                event=_event(calendar, project_id, event_id),
                following=_event(calendar, project_id, following),
            )

        return await info.context.edit(project_id, update, look)

    @mutation
    async def resolve_conflict(
        self,
        info: Info[Asked],
        project_id: strawberry.ID,
        conflict_id: strawberry.ID,
        index: int,
    ) -> Conflict:
        """Lets the value of that number stand."""
        async with info.context.room(project_id) as (room, _):

            def resolve(calendar: ModelCalendar) -> ModelConflict:
                records = Conflicts(room.doc, calendar)
                records.resolve(conflict_id, index)
                return records.get(conflict_id)

            made = await info.context.edit(project_id, resolve, lambda _, conflict: conflict)
        return Conflict.of(made, project_id)

    @mutation
    async def update_calendar(
        self, info: Info[Asked], project_id: strawberry.ID, input: CalendarInput
    ) -> Calendar:
        """Writes the properties of a calendar that differ."""
        fields = said(input, PropertiesFields).for_model()
        properties = await info.context.edit(
            project_id,
            lambda calendar: calendar.set_properties(**fields),
            lambda calendar, _: calendar.properties(),
        )
        return Calendar.of(properties, project_id)


def _event(calendar: ModelCalendar, project: str, event_id: str) -> Event:
    if (event := Event.found(calendar, project, event_id)) is None:
        raise NoSuchEvent(f"no event {event_id}")  # somebody took it out in the same moment
    return event


def _as_in(calendar: ModelCalendar, event_id: str, recurrence_id: str) -> ModelEvent:
    """The event as it is in that instance. Raises `NoSuchEvent` and `InvalidValue`."""
    event = calendar.get(event_id)
    start = instance_start(event, recurrence_id)
    override = event.overrides.get(recurrence_id)
    if override is not None and override.event is not None:
        return override.event
    return event if event.when is None else replace(event, when=event.when.starting(start))
