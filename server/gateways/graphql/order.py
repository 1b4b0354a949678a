"""The order of one socket: answers to edits between the news they belong between.

A client that caches what it is told shows the last it heard. So what one socket tells of a project
must never go back: no news after younger ones, whichever subscription they are for, and an edit's
answer after the news of its commit, but not after younger ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from crdt_calendar.model.calendar import Calendar
from server.gateways.graphql.inbox import NewsInbox
from server.rooms.news import View
from server.rooms.room import Room

T = TypeVar("T")
TRIES = 8  # in a room where commits never pause: what is younger then comes with the next news


class Order:
    """What the subscriptions of one socket have heard and sent, by room."""

    def __init__(self) -> None:
        self._inboxes: dict[NewsInbox, None] = {}

    def add(self, inbox: NewsInbox) -> None:
        """A subscription begins, or comes back."""
        self._inboxes[inbox] = None

    def remove(self, inbox: NewsInbox) -> None:
        """It is over."""
        del self._inboxes[inbox]

    async def turn(self, inbox: NewsInbox, position: int) -> None:
        """Wait until no other subscription in that room has something older to send."""
        for other in tuple(self._inboxes):
            if other is not inbox and other.room is inbox.room:
                await other.emptied_to(position - 1)

    async def in_step(self, room: Room, view: View[T], look: Callable[[Calendar], T]) -> View[T]:
        """That view, or a younger one, once exactly what it shows has been sent as news."""
        for _ in range(TRIES):
            inboxes = [inbox for inbox in self._inboxes if inbox.room is room]
            for inbox in inboxes:
                await inbox.emptied_to(view.position)
            if all(inbox.latest <= view.position for inbox in inboxes):
                break
            view = await room.view(look)
        return view
