"""The desk: what the GraphQL door works with, and one operation of somebody known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from crdt_calendar.errors import FrameTooLarge, InvalidValue, NoSuchProject
from crdt_calendar.limits import Limits
from crdt_calendar.model.calendar import Calendar
from server.auth.authority import Authority
from server.auth.grants import Grant
from server.auth.tokens import Claims
from server.gateways.graphql.order import Order
from server.rooms.news import View
from server.rooms.observer import Observer
from server.rooms.registry import Registry
from server.rooms.room import Room

M = TypeVar("M")
T = TypeVar("T")
CALENDAR = "calendar"

# What one operation may ask for, all its lists together: some 0.2 s of this process's one core.
MOST_NODES = 2_000


class Project(Protocol):
    """A project as the catalog has it."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def created_ms(self) -> int: ...


class Member(Protocol):
    """A row of the members table."""

    @property
    def user(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def revoked(self) -> bool: ...


class Projects(Protocol):
    """Whoever keeps projects and members."""

    async def project(self, id: str, /) -> Project | None: ...
    async def projects(self) -> Sequence[Project]: ...
    async def members(self, project: str, /) -> Sequence[Member]: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """All that the door works with; one for the door."""

    registry: Registry
    authority: Authority
    projects: Projects
    limits: Limits
    observer: Observer
    origins: frozenset[str] = frozenset()
    ping_seconds: float = 15.0


class Asked:
    """One operation: who asks, and what may still be handed out. Resolvers have it as context.

    ``order`` is that of the socket it came by, if it came by one.
    """

    def __init__(self, desk: Desk, claims: Claims, order: Order | None = None) -> None:
        self.desk = desk
        self.claims = claims
        self.order = order
        self._nodes = MOST_NODES

    def spend(self, nodes: int) -> None:
        """Account for so many nodes of a list. Raises `FrameTooLarge` when it is too much."""
        self._nodes -= nodes
        if self._nodes < 0:
            raise FrameTooLarge(f"limit: all lists of a request together, {MOST_NODES} at most")

    async def grant(self, project: str) -> Grant:
        """What the caller may do there. Raises `AccessError`."""
        return await self.desk.authority.admit(self.claims, project)

    async def project(self, id: str) -> Project:
        """That project. Raises `NoSuchProject`."""
        if (found := await self.desk.projects.project(id)) is None:
            raise NoSuchProject(f"no project {id!r}")
        return found

    async def reconsider(self, grant: Grant) -> Grant:
        """What the caller may do now."""
        return await self.desk.authority.regrant(grant, self.claims)

    async def calendar_grant(self, project: str) -> Grant:
        """What the caller may do there. Raises `InvalidValue` for a project that is no calendar."""
        grant = await self.grant(project)
        if (kind := (await self.project(project)).kind) != CALENDAR:
            raise InvalidValue(f"projectId: {project} is a {kind}, and no calendar")
        return grant

    @asynccontextmanager
    async def room(self, project: str) -> AsyncIterator[tuple[Room, Grant]]:
        """The room of a calendar, and what the caller may do in it."""
        grant = await self.calendar_grant(project)
        async with self.desk.registry.room(project) as room:
            yield room, grant

    async def view(self, project: str, look: Callable[[Calendar], T]) -> View[T]:
        """What `look` sees in that calendar, all of it on disk; for a look at few events."""
        async with self.room(project) as (room, _):
            return await room.view(look)

    async def browse(self, project: str, look: Callable[[Calendar], T]) -> View[T]:
        """The same for a look at many events."""
        async with self.room(project) as (room, _):
            return await room.browse(look)

    async def edit(
        self, project: str, change: Callable[[Calendar], M], look: Callable[[Calendar, M], T]
    ) -> T:
        """Run `change` on that calendar; return what `look` makes of its result after the commit.

        That is what the news of this commit say as well. On a socket it is not returned before
        they are sent there, and never after news that are younger than it.
        """
        async with self.room(project) as (room, grant):
            made: list[M] = []
            view = await room.edit_and_view(
                grant,
                lambda calendar: made.append(change(calendar)),
                lambda calendar: look(calendar, made[0]),
            )
            if self.order is not None:
                view = await self.order.in_step(room, view, lambda one: look(one, made[0]))
            return view.value
