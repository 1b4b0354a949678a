"""Bodies that come back: whole, or without the entry of who sends them back."""

from __future__ import annotations

import pytest

from crdt_calendar.protocol.presence import encode_entry, join_entries
from crdt_calendar.protocol.reflections import SentBodies


def entry(client: int, clock: int = 1, size: int = 10) -> bytes:
    return encode_entry(bytes([client]), clock, b"x" * size)


CLIENTS = list(range(6))
ENTRIES = [entry(client, size=10 + client) for client in CLIENTS]


def without(client: int) -> bytes:
    return join_entries([entry for one, entry in enumerate(ENTRIES) if one != client])


def test_a_body_that_was_sent_is_recognised_from_anybody() -> None:
    sent = SentBodies()
    body = sent.remember(CLIENTS, ENTRIES)
    assert body == join_entries(ENTRIES)
    assert sent.reflects(body, None)
    assert sent.reflects(body, 3)
    assert not sent.reflects(body[:-1] + b"y", 3)
    assert not sent.reflects(b"", 3)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_body_without_its_senders_own_entry(client: int) -> None:
    sent = SentBodies()
    sent.remember(CLIENTS, ENTRIES)
    sent.remember([99], [entry(99)])
    assert sent.reflects(without(client), client)
    assert not sent.reflects(without(client), None)
    assert not sent.reflects(without(client), (client + 1) % 6)
    assert not sent.reflects(without(client), 99)
    changed = bytearray(without(client))
    changed[-1] += 1
    assert not sent.reflects(bytes(changed), client)


@pytest.mark.parametrize("count", [128, 129])
def test_counts_of_one_and_of_two_bytes(count: int) -> None:
    clients = list(range(count))
    entries = [encode_entry(b"\x01", client, b"x" * 4) for client in clients]
    sent = SentBodies()
    sent.remember(clients, entries)
    for client in (0, 60, count - 1):
        rest = [entry for one, entry in enumerate(entries) if one != client]
        assert sent.reflects(join_entries(rest), client)


def test_only_the_last_few_are_remembered() -> None:
    sent = SentBodies()
    first = sent.remember([1], [entry(1)])
    for clock in range(2, 17):
        sent.remember([1], [entry(1, clock)])
    assert sent.reflects(first, None)
    sent.remember([1], [entry(1, 17)])
    assert not sent.reflects(first, None)


def test_large_bodies_push_others_out_sooner() -> None:
    sent = SentBodies()
    first = sent.remember([1], [entry(1, size=60_000)])
    second = sent.remember([1], [entry(1, 2, size=60_000)])
    assert sent.reflects(first, None)
    sent.remember([1], [entry(1, 3, size=60_000)])
    assert not sent.reflects(first, None)
    assert sent.reflects(second, None)


def test_a_room_that_rests_forgets_what_it_sent() -> None:
    sent = SentBodies()
    old = sent.remember(CLIENTS, ENTRIES)
    sent.age(100.0)
    young = sent.remember([9], [entry(9)])
    sent.age(101.0)
    assert sent.reflects(old, None)
    sent.age(105.0)
    assert not sent.reflects(old, None)
    assert sent.reflects(young, None)
    sent.age(110.0)
    assert not sent.reflects(young, None)


def test_what_was_pushed_out_is_not_forgotten_twice() -> None:
    sent = SentBodies()
    sent.remember([1], [entry(1)])
    sent.age(0.0)
    bodies = [sent.remember([client], [entry(client)]) for client in range(2, 200)]
    sent.age(5.0)
    assert sent.reflects(bodies[-1], None)
