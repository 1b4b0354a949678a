"""REST beside Yjs: conflicts, presence and edits are the same through both."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import httpx
import pytest

from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.conflicts import BOOKING, Claim, Conflict, Conflicts
from server.auth.grants import Grant, Role
from tests.rest.conftest import House, Person
from tests.support.client import connected
from tests.support.server import HOST, running

pytestmark = pytest.mark.anyio


async def test_an_edit_here_is_seen_there_and_the_other_way_round(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        server.create("team")
        async with (
            httpx.AsyncClient(base_url=f"http://{HOST}:{server.port}") as http,
            connected(server.url, server.token("yves", "team", name="Yves"), "team") as yves,
        ):
            editor = Person(http, server.token("erin", "team"), "team")
            await yves.until_synced()
            await editor.event(id="here", title="a")
            await yves.until(lambda: "here" in yves.calendar)
            await yves.edit(partial(Calendar.create, event_id="there", title="b"))
            await yves.until(lambda: any(b"there" in update for update in yves.updates))
            assert (await editor.get("/events/there"))["title"] == "b"

            await yves.show(cursor={"day": "2026-03-02"})
            await yves.until(lambda: yves.present)
            (present,) = (await editor.get("/presence"))["items"]
            assert present["userId"] == "yves"
            assert present["state"]["user"]["name"] == "Yves"
            assert present["state"]["cursor"] == {"day": "2026-03-02"}


async def test_a_conflict_is_listed_read_and_decided(
    house: House, project: str, editor: Person
) -> None:
    await editor.event(id="e", title="Lunch")
    field = Conflict("c1", "e", "title", (Claim("Lunch", "a"), Claim("Dinner", "b")), 0)
    booking = Conflict(
        *("c2", "e", "when", (Claim(None, "a"), Claim(None, "b")), 0),
        kind=BOOKING,
        other="f",
        attendee="bob@example.org",
    )
    async with house.service.registry.room(project) as room:
        grant = Grant("olga", project, Role.OWNER)

        def write(conflicts: Conflicts) -> None:
            conflicts.record(field)
            conflicts.record(booking)

        await room.edit_as(Conflicts.on, grant, write)
    listed = (await editor.get("/conflicts"))["items"]
    assert [(one["id"], one["state"]) for one in listed] == [("c1", "open"), ("c2", "open")]
    assert listed[1]["otherEventId"] == "f"
    assert await editor.get("/conflicts/c1") == listed[0]
    assert [one["value"] for one in listed[0]["values"]] == ["Lunch", "Dinner"]

    decided = await editor.send("POST", "/conflicts/c1/resolve", {"index": 1})
    assert (decided["state"], decided["stands"]) == ("resolved", 1)
    assert decided["resolvedBy"] == "erin"
    assert (await editor.get("/events/e"))["title"] == "Dinner"
    assert [one["id"] for one in (await editor.get("/conflicts"))["items"]] == ["c2"]
    assert [one["id"] for one in (await editor.get("/conflicts", state="resolved"))["items"]] == [
        "c1"
    ]
    assert len((await editor.get("/conflicts", state="all", limit=1))["items"]) == 1
    wrong = await editor.send("POST", "/conflicts/c1/resolve", {"index": 2}, status=422)
    assert wrong["field"] == "index"
    await editor.send("POST", "/conflicts/none/resolve", {"index": 0}, status=404)
    await editor.get("/conflicts/none", status=404)
