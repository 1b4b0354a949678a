"""Line-ups: those of a project that is a line-up board, and their memos."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar
from urllib.parse import quote

from msgspec import UNSET, Meta, Struct, UnsetType

from crdt_calendar.model.lineup import Lineup
from crdt_calendar.model.row import Row
from crdt_calendar.shapes.lineups import (
    LineupFields,
    LineupId,
    LineupShape,
    MemoFields,
    document_id,
)
from server.gateways.rest.call import Call, Reply
from server.gateways.rest.conditions import check_match, tag_of
from server.gateways.rest.pages import USUAL, Cursor, Limit, Page, page
from server.gateways.rest.prefix import PREFIX

T = TypeVar("T")
BOARD = "lineup"


class LineupQuery(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Which line-ups of a board, and how many at once."""

    deleted: Annotated[bool, Meta(description="those that are deleted, instead of the others")] = (
        False
    )
    limit: Limit = USUAL
    cursor: Cursor = ""


class NewLineup(LineupFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new line-up; without ``id`` a random one is made."""

    id: LineupId | UnsetType = UNSET


class LineupPatch(LineupFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change in a line-up, as a merge patch (RFC 7396)."""


class NewMemo(MemoFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A memo to be pinned to a line-up."""


class MemoPatch(MemoFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another text of a memo, and perhaps another colour."""


def told(found: LineupShape, call: Call, *, status: int = 0) -> Reply[LineupShape]:
    """A line-up as an answer, with its tag; one that was created also says where it is."""
    where = f"{PREFIX}/projects/{call.project}/lineups/{quote(str(found.id), safe='')}"
    headers = {"location": where} if status == 201 else {}
    return Reply(found, status, tag_of(found.version, found), headers)


async def list_lineups(call: Call, query: LineupQuery) -> Reply[Page[LineupShape]]:
    """List line-ups, by id."""

    def look(board: Lineup) -> list[Row]:
        return board.deleted() if query.deleted else board.rows()

    part, following = page(
        await _view(call, look), lambda row: (row.id,), query.limit, query.cursor
    )
    return Reply(Page([LineupShape.of(row) for row in part], following))


async def create_lineup(call: Call, body: NewLineup) -> Reply[LineupShape]:
    """Put somebody on the board."""
    made = None if body.id is UNSET else document_id(body.id, "id")

    def change(board: Lineup) -> LineupShape:
        return LineupShape.of(board.get(board.create(body.for_model(), lineup_id=made)))

    return told(await _edit(call, change), call, status=201)


async def get_lineup(call: Call) -> Reply[LineupShape]:
    """Read a line-up. Its ETag holds its version, for `If-Match`."""
    return told(await _view(call, lambda board: _shape(board, call)), call)


async def patch_lineup(call: Call, body: LineupPatch) -> Reply[LineupShape]:
    """Change a line-up; what is left out stays, and null takes a field away."""
    return await _changed(call, lambda board, one: board.patch(one, body.for_model()))


async def delete_lineup(call: Call) -> Reply[None]:
    """Take somebody off the board. They can be restored."""
    await _edit(call, lambda board: board.delete(_matching(board, call)))
    return Reply(None)


async def restore_lineup(call: Call) -> Reply[LineupShape]:
    """Restore a deleted line-up; one that is not deleted stays as it is."""

    def change(board: Lineup) -> LineupShape:
        board.restore(call.path["lineup"])
        return _shape(board, call)

    return told(await _edit(call, change), call)


async def create_memo(call: Call, body: NewMemo) -> Reply[LineupShape]:
    """Pin a memo to a line-up; the line-up as it is then."""
    return await _changed(
        call, lambda board, one: board.add_memo(one, body.words, body.colour or "")
    )


async def patch_memo(call: Call, body: MemoPatch) -> Reply[LineupShape]:
    """Write over a memo; the line-up as it is then."""
    memo = call.path["memo"]
    return await _changed(
        call, lambda board, one: board.set_memo(memo, body.words, body.colour, lineup_id=one)
    )


async def delete_memo(call: Call) -> Reply[None]:
    """Take a memo off."""
    memo = call.path["memo"]
    await _changed(call, lambda board, one: board.remove_memo(memo, lineup_id=one))
    return Reply(None)


async def _changed(call: Call, change: Callable[[Lineup, str], object]) -> Reply[LineupShape]:
    def apply(board: Lineup) -> LineupShape:
        change(board, _matching(board, call))
        return _shape(board, call)

    return told(await _edit(call, apply), call)


def _shape(board: Lineup, call: Call) -> LineupShape:
    return LineupShape.of(board.get(call.path["lineup"]))


def _matching(board: Lineup, call: Call) -> str:
    """The id of the line-up. Raises `NoSuchLineup`, and `PreconditionFailed` by If-Match."""
    found = _shape(board, call)
    check_match(call.expected, found.version, found)
    return call.path["lineup"]


async def _view(call: Call, look: Callable[[Lineup], T]) -> T:
    async with call.room(BOARD) as room:
        return (await room.view_as(Lineup, look)).value


async def _edit(call: Call, change: Callable[[Lineup], T]) -> T:
    async with call.room(BOARD) as room:
        return await room.edit_as(Lineup, call.granted, change)
