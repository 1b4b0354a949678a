from __future__ import annotations

import pytest

from server.rooms.pace import LONGEST_SECONDS, SHORTEST_SECONDS, Pace

SHARE = 0.25


def test_after_quiet_a_room_speaks_at_once() -> None:
    pace = Pace(SHARE)
    assert pace.due() < 0.0
    pace.ticked(100.0)
    assert pace.due() == 100.0 + SHORTEST_SECONDS


@pytest.mark.parametrize("cost_seconds", [0.001, 0.005, 0.02])
def test_speaking_takes_at_most_its_share_of_the_time(cost_seconds: float) -> None:
    pace = Pace(SHARE)
    for _ in range(100):
        pace.cost(cost_seconds)
    assert cost_seconds / pace.window_seconds == pytest.approx(SHARE, rel=0.01)


def test_one_lag_does_not_silence_a_room() -> None:
    pace = Pace(SHARE)
    pace.cost(60.0)
    assert pace.window_seconds == LONGEST_SECONDS
    for _ in range(40):
        pace.cost(0.0)
    assert pace.window_seconds == SHORTEST_SECONDS
