"""The starts of a series within a span of local time, found within bounds.

A rule that never matches, or matches every second, must not hold up anybody: each expansion has a
budget, and starts at the span that was asked for rather than at the beginning of the series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import product

from crdt_calendar.model.days import PERIODS, Period, completed, day_tests
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.rule import Rule
from crdt_calendar.model.when import (
    FIRST_YEAR,
    LAST_YEAR,
    Local,
    When,
    at_midnight,
    find_zone,
    is_date,
)

# 270 years of days, or a day of seconds, in about a twentieth of a second. A person's calendar
# looks at a few hundred.
LOOKS = 100_000
# A daily series shows 13 years, an hourly one half a year, in one answer.
STARTS = 5_000

BEGINNING = datetime(FIRST_YEAR, 1, 1)
END = datetime(LAST_YEAR, 12, 31, 23, 59, 59)

_SECOND = timedelta(seconds=1)
_DAY_SECONDS = 86_400
_UNIT_SECONDS = {"HOURLY": 3600, "MINUTELY": 60, "SECONDLY": 1}


@dataclass(slots=True)
class Budget:
    """How much one expansion may cost: days and moments looked at, and starts found."""

    looks: int = LOOKS
    starts: int = STARTS
    exhausted: bool = False

    def look(self, number: int) -> bool:
        """Spend `number` looks; False when they are used up."""
        self.looks -= number
        self.exhausted = self.exhausted or self.looks < 0
        return not self.exhausted

    def find(self) -> bool:
        """Spend one start; False when they are used up."""
        self.starts -= 1
        self.exhausted = self.exhausted or self.starts < 0
        return not self.exhausted


def starts_within(
    when: When, recurrence: Recurrence, lo: datetime, hi: datetime, budget: Budget
) -> list[Local]:
    """The starts of a series from `lo` to before `hi`, sorted, in the form of ``when.start``.

    ``lo`` and ``hi`` are local to the series' own zone. ``when.start`` is always the first
    instance, as RFC 5545 counts it, whether the rule yields it or not. When the budget runs out,
    what was found so far is returned.
    """
    first = at_midnight(when.start)
    as_start: Callable[[datetime], Local] = datetime.date if when.all_day else _itself
    found = {as_start(first)} if lo <= first < hi else set()
    for extra in recurrence.rdate:
        moment = _rdate_start(extra, when)
        if lo <= moment < hi:
            found.add(as_start(moment))
    if recurrence.rule is not None:
        for moment in _rule_starts(recurrence.rule, when, lo, hi, budget):
            if not budget.find():
                break
            found.add(as_start(moment))
    return sorted(found)


def has_start(when: When, recurrence: Recurrence, start: Local) -> bool:
    """Whether the series has an instance that starts at `start`."""
    if is_date(start) != when.all_day:
        return False
    lo = at_midnight(start)
    hi = lo + (timedelta(days=1) if when.all_day else _SECOND)
    return start in starts_within(when, recurrence, lo, hi, Budget())


def last_start(when: When, recurrence: Recurrence) -> datetime | None:
    """A local time no start of the series comes after; None when it goes on for ever."""
    latest = max([at_midnight(when.start), *(_rdate_start(day, when) for day in recurrence.rdate)])
    if recurrence.rule is None:
        return latest
    bound = rule_bound(recurrence.rule, when)
    return None if bound is None else max(latest, bound)


def rule_bound(rule: Rule, when: When) -> datetime | None:
    """The local time after which the rule yields nothing; None when it goes on for ever.

    A COUNT is found out once by counting, and from then on is a bound like any other.
    """
    if rule.until is not None:
        zone = None if when.tz is None else find_zone(when.tz)
        return rule.until.on_wall(when.start, zone)
    return None if rule.count is None else _last_counted(rule, at_midnight(when.start))


def count_before(rule: Rule, when: When, start: Local) -> int | None:
    """How many instances of the rule precede `start`, ``when.start`` counting as the first.

    None when that is past counting.
    """
    budget = Budget()
    first = at_midnight(when.start)
    earlier = _rule_starts(rule, when, first, at_midnight(start), budget)
    number = 1 + sum(1 for _ in earlier)
    return None if budget.exhausted else number


def _itself(moment: datetime) -> Local:
    return moment


def _rdate_start(extra: Local, when: When) -> datetime:
    """An extra date as the start of an instance; a bare date has the time of the series."""
    if isinstance(extra, datetime):
        return extra if not when.all_day else at_midnight(extra.date())
    return datetime.combine(extra, at_midnight(when.start).time())


def _rule_starts(
    rule: Rule, when: When, lo: datetime, hi: datetime, budget: Budget
) -> Iterator[datetime]:
    """What the rule yields after the first start, from `lo` to before `hi`."""
    first, bound = at_midnight(when.start), rule_bound(rule, when)
    stop = hi if bound is None else min(hi, bound + _SECOND)
    for moment in _plan(rule, first).moments(lo, stop, budget):
        if moment >= stop:
            return
        if moment >= lo:
            yield moment


@lru_cache(maxsize=4096)
def _last_counted(rule: Rule, first: datetime) -> datetime:
    """The start at which COUNT is reached; the last one found when that is past counting."""
    last = first
    for number, moment in enumerate(_plan(rule, first).moments(first, END, Budget()), start=2):
        if number > (rule.count or 1):
            break
        last = moment
    return last


@lru_cache(maxsize=4096)
def _plan(rule: Rule, first: datetime) -> _Plan:
    return _Plan(rule, first)


class _Plan:
    """A rule made ready to be walked: which days it takes, and which times of day.

    Days are ordinals (``date.toordinal``), times are seconds since midnight.
    """

    def __init__(self, rule: Rule, first: datetime) -> None:
        self._rule = rule = completed(rule, first)
        self._first = first
        self._tests = day_tests(rule)
        self._unit_seconds = _UNIT_SECONDS.get(rule.freq, 0)
        self._hours = rule.by_hour or (first.hour,)
        self._minutes = rule.by_minute or (first.minute,)
        # "If BYSECOND is 60 in a minute without a leap second": the last second there is.
        self._seconds = tuple(sorted({min(second, 59) for second in rule.by_second})) or (
            first.second,
        )
        self._first_second = first.toordinal() * _DAY_SECONDS + _second_of_day(first)

    def moments(self, lo: datetime, hi: datetime, budget: Budget) -> Iterator[datetime]:
        """Starts after the first, in order, from about `lo` to about `hi` or past the budget."""
        last_day = hi.toordinal()
        for begins, days in self._periods(max(lo, self._first)):
            if begins > last_day or not budget.look(1 + len(days)):
                return
            taken = [day for day in days if all(test(day) for test in self._tests)]
            for moment in self._times(taken, lo.toordinal(), budget):
                if moment > self._first:
                    yield moment

    def _periods(self, start: datetime) -> Iterator[Period]:
        """The rule's periods from the one `start` is in: first day, and the days to look at."""
        index_of, days_of = PERIODS.get(self._rule.freq, PERIODS["DAILY"])
        step = 1 if self._unit_seconds else self._rule.interval
        index = _aligned(index_of(start, self._rule), index_of(self._first, self._rule), step)
        while (period := days_of(index, self._rule)) is not None:
            yield period
            index += step

    def _times(self, days: list[int], lo_day: int, budget: Budget) -> Iterator[datetime]:
        """The moments of one period, of which `days` are taken."""
        if self._unit_seconds:
            for day in days:
                yield from (_moment(day, second) for second in self._unit_times(day, budget))
        elif self._rule.by_set_pos:
            if budget.look(len(days) * self._times_a_day()):
                moments = list(product(days, self._day_times()))
                yield from (_moment(*moments[at]) for at in self._positions(len(moments)))
        else:
            for day, second in product((day for day in days if day >= lo_day), self._day_times()):
                if not budget.look(1):
                    return
                yield _moment(day, second)

    def _times_a_day(self) -> int:
        return len(self._hours) * len(self._minutes) * len(self._seconds)

    def _day_times(self) -> Iterator[int]:
        for hour, minute, second in product(self._hours, self._minutes, self._seconds):
            yield hour * 3600 + minute * 60 + second

    def _positions(self, number: int) -> list[int]:
        """BYSETPOS as indexes into a set of so many, in order."""
        places = {at - 1 if at > 0 else number + at for at in self._rule.by_set_pos}
        return sorted(place for place in places if 0 <= place < number)

    def _unit_times(self, day: int, budget: Budget) -> Iterator[int]:
        """The times on one day of a rule by the hour, minute or second."""
        unit, midnight = self._unit_seconds, day * _DAY_SECONDS
        first_unit, step = self._first_second // unit, self._rule.interval
        number = _aligned(midnight // unit, first_unit, step)
        while number * unit < midnight + _DAY_SECONDS and budget.look(1):
            second = number * unit - midnight
            allowed = self._next_allowed(second)
            if allowed > second:
                number = _aligned((midnight + allowed) // unit, first_unit, step)
            else:
                yield from self._within_unit(second)
                number += step

    def _next_allowed(self, second: int) -> int:
        """`second` if the BY parts let it pass, else a later one up to which none does."""
        rule = self._rule
        if rule.by_hour and second // 3600 not in rule.by_hour:
            return (second // 3600 + 1) * 3600
        if self._unit_seconds == 3600:
            return second
        if rule.by_minute and second // 60 % 60 not in rule.by_minute:
            return (second // 60 + 1) * 60
        if self._unit_seconds == 1 and rule.by_second and second % 60 not in self._seconds:
            return second + 1
        return second

    def _within_unit(self, second: int) -> list[int]:
        """The times in the hour, minute or second that begins at `second`."""
        minutes = self._minutes if self._unit_seconds == 3600 else (0,)
        seconds = self._seconds if self._unit_seconds >= 60 else (0,)
        times = [second + m * 60 + s for m, s in product(minutes, seconds)]
        if not self._rule.by_set_pos:
            return times
        return [times[at] for at in self._positions(len(times))]


def _aligned(index: int, first: int, step: int) -> int:
    """The least of ``first, first + step, ...`` that is not less than `index`."""
    return first if index <= first else first + -(-(index - first) // step) * step


def _moment(day: int, second: int) -> datetime:
    return datetime.fromordinal(day) + timedelta(seconds=second)


def _second_of_day(moment: datetime) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second
