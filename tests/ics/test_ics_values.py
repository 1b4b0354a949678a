"""Dates, times, offsets and durations."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_calendar.errors import InvalidValue
from crdt_calendar.ics.values import (
    Duration,
    read_date_time,
    read_duration,
    read_moment,
    read_offset,
    write_date,
    write_date_time,
    write_duration,
    write_offset,
)


def test_dates_and_times_are_told_apart_by_their_form() -> None:
    assert read_moment("20260301") == (date(2026, 3, 1), False)
    assert read_moment("20260301T091530") == (datetime(2026, 3, 1, 9, 15, 30), False)
    assert read_moment(" 20260301T0915Z ") == (datetime(2026, 3, 1, 9, 15), True)
    assert read_date_time("20260301") == datetime(2026, 3, 1)


def test_a_leap_second_is_the_one_before_it() -> None:
    assert read_moment("20161231T235960Z")[0] == datetime(2016, 12, 31, 23, 59, 59)


@pytest.mark.parametrize(
    "text",
    ["", "2026-03-01", "20260230", "20260301T", "20260301T250000", "20260301T09Z", "٢٠٢٦٠٣٠١"],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        read_moment(text)


@given(st.datetimes(min_value=datetime(2, 1, 1)).map(lambda moment: moment.replace(microsecond=0)))
def test_moments_come_back(moment: datetime) -> None:
    assert read_moment(write_date_time(moment)) == (moment, False)
    assert read_moment(write_date(moment)) == (moment.date(), False)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("+0100", 3600), ("-0330", -12600), ("+053730", 20250), ("0000", 0), ("+09:00", 32400)],
)
def test_offsets(text: str, seconds: int) -> None:
    assert read_offset(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "+1", "+2500", "Z", "+01000"])
def test_what_is_no_offset_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        read_offset(text)


@given(st.integers(-86_399, 86_399))
def test_offsets_come_back(seconds: int) -> None:
    assert read_offset(write_offset(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "days", "seconds"),
    [
        ("PT15M", 0, 900),
        ("-P1DT2H", -1, -7200),
        ("P2W", 14, 0),
        ("P7W", 49, 0),
        ("+PT1H30M5S", 0, 5405),
        ("-P0DT0H10M0S", 0, -600),
        ("pt1h", 0, 3600),
        ("P1W2DT3H", 9, 10_800),
        ("PT24H", 0, 86_400),
    ],
)
def test_durations_keep_days_and_hours_apart(text: str, days: int, seconds: int) -> None:
    assert read_duration(text) == Duration(days, timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "text", ["", "15M", "P-1D", "PT15", "P1Y", "PT9999999999H", "P" + "9" * 50 + "D"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        read_duration(text)


@given(st.integers(-(10**9), 10**9))
def test_durations_come_back(seconds: int) -> None:
    assert read_duration(write_duration(seconds)).total == timedelta(seconds=seconds)


def test_durations_are_written_as_people_write_them() -> None:
    written = [write_duration(s) for s in (0, -900, 86_400, -90_000, 1_209_600, 694_800)]
    assert written == ["PT0S", "-PT15M", "P1D", "-P1DT1H", "P2W", "P8DT1H"]
