"""Events over REST: what is said is kept, found again, and written over by nobody unseen."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.rest.conftest import House, Person

pytestmark = pytest.mark.anyio

MEETING = {
    "title": "주간 회의",
    "description": "Bring coffee.",
    "location": "Room 4",
    "start": "2026-03-02T09:00:00",
    "end": "2026-03-02T09:30:00",
    "timeZone": "Asia/Seoul",
    "attendees": [{"address": "bob@example.org", "name": "Bob", "status": "accepted"}],
    "alarms": [{"before": 600, "id": "a", "action": "display"}],
}


async def test_an_event_is_as_it_was_said(editor: Person) -> None:
    answer = await editor.ask("POST", "/events", json=MEETING)
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{editor.base}/events/{made['id']}"
    assert {key: made[key] for key in MEETING} == MEETING | {
        "attendees": [
            {"address": "bob@example.org", "name": "Bob", "role": "", "status": "accepted"}
        ]
    }
    assert made["startDate"] == "2026-03-02T00:00:00.000Z"
    read = await editor.ask("GET", answer.headers["location"])
    assert read.json() == made
    assert read.headers["etag"] == answer.headers["etag"]


async def test_a_patch_changes_what_it_names_and_takes_away_what_is_null(editor: Person) -> None:
    made = await editor.event(**MEETING)
    path = f"/events/{made['id']}"
    changed = await editor.send("PATCH", path, {"title": "Retro", "location": None})
    assert (changed["title"], changed["location"]) == ("Retro", "")
    assert changed["description"] == "Bring coffee."
    assert changed["version"] == 1
    assert await editor.send("PATCH", path, {"title": "Retro"}) == changed  # nothing to write


async def test_a_merge_patch_may_be_called_one(editor: Person) -> None:
    made = await editor.event(title="a")
    answer = await editor.ask(
        "PATCH",
        f"/events/{made['id']}",
        content=b'{"title": "b"}',
        headers={"content-type": "application/merge-patch+json; charset=utf-8"},
    )
    assert answer.json()["title"] == "b"


async def test_a_deleted_event_is_gone_and_comes_back(editor: Person) -> None:
    made = await editor.event(**MEETING)
    path = f"/events/{made['id']}"
    await editor.send("DELETE", path, status=204)
    assert (await editor.get(path, status=404))["slug"] == "no-such-event"
    assert (await editor.get("/events"))["items"] == []
    (deleted,) = (await editor.get("/events", deleted="true"))["items"]
    assert deleted["deletedBy"] == "erin"
    assert (await editor.get(path, deleted="true"))["deletedBy"] == "erin"
    restored = await editor.send("POST", f"{path}/restore")
    assert {key: restored[key] for key in ("title", "location")} == {
        "title": "주간 회의",
        "location": "Room 4",
    }
    assert [one["id"] for one in (await editor.get("/events"))["items"]] == [made["id"]]


async def test_an_id_may_be_whatever_icalendar_allows(editor: Person) -> None:
    for id in ("a/b@example.org", "100% {x}?#", "회의 1", "..", "%2F"):
        answer = await editor.ask("POST", "/events", json={"id": id, "title": id})
        assert answer.headers["location"].endswith("/events/" + quote(id, safe=""))
        if id != "..":  # clients resolve that away
            assert (await editor.ask("GET", answer.headers["location"])).json()["title"] == id


async def test_if_match_refuses_to_write_over_what_was_not_seen(editor: Person) -> None:
    answer = await editor.ask("POST", "/events", json={"title": "a"})
    path, seen = f"/events/{answer.json()['id']}", answer.headers["etag"]
    await editor.send("PATCH", path, {"title": "b"}, If_Match=seen)
    for method, body in (("PATCH", {"title": "c"}), ("DELETE", None)):
        refused = await editor.send(method, path, body, status=412, If_Match=seen)
        assert refused["slug"] == "precondition-failed"
    assert (await editor.get(path))["title"] == "b"
    await editor.send("PATCH", path, {"title": "c"}, If_Match='"7", "1"')  # the bare version
    await editor.send("DELETE", path, status=204, If_Match="*")


async def test_versions_that_two_people_made_at_once_have_different_tags(
    house: House, editor: Person
) -> None:
    one, other = await editor.event(id="one", title="a"), await editor.event(id="two", title="b")
    tags = [(await editor.ask("GET", f"/events/{it['id']}")).headers["etag"] for it in (one, other)]
    assert tags[0] != tags[1]
    assert [tag.partition("-")[0] for tag in tags] == ['"0', '"0']


async def test_what_the_caller_has_is_not_sent_again(editor: Person) -> None:
    made = await editor.event(title="a")
    for path in (f"/events/{made['id']}", "/events", ""):
        tag = (await editor.ask("GET", path)).headers["etag"]
        answer = await editor.ask("GET", path, headers={"if-none-match": f'"x", {tag}'})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
    await editor.send("PATCH", f"/events/{made['id']}", {"title": "b"})
    answer = await editor.ask("GET", "/events", headers={"if-none-match": tag})
    assert answer.status_code == 200


async def test_pages_neither_repeat_nor_skip_while_others_edit(editor: Person) -> None:
    ids = [f"e{number:03}" for number in range(25)]
    for id in ids:
        await editor.event(id=id, title=id)
    first = await editor.get("/events", limit=10)
    assert [one["id"] for one in first["items"]] == ids[:10]
    await editor.event(id="e000a", title="before")
    await editor.event(id="e012a", title="among what comes")
    await editor.send("DELETE", "/events/e009", status=204)
    await editor.send("DELETE", "/events/e020", status=204)
    found, cursor = [], first["next"]
    while cursor:
        page = await editor.get("/events", limit=10, cursor=cursor)
        found += [one["id"] for one in page["items"]]
        cursor = page["next"]
    assert found == sorted({*ids[10:], "e012a"} - {"e020"})


async def test_events_are_found_by_words_people_and_time_of_writing(editor: Person) -> None:
    await editor.event(id="1", **MEETING)
    await editor.event(id="2", title="Lunch with Carol", description="회의실 옆")
    await editor.event(
        id="3", title="50% off_day", attendees=[{"address": "mailto:Bob@Example.org"}]
    )

    async def found(**query: Any) -> str:
        return "".join(one["id"] for one in (await editor.get("/events", **query))["items"])

    assert await found(q="회의") == "12"
    assert await found(q="회") == "12"
    assert await found(q="주간") == "1"
    assert await found(q="의 cof") == "1"
    assert await found(q="lun* CAROL") == "2"
    assert await found(q='"with carol"') == "2"
    assert await found(q='"carol with"') == ""
    assert await found(q="50%") == "3"
    assert await found(q="f_d") == "3"
    assert await found(q="xyz") == ""
    assert await found(attendee="bob@example.org") == "13"
    assert await found(attendee="bob@example.org", q="coffee") == "1"
    now = (await editor.send("PATCH", "/events/2", {"color": "teal"}))["updatedAt"]
    assert "2" in await found(updatedSince=now)
    assert await found(updatedSince="2999-01-01T00:00:00+09:00") == ""


async def test_a_search_is_never_older_than_the_last_edit(editor: Person) -> None:
    await editor.event(id="1", title="before")
    assert len((await editor.get("/events", q="before"))["items"]) == 1
    await editor.send("PATCH", "/events/1", {"title": "after"})
    assert (await editor.get("/events", q="before"))["items"] == []
    assert len((await editor.get("/events", q="after"))["items"]) == 1
    await editor.send("DELETE", "/events/1", status=204)
    assert (await editor.get("/events", q="after"))["items"] == []
    assert len((await editor.get("/events", q="after", deleted="true"))["items"]) == 1


async def test_a_wrong_value_is_named_and_nothing_is_written(editor: Person) -> None:
    made = await editor.event(**MEETING)
    path = f"/events/{made['id']}"
    wrong = {
        "title": 7,
        "end": "2026-03-01T00:00:00",
        "timeZone": "Mars/Olympus",
        "status": "maybe",
        "recurrence": {"rrule": "FREQ=NEVER"},
        "titel": "x",
        "startDate": "x",
    }
    for field, value in wrong.items():
        refused = await editor.send("PATCH", path, {"color": "red", field: value}, status=422)
        assert field.lower() in refused["detail"].lower(), refused
        assert refused["field"], refused
    assert await editor.get(path) == made
    await editor.send("POST", "/events", {"id": made["id"]}, status=422)
