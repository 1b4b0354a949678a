"""A VTIMEZONE of a file as a rule for offsets (RFC 5545 section 3.6.5), evaluated within bounds.

Used only when the zone's name says nothing: to find the IANA zone with the same rules, or else to
turn its times into UTC. Rules that are more than "that weekday of that month, every year" are not
understood; no zone on earth that has a rule needs more.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from crdt_calendar.errors import InvalidValue
from crdt_calendar.ics.components import Component
from crdt_calendar.ics.values import read_date_time, read_offset

# A zone with its whole history from 1847 on has about a hundred.
MOST_OBSERVANCES = 200
# Offsets are compared and computed for these years; before and after, the nearest rule holds.
FIRST_YEAR, LAST_YEAR = 1970, 2040

_DAY = timedelta(days=1)

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_BY_DAY = re.compile(r"([+-]?\d)?(MO|TU|WE|TH|FR|SA|SU)")


@dataclass(frozen=True, slots=True)
class Definition:
    """The transitions of a zone, in order: from `at_utc[i]` on, the offset is `offsets[i + 1]`."""

    at_utc: tuple[datetime, ...]
    offsets: tuple[timedelta, ...]

    def offset(self, at_utc: datetime) -> timedelta:
        """The offset from UTC at a moment, given in UTC without a tzinfo."""
        return self.offsets[bisect_right(self.at_utc, at_utc)]

    def to_utc(self, local: datetime) -> datetime:
        """A local time as UTC, without a tzinfo.

        "If the local time described does not occur [...] the DATE-TIME value is interpreted using
        the UTC offset before the gap"; if it occurs twice, the first is meant (section 3.3.5).
        """
        position = bisect_left(self.at_utc, local - _DAY)  # no offset is more than a day
        while position < len(self.at_utc):
            before, after = self.offsets[position : position + 2]
            if local - max(before, after) < self.at_utc[position]:
                break
            position += 1
        return local - self.offsets[position]


def read_definition(component: Component) -> Definition:
    """What a VTIMEZONE says. Raises `InvalidValue` when that is nothing we understand."""
    transitions = dict[datetime, tuple[timedelta, timedelta]]()
    for observance in component.parts[:MOST_OBSERVANCES]:
        transitions.update(_transitions(observance))
    if not transitions:
        raise InvalidValue("a time zone without STANDARD or DAYLIGHT")
    moments = sorted(transitions)
    first_offset = transitions[moments[0]][0]
    return Definition(
        tuple(moments), (first_offset, *(transitions[moment][1] for moment in moments))
    )


def _transitions(
    observance: Component,
) -> Iterator[tuple[datetime, tuple[timedelta, timedelta]]]:
    """Each moment in UTC at which the observance begins, with the offsets before and after."""
    before, after = (read_offset(_value(observance, n)) for n in ("TZOFFSETFROM", "TZOFFSETTO"))
    start = read_date_time(_value(observance, "DTSTART"))
    rule = observance.first("RRULE")
    onsets = _yearly(start, rule.value) if rule else iter([start])
    dates = [one for line in observance.all("RDATE") for one in line.value.split(",")]
    for onset in (*onsets, *(read_date_time(date) for date in dates)):
        if onset.year > 1:  # in UTC it could be before all years
            yield onset - before, (before, after)


def _value(component: Component, name: str) -> str:
    line = component.first(name)
    if line is None:
        raise InvalidValue(f"a time zone without {name}")
    return line.value


def _yearly(start: datetime, rule: str) -> Iterator[datetime]:
    """The onsets of a yearly rule."""
    parts = dict(part.upper().split("=", 1) for part in rule.split(";") if "=" in part)
    if parts.get("FREQ") != "YEARLY" or parts.get("INTERVAL", "1") != "1" or "COUNT" in parts:
        raise InvalidValue(f"a time zone rule we do not understand: {rule[:80]}")
    until = read_date_time(parts.get("UNTIL", "99991231"))
    for year in range(max(start.year, FIRST_YEAR), min(until.year, LAST_YEAR) + 1):
        onset = _onset(start, year, parts)
        # UNTIL is in UTC, the onset is not; they are a year apart or the same.
        if onset is not None and start <= onset and onset - _DAY <= until:
            yield onset


def _onset(start: datetime, year: int, parts: dict[str, str]) -> datetime | None:
    month = _number(parts.get("BYMONTH", str(start.month)), 12)
    days = range(1, monthrange(year, month)[1] + 1)
    by_day = _BY_DAY.fullmatch(parts.get("BYDAY", ""))
    allowed = _month_days(parts, days, start.day if by_day is None else None)
    if by_day:
        weekday = WEEKDAYS.index(by_day[2])
        allowed = [d for d in allowed if datetime(year, month, d).weekday() == weekday]
    position = int(by_day[1]) if by_day and by_day[1] else 1
    position = position - 1 if position > 0 else len(allowed) + position
    if not 0 <= position < len(allowed):
        return None
    return start.replace(year=year, month=month, day=allowed[position])


def _month_days(parts: dict[str, str], days: range, otherwise: int | None) -> list[int]:
    if "BYMONTHDAY" in parts:
        named = {_number(day, 31) for day in parts["BYMONTHDAY"].split(",")}
    else:
        named = set(days) if otherwise is None else {otherwise}
    return [day for day in days if day in named]


def _number(text: str, most: int) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise InvalidValue(f"not a number from 1 to {most} in a time zone rule: {text[:20]!r}")
    return int(text)
