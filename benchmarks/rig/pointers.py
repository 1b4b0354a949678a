"""People who do nothing but move their pointers over the calendar."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from threading import Event

from websockets.asyncio.client import ClientConnection, connect

from crdt_calendar.protocol.messages import Awareness, encode
from crdt_calendar.protocol.presence import Json, PresenceState, write_presence

_PAUSE_SECONDS = 0.05  # as often as the page says where its pointer is
_PER_LINE = 25
_FIRST_CLIENT = 1_000_000
_COLORS = ("#b3261e", "#a8480a", "#19733c", "#00716b", "#2952cc", "#8a34b8")


def wander(
    url: str, project: str, token: str, people: int, view: Mapping[str, Json], stop: Event
) -> None:
    """Move that many pointers in that view until told to stop.

    They share lines, 25 a line: what a page hears is the same, and a core is left for it.
    """
    asyncio.run(_wander(f"{url}/{project}?token={token}", people, view, stop))


async def _wander(address: str, people: int, view: Mapping[str, Json], stop: Event) -> None:
    async with asyncio.TaskGroup() as tasks:
        for first in range(0, people, _PER_LINE):
            crowd = range(first, min(first + _PER_LINE, people))
            tasks.create_task(_line(address, crowd, view, stop))


async def _line(address: str, crowd: range, view: Mapping[str, Json], stop: Event) -> None:
    async with connect(address, max_size=None) as socket:
        reading = asyncio.create_task(_ignore(socket))
        clock = 0
        while not stop.is_set():
            clock += 1
            states = [_state(person, clock, view) for person in crowd]
            await socket.send(encode(Awareness(write_presence(states))))
            await asyncio.sleep(_PAUSE_SECONDS)
        reading.cancel()


async def _ignore(socket: ClientConnection) -> None:
    async for _ in socket:
        pass


def _state(person: int, clock: int, view: Mapping[str, Json]) -> PresenceState:
    angle = clock / 20 + person
    value: dict[str, Json] = {
        "user": {
            "id": "crowd",
            "name": f"Person {person}",
            "color": _COLORS[person % len(_COLORS)],
        },
        "view": dict(view),
        "pointer": {
            "x": round(0.5 + 0.45 * math.sin(angle), 4),
            "y": round(0.5 + 0.45 * math.cos(angle * 0.7), 4),
        },
    }
    return PresenceState(_FIRST_CLIENT + person, clock, "crowd", value)
