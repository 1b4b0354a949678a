"""Values of RFC 5545 section 3.3 that are times: text to value and back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from crdt_calendar.errors import InvalidValue

_DATE_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z)?)?", re.ASCII)
_OFFSET = re.compile(r"([+-]?)(\d\d):?(\d\d)(\d\d)?", re.ASCII)
_DURATION = re.compile(
    r"([+-]?)P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time: days are counted on the calendar, the rest on a stopwatch.

    "The duration of a week or a day depends on its position in the calendar" (section 3.3.6).
    """

    days: int
    exact: timedelta

    @property
    def total(self) -> timedelta:
        """Where no calendar is at hand: a day as 24 hours."""
        return timedelta(days=self.days) + self.exact


def read_moment(text: str) -> tuple[date | datetime, bool]:
    """A DATE or a DATE-TIME, without a tzinfo, and whether it is in UTC. Raises `InvalidValue`."""
    match = _DATE_TIME.fullmatch(text.strip())
    if not match:
        raise InvalidValue(f"not a date or a time: {text[:40]!r}")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        if match[4] is None:
            return date(year, month, day), False
        # A positive leap second "is to be treated as" the one before it (section 3.3.12).
        return datetime(year, month, day, hour, minute, min(second, 59)), match[7] is not None
    except ValueError:
        raise InvalidValue(f"no such date or time: {text[:40]!r}") from None


def read_date_time(text: str) -> datetime:
    """A DATE-TIME without its zone; a DATE as its midnight. Raises `InvalidValue`."""
    moment, _ = read_moment(text)
    return moment if isinstance(moment, datetime) else datetime(*moment.timetuple()[:3])


def read_offset(text: str) -> timedelta:
    """A UTC-OFFSET. Raises `InvalidValue`."""
    match = _OFFSET.fullmatch(text.strip())
    if not match or int(match[2]) > 23:
        raise InvalidValue(f"not an offset from UTC: {text[:40]!r}")
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]), seconds=int(match[4] or 0))
    return -offset if match[1] == "-" else offset


def read_duration(text: str) -> Duration:
    """A DURATION. Raises `InvalidValue`."""
    match = _DURATION.fullmatch(text.strip().upper())
    if not match or len(text) > 40:
        raise InvalidValue(f"not a duration: {text[:40]!r}")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    sign = -1 if match[1] == "-" else 1
    if max(weeks, days, hours, minutes, seconds) > 10**8:
        raise InvalidValue(f"a duration beyond all calendars: {text[:40]!r}")
    exact = timedelta(hours=hours, minutes=minutes, seconds=seconds) * sign
    return Duration((weeks * 7 + days) * sign, exact)


def write_date(moment: date) -> str:
    """A DATE."""
    return f"{moment.year:04}{moment.month:02}{moment.day:02}"


def write_date_time(moment: datetime) -> str:
    """A DATE-TIME without zone or Z, to the second."""
    return f"{write_date(moment)}T{moment.hour:02}{moment.minute:02}{moment.second:02}"


def write_offset(offset: timedelta) -> str:
    """A UTC-OFFSET; seconds only if there are any."""
    total = int(offset.total_seconds())
    hours, rest = divmod(abs(total), 3600)
    minutes, seconds = divmod(rest, 60)
    written = f"{'-' if total < 0 else '+'}{hours:02}{minutes:02}"
    return f"{written}{seconds:02}" if seconds else written


def write_duration(seconds: int) -> str:
    """A DURATION in its usual form: weeks or days, hours, minutes, seconds."""
    sign, total = ("-", -seconds) if seconds < 0 else ("", seconds)
    days, rest = divmod(total, 86_400)
    if not rest and days and days % 7 == 0:
        return f"{sign}P{days // 7}W"
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    clock = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (left, "S")) if n)
    day = f"{days}D" if days else ""
    return f"{sign}P{day}T{clock}" if clock else f"{sign}P{day or 'T0S'}"
