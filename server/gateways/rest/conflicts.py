"""Conflicts: what people wrote without knowing of each other, and deciding it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.conflicts import Conflict, Conflicts
from crdt_calendar.shapes.conflicts import ConflictShape
from server.gateways.rest.call import Call, Reply
from server.gateways.rest.pages import USUAL, Cursor, Limit, Page, page


class ConflictQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which conflicts, and how many at once."""

    state: Literal["open", "resolved", "all"] = "open"
    limit: Limit = USUAL
    cursor: Cursor = ""


class Decision(Struct, frozen=True, forbid_unknown_fields=True):
    """Which of the values of a conflict shall stand, counted from 0."""

    index: Annotated[int, Meta(ge=0, le=1000)]


async def list_conflicts(call: Call, query: ConflictQuery) -> Reply[Page[ConflictShape]]:
    """List conflicts, by id: open ones, unless `state` says otherwise."""

    def look(conflicts: Conflicts) -> list[Conflict]:
        return [one for one in conflicts if query.state in ("all", one.state)]

    async with call.room() as room:
        found = (await room.view_as(Conflicts.on, look)).value
    part, following = page(found, lambda one: (one.id,), query.limit, query.cursor)
    return Reply(Page([ConflictShape.of(one, call.project) for one in part], following))


async def get_conflict(call: Call) -> Reply[ConflictShape]:
    """Read a conflict."""
    async with call.room() as room:
        view = await room.view_as(Conflicts.on, lambda found: found.get(call.path["conflict"]))
    return Reply(ConflictShape.of(view.value, call.project))


async def resolve_conflict(call: Call, body: Decision) -> Reply[ConflictShape]:
    """Decide a conflict: let one of its values stand.

    That is an edit of the event like any other: everybody sees it, and it can be undone.
    """
    conflict_id = call.path["conflict"]

    def change(conflicts: Conflicts) -> Conflict:
        held = conflicts.get(conflict_id)
        if body.index >= len(held.claims):
            raise InvalidValue(f"index: conflict {conflict_id} has {len(held.claims)} values")
        conflicts.resolve(conflict_id, body.index)
        return conflicts.get(conflict_id)

    async with call.room() as room:
        found = await room.edit_as(Conflicts.on, call.granted, change)
    return Reply(ConflictShape.of(found, call.project))
