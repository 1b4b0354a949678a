"""The presence of a room, among stock clients and among hostile ones.

The stock clients are pycrdt's `Awareness`, a port of the one in y-protocols, behind the handler of
y-websocket: whatever an awareness learns, its own state or another's, it sends.
"""

from __future__ import annotations

import random
from collections.abc import Hashable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Awareness, Doc

from crdt_calendar.errors import (
    ForeignClient,
    FrameTooLarge,
    HostileUpdate,
    MalformedFrame,
    ProtocolError,
)
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.awareness import OUTDATED_SECONDS, PresenceTable, Stamp
from crdt_calendar.protocol.lib0 import encode_uint
from crdt_calendar.protocol.presence import (
    NOBODY,
    Json,
    PresenceState,
    encode_entry,
    join_entries,
    read_presence,
    write_presence,
)

LIMITS = Limits()
ADA = Stamp("ada", "Ada Lovelace")
BOB = Stamp("bob", "Bob")


def says(client: int, clock: int, state: dict[str, Json] | None = None) -> bytes:
    """A body by which a client shows something."""
    return write_presence([PresenceState(client, clock, "", {} if state is None else state)])


def leaves(client: int, clock: int) -> bytes:
    """A body by which a client says that it left."""
    return write_presence([PresenceState(client, clock, "", None)])


def told(body: bytes | None) -> dict[int, tuple[int, str | None]]:
    """Client id to clock and user id (None: left), as a body tells them."""
    assert body is not None
    return {
        state.client: (state.clock, None if state.value is None else state.user)
        for state in read_presence(body, LIMITS)
    }


@dataclass
class Room:
    """A table with its clock and its book of who owns which client id."""

    limits: Limits = LIMITS
    now: float = 1000.0
    owners: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.table = PresenceTable(self.limits)

    def hear(self, peer: Hashable, user: Stamp, body: bytes) -> bytes | None:
        return self.table.receive(peer, user, body, self.now, self.owners.get)

    def leave(self, peer: Hashable) -> None:
        self.table.leave(peer, self.now)

    def expire(self, after: float) -> None:
        self.now += after
        self.table.expire(self.now)

    @property
    def present(self) -> dict[int, tuple[int, str]]:
        states = self.table.states()
        assert len(states) == len(self.table)
        return {client: (state.clock, state.user) for client, state in states.items()}

    def settle(self) -> None:
        self.table.take_changes()
        assert not self.table.has_changes


@pytest.fixture
def room() -> Room:
    return Room()


# --- what is shown -------------------------------------------------------------------------------


def test_an_empty_room_has_nothing_to_tell(room: Room) -> None:
    assert room.table.everything() is None
    assert room.table.take_changes() is None
    assert not room.table.has_changes
    assert room.present == {}


def test_a_state_is_stamped_and_told_once(room: Room) -> None:
    body = says(1, 5, {"cursor": 3, "user": {"id": "eve", "name": "Eve", "color": "#f00"}})
    assert room.hear("a", ADA, body) is None
    assert room.table.has_changes
    value: dict[str, Json] = {
        "cursor": 3,
        "user": {"id": "ada", "name": "Ada Lovelace", "color": "#f00"},
    }
    shown = PresenceState(1, 5, "ada", value)
    assert room.table.states() == {1: shown}
    changes = room.table.take_changes()
    assert changes == write_presence([shown])
    assert room.table.everything() == changes
    assert room.table.take_changes() is None


def test_only_the_latest_of_a_client_is_told(room: Room) -> None:
    for clock in range(1, 6):
        room.hear("a", ADA, says(1, clock))
    assert told(room.table.take_changes()) == {1: (5, "ada")}


def test_a_newcomer_hears_of_everybody_present(room: Room) -> None:
    room.hear("a", ADA, says(1, 1))
    room.hear("b", BOB, says(2, 1))
    room.hear("c", BOB, says(3, 1))
    room.leave("c")
    assert told(room.table.everything()) == {1: (1, "ada"), 2: (1, "bob")}
    assert room.table.everything() is room.table.everything()
    room.hear("a", ADA, says(1, 2))
    assert told(room.table.everything()) == {1: (2, "ada"), 2: (1, "bob")}


def test_changes_come_in_the_order_in_which_stock_clients_send_them_back(room: Room) -> None:
    for client in (1, 2, 3):
        room.hear(client, ADA, says(client, 1))
    room.settle()
    room.leave(1)
    room.hear(2, ADA, says(2, 2))
    room.hear(4, ADA, says(4, 1))
    room.hear(3, ADA, says(3, 2))
    assert list(told(room.table.take_changes())) == [4, 2, 3, 1]


def test_a_new_name_is_shown_with_the_next_state(room: Room) -> None:
    room.hear("a", ADA, says(1, 1))
    room.hear("a", Stamp("ada", "Countess"), says(1, 2))
    value = room.table.states()[1].value
    assert value == {"user": {"id": "ada", "name": "Countess"}}


def test_a_body_without_entries_is_welcome(room: Room) -> None:
    assert room.hear("a", ADA, NOBODY) is None
    assert room.present == {}


# --- leaving -------------------------------------------------------------------------------------


def test_whoever_pulls_the_plug_is_gone(room: Room) -> None:
    room.hear("a", ADA, says(1, 5))
    room.settle()
    room.leave("a")
    assert room.present == {}
    assert told(room.table.take_changes()) == {1: (6, None)}
    room.leave("a")
    room.leave("never here")
    assert not room.table.has_changes


def test_leaving_by_a_newer_null(room: Room) -> None:
    room.hear("a", ADA, says(1, 5))
    room.hear("a", ADA, leaves(1, 6))
    assert room.present == {}
    assert told(room.table.take_changes()) == {1: (6, None)}
    room.leave("a")
    assert not room.table.has_changes


def test_leaving_by_a_null_under_the_same_clock(room: Room) -> None:
    """As y-websocket's `disconnect` says it."""
    room.hear("a", ADA, says(1, 5))
    room.hear("a", ADA, leaves(1, 4))
    assert room.present == {1: (5, "ada")}
    room.hear("a", ADA, leaves(1, 5))
    assert room.present == {}
    room.settle()
    room.hear("a", ADA, leaves(1, 5))
    assert not room.table.has_changes


@pytest.mark.parametrize("user", [ADA, BOB])
def test_anybody_elses_null_under_the_same_clock_is_a_reflection(room: Room, user: Stamp) -> None:
    """Stock clients time others out by themselves, and say so."""
    room.hear("a", ADA, says(1, 5))
    room.hear("b", user, says(2, 1))
    assert room.hear("b", user, leaves(1, 5)) is None
    assert room.hear("c", user, leaves(1, 5)) is None
    assert room.present == {1: (5, "ada"), 2: (1, user.id)}


def test_a_null_of_somebody_unknown_leaves_no_trace(room: Room) -> None:
    room.hear("a", ADA, leaves(1, 5))
    assert not room.table.has_changes
    room.hear("b", BOB, says(1, 1))
    assert room.present == {1: (1, "bob")}


def test_a_late_reflection_brings_no_ghost_back(room: Room) -> None:
    room.hear("a", ADA, says(1, 5))
    room.hear("b", BOB, says(2, 1))
    late = room.table.take_changes()
    assert late is not None
    room.leave("a")
    for body in (late, says(1, 5), says(1, 6), says(1, 7)):
        assert room.hear("b", BOB, body) is None
        assert room.present == {2: (1, "bob")}


def test_who_left_is_forgotten_after_a_while(room: Room) -> None:
    room.hear("a", ADA, says(1, 5))
    room.hear("b", ADA, says(2, 5))
    room.leave("a")
    room.expire(2 * OUTDATED_SECONDS - 1)
    assert room.present == {}
    room.hear("c", ADA, says(1, 5))
    assert room.present == {}
    room.expire(1)
    room.hear("d", ADA, says(1, 5))
    assert room.present == {1: (5, "ada")}


def test_they_are_forgotten_in_the_order_of_their_last_news(room: Room) -> None:
    room.hear("a", ADA, says(1, 1))
    room.hear("b", ADA, says(2, 1))
    room.hear("a", ADA, leaves(1, 2))
    room.hear("b", ADA, leaves(2, 2))
    room.expire(40)
    room.hear("a", ADA, leaves(1, 3))
    room.expire(20)
    for client in (1, 2):
        room.hear("c", BOB, says(client, 9))
    assert room.present == {2: (9, "bob")}


def test_what_was_just_sent_is_dropped_unread(room: Room) -> None:
    """Even where it would be news by now."""
    room.hear("a", ADA, says(1, 1))
    body = room.table.take_changes()
    assert body is not None
    room.hear("b", BOB, says(2, 1))
    room.leave("a")
    room.expire(60)
    room.expire(0)
    room.hear("b", BOB, body)
    assert room.present == {}


def test_frames_that_say_nothing_new_are_counted() -> None:
    table = PresenceTable(LIMITS)
    for client, peer in ((1, "a"), (2, "b")):
        table.receive(peer, ADA, says(client, 1), 0.0, lambda client: None)
    sent = table.take_changes()
    assert sent is not None
    assert table.reflections == 0
    table.receive("a", ADA, sent, 0.0, lambda client: None)
    table.receive("b", ADA, says(1, 1), 0.0, lambda client: None)
    assert table.reflections == 2


def test_no_more_of_those_who_left_are_remembered_than_can_be_there() -> None:
    room = Room(replace(LIMITS, connections_per_room=10))
    for client in range(30):
        room.hear(client, ADA, says(client, 1))
        room.leave(client)
    assert set(told(room.table.take_changes())) == set(range(20, 30))
    room.hear("late", BOB, says(5, 1))
    room.hear("late", BOB, says(25, 2))
    assert room.present == {5: (1, "bob")}


def test_many_who_leave_with_one_connection() -> None:
    room = Room(replace(LIMITS, connections_per_room=3))
    for client in range(10):
        room.hear("a", ADA, says(client, 1))
        room.hear("a", ADA, leaves(client, 2))
    for client in range(20, 30):
        room.hear("a", ADA, says(client, 1))
    room.leave("a")
    assert room.present == {}
    assert len(told(room.table.take_changes())) == 3


# --- silence -------------------------------------------------------------------------------------


def test_thirty_seconds_without_renewal_remove(room: Room) -> None:
    room.hear("a", ADA, says(1, 1))
    room.hear("b", BOB, says(2, 1))
    room.settle()
    room.expire(20)
    room.hear("a", ADA, says(1, 2))
    room.expire(9.9)
    assert room.present == {1: (2, "ada"), 2: (1, "bob")}
    room.settle()
    room.expire(0.1)
    assert room.present == {1: (2, "ada")}
    assert told(room.table.take_changes()) == {2: (2, None)}


def test_reflections_renew_nobody(room: Room) -> None:
    room.hear("a", ADA, says(1, 1))
    room.hear("b", BOB, says(2, 1))
    room.expire(29)
    for body in (room.table.everything(), says(1, 1)):
        assert body is not None
        room.hear("b", BOB, body)
    room.expire(1)
    assert room.present == {}


def test_an_expired_client_comes_back_with_news(room: Room) -> None:
    room.hear("a", ADA, says(1, 1))
    room.expire(30)
    room.settle()
    answer = room.hear("a", ADA, says(1, 2))  # a renewal that crossed our word of its leaving
    assert told(answer) == {1: (2, None)}
    assert not room.table.has_changes
    room.hear("a", ADA, says(1, 3))
    assert room.present == {1: (3, "ada")}
    room.leave("a")
    assert room.present == {}


# --- whose client it is --------------------------------------------------------------------------


@pytest.mark.parametrize("claim", [says(1, 6), leaves(1, 6)])
def test_news_of_another_users_client_are_refused(room: Room, claim: bytes) -> None:
    room.hear("a", ADA, says(1, 5))
    with pytest.raises(ForeignClient, match="client 1"):
        room.hear("b", BOB, claim)
    room.leave("b")
    assert room.present == {1: (5, "ada")}


@pytest.mark.parametrize("news", [says(1, 5), says(1, 4), leaves(1, 5), leaves(1, 4)])
def test_known_clocks_of_others_are_never_punished(room: Room, news: bytes) -> None:
    room.hear("a", ADA, says(1, 5))
    room.settle()
    assert room.hear("b", BOB, news) is None
    room.leave("b")
    assert room.present == {1: (5, "ada")}
    assert not room.table.has_changes


def test_a_client_that_belongs_to_somebody_for_good(room: Room) -> None:
    room.owners[1] = "ada"
    with pytest.raises(ForeignClient):
        room.hear("b", BOB, says(1, 1))
    assert room.present == {}
    room.hear("a", ADA, says(1, 1))
    assert room.present == {1: (1, "ada")}


def test_the_owner_of_a_client_takes_it_back(room: Room) -> None:
    room.hear("b", BOB, says(1, 1))
    room.owners[1] = "ada"
    room.hear("a", ADA, says(1, 2))
    assert room.present == {1: (2, "ada")}
    with pytest.raises(ForeignClient):
        room.hear("b", BOB, says(1, 3))
    room.leave("b")
    assert room.present == {1: (2, "ada")}
    room.leave("a")
    assert room.present == {}


def test_the_client_of_somebody_who_just_left_is_kept_for_them(room: Room) -> None:
    room.hear("a", ADA, says(1, 1))
    room.leave("a")
    assert room.hear("b", BOB, says(1, 9)) is None
    room.owners[1] = "ada"
    with pytest.raises(ForeignClient):
        room.hear("b", BOB, says(1, 9))
    assert room.present == {}
    room.hear("a2", ADA, says(1, 9))
    assert room.present == {1: (9, "ada")}


def test_another_users_client_in_the_midst_of_ones_own(room: Room) -> None:
    room.hear("a", ADA, says(1, 5))
    body = write_presence([PresenceState(2, 1, "", {}), PresenceState(1, 6, "", {})])
    with pytest.raises(ForeignClient):
        room.hear("b", BOB, body)
    room.leave("b")
    assert room.present == {1: (5, "ada")}


# --- several connections of one user -------------------------------------------------------------


def test_a_tab_that_relays_another_does_not_take_it_along(room: Room) -> None:
    room.hear("tab 1", ADA, says(1, 1))
    room.hear("tab 2", ADA, says(2, 1))
    room.hear("tab 2", ADA, says(1, 2))
    assert room.present == {1: (2, "ada"), 2: (1, "ada")}
    room.leave("tab 2")
    assert room.present == {1: (2, "ada")}
    room.leave("tab 1")
    assert room.present == {}


def test_a_relayed_tab_moves_to_its_own_connection(room: Room) -> None:
    room.hear("tab 2", ADA, says(2, 1))
    room.hear("tab 2", ADA, says(1, 1))
    room.hear("tab 1", ADA, says(1, 1))  # nothing new: this is how it introduces itself
    room.leave("tab 2")
    assert room.present == {1: (1, "ada")}
    room.leave("tab 1")
    assert room.present == {}


def test_a_relayed_tab_without_a_connection_leaves_with_the_last_that_spoke_for_it(
    room: Room,
) -> None:
    room.hear("tab 2", ADA, says(2, 1))
    room.hear("tab 3", ADA, says(3, 1))
    room.hear("tab 2", ADA, says(1, 1))
    room.hear("tab 3", ADA, says(1, 2))
    room.leave("tab 2")
    assert room.present == {1: (2, "ada"), 3: (1, "ada")}
    room.leave("tab 3")
    assert room.present == {}


def test_a_tab_that_lost_its_connection_lives_on_through_another(room: Room) -> None:
    room.hear("tab 1", ADA, says(1, 1))
    room.hear("tab 2", ADA, says(2, 1))
    room.leave("tab 1")
    room.hear("tab 2", ADA, says(1, 3))
    assert room.present == {1: (3, "ada"), 2: (1, "ada")}
    room.leave("tab 2")
    assert room.present == {}


def test_a_relayed_tab_without_a_connection_leaves_by_a_null(room: Room) -> None:
    room.hear("tab 2", ADA, says(2, 1))
    room.hear("tab 2", ADA, says(1, 5))
    room.hear("tab 2", ADA, leaves(1, 5))
    assert room.present == {2: (1, "ada")}


def test_old_news_of_a_relayed_tab_need_no_answer(room: Room) -> None:
    room.hear("tab 2", ADA, says(2, 1))
    room.hear("tab 2", ADA, says(1, 5))
    assert room.hear("tab 2", ADA, says(1, 4)) is None


def test_a_relayed_farewell_counts(room: Room) -> None:
    room.hear("tab 1", ADA, says(1, 1))
    room.hear("tab 2", ADA, says(2, 1))
    room.hear("tab 2", ADA, leaves(1, 2))
    assert room.present == {2: (1, "ada")}


@pytest.mark.parametrize("clock", [5, 6])
def test_coming_back_before_the_old_connection_is_known_to_be_dead(room: Room, clock: int) -> None:
    room.hear("old", ADA, says(1, 5))
    room.settle()
    assert room.hear("new", ADA, says(1, clock)) is None
    assert room.table.has_changes == (clock == 6)
    room.leave("old")
    assert room.present == {1: (clock, "ada")}
    room.leave("new")
    assert room.present == {}


def test_coming_back_with_a_clock_from_before(room: Room) -> None:
    room.hear("old", ADA, says(1, 5))
    assert told(room.hear("new", ADA, says(1, 3))) == {1: (5, None)}
    assert room.present == {1: (5, "ada")}
    room.leave("old")
    assert room.present == {1: (5, "ada")}


def test_coming_back_after_the_old_connection_is_gone(room: Room) -> None:
    room.hear("old", ADA, says(1, 5))
    room.leave("old")
    room.settle()
    assert told(room.hear("new", ADA, says(1, 5))) == {1: (6, None)}
    assert not room.table.has_changes
    room.hear("new", ADA, says(1, 7))
    assert room.present == {1: (7, "ada")}
    room.leave("new")
    assert room.present == {}


def test_a_first_frame_with_several_entries_is_nobodys_home(room: Room) -> None:
    both = write_presence([PresenceState(1, 1, "", {}), PresenceState(2, 1, "", {})])
    room.hear("script", ADA, both)
    room.hear("tab 2", ADA, says(2, 1))
    room.leave("script")
    assert room.present == {2: (1, "ada")}


def test_a_reflection_is_no_introduction(room: Room) -> None:
    """A client that shows nothing itself starts by sending back what it hears."""
    room.hear("a", ADA, says(1, 5))
    room.hear("b", BOB, says(1, 5))
    room.hear("b", BOB, says(2, 1))
    room.leave("b")
    assert room.present == {1: (5, "ada")}


def test_who_begins_by_sending_others_back_can_still_introduce_itself(room: Room) -> None:
    room.hear("a", ADA, says(1, 5))
    room.hear("tab 1", BOB, says(1, 5))
    room.hear("tab 1", BOB, says(2, 1))
    room.hear("tab 2", BOB, says(3, 1))
    room.hear("tab 2", BOB, says(2, 2))
    room.leave("tab 2")
    assert room.present == {1: (5, "ada"), 2: (2, "bob")}


def test_a_farewell_is_no_introduction(room: Room) -> None:
    room.hear("tab 1", ADA, says(1, 5))
    room.hear("tab 2", ADA, leaves(1, 4))
    room.hear("tab 2", ADA, says(2, 1))
    room.hear("tab 2", ADA, says(1, 6))
    room.leave("tab 2")
    assert room.present == {1: (6, "ada")}


# --- limits --------------------------------------------------------------------------------------


def test_clients_of_one_connection_are_limited() -> None:
    room = Room(replace(LIMITS, clients_per_peer=3))
    for client in (1, 2, 3):
        room.hear("a", ADA, says(client, 1))
    room.hear("a", ADA, leaves(3, 2))
    with pytest.raises(FrameTooLarge, match="more than 3 clients"):
        room.hear("a", ADA, says(4, 1))
    assert set(room.present) == {1, 2}
    room.expire(OUTDATED_SECONDS * 2)
    room.hear("a", ADA, says(4, 1))  # who left is forgotten, and counts no more
    assert set(room.present) == {4}


def test_clients_that_moved_home_do_not_count() -> None:
    room = Room(replace(LIMITS, clients_per_peer=2))
    room.hear("a", ADA, says(1, 1))
    for client in range(10, 20):
        room.hear("a", ADA, says(client, 1))
        room.hear(client, ADA, says(client, 2))
    assert len(room.present) == 11


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", MalformedFrame),
        (b"\x01\x01", MalformedFrame),
        (encode_uint(100_000_000), MalformedFrame),
        (says(1, 1) + b"\x00", MalformedFrame),
        (join_entries([encode_entry(b"\x01", 1, b"[]")]), MalformedFrame),
        (join_entries([encode_entry(b"\x01", 1, b"NaN")]), MalformedFrame),
        (says(1, LIMITS.clock + 1), HostileUpdate),
        (says(1, 1, {"a": "x" * LIMITS.awareness_bytes}), FrameTooLarge),
    ],
)
def test_bad_bodies(room: Room, body: bytes, error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        room.hear("a", ADA, body)
    room.leave("a")
    assert room.present == {}


def test_a_frame_brings_so_much_news_and_no_more() -> None:
    """Whoever tells of many costs the JSON of one. What is known does not count."""
    room = Room(replace(LIMITS, awareness_bytes=200))
    told_of = [PresenceState(client, 1, "", {"a": "x" * 80}) for client in (1, 2, 3)]
    for state in told_of:
        room.hear("a", ADA, write_presence([state]))
    room.hear("b", BOB, write_presence(told_of))
    with pytest.raises(FrameTooLarge, match="264 bytes of new presence"):
        room.hear("b", ADA, write_presence([replace(state, clock=2) for state in told_of]))


def test_a_frame_tells_of_no_more_than_can_be_there() -> None:
    room = Room(replace(LIMITS, connections_per_room=2))
    room.hear("a", ADA, says(1, 1))
    room.hear("b", BOB, join_entries([encode_entry(b"\x01", 1, b"{}")] * 4))
    with pytest.raises(FrameTooLarge, match="presence of 5 clients in one frame"):
        room.hear("b", BOB, join_entries([encode_entry(b"\x01", 1, b"{}")] * 5))


def test_the_highest_clock_can_still_leave(room: Room) -> None:
    room.hear("a", ADA, says(1, LIMITS.clock))
    room.leave("a")
    assert told(room.table.take_changes()) == {1: (LIMITS.clock + 1, None)}


def test_a_state_that_grew_by_its_stamp_can_still_be_read() -> None:
    room = Room(replace(LIMITS, awareness_bytes=60))
    room.hear("a", ADA, says(1, 1, {"a": "x"}))
    assert len(room.table.states()) == 1
    with pytest.raises(FrameTooLarge):
        room.hear("a", ADA, says(1, 2, {"a": "x" * 40}))
    assert len(room.table.states()) == 1


# --- among stock clients -------------------------------------------------------------------------


class StockClient:
    """A client as y-websocket makes it: it sends on whatever its awareness learns."""

    def __init__(self, room: Room, user: Stamp, client: int) -> None:
        self.room, self.user = room, user
        self.awareness = Awareness(Doc(client_id=client))
        self.client = client
        self.connection: object | None = None
        self.sent: list[bytes] = []
        self.awareness.observe(self._on_change)

    def _on_change(self, topic: str, change: tuple[dict[str, list[int]], object]) -> None:
        if topic == "update" and self.connection is not None:
            clients = change[0]["added"] + change[0]["updated"] + change[0]["removed"]
            self.sent.append(self.awareness.encode_awareness_update(clients))

    def connect(self) -> None:
        self.connection = object()
        self.sent.append(self.awareness.encode_awareness_update([self.client]))
        everybody = self.room.table.everything()
        if everybody:
            self.hear(everybody)

    def lose(self) -> None:
        """The connection breaks; y-websocket then forgets all others."""
        self.connection = None
        self.sent.clear()
        others = [client for client in self.awareness.states if client != self.client]
        self.awareness.remove_awareness_states(others, "connection closed")

    def show(self, cursor: int) -> None:
        self.awareness.set_local_state({"cursor": cursor})

    def hear(self, body: bytes) -> None:
        self.awareness.apply_awareness_update(body, "server")

    def flush(self) -> int:
        """Let the room hear what was sent; return how many frames that were."""
        frames, self.sent = self.sent, []
        for frame in frames:
            answer = self.room.hear(self.connection, self.user, frame)
            if answer:
                self.hear(answer)
        return len(frames)


def exchange(room: Room, clients: list[StockClient]) -> int:
    """Deliver until all is quiet; return how many frames the room heard."""
    heard = 0
    for _ in range(50):
        heard_now = sum(client.flush() for client in clients if client.connection)
        body = room.table.take_changes()
        for client in clients:
            if body and client.connection:
                client.hear(body)
        if not heard_now and body is None:
            return heard
        heard += heard_now
    raise AssertionError("it never falls silent")


def everybody_sees(clients: list[StockClient], present: set[int]) -> None:
    for client in clients:
        if client.connection:
            assert set(client.awareness.states) == present | {client.client}


def test_stock_clients_see_one_another_and_their_reflections_die_down(room: Room) -> None:
    clients = [StockClient(room, Stamp(f"u{n}", f"U{n}"), n) for n in range(1, 21)]
    for client in clients:
        client.connect()
        client.show(0)
    exchange(room, clients)
    everybody_sees(clients, set(range(1, 21)))
    for client in clients[:8]:
        client.show(1)
    assert exchange(room, clients) <= 8 + len(clients)
    states = clients[-1].awareness.states
    assert states[3] == {"cursor": 1, "user": {"id": "u3", "name": "U3"}}


def test_what_stock_clients_send_back_is_recognised_unread(room: Room) -> None:
    clients = [StockClient(room, ADA, n) for n in range(1, 11)]
    for client in clients:
        client.connect()
        client.show(0)
    exchange(room, clients)
    for client in clients[:6]:
        client.show(1)
    for client in clients[:6]:
        client.flush()
    body = room.table.take_changes()
    assert body is not None
    for client in clients:
        client.hear(body)
        (reflection,) = client.sent
        assert room.table._sent.reflects(reflection, client.client)


def test_a_stock_client_that_loses_its_line_is_back_at_once(room: Room) -> None:
    clients = [StockClient(room, ADA, 1), StockClient(room, BOB, 2)]
    for client in clients:
        client.connect()
        client.show(0)
    exchange(room, clients)
    old = clients[0].connection
    clients[0].lose()
    room.leave(old)
    exchange(room, clients)
    everybody_sees(clients, {2})
    clients[0].connect()
    exchange(room, clients)
    assert set(room.present) == {1, 2}
    assert 1 in clients[1].awareness.states


def test_a_stock_client_whose_old_line_dies_late_stays(room: Room) -> None:
    clients = [StockClient(room, ADA, 1), StockClient(room, BOB, 2)]
    for client in clients:
        client.connect()
        client.show(0)
    exchange(room, clients)
    old = clients[0].connection
    clients[0].lose()
    clients[0].connect()
    exchange(room, clients)
    room.leave(old)
    assert not room.table.has_changes
    assert set(room.present) == {1, 2}


def test_a_stock_client_that_was_silent_too_long_comes_back_when_told(room: Room) -> None:
    client = StockClient(room, ADA, 1)
    client.connect()
    client.show(0)
    exchange(room, [client])
    room.expire(OUTDATED_SECONDS)
    assert room.present == {}
    exchange(room, [client])
    assert set(room.present) == {1}


# --- anything at all -----------------------------------------------------------------------------

USERS = {"ada": ADA, "bob": BOB}
peers = st.sampled_from([("ada", 1), ("ada", 2), ("bob", 1), ("bob", 2)])
entries = st.builds(
    PresenceState,
    st.integers(1, 5),
    st.integers(0, 6),
    st.just(""),
    st.sampled_from([None, {}, {"cursor": 1}, {"user": {"id": "eve"}}]),
)
steps = st.one_of(
    st.tuples(st.just("hear"), peers, st.lists(entries, max_size=3)),
    st.tuples(st.just("leave"), peers, st.none()),
    st.tuples(st.just("wait"), st.none(), st.floats(0, 40)),
    st.tuples(st.just("take"), st.none(), st.none()),
)


@given(st.lists(steps, max_size=40))
@settings(derandomize=True, deadline=None, max_examples=400)
def test_whatever_happens(history: list[tuple[str, tuple[str, int] | None, object]]) -> None:
    room = Room(replace(LIMITS, clients_per_peer=3, connections_per_room=4), owners={5: "ada"})
    seen: dict[int, tuple[int, str | None]] = {}  # what somebody knows who heard every change
    for what, peer, detail in history:
        if what == "hear":
            assert peer is not None and isinstance(detail, list)
            try:
                room.hear(peer, USERS[peer[0]], write_presence(detail))
            except ProtocolError:
                room.leave(peer)
        elif what == "leave":
            room.leave(peer)
        elif what == "wait":
            assert isinstance(detail, float)
            room.expire(detail)
        else:
            body = room.table.take_changes()
            seen.update(told(body) if body else {})
        check(room)
    body = room.table.take_changes()
    seen.update(told(body) if body else {})
    everybody = room.table.everything()
    assert room.present == (told(everybody) if everybody else {})
    for client, state in room.present.items():
        assert seen[client] == state


def check(room: Room) -> None:
    """What holds at any time."""
    table = room.table
    present = table.states()
    assert len(table._gone) <= room.limits.connections_per_room
    for client, state in present.items():
        assert state.value is not None
        assert state.value["user"] == {"id": state.user, "name": USERS[state.user].name}
        assert client != 5 or state.user == "ada"
        holder = table._entries[client].peer
        assert holder in table._peers.values()
        assert holder is not None and holder.stamp.id == state.user
    for mine in table._peers.values():
        assert len(mine.clients) <= room.limits.clients_per_peer
        assert all(table._entries[client].peer is mine for client in mine.clients)


@given(st.binary(max_size=40), st.randoms(use_true_random=False))
@settings(derandomize=True, deadline=None, max_examples=1000)
def test_any_bytes_do_nothing_or_raise_a_protocol_error(body: bytes, chance: random.Random) -> None:
    room = Room()
    valid = bytearray(says(1, 1, {"cursor": [1, {"a": None}]}))
    room.hear("b", BOB, says(2, 1))
    for _ in range(chance.randrange(4)):
        valid[chance.randrange(len(valid))] = chance.randrange(256)
    for sent in (body, bytes(valid)):
        try:
            room.hear("a", ADA, sent)
        except ProtocolError:
            room.leave("a")
        check(room)
    room.leave("a")
    assert room.present == {2: (1, "bob")}
