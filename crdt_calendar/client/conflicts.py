"""Conflicts as they come to be known: the records that the server keeps in the document."""

from __future__ import annotations

from typing import Any, cast

from pycrdt import Map, MapEvent

from crdt_calendar.client.broadcast import Broadcast
from crdt_calendar.client.watched import WatchedDoc
from crdt_calendar.errors import InvalidValue, NoSuchConflict
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.conflicts import OPEN, Conflict, Conflicts

MOST_CONFLICTS = 10_000


class ConflictWatch:
    """Tells of each conflict that comes to be open, or is opened again."""

    def __init__(self, doc: WatchedDoc) -> None:
        self.found: Broadcast[Conflict] = Broadcast(MOST_CONFLICTS)
        self._doc = doc
        self._records: Map[object] = doc.get("conflicts", type=Map)
        self._written: set[str] = set()
        self._subscription = self._records.observe(self._note)

    def tell(self, calendar: Calendar) -> None:
        """Tell of what was written since the last call; outside of transactions."""
        written, self._written = self._written, set()
        for conflict_id in sorted(written) if self.found else ():
            try:
                conflict = Conflicts(self._doc, calendar).get(conflict_id)
            except (NoSuchConflict, InvalidValue):
                continue
            if conflict.state == OPEN:
                self.found.tell(conflict)

    def close(self) -> None:
        """End the streams, and let the document go."""
        self._records.unobserve(self._subscription)
        self.found.end()

    def _note(self, event: MapEvent) -> None:
        # Only this: within the commit the document may not be read.
        self._written.update(cast("Any", event).keys)
