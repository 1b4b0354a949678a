"""What the connections of one room have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol
from zoneinfo import ZoneInfo

from crdt_calendar.errors import InvalidValue, NoSuchProject
from crdt_calendar.model.event import Event
from crdt_calendar.shapes.events import zone_of
from crdt_calendar.shapes.messages import BOARD, Style
from server.gateways.events.crowd import Crowd
from server.gateways.events.edition import Edition, told_of
from server.gateways.events.scope import Scope
from server.gateways.events.voice import Voice
from server.rooms.news import News
from server.rooms.room import Room

LONGEST_KEPT = 256  # characters of a text; of a longer one its hash is kept
MOST_WRITTEN = 4096  # fields of events, of all who write through this door


class Kinded(Protocol):
    """A project."""

    @property
    def kind(self) -> str:
        """What it holds: `calendar` or `lineup`."""


class Projects(Protocol):
    """Whoever keeps the projects."""

    async def project(self, id: str, /) -> Kinded | None:
        """The project of that id."""


def _brief(value: object) -> object:
    """Something to compare a value by that is not large."""
    return hash(value) if isinstance(value, str) and len(value) > LONGEST_KEPT else value


class Common:
    """One room, its kind, its crowd, its zone, and who wrote which field here last."""

    def __init__(self, room: Room, kind: str) -> None:
        self.room = room
        self.kind = kind
        self.guests = 0
        self._zone: ZoneInfo | None = None
        self._crowd: Crowd | None = None
        self._written: dict[tuple[str, str], tuple[str, object]] = {}

    @property
    def is_board(self) -> bool:
        """Whether line-ups are here, and no events."""
        return self.kind == BOARD

    def check_kind(self, wanted: str) -> None:
        """Raise `InvalidValue` unless what is said of projects of that kind can be said here."""
        if wanted not in ("", self.kind):
            raise InvalidValue(
                f"payload.projectId: {self.room.name} is a {self.kind}, and no {wanted}"
            )

    def check_scope(self, scope: Scope) -> None:
        """Raise `InvalidValue` where there is no such part."""
        if self.is_board and not scope.is_whole:
            name = "eventId" if scope.start is None else "range"
            raise InvalidValue(f"payload.{name}: {self.room.name} is a lineup, and has no events")

    @property
    def zone(self) -> ZoneInfo:
        """The calendar's own."""
        if self._zone is None:
            self._zone = zone_of(self.room.read())
        return self._zone

    def meet(self) -> None:
        """Look who is here, for a listener that hears of all that comes after."""
        self.crowd.people()

    @property
    def crowd(self) -> Crowd:
        """Who is here. First asked for by `meet`."""
        if self._crowd is None:
            states = self.room.presence.states()
            shown = {client: one.value or {} for client, one in states.items()}
            users = {client: one.user for client, one in states.items()}
            self._crowd = Crowd(self.room.name, shown, users)
        return self._crowd

    def edition(self, news: News, voice: Voice, style: Style) -> Edition:
        """The news in that voice and style."""
        if news.properties is not None:
            self._zone = None
        return news.once(("events", voice, style), lambda _: self._edition(news, voice, style))

    def note_written(self, user: str, event_id: str, values: Mapping[str, object]) -> None:
        """That user wrote these fields: what they build on their own words is no conflict."""
        for key, value in values.items():
            self._written.pop((event_id, key), None)
            self._written[event_id, key] = (user, _brief(value))
        while len(self._written) > MOST_WRITTEN:
            del self._written[next(iter(self._written))]

    def is_own(self, user: str, event_id: str, key: str, value: object) -> bool:
        """Whether what an event says there is what that user wrote last."""
        return self._written.get((event_id, key)) == (user, _brief(value))

    def _edition(self, news: News, voice: Voice, style: Style) -> Edition:
        items = told_of(news, is_board=self.is_board)
        return Edition(news, items, self.room.name, self.zone, self._find, voice, style)

    def _find(self, event_id: str) -> Event | None:
        return self.room.read().find(event_id)


class Commons:
    """By room."""

    def __init__(self, projects: Projects) -> None:
        self._projects = projects
        self._commons: dict[Room, Common] = {}

    @asynccontextmanager
    async def of(self, room: Room) -> AsyncIterator[Common]:
        """What is common in that room, for as long as somebody shares it.

        Raises `NoSuchProject`.
        """
        if room not in self._commons:
            project = await self._projects.project(room.name)
            if project is None:
                raise NoSuchProject(f"no project {room.name}")
            self._commons.setdefault(room, Common(room, project.kind))
        common = self._commons[room]
        common.guests += 1
        try:
            yield common
        finally:
            common.guests -= 1
            if not common.guests:
                del self._commons[room]
