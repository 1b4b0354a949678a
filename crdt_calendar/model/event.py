"""An event as a value, read from its map; malformed content reads as absent and is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import TypeVar

from pycrdt import Text

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.details import (
    Alarm,
    Attendee,
    Plain,
    Problem,
    Stamp,
    as_int,
    as_mapping,
    as_plain,
    as_text,
)
from crdt_calendar.model.fields import (
    ALARM,
    ATTENDEE,
    ICS,
    OVERRIDE,
    normal_change,
    parse_status,
    parse_visibility,
)
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.when import Local, When, is_date, parse_local

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Override:
    """What differs in one instance of a series: key ``override/<recurrence-id>``.

    ``recurrence_id`` is the start the rule gives the instance, written like ``when.start``.
    ``changes`` are the changed fields by their keys, malformed ones left out. ``event`` is the
    whole event as it is in this instance, its ``when`` included; None when the instance is
    cancelled, or the series has no time.
    """

    recurrence_id: str
    cancelled: bool = False
    changes: Plain = field(default_factory=dict)
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One event. A text that is absent is empty.

    ``when`` is the first instance of a series. ``attendees`` are sorted by address, ``alarms`` by
    id. ``overrides`` go by recurrence id; one whose instance does not exist is still here, and
    ignored when the series is expanded. ``ics`` holds iCalendar properties nobody here
    understands, by name, for the way back. ``deleted`` says who deleted it, if anybody did.
    ``problems`` lists what was malformed.
    """

    id: str
    title: str = ""
    when: When | None = None
    recurrence: Recurrence | None = None
    location: str = ""
    url: str = ""
    color: str = ""
    status: str = ""
    visibility: str = ""
    description: str = ""
    attendees: tuple[Attendee, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    overrides: Mapping[str, Override] = field(default_factory=dict)
    ics: Plain = field(default_factory=dict)
    sequence: int = 0
    created: Stamp | None = None
    updated: Stamp | None = None
    deleted: Stamp | None = None
    problems: tuple[Problem, ...] = ()

    @classmethod
    def read(cls, event_id: str, values: Plain) -> Event:
        """Read the contents of an event map. Never raises, whatever a client has written there."""
        return _Reader(event_id, values, _as_shared_text).event()


@dataclass(frozen=True, slots=True)
class Instance:
    """One time an event takes place.

    ``recurrence_id`` names the instance within its series; None for an event that does not recur.
    ``event`` has the fields as they are in this instance, but ``event.when`` is the series' own
    unless ``overridden``; ``when`` is this instance's. ``starts_at`` and ``ends_at`` are aware,
    in UTC; floating times and whole days are taken in the zone that was asked for.
    """

    event: Event
    recurrence_id: str | None
    when: When
    starts_at: datetime
    ends_at: datetime
    overridden: bool = False

    @property
    def event_id(self) -> str:
        """The id of the event this is an instance of."""
        return self.event.id


def is_tombstone(value: object) -> bool:
    """Whether this value under ``deleted`` says that the event is deleted."""
    try:
        return value is not None and bool(Stamp.from_value(value, "deleted"))
    except InvalidValue:
        return False


class _Reader:
    """Takes values out of an event map, collecting what is malformed."""

    def __init__(
        self, event_id: str, values: Plain, parse_description: Callable[[object], str]
    ) -> None:
        self._id = event_id
        self._values = values
        self._parse_description = parse_description
        self._problems: list[Problem] = []

    def event(self) -> Event:
        """The event, its overrides included."""
        event = self._fields()
        overrides = dict(self._overrides(event))
        if not overrides and not self._problems:
            return event
        return replace(event, overrides=overrides, problems=tuple(self._problems))

    def _fields(self) -> Event:
        return Event(
            id=self._id,
            title=self._text("title"),
            when=self._take("when", When.from_value, None),
            recurrence=self._take("recurrence", Recurrence.from_value, None),
            location=self._text("location"),
            url=self._text("url"),
            color=self._text("color"),
            status=self._take("status", parse_status, ""),
            visibility=self._take("visibility", parse_visibility, ""),
            description=self._take("description", self._parse_description, ""),
            attendees=self._family(ATTENDEE, Attendee.from_value),
            alarms=self._family(ALARM, Alarm.from_value),
            ics=dict(self._foreign()),
            sequence=self._take("sequence", lambda value: as_int(value, "sequence"), 0),
            created=self._stamp("created"),
            updated=self._stamp("updated"),
            deleted=self._stamp("deleted"),
        )

    def _take(self, key: str, parse: Callable[[object], T], absent: T) -> T:
        value = self._values.get(key)
        if value is None:
            return absent
        try:
            return parse(value)
        except InvalidValue as error:
            self._problems.append(Problem(self._id, key, str(error)))
            return absent

    def _text(self, key: str) -> str:
        return self._take(key, lambda value: as_text(value, key), "")

    def _stamp(self, key: str) -> Stamp | None:
        return self._take(key, lambda value: Stamp.from_value(value, key), None)

    def _family(self, prefix: str, parse: Callable[[str, object], T]) -> tuple[T, ...]:
        """What is under ``<prefix><name>``, sorted by name."""
        taken = (
            self._take(prefix + name, partial(parse, name), None)
            for name, _ in sorted(self._entries(prefix), key=itemgetter(0))
        )
        return tuple(item for item in taken if item is not None)

    def _entries(self, prefix: str) -> Iterator[tuple[str, object]]:
        for key, value in self._values.items():
            if key.startswith(prefix) and value is not None:
                yield key[len(prefix) :], value

    def _foreign(self) -> Iterator[tuple[str, object]]:
        for name, _ in self._entries(ICS):
            value = self._take(ICS + name, partial(as_plain, key=ICS + name), None)
            if value is not None:
                yield name, value

    def _overrides(self, event: Event) -> Iterator[tuple[str, Override]]:
        for name, _ in self._entries(OVERRIDE):
            override = self._take(OVERRIDE + name, partial(self._override, event, name), None)
            if override is not None:
                yield name, override

    def _override(self, event: Event, name: str, value: object) -> Override:
        key = OVERRIDE + name
        start = parse_local(name, key)
        fields = as_mapping(value, key)
        if fields.get("cancelled") is True:
            return Override(name, cancelled=True)
        changes = dict(self._changes(key, fields))
        return Override(name, changes=changes, event=self._changed(event, start, changes))

    def _changes(self, key: str, fields: Plain) -> Iterator[tuple[str, object]]:
        for name, item in fields.items():
            try:
                yield name, normal_change(name, item)
            except InvalidValue as error:
                self._problems.append(Problem(self._id, key, str(error)))

    def _changed(self, event: Event, start: Local, changes: Plain) -> Event | None:
        """The event as it is in the instance that the series starts at `start`."""
        if event.when is None or event.when.all_day != is_date(start):
            return None
        values = {key: value for key, value in self._values.items() if not key.startswith(OVERRIDE)}
        own = {"description": event.description, "when": event.when.starting(start).to_value()}
        return _Reader(self._id, {**values, **own, **changes}, _as_plain_text)._fields()


def _as_shared_text(value: object) -> str:
    if not isinstance(value, Text):
        raise InvalidValue("description: not a shared Text")
    return str(value)


def _as_plain_text(value: object) -> str:
    return as_text(value, "description")
