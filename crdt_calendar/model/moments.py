"""The moments a recurrence rule yields, within a budget.

A rule that never matches, or matches every second, must not hold up anybody. Walking starts at the
span that was asked for rather than at the beginning of the series, and stops when the budget is
spent. (python-dateutil offers neither: it walks from the first start, and a rule that never
matches to the year 9999, in one call that nothing can interrupt. The tests compare with it.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import product

from crdt_calendar.model.days import PERIODS, Period, completed, day_tests
from crdt_calendar.model.rule import Rule

# 45 years of days, or half a day of seconds, in less than a tenth of a second. What a person's
# calendar asks for in a year's view is a few hundred for each series.
LOOKS = 50_000
# In one answer a daily series shows 13 years, an hourly one half a year.
STARTS = 5_000

_DAY_SECONDS = 86_400
_SECOND = timedelta(seconds=1)
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
        if self.looks < 0:
            self.exhausted = True
        return not self.exhausted

    def find(self) -> bool:
        """Spend one start; False when they are used up."""
        self.starts -= 1
        if self.starts < 0:
            self.exhausted = True
        return not self.exhausted


@lru_cache(maxsize=4096)
def plan(rule: Rule, first: datetime) -> Plan:
    """The plan of a rule from a first start; the same one to all who ask."""
    return Plan(rule, first)


class Plan:
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
        self._unit_cost = self._times_a_unit()
        self._first_second = first.toordinal() * _DAY_SECONDS + _second_of_day(first)

    def moments(self, lo: datetime, hi: datetime, budget: Budget) -> Iterator[datetime]:
        """What the rule yields after the first start, in order, from `lo` to before `hi`.

        All are local times. COUNT and UNTIL are not looked at.
        """
        after, last_day = max(lo, self._first + _SECOND), hi.toordinal()
        for begins, days in self._periods(after):
            if begins > last_day or not budget.look(1 + len(days)):
                return
            for moment in self._times(self._taken(days), after.toordinal(), budget):
                if moment >= hi:
                    return
                if moment >= after:
                    yield moment

    def _taken(self, days: Sequence[int]) -> Sequence[int]:
        for test in self._tests:
            days = [day for day in days if test(day)]
        return days

    def _periods(self, start: datetime) -> Iterator[Period]:
        """The rule's periods from the one `start` is in: first day, and the days to look at."""
        index_of, days_of = PERIODS.get(self._rule.freq, PERIODS["DAILY"])
        step = 1 if self._unit_seconds else self._rule.interval
        index = _aligned(index_of(start, self._rule), index_of(self._first, self._rule), step)
        while (period := days_of(index, self._rule)) is not None:
            yield period
            index += step

    def _times(self, days: Sequence[int], lo_day: int, budget: Budget) -> Iterator[datetime]:
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

    def _times_a_unit(self) -> int:
        minutes = len(self._minutes) if self._unit_seconds == 3600 else 1
        return minutes * (len(self._seconds) if self._unit_seconds >= 60 else 1)

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
        while number * unit < midnight + _DAY_SECONDS and budget.look(self._unit_cost):
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
