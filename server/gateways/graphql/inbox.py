"""Inboxes: what waits for one subscription. None of them grows beyond a bound."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import anyio

from crdt_calendar.protocol.presence import Json
from server.rooms.news import Heard, News, Opened, Shown
from server.rooms.room import Room

# Some seconds of a busy calendar. Beyond it the subscription starts over from where it was.
MOST_WAITING = 256
MOST_CHANGES = 2_048


class Inbox:
    """What a listener heard, until its subscription takes it."""

    def __init__(self) -> None:
        self._come = anyio.Event()
        self.over = False

    def put(self, heard: Heard) -> None:
        """Keep that; called by the room."""
        raise NotImplementedError

    def end(self) -> None:
        """Nothing comes any more."""
        self.over = True
        self._come.set()

    async def _wait(self) -> None:
        await self._come.wait()
        self._come = anyio.Event()


class NewsInbox(Inbox):
    """What was opened, and the news since, in order."""

    def __init__(self, room: Room) -> None:
        super().__init__()
        self.room = room
        self.latest = 0
        """The position of the youngest that was taken; it may be on its way to the socket still."""
        self._waiting: deque[Opened | News] = deque()
        self._changes = 0
        self._sent = anyio.Event()
        self._sending: int | None = None

    def put(self, heard: Heard) -> None:
        """Keep it; past the bound nothing is kept and the inbox is over."""
        if self.over or isinstance(heard, Shown):
            return
        self._waiting.append(heard)
        self._changes += len(heard.changes) if isinstance(heard, News) else 0
        if len(self._waiting) > 1 and (
            len(self._waiting) > MOST_WAITING or self._changes > MOST_CHANGES
        ):
            self._waiting.clear()
            self.end()
        self._come.set()

    def end(self) -> None:
        """Nothing comes any more, and nobody has to wait for it."""
        super().end()
        self._sent.set()

    async def take(self) -> Opened | News | None:
        """The next, None when it is over. What was taken before counts as sent."""
        if self._sending is not None:
            self._sending = None
            self._sent.set()
            self._sent = anyio.Event()
        while not (self._waiting or self.over):
            await self._wait()
        if self.over:
            return None
        heard = self._waiting.popleft()
        self._changes -= len(heard.changes) if isinstance(heard, News) else 0
        self.latest = self._sending = heard.position
        return heard

    async def emptied_to(self, position: int) -> None:
        """Wait until nothing up to that position waits here or is on its way."""
        while not self.over and self._holds(position):
            await self._sent.wait()

    def _holds(self, position: int) -> bool:
        sending = self._sending is not None and self._sending <= position
        return sending or bool(self._waiting and self._waiting[0].position <= position)


class PresenceInbox(Inbox):
    """The latest that each client shows, and those that left."""

    def __init__(self) -> None:
        super().__init__()
        self._states: dict[int, Mapping[str, Json]] = {}
        self._left: dict[int, None] = {}

    def put(self, heard: Heard) -> None:
        """Keep it: of each client only the latest."""
        if isinstance(heard, News):
            return
        if isinstance(heard, Shown):
            for client, state in heard.states.items():
                self._states[client] = state
                self._left.pop(client, None)
            for client in heard.left:
                self._states.pop(client, None)
                self._left[client] = None
        self._come.set()

    async def take(self) -> tuple[Mapping[int, Mapping[str, Json]], list[int]] | None:
        """What changed since the last time, together; None when it is over."""
        await self._wait()
        if self.over:
            return None
        states, self._states = self._states, {}
        left, self._left = self._left, {}
        return states, list(left)
