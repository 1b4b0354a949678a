"""Clients on real servers: impatient ones, and what to wait for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import anyio

from crdt_calendar.client import CalendarClient, ClientCalendar, Status, Timing

# So that nothing takes long, and nothing is different from how it is with people.
QUICK = Timing(
    first=0.05, most=0.2, knock=0.05, restart=0.05, opening=1.0, answer=1.0, heartbeat=2.0,
    probe=0.2, write=0.02,
)  # fmt: skip


def timing(**times: float | None) -> Timing:
    """`QUICK` but for these."""
    return replace(QUICK, **times)  # type: ignore[arg-type]


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until it holds. Raises `TimeoutError`."""
    with anyio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110  # it may be about anything
            await anyio.sleep(0.005)


async def until_synced(calendar: ClientCalendar, seconds: float = 10.0) -> None:
    """Wait until what the server had is here."""
    with anyio.fail_after(seconds):
        await calendar.client.caught_up()
    assert calendar.client.synced


async def until_status(client: CalendarClient, status: Status, seconds: float = 10.0) -> None:
    """Wait until the connection is like that."""
    with anyio.fail_after(seconds):
        async for state in client.states():
            if state.status is status:
                return


async def saved(calendar: ClientCalendar, seconds: float = 10.0) -> None:
    """Wait for the server's disk."""
    with anyio.fail_after(seconds):
        await calendar.saved()


def titles(calendar: ClientCalendar) -> set[str]:
    """The titles of all events."""
    return {event.title for event in calendar.events()}
