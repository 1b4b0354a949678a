"""A snapshot: what there is in a project or in parts of it, told in parts of a hundred events.

Each part is read between commits, so that it and the news that come before and after it are in
order, and takes some milliseconds; everybody else has their turn in between.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from msgspec import UNSET, Struct, UnsetType, structs

from crdt_calendar.errors import CalendarError
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.conflicts import Conflicts
from crdt_calendar.model.event import Event
from crdt_calendar.model.lineup import Lineup
from crdt_calendar.model.properties import Properties
from crdt_calendar.shapes.calendars import ProjectShape
from crdt_calendar.shapes.conflicts import ConflictShape
from crdt_calendar.shapes.events import EventShape
from crdt_calendar.shapes.lineups import LineupShape
from server.gateways.events.commons import Common
from server.gateways.events.scope import Scope

PART = 100  # events or line-ups, of which reading takes some 5 ms

log = logging.getLogger(__name__)


class SnapshotShape(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One part: of a calendar ``events``, of a board ``lineups``.

    The first one, number 0, has what there is besides.

    A client forgets what it had of this scope when the first part comes, and has everything when
    ``last`` is true.
    """

    project_id: str
    part: int
    last: bool
    scope: list[str]
    events: list[EventShape] | UnsetType = UNSET
    lineups: list[dict[str, object]] | UnsetType = UNSET
    project: ProjectShape | None = None
    conflicts: list[ConflictShape] | None = None


Tell = Callable[[SnapshotShape], object]


class Snapshot:
    """On its way to one connection."""

    def __init__(self, common: Common, scopes: Sequence[Scope], role: str) -> None:
        self._common = common
        self._scopes = scopes
        self._role = role
        self._ids: list[str] | None = None
        self._part = 0
        self._failed = False

    async def send(self, tell: Tell, space: Callable[[], Awaitable[None]]) -> None:
        """Give all parts to `tell`, each when there is space, and once it is on disk.

        `tell` is called in order with the news that the room's listeners hear.
        """
        while self._ids is None or self._ids:
            await space()
            done = asyncio.Event()
            self._common.room.settle(lambda done=done: self._look(tell, done))  # type: ignore[misc]
            await done.wait()
            if self._failed:
                raise CalendarError("the snapshot failed; see the server's log")
            await asyncio.sleep(0)

    def _look(self, tell: Tell, done: asyncio.Event) -> Callable[[], object]:
        """Read a part; what is returned tells it. What goes wrong here is no matter of the room."""
        part: SnapshotShape | None = None
        try:
            room = self._common.room
            is_board = self._common.is_board
            part = self._read_board(room.read_as(Lineup)) if is_board else self._read(room.read())
        except Exception:
            log.exception("a snapshot failed")
            self._failed = True

        def release() -> None:
            done.set()
            if part is not None:
                tell(part)

        return release

    def _read(self, calendar: Calendar) -> SnapshotShape:
        if self._ids is None:
            self._ids = self._all_ids(calendar)
        found = (calendar.find(event_id) for event_id in self._next(self._ids))
        events = [event for event in found if event is not None and event.deleted is None]
        project, zone = self._common.room.name, self._common.zone
        shapes = [EventShape.of(event, project, zone) for event in events if self._holds(event)]
        part = structs.replace(self._told(), events=shapes)
        if part.part:
            return part
        return structs.replace(
            part, project=self._project(calendar), conflicts=self._conflicts(calendar)
        )

    def _read_board(self, board: Lineup) -> SnapshotShape:
        if self._ids is None:
            self._ids = board.ids()
        found = (board.find(lineup_id) for lineup_id in self._next(self._ids))
        rows = [row for row in found if row is not None and row.deleted is None]
        part = structs.replace(
            self._told(), lineups=[LineupShape.of(row).to_plain() for row in rows]
        )
        name, kind = self._common.room.name, self._common.kind
        project = ProjectShape.of(Properties(), name, name=name, kind=kind, role=self._role)
        return part if part.part else structs.replace(part, project=project)

    def _next(self, ids: list[str]) -> list[str]:
        self._ids = ids[PART:]
        return ids[:PART]

    def _told(self) -> SnapshotShape:
        """The next part, without what is in it."""
        number, self._part = self._part, self._part + 1
        names = [scope.name for scope in self._scopes]
        project = self._common.room.name
        return SnapshotShape(project_id=project, part=number, last=not self._ids, scope=names)

    def _all_ids(self, calendar: Calendar) -> list[str]:
        if all(scope.event is not None for scope in self._scopes):
            return [scope.event for scope in self._scopes if scope.event is not None]
        return calendar.ids()

    def _holds(self, event: Event) -> bool:
        holding = [scope for scope in self._scopes if scope.holds(event, self._common.zone)]
        for scope in holding:
            if scope.start is not None and scope.seen is not None:
                scope.seen.add(event.id)
        return bool(holding)

    def _project(self, calendar: Calendar) -> ProjectShape:
        name = self._common.room.name
        return ProjectShape.of(calendar.properties(), name, name=name, role=self._role)

    def _conflicts(self, calendar: Calendar) -> list[ConflictShape]:
        records = Conflicts(self._common.room.doc, calendar).open()
        concerned = [
            one for one in records if any(scope.concerns_conflict(one) for scope in self._scopes)
        ]
        return [ConflictShape.of(one, self._common.room.name) for one in concerned]
