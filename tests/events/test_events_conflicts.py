"""An edit that builds on an old version: merged by field, and never a silent overwrite."""

from __future__ import annotations

import pytest

from crdt_calendar.model.conflicts import Conflicts
from tests.events.talker import Talker, subscribed
from tests.support.client import connected
from tests.support.server import ServerProcess

pytestmark = pytest.mark.anyio

NINE = {"startDate": "2026-03-02T09:00:00Z", "endDate": "2026-03-02T10:00:00Z"}


async def shared(ann: Talker) -> str:
    """An event that both know at version 0."""
    made = await ann.done("event:create", {"title": "Plan", "location": "here", **NINE})
    id_: str = made["id"]
    return id_


async def test_other_fields_are_merged_without_a_word(server: ServerProcess, project: str) -> None:
    async with subscribed(server, project) as ann, subscribed(server, project, "bob") as bob:
        event = await shared(ann)
        await ann.done("event:update", {"id": event, "title": "Ann's"}, version=0)
        merged = await bob.done("event:update", {"id": event, "location": "there"}, version=0)
        assert "conflicts" not in merged
        assert (merged["event"]["title"], merged["event"]["location"]) == ("Ann's", "there")
        assert ann.all("conflict:detected") == []


@pytest.mark.parametrize(
    ("strategy", "stands", "state", "word"),
    [
        ("", "Bob's", "open", "local"),
        ("last_write_wins", "Bob's", "open", "local"),
        ("first_write_wins", "Ann's", "open", "remote"),
        ("manual", "Ann's", "open", "remote"),
        ("merge", "Bob's", "resolved", "merge"),
    ],
)
async def test_the_same_field_is_a_conflict_by_the_projects_strategy(
    server: ServerProcess, project: str, strategy: str, stands: str, state: str, word: str
) -> None:
    async with subscribed(server, project) as ann, subscribed(server, project, "bob") as bob:
        await ann.done("project:update", {"conflictStrategy": strategy})
        event = await shared(ann)
        await ann.done("event:update", {"id": event, "title": "Ann's"}, version=0)
        changes = {"id": event, "changes": {"title": "Bob's", "location": "there"}, "version": 0}
        done = await bob.done("event:update", changes)
        assert (done["event"]["title"], done["event"]["location"]) == (stands, "there")
        (conflict,) = done["conflicts"]
        assert [value["by"] for value in conflict["values"]] == ["ann", "bob"]
        assert [value["value"] for value in conflict["values"]] == ["Ann's", "Bob's"]
        assert (conflict["field"], conflict["state"]) == ("title", state)
        told = (await bob.told("conflict:detected"))["payload"]
        assert told["conflict"] == conflict
        assert told["localVersion"]["title"] == "Bob's"
        assert told["remoteVersion"]["title"] == "Ann's"
        assert told["strategy"] == word
        mirrored = (await ann.told("conflict:detected"))["payload"]
        assert mirrored["localVersion"]["title"] == "Ann's"
        async with connected(server.url, server.token("yas", project), project) as yas:
            await yas.until_synced()
            (record,) = Conflicts(yas.doc, yas.calendar)
            assert (record.id, record.state, record.event) == (conflict["id"], state, event)
        resolved = await ann.done("conflict:resolve", {"conflictId": conflict["id"], "index": 0})
        assert resolved["conflict"]["resolvedBy"] == "ann"
        await bob.so(lambda: bob.mirror(project).titles() == {event: "Ann's"})


async def test_what_came_by_yjs_is_no_less_known(server: ServerProcess, project: str) -> None:
    async with subscribed(server, project) as ann:
        event = await shared(ann)
        async with connected(server.url, server.token("yas", project), project) as yas:
            await yas.until_synced()
            await yas.edit(lambda calendar: calendar.update(event, title="by Yjs"))
            await ann.told("event:updated")
            quiet = await ann.done("event:update", {"id": event, "location": "x"}, version=0)
            assert "conflicts" not in quiet
            done = await ann.done("event:update", {"id": event, "title": "late"}, version=0)
            assert [value["value"] for value in done["conflicts"][0]["values"]] == [
                "by Yjs",
                "late",
            ]


async def test_nobody_is_in_conflict_with_themselves(server: ServerProcess, project: str) -> None:
    async with subscribed(server, project) as ann:
        event = await shared(ann)
        for title in ("P", "Pl", "Pla", "Plan B"):
            await ann.say("event:update", {"id": event, "title": title}, version=0)
        await ann.so(lambda: ann.mirror(project).titles() == {event: "Plan B"})
        assert ann.all("conflict:detected", "error") == []


async def test_at_the_same_moment(server: ServerProcess, project: str) -> None:
    """Both are on their way to the disk when the second is judged."""
    async with subscribed(server, project) as ann, subscribed(server, project, "bob") as bob:
        for number in range(10):
            event = await shared(ann)
            first = await ann.say("event:update", {"id": event, "title": f"A{number}"}, version=0)
            second = await bob.say("event:update", {"id": event, "title": f"B{number}"}, version=0)
            answers = [await ann.answer(first), await bob.answer(second)]
            found = [one for answer in answers for one in answer["payload"].get("conflicts", [])]
            assert [one["field"] for one in found] == ["title"]
            assert {value["value"] for value in found[0]["values"]} == {f"A{number}", f"B{number}"}


async def test_a_version_that_nobody_remembers_is_taken_for_the_worst(
    server: ServerProcess, project: str
) -> None:
    async with connected(server.url, server.token("yas", project), project) as yas:
        await yas.until_synced()
        event = await yas.edit(lambda calendar: calendar.create(title="first", location="here"))
        await yas.edit(lambda calendar: calendar.update(event, title="second"))
        async with subscribed(server, project) as ann:
            await ann.so(lambda: ann.mirror(project).titles() == {event: "second"})
            changes = {"id": event, "title": "third", "location": "here"}
            done = await ann.done("event:update", changes, version=0)
            assert [one["field"] for one in done["conflicts"]] == ["title"]


async def test_attendees_are_merged_one_by_one(server: ServerProcess, project: str) -> None:
    async with subscribed(server, project) as ann, subscribed(server, project, "bob") as bob:
        event = await shared(ann)
        cy, di = {"address": "cy@example.org"}, {"address": "di@example.org"}
        await ann.done("event:update", {"id": event, "attendees": [cy]}, version=0)
        done = await bob.done("event:update", {"id": event, "attendees": [di]}, version=0)
        addresses = [one["address"] for one in done["event"]["attendees"]]
        assert "di@example.org" in addresses
        assert [one["field"] for one in done.get("conflicts", [])] == ["attendee/cy@example.org"]


async def test_deleting_what_somebody_edits_is_reported(
    server: ServerProcess, project: str
) -> None:
    async with subscribed(server, project) as ann, subscribed(server, project, "bob") as bob:
        event = await shared(ann)
        await ann.done("event:update", {"id": event, "title": "important"}, version=0)
        done = await bob.done("event:delete", {"id": event}, version=0)
        (conflict,) = done["conflicts"]
        assert (conflict["kind"], conflict["field"]) == ("deletion", "deleted")
        await ann.told("event:deleted")
        await ann.done("conflict:resolve", {"conflictId": conflict["id"], "index": 1})
        await bob.so(lambda: bob.mirror(project).titles() == {event: "important"})
        gone = await bob.ask("event:update", {"id": "nothing", "title": "x"})
        assert gone["payload"]["code"] == "no-such-event"
