"""Following a room: commits in order, from a position on, by whoever is as slow as they like."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from time import monotonic

from crdt_calendar.errors import InvalidValue
from server.auth.grants import Grant
from server.gateways.graphql.desk import Asked
from server.gateways.graphql.inbox import Inbox, NewsInbox
from server.rooms.listener import Listener
from server.rooms.news import News, Opened
from server.rooms.room import Room


@dataclass(slots=True)
class Visit:
    """A subscription in a room: what its user may do, as of that epoch of the registry."""

    asked: Asked
    room: Room
    grant: Grant
    epoch: int

    @asynccontextmanager
    async def attending(self, inbox: Inbox, since: int | None = None) -> AsyncIterator[Listener]:
        """A listener in the room, whose inbox that is."""
        listener = Listener(
            self.grant,
            self.asked.desk.limits,
            now=monotonic(),
            heard=inbox.put,
            ended=inbox.end,
            reconsider=self.asked.reconsider,
            since=since,
        )
        registry = self.asked.desk.registry
        with self.room.audience.attended(listener):
            if self.epoch != registry.epoch:  # memberships changed meanwhile
                self.epoch = registry.epoch
                await listener.regrant()
            yield listener
        self.grant = listener.grant


@asynccontextmanager
async def visiting(asked: Asked, project: str) -> AsyncIterator[Visit]:
    """A visit to the room of a calendar, which counts as a connection.

    Raises `AccessError`, `InvalidValue` and `TooManyConnections`.
    """
    registry = asked.desk.registry
    epoch = registry.epoch
    grant = await asked.calendar_grant(project)
    async with registry.visit(project, grant.user) as room:
        yield Visit(asked, room, grant, epoch)


async def follow(visit: Visit, since: int | None = None) -> AsyncGenerator[Opened | News]:
    """`Opened`, with what came after `since`, and then what comes. Raises what ended it.

    When more waits than an inbox holds, it starts over from where it was: `Opened` once more.
    """
    room = visit.room
    if since is not None and since < 0:
        raise InvalidValue("since: no position; take one that you were told")
    if since is not None and since > room.position:
        # The data is older than what they know: somebody has put a backup back.
        yield Opened(room.position, None, missed=None)
        since = room.position
    while True:
        inbox = NewsInbox(room)
        if since is not None:
            await room.audience.recollect(since)
        async with visit.attending(inbox, since) as listener:
            with _ordered(visit.asked, inbox):
                while (heard := await inbox.take()) is not None:
                    if visit.asked.order is not None:
                        await visit.asked.order.turn(inbox, heard.position)
                    yield heard
                    since = heard.position
        if listener.error is not None:
            raise listener.error


@contextmanager
def _ordered(asked: Asked, inbox: NewsInbox) -> Iterator[None]:
    if asked.order is None:
        yield
        return
    asked.order.add(inbox)
    try:
        yield
    finally:
        asked.order.remove(inbox)
        inbox.end()  # nobody is to wait for it
