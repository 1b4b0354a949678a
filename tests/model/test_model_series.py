"""Instances changed one by one, from one on, or all together."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.details import Alarm, Attendee
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.rule import Rule
from crdt_calendar.model.when import Local, When

YEAR = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
SHORT = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 10, tzinfo=UTC))


def nine(day: int, tz: str | None = "Europe/Berlin") -> When:
    """Nine to ten on a day of March 2026; the clocks in Berlin change on the 29th."""
    return When(datetime(2026, 3, day, 9), datetime(2026, 3, day, 10), tz)


def daily(calendar: Calendar, rrule: str = "FREQ=DAILY;COUNT=6", *rdate: Local) -> str:
    return calendar.create(title="x", when=nine(2), recurrence=Recurrence(rrule, rdate))


def shown(calendar: Calendar, span: tuple[datetime, datetime] = SHORT) -> list[str]:
    """Day, hour and title of everything in the span, as the wall clock of each event has it."""
    found = calendar.between(*span)
    return [f"{i.when.start:%d %H} {i.event.title}" for i in found]


def rrule_of(calendar: Calendar, event_id: str) -> str | None:
    recurrence = calendar.get(event_id).recurrence
    return recurrence.rrule if recurrence else None


def test_one_instance_is_different(calendar: Calendar) -> None:
    event_id = daily(calendar, "FREQ=DAILY;COUNT=3")
    calendar.override_instance(event_id, "2026-03-03T09:00:00", title="other")
    assert shown(calendar) == ["02 09 x", "03 09 other", "04 09 x"]
    calendar.override_instance(event_id, "2026-03-03T09:00:00", when=nine(7))
    assert shown(calendar) == ["02 09 x", "04 09 x", "07 09 other"]
    moved = calendar.between(*SHORT)[-1]
    assert (moved.recurrence_id, moved.overridden) == ("2026-03-03T09:00:00", True)
    assert moved.event.when == moved.when
    calendar.reset_instance(event_id, "2026-03-03T09:00:00")
    assert shown(calendar) == ["02 09 x", "03 09 x", "04 09 x"]


def test_one_instance_does_not_take_place_and_then_does(calendar: Calendar) -> None:
    event_id = daily(calendar, "FREQ=DAILY;COUNT=3")
    calendar.cancel_instance(event_id, "2026-03-03T09:00:00")
    assert shown(calendar) == ["02 09 x", "04 09 x"]
    calendar.override_instance(event_id, "2026-03-03T09:00:00", title="after all")
    assert shown(calendar) == ["02 09 x", "03 09 after all", "04 09 x"]


def test_one_instance_has_other_people(calendar: Calendar) -> None:
    event_id = calendar.create(
        when=nine(2), recurrence=Recurrence("FREQ=DAILY"), attendees=[Attendee("a"), Attendee("b")]
    )
    calendar.override_instance(event_id, "2026-03-03T09:00:00", attendees=[Attendee("b", "Bob")])
    override = calendar.get(event_id).overrides["2026-03-03T09:00:00"]
    assert override.event is not None
    assert override.event.attendees == (Attendee("b", "Bob"),)
    assert len(calendar.get(event_id).attendees) == 2


def test_overrides_by_two_people_both_survive_whatever_they_touch(calendar: Calendar) -> None:
    event_id = daily(calendar)
    calendar.override_instance(event_id, "2026-03-03T09:00:00", title="a", location="here")
    calendar.override_instance(event_id, "2026-03-03T09:00:00", title="b")
    override = calendar.get(event_id).overrides["2026-03-03T09:00:00"]
    assert override.changes == {"title": "b", "location": "here"}


@pytest.mark.parametrize(
    "recurrence_id",
    ["2026-03-03T10:00:00", "2026-03-09T09:00:00", "2026-03-03", "2026-03-03T09:00:00Z", "x", ""],
)
def test_there_must_be_such_an_instance(calendar: Calendar, recurrence_id: str) -> None:
    event_id = daily(calendar)
    with pytest.raises(InvalidValue, match="^recurrence_id: "):
        calendar.override_instance(event_id, recurrence_id, title="x")
    with pytest.raises(InvalidValue, match="^recurrence_id: "):
        calendar.cancel_instance(event_id, recurrence_id)
    with pytest.raises(InvalidValue, match="^recurrence_id: "):
        calendar.update_following(event_id, recurrence_id, title="x")


def test_an_event_that_does_not_repeat_has_no_instances(calendar: Calendar) -> None:
    event_id = calendar.create(when=nine(2))
    with pytest.raises(InvalidValue, match="^recurrence_id: "):
        calendar.cancel_instance(event_id, "2026-03-02T09:00:00")


def test_an_override_whose_instance_is_gone_is_ignored(calendar: Calendar) -> None:
    event_id = daily(calendar, "FREQ=DAILY;COUNT=3")
    calendar.override_instance(event_id, "2026-03-04T09:00:00", when=nine(8), title="moved")
    calendar.update(event_id, recurrence=Recurrence("FREQ=DAILY;COUNT=2"))
    assert shown(calendar) == ["02 09 x", "03 09 x"]
    assert list(calendar.get(event_id).overrides) == ["2026-03-04T09:00:00"]


# This and following.


@pytest.mark.parametrize(
    ("rrule", "before", "after"),
    [
        ("FREQ=DAILY;COUNT=6", "FREQ=DAILY;COUNT=2", "FREQ=DAILY;COUNT=4"),
        ("FREQ=DAILY", "FREQ=DAILY;UNTIL=20260304T075959Z", "FREQ=DAILY"),
        (
            "FREQ=DAILY;UNTIL=20260307T080000Z",
            "FREQ=DAILY;UNTIL=20260304T075959Z",
            "FREQ=DAILY;UNTIL=20260307T080000Z",
        ),
    ],
)
def test_from_one_instance_on(calendar: Calendar, rrule: str, before: str, after: str) -> None:
    event_id = daily(calendar, rrule)
    whole = [start.split()[0] for start in shown(calendar)]
    new_id = calendar.update_following(event_id, "2026-03-04T09:00:00", title="y")
    assert new_id != event_id
    assert rrule_of(calendar, event_id) == before
    assert rrule_of(calendar, new_id) == after
    assert [start.split()[0] for start in shown(calendar)] == whole
    assert [start.split()[2] for start in shown(calendar)][:4] == ["x", "x", "y", "y"]


def test_from_the_first_instance_on_is_the_same_event(calendar: Calendar) -> None:
    event_id = daily(calendar)
    assert calendar.update_following(event_id, "2026-03-02T09:00:00", title="y") == event_id
    assert (len(calendar), calendar.get(event_id).title) == (1, "y")


def test_what_follows_takes_everything_along(calendar: Calendar) -> None:
    extra = (datetime(2026, 3, 1, 9), datetime(2026, 3, 9, 9))
    event_id = calendar.create(
        title="x",
        description="text",
        location="here",
        when=nine(2),
        recurrence=Recurrence("FREQ=DAILY;COUNT=6", extra),
        attendees=[Attendee("bob")],
        alarms=[Alarm("a", 60)],
        ics={"X": 1},
    )
    calendar.override_instance(event_id, "2026-03-03T09:00:00", title="early")
    calendar.override_instance(event_id, "2026-03-04T09:00:00", title="here")
    calendar.cancel_instance(event_id, "2026-03-06T09:00:00")
    new_id = calendar.update_following(event_id, "2026-03-04T09:00:00", location="there")
    old, new = calendar.get(event_id), calendar.get(new_id)
    assert list(old.overrides) == ["2026-03-03T09:00:00"]
    assert set(new.overrides) == {"2026-03-04T09:00:00", "2026-03-06T09:00:00"}
    assert (new.title, new.description, new.location) == ("x", "text", "there")
    assert (new.attendees, new.alarms, new.ics) == (old.attendees, old.alarms, old.ics)
    assert old.recurrence is not None
    assert new.recurrence is not None
    assert old.recurrence.rdate == (datetime(2026, 3, 1, 9),)
    assert new.recurrence.rdate == (datetime(2026, 3, 9, 9),)
    assert (new.sequence, old.sequence) == (0, 4)


def test_what_follows_can_move(calendar: Calendar) -> None:
    event_id = daily(calendar)
    calendar.cancel_instance(event_id, "2026-03-06T09:00:00")
    at_eleven = When(datetime(2026, 3, 4, 11), datetime(2026, 3, 4, 12), "Europe/Berlin")
    calendar.update_following(event_id, "2026-03-04T09:00:00", when=at_eleven, title="y")
    assert shown(calendar) == ["02 09 x", "03 09 x", "04 11 y", "05 11 y", "07 11 y"]


@pytest.mark.parametrize("rrule", ["FREQ=DAILY;COUNT=30", "FREQ=WEEKLY;BYDAY=MO,WE,FR;COUNT=20"])
def test_splitting_over_a_change_of_clocks_loses_no_instance(
    calendar: Calendar, rrule: str
) -> None:
    event_id = daily(calendar, rrule)
    whole = [(i.starts_at, i.ends_at) for i in calendar.between(*YEAR)]
    new_id = calendar.update_following(event_id, "2026-03-30T09:00:00", title="y")
    assert [(i.starts_at, i.ends_at) for i in calendar.between(*YEAR)] == whole
    assert calendar.get(new_id).title == "y"


@pytest.mark.parametrize("tz", [None, "UTC", "America/New_York", "Asia/Seoul", "Pacific/Fiji"])
def test_a_series_ends_before_the_split_in_every_zone(calendar: Calendar, tz: str | None) -> None:
    event_id = calendar.create(when=nine(2, tz), recurrence=Recurrence("FREQ=DAILY"))
    whole = [i.starts_at for i in calendar.between(*YEAR)]
    calendar.update_following(event_id, "2026-03-20T09:00:00", title="y")
    assert [i.starts_at for i in calendar.between(*YEAR)] == whole


def test_an_extra_date_without_a_time_is_on_one_side_of_a_split(calendar: Calendar) -> None:
    event_id = daily(calendar, "FREQ=DAILY;COUNT=6", date(2026, 3, 4), date(2026, 3, 9))
    calendar.update_following(event_id, "2026-03-04T09:00:00", title="y")
    assert shown(calendar) == ["02 09 x", "03 09 x", *(f"{day:02} 09 y" for day in (4, 5, 6, 7, 9))]


def test_whole_days_are_split_by_the_day(calendar: Calendar) -> None:
    event_id = calendar.create(
        when=When(date(2026, 3, 2), date(2026, 3, 3)), recurrence=Recurrence("FREQ=DAILY")
    )
    new_id = calendar.update_following(event_id, "2026-03-05", title="y")
    assert rrule_of(calendar, event_id) == "FREQ=DAILY;UNTIL=20260304"
    assert calendar.get(new_id).when == When(date(2026, 3, 5), date(2026, 3, 6))
    assert len(calendar.between(*SHORT)) == 8


def test_an_extra_date_begins_no_series(calendar: Calendar) -> None:
    event_id = daily(calendar, "FREQ=WEEKLY", datetime(2026, 3, 4, 9))
    with pytest.raises(InvalidValue, match="^recurrence_id: "):
        calendar.update_following(event_id, "2026-03-04T09:00:00", title="y")
    only_dates = calendar.create(
        when=nine(2), recurrence=Recurrence(None, (datetime(2026, 3, 4, 9),))
    )
    with pytest.raises(InvalidValue, match="^recurrence_id: "):
        calendar.update_following(only_dates, "2026-03-04T09:00:00", title="y")


def test_a_series_can_be_split_again_and_again(calendar: Calendar) -> None:
    event_id = daily(calendar)
    second = calendar.update_following(event_id, "2026-03-04T09:00:00", title="y")
    calendar.update_following(second, "2026-03-05T09:00:00", title="z")
    assert shown(calendar) == ["02 09 x", "03 09 x", "04 09 y", "05 09 z", "06 09 z", "07 09 z"]


# All together.


def test_a_series_moves_as_a_whole(calendar: Calendar) -> None:
    event_id = daily(calendar, "FREQ=DAILY;UNTIL=20260305T080000Z", datetime(2026, 3, 8, 9))
    calendar.cancel_instance(event_id, "2026-03-03T09:00:00")
    calendar.override_instance(event_id, "2026-03-04T09:00:00", title="y")
    changed = calendar.move(event_id, nine(2).starting(datetime(2026, 3, 2, 11)))
    assert shown(calendar) == ["02 11 x", "04 11 y", "05 11 x", "08 11 x"]
    assert rrule_of(calendar, event_id) == "FREQ=DAILY;UNTIL=20260305T100000Z"
    assert changed == {
        "when",
        "recurrence",
        "override/2026-03-03T09:00:00",
        "override/2026-03-03T11:00:00",
        "override/2026-03-04T09:00:00",
        "override/2026-03-04T11:00:00",
    }


def test_moving_by_one_step_lands_overrides_on_each_other_unharmed(calendar: Calendar) -> None:
    event_id = daily(calendar, "FREQ=DAILY;COUNT=5")
    calendar.cancel_instance(event_id, "2026-03-03T09:00:00")
    calendar.override_instance(event_id, "2026-03-04T09:00:00", title="y")
    calendar.move(event_id, nine(3))
    assert shown(calendar) == ["03 09 x", "05 09 y", "06 09 x", "07 09 x"]


def test_the_weekdays_of_a_weekly_series_move_along(calendar: Calendar) -> None:
    event_id = daily(calendar, "FREQ=WEEKLY;BYDAY=MO,SU;UNTIL=20260309")
    calendar.cancel_instance(event_id, "2026-03-08T09:00:00")
    calendar.move(event_id, nine(3))
    assert rrule_of(calendar, event_id) == "FREQ=WEEKLY;UNTIL=20260310;BYDAY=MO,TU"
    assert list(calendar.get(event_id).overrides) == ["2026-03-09T09:00:00"]


@pytest.mark.parametrize("days", [1, 3, -2, 7, 10])
def test_every_second_week_moves_by_days_exactly(calendar: Calendar, days: int) -> None:
    event_id = daily(calendar, "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,SU;COUNT=9")
    before = [i.when.start for i in calendar.between(*YEAR)]
    by = timedelta(days=days)
    calendar.move(event_id, nine(2).starting(datetime(2026, 3, 2, 9) + by))
    after = [i.when.start for i in calendar.between(*YEAR)]
    assert after == [start + by for start in before]


def test_the_second_monday_of_a_month_stays_one(calendar: Calendar) -> None:
    event_id = calendar.create(
        title="x", when=nine(9), recurrence=Recurrence("FREQ=MONTHLY;BYDAY=2MO")
    )
    calendar.cancel_instance(event_id, "2026-04-13T09:00:00")
    calendar.move(event_id, nine(10).starting(datetime(2026, 3, 10, 11)))
    assert rrule_of(calendar, event_id) == "FREQ=MONTHLY;BYDAY=2MO"
    assert list(calendar.get(event_id).overrides) == ["2026-04-13T11:00:00"]


def test_a_rule_with_times_of_its_own_is_left_alone(calendar: Calendar) -> None:
    event_id = daily(calendar, "FREQ=DAILY;BYHOUR=9,14")
    calendar.cancel_instance(event_id, "2026-03-03T14:00:00")
    calendar.move(event_id, nine(2).starting(datetime(2026, 3, 2, 8)))
    assert list(calendar.get(event_id).overrides) == ["2026-03-03T14:00:00"]


def test_another_zone_keeps_the_last_instance(calendar: Calendar) -> None:
    event_id = daily(calendar, "FREQ=DAILY;UNTIL=20260305T080000Z")
    calendar.move(event_id, nine(2, "America/New_York"))
    assert rrule_of(calendar, event_id) == "FREQ=DAILY;UNTIL=20260305T140000Z"
    assert len(calendar.between(*SHORT)) == 4


def test_a_move_out_of_the_calendar_is_refused(calendar: Calendar) -> None:
    event_id = daily(calendar, "FREQ=DAILY;COUNT=2", datetime(9998, 1, 1))
    with pytest.raises(InvalidValue, match="^when: "):
        calendar.move(event_id, When(datetime(9998, 1, 1), datetime(9998, 1, 2)))
    calendar.update(event_id, recurrence=Recurrence("FREQ=DAILY;UNTIL=99981231T000000Z"))
    moved = When(datetime(9990, 1, 1), datetime(9990, 1, 2), "Europe/Berlin")
    with pytest.raises(InvalidValue, match="^when: "):
        calendar.move(event_id, moved)


def test_fields_given_beside_the_move_are_taken_as_they_are(calendar: Calendar) -> None:
    event_id = daily(calendar)
    calendar.cancel_instance(event_id, "2026-03-03T09:00:00")
    recurrence = Recurrence("FREQ=DAILY;COUNT=2")
    calendar.update(event_id, when=nine(5), recurrence=recurrence)
    assert list(calendar.get(event_id).overrides) == ["2026-03-03T09:00:00"]
    calendar.update(event_id, when=nine(6), overrides={})
    assert calendar.get(event_id).recurrence == recurrence
    assert calendar.get(event_id).overrides == {}


def test_days_become_times_and_the_series_is_left_alone(calendar: Calendar) -> None:
    event_id = daily(calendar, "FREQ=DAILY;COUNT=3")
    calendar.cancel_instance(event_id, "2026-03-03T09:00:00")
    calendar.move(event_id, When(date(2026, 3, 2), date(2026, 3, 3)))
    assert list(calendar.get(event_id).overrides) == ["2026-03-03T09:00:00"]
    assert len(calendar.between(*SHORT)) == 3


def test_counted_series_of_months_split_where_they_should(calendar: Calendar) -> None:
    event_id = calendar.create(when=nine(31), recurrence=Recurrence("FREQ=MONTHLY;COUNT=5"))
    new_id = calendar.update_following(event_id, "2026-07-31T09:00:00")
    assert rrule_of(calendar, event_id) == "FREQ=MONTHLY;COUNT=2"
    assert Rule.parse(rrule_of(calendar, new_id) or "").count == 3
    months = [i.when.start.month for i in calendar.between(YEAR[0], YEAR[1] + timedelta(days=90))]
    assert months == [3, 5, 7, 8, 10]
