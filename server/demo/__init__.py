"""The calendar that a first visitor finds: a small team's, its dates moved to around today."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from importlib.resources import files

# The Monday of the week that the packaged file is written around.
_MONDAY = date(2026, 1, 5)
_DATED_LINE = re.compile(r"^(?:DTSTART|DTEND|EXDATE|RECURRENCE-ID)[;:].*$", re.MULTILINE)
_DATE = re.compile(r"(?<=:)[0-9]{8}")


def team_calendar(today: date) -> bytes:
    """An iCalendar file (RFC 5545); its first week is the one that `today` is in."""
    by = timedelta(days=(today - _MONDAY).days // 7 * 7)
    text = files(__package__).joinpath("team.ics").read_bytes().decode()
    moved = _DATED_LINE.sub(lambda line: _DATE.sub(lambda day: _later(day[0], by), line[0]), text)
    return moved.encode()


def _later(day: str, by: timedelta) -> str:
    return f"{datetime.strptime(day, '%Y%m%d') + by:%Y%m%d}"
