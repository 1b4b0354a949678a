"""From single VEVENTs to events: those of one UID make a series (RFC 5545 section 3.8.4.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from crdt_calendar.errors import InvalidValue
from crdt_calendar.ics.components import Problems
from crdt_calendar.ics.drafts import Draft
from crdt_calendar.ics.moments import Moment
from crdt_calendar.ics.parsed import Content, ParsedEvent
from crdt_calendar.model.details import Plain, as_mapping
from crdt_calendar.model.event import Event, Override
from crdt_calendar.model.fields import OVERRIDE, Fields
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.series import shifted, split
from crdt_calendar.model.when import Local, When, at_midnight, format_local, parse_local

# Every replica holds every event whole, and one update must carry it. A thousand pages.
LARGEST_EVENT_BYTES = 4 * 1024 * 1024


def assemble(drafts: Iterable[Draft], problems: Problems) -> list[ParsedEvent]:
    """The events that the drafts of a file make, in the order of their lines."""
    groups: dict[str, list[Draft]] = {}
    for draft in drafts:
        # Without a UID nothing says that two belong together.
        groups.setdefault(draft.uid or f"\n{draft.line}", []).append(draft)
    events: dict[str, ParsedEvent] = {}
    for group in groups.values():
        for event in _events(group, problems):
            events.setdefault(event.id, event)  # the same content without a UID, again
    return sorted(events.values(), key=lambda event: event.line)


def instance_changes(content: Plain, start: Local, instance: Fields) -> dict[str, object]:
    """What an override says of the instance that a series of this content starts at `start`.

    None stands for a field that the series has and the instance has not.
    """
    series = {key: value for key, value in content.items() if not key.startswith(OVERRIDE)}
    series["when"] = When.from_value(series["when"]).starting(start).to_value()
    series.pop("recurrence", None)
    changed = Content.of(instance).values
    names = sorted(series.keys() | changed.keys())
    return {name: changed.get(name) for name in names if series.get(name) != changed.get(name)}


def _events(drafts: list[Draft], problems: Problems) -> list[ParsedEvent]:
    """The event of one UID, or the events."""
    masters, instances = _sorted_out(drafts)
    if not masters:
        return list(_made(map(_orphan, instances), problems))
    latest, *others = masters
    events = list(_made(_with_instances(latest, instances, problems), problems))
    for other in others:
        if other.sequence < latest.sequence:
            problems.add(other.line, f"a later revision is in line {latest.line}: not imported")
        else:
            events += _twins(events, _made([_Series.of(other)], problems))
    return events


def _sorted_out(drafts: list[Draft]) -> tuple[list[Draft], list[Draft]]:
    """The series, the latest revision first, and the instances.

    An instance without a series that stands for all later ones and says when they are is one.
    """
    masters = [draft for draft in drafts if draft.instance is None]
    if not masters:
        masters = [draft for draft in drafts if draft.following and (draft.rrule or draft.extra)]
    instances = [draft for draft in drafts if draft not in masters]
    return sorted(masters, key=lambda draft: -draft.sequence), instances


def _twins(events: list[ParsedEvent], made: Iterable[ParsedEvent]) -> Iterator[ParsedEvent]:
    """Another event of the same UID under an id of its own, unless it says the same."""
    known = {event.fingerprint for event in events}
    for event in made:
        if event.fingerprint not in known:
            yield replace(event, id=f"{event.id}/{event.fingerprint}")


def _made(made: Iterable[_Series], problems: Problems) -> Iterator[ParsedEvent]:
    for series in made:
        try:
            yield series.event()
        except InvalidValue as error:
            problems.add(series.line, f"{error}: not imported")


@dataclass(slots=True)
class _Series:
    """An event in the making. `id` is empty until its content gives it one."""

    id: str
    line: int
    sequence: int
    fields: Fields
    when: When
    recurrence: Recurrence | None = None
    overrides: dict[str, Plain] = field(default_factory=dict)
    series: str = ""
    instance: Moment | None = None
    since: datetime = datetime.min  # where it was split off, local to the original series

    @classmethod
    def of(cls, draft: Draft) -> _Series:
        """The series that a VEVENT without RECURRENCE-ID describes."""
        series = cls(draft.uid, draft.line, draft.sequence, draft.fields, draft.when)
        dates = {moment.local_to(draft.when) for moment, _ in draft.extra}
        if draft.rrule or dates - {draft.when.start}:
            series.recurrence = Recurrence(draft.rrule, tuple(sorted(dates, key=format_local)))
        for start, end in draft.extra:
            series._add_period(start, end)
        for moment in draft.exdates:
            series.overrides[format_local(moment.local_to(draft.when))] = {"cancelled": True}
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
        """Change the instance that the series starts at `start`; as it is told there, it is."""
        content = Content.of(self.fields).values
        self.overrides[format_local(start)] = instance_changes(content, start, draft.fields)
        self.sequence = max(self.sequence, draft.sequence)

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


def _orphan(draft: Draft) -> _Series:
    """An instance without its series in the file."""
    assert draft.instance is not None
    own_id = f"{draft.uid}/{format_local(draft.instance.local)}" if draft.uid else ""
    series = _Series(own_id, draft.line, draft.sequence, draft.fields, draft.when)
    series.series, series.instance = draft.uid, draft.instance
    return series


def _with_instances(master: Draft, instances: list[Draft], problems: Problems) -> list[_Series]:
    """The series with its overrides, and another one from each instance that is for all later."""
    made = [_Series.of(master)]
    for draft in sorted(instances, key=lambda draft: not draft.following):
        assert draft.instance is not None
        start = draft.instance.local_to(made[0].when)
        series = _series_at(made, start)
        try:
            if draft.following:
                made.append(_split_off(series, start, draft))
                continue
        except InvalidValue as error:
            problems.add(draft.line, f"taken over for this instance only: {error}")
        series.override(start, draft)
    return made


def _series_at(made: list[_Series], start: Local) -> _Series:
    """Of a series and those split off from it the one that has this original start."""
    begun = [series for series in made if series.since <= at_midnight(start)]
    return max(begun, key=lambda series: series.since, default=made[0])


def _split_off(series: _Series, start: Local, draft: Draft) -> _Series:
    """End the series before an instance and begin another with it. Raises `InvalidValue`."""
    if at_midnight(start) <= at_midnight(series.when.start):
        raise InvalidValue("it is the first one; the series itself should be changed")
    whole = Event("", when=series.when, recurrence=series.recurrence)
    before, after = split(whole, start)
    kept = {name: value for name, value in series.overrides.items() if _precedes(name, start)}
    later = {name: value for name, value in series.overrides.items() if name not in kept}
    moved = _moved(Event("", when=series.when.starting(start), recurrence=after), later, draft.when)
    series.recurrence, series.overrides = before, kept
    return _Series(
        id=f"{series.id}/{format_local(start)}",
        line=draft.line,
        sequence=draft.sequence,
        fields=draft.fields,
        when=draft.when,
        since=at_midnight(start),
        recurrence=moved.recurrence,
        overrides={name: over.changes for name, over in moved.overrides.items()},
    )


def _precedes(name: str, start: Local) -> bool:
    return at_midnight(parse_local(name, OVERRIDE + name)) < at_midnight(start)


def _moved(rest: Event, overrides: Mapping[str, Plain], when: When) -> Event:
    """The rest of a series with its overrides, as it is when its first start becomes another."""
    held = {
        name: Override(name, value.get("cancelled") is True, value)
        for name, value in overrides.items()
    }
    values = shifted(replace(rest, overrides=held), when)
    recurrence = values.get("recurrence")
    moved = {
        key.removeprefix(OVERRIDE): Override("", changes=as_mapping(value, key))
        for key, value in values.items()
        if key.startswith(OVERRIDE) and value is not None
    }
    return replace(
        rest,
        recurrence=Recurrence.from_value(recurrence) if recurrence else rest.recurrence,
        overrides=moved or held,
    )
