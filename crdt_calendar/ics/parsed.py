"""What a file says, as values; nothing here knows of a document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from crdt_calendar.ics.components import Problem
from crdt_calendar.ics.moments import Moment
from crdt_calendar.model.event import Event
from crdt_calendar.model.fields import ICS, Fields, wire_values

# Where the content is remembered that an import has written last. Not the name of a property, so
# that no file can bring it and none gets it.
IMPORTED = "@import"

_NOT_CONTENT = frozenset({ICS + IMPORTED, ICS + "CREATED"})


@dataclass(frozen=True, slots=True)
class ParsedEvent:
    """An event of a file: a single one, or a series with its overrides.

    ``id`` is the UID, or is derived from it or from the content. ``line`` is where it begins.
    ``instance`` is set when the file has one instance (of the series ``series``) without the rest.
    ``fingerprint`` is that of the content, ``size_bytes`` about what it takes up.
    """

    id: str
    line: int
    sequence: int
    fields: Fields
    fingerprint: str
    size_bytes: int
    series: str = ""
    instance: Moment | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file says: its events in the order of their lines, and what is wrong with it.

    ``name``, ``timezone`` (IANA), ``color`` and ``description`` are of the calendar, "" if not
    given. ``is_calendar`` says whether there is any, be it an empty one: a VCALENDAR, or an event
    without one around it.
    """

    events: Sequence[ParsedEvent]
    problems: Sequence[Problem]
    is_calendar: bool
    name: str = ""
    timezone: str = ""
    color: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """The content of an event by the keys of its map, without bookkeeping, and its fingerprint."""

    values: Mapping[str, object]
    fingerprint: str = field(compare=False)
    size_bytes: int = field(compare=False)

    @classmethod
    def of(cls, fields: Fields) -> Content:
        """The content that these fields make. Raises `InvalidValue`."""
        wire = wire_values(fields)
        values = {k: v for k, v in wire.items() if v is not None and k not in _NOT_CONTENT}
        text = json.dumps(values, sort_keys=True, ensure_ascii=False).encode()
        return cls(values, sha256(text).hexdigest()[:16], len(text))

    @classmethod
    def of_event(cls, event: Event) -> Content:
        """The content of an event in the document."""
        return cls.of(fields_of(event))


def fields_of(event: Event) -> Fields:
    """All of an event as fields, such as would make it anew."""
    return Fields(
        title=event.title,
        when=event.when,
        recurrence=event.recurrence,
        location=event.location,
        url=event.url,
        color=event.color,
        status=event.status,
        visibility=event.visibility,
        description=event.description,
        attendees=event.attendees,
        alarms=event.alarms,
        ics=event.ics,
        overrides={
            name: {"cancelled": True} if override.cancelled else override.changes
            for name, override in event.overrides.items()
        },
    )
