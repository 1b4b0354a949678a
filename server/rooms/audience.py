"""An audience: the listeners of one room, and what they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import Protocol, TypeVar

from pycrdt import Doc, Map

from crdt_calendar.errors import OverloadError
from crdt_calendar.limits import Limits
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.event import Event
from crdt_calendar.protocol.awareness import PresenceTable
from crdt_calendar.protocol.presence import Json, PresenceState, read_presence, write_presence
from server.rooms.chronicle import Chronicle
from server.rooms.listener import Draft, Listener
from server.rooms.news import News, Opened, Shown, View
from server.rooms.recall import recall
from server.storage.log import Log

T = TypeVar("T")

# Who was cut off is told what happened meanwhile, if they are back within that time; later it is
# looked for in the log.
REMEMBER_SECONDS = 300.0
RENEW_SECONDS = 15.0  # presence that is not renewed for 30 s is taken for gone


class Place(Protocol):
    """What an audience needs of the room it is in."""

    name: str

    @property
    def position(self) -> int:
        """Up to where it is published."""

    @property
    def doc(self) -> Doc[Map[object]]:
        """The document."""

    @property
    def log(self) -> Log:
        """Where its history is."""

    @property
    def limits(self) -> Limits:
        """What is allowed."""

    @property
    def presence(self) -> PresenceTable:
        """What the people here show."""

    def read(self) -> Calendar:
        """The calendar as it is now."""

    async def view(self, look: Callable[[Calendar], T]) -> View[T]:
        """What `look` sees between commits."""

    def settle(self, look: Callable[[], Callable[[], object]]) -> None:
        """Call `look` between commits, and what it returns once all is on disk."""

    def check_space(self) -> None:
        """Raises `TooManyConnections`."""

    def take_presence(self, who: Listener, body: bytes, now: float) -> bytes | None:
        """Take in what somebody says of themselves."""

    def drop_presence(self, who: Listener) -> None:
        """Somebody is gone."""


class Audience:
    """Who listens in a room. Every listener hears of whole commits, from the one after it came."""

    def __init__(self, room: Place) -> None:
        self._room = room
        self._listeners: dict[Listener, bool] = {}  # whether it hears what happens by now
        self._chronicle: Chronicle | None = None
        self._left_at = 0.0

    def __len__(self) -> int:
        return len(self._listeners)

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """Everybody who is here to listen."""
        return tuple(self._listeners)

    # For gateways

    @contextmanager
    def attended(self, listener: Listener) -> Iterator[None]:
        """Have the listener in the room; whichever way the block is left, it is gone at once."""
        self._room.check_space()
        self._listeners[listener] = False
        try:
            self._room.settle(partial(self._open, listener))
            yield
        finally:
            del self._listeners[listener]
            self._left_at = monotonic()
            self._room.drop_presence(listener)

    def show(self, listener: Listener, state: Mapping[str, Json] | None) -> None:
        """Show that in everybody's presence as what this listener does; None: it left.

        Raises `FrameTooLarge` and `HostileUpdate` beyond the limits of presence.
        """
        listener.clock += 1
        now = monotonic()
        told = PresenceState(listener.client, listener.clock, listener.stamp.id, state)
        self._room.take_presence(listener, write_presence([told]), now)
        listener.shown, listener.shown_at = state, now  # to be renewed, as it was taken

    async def recollect(self, since: int) -> None:
        """Find out what came after that position, for a listener that will ask for it.

        To be awaited before `attended`; where it finds nothing, `Opened.missed` will be None.
        """
        begun = await self._room.view(lambda _: self._begin())
        chronicle = begun.value
        chronicle.start_at(begun.position)
        if (start := chronicle.start) is None or chronicle.since(since) is not None:
            return
        news = await recall(self._room.log, self._room.name, since, start)
        if news is not None and self._chronicle is chronicle and chronicle.start == start:
            chronicle.recall(since, news)

    def since(self, position: int) -> tuple[News, ...] | None:
        """What has been told after that position; None when some of it is not known any more."""
        if self._chronicle is None or position > self._room.position:
            return None  # a position of before an older backup was put back
        return self._chronicle.since(position)

    def latest(self, event_id: str) -> Event | None:
        """An event as it was told last; None when that is not remembered."""
        return None if self._chronicle is None else self._chronicle.latest(event_id)

    def changed_since(self, event_id: str, version: int) -> frozenset[str] | None:
        """Which fields of an event were written after it had that version; None: nobody knows."""
        if self._chronicle is None:
            return None
        return self._chronicle.changed_since(event_id, version)

    # For the room

    def take(self) -> Draft | None:
        """What the batch that is being handed over has made of the calendar."""
        if self._chronicle is None:
            return None
        if not self._chronicle.observes(self._room.doc):
            self._start_over()
            return None
        heard = tuple(listener for listener, opened in self._listeners.items() if opened)
        return Draft(self._chronicle.take(), heard)

    def publish(self, draft: Draft, position: int, authors: frozenset[str]) -> None:
        """The batch is on disk: tell those who were there."""
        if self._chronicle is None or not self._chronicle.landed(draft.told):
            return
        news = News.of(draft.told, position, authors)
        self._chronicle.add(news)
        for listener in draft.listeners:
            if listener in self._listeners:
                listener.hear(news)
        news.forget()

    def see(self, body: bytes) -> None:
        """Presence has changed."""
        if not self._listeners:
            return
        told = read_presence(body, self._room.limits)
        user_of = self._room.presence.user_of
        states = {one.client: one.value for one in told if one.value is not None}
        left = {one.client: user_of(one.client) for one in told if one.value is None}
        shown = Shown(states, left)
        for listener, opened in tuple(self._listeners.items()):
            if opened:
                listener.hear(shown)

    def sweep(self, now: float) -> None:
        """Renew presence, and stop taking notes when nobody has listened for a while."""
        for listener in self.listeners:
            if listener.shown is not None and now - listener.shown_at >= RENEW_SECONDS:
                self.show(listener, listener.shown)
        if not self._listeners and now - self._left_at >= REMEMBER_SECONDS:
            self.close()

    def close(self) -> None:
        """Let go of the document."""
        if self._chronicle is not None:
            self._chronicle.close()
            self._chronicle = None

    def _open(self, listener: Listener) -> Callable[[], object]:
        """Let it hear of all that comes after this point, where it also looks."""
        chronicle = self._begin()
        if listener in self._listeners:
            self._listeners[listener] = True
        value = listener.glance(self._room.read())

        def welcome() -> None:
            chronicle.start_at(self._room.position)
            if listener in self._listeners:
                listener.hear(Opened(self._room.position, value, self._missed(listener.since)))

        return welcome

    def _begin(self) -> Chronicle:
        """Note down what happens from this point between commits, if that is not done yet."""
        self._left_at = monotonic()  # somebody is on the way, who may take a while
        if self._chronicle is None:
            self._chronicle = Chronicle(self._room.doc, self._room.read())
        return self._chronicle

    def _missed(self, since: int | None) -> tuple[News, ...] | None:
        if since is None:
            return ()
        return self.since(since)

    def _start_over(self) -> None:
        """The room has built its document anew: what was observed is another one."""
        self.close()
        for listener in self.listeners:
            listener.end(OverloadError("the document is loaded anew; come back in a moment"))
