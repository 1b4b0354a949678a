"""Rivals: entries by writers who did not know each other, told from the updates alone."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from pycrdt import Doc, Map

from crdt_calendar.limits import Limits
from crdt_calendar.protocol.ledger import Admission, Ledger, finish
from crdt_calendar.protocol.messages import write_state_vector
from crdt_calendar.protocol.strand import place_in_root

EVENTS = place_in_root("events")


class House:
    """A server's document and ledger, and writers who synchronise with it when told to."""

    def __init__(self) -> None:
        self.doc: Doc[Map[object]] = Doc()
        self.doc.get("events", type=Map)
        self.ledger = Ledger(Limits())

    def receive(self, update: bytes, user: str) -> Admission:
        admission = finish(self.ledger.check(update, user))
        if admission.update:
            self.doc.apply_update(admission.update)
            self.ledger.admit(admission)
        return admission

    def reload(self) -> None:
        update = self.doc.get_update()
        self.ledger = Ledger.restore(update, {}, Limits())


class Writer:
    def __init__(self, house: House, name: str) -> None:
        self.doc: Doc[Map[object]] = Doc()
        self.events = self.doc.get("events", type=Map)
        self.house = house
        self.name = name

    def pull(self) -> None:
        self.doc.apply_update(self.house.doc.get_update(self.doc.get_state()))

    def push(self) -> Admission:
        known = write_state_vector(self.house.ledger.state_vector)
        return self.house.receive(self.doc.get_update(known), self.name)

    def write(self, key: str, value: object) -> None:
        event = self.events["e"]
        assert isinstance(event, Map)
        event[key] = value


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def writers(house: House) -> Iterator[tuple[Writer, Writer]]:
    anna, berta = Writer(house, "anna"), Writer(house, "berta")
    anna.events["e"] = Map({"title": "first"})
    anna.push()
    berta.pull()
    yield anna, berta


def keys(admission: Admission) -> list[str]:
    return [rival.key for rival in admission.rivals]


def test_who_has_seen_the_other_is_no_rival(writers: tuple[Writer, Writer]) -> None:
    anna, berta = writers
    for turn in range(3):
        for one, other in ((anna, berta), (berta, anna)):
            one.write("title", f"{one.name} {turn}")
            assert keys(one.push()) == []
            other.pull()


def test_two_who_overwrite_the_same_are_rivals(writers: tuple[Writer, Writer]) -> None:
    anna, berta = writers
    anna.write("title", "anna")
    berta.write("title", "berta")
    assert keys(anna.push()) == []
    admission = berta.push()
    assert keys(admission) == ["title"]
    [rival] = admission.rivals
    assert rival.id[0] == berta.doc.client_id and rival.seen is not None


@pytest.mark.parametrize("reloaded", [False, True])
def test_of_many_edits_offline_the_last_is_the_rival(
    house: House, writers: tuple[Writer, Writer], reloaded: bool
) -> None:
    anna, berta = writers
    anna.write("title", "anna")
    anna.push()
    if reloaded:
        house.reload()
    for turn in range(4):
        berta.write("title", f"berta {turn}")
    admission = berta.push()
    assert [rival.id for rival in admission.rivals] == [
        (berta.doc.client_id, house.ledger.state_vector[berta.doc.client_id] - 1)
    ]


def test_a_first_value_by_both_may_be_a_rival(house: House, writers: tuple[Writer, Writer]) -> None:
    anna, berta = writers
    anna.write("location", "here")
    berta.write("location", "there")
    [first] = anna.push().rivals
    assert first.seen is None and house.ledger.last([first]) == {}
    [second] = berta.push().rivals
    assert second.seen is None and house.ledger.last([second]) == {second.id: first.id}


def test_a_removed_value_is_known_as_well(writers: tuple[Writer, Writer]) -> None:
    anna, berta = writers
    event = anna.events["e"]
    assert isinstance(event, Map)
    del event["title"]
    anna.push()
    berta.pull()
    berta.write("title", "again")
    assert keys(berta.push()) == []


def test_what_lies_where_is_known_by_its_path(house: House, writers: tuple[Writer, Writer]) -> None:
    anna, berta = writers
    anna.write("title", "anna")
    berta.write("title", "berta")
    anna.push()
    [rival] = berta.push().rivals
    assert house.ledger.path(rival.place) == (EVENTS, ("e",))


def test_who_follows_the_one_that_was_beaten_has_rivals_too(
    house: House, writers: tuple[Writer, Writer]
) -> None:
    anna, berta = writers
    anna.write("title", "anna")
    berta.write("title", "berta")
    anna.push()
    [rival] = berta.push().rivals
    other = house.ledger.last([rival])[rival.id]
    assert other == (anna.doc.client_id, house.ledger.state_vector[anna.doc.client_id] - 1)
    event = house.doc.get("events", type=Map)["e"]
    assert isinstance(event, Map)
    beaten, its = (anna, other) if event["title"] == "berta" else (berta, rival.id)
    house.ledger.beat(its)
    beaten.write("title", "once more")
    assert keys(beaten.push()) == ["title"]


@pytest.mark.parametrize("seed", range(40))
def test_rivals_are_exactly_those_who_did_not_know(seed: int) -> None:
    """Random histories, with the truth on the side: which write each writer had seen at a key."""
    chance = random.Random(seed)
    house = House()
    everyone = [Writer(house, name) for name in "abcd"]
    everyone[0].events["e"] = Map()
    everyone[0].push()
    for writer in everyone:
        writer.pull()
    alarms = expected = 0
    for step in range(1, 121):  # 0 is -0
        writer = chance.choice(everyone)
        key = chance.choice(("title", "when", "color"))
        writer.pull()
        event = house.doc.get("events", type=Map)["e"]
        assert isinstance(event, Map)
        if chance.random() < 0.5:
            writer.write(key, step)
            assert keys(only_known(house, writer.push())) == []
            continue
        other = chance.choice([one for one in everyone if one is not writer])
        other.pull()
        writer.write(key, step)
        other.write(chance.choice(("title", "when", "color")), -step)
        theirs = other.events["e"]
        assert isinstance(theirs, Map)
        overlap = theirs.get(key) == -step
        assert keys(only_known(house, writer.push())) == []
        found = only_known(house, other.push())
        alarms += len(found.rivals)
        expected += overlap
        settle(house, found)
    assert alarms == expected > 0


def only_known(house: House, admission: Admission) -> Admission:
    """Without first values where nobody had written any."""
    admission.rivals[:] = [
        rival for rival in admission.rivals if rival.seen is not None or house.ledger.last([rival])
    ]
    return admission


def settle(house: House, admission: Admission) -> None:
    """Tell the ledger which of the two stands, as whoever looks at the document can."""
    event = house.doc.get("events", type=Map)["e"]
    assert isinstance(event, Map)
    for rival in admission.rivals:
        other = house.ledger.last([rival])[rival.id]
        value = event.get(rival.key)
        assert isinstance(value, float | int)
        house.ledger.beat(other if value < 0 else rival.id)
