"""Conflicts, as values, as a callback and as a stream; and deciding them, online or not."""

from __future__ import annotations

from functools import partial

import anyio
import pytest

from crdt_calendar.client import ClientCalendar
from crdt_calendar.model.conflicts import Conflict
from tests.client.conftest import Site
from tests.client.rig import saved, until, until_synced

pytestmark = pytest.mark.anyio


async def rivals(site: Site) -> str:
    """Ann and Bob write one title, neither knowing of the other; Bob's waits in his replica."""
    async with site.client("bob", store="bob") as bob:
        made = bob.create(title="before")
        await saved(bob)
    site.proxy.down()
    async with site.client("bob", store="bob") as bob:
        bob.update(made, title="by bob")
    site.proxy.accept()
    async with site.client("ann") as ann:
        await until_synced(ann)
        ann.update(made, title="by ann")
        await saved(ann)
    return made


async def test_a_conflict_is_told_and_decided_for_everybody(site: Site) -> None:
    made = await rivals(site)
    heard: list[Conflict] = []
    async with site.client("ann", on_conflict=heard.append) as ann:
        await until_synced(ann)
        stream = ann.client.conflicts()
        async with site.client("bob", store="bob") as bob:
            with anyio.fail_after(5):
                conflict = await anext(stream)
            assert heard == [conflict]
            assert {(claim.by, claim.value) for claim in conflict.claims} == {
                ("ann", "by ann"),
                ("bob", "by bob"),
            }
            assert ann.get(made).title == conflict.claims[conflict.stands].value
            await until(lambda: bob.conflicts.open())
            bobs = [claim.by for claim in conflict.claims].index("bob")
            bob.conflicts.resolve(conflict.id, bobs)
            await saved(bob)
            await until(lambda: not ann.conflicts.open())
            assert ann.get(made).title == "by bob"
            assert heard == [conflict], "deciding is no news of a conflict"


async def test_a_conflict_is_decided_without_a_server(site: Site) -> None:
    made = await rivals(site)
    async with site.client("bob", store="bob") as bob:
        await until(lambda: bob.conflicts.open())
    site.proxy.down()
    async with site.client("bob", store="bob") as bob:
        (conflict,) = bob.conflicts.open()
        anns = [claim.by for claim in conflict.claims].index("ann")
        bob.conflicts.resolve(conflict.id, anns)
        assert (bob.get(made).title, bob.conflicts.open()) == ("by ann", [])
        site.proxy.accept()
        await saved(bob)
    async with site.client("ann") as ann:
        await until_synced(ann)
        assert [one.state for one in ann.conflicts] == ["resolved"]
        assert ann.get(made).title == "by ann"


def says(calendar: ClientCalendar, event: str, title: str) -> bool:
    found = calendar.find(event)
    return found is not None and found.title == title


async def test_who_saw_the_other_is_told_of_nothing(site: Site) -> None:
    heard: list[Conflict] = []
    async with site.client("ann", on_conflict=heard.append) as ann, site.client("bob") as bob:
        made = ann.create(title="0")
        for number in range(1, 10):
            writer, reader = (ann, bob) if number % 2 else (bob, ann)
            await saved(ann)
            await saved(bob)
            await until(partial(says, writer, made, str(number - 1)))
            writer.update(made, title=str(number))
            await until(partial(says, reader, made, str(number)))
        assert (heard, list(ann.conflicts)) == ([], [])
