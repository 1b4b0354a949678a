"""Subscriptions: only what is on disk, in the order of the commits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated
from zoneinfo import ZoneInfo

import strawberry
from strawberry.types import Info

from crdt_calendar.errors import InvalidValue
from crdt_calendar.shapes.events import zone_of
from server.gateways.graphql.change import (
    ProjectNews,
    is_lost,
    news_in,
    project_news,
    properties_changed,
)
from server.gateways.graphql.conflict import Conflict, ConflictNews
from server.gateways.graphql.described import subscription
from server.gateways.graphql.desk import Asked
from server.gateways.graphql.following import follow, visiting
from server.gateways.graphql.inbox import PresenceInbox
from server.gateways.graphql.instance import RangeNews
from server.gateways.graphql.presence import PresenceNews, presence_news
from server.gateways.graphql.project import Calendar
from server.gateways.graphql.query import From, To, Zone, everybody
from server.gateways.graphql.scalars import JSON, SafeInt
from server.gateways.graphql.span import Range, Watch
from server.rooms.news import Opened
from server.rooms.room import Room

Since = Annotated[
    SafeInt | None,
    strawberry.argument(description="A position: what came after it is told first."),
]


@strawberry.type
class Subscription:
    @subscription
    async def project_events(
        self, info: Info[Asked], project_id: strawberry.ID, since: Since = None
    ) -> AsyncIterator[ProjectNews]:
        """What becomes of events and properties, commit by commit.

        The first answer comes at once, with the position from which on everything is told.
        """
        async with visiting(info.context, project_id) as visit:
            zone = (await visit.room.view(zone_of)).value
            async with aclosing(follow(visit, since)) as told:
                async for heard in told:
                    for news in news_in(heard):
                        calendar = None
                        if properties_changed(news):
                            zone, calendar = await _properties(visit.room, project_id)
                        if news.changes or isinstance(heard, Opened):
                            yield project_news(news, heard, project_id, zone, calendar)

    @subscription
    async def conflicts(
        self, info: Info[Asked], project_id: strawberry.ID, since: Since = None
    ) -> AsyncIterator[ConflictNews]:
        """Conflicts that come up, and those that are decided."""
        async with (
            visiting(info.context, project_id) as visit,
            aclosing(follow(visit, since)) as told,
        ):
            async for heard in told:
                for news in news_in(heard):
                    if news.conflicts or isinstance(heard, Opened):
                        yield ConflictNews(
                            position=SafeInt(news.position),
                            resync=is_lost(heard),
                            conflicts=[Conflict.of(one, project_id) for one in news.conflicts],
                        )

    @subscription
    async def events_in_range(
        self,
        info: Info[Asked],
        project_id: strawberry.ID,
        from_: From,
        to: To,
        time_zone: Zone = None,
    ) -> AsyncIterator[RangeNews]:
        """What enters a range of time, changes in it, and leaves it.

        The first answer has everything that is there.
        """
        watch = Watch(project_id, Range.read(from_, to, time_zone))
        async with (
            visiting(info.context, project_id) as visit,
            aclosing(follow(visit)) as told,
        ):
            async for heard in told:
                if isinstance(heard, Opened) or watch.outdated(heard):
                    view = await visit.room.browse(watch.look)
                    news = watch.begin(view.position, *view.value)
                else:
                    news = watch.take(heard)
                if news is not None:
                    yield news

    @subscription
    async def presence(
        self, info: Info[Asked], project_id: strawberry.ID, show: JSON | None = None
    ) -> AsyncIterator[PresenceNews]:
        """Who comes, who goes, and what they show. With `show` you are there yourself."""
        if show is not None and not isinstance(show, dict):
            raise InvalidValue("show: an object, with what you show of yourself")
        inbox = PresenceInbox()
        async with visiting(info.context, project_id) as visit:
            async with visit.attending(inbox) as listener:
                if show is not None:
                    visit.room.audience.show(listener, show)
                present = everybody(visit.room, project_id)
                yield PresenceNews(reset=True, present=present, left=[])
                while (taken := await inbox.take()) is not None:
                    if any(taken):
                        yield presence_news(project_id, *taken)
            if listener.error is not None:
                raise listener.error


async def _properties(room: Room, project: str) -> tuple[ZoneInfo, Calendar]:
    view = await room.view(lambda calendar: (zone_of(calendar), calendar.properties()))
    zone, properties = view.value
    return zone, Calendar.of(properties, project)
