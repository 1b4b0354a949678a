"""What a TZID means: the IANA zone behind the many ways in which programs write it.

RFC 5545 lets a TZID be any text, defined by a VTIMEZONE in the same file; the document holds IANA
names only, because only those follow when a government changes its mind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from crdt_calendar.errors import InvalidValue
from crdt_calendar.ics.components import Component, Problems
from crdt_calendar.ics.definitions import Definition, read_definition

Zone = str | Definition | None
"""An IANA name, rules that have none, or nothing: the time floats."""

# Rules are compared in these years, the likeliest first: a definition that begins next year matches
# the zone as it is foreseen, a file from before a change of law the zone as it was then.
_WINDOWS = ((2023, 2026), (2028, 2031), (2016, 2017), (2008, 2010))

# Of several zones with the same rules, the first of these is meant.
_LIKELY = (
    "Europe/Berlin", "Europe/London", "Europe/Athens", "America/New_York", "America/Chicago",
    "America/Denver", "America/Los_Angeles", "America/Phoenix", "America/Sao_Paulo", "Asia/Seoul",
    "Asia/Shanghai", "Asia/Kolkata", "Asia/Dubai", "Australia/Sydney", "Europe/Moscow", "UTC",
)  # fmt: skip

# Outlook's display names, where they name no city.
_DISPLAY_NAMES = {
    "eastern time": "America/New_York",
    "central time": "America/Chicago",
    "mountain time": "America/Denver",
    "pacific time": "America/Los_Angeles",
    "coordinated universal time": "UTC",
}
_UTC_NAMES = frozenset({"utc", "z", "gmt", "zulu", "universal", "etc/utc", "etc/gmt"})
_FIXED = re.compile(r"\(?(?:UTC|GMT)?([+-])(\d{1,2})(?::?00)?\)?", re.IGNORECASE)

# Definitions that need to be evaluated because their names say nothing. People meet in a few.
MOST_DEFINITIONS = 100


class Zones:
    """The zones of one file. `definitions` are its VTIMEZONE components by TZID."""

    def __init__(
        self, definitions: Mapping[str, Component], default: str | None, problems: Problems
    ) -> None:
        self._definitions = definitions
        self._default = default
        self._problems = problems
        self._known: dict[str, Zone] = {}
        self._evaluated = 0

    def resolve(self, tzid: str, line: int) -> Zone:
        """The zone that a TZID at that line means; what is unclear is reported once."""
        if tzid not in self._known:
            self._known[tzid] = self._find(tzid, line)
        return self._known[tzid]

    def _find(self, tzid: str, line: int) -> Zone:
        definition = self._definitions.get(tzid)
        location = definition.first("X-LIC-LOCATION") if definition else None
        name = iana_name(tzid) or (iana_name(location.value) if location else None)
        if name or definition is None:
            return name or self._guess(tzid, line)
        self._evaluated += 1
        if self._evaluated > MOST_DEFINITIONS:
            return self._guess(tzid, line)
        try:
            rules = read_definition(definition)
        except InvalidValue as error:
            self._problems.add(line, f"the definition of {tzid[:80]!r} is not understood: {error}")
            return self._guess(tzid, line)
        name = name_by_rules(rules, tzid)
        if name is None:
            self._problems.add(line, f"no known time zone has the rules of {tzid!r}: made UTC")
        return name or rules

    def _guess(self, tzid: str, line: int) -> str | None:
        guess = _name_by_city(tzid) or _fixed_offset(tzid) or self._default
        as_what = f"taken for {guess}" if guess else "its times are left without a zone"
        self._problems.add(line, f"unknown time zone {tzid[:80]!r}: {as_what}")
        return guess


@lru_cache(maxsize=1)
def _names() -> Mapping[str, str]:
    """IANA and Windows names, in lower case, to IANA names."""
    windows = {name.lower(): zone for name, zone in WINDOWS_TO_OLSON.items()}
    return windows | {name.lower(): name for name in available_timezones()}


@lru_cache(maxsize=1024)
def iana_name(tzid: str) -> str | None:
    """The IANA zone that a TZID names, however decorated; None if it names none.

    "W. Europe Standard Time" and "/freeassociation.sourceforge.net/Europe/Berlin" do, and so does
    '"Asia/Seoul"' in quotes.
    """
    cleaned = tzid.strip("\"'/ \t").lower()
    parts = cleaned.split("/")
    for position in range(min(len(parts), 8)):
        suffix = "/".join(parts[position:])
        if suffix in _UTC_NAMES:
            return "UTC"
        if suffix in _names():
            return _names()[suffix]
    return _names().get(cleaned.replace(" daylight ", " standard "))


@lru_cache(maxsize=1)
def _cities() -> Mapping[str, str]:
    zones = sorted(name for name in available_timezones() if "/" in name and "Etc" not in name)
    return {name.rsplit("/", 1)[1].replace("_", " ").lower(): name for name in zones}


def _name_by_city(tzid: str) -> str | None:
    for word in re.split(r"[,;:/()]", tzid.lower()[:200]):
        found = _cities().get(word.strip()) or _DISPLAY_NAMES.get(word.strip())
        if found:
            return found
    return None


def _fixed_offset(tzid: str) -> str | None:
    match = _FIXED.match(tzid.strip())
    if not match or int(match[2]) > 12:
        return None
    # POSIX counts the other way round: Etc/GMT-9 is nine hours ahead of UTC.
    sign, hours = "-" if match[1] == "+" else "+", int(match[2])
    return f"Etc/GMT{sign}{hours}" if hours else "UTC"


def name_by_rules(rules: Definition, tzid: str) -> str | None:
    """The IANA zone that had these rules in one of a few recent spans of years."""
    for window in _WINDOWS:
        if not _covers(rules, window):
            continue
        offsets = tuple(_minutes(rules.offset(moment)) for moment in _samples(window))
        candidates = _zones_by_offsets(window).get(offsets)
        if candidates:
            return _likeliest(candidates, tzid)
    return None


def _covers(rules: Definition, window: tuple[int, int]) -> bool:
    """Whether the rules are at work in those years, rather than not begun or all behind."""
    unchanging = len(set(rules.offsets)) == 1
    return unchanging or any(window[0] <= moment.year <= window[1] for moment in rules.at_utc)


def _likeliest(candidates: list[str], tzid: str) -> str:
    words = set(re.findall(r"[a-z]+", tzid.lower()))
    for name in candidates:
        if name.rsplit("/", 1)[-1].lower() in words:
            return name
    return next((name for name in _LIKELY if name in candidates), candidates[0])


def _samples(window: tuple[int, int]) -> Iterator[datetime]:
    """A moment of each week. Wednesdays: changes happen at weekends."""
    moment = datetime(window[0], 1, 3, 12)
    while moment.year <= window[1]:
        yield moment
        moment += timedelta(days=7)


@lru_cache(maxsize=len(_WINDOWS))
def _zones_by_offsets(window: tuple[int, int]) -> Mapping[tuple[int, ...], list[str]]:
    """IANA names, those that Windows has first, by their offsets in minutes at the samples."""
    samples = [moment.replace(tzinfo=UTC) for moment in _samples(window)]
    found: dict[tuple[int, ...], list[str]] = {}
    for name in dict.fromkeys([*WINDOWS_TO_OLSON.values(), *sorted(available_timezones())]):
        zone = ZoneInfo(name)
        offsets = [(moment.astimezone(zone).utcoffset() or timedelta()) for moment in samples]
        found.setdefault(tuple(map(_minutes, offsets)), []).append(name)
    return found


def _minutes(offset: timedelta) -> int:
    return round(offset.total_seconds() / 60)
