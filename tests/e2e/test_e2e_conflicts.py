"""Conflicts through the running server: live, back from a week offline, and over a kill -9."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from anyio.to_thread import run_sync
from pycrdt import Doc, Map

from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.conflicts import Conflict, Conflicts
from tests.support.client import Client, calendar_of, connected
from tests.support.server import ServerProcess, running

pytestmark = pytest.mark.anyio


def conflicts(client: Client) -> list[Conflict]:
    return list(Conflicts(client.doc, client.calendar))


def has_title(client: Client, title: str) -> bool:
    return client.calendar.get("e").title == title


async def document_of(server: ServerProcess, user: str, project: str) -> Doc[Map[object]]:
    """What that user's machine has, and takes along."""
    async with connected(server.url, server.token(user, project), project) as client:
        await client.until_synced()
        return client.doc


async def test_a_week_offline_and_an_edit_of_the_same_field(
    server: ServerProcess, project: str
) -> None:
    async with connected(server.url, server.token("ann", project), project) as ann:
        await ann.until_synced()
        await ann.edit(partial(Calendar.create, event_id="e", title="first", location="here"))
        away = await document_of(server, "bob", project)
        calendar_of(away, "bob").update("e", title="by bob")
        await ann.edit(lambda calendar: calendar.update("e", title="by ann"))
        await ann.edit(lambda calendar: calendar.update("e", location="there"))
        async with connected(server.url, server.token("bob", project), project, doc=away) as bob:
            await ann.until(lambda: conflicts(ann))
            [conflict] = conflicts(ann)
            assert (conflict.event, conflict.field) == ("e", "title")
            assert {(claim.by, claim.value) for claim in conflict.claims} == {
                ("ann", "by ann"),
                ("bob", "by bob"),
            }
            stands = conflict.claims[conflict.stands].value
            await bob.until(lambda: conflicts(bob) and bob.calendar.get("e").title == stands)
            await bob.edit(lambda calendar: Conflicts(bob.doc, calendar).resolve(conflict.id, 0))
            await ann.until(lambda: conflicts(ann)[0].state == "resolved")
            assert ann.calendar.get("e").title == "by ann"


async def test_an_event_that_was_deleted_meanwhile_can_be_had_back(
    server: ServerProcess, project: str
) -> None:
    async with connected(server.url, server.token("ann", project), project) as ann:
        await ann.until_synced()
        await ann.edit(partial(Calendar.create, event_id="e", title="first"))
        away = await document_of(server, "bob", project)
        event = away.get("events", type=Map)["e"]
        assert isinstance(event, Map)
        event["location"] = "on the train"  # an editor that keeps no books
        await ann.edit(lambda calendar: calendar.delete("e"))
        async with connected(server.url, server.token("bob", project), project, doc=away):
            await ann.until(lambda: conflicts(ann))
        [conflict] = conflicts(ann)
        assert (conflict.kind, conflict.claims[1].fields) == ("deletion", ("location",))
        await ann.edit(lambda calendar: Conflicts(ann.doc, calendar).resolve(conflict.id, 1))
        assert ann.calendar.get("e").location == "on the train"


async def test_edits_one_after_the_other_are_none(server: ServerProcess, project: str) -> None:
    async with (
        connected(server.url, server.token("ann", project), project) as ann,
        connected(server.url, server.token("bob", project), project) as bob,
    ):
        await ann.until_synced()
        await bob.until_synced()
        await ann.edit(partial(Calendar.create, event_id="e", title="0"))
        await bob.until(lambda: "e" in bob.calendar)
        for number in range(1, 20):
            writer, reader = (ann, bob) if number % 2 else (bob, ann)
            title = str(number)
            await writer.edit(partial(Calendar.update, event_id="e", title=title))
            await reader.until(partial(has_title, reader, title))
        assert conflicts(ann) == []


async def test_records_are_on_disk_before_anybody_hears_of_them(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        async with connected(server.url, server.token("ann")) as ann:
            await ann.until_synced()
            await ann.edit(partial(Calendar.create, event_id="e", title="first"))
            away = await document_of(server, "bob", "demo")
            calendar_of(away, "bob").update("e", title="by bob")
            await ann.edit(lambda calendar: calendar.update("e", title="by ann"))
            async with connected(server.url, server.token("bob"), doc=away):
                await ann.until(lambda: conflicts(ann))
            await run_sync(server.kill)
            seen = conflicts(ann)
        await run_sync(server.start)
        async with connected(server.url, server.token("carol")) as carol:
            await carol.until_synced()
            assert conflicts(carol) == seen
