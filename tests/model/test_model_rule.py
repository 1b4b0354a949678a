"""The text of a recurrence rule, taken apart and put together."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.rule import Rule, Until

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY",
        "FREQ=WEEKLY;COUNT=10;INTERVAL=2;WKST=SU;BYDAY=MO,TU,SU",
        "FREQ=MONTHLY;UNTIL=20260301;BYDAY=-1FR,2SA",
        "FREQ=YEARLY;UNTIL=20260301T080000Z;BYMONTH=1,12;BYMONTHDAY=-1,1",
        "FREQ=YEARLY;UNTIL=20260301T080000;BYDAY=MO;BYWEEKNO=-1,20",
        "FREQ=YEARLY;BYYEARDAY=-366,100;BYSETPOS=-1,1",
        "FREQ=SECONDLY;BYHOUR=0,23;BYMINUTE=0,59;BYSECOND=0,60",
    ],
)
def test_a_rule_is_written_as_it_was_read(text: str) -> None:
    assert str(Rule.parse(text)) == text


def test_reading_is_easy_on_case_order_and_old_extensions() -> None:
    assert Rule.parse("byday=tu,mo;freq=weekly;interval=1;x-name=7;") == Rule.parse(
        "FREQ=WEEKLY;BYDAY=MO,TU"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "DAILY",
        "FREQ=",
        "FREQ=FORTNIGHTLY",
        "INTERVAL=2",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;COUNT=2;UNTIL=20260301",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=-1",
        "FREQ=DAILY;COUNT=99999999999",
        "FREQ=DAILY;COUNT=1e3",
        "FREQ=DAILY;COUNT=\u0663",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;UNTIL=tomorrow",
        "FREQ=DAILY;UNTIL=20260230",
        "FREQ=DAILY;UNTIL=20260201T250000Z",
        "FREQ=DAILY;WKST=MONDAY",
        "FREQ=DAILY;BYDAY=XX",
        "FREQ=DAILY;BYDAY=0MO",
        "FREQ=DAILY;BYDAY=54MO",
        "FREQ=DAILY;BYMONTH=13",
        "FREQ=DAILY;BYMONTH=-1",
        "FREQ=DAILY;BYMONTHDAY=0",
        "FREQ=DAILY;BYHOUR=24",
        "FREQ=DAILY;BYHOUR=",
        "FREQ=DAILY;BYHOUR=1,,2",
        "FREQ=DAILY;RSCALE=CHINESE",
        "DTSTART:20260301T090000Z RRULE:FREQ=DAILY",
        "FREQ=DAILY;BYSECOND=" + ",".join(["1"] * 3000),
    ],
)
def test_a_malformed_rule_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"^recurrence\.rrule: "):
        Rule.parse(text)


@pytest.mark.parametrize(
    ("until", "zone", "expected"),
    [
        ("20260701T070000Z", BERLIN, "2026-07-01T09:00:00"),
        ("20260701T070000Z", None, "2026-07-01T07:00:00"),
        ("20260701T070000", BERLIN, "2026-07-01T07:00:00"),
        ("20260701", BERLIN, "2026-07-01T23:59:59"),
        ("99991231T235959Z", BERLIN, "9998-12-31T01:00:00"),
    ],
)
def test_until_is_bent_to_the_wall_clock_of_the_series(
    until: str, zone: ZoneInfo | None, expected: str
) -> None:
    bound = Rule.parse(f"FREQ=DAILY;UNTIL={until}").until
    assert bound is not None
    assert bound.on_wall(datetime(2026, 1, 1, 9), zone) == datetime.fromisoformat(expected)


def test_until_of_whole_days_is_a_day() -> None:
    bound = Rule.parse("FREQ=DAILY;UNTIL=20260701T220000Z").until
    assert bound is not None
    assert bound.on_wall(date(2026, 1, 1), None) == datetime(2026, 7, 1)


def test_the_bound_before_a_start_has_the_form_of_the_start() -> None:
    nine = datetime(2026, 7, 1, 9)
    assert str(Until.before(nine, BERLIN)) == "20260701T065959Z"
    assert str(Until.before(nine, None)) == "20260701T085959"
    assert str(Until.before(date(2026, 7, 1), None)) == "20260630"


@pytest.mark.parametrize(
    "value",
    [
        {"rrule": "FREQ=DAILY"},
        {"rrule": "FREQ=DAILY", "rdate": ["2026-03-01T09:00:00", "2026-03-02T09:00:00"]},
        {"rrule": None, "rdate": ["2026-03-01"]},
    ],
)
def test_a_recurrence_reads_back_as_it_was(value: dict[str, object]) -> None:
    assert Recurrence.from_value(value).to_value() == value


@pytest.mark.parametrize(
    "value",
    [
        None,
        "FREQ=DAILY",
        {},
        {"rrule": 5},
        {"rrule": "nonsense"},
        {"rdate": []},
        {"rdate": "2026-03-01"},
        {"rrule": "FREQ=DAILY", "rdate": [5]},
        {"rrule": "FREQ=DAILY", "rdate": ["soon"]},
    ],
)
def test_a_malformed_recurrence_is_refused(value: object) -> None:
    with pytest.raises(InvalidValue, match="^recurrence"):
        Recurrence.from_value(value)
