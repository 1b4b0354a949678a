"""Conflicts: what two people wrote without knowing of each other."""

from __future__ import annotations

from enum import Enum

import strawberry

from crdt_calendar.model.conflicts import OPEN, RESOLVED
from crdt_calendar.model.conflicts import Conflict as ModelConflict
from crdt_calendar.shapes.conflicts import ConflictShape
from server.gateways.graphql.made import made
from server.gateways.graphql.scalars import JSON, SafeInt


@strawberry.enum(description="Which conflicts.")
class ConflictState(Enum):
    OPEN = OPEN
    RESOLVED = RESOLVED
    ALL = "all"

    def covers(self, conflict: ModelConflict) -> bool:
        """Whether it is one of these."""
        return self is ConflictState.ALL or conflict.state == self.value


@strawberry.type(description="What one of them wrote.")
class Claim:
    value: JSON | None
    by: str
    at: str | None
    fields: list[str] = strawberry.field(
        description="The keys an edit wrote, where the conflict is about the event as a whole."
    )


@strawberry.type(
    description="Two writes of one field that did not know of each other, or a warning that "
    "somebody is invited to two events at once."
)
class Conflict:
    id: strawberry.ID = strawberry.field(description="Unique among those of all projects.")
    conflict_id: strawberry.ID = strawberry.field(description="Its id within the project.")
    project_id: strawberry.ID
    kind: str = strawberry.field(description="field, deletion or booking.")
    event_id: strawberry.ID
    field: str
    values: list[Claim]
    stands: int = strawberry.field(description="Which of the values the document says.")
    state: str = strawberry.field(description="open or resolved.")
    strategy: str
    other_event_id: strawberry.ID | None
    attendee: str | None
    resolved_at: str | None
    resolved_by: str | None

    @classmethod
    def of(cls, conflict: ModelConflict, project: str) -> Conflict:
        """That conflict."""
        shape = ConflictShape.of(conflict, project)
        return made(cls, shape, id=f"{project}/{conflict.id}", conflict_id=conflict.id)


@strawberry.type(description="Conflicts, sorted by id.")
class ConflictPage:
    position: SafeInt
    items: list[Conflict]
    next: str | None = strawberry.field(description="For `cursor`; null: these are the last.")


@strawberry.type(description="Conflicts that one commit brought, or that it decided.")
class ConflictNews:
    position: SafeInt
    resync: bool = strawberry.field(
        description="Whether something was missed that nobody knows any more: ask for all again."
    )
    conflicts: list[Conflict]
