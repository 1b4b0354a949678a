"""A calendar of any size, like those that teams have: meetings, days off, weekly series."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random

_TITLES = ("Review", "주간 회의", "Interview", "Design", "1:1", "고객 미팅", "Deploy", "Lunch")
_MINUTES = (30, 30, 60, 60, 90)
_SPAN_DAYS = 730


def file_of(events: int, seed: int = 1) -> bytes:
    """An iCalendar file (RFC 5545) of so many events, over a year before and after today.

    Of twenty, one is a weekly series of ten and one a whole day.
    """
    return "\r\n".join(_lines(events, Random(seed))).encode()


def _lines(events: int, chance: Random) -> Iterator[str]:
    first = date.today() - timedelta(days=_SPAN_DAYS // 2)
    yield "BEGIN:VCALENDAR"
    yield "VERSION:2.0"
    yield "PRODID:-//crdt-calendar//benchmarks//EN"
    for number in range(events):
        day = first + timedelta(days=chance.randrange(_SPAN_DAYS))
        yield "BEGIN:VEVENT"
        yield f"UID:event-{number}@benchmarks"
        yield "DTSTAMP:20260101T000000Z"
        yield f"SUMMARY:{chance.choice(_TITLES)} {number}"
        if number % 20 == 0:
            yield f"DTSTART;VALUE=DATE:{day:%Y%m%d}"
        else:
            start = datetime(day.year, day.month, day.day, chance.randint(7, 19))
            end = start + timedelta(minutes=chance.choice(_MINUTES))
            yield f"DTSTART;TZID=Asia/Seoul:{start:%Y%m%dT%H%M%S}"
            yield f"DTEND;TZID=Asia/Seoul:{end:%Y%m%dT%H%M%S}"
        if number % 20 == 1:
            yield "RRULE:FREQ=WEEKLY;COUNT=10"
        if number % 3 == 0:
            yield f"LOCATION:Room {chance.randint(1, 40)}"
            yield f"DESCRIPTION:{'What is to be talked about. ' * chance.randint(1, 6)}"
        yield "END:VEVENT"
    yield "END:VCALENDAR"
    yield ""
