"""Changes: what one commit made of a project."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from zoneinfo import ZoneInfo

import strawberry

from crdt_calendar.model.changes import (
    CalendarChanged,
    Change,
    Created,
    Deleted,
    Restored,
    Updated,
)
from crdt_calendar.model.event import Event as ModelEvent
from server.gateways.graphql.event import Event
from server.gateways.graphql.project import Calendar
from server.gateways.graphql.scalars import SafeInt, event_key
from server.rooms.news import News, Opened


@strawberry.enum(description="What became of an event.")
class ChangeKind(Enum):
    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    RESTORED = "restored"


@strawberry.type(description="What one commit made of one event.")
class EventChange:
    kind: ChangeKind
    key: strawberry.ID = strawberry.field(description="The `id` of the event.")
    event_id: strawberry.ID
    fields: list[str] = strawberry.field(
        description="Of an update: the keys in the document that were written."
    )
    by: str | None = strawberry.field(description="Whose edit it was; null when nobody can tell.")
    event: Event | None = strawberry.field(
        description="As it was after the commit, deleted or not; null when it was taken out."
    )


@strawberry.type(description="What one commit made of a project.")
class ProjectNews:
    position: SafeInt = strawberry.field(
        description="Give it as `since` to be told what comes after this."
    )
    resync: bool = strawberry.field(
        description="Whether something was missed that nobody knows any more: ask for all again."
    )
    changes: list[EventChange]
    calendar: Calendar | None = strawberry.field(
        description="Its properties, when this commit has changed them."
    )
    authors: list[str] = strawberry.field(description="Whose edits are in the commit.")


_KINDS: dict[type[Change], ChangeKind] = {
    Created: ChangeKind.CREATED,
    Updated: ChangeKind.UPDATED,
    Deleted: ChangeKind.DELETED,
    Restored: ChangeKind.RESTORED,
}


def news_in(heard: Opened | News) -> Sequence[News]:
    """The commits in it, in order; of `Opened` without any, none but where it stands."""
    if isinstance(heard, News):
        return (heard,)
    return heard.missed or (News(heard.position),)


def is_lost(heard: Opened | News) -> bool:
    """Whether nobody knows what came before."""
    return isinstance(heard, Opened) and heard.missed is None


def project_news(
    news: News,
    heard: Opened | News,
    project: str,
    zone: ZoneInfo,
    calendar: Calendar | None,
) -> ProjectNews:
    """The news of one commit."""
    return ProjectNews(
        position=SafeInt(news.position),
        resync=is_lost(heard),
        changes=_changes_in(news, project, zone),
        calendar=calendar,
        authors=sorted(news.authors),
    )


def properties_changed(news: News) -> bool:
    """Whether the calendar's own properties have changed."""
    return any(isinstance(one, CalendarChanged) for one in news.changes)


def _changes_in(news: News, project: str, zone: ZoneInfo) -> list[EventChange]:
    """The changes of events; made once for all who ask."""

    def make(news: News) -> list[EventChange]:
        return [
            _change(one, news, project, zone)
            for one in sorted(
                (one for one in news.changes if not isinstance(one, CalendarChanged)),
                key=lambda one: one.id,
            )
        ]

    return news.once((__name__, zone.key), make)


def _change(
    change: Created | Updated | Deleted | Restored, news: News, project: str, zone: ZoneInfo
) -> EventChange:
    event = news.events.get(change.id)
    return EventChange(
        kind=_KINDS[type(change)],
        key=event_key(project, change.id),
        event_id=strawberry.ID(change.id),
        fields=sorted(change.fields) if isinstance(change, Updated) else [],
        by=_author(event, news),
        event=None if event is None else Event.of(event, project, zone),
    )


def _author(event: ModelEvent | None, news: News) -> str | None:
    """Whom the server saw; among several, the one who signed the event."""
    if len(news.authors) == 1:
        return next(iter(news.authors))
    stamp = None if event is None else event.deleted or event.updated
    return stamp.by if stamp is not None and stamp.by in news.authors else None
