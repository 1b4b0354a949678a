"""An attendance: one connection in one room, and which parts of it the connection hears of.

It is a listener of the room. What it has to tell goes to the connection's outbox; when that drops
news, it says from which position they have to be told again, and that is done from what the room
remembers, from the log, or, where nobody knows any more, by a snapshot.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from time import monotonic
from typing import Any, Protocol

import anyio

from crdt_calendar.errors import CalendarError
from crdt_calendar.limits import Limits
from crdt_calendar.model.conflicts import Conflict
from crdt_calendar.shapes.messages import Style
from server.auth.grants import Grant
from server.gateways.events.commons import Common, Commons
from server.gateways.events.edition import ChangedLineup, Edition
from server.gateways.events.scope import Scope
from server.gateways.events.snapshot import Snapshot, SnapshotShape
from server.gateways.events.voice import Voice
from server.gateways.outbox import Outbox
from server.rooms.frame import Frame
from server.rooms.listener import Listener
from server.rooms.news import Heard, News, Opened, Shown
from server.rooms.registry import Registry
from server.rooms.room import Room

log = logging.getLogger(__name__)

Job = Callable[[], Coroutine[Any, Any, None]]


class Guest(Protocol):
    """The connection whose attendance it is."""

    outbox: Outbox

    @property
    def voice(self) -> Voice:
        """How it is spoken to."""

    @property
    def registry(self) -> Registry:
        """Where rooms are."""

    @property
    def limits(self) -> Limits:
        """What is allowed."""

    @property
    def commons(self) -> Commons:
        """What connections have in common."""

    async def reconsider(self, grant: Grant) -> Grant:
        """What it may do now."""

    def tell(self, frame: Frame, attendance: Attendance, before: int) -> None:
        """Send news."""

    def tell_part(self, part: SnapshotShape, attendance: Attendance, position: int | None) -> None:
        """Send a part of a snapshot."""

    def lost(self, attendance: Attendance, error: CalendarError | None) -> None:
        """An attendance is over."""


class Attendance:
    """One connection in one room. `run` it in a task of its own; it ends when that ends.

    ``welcome`` is called when it is in the room, before anything is told. ``since`` is a position
    from which to be told what was missed.
    """

    def __init__(
        self,
        guest: Guest,
        grant: Grant,
        style: Style,
        *,
        is_shown: bool = True,
        since: int | None = None,
        has_snapshot: bool = True,
    ) -> None:
        self.project = grant.project
        self.style = style
        self.scopes: dict[str, Scope] = {}
        self.position = since or 0  # told up to there, or on its way
        self.common: Common | None = None
        self.opened = anyio.Event()
        self.error: CalendarError | None = None
        self.welcome: Callable[[bool], object] = lambda resumed: None
        self._guest = guest
        self._is_shown = is_shown
        self._since = since
        self._has_snapshot = has_snapshot
        self._behind: int | None = None  # what came after that has to be told again
        self._unsettled = 0  # snapshots under way: until they are through no position is said
        self._scope = anyio.CancelScope()
        self._woken = anyio.Event()
        self._jobs: deque[Job] = deque()
        self.listener = Listener(
            grant,
            guest.limits,
            now=monotonic(),
            heard=self._hear,
            ended=self.leave,
            reconsider=guest.reconsider,
            since=since,
        )

    @property
    def grant(self) -> Grant:
        """What its user may do there now."""
        return self.listener.grant

    @property
    def is_settled(self) -> bool:
        """Whether all up to `position` is told, or on its way in order."""
        return self.common is not None and not self._unsettled and self._behind is None

    def leave(self) -> None:
        """Out of the room."""
        self._scope.cancel()

    async def run(self, epoch: int) -> None:
        """Be in the room until left, or sent away. ``epoch``: when the grant was made."""
        try:
            with self._scope:
                await self._attend(epoch)
            self.error = self.listener.error
        except CalendarError as error:
            self.error = error
        except Exception:
            log.exception("an attendance failed")
            self.error = CalendarError("this subscription failed; see the server's log")
        finally:
            self.common = None
            self._guest.lost(self, self.error)
            self.opened.set()

    async def _attend(self, epoch: int) -> None:
        guest = self._guest
        async with guest.registry.visit(self.project, self.grant.user) as room:
            if self._since is not None:
                await room.audience.recollect(self._since)
            async with guest.commons.of(room) as self.common:
                await self._stay(room, self.common, epoch)

    async def _stay(self, room: Room, common: Common, epoch: int) -> None:
        for scope in self.scopes.values():
            common.check_scope(scope)
        with room.audience.attended(self.listener):
            if epoch != self._guest.registry.epoch:  # memberships changed meanwhile
                await self.listener.regrant()
            while True:
                await self._woken.wait()
                self._woken = anyio.Event()
                while self._jobs:
                    await self._jobs.popleft()()

    def _do(self, job: Job) -> None:
        self._jobs.append(job)
        self._woken.set()

    # What the room says

    def _hear(self, what: Heard) -> None:
        match what:
            case Opened():
                self._open(what)
            case News() if self._behind is None:
                self._tell(what)
            case Shown():
                self._see(what)
            case _:
                pass

    def _open(self, opened: Opened) -> None:
        common = self._common()
        common.meet()
        resumed = self._since is not None and opened.missed is not None
        self.welcome(resumed)
        if resumed:
            self._behind = self._since
            self.catch_up()
        else:
            self.position = opened.position
            if self._has_snapshot:
                self.show_all(*self.scopes.values())
            self._tell_everybody()
        if self._is_shown:
            common.room.audience.show(self.listener, {})
        self.opened.set()

    def _tell(self, news: News) -> None:
        edition = self._common().edition(news, self._guest.voice, self.style)
        chosen = self._choose(edition)
        frame = edition.frame(chosen, self.grant.user, settled=not self._unsettled)
        before, self.position = self.position, news.position
        if frame is not None:
            self._guest.tell(frame, self, before)

    def _choose(self, edition: Edition) -> tuple[int, ...]:
        """Which of the news concern a part that was asked for."""
        scopes, zone = self.scopes.values(), self._common().zone
        if any(scope.is_whole for scope in scopes):
            return tuple(range(len(edition.items)))
        chosen = []
        for index, item in enumerate(edition.items):
            if isinstance(item, Conflict):
                concerned = [scope.concerns_conflict(item) for scope in scopes]
            elif isinstance(item, ChangedLineup):
                continue  # a board has no parts
            else:
                event = edition.news.events.get(getattr(item, "id", ""))
                # Each of them is asked: they remember what their client knows.
                concerned = [scope.concerns(item, event, zone) for scope in scopes]
            if any(concerned):
                chosen.append(index)
        return tuple(chosen)

    def _see(self, shown: Shown) -> None:
        sights = self._common().crowd.see(shown)  # also for who is behind: the crowd is everybody's
        if self._behind is None and self._is_shown:
            frame = sights.frame(self._guest.voice, self.style, self.listener.client)
            if frame is not None:
                self._guest.tell(frame, self, self.position)

    def _tell_everybody(self) -> None:
        if self._is_shown:
            everybody = self._common().crowd.everybody()
            frame = everybody.frame(self._guest.voice, self.style, self.listener.client)
            if frame is not None:
                self._guest.tell(frame, self, self.position)

    # Falling behind, and catching up

    def fall_behind(self, position: int) -> None:
        """What came after that position was dropped, and has to be told again."""
        self._behind = position if self._behind is None else min(self._behind, position)

    def tell_again(self, since: int) -> None:
        """Tell everything after that position, whether it was told or not."""
        self.fall_behind(since)
        self.catch_up()

    def catch_up(self) -> None:
        """Tell again what was dropped, as far as there is room."""
        if self._behind is None or self.common is None:
            return
        missed = self.common.room.audience.since(self._behind)
        if missed is None:
            self._do(self._recollect)
            return
        self.position, self._behind = self._behind, None
        for news in missed:
            if self._guest.outbox.is_full:
                self._behind = self.position
            if self._behind is not None:
                return  # called again when the outbox has drained
            self._tell(news)
        self._tell_everybody()

    async def _recollect(self) -> None:
        if self._behind is None:
            return
        audience = self._common().room.audience
        await audience.recollect(self._behind)
        if audience.since(self._behind) is None:
            self._behind, self.position = None, self._common().room.position
            self.show_all(*self.scopes.values())
            self._tell_everybody()
        else:
            self.catch_up()

    # Snapshots

    def show_all(self, *scopes: Scope) -> None:
        """Send a snapshot of these parts."""
        self._unsettled += 1
        self._do(partial(self._send_snapshot, scopes))

    async def _send_snapshot(self, scopes: tuple[Scope, ...]) -> None:
        snapshot = Snapshot(self._common(), scopes, self.grant.role.name.lower())
        await snapshot.send(self._tell_part, self._guest.outbox.space)

    def _tell_part(self, part: SnapshotShape) -> None:
        """A part is on disk, and so is all that was told before it."""
        if self.common is None:
            return
        self._unsettled -= part.last
        settled = part.last and not self._unsettled and self._behind is None
        self._guest.tell_part(part, self, self.position if settled else None)

    def _common(self) -> Common:
        assert self.common is not None, "only in a room is anything said"
        return self.common
