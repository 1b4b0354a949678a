"""The recurrence rule of RFC 5545 section 3.3.10, as a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.when import FIRST_YEAR, LAST_YEAR, Local, is_date, to_utc

FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

# Every part spelled out in full is under 4,000 characters; more is no rule.
_LONGEST_TEXT = 4_000
# A step of centuries in seconds still counts; more only makes sums large.
_LARGEST_NUMBER = 10**10

_WEEKDAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"([0-9]{8})(?:T([0-9]{6})(Z?))?")
_NUMBER = re.compile(r"[+-]?[0-9]{1,11}")


@dataclass(frozen=True, slots=True)
class Until:
    """The last moment a rule may reach: a day, a local time, or (``utc``) an instant."""

    local: Local
    utc: bool = False

    def on_wall(self, start: Local, zone: ZoneInfo | None) -> datetime:
        """The bound as a local time to compare the starts of a series beginning at `start` with.

        ``zone`` is the series' own, None when it is floating or all-day. RFC 5545 wants UNTIL in
        the form of DTSTART; what calendars really write is bent to that.
        """
        if not isinstance(self.local, datetime):
            return datetime.combine(self.local, time(23, 59, 59))
        if is_date(start):
            return datetime.combine(self.local.date(), time())
        if self.utc and zone is not None:
            return self.local.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
        return self.local

    @classmethod
    def before(cls, start: Local, zone: ZoneInfo | None) -> Until:
        """The bound that lets in everything earlier than `start`, in the form of DTSTART."""
        if not isinstance(start, datetime):
            return cls(start - timedelta(days=1))
        if zone is None:
            return cls(start - timedelta(seconds=1))
        instant = to_utc(start, zone) - timedelta(seconds=1)
        return cls(instant.replace(tzinfo=None), utc=True)

    def __str__(self) -> str:
        day = f"{self.local.year:04}{self.local.month:02}{self.local.day:02}"
        if not isinstance(self.local, datetime):
            return day
        return f"{day}T{self.local:%H%M%S}" + ("Z" if self.utc else "")


@dataclass(frozen=True, slots=True)
class Rule:
    """One RRULE, its parts checked. ``by_day`` holds pairs of (ordinal or 0, weekday from 0).

    Build it with `parse`; ``str`` writes it back.
    """

    freq: str
    interval: int = 1
    count: int | None = None
    until: Until | None = None
    wkst: int = 0
    by_month: tuple[int, ...] = ()
    by_week_no: tuple[int, ...] = ()
    by_year_day: tuple[int, ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_day: tuple[tuple[int, int], ...] = ()
    by_hour: tuple[int, ...] = ()
    by_minute: tuple[int, ...] = ()
    by_second: tuple[int, ...] = ()
    by_set_pos: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read ``FREQ=WEEKLY;BYDAY=MO``. Raises `InvalidValue` naming the part."""
        return _parse(text)

    def ending(self, *, count: int | None = None, until: Until | None = None) -> Rule:
        """The same rule with another end."""
        return replace(self, count=count, until=until)

    def days_later(self, days: int) -> Rule:
        """A weekly rule, its weekdays so many days later.

        Where it matters what a week is, to pass over some or to count within one, that moves along.
        """
        by_day = sorted((nth, (weekday + days) % 7) for nth, weekday in self.by_day)
        weeks_matter = self.interval > 1 or self.by_set_pos
        wkst = (self.wkst + days) % 7 if weeks_matter else self.wkst
        return replace(self, wkst=wkst, by_day=tuple(by_day))

    def __str__(self) -> str:
        parts = {
            "FREQ": self.freq,
            "UNTIL": "" if self.until is None else str(self.until),
            "COUNT": "" if self.count is None else str(self.count),
            "INTERVAL": "" if self.interval == 1 else str(self.interval),
            "WKST": "" if self.wkst == 0 else WEEKDAYS[self.wkst],
            "BYDAY": ",".join(f"{nth or ''}{WEEKDAYS[day]}" for nth, day in self.by_day),
        }
        for name, part in _LISTS.items():
            parts[name] = ",".join(map(str, getattr(self, part.field)))
        return ";".join(f"{name}={value}" for name, value in parts.items() if value)


@dataclass(frozen=True, slots=True)
class _List:
    """A part that is a list of numbers between two bounds, or their negatives too."""

    field: str
    least: int
    most: int
    signed: bool = False

    def read(self, name: str, value: str) -> tuple[int, ...]:
        numbers = sorted({_number(name, item) for item in value.split(",")})
        for number in numbers:
            magnitude = abs(number) if self.signed else number
            if not self.least <= magnitude <= self.most:
                raise _invalid(name, f"{number} is not within {self.least} and {self.most}")
        return tuple(numbers)


_LISTS: Mapping[str, _List] = {
    "BYMONTH": _List("by_month", 1, 12),
    "BYWEEKNO": _List("by_week_no", 1, 53, signed=True),
    "BYYEARDAY": _List("by_year_day", 1, 366, signed=True),
    "BYMONTHDAY": _List("by_month_day", 1, 31, signed=True),
    "BYHOUR": _List("by_hour", 0, 23),
    "BYMINUTE": _List("by_minute", 0, 59),
    "BYSECOND": _List("by_second", 0, 60),
    "BYSETPOS": _List("by_set_pos", 1, 366, signed=True),
}


@lru_cache(maxsize=4096)
def _parse(text: str) -> Rule:
    if len(text) > _LONGEST_TEXT:
        raise InvalidValue(f"recurrence.rrule: longer than {_LONGEST_TEXT} characters")
    parts = _split(text.upper())
    if "FREQ" not in parts:
        raise InvalidValue("recurrence.rrule: FREQ is missing, as in FREQ=WEEKLY")
    if "COUNT" in parts and "UNTIL" in parts:
        raise InvalidValue("recurrence.rrule: give COUNT or UNTIL, not both")
    rule = Rule(_word("FREQ", parts.pop("FREQ"), FREQUENCIES))
    for name, value in parts.items():
        rule = _with_part(rule, name, value)
    return rule


def _split(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for piece in text.strip().rstrip(";").split(";"):
        name, equals, value = piece.strip().partition("=")
        if not equals or not value:
            raise InvalidValue(f"recurrence.rrule: {piece[:40]!r} is not NAME=VALUE")
        if name in parts:
            raise _invalid(name, "is given twice")
        parts[name] = value
    return parts


def _with_part(rule: Rule, name: str, value: str) -> Rule:
    if name in _LISTS:
        part = _LISTS[name]
        numbers = part.read(name, value)
        return replace(rule, **{part.field: numbers})  # type: ignore[arg-type]
    if name in _SINGLES:
        return _SINGLES[name](rule, value)
    if name.startswith("X-"):  # RFC 2445 let anybody add parts; they say nothing about when
        return rule
    raise _invalid(name, "is no part of a recurrence rule")


def _read_by_day(value: str) -> tuple[tuple[int, int], ...]:
    days = set()
    for item in value.split(","):
        match = _WEEKDAY.fullmatch(item.strip())
        if match is None or (match[1] and not 1 <= abs(int(match[1])) <= 53):
            raise _invalid("BYDAY", f"{item[:20]!r} is not a weekday such as MO or -1FR")
        days.add((int(match[1] or 0), WEEKDAYS.index(match[2])))
    return tuple(sorted(days, key=lambda day: (day[1], day[0])))


def _read_until(value: str) -> Until:
    match = _UNTIL.fullmatch(value)
    try:
        if match is not None and match[2] is None:
            return Until(_in_calendar(datetime.strptime(value, "%Y%m%d").date()))
        if match is not None:
            moment = datetime.strptime(value.rstrip("Z"), "%Y%m%dT%H%M%S")
            return Until(_in_calendar(moment), utc=bool(match[3]))
    except ValueError as error:
        raise _invalid("UNTIL", f"{value} is not in the calendar") from error
    raise _invalid("UNTIL", f"write {value[:20]!r} as 20260301 or 20260301T080000Z")


def _in_calendar(local: Local) -> Local:
    """Bring ``99991231T235959Z``, which many write for "for ever", within reach of arithmetic."""
    if FIRST_YEAR <= local.year <= LAST_YEAR:
        return local
    edge = date(LAST_YEAR, 12, 31) if local.year > LAST_YEAR else date(FIRST_YEAR, 1, 1)
    return datetime.combine(edge, time()) if isinstance(local, datetime) else edge


def _positive(name: str, value: str) -> int:
    number = _number(name, value)
    if not 1 <= number <= _LARGEST_NUMBER:
        raise _invalid(name, f"{number} is not a whole number from 1")
    return number


def _number(name: str, text: str) -> int:
    if not _NUMBER.fullmatch(text.strip()):
        raise _invalid(name, f"{text[:20]!r} is not a whole number")
    return int(text)


def _word(name: str, value: str, words: tuple[str, ...]) -> str:
    if value not in words:
        raise _invalid(name, f"{value[:20]!r} is none of {', '.join(words)}")
    return value


def _invalid(name: str, reason: str) -> InvalidValue:
    return InvalidValue(f"recurrence.rrule: {name[:20]} {reason}")


_SINGLES: Mapping[str, Callable[[Rule, str], Rule]] = {
    "INTERVAL": lambda rule, value: replace(rule, interval=_positive("INTERVAL", value)),
    "COUNT": lambda rule, value: replace(rule, count=_positive("COUNT", value)),
    "UNTIL": lambda rule, value: replace(rule, until=_read_until(value)),
    "WKST": lambda rule, value: replace(rule, wkst=WEEKDAYS.index(_word("WKST", value, WEEKDAYS))),
    "BYDAY": lambda rule, value: replace(rule, by_day=_read_by_day(value)),
}
