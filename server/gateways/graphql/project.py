"""Projects, the properties of their calendars, and their members."""

from __future__ import annotations

from datetime import UTC, datetime

import strawberry
from strawberry import UNSET
from strawberry.types import Info

from crdt_calendar.model.properties import Properties
from crdt_calendar.shapes.calendars import ProjectShape
from crdt_calendar.shapes.times import format_instant
from server.auth.grants import Grant
from server.gateways.graphql import desk
from server.gateways.graphql.described import field
from server.gateways.graphql.made import made


@strawberry.type(description="What a calendar says of itself. A text that is absent is empty.")
class Calendar:
    id: strawberry.ID = strawberry.field(description="The project's.")
    name: str
    timezone: str = strawberry.field(description="An IANA name.")
    color: str
    description: str
    conflict_strategy: str

    @classmethod
    def of(cls, properties: Properties, project: str) -> Calendar:
        """That calendar."""
        return made(cls, ProjectShape.of(properties, project, name=""))


@strawberry.type(description="A project: one document.")
class Project:
    id: strawberry.ID
    name: str = strawberry.field(description="As the server has it; the calendar may say another.")
    kind: str = strawberry.field(description="calendar or lineup.")
    role: str = strawberry.field(description="What you may do: viewer, editor or owner.")
    created_at: str

    @field
    async def calendar(self, info: Info[desk.Asked]) -> Calendar | None:
        """What its calendar says of itself; null for a project of another kind."""
        if self.kind != desk.CALENDAR:
            return None
        info.context.spend(1)
        view = await info.context.view(self.id, lambda calendar: calendar.properties())
        return Calendar.of(view.value, self.id)

    @classmethod
    def of(cls, project: desk.Project, grant: Grant) -> Project:
        """That project, as somebody sees it."""
        created = datetime.fromtimestamp(project.created_ms / 1000, UTC)
        return cls(
            id=strawberry.ID(project.id),
            name=project.name,
            kind=project.kind,
            role=grant.role.name.lower(),
            created_at=format_instant(created),
        )


@strawberry.type(description="Somebody whom the server lets into a project.")
class Member:
    id: strawberry.ID = strawberry.field(description="Unique among those of all projects.")
    project_id: strawberry.ID
    user_id: strawberry.ID
    name: str
    role: str


@strawberry.input(
    description="What is said about a calendar. What is left out stays; null takes it away."
)
class CalendarInput:
    name: str | None = UNSET
    timezone: str | None = UNSET
    color: str | None = UNSET
    description: str | None = UNSET
    conflict_strategy: str | None = UNSET
