from __future__ import annotations

import pytest

from crdt_calendar.limits import Limits
from server.rooms.meter import Meter

LIMITS = Limits(messages_per_second=10, messages_burst=5, bytes_per_second=100, bytes_burst=1000)


def test_a_burst_is_free() -> None:
    meter = Meter(LIMITS, 0.0)
    assert [meter.charge(1, 0.0) for _ in range(5)] == [0.0] * 5


def test_what_exceeds_the_burst_waits_until_its_debt_is_paid() -> None:
    meter = Meter(LIMITS, 0.0)
    holds = [meter.charge(1, 0.0) for _ in range(7)]
    assert holds[5:] == [pytest.approx(0.1), pytest.approx(0.2)]
    assert meter.charge(1, 10.0) == 0.0


def test_bytes_count_as_well_as_messages() -> None:
    meter = Meter(LIMITS, 0.0)
    assert meter.charge(1000, 0.0) == 0.0
    assert meter.charge(50, 0.0) == pytest.approx(0.5)


def test_a_sender_at_its_rate_is_never_held() -> None:
    meter = Meter(LIMITS, 0.0)
    assert not any(meter.charge(10, second / 10) for second in range(1000))


def test_rest_is_not_saved_up_beyond_the_burst() -> None:
    meter = Meter(LIMITS, 0.0)
    meter.charge(1, 1_000_000.0)
    assert sum(meter.charge(1, 1_000_000.0) > 0 for _ in range(10)) == 6


def test_time_spent_counts_as_well() -> None:
    meter = Meter(Limits(apply_per_second=0.5, apply_burst=2.0), 0.0)
    assert meter.spend(2.0) == 0.0
    assert meter.charge(1, 0.0) == 0.0
    assert meter.spend(1.0) == pytest.approx(2.0)
    assert meter.charge(1, 1.0) == pytest.approx(1.0)
    assert meter.charge(1, 3.0) == 0.0
