"""A calendar as an iCalendar file (RFC 5545): valid, deterministic, with all that was kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from crdt_calendar.ics.alarms import write_alarm
from crdt_calendar.ics.attendees import write_attendee
from crdt_calendar.ics.drafts import TEXTS, WORDS
from crdt_calendar.ics.kept import params_of, render_kept
from crdt_calendar.ics.lines import escape, render
from crdt_calendar.ics.moments import Moment
from crdt_calendar.ics.values import write_date, write_date_time
from crdt_calendar.ics.vtimezone import write_vtimezone
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.details import Stamp
from crdt_calendar.model.event import Event, Override
from crdt_calendar.model.fields import OVERRIDE
from crdt_calendar.model.properties import Properties
from crdt_calendar.model.when import Local, When, is_date, parse_local

PRODID = "-//crdt-calendar//crdt-calendar//EN"

_EPOCH = Stamp("", datetime(1970, 1, 1, tzinfo=UTC))


def write(calendar: Calendar) -> bytes:
    """The calendar as a file: the same calendar gives the same bytes.

    Deleted events are left out, and so are events that have no time, which RFC 5545 does not allow.
    """
    return write_events(calendar.properties(), calendar.events())


def write_events(properties: Properties, events: Iterable[Event]) -> bytes:
    """The file of these events. Touches no document: a server can do it in a thread."""
    timed = [(event.when, event) for event in events if event.when is not None]
    timed.sort(key=lambda pair: (pair[0].start.isoformat(), pair[1].id))
    parts = [render("BEGIN", "VCALENDAR"), *_write_properties(properties)]
    parts += [write_vtimezone(tz, year) for tz, year in sorted(_zones(event for _, event in timed))]
    for when, event in timed:
        parts += _write_series(event, when)
    parts.append(render("END", "VCALENDAR"))
    return b"".join(parts)


def _write_properties(properties: Properties) -> Iterator[bytes]:
    yield render("VERSION", "2.0")
    yield render("PRODID", PRODID)
    yield render("CALSCALE", "GREGORIAN")
    # RFC 7986 has names for them; the X-WR ones are what most programs read.
    named = {
        "NAME": properties.name,
        "X-WR-CALNAME": properties.name,
        "DESCRIPTION": properties.description,
        "X-WR-CALDESC": properties.description,
        "COLOR": properties.color,
        "X-WR-TIMEZONE": properties.timezone,
    }
    yield from (render(name, escape(text)) for name, text in named.items() if text)


def _zones(events: Iterable[Event]) -> Iterable[tuple[str, int]]:
    """The zones that are used, each with the first year in which it is."""
    first: dict[str, int] = {}
    for event in events:
        instances = [override.event for override in event.overrides.values()]
        for one in [event, *instances]:
            when = one.when if one else None
            if when and when.tz and when.tz != "UTC":
                first[when.tz] = min(first.get(when.tz, when.start.year), when.start.year)
    return first.items()


def _write_series(event: Event, when: When) -> Iterator[bytes]:
    """The event, and each instance that differs as a component of its own."""
    overrides = dict(_overrides_in_form(event, when))
    cancelled = [start for start, override in overrides.items() if override.cancelled]
    yield from _write_event(event, when, list(_write_recurrence(event, when, cancelled)))
    for start, override in overrides.items():
        if override.event and override.event.when:
            which = _write_moments("RECURRENCE-ID", [start], when.tz)
            yield from _write_event(override.event, override.event.when, [which])


def _overrides_in_form(event: Event, when: When) -> Iterator[tuple[Local, Override]]:
    """The overrides by start, those left out that the series could not have."""
    for name, override in sorted(event.overrides.items()):
        start = parse_local(name, OVERRIDE + name)
        if is_date(start) == when.all_day:
            yield start, override


def _write_recurrence(event: Event, when: When, cancelled: list[Local]) -> Iterator[bytes]:
    if event.recurrence:
        if event.recurrence.rrule:
            yield render("RRULE", event.recurrence.rrule.strip().upper())
        extra = sorted({Moment(day).local_to(when) for day in event.recurrence.rdate})
        if extra:
            yield _write_moments("RDATE", extra, when.tz)
    if cancelled:
        yield _write_moments("EXDATE", cancelled, when.tz)


def _write_event(event: Event, when: When, which: list[bytes]) -> Iterator[bytes]:
    """One VEVENT; `which` are the lines that say which instances of the series it is about."""
    yield render("BEGIN", "VEVENT")
    yield render("UID", escape(event.id))
    yield from _write_bookkeeping(event)
    yield _write_moments("DTSTART", [when.start], when.tz)
    if when.end > when.start:
        # "its value MUST be later in time than the value of the "DTSTART" property" (3.8.2.2)
        yield _write_moments("DTEND", [when.end], when.tz)
    yield from which
    yield from _write_fields(event)
    for attendee in event.attendees:
        yield write_attendee(attendee)
    for alarm in event.alarms:
        yield from write_alarm(alarm, when)
    yield render("END", "VEVENT")


def _write_bookkeeping(event: Event) -> Iterator[bytes]:
    updated = event.updated or event.created or _EPOCH
    yield render("DTSTAMP", _write_instant(updated))
    if "CREATED" in event.ics:
        yield from render_kept("CREATED", event.ics["CREATED"])
    elif event.created:
        yield render("CREATED", _write_instant(event.created))
    if event.updated:
        yield render("LAST-MODIFIED", _write_instant(event.updated))
    yield render("SEQUENCE", str(max(event.sequence, 0)))


def _write_instant(stamp: Stamp) -> str:
    return write_date_time(stamp.at) + "Z"


def _write_fields(event: Event) -> Iterator[bytes]:
    written = {"CREATED"}
    for name, key in TEXTS.items():
        text = getattr(event, key)
        written.add(name)
        if text:
            value = text if name == "URL" else escape(text)
            yield render(name, value, params_of(event.ics.get(name), text))
    for name, (key, _) in WORDS.items():
        word = getattr(event, key).upper()
        if word:
            written.add(name)
            yield render(name, word, params_of(event.ics.get(name), word))
    for name, kept in sorted(event.ics.items()):
        if name not in written:
            yield from render_kept(name, kept)


def _write_moments(name: str, moments: Iterable[Local], tz: str | None) -> bytes:
    """A property of dates or of times in one zone."""
    texts, params = list[str](), dict[str, str | list[str]]()
    for moment in moments:
        if not isinstance(moment, datetime):
            texts.append(write_date(moment))
            params["VALUE"] = "DATE"
        else:
            texts.append(write_date_time(moment) + ("Z" if tz == "UTC" else ""))
    if tz and tz != "UTC":
        params["TZID"] = tz
    return render(name, ",".join(texts), params)
