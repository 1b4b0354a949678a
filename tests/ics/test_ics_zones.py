"""What a TZID means, and zones written down."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from icalendar import Timezone

from crdt_calendar.errors import InvalidValue
from crdt_calendar.ics.components import Component, Problems, read_components
from crdt_calendar.ics.definitions import Definition, read_definition
from crdt_calendar.ics.vtimezone import write_vtimezone
from crdt_calendar.ics.zones import MOST_DEFINITIONS, Zones, iana_name, name_by_rules

# What Outlook writes for Berlin, under whatever name.
OUTLOOK = """BEGIN:VTIMEZONE
TZID:{tzid}
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""
FIXED = """BEGIN:VTIMEZONE
TZID:{tzid}
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:{offset}
TZOFFSETTO:{offset}
END:STANDARD
END:VTIMEZONE
"""


def component(text: str) -> Component:
    (read,) = read_components(text, Problems())
    return read


def definition(text: str) -> Definition:
    return read_definition(component(text))


def resolve(tzid: str, text: str = "", default: str | None = None) -> tuple[object, list[str]]:
    problems = Problems()
    definitions = {tzid: component(text)} if text else {}
    zone = Zones(definitions, default, problems).resolve(tzid, 5)
    return zone, [problem.message for problem in problems.in_order()]


@pytest.mark.parametrize(
    ("tzid", "name"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ('"Asia/Seoul"', "Asia/Seoul"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Korea Standard Time", "Asia/Seoul"),
        ("Pacific Daylight Time", "America/Los_Angeles"),
        ("/freeassociation.sourceforge.net/Europe/Berlin", "Europe/Berlin"),
        ("/mozilla.org/20070129_1/America/New_York", "America/New_York"),
        (
            "/freeassociation.sourceforge.net/Tzfile/America/Argentina/Buenos_Aires",
            "America/Argentina/Buenos_Aires",
        ),
        ("/citadel.org/20210210_1/Asia/Seoul", "Asia/Seoul"),
        ("tzone://Microsoft/Utc", "UTC"),
        ("Etc/UTC", "UTC"),
        ("GMT", "UTC"),
        ("Western/Central Europe", None),
        ("Customized Time Zone", None),
        ("", None),
    ],
)
def test_names_are_found_however_decorated(tzid: str, name: str | None) -> None:
    assert iana_name(tzid) == name


@pytest.mark.parametrize(
    ("tzid", "name"),
    [
        ("(UTC+09:00) Seoul", "Asia/Seoul"),
        ("(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"),
        ("GMT+0900", "Etc/GMT-9"),
        ("UTC-5", "Etc/GMT+5"),
        ("GMT+00:00", "UTC"),
    ],
)
def test_display_names_are_guessed_and_reported(tzid: str, name: str) -> None:
    assert resolve(tzid) == (name, [f"unknown time zone {tzid!r}: taken for {name}"])


def test_a_name_that_says_nothing_is_the_calendar_s_zone_or_none() -> None:
    assert resolve("Nowhere", default="Asia/Seoul")[0] == "Asia/Seoul"
    zone, problems = resolve("Nowhere")
    assert zone is None
    assert problems == ["unknown time zone 'Nowhere': its times are left without a zone"]


@pytest.mark.parametrize("tzid", ["Customized Time Zone", "Western/Central Europe", "🕐"])
def test_a_zone_is_known_by_its_rules(tzid: str) -> None:
    assert resolve(tzid, OUTLOOK.format(tzid=tzid)) == ("Europe/Berlin", [])


def test_of_zones_with_the_same_rules_the_one_that_is_named_is_taken() -> None:
    assert resolve("Customized Paris", OUTLOOK)[0] == "Europe/Paris"
    assert resolve("Somewhere", FIXED.format(tzid="x", offset="+0900"))[0] == "Asia/Seoul"
    assert resolve("Japan Tokyo time", FIXED.format(tzid="x", offset="+0900"))[0] == "Asia/Tokyo"


def test_where_the_definition_tells_its_city_that_is_taken() -> None:
    text = FIXED.format(tzid="x", offset="+0900").replace(
        "TZID:x", "TZID:x\nX-LIC-LOCATION:Asia/Tokyo"
    )
    assert resolve("x", text) == ("Asia/Tokyo", [])


def test_a_name_counts_more_than_a_definition() -> None:
    assert resolve("Asia/Seoul", OUTLOOK)[0] == "Asia/Seoul"


def test_rules_that_no_zone_has_turn_times_into_utc() -> None:
    zone, problems = resolve("Moon", FIXED.format(tzid="x", offset="+0117"))
    assert isinstance(zone, Definition)
    assert zone.to_utc(datetime(2026, 3, 1, 1, 17)) == datetime(2026, 3, 1)
    assert problems == ["no known time zone has the rules of 'Moon': made UTC"]


def test_a_definition_that_ends_before_our_time_is_not_what_held_since() -> None:
    text = (
        "BEGIN:VTIMEZONE\nTZID:x\n"
        "BEGIN:STANDARD\nDTSTART:20240101T000000\nTZOFFSETFROM:+1000\nTZOFFSETTO:+1200\n"
        "END:STANDARD\n"
        "BEGIN:DAYLIGHT\nDTSTART:20240505T080000\nTZOFFSETFROM:+1200\nTZOFFSETTO:+1000\n"
        "END:DAYLIGHT\nEND:VTIMEZONE\n"
    )
    assert name_by_rules(definition(text), "x") is None


def test_a_zone_from_before_a_change_of_law_is_known_by_what_held_then() -> None:
    """Brazil had summer time until 2019; old files have nothing but its rule."""
    text = (
        "BEGIN:VTIMEZONE\nTZID:x\n"
        "BEGIN:DAYLIGHT\nDTSTART:20081019T000000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=3SU\n"
        "TZOFFSETFROM:-0300\nTZOFFSETTO:-0200\nEND:DAYLIGHT\n"
        "BEGIN:STANDARD\nDTSTART:20080217T000000\nRRULE:FREQ=YEARLY;BYMONTH=2;BYDAY=3SU\n"
        "TZOFFSETFROM:-0200\nTZOFFSETTO:-0300\nEND:STANDARD\nEND:VTIMEZONE\n"
    )
    assert name_by_rules(definition(text), "x") == "America/Sao_Paulo"


@pytest.mark.parametrize(
    "broken",
    [
        OUTLOOK.replace("FREQ=YEARLY", "FREQ=SECONDLY"),
        OUTLOOK.replace("INTERVAL=1", "INTERVAL=2"),
        OUTLOOK.replace("BYMONTH=3", "BYMONTH=13"),
        OUTLOOK.replace("TZOFFSETTO:+0100", "TZOFFSETTO:east"),
        OUTLOOK.replace("TZOFFSETFROM:+0200\n", ""),
        "BEGIN:VTIMEZONE\nTZID:x\nEND:VTIMEZONE\n",
    ],
)
def test_definitions_we_do_not_understand_are_reported_and_guessed(broken: str) -> None:
    with pytest.raises(InvalidValue):
        definition(broken)
    zone, problems = resolve("(UTC+09:00) Seoul", broken)
    assert zone == "Asia/Seoul"
    assert problems[0].startswith("the definition of '(UTC+09:00) Seoul' is not understood")


def test_a_rule_that_never_comes_true_is_no_rule() -> None:
    with pytest.raises(InvalidValue):
        definition(re.sub("BYDAY=-1SU;BYMONTH=\\d+", "BYMONTH=2;BYMONTHDAY=30", OUTLOOK))


def test_not_every_definition_of_a_file_is_evaluated() -> None:
    problems = Problems()
    definitions = {f"x{n}": component(OUTLOOK) for n in range(MOST_DEFINITIONS + 1)}
    zones = Zones(definitions, None, problems)
    found = [zones.resolve(tzid, 1) for tzid in definitions]
    assert found == ["Europe/Berlin"] * MOST_DEFINITIONS + [None]


def test_local_times_that_occur_twice_or_never() -> None:
    """RFC 5545 section 3.3.5: the first of two; before a gap the offset before it."""
    rules = definition(OUTLOOK)
    berlin = ZoneInfo("Europe/Berlin")
    for local in (
        datetime(2026, 10, 25, 2, 30),
        datetime(2026, 3, 29, 2, 30),
        datetime(2026, 3, 29, 1, 59, 59),
        datetime(2026, 3, 29, 3),
        datetime(2026, 7, 1),
        datetime(2026, 12, 31),
    ):
        expected = local.replace(tzinfo=berlin).astimezone(UTC).replace(tzinfo=None)
        assert rules.to_utc(local) == expected


ZONES = [
    "Europe/Berlin", "Europe/Dublin", "America/New_York", "America/Sao_Paulo", "Asia/Seoul",
    "Asia/Jerusalem", "Asia/Kathmandu", "Africa/Casablanca", "Africa/Cairo", "Australia/Lord_Howe",
    "Pacific/Fiji", "Pacific/Chatham", "Pacific/Apia", "America/Nuuk", "Asia/Pyongyang",
]  # fmt: skip


@pytest.mark.parametrize("tzid", ZONES)
@pytest.mark.parametrize("first_year", [1985, 2010, 2026])
def test_a_zone_that_is_written_has_the_offsets_of_the_zone(tzid: str, first_year: int) -> None:
    rules = definition(write_vtimezone(tzid, first_year).decode())
    zone = ZoneInfo(tzid)
    moment = datetime(first_year, 1, 1, 0, 30)
    while moment.year <= 2037:
        assert rules.offset(moment) == moment.replace(tzinfo=UTC).astimezone(zone).utcoffset()
        moment += timedelta(days=1, hours=7)


@pytest.mark.parametrize("tzid", ["Europe/Berlin", "America/New_York", "Asia/Jerusalem"])
def test_another_library_reads_the_same_out_of_it(tzid: str) -> None:
    read = Timezone.from_ical(write_vtimezone(tzid, 2020))
    assert isinstance(read, Timezone)
    there, zone = read.to_tz(lookup_tzid=False), ZoneInfo(tzid)
    local = datetime(2020, 1, 1, 12)
    while local.year < 2030:
        assert local.replace(tzinfo=there).utcoffset() == local.replace(tzinfo=zone).utcoffset()
        local += timedelta(days=5)


def test_a_zone_with_a_rule_is_written_with_a_rule() -> None:
    text = write_vtimezone("Asia/Jerusalem", 2026).decode()
    assert "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=FR;BYMONTHDAY=23,24,25,26,27,28,29\r\n" in text
    assert "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\n" in text
    assert "RDATE" not in text
    assert "DTSTART:20250328T020000" in text  # in the time before the change


def test_a_zone_without_changes_has_one_observance() -> None:
    text = write_vtimezone("Asia/Seoul", 2026).decode()
    assert text.count("BEGIN:STANDARD") == 1
    assert "BEGIN:DAYLIGHT" not in text


@pytest.mark.parametrize("name", ["america_new_york", "pacific_fiji", "alarm_etar_future"])
def test_zones_that_real_programs_write(name: str) -> None:
    text = (Path(__file__).parent / "data" / f"{name}.ics").read_text()
    (zone,) = [c for c in read_components(text, Problems()) if c.name == "VTIMEZONE"]
    tzid = zone.first("TZID")
    assert tzid is not None
    assert name_by_rules(read_definition(zone), tzid.text) == tzid.text.removeprefix("custom_")
