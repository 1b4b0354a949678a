"""From the bytes of a file to what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from crdt_calendar.ics.assembly import assemble
from crdt_calendar.ics.components import Component, Problems, read_components
from crdt_calendar.ics.drafts import Draft, read_draft
from crdt_calendar.ics.lines import decode
from crdt_calendar.ics.parsed import Parsed
from crdt_calendar.ics.zones import Zones, iana_name

# Properties of a VCALENDAR by the field they fill, the first that is there.
_CALENDAR_FIELDS = {
    "name": ("NAME", "X-WR-CALNAME"),
    "color": ("COLOR", "X-APPLE-CALENDAR-COLOR", "X-OUTLOOK-COLOR"),
    "description": ("DESCRIPTION", "X-WR-CALDESC"),
    "timezone": ("X-WR-TIMEZONE", "TIMEZONE-ID"),
}
# What says nothing about the calendar, or is written anew.
_CALENDAR_KNOWN = frozenset({"VERSION", "PRODID", "METHOD"}).union(*_CALENDAR_FIELDS.values())

# A title and a few sentences.
LONGEST_CALENDAR_TEXT = 4096


@dataclass(slots=True)
class _About:
    """What the VCALENDARs of a file say about themselves, if there are any."""

    found: bool = False
    fields: dict[str, str] = field(default_factory=dict)


def read(data: bytes) -> Parsed:
    """What an iCalendar file says (RFC 5545, and what programs write instead of it).

    Never raises: what cannot be understood is among the problems, by line, and the rest is there.
    Takes time and memory in proportion to the size, whatever is in it: 20 s and 600 MB for 50 MB
    of ordinary events. Touches no document, so that a server can do it in a thread.
    """
    text = decode(data)
    problems = Problems()
    zones = _read_zones(text, problems)
    about = _About()
    drafts = list(_read_drafts(text, zones, about, problems))
    events = assemble(drafts, problems)
    is_calendar = about.found or bool(events)
    return Parsed(events, problems.in_order(), is_calendar, **about.fields)


def _read_zones(text: str, problems: Problems) -> Zones:
    """The zones of the file. They may be defined after they are used, so this goes first."""
    definitions: dict[str, Component] = {}
    for component in read_components("".join(_definitions(text)), Problems()):
        tzid = component.first("TZID")
        if component.name == "VTIMEZONE" and tzid:
            definitions.setdefault(tzid.text.strip(), component)
    return Zones(definitions, _default_zone(text), problems)


def _default_zone(text: str) -> str | None:
    """The zone that the calendar is shown in, as many programs note it."""
    mark = "\nX-WR-TIMEZONE:"
    start = text.find(mark)
    if start < 0:
        return None
    return iana_name(text[start + len(mark) : start + len(mark) + 80].split("\n", 1)[0].strip())


def _definitions(text: str) -> Iterator[str]:
    """The text of each VTIMEZONE, without the rest of the file."""
    start = text.find("BEGIN:VTIMEZONE")
    while start >= 0 and (end := text.find("END:VTIMEZONE", start)) >= 0:
        yield text[start:end] + "END:VTIMEZONE\n"
        start = text.find("BEGIN:VTIMEZONE", end)


def _read_drafts(text: str, zones: Zones, about: _About, problems: Problems) -> Iterator[Draft]:
    for component in read_components(text, problems):
        if component.name == "VEVENT":
            draft = read_draft(component, zones, problems)
            if draft:
                yield draft
        elif component.name == "VCALENDAR":
            about.found = True
            _read_calendar(component, about.fields, problems)
        elif component.name != "VTIMEZONE":
            problems.add(component.number, f"a {component.name} is no event: not imported")


def _read_calendar(component: Component, calendar: dict[str, str], problems: Problems) -> None:
    """Fill in what the calendar says about itself, where no earlier one in the file has."""
    for key, names in _CALENDAR_FIELDS.items():
        texts = (line.text.strip() for name in names for line in component.all(name))
        value = next(filter(None, texts), "")
        if key == "timezone":
            value = iana_name(value) or ""
        if value:
            calendar.setdefault(key, value[:LONGEST_CALENDAR_TEXT])
    for line in component.lines:
        if line.name == "CALSCALE" and line.value.strip().upper() == "GREGORIAN":
            continue
        if line.name not in _CALENDAR_KNOWN:
            problems.add(line.number, f"{line.name} of the calendar: not imported")
