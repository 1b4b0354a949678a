"""Domain changes: what became of events and calendar, told from the events of the document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Protocol, Self, cast

from pycrdt import Doc, Map

from crdt_calendar.model.event import is_tombstone
from crdt_calendar.model.fields import BOOKKEEPING
from crdt_calendar.model.maps import EventMap

if TYPE_CHECKING:
    from pycrdt import Subscription


@dataclass(frozen=True, slots=True)
class Created:
    """An event is there that was not."""

    id: str
    before: ClassVar[int | None] = None


@dataclass(frozen=True, slots=True)
class Updated:
    """An event has changed. ``fields`` are the keys of its map; bookkeeping is left out.

    They may be empty: then only ``sequence`` and the like were written. ``before`` is the
    ``sequence`` that it had, None when nobody knows.
    """

    id: str
    fields: frozenset[str]
    before: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Deleted:
    """An event got its tombstone, or a foreign client took it out altogether."""

    id: str
    before: ClassVar[int | None] = None


@dataclass(frozen=True, slots=True)
class Restored:
    """An event lost its tombstone. Its fields may have changed as well."""

    id: str
    before: ClassVar[int | None] = None


@dataclass(frozen=True, slots=True)
class CalendarChanged:
    """Properties of the calendar have changed; ``fields`` are their keys."""

    fields: frozenset[str]


Change = Created | Updated | Deleted | Restored | CalendarChanged
"""One change. Who made it, and when, is in the event's ``updated`` or ``deleted``."""


_KeyChanges = Mapping[str, Mapping[str, object]]
"""By key: `oldValue` and `newValue`, as far as there are any."""


class _Told(Protocol):
    """What pycrdt tells of a change to a Map."""

    path: Sequence[str | int]
    keys: _KeyChanges


@dataclass(slots=True)
class _Record:
    """What is known of one event since the last `ChangeFeed.take`."""

    was_there: bool | None = None  # None: nothing has told
    was_deleted: bool | None = None
    replaced: bool = False  # by another map, as a whole
    sequence: object = None  # as it was before, if that was told
    keys: set[str] = field(default_factory=set)

    @property
    def was_live(self) -> bool | None:
        if self.was_there is False or self.was_deleted:
            return False
        return True if self.was_there or self.was_deleted is False else None


class ChangeFeed:
    """Collects the changes of a document while it is open, as a context manager.

    It observes the document, which costs some 20 us for each update; `take` folds what came since
    the last call, so that an event created and edited twice in between is told as created, once.
    Open and close it outside of transactions.

    A feed of another ``root`` that is kept likewise, such as ``lineups``, tells of its entries.
    """

    def __init__(
        self, doc: Doc[Map[object]], root: str = "events", properties: str | None = "calendar"
    ) -> None:
        self._calendar: EventMap | None = doc.get(properties, type=Map) if properties else None
        self._events: EventMap = doc.get(root, type=Map)
        self._records: dict[str, _Record] = {}
        self._calendar_keys: set[str] = set()
        self._subscriptions: list[tuple[EventMap, Subscription]] = []

    def __enter__(self) -> Self:
        observed = self._events.observe_deep(self._note_events)
        self._subscriptions.append((self._events, observed))
        if self._calendar is not None:
            observed = self._calendar.observe(self._note_calendar)
            self._subscriptions.append((self._calendar, observed))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._subscriptions:  # an observed document is never freed
            observed, subscription = self._subscriptions.pop()
            observed.unobserve(subscription)

    def take(self) -> list[Change]:
        """The changes since the last call, at most one for each event, in no particular order."""
        records, self._records = self._records, {}
        keys, self._calendar_keys = self._calendar_keys, set()
        changes = [self._change(event_id, record) for event_id, record in records.items()]
        told: list[Change] = [change for change in changes if change is not None]
        return [*told, CalendarChanged(frozenset(keys))] if keys else told

    def pending(self, event_id: str) -> frozenset[str]:
        """The fields of one event that were written since the last `take`."""
        record = self._records.get(event_id)
        return frozenset() if record is None else frozenset(record.keys - BOOKKEEPING)

    def _change(self, event_id: str, record: _Record) -> Change | None:
        is_live = self._is_live(event_id)
        if record.was_there is False:
            return Created(event_id) if is_live else None
        if record.was_deleted:
            return Restored(event_id) if is_live else None
        if not is_live:
            return Deleted(event_id) if record.was_live else None
        if record.replaced:
            record.keys.update(cast("EventMap", self._events[event_id]).keys())
        fields = frozenset(record.keys - BOOKKEEPING - {"deleted"})
        before = record.sequence if isinstance(record.sequence, int | float) else None
        return Updated(event_id, fields, None if before is None else int(before))

    def _is_live(self, event_id: str) -> bool:
        shared = self._events.get(event_id)
        return isinstance(shared, Map) and not is_tombstone(shared.get("deleted"))

    # Observers. What they raise would surface in whoever applies an update: they only note down.

    def _note_events(self, events: Iterable[object]) -> None:
        for event in cast("Iterable[_Told]", events):
            path = event.path
            if not path:
                self._note_entries(event.keys)
            elif len(path) > 1:
                self._record(path[0]).keys.add(str(path[1]))
            else:  # what is no map, and so no event, has no keys
                _note_fields(self._record(path[0]), getattr(event, "keys", {}))

    def _note_entries(self, changes: _KeyChanges) -> None:
        for event_id, change in changes.items():
            record = self._record(event_id)
            if record.was_there is None:
                record.was_there = isinstance(change.get("oldValue"), Map)
            record.replaced = True

    def _note_calendar(self, event: object) -> None:
        self._calendar_keys.update(set(cast("_Told", event).keys) - {"schema"})

    def _record(self, event_id: object) -> _Record:
        return self._records.setdefault(str(event_id), _Record())


def _note_fields(record: _Record, changes: _KeyChanges) -> None:
    for key, change in changes.items():
        if key == "deleted" and record.was_deleted is None:
            record.was_deleted = is_tombstone(change.get("oldValue"))
        if key == "sequence" and record.sequence is None and not record.replaced:
            record.sequence = change.get("oldValue")
        if change.get("oldValue") != change.get("newValue"):
            record.keys.add(key)
