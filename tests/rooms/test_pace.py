from __future__ import annotations

import pytest

from server.rooms.pace import FREE_DEMAND, LONGEST_SECONDS, LONGEST_WINDOW, Pace


def settled(cost_seconds: float, changes_per_second: float) -> Pace:
    """The pace of a room after 1,000 ticks of a steady load, each as soon as it is due."""
    pace, now, told = Pace(), 0.0, 0.0
    for _ in range(1000):
        now = max(pace.due(), now + 1 / changes_per_second)
        while told + 1 / changes_per_second <= now:
            told += 1 / changes_per_second
            pace.changed()
        pace.ticked(now)
        pace.cost(cost_seconds)
    return pace


def test_after_quiet_a_room_speaks_at_once() -> None:
    assert Pace().due() < 0.0


def test_with_little_to_say_nobody_waits() -> None:
    pace = settled(cost_seconds=0.0003, changes_per_second=50)
    assert pace.window_seconds < 0.0003 * 0.1


def test_the_window_is_what_speaking_costs_where_waiting_begins_to_pay() -> None:
    pace = settled(cost_seconds=0.0003, changes_per_second=FREE_DEMAND / 0.0003)
    assert pace.window_seconds == pytest.approx(0.0003, rel=0.2)


@pytest.mark.parametrize("cost_seconds", [0.001, 0.005, 0.01])
def test_with_much_to_say_it_takes_its_share_and_no_more(cost_seconds: float) -> None:
    pace = settled(cost_seconds, changes_per_second=2000)
    assert pace.window_seconds == pytest.approx(cost_seconds * LONGEST_WINDOW)


def test_one_lag_does_not_silence_a_room() -> None:
    pace = settled(0.001, 2000)
    pace.cost(60.0)
    assert pace.window_seconds == LONGEST_SECONDS
    for _ in range(60):
        pace.cost(0.001)
    assert pace.window_seconds < 0.01
