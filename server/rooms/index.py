"""A room's index: its events by time and by word, for readers.

It observes the document, which costs some 25 us for each update, so it is there only while somebody
reads and a while after that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from time import monotonic

from pycrdt import Doc, Map

from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.event import Event
from crdt_calendar.model.timeline import Timeline
from server.rooms.words import Words

# Whoever pages through a calendar, or polls it once a minute, finds it still open.
KEPT_SECONDS = 120.0
# Reading 10,000 events takes 0.4 s: other rooms have their turn every few milliseconds.
READ_AT_ONCE = 64


class Index:
    """Made when first asked for, closed by `sweep` when nobody has asked for a while."""

    def __init__(self) -> None:
        self._doc: Doc[Map[object]] | None = None
        self._timeline: Timeline | None = None
        self._words: Words | None = None
        self._used_at = 0.0

    def calendar(
        self,
        doc: Doc[Map[object]],
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        user: str,
    ) -> Calendar:
        """The calendar of that document, for reading, with the index to answer quickly."""
        timeline = self._timeline_of(doc)
        return Calendar(doc, clock=clock, new_id=new_id, user=user, timeline=timeline)

    async def ready(self, doc: Doc[Map[object]]) -> None:
        """Read what is not read yet; others have their turn meanwhile."""
        for number, _ in enumerate(self._timeline_of(doc).catch_up(), 1):
            if number % READ_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def search(self, events: Mapping[str, Event], query: str) -> set[str]:
        """The ids of those events that hold the words; see `Words.find`."""
        self._words = self._words or Words()
        return await self._words.find(events, query)

    def sweep(self, now: float) -> None:
        """Let go of a document that nobody has asked about for a while. `now` is monotonic."""
        if self._timeline is not None and now - self._used_at >= KEPT_SECONDS:
            self.close()

    def close(self) -> None:
        """Let go of the document: it is freed only when nobody observes it."""
        if self._timeline is not None:
            self._timeline.__exit__(None, None, None)
        self._doc = self._timeline = self._words = None

    def _timeline_of(self, doc: Doc[Map[object]]) -> Timeline:
        self._used_at = monotonic()
        if self._timeline is None or self._doc is not doc:
            self.close()
            self._doc, self._timeline = doc, Timeline(doc).__enter__()
        return self._timeline
