"""Conflicts as programs see them: what two people wrote, what stands, and whether it is decided."""

from __future__ import annotations

from msgspec import Struct

from crdt_calendar.model.conflicts import Claim, Conflict
from crdt_calendar.shapes.times import format_instant


class ClaimShape(Struct, frozen=True, kw_only=True, rename="camel"):
    """What one of them wrote, who, and when; ``fields`` are the keys that an edit wrote, where the
    conflict is about the event as a whole."""

    value: object
    by: str
    at: str | None = None
    fields: list[str] = []

    @classmethod
    def of(cls, claim: Claim) -> ClaimShape:
        """That claim."""
        at = None if claim.at is None else format_instant(claim.at)
        return cls(value=claim.value, by=claim.by, at=at, fields=list(claim.fields))


class ConflictShape(Struct, frozen=True, kw_only=True, rename="camel"):
    """Two writes that did not know of each other: of ``field`` of an event, a key of its map.

    ``values[stands]`` is what the document says. ``kind`` is ``field``, ``deletion``, or
    ``booking``: a warning that ``attendee`` is invited to ``otherEventId`` at the same time.
    """

    id: str
    project_id: str
    kind: str
    event_id: str
    field: str
    values: list[ClaimShape]
    stands: int
    state: str
    strategy: str
    other_event_id: str | None = None
    attendee: str | None = None
    resolved_at: str | None = None
    resolved_by: str | None = None

    @classmethod
    def of(cls, conflict: Conflict, project: str) -> ConflictShape:
        """That conflict."""
        by, at = conflict.resolved.get("by"), conflict.resolved.get("at")
        return cls(
            id=conflict.id,
            project_id=project,
            kind=conflict.kind,
            event_id=conflict.event,
            field=conflict.field,
            values=[ClaimShape.of(claim) for claim in conflict.claims],
            stands=conflict.stands,
            state=conflict.state,
            strategy=conflict.strategy,
            other_event_id=conflict.other or None,
            attendee=conflict.attendee or None,
            resolved_at=at if isinstance(at, str) else None,
            resolved_by=by if isinstance(by, str) else None,
        )
