"""Conflicts are found whoever the client is, and only where neither knew of the other."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from pycrdt import Doc, Map

from crdt_calendar.limits import Limits
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.conflicts import BOOKING, DELETION, STRATEGIES, Conflict, Conflicts
from crdt_calendar.model.when import When
from crdt_calendar.protocol.ledger import Ledger, finish
from crdt_calendar.protocol.messages import write_state_vector
from server.rooms.referee import Referee
from server.rooms.replica import Replica

BEGIN = datetime(2026, 11, 23, 9, tzinfo=UTC)


class House:
    """What a room does with updates, without peers and disk."""

    def __init__(self) -> None:
        self.replica = Replica(b"", Ledger(Limits()))
        self.referee = Referee(self.replica, Limits())

    def receive(self, writer: Writer) -> None:
        known = write_state_vector(self.replica.ledger.state_vector)
        update = writer.doc.get_update(known)
        admission = finish(self.replica.ledger.check(update, writer.name))
        if not admission.update:
            return
        ends = self.replica.ledger.state_vector
        unknown = {
            one: writer.knows.get(one, 0) for one in ends if ends[one] > writer.knows.get(one, 0)
        }
        suspicion = self.referee.look(writer.name, admission, unknown)
        self.replica.apply(admission)
        if suspicion is not None:
            self.replica.judge(lambda: self.referee.judge(suspicion))
            for _, own in self.replica.take_own():
                self.referee.note(own)

    def conflicts(self) -> list[Conflict]:
        return list(Conflicts(self.replica.doc, self.replica.read()))

    def value(self, event: str, key: str) -> object:
        shared = self.replica.doc.get("events", type=Map)[event]
        assert isinstance(shared, Map)
        return shared.get(key)

    def reload(self) -> None:
        update, owners = self.replica.encode({}), dict(self.replica.ledger._owners)
        self.replica.close()
        self.replica = Replica(update, Ledger.restore(update, owners, Limits()))
        self.referee = Referee(self.replica, Limits())


class Writer:
    """A client, which knows what it has pulled. ``stock`` ones leave out all bookkeeping."""

    def __init__(self, house: House, name: str, *, stock: bool = False) -> None:
        self.doc: Doc[Map[object]] = Doc()
        self.name, self.house, self.stock = name, house, stock
        self.knows: dict[int, int] = {}
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.events = self.doc.get("events", type=Map)
        self.calendar = Calendar(self.doc, clock=lambda: self.clock(), new_id=str, user=name)

    def pull(self) -> None:
        self.doc.apply_update(self.house.replica.encode({}))
        self.knows = self.house.replica.ledger.state_vector

    def push(self) -> None:
        self.house.receive(self)

    def sync(self) -> None:
        self.push()
        self.pull()

    def write(self, key: str, value: object, event: str = "e") -> None:
        if self.stock:
            shared = self.events[event]
            assert isinstance(shared, Map)
            shared[key] = value
        else:
            self.calendar.patch(event, {key: value})


@pytest.fixture
def house() -> House:
    return House()


Meet = Callable[..., tuple[Writer, Writer]]


@pytest.fixture
def meet(house: House) -> Meet:
    """Two writers who both know an event "e"."""

    def meet(**options: object) -> tuple[Writer, Writer]:
        one, other = Writer(house, "anna", **options), Writer(house, "berta", **options)  # type: ignore[arg-type]
        one.calendar.create(event_id="e", title="first", location="here", description="x")
        one.sync()
        other.sync()
        return one, other

    return meet


@pytest.mark.parametrize("stock", [False, True])
@pytest.mark.parametrize("reloaded", [False, True])
def test_two_values_of_one_field_are_a_conflict(
    house: House, meet: Meet, stock: bool, reloaded: bool
) -> None:
    anna, berta = meet(stock=stock)
    anna.write("title", "by anna")
    berta.write("title", "by berta")
    anna.push()
    if reloaded:
        house.reload()
    berta.push()
    [conflict] = house.conflicts()
    assert (conflict.event, conflict.field, conflict.state) == ("e", "title", "open")
    assert [(claim.by, claim.value) for claim in conflict.claims] == [
        ("anna", "by anna"),
        ("berta", "by berta"),
    ]
    assert house.value("e", "title") == conflict.claims[conflict.stands].value


@pytest.mark.parametrize("stock", [False, True])
def test_who_saw_the_other_and_who_wrote_another_field_is_in_none(
    house: House, meet: Meet, stock: bool
) -> None:
    anna, berta = meet(stock=stock)
    anna.write("title", "by anna")
    berta.write("location", "by berta")
    anna.sync()
    berta.sync()
    berta.write("title", "by berta")
    berta.sync()
    anna.pull()
    anna.write("location", "by anna")
    anna.push()
    assert house.conflicts() == []


def test_the_same_value_twice_is_none(house: House, meet: Meet) -> None:
    anna, berta = meet()
    for writer in (anna, berta):
        writer.write("title", "the same")
        writer.push()
    assert house.conflicts() == []


@pytest.mark.parametrize(("strategy", "stands"), [("last_write_wins", 1), ("first_write_wins", 0)])
@pytest.mark.parametrize("turn", range(6))
def test_the_one_that_was_asked_for_stands(
    house: House, meet: Meet, strategy: str, stands: int, turn: int
) -> None:
    anna, berta = meet()  # whose client ids are by chance: either could stand
    anna.calendar.set_properties(conflict_strategy=strategy)
    anna.sync()
    anna.write("title", "earlier")
    berta.clock = lambda: datetime.now(UTC) + timedelta(milliseconds=1)
    berta.write("title", "later")
    anna.push()
    berta.push()
    [conflict] = house.conflicts()
    assert (conflict.stands, conflict.strategy) == (stands, strategy)
    assert house.value("e", "title") == ("earlier", "later")[stands]


def test_who_wrote_a_week_ago_and_comes_back_now_was_earlier(house: House, meet: Meet) -> None:
    anna, berta = meet()
    berta.clock = lambda: datetime.now(UTC) - timedelta(days=7)
    berta.write("title", "a week ago")
    anna.write("title", "now")
    anna.push()
    berta.push()
    assert house.value("e", "title") == "now"


def test_nobody_wrote_in_the_future(house: House, meet: Meet) -> None:
    anna, berta = meet()
    berta.clock = lambda: datetime.now(UTC) + timedelta(days=365)
    anna.write("title", "anna")
    anna.push()
    berta.write("title", "berta")
    berta.push()
    [conflict] = house.conflicts()
    at = conflict.claims[1].at
    assert at is not None and at <= datetime.now(UTC)


@pytest.mark.parametrize("strategy", ["merge", "manual"])
def test_merge_keeps_the_record_and_bothers_nobody(house: House, meet: Meet, strategy: str) -> None:
    anna, berta = meet()
    anna.calendar.set_properties(conflict_strategy=strategy)
    anna.sync()
    for writer in (anna, berta):
        writer.write("title", writer.name)
    for writer in (anna, berta):
        writer.push()
    [conflict] = house.conflicts()
    assert conflict.state == ("resolved" if strategy == "merge" else "open")


def test_a_week_of_edits_is_one_conflict_about_the_last_of_each(house: House, meet: Meet) -> None:
    anna, berta = meet()
    for number in range(5):
        anna.write("title", f"anna {number}")
        anna.push()
        berta.write("title", f"berta {number}")
    berta.push()
    [conflict] = house.conflicts()
    assert [claim.value for claim in conflict.claims] == ["anna 4", "berta 4"]


def test_a_first_value_by_two_is_a_conflict(house: House, meet: Meet) -> None:
    anna, berta = meet()
    for writer in (anna, berta):
        writer.write("url", f"https://{writer.name}.example/")
        writer.push()
    [conflict] = house.conflicts()
    assert conflict.field == "url"


@pytest.mark.parametrize("stock", [False, True])
@pytest.mark.parametrize("first", ["edit", "deletion"])
def test_an_edit_and_a_deletion(house: House, meet: Meet, stock: bool, first: str) -> None:
    anna, berta = meet(stock=stock)
    anna.write("location", "there")
    berta.calendar.delete("e")
    for writer in (anna, berta) if first == "edit" else (berta, anna):
        writer.push()
    [conflict] = house.conflicts()
    assert (conflict.kind, conflict.field, conflict.stands) == (DELETION, "deleted", 0)
    deletion, edit = conflict.claims
    assert (deletion.by, edit.by, edit.value) == ("berta", "anna", None)
    assert edit.fields == ("location",)
    Conflicts(house.replica.doc, house.replica.read().acting_as("carol")).resolve(conflict.id, 1)
    assert house.value("e", "deleted") is None and house.value("e", "location") == "there"


def test_who_saw_the_deletion_may_restore_and_edit(house: House, meet: Meet) -> None:
    anna, berta = meet()
    berta.calendar.delete("e")
    berta.push()
    anna.pull()
    anna.calendar.restore("e")
    anna.write("title", "again")
    anna.push()
    assert house.conflicts() == []


def test_two_moves_into_one_slot_of_one_attendee_are_a_warning(house: House) -> None:
    anna, berta = Writer(house, "anna"), Writer(house, "berta")
    for event in "abc":
        anna.calendar.create(event_id=event, when=at(int(ord(event))))
        anna.calendar.set_attendee(event, "carol@example.org")
    anna.sync()
    berta.pull()
    anna.calendar.move("a", at(0))
    berta.calendar.move("b", at(0))
    anna.push()
    berta.push()
    [conflict] = house.conflicts()
    assert (conflict.kind, conflict.attendee) == (BOOKING, "carol@example.org")
    assert {conflict.event, conflict.other} == {"a", "b"}
    berta.pull()
    berta.calendar.move("c", at(0))  # knowing
    berta.push()
    assert len(house.conflicts()) == 1


def at(hours: int) -> When:
    start = (BEGIN + timedelta(hours=hours)).replace(tzinfo=None)
    return When(start, start + timedelta(hours=1), "UTC")


def test_resolving_is_an_edit(house: House, meet: Meet) -> None:
    anna, berta = meet()
    for writer in (anna, berta):
        writer.write("title", writer.name)
        writer.push()
    [conflict] = house.conflicts()
    anna.pull()
    Conflicts(anna.doc, anna.calendar).resolve(conflict.id, 0)
    anna.push()
    [conflict] = house.conflicts()
    assert (conflict.state, conflict.stands, conflict.resolved["by"]) == ("resolved", 0, "anna")
    assert house.value("e", "title") == "anna"


def test_values_nobody_would_read_side_by_side_are_not_copied(house: House, meet: Meet) -> None:
    anna, berta = meet()
    for writer in (anna, berta):
        writer.write("title", writer.name * 20_000)
        writer.push()
    assert house.conflicts() == []
    assert house.value("e", "title") in ("anna" * 20_000, "berta" * 20_000)


def test_old_decided_records_make_room_and_open_ones_stay(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.rooms.referee.MOST_RECORDS", 4)
    anna, berta = Writer(house, "anna"), Writer(house, "berta")
    for number in range(8):
        anna.calendar.create(event_id=f"e{number}", title="first")
    anna.sync()
    berta.pull()
    for number in range(8):
        for writer in (anna, berta):
            writer.write("title", writer.name, f"e{number}")
            writer.push()
        if number < 2:
            records = Conflicts(house.replica.doc, house.replica.read())
            for conflict in records.open():
                house.replica.judge(partial(records.resolve, conflict.id, conflict.stands))
                house.replica.take_own()
    events = sorted(conflict.event for conflict in house.conflicts())
    assert events == ["e2", "e3", "e4", "e5"], "the decided ones went, and then it was full"


@pytest.mark.parametrize("seed", range(200))
def test_random_histories_have_no_false_alarm_and_lose_nothing_unseen(seed: int) -> None:
    """Everybody notes what they had seen when they wrote: so it is known who knew what."""
    chance = random.Random(seed)
    house = House()
    fields = ("title", "location", "color")
    writers = [Writer(house, name, stock=chance.random() < 0.5) for name in "abcd"]
    writers[0].calendar.create(event_id="e", title="first", location="first", color="first")
    writers[0].calendar.set_properties(conflict_strategy=chance.choice(STRATEGIES))
    writers[0].push()
    for writer in writers:
        writer.pull()
    seen_by: dict[tuple[str, str], set[str]] = {
        (w.name, key): set() for w in writers for key in fields
    }
    knew: dict[str, set[str]] = {}  # of each value, what its writer had seen
    unsent: dict[str, list[tuple[str, str]]] = {writer.name: [] for writer in writers}
    there: dict[str, set[str]] = {key: set() for key in fields}
    for number in range(150):
        writer = chance.choice(writers)
        step = chance.choice(("write", "write", "push", "pull"))
        if step == "write":
            key, value = chance.choice(fields), f"{writer.name}{number}"
            writer.write(key, value)
            knew[value] = set(seen_by[writer.name, key])
            seen_by[writer.name, key].add(value)
            unsent[writer.name].append((key, value))
        elif step == "push":
            writer.push()
            for key, value in unsent[writer.name]:
                there[key].add(value)
            unsent[writer.name] = []
        elif not unsent[writer.name]:
            writer.pull()
            for key in fields:
                seen_by[writer.name, key] |= there[key]
    kept: dict[str, set[object]] = {key: {house.value("e", key)} for key in fields}
    for conflict in house.conflicts():
        one, other = (str(claim.value) for claim in conflict.claims)
        assert one not in knew[other] and other not in knew[one], "a false alarm"
        kept[conflict.field] |= {one, other}
    for key in fields:
        overwritten = set().union(*(knew[value] for value in there[key]))
        assert there[key] - overwritten <= kept[key], "lost without anybody having seen it"
