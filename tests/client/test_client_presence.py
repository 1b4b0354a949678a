"""Who is here, over real lines."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from crdt_calendar.client import ClientCalendar
from tests.client.conftest import Site
from tests.client.rig import timing, until, until_synced

pytestmark = pytest.mark.anyio


async def test_people_see_one_another_come_change_and_go(site: Site) -> None:
    async with site.client("ann") as ann:
        await until_synced(ann)
        watched = ann.client.presence.watch()
        assert await anext(watched) == {}
        async with site.client("bob") as bob:
            bob.client.presence.show(view={"kind": "week"}, typing="an event")
            with anyio.fail_after(5):
                (person,) = (await anext(watched)).values()
            assert (person.user, person.state["typing"]) == ("bob", "an event")
            bob.client.presence.show(typing=None)
            await until(lambda: _only(ann).state.get("typing") is None)
            assert _only(ann).state["view"] == {"kind": "week"}
            bob.client.presence.hide()
            await until(lambda: not ann.client.presence.others)
            bob.client.presence.show(view={"kind": "day"})
            await until(lambda: ann.client.presence.others)
        await until(lambda: not ann.client.presence.others, 2.0)


def _only(calendar: ClientCalendar) -> Any:
    """The one other person, whose state may be anything."""
    (person,) = calendar.client.presence.others.values()
    return person


async def test_presence_comes_back_with_the_line_and_is_nobodys_without(site: Site) -> None:
    async with site.client("ann") as ann, site.client("bob") as bob:
        bob.client.presence.show(view="week")
        ann.client.presence.show(view="month")
        await until(lambda: ann.client.presence.others and bob.client.presence.others)
        site.proxy.down()
        await until(lambda: not ann.client.presence.others)
        site.proxy.accept()
        await until(lambda: ann.client.presence.others and bob.client.presence.others)
        assert _only(ann).state["view"] == "week"


async def test_presence_by_polling(site: Site) -> None:
    async with site.client("bob") as bob:
        bob.client.presence.show(view="week")
        await until_synced(bob)
        site.proxy.toxics.block_websocket = True
        async with site.client("ann") as ann:
            ann.client.presence.show(view="month")
            await until(lambda: ann.client.presence.others and bob.client.presence.others)


async def test_what_is_heard_is_never_sent_back(site: Site) -> None:
    """A hundred states heard cost the listener not one byte up."""
    async with site.client("ann", timing=timing(presence_pause=0.0)) as ann:
        await until_synced(ann)
        async with site.client("bob") as bob:
            await until_synced(bob)
            await anyio.sleep(0.1)
            bob.client.presence.show(step=0)
            await until(lambda: bob.client.presence.shown and ann.client.presence.others)
            before = site.server.metric("received_bytes_total")
            for step in range(1, 100):
                ann.client.presence.show(step=step)
                await anyio.sleep(0.002)
            await until(lambda: bob.client.presence.others)
            await until(lambda: _only(bob).state["step"] == 99)
            sent = site.server.metric("received_bytes_total") - before
    assert sent < 100 * 60, "each state went up once"


async def test_pointers_go_out_no_more_often_than_anybody_looks(site: Site) -> None:
    async with site.client("ann") as ann, site.client("bob") as bob:
        await until_synced(ann)
        await until_synced(bob)
        seen = bob.client.presence.watch()
        for step in range(200):
            ann.client.presence.show(pointer={"x": step, "y": 0})
            await anyio.sleep(0.001)
        await until(lambda: bob.client.presence.others and _only(bob).state["pointer"]["x"] == 199)
        count = 0
        with anyio.move_on_after(0.1):
            async for _ in seen:
                count += 1
        assert count < 20
