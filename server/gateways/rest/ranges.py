"""Ranges of time in queries: instants, dates or local times, bounded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct, field

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.when import at_midnight, parse_local, parse_zone, to_utc
from crdt_calendar.shapes.times import parse_instant

LONGEST = timedelta(days=400)  # a year, which is more than a screen shows, and a month

Moment = Annotated[
    str, Meta(max_length=64, description="an instant, or a date or local time of `timeZone`")
]
Zone = Annotated[str, Meta(description="IANA name; the calendar's own unless given")]


class RangeQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """From when, to before when; at most 400 days."""

    from_: Moment = field(name="from")
    to: Moment
    time_zone: Zone = ""

    def span(self, home: ZoneInfo) -> tuple[datetime, datetime, ZoneInfo]:
        """Both ends in UTC, and the zone; `home` is the calendar's. Raises `InvalidValue`."""
        zone = ZoneInfo(parse_zone(self.time_zone, "timeZone")) if self.time_zone else home
        start, end = moment(self.from_, "from", zone), moment(self.to, "to", zone)
        if end <= start:
            raise InvalidValue("to: not after from")
        if end - start > LONGEST:
            raise InvalidValue(f"to: more than {LONGEST.days} days after from; ask for less")
        return start, end, zone


def moment(text: str, name: str, zone: ZoneInfo) -> datetime:
    """An instant, or a date or local time in that zone, as an instant. Raises `InvalidValue`."""
    if "T" in text and (text.endswith(("Z", "z")) or any(sign in text[11:] for sign in "+- ")):
        return instant(text, name)
    return to_utc(at_midnight(parse_local(text, name)), zone).astimezone(UTC)


def instant(text: str, name: str) -> datetime:
    """An instant of a query, where a plus sign that was not encoded has become a space."""
    return parse_instant(text.replace(" ", "+"), name)
