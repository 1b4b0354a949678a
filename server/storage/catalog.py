"""Projects, their members, and tokens that were revoked before their time.

Roles are stored by name: ``viewer``, ``editor`` or ``owner``. Times are milliseconds since 1970.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TypeVar

import anyio
from sqlite_utils import Database

from crdt_calendar.errors import InvalidValue, NoSuchProject
from server.storage.connections import Reader, Writer

KINDS = ("calendar", "lineup")
ROLES = ("viewer", "editor", "owner")

# It is a path segment of URLs and a file name at an export; a letter or digit first rules out "..".
_PROJECT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")


def now_ms() -> int:
    """The wall clock, for people; no order is ever taken from it."""
    return time.time_ns() // 1_000_000


def project_id(text: str) -> str:
    """The text, when a project can be called that. Raises `NoSuchProject`."""
    if not _PROJECT_ID.fullmatch(text):
        raise NoSuchProject(
            f"no project can be called {text[:128]!r}: an id is 1 to 128 of A-Z a-z 0-9 . _ ~ -, "
            "beginning with a letter or digit"
        )
    return text


@dataclass(frozen=True, slots=True)
class Project:
    """A project: one room, one document."""

    id: str
    kind: str  # one of KINDS
    name: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class Member:
    """What the members table says of one user in one project."""

    project: str
    user: str
    role: str  # one of ROLES; of a removed member, the last one
    name: str
    changed_at_ms: int
    revoked: bool


@dataclass(frozen=True, slots=True)
class MemberChanged:
    """Somebody was added, given another role, or removed."""

    member: Member


@dataclass(frozen=True, slots=True)
class ProjectDeleted:
    """A project is gone, and its members with it."""

    project: str


@dataclass(frozen=True, slots=True)
class TokenRevoked:
    """The token of that id is not to be accepted any more."""

    jti: str


Change = MemberChanged | ProjectDeleted | TokenRevoked
C = TypeVar("C", MemberChanged, ProjectDeleted, TokenRevoked)


class Catalog:
    """Projects and members of one data directory.

    ``changes`` are called with every `Change`, on the event loop and after its commit, before the
    method that made it returns.
    """

    def __init__(
        self, writer: Writer, reader: Reader, *, clock_ms: Callable[[], int] = now_ms
    ) -> None:
        self.changes: list[Callable[[Change], None]] = []
        self._writer = writer
        self._reader = reader
        self._clock_ms = clock_ms

    async def create_project(self, id: str, *, kind: str = "calendar", name: str = "") -> Project:
        """Make a project. Raises `NoSuchProject` for an impossible id, `InvalidValue` for a taken
        one and for an unknown kind."""
        project = Project(project_id(id), kind, name or id, self._clock_ms())
        if kind not in KINDS:
            raise InvalidValue(f"kind: {kind!r} is none of {', '.join(KINDS)}")
        await self._writer.write(lambda connection: _insert_project(connection, project))
        return project

    async def project(self, id: str) -> Project | None:
        """The project of that id."""
        return await self._reader.read(lambda connection: _find_project(connection, id))

    async def projects(self) -> list[Project]:
        """All projects, by id."""
        return await self._reader.read(_all_projects)

    async def rename_project(self, id: str, name: str) -> None:
        """Have lists show it under another name; an empty one stands for its id."""
        await self._writer.write(
            lambda connection: connection.execute(
                "UPDATE projects SET name = ? WHERE id = ?", (name or id, id)
            )
        )

    async def delete_project(self, id: str) -> None:
        """Delete a project and its members at once; what its room stored goes at the next sweep.

        The room must not be in use. Raises `NoSuchProject`.
        """

        def work(connection: sqlite3.Connection) -> ProjectDeleted:
            _delete_project(connection, id)
            return ProjectDeleted(id)

        await self._commit(work)

    async def member(self, project: str, user: str) -> Member | None:
        """What the members table says of a user; a removed one is there too, `revoked`."""
        return await self._reader.read(partial(_find_member, project=project, user=user))

    async def members(self, project: str) -> list[Member]:
        """Everybody in a project by user, removed ones included. Raises `NoSuchProject`."""
        return await self._reader.read(partial(_all_members, project=project))

    async def set_member(self, project: str, user: str, role: str, name: str = "") -> Member:
        """Add a user or change their role; an empty name leaves the one they have.

        Raises `NoSuchProject`, `InvalidValue`.
        """
        if role not in ROLES:
            raise InvalidValue(f"role: {role!r} is none of {', '.join(ROLES)}")
        if not user:
            raise InvalidValue("user: empty; give the id that tokens have as their subject")
        return await self._change(project, user, role=role, name=name, revoked=False)

    async def remove_member(self, project: str, user: str) -> Member:
        """Take a user's access away, also one that only a token gives. Raises `NoSuchProject`."""
        return await self._change(project, user, role="", name="", revoked=True)

    async def revoke_token(self, jti: str) -> None:
        """Refuse the token of that id from now on."""
        at_ms = self._clock_ms()

        def work(connection: sqlite3.Connection) -> TokenRevoked:
            connection.execute("INSERT OR IGNORE INTO revoked_tokens VALUES (?, ?)", (jti, at_ms))
            return TokenRevoked(jti)

        await self._commit(work)

    async def revoked(self, jti: str) -> bool:
        """Whether the token of that id was revoked."""
        found = await self._reader.read(
            lambda connection: (
                Database(connection).table("revoked_tokens").count_where("jti = ?", [jti])
            )
        )
        return found > 0

    async def _change(
        self, project: str, user: str, *, role: str, name: str, revoked: bool
    ) -> Member:
        wanted = Member(project, user, role, name, self._clock_ms(), revoked)
        changed = await self._commit(partial(_put_member, wanted=wanted))
        return changed.member

    async def _commit(self, work: Callable[[sqlite3.Connection], C]) -> C:
        """Store a change and tell of it, both, whatever becomes of the caller meanwhile."""
        with anyio.CancelScope(shield=True):
            change = await self._writer.write(work)
            for callback in self.changes:
                callback(change)
        return change


def _insert_project(connection: sqlite3.Connection, project: Project) -> None:
    if _find_project(connection, project.id):
        raise InvalidValue(f"project: {project.id} exists already; choose another id")
    # An edit may have been on its way to the disk while a project of that id was deleted.
    connection.execute("UPDATE rooms SET name = NULL, recovering = 0 WHERE name = ?", (project.id,))
    Database(connection).table("projects").insert(asdict(project))


def _find_project(connection: sqlite3.Connection, id: str) -> Project | None:
    rows = connection.execute("SELECT id, kind, name, created_ms FROM projects WHERE id = ?", (id,))
    return next((Project(*row) for row in rows), None)


def _all_projects(connection: sqlite3.Connection) -> list[Project]:
    rows = Database(connection).table("projects").rows_where(order_by="id")
    return [Project(**row) for row in rows]


def _require_project(connection: sqlite3.Connection, id: str) -> None:
    if not _find_project(connection, id):
        raise NoSuchProject(f"no project {id!r}")


def _delete_project(connection: sqlite3.Connection, id: str) -> None:
    _require_project(connection, id)
    connection.execute("DELETE FROM projects WHERE id = ?", (id,))
    connection.execute("UPDATE rooms SET name = NULL, recovering = 0 WHERE name = ?", (id,))


def _find_member(connection: sqlite3.Connection, project: str, user: str) -> Member | None:
    rows = connection.execute(
        "SELECT project, user, role, name, changed_at_ms, revoked FROM members"
        " WHERE project = ? AND user = ?",
        (project, user),
    )
    return next((_member(row) for row in rows), None)


def _all_members(connection: sqlite3.Connection, project: str) -> list[Member]:
    _require_project(connection, project)
    rows = connection.execute(
        "SELECT project, user, role, name, changed_at_ms, revoked FROM members"
        " WHERE project = ? ORDER BY user",
        (project,),
    )
    return [_member(row) for row in rows]


def _member(row: tuple[str, str, str, str, int, int]) -> Member:
    project, user, role, name, changed_at_ms, revoked = row
    return Member(project, user, role, name, changed_at_ms, bool(revoked))


def _put_member(connection: sqlite3.Connection, wanted: Member) -> MemberChanged:
    """Write a member's row; what `wanted` leaves empty stays as it was."""
    _require_project(connection, wanted.project)
    old = _find_member(connection, wanted.project, wanted.user)
    member = replace(
        wanted,
        role=wanted.role or (old.role if old else "viewer"),
        name=wanted.name or (old.name if old else ""),
        # A clock set back must not let an older token win over this change.
        changed_at_ms=max(wanted.changed_at_ms, old.changed_at_ms + 1 if old else 0),
    )
    Database(connection).table("members").upsert(asdict(member), pk=("project", "user"))
    return MemberChanged(member)
