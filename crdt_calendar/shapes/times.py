"""When an event takes place, in the words of JSON: dates, local times, or instants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import UNSET, UnsetType

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.when import Local, When, at_midnight, find_zone, is_date, parse_local

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def format_instant(moment: datetime) -> str:
    """An aware moment as JavaScript writes it: ``2026-03-01T08:00:00.000Z``."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return f"{text}Z"


def parse_instant(text: str, field: str) -> datetime:
    """An aware moment, in UTC. Raises `InvalidValue` naming `field`, also without an offset."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidValue(f"{field}: write {text[:40]!r} as 2026-03-01T09:00:00Z, or with +09:00")


@dataclass(frozen=True, slots=True)
class Span:
    """What somebody says of a time; `UNSET` is what they leave open.

    ``start`` and ``end`` are dates, local times, or instants with an offset. ``zone`` None stands
    for floating times. ``names`` are what start and end are called there, for errors.
    """

    start: str | UnsetType = UNSET
    end: str | UnsetType = UNSET
    zone: str | UnsetType | None = UNSET
    all_day: bool | UnsetType = UNSET
    names: Mapping[str, str] | None = None

    @property
    def says_nothing(self) -> bool:
        """Whether all is left open."""
        return all(part is UNSET for part in (self.start, self.end, self.zone, self.all_day))

    def when(self, held: When | None, home: ZoneInfo | None) -> When:
        """The time that this makes of the time `held`, in a calendar whose zone is `home`.

        What is left open stays as it was. A new event takes an hour, or a day, and is in the
        calendar's zone; without one it floats, or is in UTC where an instant is given. Raises
        `InvalidValue` naming the field.
        """
        zone = self._zone(held, home)
        first, last = self._local("start", zone), self._local("end", zone)
        start = first if first is not None else held.start if held is not None else None
        if start is None:
            raise InvalidValue(f"{self._name('start')}: missing; when does it begin?")
        days = is_date(start) if self.all_day is UNSET else bool(self.all_day)
        begins = _of_kind(start, days=days)
        ends = self._end(begins, last, held, moved=first is not None)
        return When(begins, ends, None if days else zone or self._instant_zone())

    def _zone(self, held: When | None, home: ZoneInfo | None) -> str | None:
        if self.zone is not UNSET:
            if self.zone and find_zone(self.zone) is None:
                raise InvalidValue(f"timeZone: {self.zone[:80]!r} is no IANA time zone")
            return self.zone or None
        if held is not None and not held.all_day:
            return held.tz
        return None if home is None else home.key

    def _local(self, which: str, zone: str | None) -> Local | None:
        text = self.start if which == "start" else self.end
        if text is UNSET:
            return None
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                moment = moment.astimezone(find_zone(zone or "UTC")).replace(tzinfo=None, fold=0)
        except (ValueError, OverflowError):
            return parse_local(text, self._name(which))
        is_day = len(text) == len("2026-03-01")
        spelled = text if is_day else moment.replace(microsecond=0).isoformat()
        return parse_local(spelled, self._name(which))

    def _end(self, begins: Local, last: Local | None, held: When | None, *, moved: bool) -> Local:
        days = is_date(begins)
        if last is not None:
            ends = _of_kind(last, days=days)
            return begins + DAY if days and ends == begins else ends
        if held is None or held.all_day != days:
            return begins + (DAY if days else HOUR)
        return begins + held.duration if moved else held.end

    def _instant_zone(self) -> str | None:
        """Instants in a calendar without a zone are in UTC."""
        given = [text for text in (self.start, self.end) if isinstance(text, str)]
        return "UTC" if any(_OFFSET.search(text) for text in given) else None

    def _name(self, which: str) -> str:
        return (self.names or {}).get(which, which)


_OFFSET = re.compile("T.*(Z|[+-][0-9:]+)$")


def _of_kind(local: Local, *, days: bool) -> Local:
    midnight = at_midnight(local)
    return midnight.date() if days else midnight
