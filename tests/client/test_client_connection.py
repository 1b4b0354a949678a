"""When to come, and by which way: the state machine, under whatever may happen."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_calendar.client.backoff import longest, wait_seconds
from crdt_calendar.client.connection import (
    BLOCKED_ATTEMPTS,
    NO_WORD,
    Connection,
    ConnectionState,
    Ending,
    Status,
    Way,
    is_final,
)
from crdt_calendar.client.timing import Timing
from crdt_calendar.client.transports import Address
from crdt_calendar.errors import InvalidValue

CODES = st.sampled_from([NO_WORD, 1000, 1008, 1009, 1011, 1012, 1013, 4401, 4403, 4404, 4499])
ENDINGS = st.builds(Ending, CODES, st.just("why"), st.booleans(), st.booleans())
ROUNDS = st.lists(st.tuples(st.booleans(), ENDINGS), max_size=40)

LEGAL = {
    Status.CONNECTING: {Status.CONNECTED, Status.DISCONNECTED, Status.ERROR},
    Status.CONNECTED: {Status.DISCONNECTED, Status.ERROR},
    Status.DISCONNECTED: {Status.RECONNECTING},
    Status.RECONNECTING: {Status.CONNECTED, Status.DISCONNECTED, Status.ERROR},
    Status.ERROR: {Status.DISCONNECTED},
}


class Driven:
    """A connection and what it has said."""

    def __init__(self, *, renewable: bool = True, timing: Timing | None = None) -> None:
        self.told: list[ConnectionState] = []
        self.timing = timing or Timing()
        self.connection = Connection(
            self.timing, renewable=renewable, random=Random(1).random, changed=self.told.append
        )

    def round(self, opens: bool, ending: Ending) -> None:
        """One attempt, and how it ended."""
        self.connection.begin()
        if opens:
            self.connection.opened()
        self.connection.ended(ending)


@given(ROUNDS, st.booleans())
def test_every_step_is_legal_and_final_codes_are_obeyed(
    rounds: list[tuple[bool, Ending]], renewable: bool
) -> None:
    driven = Driven(renewable=renewable)
    connection = driven.connection
    asked_for_another = False
    for opens, ending in rounds:
        attempt = connection.begin()
        assert attempt.refused == asked_for_another
        if opens:
            connection.opened()
            asked_for_another = False
        connection.ended(ending)
        if ending.code == 4401 and renewable and not asked_for_another:
            asked_for_another = True
            assert (connection.state.status, connection.rest) == (Status.DISCONNECTED, 0.0)
        elif is_final(ending.code):
            assert connection.state.status is Status.ERROR
            assert connection.state.code == ending.code
            connection.forgive()
            asked_for_another = False
        else:
            assert connection.state.status is Status.DISCONNECTED
            assert 0 <= connection.rest <= driven.timing.most + driven.timing.overload
    before = Status.CONNECTING
    for state in driven.told:
        assert state.status in LEGAL[before], f"{before} to {state.status}"
        before = state.status


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_waits_grow_up_to_the_longest_with_full_jitter(attempt: int, chance: float) -> None:
    timing = Timing()
    most = longest(attempt, timing)
    assert 0 <= wait_seconds(attempt, timing, lambda: chance) <= most <= timing.most
    assert most <= longest(attempt + 1, timing)
    assert wait_seconds(attempt, timing, lambda: 0.0) == 0
    if attempt < 9:
        assert most == pytest.approx(1.5 ** (attempt - 1))


def test_a_restart_is_spread_within_a_second_and_overload_waits() -> None:
    for _ in range(50):
        driven = Driven()
        driven.round(True, Ending(1012))
        assert 0 <= driven.connection.rest <= 1
        driven.round(True, Ending(1013))
        assert driven.connection.rest >= driven.timing.overload


def test_two_websockets_that_never_open_then_polling_at_once_and_back_if_that_fails() -> None:
    driven = Driven()
    ways = []
    for number in range(6):
        ways.append(driven.connection.begin().way)
        driven.connection.ended(Ending())
        if number == BLOCKED_ATTEMPTS - 1:
            assert driven.connection.rest == 0
    assert ways[:4] == [Way.WEBSOCKET, Way.WEBSOCKET, Way.POLLING, Way.WEBSOCKET]
    assert ways[4] is Way.POLLING


def test_who_is_not_there_or_was_not_tried_blocks_nothing() -> None:
    driven = Driven()
    for _ in range(10):
        assert driven.connection.begin().way is Way.WEBSOCKET
        driven.connection.ended(Ending(reached=False))
        assert driven.connection.knocking
        assert driven.connection.begin().way is Way.WEBSOCKET
        driven.connection.ended(Ending(tried=False))
        assert not driven.connection.knocking


def test_polling_that_works_stays_until_websocket_works() -> None:
    driven = Driven()
    for _ in range(2):
        driven.round(False, Ending())
    for _ in range(5):
        assert driven.connection.begin().way is Way.POLLING
        driven.connection.opened()
        driven.connection.ended(Ending())
    assert driven.connection.begin().way is Way.POLLING
    driven.connection.opened()
    driven.connection.unblocked()
    assert driven.connection.begin().way is Way.WEBSOCKET


def test_attempts_are_counted_since_the_last_line_that_opened() -> None:
    driven = Driven(timing=Timing(attempts=3))
    for opens in (False, False, True, False):
        driven.round(opens, Ending(1011))
        assert driven.connection.state.status is Status.DISCONNECTED
    driven.round(False, Ending(1011))
    assert driven.connection.state.status is Status.ERROR


@pytest.mark.parametrize(
    ("url", "polling", "websocket"),
    [
        ("http://h", "http://h/sync/p", "/yjs/p"),
        ("ws://h:8000/yjs", "http://h:8000/sync/p", "/yjs/p"),
        ("https://h:443/", "https://h/sync/p", "/yjs/p"),
        ("wss://[::1]:9/base/", "https://[::1]:9/base/sync/p", "/base/yjs/p"),
    ],
)
def test_addresses(url: str, polling: str, websocket: str) -> None:
    address = Address.parse(url, "p")
    assert (address.polling_url, address.websocket_target) == (polling, websocket)


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_is_refused(text: str) -> None:
    try:
        address = Address.parse(text, "p")
    except InvalidValue:
        return
    assert address.host and 0 < address.port < 65536
