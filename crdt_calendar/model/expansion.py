"""A series: the starts that a recurrence gives an event, within spans of local time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from crdt_calendar.model.moments import Budget, Plan, plan
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

BEGINNING = datetime(FIRST_YEAR, 1, 1)
END = datetime(LAST_YEAR, 12, 31, 23, 59, 59)

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Series:
    """An event's time and recurrence, ready to be expanded.

    ``bound`` is the local time after which the rule yields nothing, None when it goes on for ever:
    a COUNT is counted out once, and from then on is a bound like any other. ``uncounted`` says
    that the budget was spent before the count was reached; then the series ends there.

    ``when.start`` is always the first instance, as RFC 5545 counts it, whether the rule yields it
    or not.
    """

    when: When
    recurrence: Recurrence
    bound: datetime | None = None
    uncounted: bool = False
    plan: Plan | None = None

    @classmethod
    def of(cls, when: When, recurrence: Recurrence, budget: Budget | None = None) -> Series:
        """The series of an event. ``budget`` is for counting."""
        rule, first = recurrence.rule, at_midnight(when.start)
        if rule is None:
            return cls(when, recurrence, first)
        walk, counting = plan(rule, first), budget or Budget()
        if rule.until is not None:
            zone = None if when.tz is None else find_zone(when.tz)
            return cls(when, recurrence, rule.until.on_wall(when.start, zone), plan=walk)
        if rule.count is None:
            return cls(when, recurrence, plan=walk)
        bound = _last_counted(rule, rule.count, first, counting)
        return cls(when, recurrence, bound, counting.exhausted, walk)

    @property
    def last(self) -> datetime | None:
        """A local time no start comes after; None when the series goes on for ever."""
        if self.bound is None:
            return None
        extra = (extra_start(day, self.when) for day in self.recurrence.rdate)
        return max(self.bound, at_midnight(self.when.start), *extra)

    def starts(self, lo: datetime, hi: datetime, budget: Budget) -> list[Local]:
        """The starts from `lo` to before `hi`, sorted, in the form of ``when.start``.

        ``lo`` and ``hi`` are local to the event's own zone. When the budget is spent, what was
        found so far is returned.
        """
        extra = (extra_start(day, self.when) for day in self.recurrence.rdate)
        found = {moment for moment in (at_midnight(self.when.start), *extra) if lo <= moment < hi}
        found.update(self._by_rule(lo, hi, budget))
        if self.when.all_day:
            return sorted({moment.date() for moment in found})
        return sorted(found)

    def has(self, start: Local) -> bool:
        """Whether an instance starts at `start`."""
        if is_date(start) != self.when.all_day:
            return False
        lo = at_midnight(start)
        return start in self.starts(lo, lo + (_DAY if self.when.all_day else _SECOND), Budget())

    def has_by_rule(self, start: Local) -> bool:
        """Whether an instance starts at `start` that is no extra date."""
        return replace(self, recurrence=Recurrence(self.recurrence.rrule)).has(start)

    def count_before(self, start: Local) -> int | None:
        """How many instances of the rule precede `start`, the first one included.

        None when that is past counting.
        """
        budget = Budget()
        earlier = self._by_rule(at_midnight(self.when.start), at_midnight(start), budget)
        return None if budget.exhausted else 1 + len(earlier)

    def _by_rule(self, lo: datetime, hi: datetime, budget: Budget) -> list[datetime]:
        stop = hi if self.bound is None else min(hi, self.bound + _SECOND)
        if self.plan is None or lo >= stop:
            return []
        found = []
        for moment in self.plan.moments(lo, stop, budget):
            if not budget.find():
                break
            found.append(moment)
        return found


def extra_start(extra: Local, when: When) -> datetime:
    """An extra date as the start of an instance; a bare date has the time of the series."""
    if isinstance(extra, datetime):
        return extra if not when.all_day else at_midnight(extra.date())
    return datetime.combine(extra, at_midnight(when.start).time())


def _last_counted(rule: Rule, count: int, first: datetime, budget: Budget) -> datetime:
    """The start at which COUNT is reached; the last one found when the budget is spent."""
    if (last := _last_by_sums(rule, count, first)) is not None:
        return last
    last = first
    for number, moment in enumerate(plan(rule, first).moments(first, END, budget), start=2):
        if number > count:
            break
        last = moment
    return last


def _last_by_sums(rule: Rule, count: int, first: datetime) -> datetime | None:
    """The same without walking, for what most series are: every so many days, or weeks on weekdays.

    None for all others.
    """
    plain = Rule(rule.freq, rule.interval, rule.count, wkst=rule.wkst)
    if rule.freq == "DAILY" and rule == plain:
        return _days_after(first, (count - 1) * rule.interval)
    if rule.freq == "WEEKLY" and rule == replace(plain, by_day=rule.by_day):
        return _days_after(first, _days_of_weekly(rule, count - 1, first))
    return None


def _days_of_weekly(rule: Rule, further: int, first: datetime) -> int:
    """How many days after `first` a rule of weekdays yields its `further`-th moment."""
    weekdays = {weekday for _, weekday in rule.by_day} or {first.weekday()}
    places = sorted((weekday - rule.wkst) % 7 for weekday in weekdays)
    own = (first.weekday() - rule.wkst) % 7
    rest_of_week = [place for place in places if place > own]
    if further <= len(rest_of_week):
        return rest_of_week[further - 1] - own if further else 0
    weeks, at = divmod(further - len(rest_of_week) - 1, len(places))
    return (weeks + 1) * rule.interval * 7 + places[at] - own


def _days_after(first: datetime, days: int) -> datetime:
    return END if days > (END - first).days else first + timedelta(days=days)
