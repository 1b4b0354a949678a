"""Which days a recurrence rule takes, period by period.

Days are ordinals, as of ``date.toordinal``. RFC 5545 tells rule parts that expand from parts that
limit; over the days of one period both come to the same: a day is taken when every part that is
given takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache

from crdt_calendar.model.rule import Rule
from crdt_calendar.model.when import LAST_YEAR

DayTest = Callable[[int], bool]

Period = tuple[int, Sequence[int]]
"""The first day of a year, month, week or day, and those of its days that may be taken."""

_LAST_DAY = date(LAST_YEAR, 12, 31).toordinal()


def completed(rule: Rule, first: datetime) -> Rule:
    """The rule with what it leaves open about the day taken from its first start.

    RFC 5545 section 3.3.10: "Information, not contained in the rule, necessary to determine the
    various recurrence instance start time and dates are derived from the Start Time".
    """
    if rule.by_day or rule.by_month_day or rule.by_year_day:
        return rule
    if rule.freq == "WEEKLY" or (rule.freq == "YEARLY" and rule.by_week_no):
        return replace(rule, by_day=((0, first.weekday()),))
    if rule.freq == "YEARLY":
        months = rule.by_month or (first.month,)
        return replace(rule, by_month=months, by_month_day=(first.day,))
    return replace(rule, by_month_day=(first.day,)) if rule.freq == "MONTHLY" else rule


def day_tests(rule: Rule) -> list[DayTest]:
    """The tests a day must pass, the cheap ones first. `PERIODS` may have done some already."""
    tests: list[DayTest] = []
    if rule.by_day:
        tests.append(_on_weekdays(rule))
    if rule.by_month and rule.freq not in ("YEARLY", "MONTHLY"):
        tests.append(lambda day: date.fromordinal(day).month in rule.by_month)
    if rule.by_month_day:
        tests.append(lambda day: _is_among(rule.by_month_day, *_place_in_month(day)))
    if rule.by_year_day:
        tests.append(lambda day: _is_among(rule.by_year_day, *_place_in_year(day)))
    if rule.by_week_no:
        tests.append(lambda day: _is_among(rule.by_week_no, *_week_in_year(day, rule.wkst)))
    return tests


def _on_weekdays(rule: Rule) -> DayTest:
    """BYDAY: any such weekday, or the nth of them in its month or year.

    "The BYDAY rule part MUST NOT be specified with a numeric value when the FREQ rule part is not
    set to MONTHLY or YEARLY": then the number is passed over.
    """
    weekdays = frozenset(weekday for _, weekday in rule.by_day)
    if rule.freq not in ("YEARLY", "MONTHLY") or not any(nth for nth, _ in rule.by_day):
        return lambda day: (day - 1) % 7 in weekdays
    place = _place_in_month if rule.freq == "MONTHLY" or rule.by_month else _place_in_year
    wanted = frozenset(rule.by_day)

    def test(day: int) -> bool:
        weekday = (day - 1) % 7
        if weekday not in weekdays:
            return False
        nth, from_end = place(day)
        ordinals = (0, (nth + 6) // 7, -((6 - from_end) // 7))
        return any((ordinal, weekday) in wanted for ordinal in ordinals)

    return test


def _is_among(wanted: tuple[int, ...], place: int, from_end: int) -> bool:
    return place in wanted or from_end in wanted


# Whoever draws a week asks every series about the same few days.
_of_recent_days = lru_cache(maxsize=4096)


@_of_recent_days
def _place_in_month(day: int) -> tuple[int, int]:
    """The place of a day in its month from the front (1 is the first) and the back (-1, last)."""
    its_date = date.fromordinal(day)
    days = _month_range(its_date.year, its_date.month)
    return its_date.day, day - days.stop


@_of_recent_days
def _place_in_year(day: int) -> tuple[int, int]:
    """The same in its year."""
    year = date.fromordinal(day).year
    return day - date(year, 1, 1).toordinal() + 1, day - date(year + 1, 1, 1).toordinal()


def _week_in_year(day: int, wkst: int) -> tuple[int, int]:
    """The number of the day's week in the year, from the front and the back.

    "Week number one of the calendar year is the first week that contains at least four (4) days in
    that calendar year": a week belongs to the year its fourth day is in.
    """
    fourth = day - (day - 1 - wkst) % 7 + 3
    place, from_end = _place_in_year(fourth)
    return (place + 6) // 7, -((6 - from_end) // 7)


def _year_of(moment: datetime, rule: Rule) -> int:
    return moment.year


def _year_days(year: int, rule: Rule) -> Period | None:
    if year > LAST_YEAR:
        return None
    begins = date(year, 1, 1).toordinal()
    if not rule.by_month:
        return begins, range(begins, date(year + 1, 1, 1).toordinal())
    months = (_month_range(year, month) for month in rule.by_month)
    return begins, [day for days in months for day in days]


def _month_of(moment: datetime, rule: Rule) -> int:
    return moment.year * 12 + moment.month - 1


def _month_days(number: int, rule: Rule) -> Period | None:
    year, month = divmod(number, 12)
    if year > LAST_YEAR:
        return None
    days = _month_range(year, month + 1)
    return days.start, days if not rule.by_month or month + 1 in rule.by_month else ()


def _month_range(year: int, month: int) -> range:
    following = date(year + month // 12, month % 12 + 1, 1)
    return range(date(year, month, 1).toordinal(), following.toordinal())


def _week_of(moment: datetime, rule: Rule) -> int:
    return (moment.toordinal() - 1 - rule.wkst) // 7


def _week_days(number: int, rule: Rule) -> Period | None:
    begins = number * 7 + 1 + rule.wkst
    return (begins, range(begins, begins + 7)) if begins + 7 < _LAST_DAY else None


def _day_of(moment: datetime, rule: Rule) -> int:
    return moment.toordinal()


def _single_day(day: int, rule: Rule) -> Period | None:
    return (day, (day,)) if day < _LAST_DAY else None


PERIODS: Mapping[
    str, tuple[Callable[[datetime, Rule], int], Callable[[int, Rule], Period | None]]
] = {
    "YEARLY": (_year_of, _year_days),
    "MONTHLY": (_month_of, _month_days),
    "WEEKLY": (_week_of, _week_days),
    "DAILY": (_day_of, _single_day),
}
"""For each frequency: the number of the period a moment is in, and the period of a number.

None past the end of the calendar. Rules by the hour and less go by days, too.
"""
