"""Whatever happens on the way, everybody ends up with the same, and nobody's words are lost.

A run is many histories. Each has its own seed, made of the run's seed and its number, so that a
failing one can be had again by itself: ``CONVERGENCE_SEED=<as printed> pytest -k convergence``.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random, randrange
from typing import Any, Final, TypeVar, cast

import pytest
from pycrdt import Doc, Map

from crdt_calendar.protocol.messages import SyncStep1, Update
from server.storage.memory import MemoryLog
from tests.rooms.house import House, Visitor, house, settled
from tests.support import virtual_time
from tests.support.client import calendar_of
from tests.support.people import Person

SEED: Final = os.environ.get("CONVERGENCE_SEED") or str(randrange(1 << 32))
STEPS: Final = 500  # of one history
PEOPLE: Final = 4
IDLE_SECONDS: Final = 1.0
STEP_WEIGHTS: Final = {
    **{"edit": 300, "up": 200, "down": 200, "trouble": 100, "wait": 100},
    **{"connect": 80, "disconnect": 15, "blackout": 2},
}

T = TypeVar("T")


class History:
    """One history: random steps of people in one room, then good lines, then a look at it all."""

    def __init__(self, seed: str) -> None:
        self.chance = Random(seed)
        self.people = [Person(f"p{n}", 1000 + n, self.chance) for n in range(PEOPLE)]
        self.log = MemoryLog()

    async def run(self) -> None:
        """All of it. Raises `AssertionError`."""
        async with house(log=self.log, idle_seconds=IDLE_SECONDS) as home:
            for _ in range(STEPS):
                await self._step(home, self.chance.choice(self.people))
            await self._heal(home)
            await self._check(home)
        for person in self.people:
            person.close()

    async def _step(self, home: House, person: Person) -> None:
        match self.chance.choices(list(STEP_WEIGHTS), list(STEP_WEIGHTS.values()))[0]:
            case "edit":
                person.edit()
            case "up":
                await person.deliver_up(self.chance.randint(1, 5))
            case "down":
                person.deliver_down(self.chance.randint(1, 5))
            case "trouble":
                person.trouble()
            case "wait":
                await asyncio.sleep(self.chance.random() * 0.05)  # the room writes and speaks
            case "connect" if person.visitor is None:
                await person.connect(home)
            case "disconnect":
                await person.disconnect()
            case "blackout":
                await self._blackout(home)

    async def _blackout(self, home: House) -> None:
        """Everybody is gone for so long that the room is let go; it comes back from the log."""
        for person in self.people:
            await person.disconnect()
        await asyncio.sleep(IDLE_SECONDS + 3)
        assert home.registry.rooms == ()

    async def _heal(self, home: House) -> None:
        for person in self.people:
            await person.disconnect()
            await person.connect(home)
        while True:
            for person in self.people:
                await person.deliver_all()
            await settled()
            await asyncio.sleep(0.1)
            if not any(person.fetch() for person in self.people):
                return

    async def _check(self, home: House) -> None:
        fresh = await self._document_of_a_newcomer(home)
        for person in self.people:
            assert content(person.doc) == content(fresh)
            assert person.state_vector == self.people[0].state_vector
        self._check_nothing_is_lost(fresh)
        await self._blackout(home)
        assert content(await self._document_of_a_newcomer(home)) == content(fresh)

    async def _document_of_a_newcomer(self, home: House) -> Doc[Map[object]]:
        async with home.visit("newcomer") as visitor:
            await visitor.sync()
            await settled()
            visitor.take_in()
            return visitor.doc

    def _check_nothing_is_lost(self, fresh: Doc[Map[object]]) -> None:
        events = cast("dict[str, Any]", fresh.get("events", type=Map).to_py())
        held = self.people[0].state_vector
        for person in self.people:
            assert held.get(person.client, 0) == person.clock
            assert person.author.lost(events) == set()
        for event, field in {place for p in self.people for place in p.author.values_written}:
            written = [p.author.values_written[event, field] for p in self.people]
            assert events[event][field] in set[str]().union(*written) | {"새 일정"}
        assert calendar_of(fresh).problems() == []


def content(doc: Doc[Map[object]]) -> tuple[object, object]:
    """Everything in a document."""
    return doc.get("events", type=Map).to_py(), doc.get("calendar", type=Map).to_py()


async def at_once(work: Callable[..., T], *arguments: object) -> T:
    return work(*arguments)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(10_000, marks=pytest.mark.timeout(300)),
        pytest.param(1_000_000, marks=pytest.mark.torture),
    ],
)
def test_convergence_over_lossy_doubling_and_reordering_lines(
    steps: int, record_property: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a thread a room would be loaded in real time, and no two runs would be alike.
    monkeypatch.setattr("server.rooms.registry.run_sync", at_once)
    virtual_time.govern(monkeypatch, "server.rooms")
    print(f"CONVERGENCE_SEED={SEED}")  # noqa: T201  # shown when the test fails
    began = time.perf_counter()
    for number in range(steps // STEPS):
        try:
            virtual_time.run(History(f"{SEED}:{number}").run())
        except BaseException as error:
            error.add_note(f"in history {number} of CONVERGENCE_SEED={SEED}")
            raise
    seconds = time.perf_counter() - began
    record_property("convergence", f"{steps} steps in {seconds:.0f} s, CONVERGENCE_SEED={SEED}")


def test_an_update_that_comes_too_early_takes_nothing_away() -> None:
    """Who has not synced yet writes over a field: until their other edits come, it stays."""

    async def main() -> None:
        async with house() as home, home.visit("alice") as alice, home.visit("bob") as bob:
            event = Map({"title": "before"})
            alice.events["event"] = event
            await alice.say(Update(alice.doc.get_update()))
            event["location"] = "said to nobody"
            emitted: list[bytes] = []
            with observed(alice, emitted):
                event["title"] = "after"
            await alice.say(Update(emitted[0]))
            await settled()
            bob.take_in()
            assert bob.events.to_py() == {"event": {"title": "before"}}
            assert any(isinstance(message, SyncStep1) for message in alice.heard())

    virtual_time.run(main())


@contextmanager
def observed(visitor: Visitor, emitted: list[bytes]) -> Iterator[None]:
    """Collect what the visitor's document emits, as a stock client does."""
    subscription = visitor.doc.observe(lambda event: emitted.append(event.update))
    try:
        yield
    finally:
        visitor.doc.unobserve(subscription)
