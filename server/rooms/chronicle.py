"""A chronicle: what became of the calendar, commit by commit, for those who hear it told.

It observes the document, which costs some 25 us for each update, so it is open only while somebody
listens and a while after that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, cast

from pycrdt import Doc, Map, MapEvent

from crdt_calendar.errors import InvalidValue, NoSuchConflict
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.changes import CalendarChanged, Change, ChangeFeed, Updated
from crdt_calendar.model.conflicts import Conflict, Conflicts
from crdt_calendar.model.event import Event
from crdt_calendar.model.lineup import ROOT as LINEUPS
from crdt_calendar.model.maps import read_map
from crdt_calendar.model.row import Row
from server.rooms.news import News, Told

# Some minutes of a busy calendar, for those whose connection broke. An event has a few hundred
# bytes; one commit seldom has more than a few. Long texts count by the kilobyte.
MOST_REMEMBERED = 512
MOST_KEPT = 4096
MOST_RECALLED = 32


class Observed:
    """A document whose changes are collected: those of events, calendar, conflicts and line-ups."""

    def __init__(self, doc: Doc[Map[object]], calendar: Calendar) -> None:
        self.doc = doc
        self._calendar = calendar
        self._conflicts = Conflicts(doc, calendar)
        self._records: Map[object] = doc.get("conflicts", type=Map)
        self._written: set[str] = set()
        self._feed = ChangeFeed(doc)
        self._feed.__enter__()
        self._lineups: Map[object] = doc.get(LINEUPS, type=Map)
        self._lineup_feed = ChangeFeed(doc, LINEUPS, properties=None)
        self._lineup_feed.__enter__()
        self._subscription = self._records.observe(self._note)

    def take(self) -> Told:
        """Everything since the last call, as it is now."""
        changes = tuple(self._feed.take())
        written, self._written = self._written, set()
        ids = (change.id for change in changes if not isinstance(change, CalendarChanged))
        found = {event_id: self._calendar.find(event_id) for event_id in ids}
        events = {event_id: event for event_id, event in found.items() if event is not None}
        lineups = tuple(self._lineup_feed.take())
        renamed = any(isinstance(change, CalendarChanged) for change in changes)
        return Told(
            changes,
            events,
            tuple(self._read(sorted(written))),
            lineups,
            self._rows(lineups),
            self._calendar.properties() if renamed else None,
        )

    def pending(self, event_id: str) -> frozenset[str]:
        """The fields of an event that were written since the last call of `take`."""
        return self._feed.pending(event_id)

    def close(self) -> None:
        """Let go of the document: it is freed only when nobody observes it."""
        self._feed.__exit__(None, None, None)
        self._lineup_feed.__exit__(None, None, None)
        self._records.unobserve(self._subscription)

    def _read(self, ids: Iterable[str]) -> Iterable[Conflict]:
        for conflict_id in ids:
            try:
                yield self._conflicts.get(conflict_id)
            except (NoSuchConflict, InvalidValue):
                continue

    def _rows(self, changes: Iterable[Change]) -> dict[str, Row]:
        ids = [change.id for change in changes if not isinstance(change, CalendarChanged)]
        found = {lineup_id: self._lineups.get(lineup_id) for lineup_id in ids}
        return {
            lineup_id: Row.read(lineup_id, read_map(shared))
            for lineup_id, shared in found.items()
            if isinstance(shared, Map)
        }

    def _note(self, event: MapEvent) -> None:
        # Only this: within the transaction the document may not be read.
        self._written.update(cast("Any", event).keys)


class Chronicle:
    """The news of one document, the latest of them remembered.

    ``start`` is the position since which all are known; None until that is on disk.
    """

    def __init__(self, doc: Doc[Map[object]], calendar: Calendar) -> None:
        self.start: int | None = None
        self._observed = Observed(doc, calendar)
        self._news: deque[News] = deque()
        self._kept = 0
        self._recalled: dict[int, News] = {}
        self._taken: deque[Told] = deque()  # on its way to the disk

    def start_at(self, position: int) -> None:
        """What was there when this was made is on disk: it reaches up to that position."""
        if self.start is None:
            self.start = position

    def observes(self, doc: Doc[Map[object]]) -> bool:
        """Whether this is about that document."""
        return self._observed.doc is doc

    def take(self) -> Told:
        """What the batch that is being handed over has made of the document."""
        told = self._observed.take()
        self._taken.append(told)
        return told

    def landed(self, told: Told) -> bool:
        """What was taken is on disk; whether it says anything, and was taken here."""
        if not any(one is told for one in self._taken):
            return False
        while self._taken.popleft() is not told:
            pass
        return bool(told)

    def add(self, news: News) -> None:
        """That batch is on disk."""
        self._news.append(news)
        self._kept += news.size
        while len(self._news) > MOST_REMEMBERED or self._kept > MOST_KEPT:
            oldest = self._news.popleft()
            self._kept -= oldest.size
            self.start = oldest.position
            self._recalled.clear()

    def since(self, position: int) -> tuple[News, ...] | None:
        """The news after that position, None when some of them are not known."""
        if self.start is None:
            return None
        if position >= self.start:
            return tuple(news for news in self._news if news.position > position)
        recalled = self._recalled.get(position)
        return None if recalled is None else (recalled, *self._news)

    def recall(self, position: int, news: News) -> None:
        """What came between that position and `start` was found in the log."""
        self._recalled[position] = news
        while len(self._recalled) > MOST_RECALLED:
            del self._recalled[next(iter(self._recalled))]

    def latest(self, event_id: str) -> Event | None:
        """An event as it was told last; None when that is not remembered."""
        found = (news.events.get(event_id) for news in reversed(self._news))
        return next((event for event in found if event is not None), None)

    def changed_since(self, event_id: str, version: int) -> frozenset[str] | None:
        """Which fields of an event were written after it had that version, on disk by now or not.

        None: nobody knows.
        """
        fields = set(self._observed.pending(event_id))
        known: tuple[Told | News, ...] = (*reversed(self._taken), *reversed(self._news))
        for told in known:
            event = told.events.get(event_id)
            if event is None:
                continue
            if event.sequence <= version:
                return frozenset(fields)
            for change in told.changes:
                if isinstance(change, CalendarChanged) or change.id != event_id:
                    continue
                fields |= change.fields if isinstance(change, Updated) else {"deleted"}
                if change.before is not None and change.before <= version:
                    return frozenset(fields)
        return None

    def close(self) -> None:
        """Let go of the document."""
        self._observed.close()
