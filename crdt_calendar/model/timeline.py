"""What takes place within a span of time, out of all the events of a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from pycrdt import Doc, Map

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.changes import CalendarChanged, ChangeFeed
from crdt_calendar.model.event import Event, Instance
from crdt_calendar.model.expansion import BEGINNING, END, Series
from crdt_calendar.model.fields import OVERRIDE
from crdt_calendar.model.maps import read_map
from crdt_calendar.model.moments import LOOKS, STARTS, Budget
from crdt_calendar.model.when import When, at_midnight, format_local, parse_local

# One answer: a year of a busy team. A screen shows a few hundred.
MOST_INSTANCES = 20_000
# All series of one answer together, less than half a second. A month of 7,000 weekly series.
ALL_LOOKS = 6 * LOOKS
# For counting out, when events are read, the COUNT of what is neither daily nor weekly.
COUNTING_LOOKS = 20 * LOOKS
# Screens go back and forth between a few weeks and months.
REMEMBERED_SPANS = 8

# No zone is further from UTC. Local times are compared with instants after being given that much.
_ZONE_MARGIN = timedelta(days=1)
_EDGE = 2 * _ZONE_MARGIN


@dataclass(frozen=True, slots=True)
class Expansion:
    """Instances sorted by time; ``cut`` are the ids of events not all of whose instances are in."""

    instances: list[Instance]
    cut: tuple[str, ...] = ()


_Changed = tuple[str, When, Event]
"""An instance with an override: its recurrence id, its time, and the event as it is there."""


_Drawn = dict[str, Sequence[Instance]]
"""The instances of series within one span, by event id."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """An event that takes place, and the span of local time in which it can."""

    event: Event
    when: When
    begins: datetime
    ends: datetime
    series: Series | None = None
    changed: tuple[_Changed, ...] = ()


class Timeline:
    """The events of a document by time.

    As a context manager it observes the document and reads again only what has changed, so that a
    week out of 10,000 events takes milliseconds; open and close it outside of transactions. Used
    without, it reads the whole document for each answer.
    """

    def __init__(self, doc: Doc[Map[object]]) -> None:
        self._events: Map[object] = doc.get("events", type=Map)
        self._feed = ChangeFeed(doc)
        self._all: dict[str, Event] = {}
        self._entries: dict[str, _Entry] = {}
        self._stale: set[str] | None = None  # None: everything
        self._known: dict[_Span, _Drawn] = {}
        self._open = False

    def __enter__(self) -> Self:
        self._feed.__enter__()
        self._open = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open = False
        self._feed.__exit__(kind, error, traceback)

    def forget(self, event_id: str) -> None:
        """Read this event again before the next answer."""
        if self._stale is not None:
            self._stale.add(event_id)

    def everything(self) -> Mapping[str, Event]:
        """Every event by id, deleted ones as well. An event that has not changed is the same object
        as before. Not to be written to."""
        self._refresh()
        return self._all

    def catch_up(self) -> Iterator[None]:
        """Read what has changed, event by event, so that others may have their turn in between.

        The next answer then has only that to read which changes meanwhile.
        """
        counting = Budget(COUNTING_LOOKS)
        self._note_stale()
        while self._stale:
            self._read(self._stale.pop(), counting)
            yield

    def expand(
        self, start: datetime, end: datetime, zone: ZoneInfo, most: int = MOST_INSTANCES
    ) -> Expansion:
        """What takes place from `start` to before `end`, both aware.

        ``zone`` is where floating times and whole days are. An event that takes no time takes
        place if it is not before `start`. Raises `InvalidValue` for a naive `start` or `end`.
        """
        span = _Span.of(start, end, zone)
        self._refresh()
        purse = _Purse(most, self._known_of(span))
        found: list[Instance] = []
        for entry in self._entries.values():
            if entry.begins < span.local_end and entry.ends >= span.local_start:
                found += purse.draw(entry, span)
        found.sort(key=_by_time)
        return Expansion(found, tuple(sorted(purse.cut)))

    def _known_of(self, span: _Span) -> _Drawn:
        """What has been drawn for this span before; the latest few spans are remembered."""
        self._known[span] = known = self._known.pop(span, {})
        while len(self._known) > REMEMBERED_SPANS:
            del self._known[next(iter(self._known))]
        return known

    def _refresh(self) -> None:
        counting = Budget(COUNTING_LOOKS)
        for event_id in self._note_stale():
            self._read(event_id, counting)
        self._stale = set()

    def _note_stale(self) -> set[str]:
        """The ids of all events that are to be read again."""
        if not self._open:
            self._stale = None
        for change in self._feed.take():
            if not isinstance(change, CalendarChanged):
                self.forget(change.id)
        if self._stale is None:
            self._all, self._entries, self._known = {}, {}, {}
            self._stale = set(self._events.keys())
        return self._stale

    def _read(self, event_id: str, counting: Budget) -> None:
        for known in self._known.values():
            known.pop(event_id, None)
        shared = self._events.get(event_id)
        entry = None
        if isinstance(shared, Map):
            self._all[event_id] = event = Event.read(event_id, read_map(shared))
            entry = _entry(event, counting)
        else:
            self._all.pop(event_id, None)
        if entry is None:
            self._entries.pop(event_id, None)
        else:
            self._entries[event_id] = entry


@dataclass(frozen=True, slots=True)
class _Span:
    """The span that was asked for: as instants in UTC, and in local time with a margin."""

    start: datetime
    end: datetime
    zone: ZoneInfo
    local_start: datetime
    local_end: datetime

    @classmethod
    def of(cls, start: datetime, end: datetime, zone: ZoneInfo) -> _Span:
        begins, ends = _within_calendar(start, "start"), _within_calendar(end, "end")
        local_start = begins.replace(tzinfo=None) - _ZONE_MARGIN
        local_end = ends.replace(tzinfo=None) + _ZONE_MARGIN
        return cls(begins, ends, zone, local_start, local_end)

    def holds(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Whether something from `starts_at` to before `ends_at` takes place in it."""
        return starts_at < self.end and (ends_at > self.start or starts_at >= self.start)


class _Purse:
    """What one answer may still cost, all its series together."""

    def __init__(self, most: int, known: _Drawn) -> None:
        self._instances = most
        self._looks = ALL_LOOKS
        self._known = known
        self.cut: set[str] = set()

    def draw(self, entry: _Entry, span: _Span) -> Sequence[Instance]:
        """The instances of one event, as far as there is something left for them."""
        found = self._known.get(entry.event.id)
        if found is None:
            found = self._expand(entry, span)
        if len(found) > self._instances:
            found = found[: self._instances]
            self.cut.add(entry.event.id)
        self._instances -= len(found)
        return found

    def _expand(self, entry: _Entry, span: _Span) -> Sequence[Instance]:
        if entry.series is None:
            return list(_instance(entry.event, None, entry.when, span))
        looks = min(LOOKS, self._looks)
        budget = Budget(looks, min(STARTS, self._instances + 1))
        found = list(_instances(entry, entry.series, span, budget))
        self._looks -= looks - max(budget.looks, 0)
        if entry.series.uncounted or budget.exhausted:
            self.cut.add(entry.event.id)
        else:
            self._known[entry.event.id] = found
        return found


def _within_calendar(moment: datetime, field: str) -> datetime:
    if moment.tzinfo is None:
        raise InvalidValue(f"{field}: say in which zone {moment} is")
    bounded = min(max(moment.replace(tzinfo=None), BEGINNING + _EDGE), END - _EDGE)
    return bounded.replace(tzinfo=moment.tzinfo, fold=moment.fold).astimezone(UTC)


def instances_of(
    event: Event, start: datetime, end: datetime, zone: ZoneInfo
) -> Sequence[Instance]:
    """When one event takes place from `start` to before `end`, within bounds; in no order.

    Deleted, it does not. ``zone`` as for `Timeline.expand`; raises as that does.
    """
    entry = _entry(event, Budget(COUNTING_LOOKS))
    return _Purse(MOST_INSTANCES, {}).draw(entry, _Span.of(start, end, zone)) if entry else ()


def _entry(event: Event, counting: Budget) -> _Entry | None:
    if event.when is None or event.deleted is not None:
        return None
    if event.recurrence is None:
        begins, ends = at_midnight(event.when.start), at_midnight(event.when.end)
        return _Entry(event, event.when, begins, ends)
    return _series_entry(event, Series.of(event.when, event.recurrence, counting))


def _series_entry(event: Event, series: Series) -> _Entry:
    changed = tuple(_changed_instances(event, series))
    when, last = series.when, series.last
    spans = [own for _, own, _ in changed]
    starts = [when.start, *series.recurrence.rdate, *(own.start for own in spans)]
    begins = min(at_midnight(start) for start in starts)
    if last is None or last > END - when.duration:
        return _Entry(event, when, begins, END, series, changed)
    ends = max([last + when.duration, *(at_midnight(own.end) for own in spans)])
    return _Entry(event, when, begins, ends, series, changed)


def _changed_instances(event: Event, series: Series) -> Iterator[_Changed]:
    """The instances with an override that says more than that they are cancelled.

    An override whose instance does not exist (any more) is ignored.
    """
    for recurrence_id, override in event.overrides.items():
        own = None if override.event is None else override.event.when
        if override.event is None or own is None:
            continue
        if series.has(parse_local(recurrence_id, OVERRIDE + recurrence_id)):
            yield recurrence_id, own, override.event


def _instances(entry: _Entry, series: Series, span: _Span, budget: Budget) -> Iterator[Instance]:
    event, when = entry.event, entry.when
    for recurrence_id, own, changed in entry.changed:
        yield from _instance(changed, recurrence_id, own, span, overridden=True)
    lo = span.local_start - min(when.duration, span.local_start - BEGINNING)
    for start in series.starts(lo, span.local_end, budget):
        recurrence_id = format_local(start)
        if recurrence_id not in event.overrides and at_midnight(start) <= END - when.duration:
            yield from _instance(event, recurrence_id, when.starting(start), span)


def _instance(
    event: Event, recurrence_id: str | None, when: When, span: _Span, overridden: bool = False
) -> Iterator[Instance]:
    """The instance if the span holds it."""
    starts_at, ends_at = when.instants(span.zone)
    if span.holds(starts_at, ends_at):
        yield Instance(event, recurrence_id, when, starts_at, ends_at, overridden)


def _by_time(instance: Instance) -> tuple[datetime, bool, str, str]:
    return (
        instance.starts_at,
        not instance.when.all_day,
        instance.event_id,
        instance.recurrence_id or "",
    )
