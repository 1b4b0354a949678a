"""Instances over REST: what takes place when, and one time of a series that differs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rest.conftest import Person

pytestmark = pytest.mark.anyio

WEEK: dict[str, Any] = {"from": "2026-03-02", "to": "2026-03-09"}
SERIES = {
    "id": "s",
    "title": "Stand-up",
    "start": "2026-03-02T09:00:00",
    "end": "2026-03-02T09:15:00",
    "timeZone": "Asia/Seoul",
    "recurrence": {"rrule": "FREQ=DAILY;COUNT=10"},
}
THIRD = "/events/s/instances/2026-03-04T09:00:00"


async def starts(person: Person, path: str = "/instances", **query: Any) -> list[str]:
    items = (await person.get(path, **{**WEEK, **query}))["items"]
    return [f"{one['start']} {one['title']}" for one in items]


async def test_a_range_shows_what_takes_place_in_it_by_time(editor: Person) -> None:
    await editor.event(**SERIES)
    await editor.event(id="d", title="Day off", start="2026-03-03")
    await editor.event(title="Later", start="2026-04-03T10:00:00Z")
    found = await starts(editor, to="2026-03-05T00:00:00+09:00", timeZone="Asia/Seoul")
    assert found == [
        "2026-03-02T09:00:00 Stand-up",
        "2026-03-03 Day off",
        "2026-03-03T09:00:00 Stand-up",
        "2026-03-04T09:00:00 Stand-up",
    ]
    assert await starts(editor, "/events/d/instances") == ["2026-03-03 Day off"]
    assert len(await starts(editor, "/events/s/instances")) == 7


async def test_a_range_goes_on_from_its_cursor_while_others_edit(editor: Person) -> None:
    await editor.event(**SERIES)
    first = await editor.get("/instances", **WEEK, limit=3)
    await editor.event(title="new", start="2026-03-02T08:00:00", timeZone="Asia/Seoul")
    rest = await editor.get("/instances", **WEEK, limit=100, cursor=first["next"])
    days = [one["start"][:10] for one in first["items"] + rest["items"]]
    assert days == [f"2026-03-0{day}" for day in range(2, 9)]
    assert rest["next"] is None


async def test_one_instance_differs_is_cancelled_and_is_as_the_others_again(editor: Person) -> None:
    await editor.event(**SERIES)
    later = {"title": "Retro", "start": "2026-03-04T16:00:00", "end": "2026-03-04T17:00:00"}
    changed = await editor.send("PATCH", THIRD, later)
    assert (changed["title"], changed["start"], changed["end"]) == tuple(later.values())
    assert (changed["recurrenceId"], changed["overridden"]) == ("2026-03-04T09:00:00", True)
    assert await editor.get(THIRD) == changed
    assert "2026-03-04T16:00:00 Retro" in await starts(editor)
    moved = await editor.send("PATCH", THIRD, {"start": "2026-03-04T15:00:00"})
    assert (moved["title"], moved["end"]) == ("Retro", "2026-03-04T16:00:00")

    await editor.send("DELETE", THIRD, status=204)
    await editor.get(THIRD, status=404)
    assert not [line for line in await starts(editor) if "03-04" in line]
    again = await editor.send("POST", f"{THIRD}/reset")
    assert (again["title"], again["overridden"]) == ("Stand-up", False)
    assert len(await starts(editor)) == 7


async def test_this_and_all_that_follow(editor: Person) -> None:
    await editor.event(**SERIES)
    following = await editor.send("PATCH", f"{THIRD}/following", {"title": "New"})
    assert following["id"] != "s"
    assert following["start"] == "2026-03-04T09:00:00"
    assert [line[-3:] for line in await starts(editor)] == ["-up", "-up", *["New"] * 5]
    whole = await editor.send("PATCH", "/events/s/instances/2026-03-02T09:00:00/following", {})
    assert whole["id"] == "s"


async def test_an_instance_that_there_is_not_is_not_found(editor: Person) -> None:
    await editor.event(**SERIES)
    await editor.event(id="once", title="x", start="2026-03-02T09:00:00")
    for path in (
        "/events/s/instances/2026-03-04T10:00:00",
        "/events/s/instances/2026-04-04T09:00:00",
        "/events/s/instances/tomorrow",
        "/events/once/instances/2026-03-02T09:00:00",
        "/events/none/instances/2026-03-02T09:00:00",
    ):
        await editor.get(path, status=404)
        await editor.send("PATCH", path, {"title": "y"}, status=404)
        await editor.send("DELETE", path, status=404)


async def test_an_instance_has_the_version_of_its_event(editor: Person) -> None:
    await editor.event(**SERIES)
    tag = (await editor.ask("GET", THIRD)).headers["etag"]
    assert (await editor.ask("GET", "/events/s")).headers["etag"] == tag
    await editor.send("PATCH", THIRD, {"title": "a"}, If_Match=tag)
    for method, path in (("PATCH", THIRD), ("DELETE", THIRD), ("PATCH", f"{THIRD}/following")):
        body = {"title": "b"} if method == "PATCH" else None
        await editor.send(method, path, body, status=412, If_Match=tag)


async def test_a_range_has_bounds_and_says_which(editor: Person) -> None:
    for query, field in (
        ({"from": "2026-03-09", "to": "2026-03-02"}, "to"),
        ({"from": "2026-03-02", "to": "2029-03-02"}, "to"),
        ({"from": "soon", "to": "2026-03-02"}, "from"),
        ({"to": "2026-03-02"}, "from"),
        ({**WEEK, "timeZone": "Mars"}, "timeZone"),
        ({**WEEK, "limit": "0"}, "limit"),
        ({**WEEK, "limit": "100000"}, "limit"),
        ({**WEEK, "cursor": "?"}, "cursor"),
        ({**WEEK, "form": "x"}, "form"),
    ):
        for path in ("/instances", "/free-busy"):
            if path == "/instances" or field not in ("limit", "cursor"):
                assert (await editor.get(path, status=422, **query))["field"] == field
