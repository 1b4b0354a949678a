"""A series in the making: VEVENTs of one UID become an event (RFC 5545 section 3.8.4.4)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from crdt_calendar.errors import InvalidValue
from crdt_calendar.ics.drafts import Draft
from crdt_calendar.ics.moments import Moment
from crdt_calendar.ics.parsed import Content, ParsedEvent
from crdt_calendar.model.details import Plain
from crdt_calendar.model.event import Event, Override
from crdt_calendar.model.fields import OVERRIDE, Fields
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.series import shifted, split
from crdt_calendar.model.when import Local, When, at_midnight, format_local, parse_local

# Every replica holds every event whole, and one update must carry it. A thousand pages.
LARGEST_EVENT_BYTES = 4 * 1024 * 1024
# Changed fields in all instances of a series: daily for 27 years, ten fields each.
MOST_CHANGES = 100_000


def instance_changes(content: Plain, start: Local, instance: Plain) -> dict[str, object]:
    """What an override says of the instance that a series of this content starts at `start`.

    ``instance`` is the content of the instance. None stands for a field that the series has and
    the instance has not.
    """
    series = {key: value for key, value in content.items() if not key.startswith(OVERRIDE)}
    series["when"] = When.from_value(series["when"]).starting(start).to_value()
    series.pop("recurrence", None)
    names = sorted(series.keys() | instance.keys())
    return {name: instance.get(name) for name in names if series.get(name) != instance.get(name)}


@dataclass(slots=True)
class Series:
    """An event in the making. `id` is empty until its content gives it one.

    ``instance`` is set for one instance of ``series`` without the rest. ``since`` is the start in
    the original series from which this one was split off, ``shift`` how much later than there its
    instances start.
    """

    id: str
    line: int
    sequence: int
    fields: Fields
    when: When
    recurrence: Recurrence | None = None
    overrides: dict[str, Plain] = field(default_factory=dict)
    series: str = ""
    instance: Moment | None = None
    since: datetime = datetime.min
    shift: timedelta = timedelta()
    _content: Plain | None = None
    _changes_left: int = MOST_CHANGES

    @classmethod
    def of(cls, draft: Draft) -> Series:
        """The series that a VEVENT without RECURRENCE-ID describes. Raises `InvalidValue`."""
        series = cls(draft.uid, draft.line, draft.sequence, draft.fields, draft.when)
        dates = {moment.local_to(draft.when) for moment, _ in draft.extra}
        if draft.rrule or dates - {draft.when.start}:
            series.recurrence = Recurrence(draft.rrule, tuple(sorted(dates, key=format_local)))
        for start, end in draft.extra:
            series._add_period(start, end)
        for moment in draft.exdates:
            series.overrides[format_local(moment.local_to(draft.when))] = {"cancelled": True}
        return series

    @classmethod
    def of_instance(cls, draft: Draft) -> Series:
        """An instance whose series is not in the file, as an event of its own."""
        instance = draft.instance
        assert instance is not None
        own_id = f"{draft.uid}/{format_local(instance.local)}" if draft.uid else ""
        series = cls(own_id, draft.line, draft.sequence, draft.fields, draft.when)
        series.series, series.instance = draft.uid, instance
        return series

    def _add_period(self, start: Moment, end: Moment | None) -> None:
        """An extra date that ends after another time than the rest is overridden there."""
        if end is None or self.when.all_day:
            return
        local, until = start.local_to(self.when), end.local_to(self.when)
        when = When(local, until, self.when.tz)
        if when != self.when.starting(local):
            self.overrides[format_local(local)] = {"when": when.to_value()}

    def override(self, start: Local, draft: Draft) -> None:
        """Let the instance that the original series starts at `start` be as the draft says.

        Raises `InvalidValue` when there are too many changes.
        """
        if self._changes_left < 0:
            raise InvalidValue(f"more than {MOST_CHANGES} changes in a series")
        if self._content is None:
            self._content = Content.of(self.fields).values
        own = _later(start, self.shift)
        changes = instance_changes(self._content, own, Content.of(draft.fields).values)
        self._changes_left -= 1 + len(changes)
        self.overrides[format_local(own)] = changes
        self.sequence = max(self.sequence, draft.sequence)

    def split_off(self, start: Local, draft: Draft) -> Series:
        """End before the instance that the original series starts at `start`.

        Returns the series that the draft begins there. Raises `InvalidValue` when that is not
        possible.
        """
        own = _later(start, self.shift)
        if at_midnight(own) <= at_midnight(self.when.start):
            raise InvalidValue("it is the first one; the series itself should be changed")
        before, after = split(Event("", when=self.when, recurrence=self.recurrence), own)
        kept = {name: value for name, value in self.overrides.items() if _precedes(name, own)}
        later = {name: value for name, value in self.overrides.items() if name not in kept}
        rest = Event("", when=self.when.starting(own), recurrence=after)
        by = _shift(rest, own, draft.when)
        self.recurrence, self.overrides = before, kept
        return Series(
            id=f"{self.id}/{format_local(start)}",
            line=draft.line,
            sequence=draft.sequence,
            fields=draft.fields,
            when=draft.when,
            recurrence=_moved_recurrence(rest, draft.when),
            overrides={_moved(name, by): value for name, value in later.items()},
            since=at_midnight(start),
            shift=self.shift + by,
        )

    def event(self) -> ParsedEvent:
        """The finished event. Raises `InvalidValue` when it is more than an event may be."""
        overrides = {name: value for name, value in self.overrides.items() if value}
        fields = self.fields | Fields(recurrence=self.recurrence, overrides=overrides)
        content = Content.of(fields)
        if content.size_bytes > LARGEST_EVENT_BYTES:
            raise InvalidValue(f"an event of more than {LARGEST_EVENT_BYTES >> 20} MiB")
        return ParsedEvent(
            id=self.id or f"import-{content.fingerprint}",
            line=self.line,
            sequence=self.sequence,
            fields=fields,
            fingerprint=content.fingerprint,
            size_bytes=content.size_bytes,
            series=self.series,
            instance=self.instance,
        )


def _precedes(name: str, start: Local) -> bool:
    return at_midnight(parse_local(name, OVERRIDE + name)) < at_midnight(start)


def _moved(name: str, by: timedelta) -> str:
    return format_local(_later(parse_local(name, OVERRIDE + name), by))


def _later(start: Local, by: timedelta) -> Local:
    try:
        return start + by
    except OverflowError:
        raise InvalidValue("an instance past the end of the calendar") from None


def _shift(rest: Event, start: Local, when: When) -> timedelta:
    """How much later the instances of a series start when its first becomes another."""
    name = format_local(start)
    probe = replace(rest, overrides={name: Override(name, cancelled=True)})
    moved = [key for key, value in shifted(probe, when).items() if value == {"cancelled": True}]
    if not moved:
        return timedelta()
    later = parse_local(moved[0].removeprefix(OVERRIDE), moved[0])
    return at_midnight(later) - at_midnight(start)


def _moved_recurrence(rest: Event, when: When) -> Recurrence | None:
    values = shifted(rest, when).get("recurrence")
    return rest.recurrence if values is None else Recurrence.from_value(values)
