"""Feeds: a calendar's file by a secret link, ``.../calendar.ics?feed=SECRET``.

Programs that subscribe ask every few minutes, mostly for what they have: they are answered 304, and
no file is written for that.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from crdt_calendar.errors import CalendarError, NotFound
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.freebusy import Busy, busy_spans
from server.gateways.problem import problem
from server.rooms.exports import file_of
from server.rooms.registry import Registry
from server.rooms.room import Room
from server.storage.contracts import Feed, Feeds, digest_of

V = TypeVar("V")
PARAMETER = "feed"
# What a busy feed shows: from the beginning of last month, so that it changes once a month by
# itself, and as far as people plan.
BACK = timedelta(days=31)
AHEAD = timedelta(days=400)
# Of files that were asked for last, the content; a file of 10,000 events has 3 MB.
MOST_FILES = 16
# Of so many, what their content was made of, and its tag: enough to answer 304.
MOST_MARKS = 4096
# Times in headers have whole seconds: a file of this second may change in this second.
SETTLED = timedelta(seconds=2)
FRESH = {"cache-control": "private, max-age=60", "x-robots-tag": "noindex"}


@dataclass(frozen=True, slots=True)
class Mark:
    """Of what state a file is, its entity tag, and when that state came about, if known."""

    state: object
    tag: str
    modified: datetime | None


class FeedGateway:
    """Serves the links; whoever makes them does it by REST."""

    def __init__(self, registry: Registry, feeds: Feeds) -> None:
        self._registry = registry
        self._feeds = feeds
        self._marks: dict[str, Mark] = {}
        self._files: dict[str, bytes] = {}

    async def show(self, request: Request) -> Response:
        """``GET``: the file. An unknown or revoked secret is answered like no address at all."""
        try:
            feed = await self._feeds.opened_by(digest_of(request.query_params[PARAMETER]))
            if feed is None or feed.project != request.path_params["project"]:
                raise NotFound("no such feed; it may have been revoked")
            async with self._registry.room(feed.project) as room:
                return await (self._busy if feed.busy_only else self._whole)(request, room, feed)
        except CalendarError as error:
            return problem(error)

    async def _whole(self, request: Request, room: Room, feed: Feed) -> Response:
        """The calendar as it is exported."""
        position = (await room.view(lambda calendar: None)).position
        modified = await _written_at(room, position)

        async def write() -> bytes:
            # The document may be ahead of the position; then the next one who asks has it written
            # once more.
            update = (await room.view(lambda calendar: room.encode())).value
            return await file_of(update)

        return await self._answer(request, f"project {room.name}", position, modified, write)

    async def _busy(self, request: Request, room: Room, feed: Feed) -> Response:
        """Times and nothing else. When anything was written is not told: that is no time."""
        start, end = window(datetime.now(UTC))

        def look(calendar: Calendar) -> list[Busy]:
            return busy_spans(calendar.between(start, end), start, end)

        spans = (await room.browse(look)).value

        async def write() -> bytes:
            return _written(spans, feed.id)

        return await self._answer(request, f"feed {feed.id}", spans, None, write)

    async def _answer(
        self,
        request: Request,
        key: str,
        state: object,
        modified: datetime | None,
        write: Callable[[], Awaitable[bytes]],
    ) -> Response:
        mark, content = self._marks.get(key), self._files.get(key)
        if mark is None or mark.state != state:
            content = await write()
            mark = Mark(state, f'"{sha256(content).hexdigest()[:24]}"', modified)
        _keep(self._marks, key, mark, MOST_MARKS)
        headers = {**FRESH, "etag": mark.tag}
        if mark.modified is not None:
            headers["last-modified"] = format_datetime(mark.modified, usegmt=True)
        if not _has_it(request, mark):
            content = await write() if content is None else content
            headers["content-disposition"] = 'inline; filename="calendar.ics"'
            _keep(self._files, key, content, MOST_FILES)
            return Response(content, headers=headers, media_type="text/calendar")
        return Response(status_code=304, headers=headers)


def window(now: datetime) -> tuple[datetime, datetime]:
    """From when to when a busy feed tells of."""
    month = (now - BACK).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return month, month + AHEAD


async def _written_at(room: Room, position: int) -> datetime | None:
    """When the latest edit was written, to the second; None while that may be this second."""
    for row in await room.log.history(room.name, after=position - 1, most=1):
        at = datetime.fromtimestamp(row.at_ms // 1000, UTC)
        if row.seq == position and at <= datetime.now(UTC) - SETTLED:
            return at
    return None


def _written(spans: list[Busy], feed: str) -> bytes:
    from crdt_calendar.ics.busy import write_busy  # loads a library that takes a moment

    def uid_of(span: Busy) -> str:
        """Of this feed and this time only: two feeds, or two times, have nothing in common."""
        said = f"{span.start.isoformat()} {span.end.isoformat()}".encode()
        return hmac.digest(feed.encode(), said, "sha256").hex()[:32]

    return write_busy(spans, uid_of)


def _has_it(request: Request, mark: Mark) -> bool:
    """Whether the caller has this very file (RFC 9110 section 13.2.2)."""
    if (tags := request.headers.get("if-none-match")) is not None:
        return mark.tag in (one.strip().removeprefix("W/") for one in tags.split(","))
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
        return mark.modified is not None and since.tzinfo is not None and mark.modified <= since
    except ValueError:
        return False


def _keep(kept: dict[str, V], key: str, value: V, most: int) -> None:
    kept.pop(key, None)
    kept[key] = value
    while len(kept) > most:
        del kept[next(iter(kept))]
