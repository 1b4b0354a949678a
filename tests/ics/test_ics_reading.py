"""What a file says, property by property."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt_calendar.ics import Parsed, read
from crdt_calendar.ics.drafts import LONGEST_TEXT, MOST_KEPT
from crdt_calendar.ics.kept import LONGEST_VALUE_BYTES
from crdt_calendar.ics.properties import MOST_OF_A_NAME
from crdt_calendar.ics.series import LARGEST_EVENT_BYTES
from crdt_calendar.model.details import Alarm, Attendee
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.when import When
from tests.ics.samples import START, parse, parse_event, vcalendar, vevent

DATA = Path(__file__).parent / "data"
BERLIN_START = "DTSTART;TZID=Europe/Berlin:20260302T090000"
DAY_START = "DTSTART;VALUE=DATE:20260302"
MONDAY = datetime(2026, 3, 2, 9)


def problems(parsed: Parsed) -> list[tuple[int, str]]:
    return [(problem.line, problem.message) for problem in parsed.problems]


def when(*lines: str, start: str) -> When:
    read_when = parse_event(*lines, start=start).fields["when"]
    assert read_when is not None
    return read_when


# When


@pytest.mark.parametrize(
    ("lines", "start", "expected"),
    [
        (["DTEND:20260302T100000Z"], START, When(MONDAY, MONDAY.replace(hour=10), "UTC")),
        (["DURATION:PT90M"], START, When(MONDAY, MONDAY + timedelta(minutes=90), "UTC")),
        ([], START, When(MONDAY, MONDAY, "UTC")),
        ([], "DTSTART:20260302T090000", When(MONDAY, MONDAY)),
        (
            ["DTEND;TZID=Europe/Berlin:20260302T103000"],
            BERLIN_START,
            When(MONDAY, datetime(2026, 3, 2, 10, 30), "Europe/Berlin"),
        ),
        (
            ["DTEND;TZID=America/New_York:20260302T063000"],
            BERLIN_START,
            When(MONDAY, datetime(2026, 3, 2, 12, 30), "Europe/Berlin"),
        ),
        (
            ["DTEND:20260302T100000Z"],
            BERLIN_START,
            When(MONDAY, datetime(2026, 3, 2, 11), "Europe/Berlin"),
        ),
        ([], DAY_START, When(date(2026, 3, 2), date(2026, 3, 3))),
        ([], "DTSTART:20260302", When(date(2026, 3, 2), date(2026, 3, 3))),
        (["DTEND;VALUE=DATE:20260305"], DAY_START, When(date(2026, 3, 2), date(2026, 3, 5))),
        (["DTEND;VALUE=DATE:20260302"], DAY_START, When(date(2026, 3, 2), date(2026, 3, 3))),
        (["DTEND:20260303T120000Z"], DAY_START, When(date(2026, 3, 2), date(2026, 3, 4))),
        (["DTEND:20260304T000000Z"], DAY_START, When(date(2026, 3, 2), date(2026, 3, 4))),
        (["DURATION:P3D"], DAY_START, When(date(2026, 3, 2), date(2026, 3, 5))),
        (["DURATION:P1W"], DAY_START, When(date(2026, 3, 2), date(2026, 3, 9))),
        (["DTEND;VALUE=DATE:20260303"], START, When(MONDAY, datetime(2026, 3, 3), "UTC")),
    ],
)
def test_when(lines: list[str], start: str, expected: When) -> None:
    assert when(*lines, start=start) == expected


def test_a_day_is_a_day_and_24_hours_are_24_hours_when_clocks_change() -> None:
    """RFC 5545 section 3.3.6."""
    start = "DTSTART;TZID=Europe/Berlin:20260328T120000"
    assert when("DURATION:P1D", start=start).end == datetime(2026, 3, 29, 12)
    assert when("DURATION:PT24H", start=start).end == datetime(2026, 3, 29, 13)


def test_an_end_before_the_start_is_reported_and_not_believed() -> None:
    parsed = parse(vevent("DTEND:20260301T000000Z"))
    assert parsed.events[0].fields["when"] == When(MONDAY, MONDAY, "UTC")
    assert problems(parsed) == [
        (4, "the event ends before it starts, at 2026-03-01 00:00:00"),
    ]


def test_an_end_past_the_end_of_the_calendar_is_reported_and_not_believed() -> None:
    parsed = parse(vevent("DURATION:P9000000D"))
    assert parsed.events[0].fields["when"] == When(MONDAY, MONDAY, "UTC")
    assert problems(parsed) == [(7, "DURATION: a duration past the end of the calendar")]


@pytest.mark.parametrize(
    "start",
    [
        "X-NONE:1",
        "DTSTART:soon",
        "DTSTART:20260230T000000Z",
        "DTSTART:00010101T000000Z",
        "DTSTART:",
    ],
)
def test_an_event_without_a_start_is_not_imported(start: str) -> None:
    parsed = parse(vevent("SUMMARY:a", start=start), vevent("SUMMARY:b", uid="b@x"))
    assert [event.id for event in parsed.events] == ["b@x"]
    assert "not imported" in parsed.problems[0].message


def test_a_start_may_be_told_by_the_first_extra_date() -> None:
    assert when(start="RDATE:20260302T090000Z,20260303T090000Z").start == MONDAY


def test_zones_by_any_name() -> None:
    for tzid in ('"Europe/Berlin"', "W. Europe Standard Time", "/x.org/Europe/Berlin"):
        assert when(start=f"DTSTART;TZID={tzid}:20260302T090000").tz == "Europe/Berlin"


def test_a_zone_may_be_defined_after_it_is_used() -> None:
    data = (DATA / "america_new_york.ics").read_text().replace("\r\n", "\n")
    start, end = data.index("BEGIN:VTIMEZONE"), data.index("BEGIN:VEVENT")
    moved = data[:start] + data[end:].replace("END:VCALENDAR", data[start:end] + "END:VCALENDAR")
    for text in (data, moved):
        (event,) = read(text.encode()).events
        assert event.fields["when"] == When(
            datetime(2014, 8, 29, 8), datetime(2014, 8, 29, 10), "America/New_York"
        )


def test_a_zone_nobody_knows_is_the_one_the_calendar_is_shown_in() -> None:
    parsed = parse("X-WR-TIMEZONE:Asia/Seoul", vevent(start="DTSTART;TZID=Office:20260302T090000"))
    assert parsed.events[0].fields["when"] == When(MONDAY, MONDAY, "Asia/Seoul")
    assert problems(parsed) == [(7, "unknown time zone 'Office': taken for Asia/Seoul")]


# Fields


def test_fields() -> None:
    fields = parse_event(
        r"SUMMARY:팀 회의\, Raum 3",
        r"LOCATION:Berlin\; Mitte",
        r"DESCRIPTION:one\ntwo",
        "URL:https://example.com/a,b;c",
        "COLOR:turquoise",
        "STATUS:TENTATIVE",
        "CLASS:PRIVATE",
    ).fields
    assert fields["title"] == "팀 회의, Raum 3"
    assert fields["location"] == "Berlin; Mitte"
    assert fields["description"] == "one\ntwo"
    assert fields["url"] == "https://example.com/a,b;c"
    assert fields["color"] == "turquoise"
    assert fields["status"] == "tentative"
    assert fields["visibility"] == "private"
    assert fields["ics"] == {}


def test_what_has_no_field_is_kept_with_its_parameters() -> None:
    fields = parse_event(
        "CATEGORIES:work,fun",
        "CATEGORIES:more",
        'ORGANIZER;CN="Lovelace, Ada":mailto:ada@x',
        "GEO:37.5;127.0",
        "STATUS:BUSY",
        r"SUMMARY;LANGUAGE=de:Be\,such",
    ).fields
    assert fields["ics"] == {
        "CATEGORIES": [{"value": "work,fun"}, {"value": "more"}],
        "ORGANIZER": [{"value": "mailto:ada@x", "params": {"CN": "Lovelace, Ada"}}],
        "GEO": [{"value": "37.5;127.0"}],
        "STATUS": [{"value": "BUSY"}],
        "SUMMARY": [{"value": r"Be\,such", "params": {"LANGUAGE": "de"}}],
    }
    assert fields["status"] is None
    assert fields["title"] == "Be,such"


def test_attendees() -> None:
    fields = parse_event(
        "ATTENDEE;CN=Ada;ROLE=CHAIR;PARTSTAT=ACCEPTED;RSVP=TRUE:MAILTO: ada@x ",
        'ATTENDEE;MEMBER="mailto:a@x","mailto:b@x":mailto:bob@x',
        "ATTENDEE:urn:uuid:1",
        "ATTENDEE;CN=Bob:mailto:bob@x",
    ).fields
    assert fields["attendees"] == [
        Attendee("ada@x", "Ada", "chair", "accepted", {"RSVP": "TRUE"}),
        Attendee("bob@x", "Bob"),
        Attendee("urn:uuid:1"),
    ]


def alarm(*lines: str) -> str:
    return "\r\n".join(["BEGIN:VALARM", *lines, "END:VALARM"])


def alarms(*parts: str) -> list[Alarm]:
    return list(parse_event("DTEND:20260302T100000Z", *parts).fields["alarms"])


def test_alarms_before_and_after_the_start() -> None:
    first, second, third = alarms(
        alarm("ACTION:DISPLAY", "TRIGGER:-PT15M", "DESCRIPTION:Reminder"),
        alarm("ACTION:AUDIO", "TRIGGER:PT0S"),
        alarm("ACTION:EMAIL", "TRIGGER:P1D", "SUMMARY:now", "ATTENDEE:mailto:a@x"),
    )
    assert (first.before_seconds, first.action, first.ics) == (900, "display", {})
    assert (second.before_seconds, second.action) == (0, "audio")
    assert (third.before_seconds, third.action) == (-86_400, "email")
    assert third.ics == {"SUMMARY": [{"value": "now"}], "ATTENDEE": [{"value": "mailto:a@x"}]}


def test_alarms_by_the_clock_and_from_the_end_are_before_the_start_and_remember_it() -> None:
    absolute, from_end = alarms(
        alarm("ACTION:DISPLAY", "TRIGGER;VALUE=DATE-TIME:20260302T080000Z"),
        alarm("ACTION:DISPLAY", "TRIGGER;RELATED=END:-PT10M"),
    )
    assert absolute.before_seconds == 3600
    assert from_end.before_seconds == -3000
    assert from_end.ics == {"TRIGGER": [{"value": "-PT10M", "params": {"RELATED": "END"}}]}


def test_an_alarm_keeps_its_id_and_twins_are_one() -> None:
    same = alarm("ACTION:DISPLAY", "TRIGGER:-PT5M")
    named = alarm("UID:alarm-1", "ACTION:DISPLAY", "TRIGGER:-PT5M")
    other = alarm("UID:alarm-1", "ACTION:DISPLAY", "TRIGGER:-PT6M")
    read_alarms = alarms(same, named, same, other)
    assert [one.before_seconds for one in read_alarms] == [300, 300, 360]
    assert read_alarms[1].id == "alarm-1"
    assert len({one.id for one in read_alarms}) == 3


def test_a_broken_alarm_is_listed_and_the_rest_is_there() -> None:
    parsed = parse(
        vevent(
            alarm("ACTION:DISPLAY"),
            alarm("ACTION:DISPLAY", "TRIGGER:soon"),
            alarm("ACTION:DISPLAY", "TRIGGER:-PT1M"),
            "BEGIN:X-THING\r\nEND:X-THING",
        )
    )
    assert len(list(parsed.events[0].fields["alarms"])) == 1
    assert problems(parsed) == [
        (7, "VALARM: an alarm without TRIGGER"),
        (10, "VALARM: not a date or a time: 'soon'"),
        (18, "a X-THING within an event: not imported"),
    ]


# Series


def test_a_rule_and_extra_dates() -> None:
    event = parse_event(
        "RRULE:freq=weekly;byday=mo;",
        "RDATE;TZID=America/New_York:20260304T030000",
        "RDATE;VALUE=DATE:20260305",
        start=BERLIN_START,
    )
    extra = (datetime(2026, 3, 4, 9), datetime(2026, 3, 5, 9))
    assert event.fields["recurrence"] == Recurrence("FREQ=WEEKLY;BYDAY=MO;", extra)


def test_extra_dates_with_an_end_of_their_own() -> None:
    event = parse_event(
        "DTEND:20260302T100000Z",
        "RDATE;VALUE=PERIOD:20260303T090000Z/PT3H,20260304T090000Z/20260304T100000Z",
    )
    assert event.fields["recurrence"] == Recurrence(
        None, (datetime(2026, 3, 3, 9), datetime(2026, 3, 4, 9))
    )
    longer = When(datetime(2026, 3, 3, 9), datetime(2026, 3, 3, 12), "UTC")
    assert event.fields["overrides"] == {"2026-03-03T09:00:00": {"when": longer.to_value()}}


def test_a_period_that_ends_before_it_starts_is_none() -> None:
    period = "20260303T090000Z/20260303T080000Z"
    parsed = parse(vevent(f"RDATE;VALUE=PERIOD:{period}", "SUMMARY:a"))
    assert parsed.events[0].fields["title"] == "a"
    assert problems(parsed) == [(7, f"RDATE: a period that ends before it starts: {period!r}")]


def test_exceptions_are_cancelled_instances_local_to_the_series() -> None:
    event = parse_event(
        "RRULE:FREQ=DAILY",
        "EXDATE:20260303T080000Z",
        "EXDATE;TZID=Europe/Berlin:20260304T090000,20260305T090000",
        "EXDATE;VALUE=DATE:20260306",
        start=BERLIN_START,
    )
    days = ["2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06"]
    assert event.fields["overrides"] == {f"{day}T09:00:00": {"cancelled": True} for day in days}


def test_exceptions_of_days_may_come_as_times() -> None:
    event = parse_event("RRULE:FREQ=DAILY", "EXDATE:20260303T000000", start=DAY_START)
    assert event.fields["overrides"] == {"2026-03-03": {"cancelled": True}}


def test_an_instance_overrides_what_differs() -> None:
    parsed = parse(
        vevent(
            "RECURRENCE-ID:20260309T080000Z",
            "SUMMARY:moved",
            "SEQUENCE:4",
            "DTEND;TZID=Europe/Berlin:20260310T120000",
            start="DTSTART;TZID=Europe/Berlin:20260310T110000",
        ),
        vevent(
            "RRULE:FREQ=WEEKLY",
            "EXDATE:20260309T080000Z",
            "SUMMARY:weekly",
            "LOCATION:Berlin",
            "SEQUENCE:2",
            "DTEND;TZID=Europe/Berlin:20260302T100000",
            start=BERLIN_START,
        ),
    )
    (event,) = parsed.events
    moved = When(datetime(2026, 3, 10, 11), datetime(2026, 3, 10, 12), "Europe/Berlin")
    assert event.fields["overrides"] == {
        "2026-03-09T09:00:00": {"title": "moved", "location": None, "when": moved.to_value()}
    }
    assert event.sequence == 4
    assert problems(parsed) == []


def test_this_and_following_instances_become_a_series_of_their_own() -> None:
    parsed = parse(
        vevent(
            "RRULE:FREQ=DAILY;COUNT=10", "SUMMARY:early", "EXDATE:20260303T090000Z,20260308T090000Z"
        ),
        vevent(
            "RECURRENCE-ID;RANGE=THISANDFUTURE:20260306T090000Z",
            "SUMMARY:late",
            start="DTSTART:20260306T100000Z",
        ),
        vevent("RECURRENCE-ID:20260307T090000Z", "SUMMARY:once", start="DTSTART:20260307T120000Z"),
        vevent("RECURRENCE-ID:20260304T090000Z", "SUMMARY:twice", start="DTSTART:20260304T090000Z"),
    )
    before, after = parsed.events
    assert (before.id, after.id) == ("a@x", "a@x/2026-03-06T09:00:00")
    assert before.fields["recurrence"] == Recurrence("FREQ=DAILY;COUNT=4")
    assert after.fields["recurrence"] == Recurrence("FREQ=DAILY;COUNT=6")
    assert before.fields["overrides"] == {
        "2026-03-03T09:00:00": {"cancelled": True},
        "2026-03-04T09:00:00": {"title": "twice"},
    }
    assert after.fields["when"] == When(datetime(2026, 3, 6, 10), datetime(2026, 3, 6, 10), "UTC")
    assert problems(parsed) == []
    once = When(datetime(2026, 3, 7, 12), datetime(2026, 3, 7, 12), "UTC")
    assert after.fields["overrides"] == {
        "2026-03-07T10:00:00": {"title": "once", "when": once.to_value()},
        "2026-03-08T10:00:00": {"cancelled": True},
    }


@pytest.mark.parametrize(
    ("rule", "which"),
    [
        ("RRULE:FREQ=WEEKLY", "20260303T090000Z"),  # no such instance
        ("RRULE:FREQ=WEEKLY", "20260302T090000Z"),  # the first one
        ("RDATE:20260303T090000Z", "20260303T090000Z"),  # no rule
    ],
)
def test_what_cannot_be_split_is_changed_for_that_instance_only(rule: str, which: str) -> None:
    changed = vevent(f"RECURRENCE-ID;RANGE=THISANDFUTURE:{which}", "SUMMARY:x")
    parsed = parse(vevent(rule), changed)
    assert len(parsed.events) == 1
    assert len(parsed.events[0].fields["overrides"]) == 1
    assert parsed.problems[0].message.startswith("taken over for this instance only")


def test_an_instance_without_its_series_is_an_event() -> None:
    parsed = parse(vevent("RECURRENCE-ID:20260302T090000Z", "SUMMARY:only this"))
    (event,) = parsed.events
    assert (event.id, event.series) == ("a@x/2026-03-02T09:00:00", "a@x")
    assert event.instance is not None


def test_rules_that_are_none_are_listed_and_the_event_is_single() -> None:
    parsed = parse(vevent("RRULE:FREQ=SOMETIMES"), vevent("RRULE:COUNT=3", uid="b@x"))
    assert [event.fields["recurrence"] for event in parsed.events] == [None, None]
    assert [line for line, _ in problems(parsed)] == [7, 12]


def test_only_the_first_rule_counts_and_exclusion_rules_do_not() -> None:
    parsed = parse(vevent("RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY", "EXRULE:FREQ=MONTHLY"))
    assert parsed.events[0].fields["recurrence"] == Recurrence("FREQ=DAILY")
    assert parsed.events[0].fields["ics"] == {"EXRULE": [{"value": "FREQ=MONTHLY"}]}
    assert [line for line, _ in problems(parsed)] == [7, 9]


# UIDs


def test_an_event_without_uid_gets_one_from_its_content() -> None:
    first = vevent("SUMMARY:a", "DTSTAMP:20260101T000000Z", uid=None)
    again = vevent("SUMMARY:a", "DTSTAMP:20260202T000000Z", uid=None)
    other = vevent("SUMMARY:b", uid=None)
    parsed = parse(first, again, other)
    assert len(parsed.events) == 2
    assert parse(other, again).events[1].id == parsed.events[0].id


def test_two_events_of_one_uid_are_two_and_twins_are_one() -> None:
    parsed = parse(vevent("SUMMARY:a"), vevent("SUMMARY:b"), vevent("SUMMARY:a"))
    first, second = parsed.events
    assert first.id == "a@x"
    assert second.id == f"a@x/{second.fingerprint}"


def test_of_several_revisions_the_last_counts() -> None:
    parsed = parse(vevent("SUMMARY:old"), vevent("SUMMARY:new", "SEQUENCE:1"))
    assert [event.fields["title"] for event in parsed.events] == ["new"]
    assert problems(parsed) == [(4, "a later revision is in line 9: not imported")]


def test_a_uid_too_long_for_a_key_is_replaced_by_its_hash() -> None:
    (event,) = parse(vevent(uid="x" * 5000)).events
    assert len(event.id) == 64
    assert parse(vevent(uid="x" * 5000)).events[0].id == event.id


def test_a_strange_sequence_is_none() -> None:
    for text, number in (("7", 7), ("x", 0), ("-3", 0), ("9" * 30, 2**31 - 1)):
        assert parse_event(f"SEQUENCE:{text}").sequence == number


# Calendars


def test_the_calendar_itself() -> None:
    parsed = parse(
        "X-WR-CALNAME:Chor\\, Alt",
        "X-WR-CALDESC:wöchentlich",
        "X-WR-TIMEZONE:W. Europe Standard Time",
        "X-APPLE-CALENDAR-COLOR:#ff0000",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
    )
    assert (parsed.name, parsed.description) == ("Chor, Alt", "wöchentlich")
    assert (parsed.timezone, parsed.color) == ("Europe/Berlin", "#ff0000")
    assert problems(parsed) == [(10, "REFRESH-INTERVAL of the calendar: not imported")]


def test_several_calendars_in_a_file() -> None:
    text = vcalendar("NAME:one", vevent(uid="1")) + vcalendar("NAME:two", vevent(uid="2"))
    parsed = read(text.encode())
    assert [event.id for event in parsed.events] == ["1", "2"]
    assert parsed.name == "one"
    assert [event.line for event in parsed.events] == [5, 14]


def test_what_is_no_event_is_listed() -> None:
    parsed = parse("BEGIN:VTODO\r\nUID:1\r\nEND:VTODO", "BEGIN:VJOURNAL\r\nEND:VJOURNAL", vevent())
    assert len(parsed.events) == 1
    assert problems(parsed) == [
        (4, "a VTODO is no event: not imported"),
        (7, "a VJOURNAL is no event: not imported"),
    ]


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"\x00" * 100, b"<html></html>", b"\xff\xfe", b"PK\x03"]
)
def test_what_is_no_calendar_at_all(data: bytes) -> None:
    assert list(read(data).events) == []


# Bounds


def test_an_event_is_only_so_large() -> None:
    text = "x" * LONGEST_TEXT
    parsed = parse(vevent(f"DESCRIPTION:{text}y", f"SUMMARY:{text}"))
    assert problems(parsed) == [(7, f"DESCRIPTION: longer than {LONGEST_TEXT} characters")]
    parsed = parse(vevent(*(f"{name}:{text}" for name in ("SUMMARY", "LOCATION", "URL", "COLOR"))))
    assert problems(parsed) == [
        (4, f"an event of more than {LARGEST_EVENT_BYTES >> 20} MiB: not imported")
    ]


def test_kept_properties_are_only_so_many_and_so_large() -> None:
    parsed = parse(
        vevent(f"X-BIG:{'x' * LONGEST_VALUE_BYTES}", f"{'X' * 2000}:1"),
        vevent(*(f"X-{n}:1" for n in range(MOST_KEPT + 5)), uid="b@x"),
    )
    assert parsed.events[0].fields["ics"] == {}
    assert len(parsed.events[1].fields["ics"]) == MOST_KEPT
    assert [line for line, _ in problems(parsed)] == [7, 8, 13 + MOST_KEPT]


def test_dates_and_attendees_are_only_so_many() -> None:
    many = MOST_OF_A_NAME + 1
    parsed = parse(vevent("RRULE:FREQ=DAILY", "EXDATE:" + ",".join(["20260303T090000Z"] * many)))
    assert problems(parsed) == [(8, f"EXDATE: more than {MOST_OF_A_NAME} of them")]
    parsed = parse(vevent(*(f"ATTENDEE:mailto:{n}@x" for n in range(many))))
    assert len(list(parsed.events[0].fields["attendees"])) == MOST_OF_A_NAME
    assert problems(parsed) == [(6 + many, f"ATTENDEE: more than {MOST_OF_A_NAME} of them")]


def test_overrides_of_a_crowd_end_somewhere() -> None:
    crowd = [f"ATTENDEE:mailto:{n}@x" for n in range(5_000)]
    instances = [
        vevent(f"RECURRENCE-ID:2026{month:02}{day:02}T090000Z", "SUMMARY:x")
        for month in (4, 5, 6)
        for day in range(1, 29)
    ]
    parsed = parse(vevent("RRULE:FREQ=DAILY", *crowd), *instances)
    assert len(parsed.events[0].fields["overrides"]) == 20
    assert len(parsed.problems) == len(instances) - 20


def test_splitting_ends_somewhere() -> None:
    parts = [
        part
        for number in range(101)
        for part in (
            vevent("RRULE:FREQ=DAILY", uid=f"{number}"),
            vevent("RECURRENCE-ID;RANGE=THISANDFUTURE:20260304T090000Z", uid=f"{number}"),
        )
    ]
    parsed = parse(*parts)
    assert len(parsed.events) == 201
    assert "more than 100 series to split" in parsed.problems[0].message


REAL = sorted(path for path in DATA.glob("*.ics"))


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.data())
def test_a_damaged_file_never_raises(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(REAL))
    lines = path.read_bytes().split(b"\n")
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(lines) - 1))
        kind = data.draw(st.integers(0, 3))
        if kind == 0:
            lines[at] = b""
        elif kind == 1:
            lines[at : at + 1] = [lines[at]] * 2
        elif kind == 2:
            lines[at] = lines[at][: data.draw(st.integers(0, 30))]
        else:
            lines[at] = lines[at] + data.draw(st.binary(max_size=5))
    read(b"\n".join(lines))


@settings(max_examples=400, derandomize=True, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                "DTSTART DTEND DURATION RRULE RDATE EXDATE RECURRENCE-ID UID SEQUENCE SUMMARY "
                "ATTENDEE CLASS STATUS URL X-A CREATED BEGIN END TRIGGER".split()
            ),
            st.sampled_from(["", ";VALUE=DATE", ";TZID=Europe/Berlin", ";TZID=x", ";VALUE=PERIOD"]),
            st.sampled_from(
                "20260302 20260302T090000 20260302T090000Z 99981231T235959Z 00020101T000000 "
                "19700101T000000/P1D P1D -PT5M FREQ=DAILY FREQ=DAILY;UNTIL=20250101 VALARM VEVENT "
                "mailto:a@x -1 FREQ=YEARLY;COUNT=3 P99999999W".split()
            )
            | st.text(max_size=8),
        ),
        max_size=12,
    )
)
def test_strange_events_never_raise(lines: list[tuple[str, str, str]]) -> None:
    texts = [f"{name}{params}:{value}" for name, params, value in lines]
    half = len(texts) // 2
    parsed = parse(vevent(*texts[:half], start=""), vevent(*texts[half:]))
    for event in parsed.events:
        assert event.fields["when"] is not None
