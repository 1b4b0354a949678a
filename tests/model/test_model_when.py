"""Spans of local time: their form, and what they are in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.when import When, find_zone

UTC_ZONE = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    return at(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        {"start": "2026-03-01T09:00:00", "end": "2026-03-01T10:00:00", "tz": "Europe/Berlin"},
        {"start": "2026-03-01T09:00:00", "end": "2026-03-01T10:00:00", "tz": "UTC"},
        {"start": "2026-03-01T09:00:00", "end": "2026-03-01T09:00:00", "tz": None},
        {"start": "2026-03-01", "end": "2026-03-02", "tz": None},
    ],
)
def test_a_value_reads_back_as_it_was(value: dict[str, str | None]) -> None:
    assert When.from_value(value).to_value() == value


def test_a_missing_zone_reads_as_floating() -> None:
    when = When.from_value({"start": "2026-03-01T09:00:00", "end": "2026-03-01T10:00:00"})
    assert when.floating
    assert not when.all_day


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "when:"),
        ("2026-03-01", "when:"),
        ([], "when:"),
        ({}, "when.start:"),
        ({"start": 5, "end": "2026-03-02"}, "when.start:"),
        ({"start": "2026-02-30", "end": "2026-03-02"}, "when.start:"),
        ({"start": "0000-02-01", "end": "2026-03-02"}, "when.start:"),
        ({"start": "0001-01-01", "end": "2026-03-02"}, "when.start:"),
        ({"start": "2026-03-01", "end": "9999-01-01"}, "when.end:"),
        ({"start": "2026-03-01", "end": "2026-03-01"}, "when.end:"),
        ({"start": "2026-03-01", "end": "2026-02-01"}, "when.end:"),
        ({"start": "2026-03-01", "end": "2026-03-02T00:00:00"}, "when.end:"),
        ({"start": "2026-03-01", "end": "2026-03-02", "tz": "Europe/Berlin"}, "when.tz:"),
        ({"start": "2026-03-01T09:00:00", "end": "2026-03-01T08:59:59"}, "when.end:"),
        ({"start": "2026-03-01T09:00:00Z", "end": "2026-03-01T10:00:00"}, "when.start:"),
        ({"start": "2026-03-01T09:00", "end": "2026-03-01T10:00:00"}, "when.start:"),
        ({"start": "2026-03-01T09:00:00", "end": "2026-03-01T10:00:00.5"}, "when.end:"),
        ({"start": "2026-03-01T09:00:00", "end": "2026-03-01T10:00:00", "tz": 1}, "when.tz:"),
        ({"start": "2026-03-01T09:00:00", "end": "2026-03-01T10:00:00", "tz": ""}, "when.tz:"),
        ({"start": "2026-03-01T09:00:00", "end": "2026-03-01T10:00:00", "tz": "Mars"}, "when.tz:"),
        ({"start": "٢٠٢٦-03-01", "end": "2026-03-02"}, "when.start:"),
    ],
)
def test_a_malformed_value_is_refused_by_its_field(value: object, field: str) -> None:
    with pytest.raises(InvalidValue, match=f"^{field}"):
        When.from_value(value)


def test_a_time_with_a_zone_of_its_own_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"^when\.start"):
        When(utc("2026-03-01T09:00:00"), utc("2026-03-01T10:00:00"))


@pytest.mark.parametrize("key", ["../etc/passwd", "/etc/localtime", "America", "\0", "x" * 300])
def test_what_is_no_time_zone_is_not_found(key: str) -> None:
    assert find_zone(key) is None


@pytest.mark.parametrize(
    ("tz", "day", "expected"),
    [
        ("Europe/Berlin", "2026-03-28", "2026-03-28T08:00:00"),
        ("Europe/Berlin", "2026-03-29", "2026-03-29T07:00:00"),
        ("America/New_York", "2026-03-07", "2026-03-07T14:00:00"),
        ("America/New_York", "2026-03-08", "2026-03-08T13:00:00"),
        ("Asia/Seoul", "2026-07-01", "2026-07-01T00:00:00"),
        ("Pacific/Fiji", "2020-12-20", "2020-12-19T20:00:00"),  # summer time, the last they had
        ("Pacific/Fiji", "2026-12-20", "2026-12-19T21:00:00"),
        ("UTC", "2026-07-01", "2026-07-01T09:00:00"),
    ],
)
def test_nine_in_the_morning_in_a_zone(tz: str, day: str, expected: str) -> None:
    when = When(at(f"{day}T09:00:00"), at(f"{day}T10:00:00"), tz)
    assert when.starts_at(BERLIN) == utc(expected)
    assert when.ends_at(BERLIN) - when.starts_at(BERLIN) == timedelta(hours=1)
    assert when.starts_at(BERLIN).tzinfo == ZoneInfo(tz)


def test_floating_times_and_days_are_where_one_looks_from() -> None:
    floating = When(at("2026-03-01T09:00:00"), at("2026-03-01T10:00:00"))
    days = When(date(2026, 3, 1), date(2026, 3, 2))
    seoul = ZoneInfo("Asia/Seoul")
    assert floating.instants(seoul) == (utc("2026-03-01T00:00:00"), utc("2026-03-01T01:00:00"))
    assert days.instants(seoul) == (utc("2026-02-28T15:00:00"), utc("2026-03-01T15:00:00"))
    assert floating.starts_at(UTC_ZONE) == utc("2026-03-01T09:00:00")


def test_a_local_time_that_does_not_occur_uses_the_offset_before_the_gap() -> None:
    when = When(at("2026-03-29T02:30:00"), at("2026-03-29T02:45:00"), "Europe/Berlin")
    start = when.starts_at(UTC_ZONE)
    assert start == utc("2026-03-29T01:30:00")
    assert start.replace(tzinfo=None) == at("2026-03-29T03:30:00")


def test_a_local_time_that_occurs_twice_is_the_first() -> None:
    when = When(at("2026-10-25T02:30:00"), at("2026-10-25T02:45:00"), "Europe/Berlin")
    # By PEP 495 a time that occurs twice equals none of another zone; so compare in UTC.
    assert when.starts_at(UTC_ZONE).astimezone(UTC) == utc("2026-10-25T00:30:00")
    assert when.starts_at(UTC_ZONE).utcoffset() == timedelta(hours=2)
    assert when.instants(UTC_ZONE)[0] == utc("2026-10-25T00:30:00")


def test_the_night_shift_is_eight_hours_on_the_wall_in_every_night() -> None:
    short = When(at("2026-03-28T22:00:00"), at("2026-03-29T06:00:00"), "Europe/Berlin")
    assert short.duration == timedelta(hours=8)
    start, end = short.instants(UTC_ZONE)
    assert end - start == timedelta(hours=7)


def test_an_event_that_starts_in_the_gap_does_not_end_before_it_starts() -> None:
    when = When(at("2026-03-29T02:30:00"), at("2026-03-29T03:00:00"), "Europe/Berlin")
    start, end = when.instants(UTC_ZONE)
    assert end - start == timedelta(minutes=30)


def test_another_start_keeps_length_and_zone() -> None:
    when = When(at("2026-03-01T09:00:00"), at("2026-03-01T10:30:00"), "Asia/Seoul")
    moved = when.starting(at("2027-01-01T23:00:00"))
    assert moved == When(at("2027-01-01T23:00:00"), at("2027-01-02T00:30:00"), "Asia/Seoul")
    with pytest.raises(InvalidValue):
        when.starting(date(2026, 3, 1))
    with pytest.raises(InvalidValue):
        When(date(2, 1, 1), date(9000, 1, 1)).starting(date(9000, 1, 1))
