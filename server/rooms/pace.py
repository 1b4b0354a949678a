"""Pace: when a room speaks next.

After quiet a room speaks at once, so a lone editor waits one commit and nothing else. Under load
everything that comes in within a window leaves together. The window follows from what speaking
costs: a room spends at most a share of one core on it, whether it has two peers or two thousand,
and a loop that lags (other rooms, a large frame) widens it by itself.
"""

from __future__ import annotations

SHORTEST_SECONDS = 0.002
LONGEST_SECONDS = 0.1
SMOOTHING = 0.25


class Pace:
    """The time between two ticks of one room. Sans I/O: times are given, in seconds."""

    __slots__ = ("_cost", "_last", "_share")

    def __init__(self, share: float) -> None:
        self._share = share
        self._last = float("-inf")
        self._cost = 0.0

    @property
    def window_seconds(self) -> float:
        """How long to collect before speaking again."""
        return min(max(self._cost / self._share, SHORTEST_SECONDS), LONGEST_SECONDS)

    def due(self) -> float:
        """The time of the next tick; in the past after quiet."""
        return self._last + self.window_seconds

    def ticked(self, now: float) -> None:
        """The room speaks now."""
        self._last = now

    def cost(self, seconds: float) -> None:
        """Speaking took that long, up to the moment when the loop was free again."""
        self._cost += (seconds - self._cost) * SMOOTHING
