"""Moments: DATE and DATE-TIME properties with the zone that their TZID means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crdt_calendar.errors import InvalidValue
from crdt_calendar.ics.definitions import Definition
from crdt_calendar.ics.lines import Line
from crdt_calendar.ics.properties import MOST_OF_A_NAME
from crdt_calendar.ics.values import Duration, read_duration, read_moment
from crdt_calendar.ics.zones import Zones
from crdt_calendar.model.when import (
    FIRST_YEAR,
    LAST_YEAR,
    Local,
    When,
    at_midnight,
    find_zone,
    is_date,
    to_utc,
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A day (`tz` is None), or a time local to `tz`; None for floating times."""

    local: Local
    tz: str | None = None

    def local_to(self, when: When) -> Local:
        """The same moment as a start of the series that begins with `when`.

        A day means the instance on that day, a time in a series of days the day it is on.
        """
        if when.all_day:
            return self.local.date() if isinstance(self.local, datetime) else self.local
        if not isinstance(self.local, datetime):
            return datetime.combine(self.local, at_midnight(when.start).time())
        return convert(self.local, self.tz, when.tz)


def convert(local: datetime, from_tz: str | None, to_tz: str | None) -> datetime:
    """A local time of one zone in another; as it is when either floats."""
    here, there = find_zone(from_tz or ""), find_zone(to_tz or "")
    if here is None or there is None or here is there:
        return local
    return to_utc(local, here).astimezone(there).replace(tzinfo=None)


def read_moments(line: Line, zones: Zones) -> list[Moment]:
    """The moments of a property, one or a list; of a PERIOD the start. Raises `InvalidValue`."""
    return [moment for moment, _ in read_periods(line, zones)]


def read_single(line: Line, zones: Zones) -> Moment:
    """The moment of a property that has one. Raises `InvalidValue`."""
    return _read(line.value, line, zones)


def read_periods(line: Line, zones: Zones) -> list[tuple[Moment, Moment | None]]:
    """The moments of a property with the ends, if they have any (PERIOD, section 3.3.9)."""
    texts = line.value.split(",", MOST_OF_A_NAME)
    if len(texts) > MOST_OF_A_NAME:
        raise InvalidValue(f"more than {MOST_OF_A_NAME} of them")
    return [_read_period(text, line, zones) for text in texts if text.strip()]


def _read_period(text: str, line: Line, zones: Zones) -> tuple[Moment, Moment | None]:
    start_text, slash, end_text = text.partition("/")
    start = _read(start_text, line, zones)
    if not slash:
        return start, None
    if end_text.strip().upper().startswith(("P", "+P")):
        return start, after(start, read_duration(end_text))
    end = _read(end_text, line, zones)
    if convert(at_midnight(end.local), end.tz, start.tz) < at_midnight(start.local):
        raise InvalidValue(f"a period that ends before it starts: {text[:40]!r}")
    return start, end


def _read(text: str, line: Line, zones: Zones) -> Moment:
    local, in_utc = read_moment(text)
    if not FIRST_YEAR <= local.year <= LAST_YEAR:
        raise InvalidValue(f"years go from {FIRST_YEAR:04} to {LAST_YEAR}")
    if not isinstance(local, datetime):
        return Moment(local)
    if in_utc:
        return Moment(local, "UTC")
    tzid = line.param("TZID")
    zone = zones.resolve(tzid, line.number) if tzid else None
    if isinstance(zone, Definition):
        return Moment(zone.to_utc(local), "UTC")
    return Moment(local, zone)


def after(start: Moment, duration: Duration) -> Moment:
    """The moment so much later: days by the calendar, hours and below by the stopwatch.

    Raises `InvalidValue` past the end of the calendar.
    """
    try:
        if is_date(start.local):
            return Moment(start.local + timedelta(days=duration.total.days))
        zone = find_zone(start.tz or "UTC")
        assert isinstance(start.local, datetime) and zone is not None
        day = start.local + timedelta(days=duration.days)
        instant = day.replace(tzinfo=zone).astimezone(UTC) + duration.exact
        return Moment(instant.astimezone(zone).replace(tzinfo=None), start.tz)
    except OverflowError:
        raise InvalidValue("a duration past the end of the calendar") from None
