"""What is said on one line, and what is known to be saved, under whatever may happen."""

from __future__ import annotations

from datetime import UTC, datetime

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map

from crdt_calendar.client.broadcast import Broadcast
from crdt_calendar.client.dialogue import Dialogue
from crdt_calendar.client.document import LocalDocument
from crdt_calendar.client.errors import EditsRejected, MissedNews
from crdt_calendar.client.presence import Presence
from crdt_calendar.client.saved import SaveLedger
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.messages import (
    PermissionDenied,
    SyncStatus,
    SyncStep1,
    SyncStep2,
    Update,
    decode,
    encode,
)
from crdt_calendar.protocol.presence import PresenceState, read_presence, write_presence
from tests.support.client import calendar_of

LIMITS = Limits()


class Server:
    """The other side of one line, as the protocol says; what it has is on its disk when it says."""

    def __init__(self, doc: Doc[Map[object]]) -> None:
        self.doc = doc
        self.editor = True
        self.frames: list[bytes] = [encode(SyncStep1(doc.get_state()))]

    def hear(self, frame: bytes) -> None:
        """Take a message; answers wait in `frames`."""
        match decode(frame, LIMITS):
            case SyncStep1(state_vector):
                self.frames.append(encode(SyncStep2(self.doc.get_update(state_vector))))
            case SyncStep2(update) | Update(update) if update != b"\x00\x00":
                if self.editor:
                    self.doc.apply_update(update)
                else:
                    self.frames.append(encode(PermissionDenied("viewers may read")))
            case SyncStatus() as status:
                self.frames.append(encode(status))

    def promote(self) -> None:
        """The client may edit from now on."""
        self.editor = True
        self.frames.append(encode(SyncStep1(self.doc.get_state())))


def new_dialogue(document: LocalDocument) -> Dialogue:
    presence = Presence(document.doc.client_id, LIMITS, lambda: None)
    dialogue = Dialogue(document, presence, LIMITS)
    document.edited = dialogue.edited
    return dialogue


STEPS = st.lists(
    st.sampled_from(["edit", "send", "hear", "reconnect", "demote", "promote", "beat"]), max_size=60
)


class Session:
    """A client's side and the server's, joined by a line that holds messages back."""

    def __init__(self) -> None:
        self.rejected: list[EditsRejected] = []
        self.document = LocalDocument(None, SaveLedger(self.rejected.append))
        self.document.load()
        self.calendar = calendar_of(self.document.doc)
        self.server = Server(Doc())
        self.there = calendar_of(self.server.doc)
        self.dialogue = new_dialogue(self.document)
        self.made: list[str] = []

    def edit(self) -> None:
        self.made.append(self.calendar.create(title=f"event {len(self.made)}"))

    def send(self) -> None:
        while (parcel := self.dialogue.take()) is not None:
            for frame in parcel.frames:
                self.server.hear(frame)

    def hear(self) -> None:
        while self.server.frames:
            self.dialogue.receive(self.server.frames.pop(0))
        pending = self.document.ledger.pending
        waiting = {event for edit in pending for event in edit.events}
        for event in self.made:
            assert event in waiting or event in self.there

    def reconnect(self) -> None:
        editor = self.server.editor
        self.server = Server(self.server.doc)
        self.server.editor = editor
        self.dialogue = new_dialogue(self.document)

    def demote(self) -> None:
        self.server.editor = False

    def promote(self) -> None:
        self.server.promote()

    def beat(self) -> None:
        self.dialogue.beat()


@given(STEPS)
def test_what_is_no_longer_pending_is_on_the_server_and_in_the_end_all_of_it_is(
    steps: list[str],
) -> None:
    session = Session()
    for step in [*steps, "promote", "hear", "send", "hear", "send", "hear"]:
        getattr(session, step)()
    assert session.document.ledger.pending == ()
    assert set(session.made) == {event.id for event in session.there.events()}
    told = [edit.number for error in session.rejected for edit in error.edits]
    assert len(told) == len(set(told)), "each edit is rejected once"
    session.document.close()


def test_a_gap_is_asked_about_once() -> None:
    author: Doc[Map[object]] = Doc()
    updates: list[bytes] = []
    subscription = author.observe(lambda event: updates.append(event.update))
    calendar = calendar_of(author)
    made = calendar.create(title="one")
    calendar.update(made, title="two")
    calendar.update(made, title="three")
    author.unobserve(subscription)
    document = LocalDocument(None, SaveLedger(lambda error: None))
    document.load()
    dialogue = new_dialogue(document)
    dialogue.take()
    dialogue.receive(encode(SyncStep2(b"\x00\x00")))
    dialogue.receive(encode(Update(updates[1])))
    dialogue.receive(encode(Update(updates[2])))
    parcel = dialogue.take()
    assert parcel is not None
    (asked,) = [decode(frame, LIMITS) for frame in parcel.frames]
    assert isinstance(asked, SyncStep1)
    dialogue.receive(encode(SyncStep2(author.get_update(asked.state_vector))))
    assert calendar_of(document.doc).get(made).title == "three"
    document.close()


def test_an_update_that_does_not_read_ends_the_line_and_not_the_client() -> None:
    document = LocalDocument(None, SaveLedger(lambda error: None))
    document.load()
    dialogue = new_dialogue(document)
    with pytest.raises(ValueError, match="update"):
        dialogue.receive(encode(Update(b"\x05rubbish")))
    assert calendar_of(document.doc).create(title="goes on")
    assert len(document.ledger) == 1
    document.close()


# The ledger

ACTS = st.lists(st.tuples(st.sampled_from(["note", "arrive"]), st.integers(0, 30)), max_size=60)


@given(ACTS)
def test_the_ledger_keeps_what_has_not_arrived_in_order(acts: list[tuple[str, int]]) -> None:
    ledger = SaveLedger(lambda error: None)
    expected: list[int] = []
    for act, number in acts:
        if act == "note":
            at = datetime(2026, 3, 1, tzinfo=UTC)
            expected.append(ledger.note(at, frozenset("e"), "{}", b"").number)
        else:
            ledger.arrived(number)
            expected = [each for each in expected if each > number]
    assert [edit.number for edit in ledger.pending] == expected
    assert len(ledger) == len(expected)


# Presence

ANN, BOB = 1, 2


def presence_of(client: int) -> tuple[Presence, list[None]]:
    changed: list[None] = []
    return Presence(client, LIMITS, lambda: changed.append(None)), changed


def body(client: int, clock: int, **state: str) -> bytes:
    value = {"user": {"id": "bob", "name": "Bob"}, **state} if state else None
    return write_presence([PresenceState(client, clock, "bob", value)])  # type: ignore[arg-type]


def test_nobody_sees_who_shows_nothing_and_nothing_heard_is_sent_back() -> None:
    presence, changed = presence_of(ANN)
    presence.renew()
    presence.hide()
    presence.receive(body(BOB, 1, view="week"))
    assert changed == []
    presence.show(view="month", pointer=None)
    assert presence.due
    (said,) = read_presence(presence.take(), LIMITS)
    assert (said.client, said.value) == (ANN, {"view": "month"})
    presence.hide()
    (said,) = read_presence(presence.take(), LIMITS)
    assert said.value is None


def test_others_come_change_and_go() -> None:
    presence, _ = presence_of(ANN)
    presence.receive(body(BOB, 1, view="week"))
    assert presence.others[BOB].name == "Bob"
    presence.receive(body(BOB, 1, view="old news"))
    assert presence.others[BOB].state["view"] == "week"
    presence.receive(body(BOB, 2, view="day"))
    assert presence.others[BOB].state["view"] == "day"
    presence.receive(body(BOB, 2))
    assert presence.others == {}
    presence.receive(body(BOB, 3, view="week"))
    presence.forget()
    assert presence.others == {}
    presence.receive(body(BOB, 3, view="week"))
    assert BOB in presence.others, "on a new line it is news again"


def test_who_is_told_that_they_have_left_says_that_they_have_not() -> None:
    presence, _ = presence_of(ANN)
    presence.show(view="week")
    presence.take()
    presence.receive(body(ANN, 7))
    (said,) = read_presence(presence.take(), LIMITS)
    assert said.clock > 7 and said.value == {"view": "week"}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5), st.booleans()), max_size=40))
def test_clocks_of_others_never_go_back(entries: list[tuple[int, int, bool]]) -> None:
    presence, _ = presence_of(99)
    highest: dict[int, int] = {}
    for client, clock, is_here in entries:
        presence.receive(body(client, clock, at=str(clock)) if is_here else body(client, clock))
        highest[client] = max(highest.get(client, 0), clock)
        if client in presence.others:
            assert presence.others[client].state["at"] == str(highest[client])


# Streams


@pytest.mark.anyio
async def test_a_stream_ends_with_its_client_and_gives_what_was_not_read() -> None:
    news: Broadcast[int] = Broadcast(10)
    stream = news.stream(0)
    news.tell(1)
    news.end()
    assert [item async for item in stream] == [0, 1]
    assert [item async for item in news.stream(5)] == [5]


@pytest.mark.anyio
async def test_a_stream_that_is_not_read_says_that_it_missed_something() -> None:
    news: Broadcast[int] = Broadcast(10)
    stream, latest = news.stream(), Broadcast[int](3, latest_only=True)
    kept = latest.stream()
    for number in range(100):
        news.tell(number)
        latest.tell(number)
    latest.end()
    with pytest.raises(MissedNews):
        await anext(stream)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    assert [item async for item in kept] == [97, 98, 99]
    del stream
    assert not news, "what nobody holds is forgotten"


@pytest.mark.anyio
async def test_a_callback_that_fails_is_logged_and_keeps_nobody_from_hearing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    news: Broadcast[int] = Broadcast(10)
    heard: list[int] = []
    news.listen(lambda item: 1 // item)
    news.listen(heard.append)
    news.tell(0)
    assert heard == [0]
    assert "ZeroDivisionError" in caplog.text
    await anyio.lowlevel.checkpoint()
