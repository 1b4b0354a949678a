"""Pace: when a room speaks next.

While a room has little to say it says it at once: a lone editor waits for one commit and nothing
else. The more of the time speaking would take if every change left by itself (the demand), the
longer changes are collected to leave together. A room with very much to say spends a third of one
core on it, whether it has two peers or two thousand; a loop that lags (other rooms, a large frame)
makes speaking dearer, and so widens the window by itself.
"""

from __future__ import annotations

FREE_DEMAND = 0.2  # up to a fifth of one core nobody waits to save some of it
LONGEST_WINDOW = 3.0  # in multiples of what speaking once costs: a third of one core
LONGEST_SECONDS = 0.1
SMOOTHING = 0.25
MEMORY_SECONDS = 0.1  # over which changes are counted: a burst of two is no heavy load


class Pace:
    """The time between two ticks of one room. Sans I/O: times are given, in seconds."""

    __slots__ = ("_changes", "_cost", "_last", "_recent")

    def __init__(self) -> None:
        self._last = float("-inf")
        self._changes = 0  # since the last tick
        self._recent = 0.0  # before that, weighed by their age
        self._cost = 0.0

    @property
    def window_seconds(self) -> float:
        """How long to collect before speaking again."""
        demand = self._recent / MEMORY_SECONDS * self._cost
        multiple = min((demand / FREE_DEMAND) ** 2, LONGEST_WINDOW)
        return min(self._cost * multiple, LONGEST_SECONDS)

    def changed(self) -> None:
        """There is one more thing to say."""
        self._changes += 1

    def due(self) -> float:
        """The time of the next tick; in the past after quiet."""
        return self._last + self.window_seconds

    def ticked(self, now: float) -> None:
        """The room speaks now."""
        left = max(1 - (now - self._last) / MEMORY_SECONDS, 0.0)
        self._recent = self._recent * left + self._changes
        self._changes = 0
        self._last = now

    def cost(self, seconds: float) -> None:
        """Speaking took that long, up to the moment when the loop was free again."""
        self._cost += (seconds - self._cost) * SMOOTHING
