"""Components: one broken one does not take the rest along."""

from __future__ import annotations

from crdt_calendar.ics.components import (
    MOST_LINES,
    MOST_PARTS,
    MOST_PROBLEMS,
    Component,
    Problem,
    Problems,
    read_components,
)


def components(text: str) -> tuple[list[Component], list[Problem]]:
    problems = Problems()
    return list(read_components(text, problems)), problems.in_order()


def names(text: str) -> list[str]:
    return [component.name for component in components(text)[0]]


def test_components_come_one_by_one_and_the_calendar_last() -> None:
    read, problems = components(
        "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\nBEGIN:VALARM\nACTION:AUDIO\nEND:VALARM\n"
        "SUMMARY:a\nEND:VEVENT\nBEGIN:VTODO\nEND:VTODO\nNAME:x\nEND:VCALENDAR\n"
    )
    event, todo, calendar = read
    assert problems == []
    assert [line.name for line in event.lines] == ["UID", "SUMMARY"]
    assert [part.name for part in event.parts] == ["VALARM"]
    assert (event.number, todo.number, calendar.number) == (3, 10, 1)
    assert [line.name for line in calendar.lines] == ["VERSION", "NAME"]


def test_an_event_that_does_not_end_ends_where_the_next_begins() -> None:
    text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nBEGIN:VEVENT\nUID:2\nEND:VEVENT\nEND:VCALENDAR\n"
    read, problems = components(text)
    assert [component.name for component in read] == ["VEVENT", "VEVENT", "VCALENDAR"]
    assert problems == [Problem(4, "a VEVENT begins before the last one ended")]


def test_a_file_that_stops_anywhere_still_gives_what_it_has() -> None:
    text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nBEGIN:VALARM\nACTION:AUDIO"
    read, problems = components(text)
    assert [component.name for component in read] == ["VEVENT", "VCALENDAR"]
    assert read[0].parts[0].lines[0].value == "AUDIO"
    assert problems == [Problem(4, "the VALARM that begins here never ends")]


def test_events_without_a_calendar_around_them_count() -> None:
    assert names("BEGIN:VEVENT\nUID:1\nEND:VEVENT\n") == ["VEVENT"]


def test_an_end_without_a_begin_is_passed_over() -> None:
    read, problems = components("END:VEVENT\nBEGIN:VEVENT\nEND:VALARM\nEND:VEVENT\n")
    assert [component.name for component in read] == ["VEVENT"]
    assert [problem.line for problem in problems] == [1, 3]


def test_lines_that_are_none_are_listed_and_passed_over() -> None:
    read, problems = components("BEGIN:VEVENT\nUID:1\nwhat is this\nSUMMARY:a\nEND:VEVENT\n")
    assert [line.name for line in read[0].lines] == ["UID", "SUMMARY"]
    assert problems == [Problem(3, "a property without a value: 'what is this'")]


def test_lines_outside_of_everything_are_listed_but_for_signatures() -> None:
    _, problems = components("SUMMARY:a\nBEGIN:VEVENT\nEND:VEVENT\nX-COMMENT:made by x\n")
    assert problems == [Problem(1, "SUMMARY is outside of every component")]


def test_components_nested_too_deep_are_passed_over_with_all_they_have() -> None:
    deep = "BEGIN:X\n" * 20_000 + "SUMMARY:inside\n" + "END:X\n" * 20_000
    read, problems = components(f"BEGIN:VEVENT\nUID:1\n{deep}SUMMARY:a\nEND:VEVENT\n")
    assert [line.name for line in read[0].lines] == ["UID", "SUMMARY"]
    assert problems == []


def test_after_nesting_that_never_ends_the_next_event_is_whole() -> None:
    text = "BEGIN:VEVENT\nUID:1\n" + "BEGIN:X\n" * 50 + "END:VEVENT\n"
    read, _ = components(text + "BEGIN:VEVENT\nUID:2\nEND:VEVENT\n")
    assert [component.name for component in read] == ["VEVENT", "VEVENT"]
    assert [component.lines[0].value for component in read] == ["1", "2"]


def test_a_component_holds_so_many_lines_and_parts() -> None:
    text = "BEGIN:VEVENT\n" + "X-A:1\n" * (MOST_LINES + 2) + "BEGIN:VALARM\nEND:VALARM\n" * 1_100
    read, problems = components(text + "END:VEVENT\n")
    assert (len(read[0].lines), len(read[0].parts)) == (MOST_LINES, MOST_PARTS)
    assert problems == [Problem(MOST_LINES + 2, f"a VEVENT of more than {MOST_LINES} lines")]


def test_problems_are_as_many_and_as_long_as_people_read() -> None:
    problems = Problems()
    for line in range(MOST_PROBLEMS + 5, 0, -1):
        problems.add(line, "x" * 1_000)
    listed = problems.in_order()
    assert len(listed) == MOST_PROBLEMS + 1
    assert listed[0].line < listed[1].line
    assert listed[-1].message == "and 5 more problems"
    assert max(len(problem.message) for problem in listed) == 300
