"""What a peer cannot have known: what is not on disk yet, and what it lacked when it came."""

from __future__ import annotations

import pytest
from pycrdt import Doc, Map

from crdt_calendar.model.conflicts import BOOKING, DELETION, Conflict, Conflicts
from crdt_calendar.protocol.messages import SyncStep1, SyncStep2, Update
from server.storage.memory import MemoryLog
from tests.rooms.house import House, Visitor, house, settled

pytestmark = pytest.mark.anyio

STAMP = {"by": "x", "at": "2026-11-21T08:00:00.000Z"}
NINE = {"start": "2026-11-23T09:00:00", "end": "2026-11-23T10:00:00", "tz": "UTC"}
NOON = {"start": "2026-11-23T12:00:00", "end": "2026-11-23T13:00:00", "tz": "UTC"}
GUEST = {"attendee/carol@example.org": {"status": "accepted"}}


async def write(visitor: Visitor, event: str, **values: object) -> None:
    """One update, as an editor sends it that keeps no books."""
    await visitor.say(Update(written(visitor.doc, event, **values)))


def written(doc: Doc[Map[object]], event: str, **values: object) -> bytes:
    before = doc.get_state()
    events = doc.get("events", type=Map)
    with doc.transaction():
        if event not in events:
            events[event] = Map({})
        shared = events[event]
        assert isinstance(shared, Map)
        for key, value in values.items():
            shared[key] = value
    return doc.get_update(before)


async def meet(home: House, visitor: Visitor, *others: Visitor) -> None:
    await write(visitor, "e", title="first", when=NINE, **GUEST)
    await write(visitor, "f", title="second", when=NOON, **GUEST)
    await settled()
    for other in others:
        await other.sync()
        await settled()
        other.take_in()


async def records(home: House) -> list[Conflict]:
    await settled()
    async with home.visit("reader") as reader:
        await reader.sync()
        await settled()
        reader.take_in()
        room = reader.room.read()
        return list(Conflicts(reader.doc, room))


async def test_an_edit_that_crosses_a_deletion_before_the_commit_is_told() -> None:
    log = MemoryLog()
    async with house(log=log) as home, home.visit("ann") as ann, home.visit("bob") as bob:
        await meet(home, ann, bob)
        with log.held():
            await write(ann, "e", deleted=STAMP)
            await settled()
            await write(bob, "e", title="by bob")
        [conflict] = await records(home)
        assert (conflict.kind, conflict.event) == (DELETION, "e")
        assert conflict.claims[1].by == "bob"


async def test_an_edit_after_the_deletion_was_sent_is_nobodys_business() -> None:
    async with house() as home, home.visit("ann") as ann, home.visit("bob") as bob:
        await meet(home, ann, bob)
        await write(ann, "e", deleted=STAMP)
        await settled()
        bob.take_in()
        await write(bob, "e", title="by bob, in the bin")
        assert await records(home) == []


async def test_what_was_lacked_on_arrival_counts_for_the_first_answer_only() -> None:
    async with house() as home, home.visit("ann") as ann:
        await meet(home, ann)
        away: Doc[Map[object]] = Doc()
        away.apply_update(ann.doc.get_update())
        await write(ann, "e", deleted=STAMP)
        await settled()
        known = away.get_state()
        offline = written(away, "e", title="on the train")
        async with home.visit("bob") as bob:
            bob.doc.apply_update(away.get_update())
            await bob.say(SyncStep1(known))
            await bob.say(SyncStep2(offline))
            await settled()
            bob.take_in()
            await bob.say(SyncStep2(written(bob.doc, "e", location="now knowing")))
        [conflict] = await records(home)
        assert conflict.claims[1].fields == ("title",)


async def test_two_events_that_come_to_one_slot_before_the_commit_are_a_warning() -> None:
    log = MemoryLog()
    async with house(log=log) as home, home.visit("ann") as ann, home.visit("bob") as bob:
        await meet(home, ann, bob)
        with log.held():
            await write(ann, "e", when=NOON)
            await settled()
            await write(bob, "new", title="created there", when=NOON, **GUEST)
        [conflict] = await records(home)
        assert (conflict.kind, {conflict.event, conflict.other}) == (BOOKING, {"e", "new"})
        assert conflict.attendee == "carol@example.org"


async def test_odd_values_cost_nobody_the_connection() -> None:
    async with house() as home, home.visit("ann") as ann, home.visit("bob") as bob:
        await meet(home, ann, bob)
        for visitor, value in ((ann, [1, {"a": None}]), (bob, {"start": 5, "end": [], "tz": 0})):
            await write(visitor, "e", when=value, title=7, recurrence={"rrule": "FREQ="})
        await settled()
        assert (ann.peer.error, bob.peer.error) == (None, None)
        assert {conflict.field for conflict in await records(home)} == {
            "when",
            "title",
            "recurrence",
        } - {"title", "recurrence"}  # both wrote the same there


async def test_records_go_out_in_the_commit_of_what_they_are_about() -> None:
    log = MemoryLog()
    async with house(log=log) as home, home.visit("ann") as ann, home.visit("bob") as bob:
        await meet(home, ann, bob)
        await write(ann, "e", title="by ann")
        await write(bob, "e", title="by bob")
        await settled()
        updates = [message for message in ann.take_in() if isinstance(message, Update)]
        assert len(updates) <= 2
        assert len(Conflicts(ann.doc, ann.room.read())) == 1
