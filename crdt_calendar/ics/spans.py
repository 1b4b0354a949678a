"""When a VEVENT takes place: DTSTART with DTEND or DURATION (RFC 5545 section 3.6.1)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from crdt_calendar.ics.moments import Moment, after, convert, read_moments, read_single
from crdt_calendar.ics.properties import Properties
from crdt_calendar.ics.values import read_duration
from crdt_calendar.ics.zones import Zones
from crdt_calendar.model.when import Local, When, at_midnight

_DAY = timedelta(days=1)


def read_when(properties: Properties, zones: Zones) -> When | None:
    """When the event takes place; None, with a note, when the component does not say.

    Without DTSTART the first RDATE counts. The end is told in the zone of the start.
    """
    name = "DTSTART" if properties.first("DTSTART") else "RDATE"
    if properties.first(name) is None:
        properties.note(properties.number, "an event without DTSTART: not imported")
        return None
    starts = properties.read(name, lambda line: read_moments(line, zones))
    if not starts:
        properties.note(properties.number, "an event without a readable DTSTART: not imported")
        return None
    start = starts[0]
    end = _read_end(properties, start, zones)
    return properties.attempt(properties.number, name, lambda: span(start, end, properties))


def _read_end(properties: Properties, start: Moment, zones: Zones) -> Moment | None:
    if properties.first("DTEND"):
        return properties.read("DTEND", lambda line: read_single(line, zones))
    return properties.read("DURATION", lambda line: after(start, read_duration(line.value)))


def span(start: Moment, end: Moment | None, properties: Properties) -> When:
    """From start to end; without end as long as its kind of start says.

    "For cases where a "VEVENT" calendar component specifies a "DTSTART" property with a DATE value
    type but no "DTEND" nor "DURATION" property, the event's duration is taken to be one day", with
    a DATE-TIME it is none. Many programs write a day as DTEND equal to DTSTART.
    """
    shortest = start.local if isinstance(start.local, datetime) else start.local + _DAY
    if end is None:
        return When(start.local, shortest, start.tz)
    until = _end_like(start, end)
    if until < start.local:
        properties.note(properties.number, f"the event ends before it starts, at {until}")
    return When(start.local, max(until, shortest), start.tz)


def _end_like(start: Moment, end: Moment) -> Local:
    """The end as a date if the start is one, as a local time in its zone if not."""
    if isinstance(start.local, datetime):
        return convert(at_midnight(end.local), end.tz, start.tz)
    if isinstance(end.local, datetime):
        return _day_after(end.local)
    return end.local


def _day_after(moment: datetime) -> date:
    """The first day that is wholly after a moment."""
    return (moment + _DAY - timedelta.resolution).date()
