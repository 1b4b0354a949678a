"""What becomes of a series when it is moved, or split at one of its instances."""

from __future__ import annotations

from datetime import timedelta

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.details import Plain
from crdt_calendar.model.event import Event, Override
from crdt_calendar.model.expansion import Series, extra_start
from crdt_calendar.model.fields import OVERRIDE
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.rule import Rule, Until
from crdt_calendar.model.when import (
    Local,
    When,
    at_midnight,
    find_zone,
    format_local,
    is_date,
    parse_local,
)


def instance_start(event: Event, recurrence_id: str) -> Local:
    """The start that a recurrence id of this event names. Raises `InvalidValue` if none."""
    start = parse_local(recurrence_id, "recurrence_id")
    if event.when is None or event.recurrence is None:
        raise InvalidValue("recurrence_id: the event does not repeat; change the event itself")
    if not Series.of(event.when, event.recurrence).has(start):
        raise InvalidValue(f"recurrence_id: no instance of the event starts at {recurrence_id}")
    return start


def split(event: Event, start: Local) -> tuple[Recurrence, Recurrence]:
    """The recurrence of what comes before the instance at `start`, and of it and the rest.

    A COUNT is shared out; any other series ends by UNTIL before `start`. Raises `InvalidValue`
    when a series cannot be split there.
    """
    when, recurrence = event.when, event.recurrence
    if when is None or recurrence is None or recurrence.rule is None:
        raise InvalidValue("recurrence_id: there is no rule to split; override the instance")
    series = Series.of(when, recurrence)
    if not series.has_by_rule(start):
        raise InvalidValue("recurrence_id: an extra date begins no series; override the instance")
    before, after = _split_rule(recurrence.rule, series, start)
    at = at_midnight(start)
    dates = [(extra_start(date, when), date) for date in recurrence.rdate]
    return (
        Recurrence(str(before), tuple(date for moment, date in dates if moment < at)),
        Recurrence(str(after), tuple(date for moment, date in dates if moment > at)),
    )


def shifted(event: Event, when: When) -> dict[str, object]:
    """What else to write when a series is given another first start, so that it moves as a whole.

    Overrides (cancelled instances among them), extra dates and the bound of the rule move along,
    and so do the weekdays of a weekly rule. Nothing, when a series of times becomes one of days
    or the other way round, or moves to another zone only.
    """
    if event.when is None or event.recurrence is None or event.when.all_day != when.all_day:
        return {}
    by = _follows(event.recurrence.rule, event.when, when)
    try:
        recurrence = _moved(event.recurrence, event.when, when, by)
        moved = {_later(name, by): override for name, override in event.overrides.items()}
    except OverflowError as error:
        raise InvalidValue("when: that moves an instance out of the calendar") from error
    left = {OVERRIDE + name: None for name in event.overrides}
    values = {OVERRIDE + name: _value_of(override) for name, override in moved.items()}
    return {"recurrence": recurrence.to_value(), **left, **values}


def following(event: Event, values: Plain, start: Local, recurrence: Recurrence) -> Plain:
    """The fields of a new event that takes over from `event` at its instance that is at `start`.

    ``values`` are the fields of `event` by key, ``recurrence`` is what `split` left for the rest.
    """
    assert event.when is not None
    at = OVERRIDE + format_local(start)
    kept = {key: item for key, item in values.items() if not key.startswith(OVERRIDE) or key >= at}
    when = event.when.starting(start)
    return {**kept, "when": when.to_value(), "recurrence": recurrence.to_value()}


def _split_rule(rule: Rule, series: Series, start: Local) -> tuple[Rule, Rule]:
    number = None if rule.count is None else series.count_before(start)
    if rule.count is not None and number is not None:
        return rule.ending(count=number), rule.ending(count=rule.count - number)
    zone = None if series.when.tz is None else find_zone(series.when.tz)
    return rule.ending(until=Until.before(start, zone)), rule


def _follows(rule: Rule | None, held: When, when: When) -> timedelta:
    """How far the instances move when the first start does: not where the rule itself says where.

    The second Monday of a month stays one when the first instance is put on a Tuesday.
    """
    start, moved = at_midnight(held.start), at_midnight(when.start)
    if rule is None:
        return moved - start
    if rule.by_hour or rule.by_minute or rule.by_second:
        return timedelta()
    if rule.by_month_day or rule.by_year_day or (rule.by_day and rule.freq != "WEEKLY"):
        return (moved - start) - timedelta(days=(moved.date() - start.date()).days)
    return moved - start


def _moved(recurrence: Recurrence, held: When, when: When, by: timedelta) -> Recurrence:
    rdate = tuple(parse_local(_later(format_local(day), by), "when") for day in recurrence.rdate)
    rule = recurrence.rule
    if rule is None:
        return Recurrence(None, rdate)
    moved = _with_moved_bound(rule, held, when, by)
    days = _days_later(held, by)
    if rule.freq == "WEEKLY" and days % 7:
        moved = moved.days_later(days)
    return Recurrence(recurrence.rrule if moved == rule else str(moved), rdate)


def _with_moved_bound(rule: Rule, held: When, when: When, by: timedelta) -> Rule:
    if rule.until is None or (not by and held.tz == when.tz):
        return rule
    if is_date(rule.until.local):
        days = timedelta(days=_days_later(held, by))
        return rule.ending(until=Until(rule.until.local + days))
    zone = None if held.tz is None else find_zone(held.tz)
    bound = rule.until.on_wall(held.start, zone) + by + timedelta(seconds=1)
    return rule.ending(until=Until.before(bound, None if when.tz is None else find_zone(when.tz)))


def _days_later(held: When, by: timedelta) -> int:
    start = at_midnight(held.start)
    return ((start + by).date() - start.date()).days


def _later(recurrence_id: str, by: timedelta) -> str:
    moved = format_local(parse_local(recurrence_id, "when") + by)
    return format_local(parse_local(moved, "when"))


def _value_of(override: Override) -> Plain:
    return {"cancelled": True} if override.cancelled else override.changes
