"""One edit, seen through every door."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.e2e.doors import DOORS, Door, house
from tests.support.server import running

pytestmark = [pytest.mark.anyio, pytest.mark.node]


async def test_an_edit_through_any_door_is_seen_through_all_others(tmp_path: Path) -> None:
    with running(tmp_path / "data", CRDT_CALENDAR_WEBHOOKS_PRIVATE="true") as server:
        async with house(server, "team", tmp_path) as home, AsyncExitStack() as stack:
            doors: dict[str, Door] = {}
            for name, opened in DOORS.items():
                doors[name] = await stack.enter_async_context(opened(home))
            for writer, door in doors.items():
                if door.write is None:
                    continue
                await door.write(f"from {writer}")
                for reader, other in doors.items():
                    try:
                        await other.sees(f"from {writer}")
                    except TimeoutError:
                        seen = await other.title()
                        pytest.fail(f"written by {writer}, seen by {reader}: {seen}")
