"""A VTIMEZONE for an IANA zone (RFC 5545 section 3.6.5), with rules where the zone has rules.

`icalendar` can make one too, but gives each onset in the time after the change where the RFC wants
the time before it, and stops in 2038.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from crdt_calendar.ics.definitions import WEEKDAYS
from crdt_calendar.ics.lines import render
from crdt_calendar.ics.values import write_date_time, write_offset

# The first years that matter to anybody's recurring events, and the last that zone files spell
# out; a rule seen until then is taken to go on.
EARLIEST_YEAR, LAST_YEAR = 1900, 2037
# A rule wants to be seen at work for a few years.
_LATEST_START = 2027


@dataclass(frozen=True, slots=True)
class _Change:
    """What an observance is: all its onsets share this."""

    before: timedelta
    after: timedelta
    name: str
    daylight: bool


@lru_cache(maxsize=512)
def write_vtimezone(tzid: str, first_year: int) -> bytes:
    """The component for an IANA zone, valid from the start of a year on."""
    zone = ZoneInfo(tzid)
    start = min(max(first_year - 1, EARLIEST_YEAR), _LATEST_START)
    onsets: dict[_Change, list[datetime]] = defaultdict(list)
    for change, onset in _changes(zone, start):
        onsets[change].append(onset)
    body = b"".join(
        _write_observances(change, moments)
        for change, moments in _with_initial(zone, start, onsets)
    )
    return b"BEGIN:VTIMEZONE\r\n" + render("TZID", tzid) + body + b"END:VTIMEZONE\r\n"


def _with_initial(
    zone: ZoneInfo, start: int, onsets: dict[_Change, list[datetime]]
) -> Iterator[tuple[_Change, list[datetime]]]:
    """The onsets, and before them what held at the start unless a change within a year ends it."""
    first = min((moments[0] for moments in onsets.values()), default=datetime.max)
    if first.year > start:
        at_start = datetime(start, 1, 1, tzinfo=UTC).astimezone(zone)
        yield _change(at_start, at_start), [datetime(start, 1, 1)]
    yield from onsets.items()


def _changes(zone: ZoneInfo, start: int) -> Iterator[tuple[_Change, datetime]]:
    """Every change of the zone's offset, with its onset in the local time before it."""
    week = timedelta(days=7)
    moment, end = datetime(start, 1, 1, tzinfo=UTC), datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)
    while moment < end:
        here, there = moment.astimezone(zone), (moment + week).astimezone(zone)
        if here.utcoffset() != there.utcoffset():
            onset = _find_onset(zone, moment, moment + week)
            change = _change(here, onset.astimezone(zone))
            yield change, onset.replace(tzinfo=None) + change.before
        moment += week


def _change(before: datetime, after: datetime) -> _Change:
    none = timedelta()
    return _Change(
        before.utcoffset() or none,
        after.utcoffset() or none,
        after.tzname() or "",
        bool(after.dst()),
    )


def _find_onset(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second with another offset than at `low`."""
    offset = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


def _write_observances(change: _Change, onsets: list[datetime]) -> bytes:
    """The onsets as one observance by dates and one by rule, or as one of them."""
    lasting = _lasting(onsets)
    dated = onsets[: len(onsets) - len(lasting)]
    written = b""
    if dated:
        dates = ",".join(map(write_date_time, dated[1:]))
        written += _write_observance(change, dated[0], render("RDATE", dates) if dates else b"")
    if lasting:
        written += _write_observance(change, lasting[0], render("RRULE", _rule(lasting)))
    return written


def _write_observance(change: _Change, onset: datetime, more: bytes) -> bytes:
    name = "DAYLIGHT" if change.daylight else "STANDARD"
    return b"".join(
        (
            render("BEGIN", name),
            render("TZOFFSETFROM", write_offset(change.before)),
            render("TZOFFSETTO", write_offset(change.after)),
            render("TZNAME", change.name),
            render("DTSTART", write_date_time(onset)),
            more,
            render("END", name),
        )
    )


def _lasting(onsets: list[datetime]) -> list[datetime]:
    """The longest end of the list that one yearly rule describes and that still goes on."""
    kept = list[datetime]()
    for onset in reversed(onsets):
        if kept and onset.year != kept[0].year - 1:
            break
        if not _rule([onset, *kept]):
            break
        kept.insert(0, onset)
    return kept if len(kept) > 2 and kept[-1].year == LAST_YEAR else []


def _rule(onsets: Sequence[datetime]) -> str:
    """The yearly RRULE of onsets that share month, weekday and time of day; "" if none does."""
    first = onsets[0]
    if len({(one.month, one.weekday(), one.time()) for one in onsets}) > 1:
        return ""
    rule, day = f"FREQ=YEARLY;BYMONTH={first.month}", WEEKDAYS[first.weekday()]
    positions = {(one.day - 1) // 7 + 1 for one in onsets}
    if all(one.day > monthrange(one.year, one.month)[1] - 7 for one in onsets):
        return f"{rule};BYDAY=-1{day}"
    if len(positions) == 1:
        return f"{rule};BYDAY={positions.pop()}{day}"
    earliest = min(one.day for one in onsets)
    if max(one.day for one in onsets) > earliest + 6:
        return ""
    days = ",".join(str(earliest + count) for count in range(7))
    return f"{rule};BYDAY={day};BYMONTHDAY={days}"
