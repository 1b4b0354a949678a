"""One VEVENT as the fields of an event, before it is known which series it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from itertools import chain, islice

from crdt_calendar.errors import InvalidValue
from crdt_calendar.ics.alarms import distinct, read_alarm
from crdt_calendar.ics.attendees import read_attendee
from crdt_calendar.ics.components import Component, Problems
from crdt_calendar.ics.kept import keep
from crdt_calendar.ics.lines import Line, escape
from crdt_calendar.ics.moments import Moment, read_moments, read_periods, read_single
from crdt_calendar.ics.properties import MOST_OF_A_NAME, Properties
from crdt_calendar.ics.spans import read_when
from crdt_calendar.ics.zones import Zones
from crdt_calendar.model.details import Alarm, Attendee
from crdt_calendar.model.fields import (
    ALARM,
    ATTENDEE,
    ICS,
    STATUSES,
    VISIBILITIES,
    Fields,
    check_key,
)
from crdt_calendar.model.rule import Rule
from crdt_calendar.model.when import When

# A novel is shorter; a description that is longer is not for people.
LONGEST_TEXT = 1024 * 1024
# Lotus Notes writes thirty.
MOST_KEPT = 1_000

TEXTS = {
    "SUMMARY": "title",
    "LOCATION": "location",
    "DESCRIPTION": "description",
    "COLOR": "color",
    "URL": "url",
}
WORDS = {"STATUS": ("status", STATUSES), "CLASS": ("visibility", VISIBILITIES)}
# Properties that are read otherwise, or written anew: DTSTAMP and LAST-MODIFIED.
_OWN = frozenset(
    "UID DTSTAMP DTSTART DTEND DURATION RRULE RDATE EXDATE RECURRENCE-ID SEQUENCE LAST-MODIFIED "
    "ATTENDEE".split()
)


@dataclass(slots=True)
class Draft:
    """What one VEVENT says. `uid` is empty when it has none.

    ``fields`` has no recurrence: that is ``rrule``, ``extra`` (the RDATEs, with their own end if
    they are periods) and ``exdates``, none of them yet local to the series. ``instance`` is the
    RECURRENCE-ID, ``following`` whether it stands for all later instances too.
    """

    line: int
    uid: str
    sequence: int
    when: When
    fields: Fields
    rrule: str | None = None
    extra: list[tuple[Moment, Moment | None]] = field(default_factory=list)
    exdates: list[Moment] = field(default_factory=list)
    instance: Moment | None = None
    following: bool = False


def read_draft(component: Component, zones: Zones, problems: Problems) -> Draft | None:
    """Read a VEVENT, noting what is wrong with it. None when nothing is left of it."""
    properties = Properties(component, problems)
    when = read_when(properties, zones)
    instance = properties.read("RECURRENCE-ID", partial(read_single, zones=zones))
    unreadable_instance = instance is None and properties.first("RECURRENCE-ID")
    if when is None or unreadable_instance:
        return None
    id_line = properties.first("RECURRENCE-ID")
    extra = properties.read_all("RDATE", partial(read_periods, zones=zones))
    exdates = properties.read_all("EXDATE", partial(read_moments, zones=zones))
    return Draft(
        line=component.number,
        uid=_uid(properties.text("UID")),
        sequence=_sequence(properties.text("SEQUENCE")),
        when=when,
        fields=_fields(properties, component, when),
        rrule=_rrule(properties),
        extra=list(islice(chain.from_iterable(extra), MOST_OF_A_NAME)),
        exdates=list(islice(chain.from_iterable(exdates), MOST_OF_A_NAME)),
        instance=instance,
        following=id_line is not None and id_line.param("RANGE").upper() == "THISANDFUTURE",
    )


def _uid(text: str) -> str:
    """The UID, or what stands for one that is too long to be a key."""
    try:
        check_key(text or "-")
    except InvalidValue:
        return sha256(text.encode()).hexdigest()
    return text


def _sequence(text: str) -> int:
    # RFC 5545 counts in 32 bits (section 3.3.8).
    return min(int(text[:10]), 2**31 - 1) if text.isascii() and text.isdecimal() else 0


def _fields(properties: Properties, component: Component, when: When) -> Fields:
    fields = Fields(when=when, ics=dict(_kept(properties)))
    for name, key in TEXTS.items():
        fields[key] = properties.read(name, _as_text)  # type: ignore[literal-required]
    for name, (key, words) in WORDS.items():
        word = properties.text(name).lower()
        fields[key] = word if word in words else None  # type: ignore[literal-required]
    attendees = properties.read_all("ATTENDEE", _attendee)
    fields["attendees"] = list({one.address: one for one in attendees}.values())
    fields["alarms"] = distinct(_alarms(properties, component, when))
    return fields


def _attendee(line: Line) -> Attendee:
    attendee = read_attendee(line)
    check_key(ATTENDEE + attendee.address)
    return attendee


def _as_text(line: Line) -> str:
    if len(line.value) > LONGEST_TEXT:
        raise InvalidValue(f"longer than {LONGEST_TEXT} characters")
    return line.value if line.name == "URL" else line.text


def _alarms(properties: Properties, component: Component, when: When) -> Iterator[Alarm]:
    for part in component.parts:
        if part.name == "VALARM":
            alarm = properties.attempt(part.number, "VALARM", partial(_alarm, part, when))
            if alarm is not None:
                yield alarm
        else:
            properties.note(part.number, f"a {part.name} within an event: not imported")


def _alarm(component: Component, when: When) -> Alarm:
    alarm = read_alarm(component, when)
    check_key(ALARM + alarm.id)
    return alarm


def _kept(properties: Properties) -> Iterator[tuple[str, object]]:
    """What to keep for the way back, by name."""
    left = MOST_KEPT
    for name, lines in properties:
        if name in _OWN or (_has_field(name, lines[0]) and not lines[0].params):
            continue
        left -= 1
        if left < 0:
            properties.note(lines[0].number, f"more than {MOST_KEPT} unknown properties")
            return
        if name in TEXTS:  # kept for the parameters; the text as we would write it
            lines = [replace(lines[0], value=_written(lines[0]))]
        entries = properties.attempt(lines[0].number, name, partial(_keep, name, lines))
        if entries is not None:
            yield name, entries


def _keep(name: str, lines: list[Line]) -> object:
    check_key(ICS + name)
    return keep(lines)


def _written(line: Line) -> str:
    return line.value if line.name == "URL" else escape(line.text)


def _has_field(name: str, line: Line) -> bool:
    return name in TEXTS or (name in WORDS and line.text.strip().lower() in WORDS[name][1])


def _rrule(properties: Properties) -> str | None:
    rules = list(properties.read_all("RRULE", _as_rule))
    line = properties.first("RRULE")
    if line and len(rules) > 1:
        properties.note(line.number, "RRULE: several of them, only the first is taken over")
    if exclusion := properties.first("EXRULE"):
        properties.note(exclusion.number, "EXRULE: out of use since RFC 5545, kept but not applied")
    return rules[0] if rules else None


def _as_rule(line: Line) -> str:
    Rule.parse(line.value)
    return line.value.strip().upper()
