"""The sync of one peer, as conversations of two."""

from __future__ import annotations

import random

import pytest
from pycrdt import Doc, Map

from crdt_calendar.protocol.messages import (
    Awareness,
    Message,
    PermissionDenied,
    QueryAwareness,
    SyncStatus,
    SyncStep1,
    SyncStep2,
    Update,
)
from crdt_calendar.protocol.session import (
    TRANSITIONS,
    DiffWanted,
    Event,
    PresenceReceived,
    PresenceWanted,
    Refused,
    State,
    StatusAsked,
    SyncSession,
    Trigger,
    UpdateReceived,
)

EMPTY = b"\x00"


def vector() -> bytes:
    return b"\x01\x02\x03"


def never() -> bytes:
    raise AssertionError("a state vector was made that nobody needs")


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (SyncStep1(b"sv"), DiffWanted(b"sv")),
        (SyncStep2(b"u"), UpdateReceived(b"u", answer=False)),
        (Update(b"u"), UpdateReceived(b"u", answer=True)),
        (Awareness(b"a"), PresenceReceived(b"a")),
        (QueryAwareness(), PresenceWanted()),
        (SyncStatus(b"\x05"), StatusAsked(b"\x05")),
        (PermissionDenied("no"), Refused("no")),
    ],
)
@pytest.mark.parametrize("state", State)
def test_any_message_is_legal_at_any_time(state: State, message: Message, event: Event) -> None:
    session = SyncSession()
    session.state = state
    assert session.receive(message) == event


def test_synced_once_our_question_is_answered() -> None:
    session = SyncSession()
    assert session.start(EMPTY) == SyncStep1(EMPTY)
    assert not session.synced
    session.receive(SyncStep1(EMPTY))
    session.receive(Update(b"u"))
    assert not session.synced
    session.receive(SyncStep2(b"u"))
    assert session.synced


def test_an_answer_without_a_question_is_taken_but_proves_nothing() -> None:
    session = SyncSession()
    assert session.receive(SyncStep2(b"u")) == UpdateReceived(b"u", answer=False)
    assert not session.synced
    session.start(EMPTY)
    assert not session.synced


@pytest.mark.parametrize("state", [State.ASKED, State.SYNCED, State.HEALING])
def test_starting_twice_is_our_mistake(state: State) -> None:
    session = SyncSession()
    session.state = state
    with pytest.raises(RuntimeError, match="starts once"):
        session.start(EMPTY)


def test_every_state_takes_whatever_a_peer_can_cause() -> None:
    for state in State:
        assert {Trigger.STEP_2, Trigger.GAP} <= TRANSITIONS[state].keys()


def synced() -> SyncSession:
    session = SyncSession()
    session.start(EMPTY)
    session.receive(SyncStep2(b"u"))
    return session


UPDATE = UpdateReceived(b"u", answer=True)
STEP_2 = UpdateReceived(b"u", answer=False)


def test_an_update_with_a_gap_asks_again() -> None:
    session = synced()
    assert session.after_update(UPDATE, gap=True, state_vector=vector) == SyncStep1(vector())
    assert session.state is State.HEALING
    assert session.synced


def test_an_update_without_a_gap_asks_nothing() -> None:
    session = synced()
    assert session.after_update(UPDATE, gap=False, state_vector=never) is None
    assert session.state is State.SYNCED


@pytest.mark.parametrize("state", State)
def test_an_answer_never_asks(state: State) -> None:
    session = SyncSession()
    session.state = state
    assert session.after_update(STEP_2, gap=True, state_vector=never) is None
    assert session.state is state


@pytest.mark.parametrize("state", [State.NEW, State.ASKED, State.HEALING])
def test_one_question_at_a_time(state: State) -> None:
    session = SyncSession()
    session.state = state
    assert session.after_update(UPDATE, gap=True, state_vector=never) is None


def test_a_gap_that_stays_is_asked_for_once_an_answer() -> None:
    session = synced()
    asked = 0
    for _ in range(10):
        for _ in range(5):
            asked += session.after_update(UPDATE, gap=True, state_vector=vector) is not None
        session.receive(SyncStep2(b"nothing new"))
        assert session.after_update(STEP_2, gap=True, state_vector=never) is None
    assert asked == 10


class Side:
    """One end of a link: a document and its session, as a server or a client holds them."""

    def __init__(self, client: int) -> None:
        self.doc: Doc[Map[int]] = Doc(client_id=client)
        self.map = self.doc.get("events", type=Map)
        self.session = SyncSession()
        self.emitted: list[bytes] = []
        self.doc.observe(lambda event: self.emitted.append(event.update))

    def apply(self, update: bytes) -> bool:
        """Apply; return whether that changed anything."""
        before = len(self.emitted)
        self.doc.apply_update(update)
        return len(self.emitted) > before

    def hear(self, message: Message) -> list[Message]:
        """The answers to a message."""
        event = self.session.receive(message)
        if isinstance(event, DiffWanted):
            return [SyncStep2(self.doc.get_update(event.state_vector))]
        assert isinstance(event, UpdateReceived)
        gap = not self.apply(event.update)
        answer = self.session.after_update(event, gap=gap, state_vector=self.doc.get_state)
        return [answer] if answer else []


def converse(left: Side, right: Side, mail: list[tuple[Side, Message]]) -> int:
    """Deliver until nobody has anything to say; return how many messages that took."""
    delivered = 0
    while mail:
        to, message = mail.pop(0)
        other = left if to is right else right
        mail += [(other, answer) for answer in to.hear(message)]
        delivered += 1
        assert delivered < 100, "they answer each other for ever"
    return delivered


def start(left: Side, right: Side) -> list[tuple[Side, Message]]:
    return [
        (right, left.session.start(left.doc.get_state())),
        (left, right.session.start(right.doc.get_state())),
    ]


def test_two_sides_converge() -> None:
    left, right = Side(1), Side(2)
    left.map["a"] = 1
    right.map["b"] = 2
    assert converse(left, right, start(left, right)) == 4
    assert left.map.to_py() == right.map.to_py() == {"a": 1, "b": 2}
    assert left.session.synced and right.session.synced


def test_two_sides_with_nothing_to_say_fall_silent() -> None:
    left, right = Side(1), Side(2)
    assert converse(left, right, start(left, right)) == 4


@pytest.mark.parametrize("seed", range(20))
def test_lost_and_shuffled_updates_heal(seed: int) -> None:
    chance = random.Random(seed)
    left, right = Side(1), Side(2)
    converse(left, right, start(left, right))
    left.emitted.clear()
    for number in range(8):
        left.map[f"key{number % 3}"] = number
    updates: list[Message] = [Update(update) for update in left.emitted]
    lost = chance.randrange(len(updates) - 1)
    del updates[lost]
    chance.shuffle(updates)
    # Whatever was lost or late, one update after the last makes the gap known.
    updates.sort(key=lambda message: message == Update(left.emitted[-1]))
    converse(left, right, [(right, update) for update in updates])
    assert right.map.to_py() == left.map.to_py()


def test_a_known_update_costs_one_question_at_most() -> None:
    """These sides cannot tell what is known from what is parked, and still fall silent."""
    left, right = Side(1), Side(2)
    left.map["a"] = 1
    converse(left, right, start(left, right))
    assert converse(left, right, [(right, Update(left.emitted[0]))]) == 3
