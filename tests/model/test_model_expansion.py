"""Series expanded: against RFC 5545, against python-dateutil, and against those who mean harm."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crdt_calendar.model.expansion import BEGINNING, END, Series
from crdt_calendar.model.moments import LOOKS, STARTS, Budget
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.when import Local, When, format_local, is_date

FAR = datetime(2100, 1, 1)


def series(rrule: str | None, start: str, *rdate: str, tz: str | None = None) -> Series:
    first = _local(start)
    length = timedelta(days=1) if is_date(first) else timedelta(hours=1)
    recurrence = Recurrence(rrule, tuple(_local(day) for day in rdate))
    return Series.of(When(first, first + length, tz), recurrence)


def starts(of: Series, lo: datetime | None = None, hi: datetime = FAR, most: int = 12) -> list[str]:
    found = of.starts(BEGINNING if lo is None else lo, hi, Budget(starts=most))
    return [format_local(start) for start in found][:most]


def _local(text: str) -> Local:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


# From the examples of RFC 5545 section 3.8.5.3, all of which start on a 2 September 1997 at nine
# unless they say otherwise. Where it ends in "..." we ask for as many as it prints.


@pytest.mark.parametrize(
    ("rrule", "start", "expected"),
    [
        ("FREQ=DAILY;COUNT=3", "1997-09-02", "0902 0903 0904"),
        ("FREQ=DAILY;INTERVAL=10;COUNT=5", "1997-09-02", "0902 0912 0922 1002 1012"),
        ("FREQ=WEEKLY;COUNT=3", "1997-09-02", "0902 0909 0916"),
        ("FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH", "1997-09-02",
         "0902 0904 0909 0911 0916 0918 0923 0925 0930 1002"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", "1997-09-02",
         "0902 0904 0916 0918 0930 1002 1014 1016"),
        ("FREQ=MONTHLY;COUNT=10;BYDAY=1FR", "1997-09-05",
         "0905 1003 1107 1205 0102 0206 0306 0403 0501 0605"),
        ("FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU", "1997-09-07",
         "0907 0928 1102 1130 0104 0125 0301 0329 0503 0531"),
        ("FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "1997-09-22", "0922 1020 1117 1222 0119 0216"),
        ("FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=6", "1997-09-28", "0928 1029 1128 1229 0129 0226"),
        ("FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1", "1997-09-30",
         "0930 1001 1031 1101 1130 1201 1231 0101 0131 0201"),
        ("FREQ=YEARLY;COUNT=10;BYMONTH=6,7", "1997-06-10",
         "0610 0710 0610 0710 0610 0710 0610 0710 0610 0710"),
        ("FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200", "1997-01-01",
         "0101 0410 0719 0101 0409 0718 0101 0410 0719 0101"),
        ("FREQ=YEARLY;BYDAY=20MO;COUNT=3", "1997-05-19", "0519 0518 0517"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3", "1997-05-12", "0512 0511 0517"),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=6", "1998-02-13",
         "0213 0313 1113 0813 1013 0413"),
        ("FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3",
         "1996-11-05", "1105 1107 1102"),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997-09-04", "0904 1007 1106"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=7", "1997-09-29",
         "0929 1030 1127 1230 0129 0226 0330"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997-08-05",
         "0805 0810 0819 0824"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997-08-05",
         "0805 0817 0819 0831"),
        ("FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "2007-01-15", "0115 0130 0215 0315 0330"),
    ],
)  # fmt: skip
def test_days_of_the_rfc(rrule: str, start: str, expected: str) -> None:
    days = [text[5:7] + text[8:10] for text in starts(series(rrule, f"{start}T09:00:00"))]
    assert days == expected.split()


@pytest.mark.parametrize(
    ("rrule", "expected"),
    [
        ("FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000", "09:00 12:00 15:00"),
        ("FREQ=MINUTELY;INTERVAL=15;COUNT=6", "09:00 09:15 09:30 09:45 10:00 10:15"),
        ("FREQ=MINUTELY;INTERVAL=90;COUNT=4", "09:00 10:30 12:00 13:30"),
        ("FREQ=DAILY;BYHOUR=9,10;BYMINUTE=0,20,40;COUNT=6", "09:00 09:20 09:40 10:00 10:20 10:40"),
        ("FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10;COUNT=6", "09:00 09:20 09:40 10:00 10:20 10:40"),
        ("FREQ=HOURLY;BYMINUTE=0,50,55;BYSETPOS=-1,1;COUNT=4", "09:00 09:55 10:00 10:55"),
        ("FREQ=SECONDLY;INTERVAL=1800;COUNT=3", "09:00 09:30 10:00"),
        ("FREQ=SECONDLY;BYSECOND=0;BYMINUTE=10,20;COUNT=3", "09:00 09:10 09:20"),
    ],
)
def test_times_of_day(rrule: str, expected: str) -> None:
    times = [text[11:16] for text in starts(series(rrule, "1997-09-02T09:00:00"))]
    assert times == expected.split()


def test_a_birthday_on_the_29th_of_february_waits_for_leap_years() -> None:
    assert starts(series("FREQ=YEARLY", "2024-02-29"), hi=datetime(2037, 1, 1)) == [
        "2024-02-29",
        "2028-02-29",
        "2032-02-29",
        "2036-02-29",
    ]


def test_a_week_number_alone_means_the_weekday_of_the_first_start() -> None:
    assert starts(series("FREQ=YEARLY;BYWEEKNO=20;COUNT=2", "1997-05-14")) == [
        "1997-05-14",
        "1998-05-13",
    ]


def test_the_last_days_of_a_year_can_be_in_week_one_of_the_next() -> None:
    found = starts(series("FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO;COUNT=3", "2024-01-01"))
    assert found == ["2024-01-01", "2024-12-30", "2025-12-29"]


def test_the_first_start_counts_whether_the_rule_yields_it_or_not() -> None:
    assert starts(series("FREQ=WEEKLY;BYDAY=MO;COUNT=3", "2026-03-04")) == [
        "2026-03-04",
        "2026-03-09",
        "2026-03-16",
    ]


def test_extra_dates_join_the_rule_once() -> None:
    of = series(
        "FREQ=DAILY;COUNT=2",
        "2026-03-01T09:00:00",
        "2026-03-02T09:00:00",
        "2026-02-01T10:00:00",
        "2026-04-01",
    )
    assert starts(of) == [
        "2026-02-01T10:00:00",
        "2026-03-01T09:00:00",
        "2026-03-02T09:00:00",
        "2026-04-01T09:00:00",
    ]
    assert of.last == datetime(2026, 4, 1, 9)


def test_extra_dates_need_no_rule() -> None:
    of = series(None, "2026-03-01", "2026-03-05", "2026-03-03T12:00:00")
    assert starts(of) == ["2026-03-01", "2026-03-03", "2026-03-05"]


@pytest.mark.parametrize(
    ("until", "days"),
    [
        ("20260304T080000Z", 4),  # nine in Berlin
        ("20260304T075959Z", 3),
        ("20260304T090000", 4),
        ("20260304", 4),
    ],
)
def test_until_is_inclusive(until: str, days: int) -> None:
    of = series(f"FREQ=DAILY;UNTIL={until}", "2026-03-01T09:00:00", tz="Europe/Berlin")
    assert len(starts(of)) == days


def test_until_of_whole_days_is_inclusive() -> None:
    for until in ("20260304", "20260304T000000Z", "20260304T235959Z"):
        assert len(starts(series(f"FREQ=DAILY;UNTIL={until}", "2026-03-01"))) == 4


@pytest.mark.parametrize(
    ("tz", "day", "offsets"),
    [
        ("Europe/Berlin", "2026-03-27", [1, 1, 2, 2]),
        ("Europe/Berlin", "2026-10-23", [2, 2, 1, 1]),
        ("America/New_York", "2026-03-06", [-5, -5, -4, -4]),
        ("Asia/Seoul", "2026-03-27", [9, 9, 9, 9]),
        ("Pacific/Fiji", "2019-11-08", [12, 12, 13, 13]),
    ],
)
def test_nine_stays_nine_when_clocks_change(tz: str, day: str, offsets: list[int]) -> None:
    of = series("FREQ=DAILY;COUNT=4", f"{day}T09:00:00", tz=tz)
    found = of.starts(BEGINNING, FAR, Budget())
    moments = [of.when.starting(start).starts_at(ZoneInfo("UTC")) for start in found]
    assert {moment.hour for moment in moments} == {9}
    hours = [(moment.utcoffset() or timedelta()) / timedelta(hours=1) for moment in moments]
    assert hours == offsets


def test_a_start_in_the_gap_is_put_off_and_the_next_day_is_as_before() -> None:
    of = series("FREQ=DAILY;COUNT=3", "2026-03-28T02:30:00", tz="Europe/Berlin")
    instants = [of.when.starting(s).instants(ZoneInfo("UTC"))[0] for s in starts_of(of)]
    assert instants == [
        datetime(2026, 3, 28, 1, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        datetime(2026, 3, 30, 0, 30, tzinfo=UTC),
    ]


def starts_of(of: Series) -> list[Local]:
    return of.starts(BEGINNING, FAR, Budget())


# Against python-dateutil, which is right about what it can finish. Left out: BYWEEKNO at the
# edges of a year (it miscounts 2027-01-01), BYWEEKNO without BYDAY (it takes all seven days), and
# BYSETPOS by the week (it takes the first week to begin at the first start).


def _some(values: range) -> st.SearchStrategy[str]:
    chosen = st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)
    return chosen.map(lambda numbers: ",".join(map(str, numbers)))


WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
PLAIN_DAYS = st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=4, unique=True)
NTH_DAYS = st.lists(
    st.builds("{}{}".format, st.sampled_from([1, 2, -1, -2]), st.sampled_from(WEEKDAYS)),
    min_size=1,
    max_size=3,
    unique=True,
)
DAY_PARTS = {
    "YEARLY": [
        st.just(""),
        _some(range(1, 13)).map("BYMONTH={}".format),
        _some(range(-28, 29)).map(lambda days: f"BYMONTHDAY={days}".replace("=0", "=1")),
        _some(range(1, 365)).map("BYYEARDAY={}".format),
        _some(range(-365, 0)).map("BYYEARDAY={}".format),
        _some(range(2, 52)).map("BYDAY=MO,SU;BYWEEKNO={}".format),
        NTH_DAYS.map(lambda days: "BYDAY=" + ",".join(days)),
        NTH_DAYS.map(lambda days: "BYMONTH=2,9;BYDAY=" + ",".join(days)),
    ],
    "MONTHLY": [
        st.just(""),
        _some(range(1, 29)).map("BYMONTHDAY={}".format),
        _some(range(-31, 0)).map("BYMONTHDAY={}".format),
        NTH_DAYS.map(lambda days: "BYDAY=" + ",".join(days)),
        PLAIN_DAYS.map(lambda days: "BYSETPOS=1,-2;BYDAY=" + ",".join(days)),
    ],
    "WEEKLY": [
        st.just(""),
        PLAIN_DAYS.map(lambda days: "BYDAY=" + ",".join(days)),
        PLAIN_DAYS.map(lambda days: "BYMONTH=1,2,6;BYDAY=" + ",".join(days)),
    ],
    "DAILY": [
        st.just(""),
        _some(range(1, 13)).map("BYMONTH={}".format),
        _some(range(1, 29)).map("BYMONTHDAY={}".format),
    ],
    "HOURLY": [st.just(""), _some(range(60)).map("BYMINUTE={}".format)],
    "MINUTELY": [st.just(""), _some(range(60)).map("BYSECOND={}".format)],
    "SECONDLY": [st.just("")],
}
TIME_PARTS = st.sampled_from(["", "BYHOUR=9,14", "BYHOUR=0;BYMINUTE=59", "BYSECOND=1,59"])


@st.composite
def rules(draw: st.DrawFn) -> str:
    freq = draw(st.sampled_from(sorted(DAY_PARTS)))
    daily = freq not in ("HOURLY", "MINUTELY", "SECONDLY")
    interval = draw(st.integers(1, 4 if daily else 50_000))
    parts = [f"FREQ={freq}", f"INTERVAL={interval}", draw(st.one_of(DAY_PARTS[freq]))]
    parts += [draw(TIME_PARTS)] if daily else []
    parts += draw(st.sampled_from([[], [], ["COUNT=7"], ["WKST=SU"], ["UNTIL=20231224T120000"]]))
    return ";".join(part for part in parts if part)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(
    rule=rules(),
    first=st.datetimes(datetime(2020, 1, 1), datetime(2024, 1, 1)),
    skipped=st.sampled_from([0, 0, 1, 40, 400, 3000]),
)
def test_expansion_agrees_with_dateutil(rule: str, first: datetime, skipped: int) -> None:
    first = first.replace(microsecond=0)
    lo, most = first + timedelta(days=skipped, seconds=1), 40
    expected: list[datetime] = []
    counted = 1  # the first start counts, even where dateutil does not yield it
    for moment in rrulestr(rule.replace("COUNT=7", "COUNT=9"), dtstart=first):
        counted += moment > first
        if (counted > 7 and "COUNT" in rule) or len(expected) == most or moment > END:
            break
        if moment >= lo:
            expected.append(moment)
        elif moment > first and "COUNT" not in rule and counted > 20_000:
            return
    hi = expected[-1] + timedelta(seconds=1) if expected else lo + timedelta(days=1)
    when = When(first, first + timedelta(minutes=5))
    assert Series.of(when, Recurrence(rule)).starts(lo, hi, Budget(10**7, 10**5)) == expected


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    rule=rules().filter(lambda rule: "COUNT" not in rule and "UNTIL" not in rule),
    first=st.datetimes(datetime(2020, 1, 1), datetime(2024, 1, 1)),
    count=st.integers(1, 30),
)
def test_a_count_is_as_many_starts(rule: str, first: datetime, count: int) -> None:
    when = When(first.replace(microsecond=0), first.replace(microsecond=0))
    counted = Series.of(when, Recurrence(f"{rule};COUNT={count}"))
    assume(not counted.uncounted)  # an interval of years in hours is not counted to its end
    found = counted.starts(BEGINNING, END, Budget())
    assert len(found) == count
    assert found[-1] == counted.bound
    without = Series.of(when, Recurrence(rule)).starts(BEGINNING, END, Budget(starts=count + 1))
    assert without[:count] == found


@settings(max_examples=200, deadline=None, derandomize=True)
@given(rule=rules(), first=st.datetimes(datetime(2020, 1, 1), datetime(2024, 1, 1)))
def test_jumping_ahead_finds_what_walking_finds(rule: str, first: datetime) -> None:
    of = Series.of(
        When(first.replace(microsecond=0), first.replace(microsecond=0)), Recurrence(rule)
    )
    walked = of.starts(BEGINNING, END, Budget(starts=60))
    for start in walked[-20:]:
        assert isinstance(start, datetime)
        assert of.starts(start, start + timedelta(seconds=1), Budget()) == [start]
        assert of.has(start)


def test_what_is_no_start_is_not_had() -> None:
    of = series("FREQ=DAILY", "2026-03-01T09:00:00")
    assert not of.has(datetime(2026, 3, 5, 9, 0, 1))
    assert not of.has(datetime(2026, 2, 28, 9))
    assert not of.has(date(2026, 3, 5))


EVERY_MINUTE = "BYHOUR={};BYMINUTE={}".format(
    ",".join(map(str, range(24))), ",".join(map(str, range(60)))
)


@pytest.mark.parametrize(
    "rrule",
    [
        "FREQ=DAILY",
        "FREQ=SECONDLY",
        "FREQ=SECONDLY;INTERVAL=10000000000",
        "FREQ=YEARLY;INTERVAL=10000000000",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=3",
        "FREQ=SECONDLY;COUNT=10000000000",
        "FREQ=WEEKLY;COUNT=10000000000",
        "FREQ=SECONDLY;COUNT=10000000000;BYMONTH=2;BYMONTHDAY=30",
        *(f"FREQ={freq};BYMONTH=2;BYMONTHDAY=31" for freq in sorted(DAY_PARTS)),
        f"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;{EVERY_MINUTE}",
        f"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;{EVERY_MINUTE};BYSETPOS=-1",
        f"FREQ=HOURLY;{EVERY_MINUTE};BYSETPOS=366",
        "FREQ=MINUTELY;BYSECOND=1;BYHOUR=3;BYSETPOS=5",
    ],
)
def test_no_rule_holds_up_anybody(rrule: str) -> None:
    began = time.process_time()
    of = series(rrule, "2026-01-01T09:00:00")  # a Thursday
    budget = Budget()
    found = of.starts(BEGINNING, END, budget)
    assert time.process_time() - began < 2  # measured: 0.2 at most
    assert 1 <= len(found) <= STARTS + 1
    assert budget.exhausted or of.uncounted or of.last is not None or "INTERVAL=1" in rrule


def test_a_budget_that_was_spent_stays_spent() -> None:
    budget = Budget(looks=5)
    of = series("FREQ=DAILY", "2026-01-01T09:00:00")
    of.starts(BEGINNING, END, budget)
    assert budget.exhausted
    assert of.starts(datetime(2027, 1, 1), datetime(2027, 1, 3), budget) == []


@pytest.mark.parametrize(
    ("rrule", "looks"),
    [
        ("FREQ=DAILY", 40),
        ("FREQ=DAILY;COUNT=30000", 40),
        ("FREQ=WEEKLY;BYDAY=MO,WE,FR", 40),
        ("FREQ=WEEKLY;COUNT=5000", 40),
        ("FREQ=MONTHLY;BYDAY=2MO", 80),
        ("FREQ=YEARLY", 80),
        ("FREQ=YEARLY;UNTIL=20700101T000000Z", 80),
        ("FREQ=HOURLY", 300),
        ("FREQ=SECONDLY;BYHOUR=9;BYMINUTE=0;BYSECOND=0", 1200),
    ],
)
def test_a_week_far_from_the_first_start_is_near(rrule: str, looks: int) -> None:
    budget = Budget()
    of = series(rrule, "1970-01-05T09:00:00")
    of.starts(datetime(2026, 3, 1), datetime(2026, 3, 8), budget)
    assert LOOKS - budget.looks < looks
