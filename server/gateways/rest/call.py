"""A call: one request on its way through the door, and the desk with all that it may need."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from starlette.requests import Request

from crdt_calendar.errors import InvalidValue, NoSuchProject
from crdt_calendar.model.calendar import Calendar
from server.auth.authority import Authority
from server.auth.grants import Grant, Role
from server.auth.tokens import Claims
from server.gateways.rest.addresses import Addresses
from server.rooms.registry import Registry
from server.rooms.room import Room
from server.storage.contracts import Answers, Feeds, Webhooks

T = TypeVar("T")
CALENDAR = "calendar"


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
    def changed_at_ms(self) -> int: ...
    @property
    def revoked(self) -> bool: ...


class Catalog(Protocol):
    """Whoever keeps projects and members."""

    async def project(self, id: str, /) -> Project | None: ...
    async def projects(self) -> Sequence[Project]: ...
    async def create_project(self, id: str, /, *, kind: str, name: str) -> Project: ...
    async def rename_project(self, id: str, name: str, /) -> None: ...
    async def delete_project(self, id: str, /) -> None: ...
    async def member(self, project: str, user: str, /) -> Member | None: ...
    async def members(self, project: str, /) -> Sequence[Member]: ...
    async def set_member(self, project: str, user: str, role: str, name: str, /) -> Member: ...
    async def remove_member(self, project: str, user: str, /) -> Member: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """All that operations work with; one for the door. ``wake`` says which webhook has news."""

    registry: Registry
    authority: Authority
    catalog: Catalog
    answers: Answers
    feeds: Feeds
    webhooks: Webhooks
    addresses: Addresses
    wake: Callable[[str], object]
    origins: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One request of somebody known. ``path`` has the parts of the address that vary."""

    request: Request
    desk: Desk
    path: Mapping[str, str]
    claims: Claims
    grant: Grant | None
    found: Project | None

    @property
    def granted(self) -> Grant:
        """What the caller may do in the project of the address."""
        assert self.grant is not None
        return self.grant

    @property
    def project(self) -> str:
        """The project of the address."""
        return self.granted.project

    @property
    def key(self) -> str:
        """The idempotency key that came; empty when none did."""
        return self.request.headers.get("idempotency-key", "")

    @property
    def expected(self) -> str | None:
        """The If-Match that came (RFC 9110 section 13.1.1)."""
        return self.request.headers.get("if-match")

    @asynccontextmanager
    async def room(self, kind: str = CALENDAR) -> AsyncIterator[Room]:
        """The room of the project. Raises `InvalidValue` for a project of another kind."""
        if self.found is None:
            raise NoSuchProject("no such project")
        if self.found.kind != kind:
            raise InvalidValue(f"project: {self.found.id} is a {self.found.kind}, and no {kind}")
        async with self.desk.registry.room(self.found.id) as room:
            yield room

    async def view(self, look: Callable[[Calendar], T]) -> T:
        """What `look` sees in the calendar, all of it on disk; many events are read quickly."""
        async with self.room() as room:
            return (await room.browse(look)).value

    async def glance(self, look: Callable[[Calendar], T]) -> T:
        """The same for a look at few events, which needs no index."""
        async with self.room() as room:
            return (await room.view(look)).value

    async def edit(self, change: Callable[[Calendar], T]) -> T:
        """Run `change` on the calendar as the caller; its result, once that is on disk."""
        async with self.room() as room:
            return await room.edit(self.granted, change)

    def may(self, role: Role) -> bool:
        """Whether the caller has that role in the project."""
        return self.granted.role >= role


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """An answer: what is sent as JSON (None: nothing), and what the headers say of it.

    ``status`` 0 stands for the operation's own. ``tag`` is the strong entity tag, quoted.
    """

    value: T
    status: int = 0
    tag: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
