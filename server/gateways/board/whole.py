"""Whole boards as they are, read once for all who are to be sent one.

To read a board takes 40 us a line-up, on the loop. Whoever comes and goes makes every seat want it
at the same moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import anyio

from crdt_calendar.model.lineup import Lineup
from crdt_calendar.shapes.lineups import LineupShape, shown
from server.rooms.news import View
from server.rooms.room import Room

Whole = View[list[LineupShape]]


@dataclass(slots=True)
class _Reading:
    lock: anyio.Lock = field(default_factory=anyio.Lock)
    last: Whole | None = None


class Boards:
    """What was last read of each room, for as long as the room is there."""

    def __init__(self) -> None:
        self._readings: WeakKeyDictionary[Room, _Reading] = WeakKeyDictionary()

    async def read(self, room: Room) -> Whole:
        """All line-ups, with everything that anybody has heard of by now."""
        reading = self._readings.setdefault(room, _Reading())
        async with reading.lock:
            if reading.last is None or reading.last.position < room.position:
                reading.last = await room.view_as(Lineup, shown)
            return reading.last
