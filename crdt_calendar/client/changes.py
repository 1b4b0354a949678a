"""What has changed in the calendar: what, by whom, when, and whether here or elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from pycrdt import Doc, Map, Text

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model import changes as told
from crdt_calendar.model.details import Stamp
from crdt_calendar.model.maps import EventMap


class Kind(Enum):
    """What became of an event, or of the calendar."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    RESTORED = "restored"
    CALENDAR = "calendar"  # the properties of the calendar itself


@dataclass(frozen=True, slots=True)
class Change:
    """One change. Several edits of one event that arrive together are one change.

    ``id`` is the event's, "" for the calendar. ``fields`` are the keys of its map that were written
    (`UPDATED` and `CALENDAR` only; bookkeeping is left out). ``by`` and ``at`` are as the event
    says, "" and None where it does not. ``local`` is true for what this client wrote.
    """

    kind: Kind
    id: str
    fields: frozenset[str]
    by: str
    at: datetime | None
    local: bool


_KINDS: dict[type[told.Change], Kind] = {
    told.Created: Kind.CREATED,
    told.Updated: Kind.UPDATED,
    told.Deleted: Kind.DELETED,
    told.Restored: Kind.RESTORED,
    told.CalendarChanged: Kind.CALENDAR,
}


class ChangeReader:
    """Makes changes of what `ChangeFeed` tells, with what the document says now."""

    def __init__(self, doc: Doc[Map[object]]) -> None:
        self._events: EventMap = doc.get("events", type=Map)
        self._calendar: EventMap = doc.get("calendar", type=Map)

    def read(self, changes: Iterable[told.Change], *, local: bool) -> list[Change]:
        """These changes, with who and when."""
        return [self._read(change, local) for change in changes]

    def describe(self, changes: Iterable[told.Change]) -> list[dict[str, object]]:
        """These changes with the values that were written, as JSON can say them."""
        return [self._describe(change) for change in changes]

    def _read(self, change: told.Change, local: bool) -> Change:
        kind = _KINDS[type(change)]
        fields: frozenset[str] = getattr(change, "fields", frozenset())
        if isinstance(change, told.CalendarChanged):
            return Change(kind, "", fields, "", None, local)
        key = "deleted" if kind is Kind.DELETED else "updated"
        stamp = _stamp(self._events.get(change.id), key)
        by, at = (stamp.by, stamp.at) if stamp else ("", None)
        return Change(kind, change.id, fields, by, at, local)

    def _describe(self, change: told.Change) -> dict[str, object]:
        kind = _KINDS[type(change)]
        fields: frozenset[str] | None = getattr(change, "fields", None)
        if isinstance(change, told.CalendarChanged):
            return {"change": kind.value, "values": _values(self._calendar, fields)}
        found = self._events.get(change.id)
        if kind is Kind.DELETED or not isinstance(found, Map):
            return {"change": kind.value, "id": change.id}
        return {"change": kind.value, "id": change.id, "values": _values(found, fields)}


def _stamp(shared: object, key: str) -> Stamp | None:
    if not isinstance(shared, Map):
        return None
    try:
        return Stamp.from_value(shared.get(key), key)
    except InvalidValue:
        return None


def _values(shared: EventMap, fields: frozenset[str] | None) -> Mapping[str, object]:
    """The values at these keys, or all of them; None for a key that was taken away."""
    keys = shared.keys() if fields is None else fields
    return {key: _plain(shared.get(key)) for key in sorted(keys)}


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Text) else value
