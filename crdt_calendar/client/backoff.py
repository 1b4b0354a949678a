"""How long to wait before the next attempt: exponential, with full jitter."""

from __future__ import annotations

from collections.abc import Callable

from crdt_calendar.client.timing import Timing

# Beyond so many steps the longest wait is reached whatever the factor; powers stay finite.
_MOST_STEPS = 100


def longest(attempt: int, timing: Timing) -> float:
    """The most seconds to wait after failed attempt number `attempt`, which counts from 1."""
    step = timing.first
    for _ in range(min(attempt - 1, _MOST_STEPS)):
        step = min(step * timing.factor, timing.most)
    return min(step, timing.most)


def wait_seconds(attempt: int, timing: Timing, random: Callable[[], float]) -> float:
    """Anywhere from 0 to `longest`; ``random`` gives [0, 1)."""
    return longest(attempt, timing) * random()
