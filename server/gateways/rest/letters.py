"""Letters: what a webhook is told of the news of a room.

The body is that of Standard Webhooks: ``{"type", "timestamp", "data"}``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec

from crdt_calendar.model.changes import CalendarChanged, Change, Created, Deleted, Restored, Updated
from crdt_calendar.model.conflicts import OPEN
from crdt_calendar.shapes.conflicts import ConflictShape
from crdt_calendar.shapes.events import EventShape
from crdt_calendar.shapes.times import format_instant
from server.rooms.news import News
from server.storage.contracts import Letter

PING = "webhook.ping"
RESYNC = "calendar.resync"
"""Something was missed that nobody can tell any more: read the calendar anew."""

NAMES = {
    Created: "event.created",
    Updated: "event.updated",
    Deleted: "event.deleted",
    Restored: "event.restored",
}


def letter(kind: str, at: datetime, data: Mapping[str, object]) -> Letter:
    """A letter of that kind, about what was at that time."""
    body = {"type": kind, "timestamp": format_instant(at), "data": data}
    return Letter(f"msg_{uuid4().hex}", kind, msgspec.json.encode(body))


def letters_of(
    news: News, project: str, kinds: Collection[str], zone: ZoneInfo, now: datetime
) -> list[Letter]:
    """What one commit gives somebody to be told who asked for those kinds."""
    about = {"projectId": project, "position": news.position}
    told = (*_of_changes(news, project, zone), *_of_conflicts(news, project))
    return [letter(kind, at or now, {**about, **data}) for kind, at, data in told if kind in kinds]


_Told = tuple[str, datetime | None, Mapping[str, object]]


def _of_changes(news: News, project: str, zone: ZoneInfo) -> Iterator[_Told]:
    for change in news.changes:
        if isinstance(change, CalendarChanged):
            yield "calendar.updated", None, {"fields": sorted(change.fields)}
        else:
            yield _of_change(change, news, project, zone)


def _of_change(change: Change, news: News, project: str, zone: ZoneInfo) -> _Told:
    assert not isinstance(change, CalendarChanged)
    data: dict[str, object] = {"eventId": change.id}
    if isinstance(change, Updated):
        data["fields"] = sorted(change.fields)
    event, at = news.events.get(change.id), None
    if event is not None:
        data["event"] = EventShape.of(event, project, zone)
        stamp = event.deleted or event.updated
        at = stamp.at if stamp else None
    return NAMES[type(change)], at, data


def _of_conflicts(news: News, project: str) -> Iterator[_Told]:
    for conflict in news.conflicts:
        kind = "conflict.opened" if conflict.state == OPEN else "conflict.resolved"
        yield kind, None, {"conflict": ConflictShape.of(conflict, project)}
