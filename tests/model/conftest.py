"""Calendars with a clock that stands still and ids that count up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count

import pytest
from pycrdt import Doc, Map

from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.timeline import Timeline

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

Open = Callable[..., Calendar]


@pytest.fixture
def doc() -> Doc[Map[object]]:
    return Doc()


@pytest.fixture
def open_calendar(doc: Doc[Map[object]]) -> Open:
    """Opens calendars, on `doc` unless told otherwise."""
    numbers = count(1)

    def open_on(
        on: Doc[Map[object]] | None = None, *, user: str = "ann", timeline: Timeline | None = None
    ) -> Calendar:
        return Calendar(
            doc if on is None else on,
            clock=lambda: NOW,
            new_id=lambda: f"id-{next(numbers)}",
            user=user,
            timeline=timeline,
        )

    return open_on


@pytest.fixture
def calendar(open_calendar: Open) -> Calendar:
    return open_calendar()
