"""Free-busy: whose time is taken, and what takes none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_calendar.model.event import Event, Instance
from crdt_calendar.model.freebusy import BUSY, Busy, busy_spans
from crdt_calendar.model.when import When
from tests.rest.conftest import House, Person

DAY: dict[str, Any] = {"from": "2026-03-02", "to": "2026-03-03"}
ANCHOR = datetime(2026, 3, 2, tzinfo=UTC)


def at(hour: int, until: int, **words: Any) -> dict[str, Any]:
    start, end = (f"2026-03-02T{moment:02}:00:00Z" for moment in (hour, until))
    return {"start": start, "end": end, **words}


def spans(told: Any) -> list[str]:
    return [f"{one['start'][11:13]}-{one['end'][11:13]} {one['kind']}" for one in told]


@pytest.mark.anyio
async def test_what_takes_time_is_merged_and_what_takes_none_is_left_out(editor: Person) -> None:
    await editor.event(**at(9, 10))
    await editor.event(**at(10, 11))
    await editor.event(**at(12, 15, status="tentative"))
    await editor.event(**at(13, 14))
    await editor.event(**at(16, 17, status="cancelled"))
    gone = await editor.event(**at(18, 19))
    await editor.send("DELETE", f"/events/{gone['id']}", status=204)
    told = await editor.get("/free-busy", **DAY)
    assert spans(told["busy"]) == ["09-11 busy", "12-13 tentative", "13-14 busy", "14-15 tentative"]
    cut = await editor.get("/free-busy", **{"from": "2026-03-02T09:30:00Z", "to": DAY["to"]})
    assert cut["busy"][0]["start"] == "2026-03-02T09:30:00.000Z"


@pytest.mark.anyio
async def test_what_is_transparent_takes_no_time(
    house: House, project: str, editor: Person
) -> None:
    file = "\r\n".join(
        [
            *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:t"),
            *("DTSTAMP:20260101T000000Z", "DTSTART:20260302T090000Z", "DTEND:20260302T100000Z"),
            *("TRANSP:TRANSPARENT", "END:VEVENT", "END:VCALENDAR", ""),
        ]
    )
    answer = await editor.ask("POST", "/import", content=file.encode())
    assert '"created": 1' in answer.text
    assert (await editor.get("/free-busy", **DAY))["busy"] == []


@pytest.mark.anyio
async def test_a_person_is_busy_with_what_they_have_not_declined(editor: Person) -> None:
    for hour, status in enumerate(("accepted", "declined", "tentative", "needs-action", ""), 9):
        who = {"address": "Bob@example.org", "status": status}
        await editor.event(**at(hour, hour + 1, attendees=[who]))
    await editor.event(**at(20, 21))
    told = await editor.get("/free-busy", **DAY, attendee="mailto:bob@example.org")
    assert spans(told["busy"]) == ["09-10 busy", "11-13 tentative", "13-14 busy"]


@pytest.mark.anyio
async def test_several_projects_and_people_at_once(house: House) -> None:
    names = [await house.project(), await house.project()]
    people = [house.person("erin", "editor", name) for name in names]
    bob = {"attendees": [{"address": "bob@example.org", "status": "accepted"}]}
    await people[0].event(**at(9, 10, **bob))
    await people[1].event(**at(10, 11, **bob))
    await people[1].event(**at(12, 13))
    for name in names:
        await house.service.store.catalog.set_member(name, "erin", "viewer")
    body = {**DAY, "projects": names, "attendees": ["bob@example.org", "eve@example.org"]}
    told = await people[0].send("POST", "/api/v1/free-busy", body)
    assert [spans(told["projects"][name]) for name in names] == [
        ["09-10 busy"],
        ["10-11 busy", "12-13 busy"],
    ]
    assert spans(told["attendees"]["bob@example.org"]) == ["09-11 busy"]
    assert told["attendees"]["eve@example.org"] == []
    body["projects"] = [await house.project()]
    await people[0].send("POST", "/api/v1/free-busy", body, status=403)
    body["projects"] = ["nothing"]
    await people[0].send("POST", "/api/v1/free-busy", body, status=404)


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 12), st.sampled_from(["", "tentative"])),
        max_size=12,
    )
)
def test_merged_spans_say_of_every_hour_what_the_events_say(
    events: list[tuple[int, int, str]],
) -> None:
    def instance(begins: int, length: int, status: str) -> Instance:
        start = ANCHOR + timedelta(hours=begins)
        end = start + timedelta(hours=length)
        when = When(start.replace(tzinfo=None), end.replace(tzinfo=None), "UTC")
        return Instance(Event("e", status=status, when=when), None, when, start, end)

    lo, hi = ANCHOR + timedelta(hours=5), ANCHOR + timedelta(hours=45)
    found = busy_spans([instance(*one) for one in events], lo, hi)
    for hour in range(5, 45):
        now = ANCHOR + timedelta(hours=hour)
        covering = [status for begins, length, status in events if begins <= hour < begins + length]
        kinds = [span.kind for span in found if span.start <= now < span.end]
        expected = [] if not covering else [BUSY if "" in covering else "tentative"]
        assert kinds == expected
    for one, other in zip(found, found[1:], strict=False):
        assert one.end < other.start or (one.end == other.start and one.kind != other.kind)
    assert all(isinstance(span, Busy) and lo <= span.start < span.end <= hi for span in found)
