"""Who is invited to two events that take place at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from crdt_calendar.model.event import Event, Instance
from crdt_calendar.model.timeline import instances_of
from crdt_calendar.model.when import find_zone

# Series that meet later than a year after both have begun are not warned of.
SPAN = timedelta(days=366)
_DECLINED = "declined"


def double_bookings(one: Event, other: Event, zone: str = "") -> list[str]:
    """The addresses of those who are expected at both at the same time, sorted.

    ``zone`` is where whole days and floating times are. Cancelled and deleted events, and whoever
    has declined, do not count.
    """
    people = sorted(_expected(one) & _expected(other))
    return (
        people if people and _meet(one, other, find_zone(zone or "UTC") or ZoneInfo("UTC")) else []
    )


def _expected(event: Event) -> set[str]:
    if event.deleted is not None or event.status == "cancelled":
        return set()
    return {each.address for each in event.attendees if each.status != _DECLINED}


def _meet(one: Event, other: Event, zone: ZoneInfo) -> bool:
    if one.when is None or other.when is None:
        return False
    start = max(one.when.instants(zone)[0], other.when.instants(zone)[0]) - SPAN / 6
    spans = sorted(_spans(one, start, zone)), sorted(_spans(other, start, zone))
    return _overlap(*spans)


def _spans(event: Event, start: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    for instance in instances_of(event, start, start + SPAN, zone):
        if not _is_off(instance):
            yield instance.starts_at, instance.ends_at


def _is_off(instance: Instance) -> bool:
    return instance.event.status == "cancelled"


def _overlap(
    ones: list[tuple[datetime, datetime]], others: list[tuple[datetime, datetime]]
) -> bool:
    """Whether any of the spans, both sorted, have time in common."""
    at = 0
    for starts, ends in ones:
        while at < len(others) and others[at][1] <= starts:
            at += 1
        if any(other[0] < ends and other[1] > starts for other in others[at : at + 2]):
            return True
    return False
