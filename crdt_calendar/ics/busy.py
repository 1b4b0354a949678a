"""When a calendar is busy, as an iCalendar file that says nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from crdt_calendar.ics.lines import render
from crdt_calendar.ics.values import write_date_time
from crdt_calendar.ics.writing import PRODID
from crdt_calendar.model.freebusy import TENTATIVE, Busy

# RFC 5545 wants a time of writing in each event; the true one would tell when somebody edited.
_SOME_TIME = "19700101T000000Z"


def write_busy(spans: Iterable[Busy], uid_of: Callable[[Busy], str]) -> bytes:
    """A file of events called "Busy". `uid_of` names each, and should not lead back to anything."""
    parts = [
        render("BEGIN", "VCALENDAR"),
        render("VERSION", "2.0"),
        render("PRODID", PRODID),
        render("CALSCALE", "GREGORIAN"),
    ]
    for span in spans:
        parts += [
            render("BEGIN", "VEVENT"),
            render("UID", uid_of(span)),
            render("DTSTAMP", _SOME_TIME),
            render("DTSTART", _instant(span.start)),
            render("DTEND", _instant(span.end)),
            render("SUMMARY", "Busy"),
            render("STATUS", "TENTATIVE" if span.kind == TENTATIVE else "CONFIRMED"),
            render("TRANSP", "OPAQUE"),
            render("END", "VEVENT"),
        ]
    return b"".join([*parts, render("END", "VCALENDAR")])


def _instant(moment: datetime) -> str:
    return write_date_time(moment) + "Z"
