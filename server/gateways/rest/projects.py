"""Projects: list, create, read, change, delete."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import NAMESPACE_URL, uuid4, uuid5

from msgspec import UNSET, Meta, Struct, UnsetType

from crdt_calendar.errors import AccessError, Forbidden, InvalidValue, NotFound, Taken
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.properties import Properties, property_values
from crdt_calendar.shapes.calendars import ProjectShape, PropertiesFields
from crdt_calendar.shapes.times import format_instant
from server.auth.grants import Grant, Role
from server.auth.tokens import EVERY_PROJECT
from server.gateways.rest.call import CALENDAR, Call, Project, Reply
from server.gateways.rest.conditions import check_match, tag_of
from server.gateways.rest.pages import USUAL, Cursor, Limit, Page, page
from server.gateways.rest.prefix import PREFIX


class ProjectQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """How many projects at once."""

    limit: Limit = USUAL
    cursor: Cursor = ""


class ProjectEntry(Struct, frozen=True):
    """A project in a list. ``name`` is what lists call it; ``role`` what the caller may do."""

    id: str
    name: str
    kind: str
    role: str


class NewProject(PropertiesFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new project. Without an ``id``, which becomes part of addresses, a random one is made."""

    id: (
        Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$", max_length=128)]
        | UnsetType
    ) = UNSET
    kind: Literal["calendar", "lineup"] = "calendar"


class ProjectPatch(PropertiesFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change in a project, as a merge patch (RFC 7396)."""


async def list_projects(call: Call, query: ProjectQuery) -> Reply[Page[ProjectEntry]]:
    """List the projects that the token may enter, by id."""
    found = []
    for project in await call.desk.catalog.projects():
        try:
            grant = await call.desk.authority.admit(call.claims, project.id)
        except AccessError:
            continue
        role = grant.role.name.lower()
        found.append(ProjectEntry(project.id, project.name, project.kind, role))
    part, following = page(found, lambda entry: (entry.id,), query.limit, query.cursor)
    return Reply(Page(part, following))


async def create_project(call: Call, body: NewProject) -> Reply[ProjectShape]:
    """Create a project; the caller becomes its owner.

    The token must make its bearer an owner of every project (`*`): who may have which projects is
    decided by whoever gives out tokens.
    """
    if call.claims.projects.get(EVERY_PROJECT, 0) < Role.OWNER:
        raise Forbidden("only a token for an owner of every project (*) may create projects")
    by_key = str(uuid5(NAMESPACE_URL, f"{call.claims.user}\n{call.key}"))
    id = body.id if body.id is not UNSET else by_key if call.key else str(uuid4())
    fields = body.for_model()
    property_values(fields, {})  # what is wrong is said before anything is made
    if fields and body.kind != CALENDAR:
        raise InvalidValue(f"kind: a {body.kind} has none of the properties {', '.join(fields)}")
    project = await call.desk.catalog.project(id)
    if project is not None and not (call.key and id == by_key):
        raise Taken(f"id: {id} is taken; choose another")
    if project is None:
        project = await call.desk.catalog.create_project(id, kind=body.kind, name=_name(body))
    await call.desk.catalog.set_member(id, call.claims.user, "owner", call.claims.name)
    grant = Grant(call.claims.user, id, Role.OWNER, call.claims.name)
    properties = Properties()
    if body.kind == CALENDAR:
        async with call.desk.registry.room(id) as room:
            if fields:
                await room.edit(grant, lambda calendar: calendar.set_properties(**fields))
            properties = (await room.view(lambda calendar: calendar.properties())).value
    return _told(properties, project, grant, status=201)


async def get_project(call: Call) -> Reply[ProjectShape]:
    """Read a project: what its calendar says of itself."""
    project = _found(call)
    if project.kind != CALENDAR:
        return _told(Properties(), project, call.granted)
    properties = await call.glance(lambda calendar: calendar.properties())
    return _told(properties, project, call.granted)


async def patch_project(call: Call, body: ProjectPatch) -> Reply[ProjectShape]:
    """Change properties of a project's calendar; null takes one away."""
    project, fields = _found(call), body.for_model()

    def change(calendar: Calendar) -> Properties:
        held = _shape(calendar.properties(), project, call.granted)
        check_match(call.expected, 0, held)
        calendar.set_properties(**fields)
        return calendar.properties()

    properties = await call.edit(change)
    if "name" in fields:
        await call.desk.catalog.rename_project(project.id, properties.name)
    return _told(properties, project, call.granted)


async def delete_project(call: Call) -> Reply[None]:
    """Delete a project with all that is in it. Everybody in it is sent away.

    It cannot be undone.
    """
    await call.desk.catalog.delete_project(call.project)
    await call.desk.registry.discard(call.project)
    return Reply(None)


def _name(body: NewProject) -> str:
    return body.name if isinstance(body.name, str) else ""


def _found(call: Call) -> Project:
    if call.found is None:
        raise NotFound("no such project")
    return call.found


def _shape(properties: Properties, project: Project, grant: Grant) -> ProjectShape:
    created = format_instant(datetime.fromtimestamp(project.created_ms / 1000, UTC))
    role = grant.role.name.lower()
    return ProjectShape.of(
        properties, project.id, name=project.name, kind=project.kind, role=role, created_at=created
    )


def _told(
    properties: Properties, project: Project, grant: Grant, *, status: int = 0
) -> Reply[ProjectShape]:
    found = _shape(properties, project, grant)
    headers = {"location": f"{PREFIX}/projects/{project.id}"} if status else {}
    return Reply(found, status, tag_of(0, found), headers)
