"""A schedule: what a room has to say takes turns, each kind at its own pace."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from time import monotonic

from server.rooms.pace import Pace

# The loop's timers count in milliseconds and are up to one late; less than one is now.
SOON_SECONDS = 0.001


class Turn:
    """One kind of thing to say: at what pace, and how."""

    __slots__ = ("action", "pace", "waiting")

    def __init__(self, action: Callable[[], object]) -> None:
        self.action = action
        self.pace = Pace()
        self.waiting = False


class Schedule:
    """Calls the action of every turn that waits, when its pace says so."""

    __slots__ = ("_at", "_handle", "_loop", "_turns")

    def __init__(self, *turns: Turn) -> None:
        self._loop = asyncio.get_running_loop()
        self._turns = turns
        self._handle: asyncio.Handle | None = None
        self._at = math.inf

    def want(self, turn: Turn) -> None:
        """There is something to say; changes nothing when that is known."""
        if not turn.waiting:
            turn.waiting = True
            self._arm(turn.pace.due())

    def close(self) -> None:
        """No more turns."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self, due: float) -> None:
        if due >= self._at:
            return
        self.close()
        self._at = due
        delay = due - monotonic()
        if delay < SOON_SECONDS:
            self._handle = self._loop.call_soon(self._tick)
        else:
            self._handle = self._loop.call_later(delay - SOON_SECONDS / 2, self._tick)

    def _tick(self) -> None:
        self._handle, self._at = None, math.inf
        now = monotonic() + SOON_SECONDS
        for turn in self._turns:
            if turn.waiting and turn.pace.due() <= now:
                turn.waiting = False
                turn.pace.ticked(now)
                turn.action()
        for turn in self._turns:
            if turn.waiting:
                self._arm(turn.pace.due())
