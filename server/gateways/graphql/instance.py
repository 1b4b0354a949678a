"""Instances: the times at which events take place."""

from __future__ import annotations

import strawberry

from crdt_calendar.model.event import Instance as ModelInstance
from crdt_calendar.shapes.events import InstanceShape
from server.gateways.graphql.event import Attendee
from server.gateways.graphql.made import made
from server.gateways.graphql.scalars import SafeInt, instance_key


@strawberry.type(
    description="One time an event takes place; the fields are as they are in this instance."
)
class Instance:
    id: strawberry.ID = strawberry.field(description="Unique among those of all projects.")
    event_id: strawberry.ID
    project_id: strawberry.ID
    recurrence_id: str | None = strawberry.field(
        description="Its name within the series; null for an event that does not repeat."
    )
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
    attendees: list[Attendee]
    version: SafeInt = strawberry.field(description="That of the event.")

    @classmethod
    def of(cls, instance: ModelInstance, project: str) -> Instance:
        """That instance."""
        shape = InstanceShape.of(instance, project)
        return made(cls, shape, id=instance_key(project, shape.event_id, shape.recurrence_id))


@strawberry.type(description="What takes place in a range, sorted by time.")
class InstancePage:
    position: SafeInt = strawberry.field(description="From where to follow what comes after this.")
    items: list[Instance]
    next: str | None = strawberry.field(description="For `cursor`; null: these are the last.")
    cut: list[strawberry.ID] = strawberry.field(
        description="Ids of events that repeat too often for all their instances to be here."
    )


@strawberry.type(description="What became of a range of time by one commit.")
class RangeNews:
    position: SafeInt
    reset: bool = strawberry.field(
        description="Whether `entered` is all there is, and what was told before is void."
    )
    entered: list[Instance]
    changed: list[Instance]
    left: list[strawberry.ID] = strawberry.field(description="Ids of instances.")
