"""The calendar a first visitor finds is whole, and around today whatever today is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Map

from crdt_calendar.ics import import_into, read
from crdt_calendar.model.timeline import Timeline
from server.demo import team_calendar
from tests.support.client import calendar_of

SEOUL = ZoneInfo("Asia/Seoul")
WEEK = timedelta(days=7)
FIRST = date(2026, 1, 5)
AS_PACKAGED = read(team_calendar(FIRST))


@settings(max_examples=20, deadline=None)
@given(st.dates(date(2020, 1, 1), date(2099, 12, 31)))
def test_dates_move_by_whole_weeks(today: date) -> None:
    by = timedelta(days=(today - FIRST).days // 7 * 7)
    for moved, held in zip(read(team_calendar(today)).events, AS_PACKAGED.events, strict=True):
        assert moved.id == held.id
        before, after = held.fields["when"], moved.fields["when"]
        assert before and after and after.start == before.start + by


def test_there_is_something_in_this_week_and_nothing_is_wrong_with_it() -> None:
    today = datetime.now(UTC).astimezone(SEOUL)
    doc: Doc[Map[object]] = Doc()
    result = import_into(calendar_of(doc), read(team_calendar(today.date())))
    assert (list(result.problems), result.created) == ([], len(AS_PACKAGED.events))
    monday = today.replace(hour=0, minute=0) - timedelta(days=today.weekday())
    assert len(Timeline(doc).expand(monday, monday + WEEK, SEOUL).instances) > 15
