"""Calendars and files for the tests of iCalendar."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

from pycrdt import Doc, Map, TransactionEvent

from crdt_calendar.ics import Import, ImportResult, Parsed, ParsedEvent, read
from crdt_calendar.model.calendar import Calendar

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)

START = "DTSTART:20260302T090000Z"


class Desk:
    """A document with its calendar, and the updates it has emitted."""

    def __init__(self) -> None:
        self.doc: Doc[Any] = Doc()
        numbers = count(1)
        self.calendar = Calendar(
            self.doc, clock=lambda: NOW, new_id=lambda: f"id-{next(numbers)}", user="ada"
        )
        self.updates: list[bytes] = []
        self._subscription = self.doc.observe(self._take)

    def _take(self, event: TransactionEvent) -> None:
        self.updates.append(event.update)

    @property
    def events(self) -> Map[Any]:
        """The shared maps of the events, as a foreign client has them."""
        events: Map[Any] = self.doc.get("events", type=Map)
        return events

    def bring_in(self, parsed: Parsed | str | bytes) -> ImportResult:
        """Import in batches, as a server does."""
        if not isinstance(parsed, Parsed):
            parsed = read(parsed if isinstance(parsed, bytes) else parsed.encode())
        job = Import(parsed)
        while not job.finished:
            with self.doc.transaction():
                job.step(self.calendar)
        return job.result

    def state(self) -> tuple[bytes, int]:
        """What changes whenever anything is written."""
        return self.doc.get_state(), len(self.updates)


def vevent(*lines: str, uid: str | None = "a@x", start: str = START) -> str:
    """The text of a VEVENT."""
    own = [f"UID:{uid}"] if uid is not None else []
    return "\r\n".join(["BEGIN:VEVENT", *own, start, *lines, "END:VEVENT", ""])


def vcalendar(*parts: str) -> str:
    """The text of a VCALENDAR; parts are lines or components."""
    ended = [part if part.endswith("\n") else part + "\r\n" for part in parts]
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\n"
    return head + "".join(ended) + "END:VCALENDAR\r\n"


def parse(*parts: str) -> Parsed:
    """What a calendar of these parts says."""
    return read(vcalendar(*parts).encode())


def parse_event(*lines: str, start: str = START) -> ParsedEvent:
    """What a VEVENT with these lines says; there is nothing wrong with it."""
    parsed = parse(vevent(*lines, start=start))
    assert list(parsed.problems) == []
    (event,) = parsed.events
    return event
