"""Members: who may do what in a project. A change reaches those who are connected at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from crdt_calendar.errors import InvalidValue, NotFound, Taken
from crdt_calendar.shapes.times import format_instant
from server.gateways.rest.call import Call, Member, Reply
from server.gateways.rest.pages import USUAL, Cursor, Limit, Page, page

OWNER = "owner"
LONGEST = 255


class MemberQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """How many members at once."""

    limit: Limit = USUAL
    cursor: Cursor = ""


class MemberShape(Struct, frozen=True, rename="camel"):
    """A member. ``user`` is the id that tokens have as their subject."""

    user: str
    role: str
    name: str
    changed_at: str

    @classmethod
    def of(cls, member: Member) -> MemberShape:
        """That row of the members table."""
        at = datetime.fromtimestamp(member.changed_at_ms / 1000, UTC)
        return cls(member.user, member.role, member.name, format_instant(at))


class MemberFields(Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody may do, and what others see them called; an empty name leaves it as it is."""

    role: Literal["viewer", "editor", "owner"]
    name: Annotated[str, Meta(max_length=LONGEST)] = ""


async def list_members(call: Call, query: MemberQuery) -> Reply[Page[MemberShape]]:
    """List the members of a project, by user.

    Somebody whom only a token lets in is not among them.
    """
    members = [one for one in await call.desk.catalog.members(call.project) if not one.revoked]
    part, following = page(members, lambda one: (one.user,), query.limit, query.cursor)
    return Reply(Page(list(map(MemberShape.of, part)), following))


async def get_member(call: Call) -> Reply[MemberShape]:
    """Read a member."""
    return Reply(MemberShape.of(await _held(call)))


async def put_member(call: Call, body: MemberFields) -> Reply[MemberShape]:
    """Add a member, or change their role; 201 when they were none."""
    user = call.path["user"]
    if len(user) > LONGEST or not user.isprintable():
        raise InvalidValue(f"user: 1 to {LONGEST} printable characters needed")
    if not body.name.isprintable():
        raise InvalidValue("name: has characters that cannot be printed")
    held = await call.desk.catalog.member(call.project, user)
    if body.role != OWNER:
        await _spare_last_owner(call, user)
    member = await call.desk.catalog.set_member(call.project, user, body.role, body.name)
    return Reply(MemberShape.of(member), 201 if held is None or held.revoked else 200)


async def remove_member(call: Call) -> Reply[None]:
    """Remove a member: they are out within a second, whatever tokens they hold."""
    member = await _held(call)
    await _spare_last_owner(call, member.user)
    await call.desk.catalog.remove_member(call.project, member.user)
    return Reply(None)


async def _held(call: Call) -> Member:
    member = await call.desk.catalog.member(call.project, call.path["user"])
    if member is None or member.revoked:
        raise NotFound(f"no member {call.path['user']} in project {call.project}")
    return member


async def _spare_last_owner(call: Call, user: str) -> None:
    members = await call.desk.catalog.members(call.project)
    owners = {one.user for one in members if one.role == OWNER and not one.revoked}
    if owners == {user}:
        raise Taken(f"{user} is the last owner of {call.project}; make somebody else one first")
