"""The index of a room: what it says is what the document says, and it lets go of the document."""

from __future__ import annotations

import gc
import weakref
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from pycrdt import Doc, Map

from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.when import When
from server.auth.grants import Grant, Role
from server.rooms.index import KEPT_SECONDS, Index
from server.rooms.room import Room
from tests.rooms.house import house

pytestmark = pytest.mark.anyio

START = datetime(2026, 3, 2, tzinfo=UTC)
GRANT = Grant("erin", "demo", Role.EDITOR)


def seen(calendar: Calendar) -> tuple[object, object]:
    """What somebody reads: a month, and every event."""
    return calendar.between(START, START + timedelta(days=30)), dict(calendar.everything())


async def check(room: Room) -> None:
    """The index and a walk through the document say the same."""
    assert (await room.browse(seen)).value == seen(room.read())


def some_edit(calendar: Calendar, chance: Random) -> None:
    ids = sorted(calendar.everything())
    id = chance.choice(ids) if ids else ""
    begins = datetime(2026, 3, 2) + timedelta(hours=chance.randrange(900))
    when = When(begins, begins + timedelta(hours=1), "Asia/Seoul")
    event = calendar.find(id)
    if event is None or chance.random() < 0.4:
        rule = Recurrence("FREQ=WEEKLY;COUNT=4") if chance.random() < 0.3 else None
        calendar.create(when=when, title=f"{chance.random()}", recurrence=rule)
    elif event.deleted is not None:
        calendar.restore(id)
    elif chance.random() < 0.3:
        calendar.delete(id)
    else:
        calendar.update(id, when=when)


async def test_what_it_says_is_what_the_document_says_whoever_edits() -> None:
    chance = Random(7)
    async with house() as home, home.visit() as alice:
        await alice.sync()
        for step in range(60):
            if step % 3:
                await alice.room.edit(GRANT, lambda calendar: some_edit(calendar, chance))
            else:
                event: Map[object] = Map({"title": f"by Yjs {step}"})
                await alice.edit(f"yjs-{step}", event)
            if step % 4 == 0:
                await check(alice.room)
        await check(alice.room)


async def test_a_document_that_was_built_anew_is_read_anew() -> None:
    async with house() as home, home.visit() as alice:
        await alice.room.edit(GRANT, lambda calendar: calendar.create(title="a"))
        await check(alice.room)
        alice.room._replica._prove_sound()
        await alice.room.edit(GRANT, lambda calendar: calendar.create(title="b"))
        await check(alice.room)
        assert len((await alice.room.browse(seen)).value[1]) == 2  # type: ignore[arg-type]


def test_nobody_reads_for_a_while_and_the_document_is_let_go() -> None:
    doc: Doc[Map[object]] = Doc()
    index = Index()
    calendar = index.calendar(doc, clock=lambda: START, new_id=str, user="")
    assert calendar.everything() == {}
    used_at, held = index._used_at, weakref.ref(doc)
    del calendar, doc
    for now, is_held in ((used_at + KEPT_SECONDS - 1, True), (used_at + KEPT_SECONDS, False)):
        index.sweep(now)
        gc.collect()
        assert (held() is not None) == is_held
