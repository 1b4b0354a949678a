"""Projects, their members, and tokens, for whoever runs the service."""

from __future__ import annotations

from crdt_calendar.errors import InvalidValue, NoSuchProject
from server.auth.grants import Role
from server.auth.tokens import EVERY_PROJECT, Keyring
from server.gateways.admin.door import Call, Json, Progress
from server.rooms.registry import Registry
from server.storage.catalog import Catalog, Member, Project


class Projects:
    """Operations on the catalog. What they change reaches connected people at once."""

    def __init__(self, catalog: Catalog, keyring: Keyring, registry: Registry) -> None:
        self._catalog = catalog
        self._keyring = keyring
        self._registry = registry

    async def create(self, call: Call, progress: Progress) -> Json:
        """Make ``project`` of a ``kind``, with a ``name``."""
        project = await self._catalog.create_project(
            call.text("project"), kind=call.text("kind", "calendar"), name=call.text("name", "")
        )
        return self._describe(project)

    async def list(self, call: Call, progress: Progress) -> Json:
        """Every project, with how many connections it has now."""
        return [self._describe(project) for project in await self._catalog.projects()]

    async def add_member(self, call: Call, progress: Progress) -> Json:
        """Give ``user`` a ``role`` in ``project``, and a ``name`` if that is not empty."""
        project, user = call.text("project"), call.text("user")
        if not user.isprintable():
            raise InvalidValue(f"user: {user!r} has characters that cannot be printed")
        role, name = call.text("role"), call.text("name", "")
        return _member(await self._catalog.set_member(project, user, role, name))

    async def remove_member(self, call: Call, progress: Progress) -> Json:
        """Shut ``user`` out of ``project``, whatever tokens they hold."""
        return _member(await self._catalog.remove_member(call.text("project"), call.text("user")))

    async def list_members(self, call: Call, progress: Progress) -> Json:
        """Everybody the members table knows in ``project``."""
        return [_member(member) for member in await self._catalog.members(call.text("project"))]

    async def issue_token(self, call: Call, progress: Progress) -> Json:
        """A token for ``user`` with ``role`` in ``project``, which is made if it is not there."""
        project, role = call.text("project"), Role.parse(call.text("role"))
        token = self._keyring.issue(
            call.text("user"),
            project,
            role,
            call.text("name", ""),
            call.seconds("expires"),
            renew_seconds=call.seconds("renew") or 0.0,
        )
        created = project != EVERY_PROJECT and await self._catalog.project(project) is None
        if created:
            await self._catalog.create_project(project)
        return {"token": token, "created": created}

    async def revoke_token(self, call: Call, progress: Progress) -> Json:
        """Refuse the token in the body from now on, and close what it opened."""
        claims = await self._keyring.verify(call.body.decode(errors="replace").strip())
        if not claims.jti:
            raise InvalidValue(
                "the token has no id (jti); remove its user from the project instead"
            )
        await self._catalog.revoke_token(claims.jti)
        return {"user": claims.user}

    def _describe(self, project: Project) -> dict[str, Json]:
        room = self._registry.loaded(project.id)
        return {
            "id": project.id,
            "kind": project.kind,
            "name": project.name,
            "created_ms": project.created_ms,
            "connections": len(room.peers) if room else 0,
        }


def _member(member: Member) -> Json:
    return {
        "user": member.user,
        "role": member.role,
        "name": member.name,
        "changed_at_ms": member.changed_at_ms,
        "removed": member.revoked,
    }


async def require_project(catalog: Catalog, id: str) -> Project:
    """The project of that id. Raises `NoSuchProject` with a way out."""
    project = await catalog.project(id)
    if project is None:
        raise NoSuchProject(f"no project {id!r}; make it by: crdt-calendar projects create {id}")
    return project
