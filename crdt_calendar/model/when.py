"""When an event takes place, as one plain value.

Start and end travel together, so that a concurrent move and resize can never merge into an event
that ends before it starts. Times are local to the event's own zone: 09:00 stays 09:00 when clocks
change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from crdt_calendar.errors import InvalidValue

Local = date | datetime
"""A `date`, or a `datetime` without a zone. Which zone it is local to is said beside it."""

# A year is kept free at both ends, so that no conversion between zones can leave the calendar.
FIRST_YEAR = 2
LAST_YEAR = 9998

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOCAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")


def parse_local(value: object, field: str) -> Local:
    """The date ``2026-03-01`` or local time ``2026-03-01T09:00:00`` that `value` spells.

    Raises `InvalidValue` naming `field`.
    """
    if not isinstance(value, str):
        raise InvalidValue(f"{field}: a date or local time is a string such as 2026-03-01T09:00:00")
    try:
        if _DATE.fullmatch(value):
            return _within_years(date.fromisoformat(value), field)
        if _LOCAL_TIME.fullmatch(value):
            return _within_years(datetime.fromisoformat(value), field)
    except ValueError as error:
        raise InvalidValue(f"{field}: {value} is not in the calendar ({error})") from error
    raise InvalidValue(f"{field}: write {value[:40]!r} as 2026-03-01T09:00:00 or 2026-03-01")


def format_local(local: Local) -> str:
    """How a date or a local time is written in the document."""
    return local.isoformat()


def is_date(local: Local) -> bool:
    """Whether `local` is a whole day. (A `datetime` is a `date` too, as far as Python knows.)"""
    return not isinstance(local, datetime)


def at_midnight(local: Local) -> datetime:
    """`local` itself, or the first moment of a day."""
    return local if isinstance(local, datetime) else datetime.combine(local, time())


@lru_cache(maxsize=1024)
def find_zone(key: str) -> ZoneInfo | None:
    """The IANA time zone of that name, None when there is none."""
    try:
        return ZoneInfo(key)
    except (KeyError, ValueError, OSError):  # unknown; not a key at all; a folder of zones
        return None


def parse_zone(value: object, field: str) -> str:
    """The name of a time zone we know. Raises `InvalidValue` naming `field`."""
    if not isinstance(value, str) or find_zone(value) is None:
        raise InvalidValue(f"{field}: {str(value)[:80]!r} is no IANA time zone; try Europe/Berlin")
    return value


def to_utc(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a local time, in UTC.

    RFC 5545 section 3.3.5: a local time that occurs twice "refers to the first occurrence"; one
    that does not occur "is interpreted using the UTC offset before the gap". PEP 495 gives both
    with ``fold=0``.
    """
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class When:
    """A span of local time: whole days, times in a zone, or floating times.

    ``start`` and ``end`` are both dates (all-day; ``tz`` is None) or both datetimes without tzinfo,
    to the second, local to ``tz``: an IANA name, ``"UTC"``, or None for floating times, which are
    local wherever one looks from. ``end`` is exclusive. A timed event may take no time at all.

    Raises `InvalidValue` naming the field when made of anything else.
    """

    start: Local
    end: Local
    tz: str | None = None

    def __post_init__(self) -> None:
        _within_years(self.start, "when.start")
        _within_years(self.end, "when.end")
        if is_date(self.start) != is_date(self.end):
            raise InvalidValue("when.end: start and end are both dates, or both local times")
        if self.all_day:
            self._check_days()
        else:
            self._check_times()

    def _check_days(self) -> None:
        if self.tz is not None:
            raise InvalidValue("when.tz: an all-day event has no time zone; leave it null")
        if self.end <= self.start:
            raise InvalidValue(f"when.end: {self.end} is not after {self.start}; it is exclusive")

    def _check_times(self) -> None:
        for field, moment in (("when.start", self.start), ("when.end", self.end)):
            if isinstance(moment, datetime) and (moment.tzinfo or moment.microsecond):
                raise InvalidValue(f"{field}: give local time to the second, and the zone in tz")
        if self.tz is not None:
            parse_zone(self.tz, "when.tz")
        if self.end < self.start:
            raise InvalidValue(f"when.end: {self.end} is before {self.start}")

    @classmethod
    def from_value(cls, value: object) -> When:
        """Read the document's plain value. Raises `InvalidValue` naming the field."""
        if not isinstance(value, Mapping):
            raise InvalidValue("when: give an object of start, end and tz")
        start = parse_local(value.get("start"), "when.start")
        end = parse_local(value.get("end"), "when.end")
        tz = value.get("tz")
        return cls(start, end, None if tz is None else parse_zone(tz, "when.tz"))

    def to_value(self) -> dict[str, str | None]:
        """The document's plain value: ``{start, end, tz}``."""
        return {"start": format_local(self.start), "end": format_local(self.end), "tz": self.tz}

    @property
    def all_day(self) -> bool:
        """Whether this is whole days."""
        return is_date(self.start)

    @property
    def floating(self) -> bool:
        """Whether these are times without a zone of their own."""
        return self.tz is None and not self.all_day

    @property
    def duration(self) -> timedelta:
        """The length on the clock on the wall: 22:00 to 06:00 is eight hours in every night."""
        return at_midnight(self.end) - at_midnight(self.start)

    def zone(self, default_zone: ZoneInfo) -> ZoneInfo:
        """The event's own time zone, or `default_zone` for whole days and floating times."""
        own = None if self.tz is None else find_zone(self.tz)
        return default_zone if own is None else own

    def starts_at(self, default_zone: ZoneInfo) -> datetime:
        """The first moment, aware, in the event's own zone, to show.

        To compare, use `instants`: by PEP 495 a time that occurs twice equals none of another zone.
        """
        zone = self.zone(default_zone)
        return to_utc(at_midnight(self.start), zone).astimezone(zone)

    def ends_at(self, default_zone: ZoneInfo) -> datetime:
        """The moment after the last, aware, in the event's own zone. Never before `starts_at`."""
        return self.instants(default_zone)[1].astimezone(self.zone(default_zone))

    def instants(self, default_zone: ZoneInfo) -> tuple[datetime, datetime]:
        """First moment and the one after the last, both in UTC."""
        zone = self.zone(default_zone)
        start, end = to_utc(at_midnight(self.start), zone), to_utc(at_midnight(self.end), zone)
        # 02:30 to 03:00 in a night without a 02:30: the start is put off past the end.
        return start, end if end >= start else start + self.duration

    def starting(self, start: Local) -> When:
        """The same length and zone from another start: a date when all-day, else a local time.

        Raises `InvalidValue` when that does not fit, in kind or in the calendar.
        """
        try:
            return When(start, start + self.duration, self.tz)
        except OverflowError as error:
            raise InvalidValue(f"when.end: years go up to {LAST_YEAR}") from error


def _within_years(local: Local, field: str) -> Local:
    if not FIRST_YEAR <= local.year <= LAST_YEAR:
        raise InvalidValue(f"{field}: years go from {FIRST_YEAR:04} to {LAST_YEAR}")
    return local
