"""Ranges of time: what takes place in them, and what becomes of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import strawberry

from crdt_calendar.errors import FrameTooLarge, InvalidValue
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.changes import CalendarChanged
from crdt_calendar.model.event import Instance as ModelInstance
from crdt_calendar.model.timeline import Expansion, instances_of
from crdt_calendar.model.when import parse_zone
from crdt_calendar.shapes.events import zone_of
from crdt_calendar.shapes.times import format_instant, parse_instant
from server.gateways.graphql.instance import Instance, RangeNews
from server.gateways.graphql.paging import Key
from server.gateways.graphql.scalars import SafeInt
from server.rooms.news import News

LONGEST = timedelta(days=400)  # a year, which is more than a screen shows, and a month
# What one subscription watches: several months of a busy team.
MOST_WATCHED = 2_000


@dataclass(frozen=True, slots=True)
class Range:
    """From `start` to before `end`, both aware; ``zone`` None: the calendar's own."""

    start: datetime
    end: datetime
    zone: ZoneInfo | None

    @classmethod
    def read(cls, start: str, end: str, zone: str | None) -> Range:
        """The range in somebody's words. Raises `InvalidValue` naming the field."""
        begins, ends = parse_instant(start, "from"), parse_instant(end, "to")
        if ends <= begins:
            raise InvalidValue("to: not after from")
        if ends - begins > LONGEST:
            raise InvalidValue(f"to: more than {LONGEST.days} days after from; ask for less")
        found = None if zone is None else ZoneInfo(parse_zone(zone, "timeZone"))
        return cls(begins, ends, found)

    def expand(self, calendar: Calendar) -> Expansion:
        """What takes place in it."""
        return calendar.expand(self.start, self.end, self.zone)

    def key(self, instance: ModelInstance) -> Key:
        """The order of instances: by time, whole days first."""
        return (
            format_instant(instance.starts_at),
            "0" if instance.when.all_day else "1",
            instance.event_id,
            instance.recurrence_id or "",
        )


Known = dict[str, dict[strawberry.ID, Instance]]


class Watch:
    """What takes place in a range, kept up by news; by event."""

    def __init__(self, project: str, span: Range) -> None:
        self._project = project
        self._span = span
        self._zone = span.zone
        self._known: Known = {}
        self.position = -1

    def look(self, calendar: Calendar) -> tuple[ZoneInfo, Sequence[ModelInstance]]:
        """What there is now, for `begin`."""
        zone = self._span.zone or zone_of(calendar)
        return zone, self._span.expand(calendar).instances

    def begin(
        self, position: int, zone: ZoneInfo, found: Sequence[ModelInstance]
    ) -> RangeNews | None:
        """Take that for all there is; what differs from before. Raises `FrameTooLarge`."""
        fresh = self.position < 0
        self.position, self._zone = position, zone
        before, self._known = self._known, {}
        for instance in found:
            one = Instance.of(instance, self._project)
            self._known.setdefault(instance.event_id, {})[one.id] = one
        self._check()
        return self._news(fresh, before, self._known)

    def outdated(self, news: News) -> bool:
        """Whether to look at everything again: whole days are in another zone."""
        moved = (one for one in news.changes if isinstance(one, CalendarChanged))
        return self._span.zone is None and any("timezone" in one.fields for one in moved)

    def take(self, news: News) -> RangeNews | None:
        """What this made of the range, None when nothing. Raises `FrameTooLarge`."""
        if news.position <= self.position:
            return None
        self.position = news.position
        ids = [one.id for one in news.changes if not isinstance(one, CalendarChanged)]
        before = {event_id: self._known.pop(event_id, {}) for event_id in ids}
        after = {event_id: self._instances(news, event_id) for event_id in ids}
        self._known |= {event_id: found for event_id, found in after.items() if found}
        self._check()
        return self._news(False, before, after)

    def _instances(self, news: News, event_id: str) -> dict[strawberry.ID, Instance]:
        event = news.events.get(event_id)
        if event is None or self._zone is None:
            return {}
        drawn = instances_of(event, self._span.start, self._span.end, self._zone)
        found = [Instance.of(one, self._project) for one in drawn]
        return {one.id: one for one in found}

    def _news(self, reset: bool, before: Known, after: Known) -> RangeNews | None:
        old, new = _flat(before), _flat(after)
        entered = [one for id, one in new.items() if id not in old]
        changed = [one for id, one in new.items() if id in old and one != old[id]]
        left = [id for id in old if id not in new]
        if not (reset or entered or changed or left):
            return None
        position = SafeInt(self.position)
        return RangeNews(
            position=position, reset=reset, entered=entered, changed=changed, left=left
        )

    def _check(self) -> None:
        if sum(map(len, self._known.values())) > MOST_WATCHED:
            raise FrameTooLarge(f"to: more than {MOST_WATCHED} instances; ask for a shorter range")


def _flat(known: Mapping[str, dict[strawberry.ID, Instance]]) -> dict[strawberry.ID, Instance]:
    return {id: one for found in known.values() for id, one in found.items()}
