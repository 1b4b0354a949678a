"""The gate before the document: what it lets pass, what it leaves out, what it refuses."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pycrdt import Doc, Map, Text, XmlFragment, merge_updates

from crdt_calendar.errors import ForeignClient, FrameTooLarge, HostileUpdate, ProtocolError
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.content import (
    ANY,
    ARRAY,
    MAP,
    TEXT,
    XML_ELEMENT,
    XML_FRAGMENT,
    XML_TEXT,
)
from crdt_calendar.protocol.ledger import Admission, Ledger, finish
from crdt_calendar.protocol.lib0 import encode_uint
from tests.protocol.gate import Gate, Person, content, read_state, write_state
from tests.protocol.structs import (
    deleted,
    embed,
    format_,
    gc,
    item,
    shared,
    skip,
    text,
    update,
    values,
)

FIXTURE = json.loads((Path(__file__).parent / "fixtures" / "yjs.json").read_text())
EMPTY = b"\0\0"


def gate_with(*updates: bytes, user: str = "anna") -> Gate:
    gate = Gate()
    for data in updates:
        gate.receive(data, user)
    return gate


def reloaded(gate: Gate) -> Gate:
    """The same document after a restart."""
    again = Gate()
    state = gate.doc.get_update()
    again.doc.apply_update(state)
    owners = {client: gate.ledger.owner_of(client) or "" for client in gate.ledger.state_vector}
    again.ledger = Ledger.restore(state, owners, Limits())
    return again


# What passes


def test_what_is_in_order_passes_as_the_very_bytes_that_came() -> None:
    gate = Gate()
    first = update((7, 0, [item(text("hello"))]))
    second = update(
        (7, 5, [item(text(" you"), left=(7, 4)), item(values(1), "map", "k")]),
        deletes={7: [(0, 2)]},
    )
    admission = gate.receive(first, "anna")
    assert admission.update is first
    assert admission.bindings == {7: "anna"}
    assert admission.authors == {7: (0, 5)}
    assert (admission.structs, admission.deletes, admission.gap) == (1, False, False)
    admission = gate.receive(second, "anna")
    assert admission.update is second
    assert admission.bindings == {}
    assert admission.authors == {7: (5, 10)}
    assert [rival.key for rival in admission.rivals] == ["k"]  # whether it has one, who knows
    assert (admission.structs, admission.deletes, admission.gap) == (2, True, False)
    assert gate.ledger.state_vector == {7: 10}
    assert gate.ledger.owner_of(7) == "anna"
    assert gate.ledger.owner_of(8) is None
    assert str(gate.doc.get("root", type=Text)) == "llo you"


def test_nothing_new_is_nothing_to_apply() -> None:
    data = update((7, 0, [item(text("hello"))]))
    gate = gate_with(data)
    for known in (data, EMPTY, update((7, 2, [item(text("llo"), left=(7, 1))]))):
        admission = gate.receive(known, "anna")
        assert admission.update == b""
        assert not (admission.gap or admission.structs or admission.authors or admission.bindings)


def test_what_somebody_else_wrote_may_be_sent_back() -> None:
    data = update((7, 0, [item(text("hello"))]))
    admission = gate_with(data).receive(data, "berta")
    assert admission.update == b"" and admission.bindings == {}


def test_known_structs_are_dropped_from_a_longer_update() -> None:
    gate = gate_with(update((7, 0, [item(text("hello"))])))
    new = item(values(1), "map", "k")
    sent = update((9, 0, [item(text("b"))]), (7, 0, [item(text("hello")), new]))
    assert gate.receive(sent).update == update((9, 0, [item(text("b"))]), (7, 5, [new]))


def test_a_section_that_is_known_is_dropped_whole() -> None:
    gate = gate_with(update((7, 0, [item(text("hello"))])))
    sent = update((9, 0, [item(text("b"))]), (7, 0, [item(text("hello"))]), deletes={7: [(0, 1)]})
    assert gate.receive(sent).update == update((9, 0, [item(text("b"))]), deletes={7: [(0, 1)]})


def test_the_known_beginning_of_a_struct_is_cut_off() -> None:
    gate = gate_with(update((7, 0, [item(text("hel"))])))
    admission = gate.receive(update((7, 0, [item(text("hello")), item(text("!"), left=(7, 4))])))
    assert admission.update == update(
        (7, 3, [item(text("lo"), left=(7, 2)), item(text("!"), left=(7, 4))])
    )
    assert admission.authors == {7: (3, 6)}
    assert str(gate.doc.get("root", type=Text)) == "hello!"


def test_a_beginning_that_ends_inside_a_pair_is_refused() -> None:
    gate = gate_with(update((7, 0, [item(text("a�"))])))
    with pytest.raises(HostileUpdate, match="surrogate pair"):
        gate.receive(update((7, 0, [item(text("a😀"))])))


def test_a_collected_beginning_is_cut_off() -> None:
    gate = gate_with(update((7, 0, [gc(3)])))
    assert gate.receive(update((7, 0, [gc(5)]))).update == update((7, 3, [gc(2)]))


def test_texts_of_nothing_are_dropped() -> None:
    # yrs writes them, and skips them when it reads.
    gate = Gate()
    sent = update((7, 0, [item(text("")), item(text("a")), item(text("")), item(text("b"))]))
    assert gate.receive(sent).update == update((7, 0, [item(text("a")), item(text("b"))]))
    assert gate.receive(update((7, 2, [item(text(""))]))).update == b""


def test_the_servers_own_emissions_pass() -> None:
    gate = Gate()
    emitted: list[bytes] = []
    subscription = gate.doc.observe(lambda event: emitted.append(event.update))
    events = gate.doc.get("events", type=Map)
    for number in range(3):
        events[f"{number}"] = Map({"title": "x", "notes": Text("a😀b")})
        events["0"]["notes"].insert(0, "회의")
        events["0"]["title"] = "y"
    gate.doc.unobserve(subscription)
    for data in emitted:
        admission = finish(gate.ledger.check(data, ""))
        assert admission.update is data and not admission.gap
        gate.ledger.admit(admission)
    assert gate.ledger.state_vector == read_state(gate.doc.get_state())
    assert gate.ledger.owner_of(next(iter(gate.ledger.state_vector))) == ""


# Gaps


def gap(gate: Gate, data: bytes, expected: bytes = b"", *, foreign: bool = False) -> Admission:
    admission = gate.receive(data, foreign=foreign)
    assert admission.gap
    assert admission.update == expected
    return admission


@pytest.mark.parametrize(
    "struct",
    [
        item(text("x"), left=(9, 0)),
        item(text("x"), right=(9, 0)),
        item(text("x"), left=(7, 0), right=(9, 0)),
        item(text("x"), (9, 0)),
        item(text("x"), left=(7, 5)),
        item(text("x"), left=(8, 100)),
    ],
)
def test_what_builds_on_something_unknown_is_left_out(struct: bytes) -> None:
    gate = gate_with(update((7, 0, [item(text("hello"))])))
    admission = gap(gate, update((8, 0, [struct])))
    assert admission.bindings == {} and admission.authors == {}


def test_clocks_that_jump_are_left_out() -> None:
    gate = gate_with(update((7, 0, [item(text("hello"))])))
    gap(gate, update((7, 6, [item(text("x"))])))
    gap(gate, update((8, 1, [item(text("x"))])))


def test_what_follows_something_left_out_is_left_out() -> None:
    new, lost, late = item(text("a")), item(text("b"), left=(9, 0)), item(text("c"))
    sent = update((8, 0, [new, lost, late]), (7, 0, [item(text("d"), left=(8, 1))]))
    gap(Gate(), sent, update((8, 0, [new])))


def test_skips_are_never_passed_on() -> None:
    new, late = item(text("a")), item(text("b"))
    gap(Gate(), update((8, 0, [new, skip(3), late])), update((8, 0, [new])))


def test_a_skip_over_what_is_known_is_no_gap() -> None:
    gate = gate_with(update((8, 0, [item(text("abcd"))])))
    late = item(text("e"), left=(8, 3))
    admission = gate.receive(update((8, 0, [skip(4), late])))
    assert admission.update == update((8, 4, [late])) and not admission.gap


def test_sections_wait_for_one_another() -> None:
    """Each struct builds on one of the other section, whichever comes first."""
    nine = [item(text("a"))] + [item(text("x"), left=(8, n)) for n in range(5)]
    eight = [item(text("y"), left=(9, n)) for n in range(6)]
    for sections in permutations([(9, 0, nine), (8, 0, eight)]):
        sent = update(*sections)
        assert Gate().receive(sent).update is sent


def test_sections_wait_for_a_third() -> None:
    a = (9, 0, [item(text("x"), left=(8, 0))])
    b = (8, 0, [item(text("x"), right=(7, 0))])
    c = (7, 0, [item(text("y")), item(shared(MAP), "m", "k"), item(values(1), (6, 0))])
    d = (6, 0, [item(shared(ARRAY), (7, 1), "k")])
    for sections in permutations([a, b, d, c]):
        sent = update(*sections)
        admission = Gate().receive(sent)
        assert not admission.gap, admission


def test_a_circle_is_left_out() -> None:
    nine = [item(text("x"), left=(8, 0))]
    eight = [item(text("x"), left=(9, 0))]
    gap(Gate(), update((9, 0, nine), (8, 0, eight)))
    gap(Gate(), update((9, 0, [item(text("x"), left=(9, 0))])))
    gap(Gate(), update((9, 0, [item(text("x"), left=(9, 1)), item(text("x"))])))


def test_a_section_taken_up_again_may_stop_again() -> None:
    nine = [item(text("x"), left=(8, 0)), item(text("y"), left=(6, 0))]
    eight = [item(text("z"))]
    gap(
        Gate(),
        update((9, 0, nine), (8, 0, eight)),
        update((9, 0, nine[:1]), (8, 0, eight)),
    )


def test_deletions_of_what_nobody_has_written_are_cut_off() -> None:
    gate = gate_with(update((7, 0, [item(text("hello"))])))
    sent = update((8, 0, [item(text("a"))]), deletes={7: [(0, 2), (4, 9), (90, 1)], 8: [(0, 9)]})
    admission = gate.receive(sent, "anna")
    assert admission.gap and admission.deletes
    assert admission.update == update(
        (8, 0, [item(text("a"))]), deletes={7: [(0, 2), (4, 1)], 8: [(0, 1)]}
    )
    gate.receive(update((7, 5, [item(text(" there"), left=(7, 4))])))
    assert str(gate.doc.get("root", type=Text)) == "ll there"


def test_an_update_of_only_future_deletions_is_nothing() -> None:
    admission = gap(Gate(), update(deletes={7: [(0, 1 << 40)]}))
    assert not admission.deletes


def test_asking_again_heals() -> None:
    """Five updates of one client in all orders: facts say 70 of 120 lose content without care."""
    anna = Person(7)
    text_ = anna.doc.get("text", type=Text)
    events = anna.doc.get("events", type=Map)
    text_ += "hello"
    events["a"] = Map({"title": "x"})
    text_.insert(2, "회의😀")
    events["a"]["title"] = "y"
    del text_[0:3]
    expected = content(anna.doc)
    assert len(anna.outbox) == 5
    for order in permutations(anna.outbox):
        gate = Gate()
        for data in order:
            if gate.receive(data).gap:
                gate.receive(anna.doc.get_update(write_state(gate.ledger.state_vector)))
        assert content(gate.doc) == expected
    anna.leave()


# Whose


def test_a_client_id_belongs_to_its_first_user() -> None:
    gate = gate_with(update((7, 0, [item(text("a"))])))
    with pytest.raises(ForeignClient, match="client id 7"):
        gate.receive(update((7, 1, [item(text("b"))])), "berta")
    with pytest.raises(ForeignClient):
        gate.receive(update((7, 0, [item(text("ab"))])), "berta")  # known in part


def test_fifteen_bytes_cannot_silence_anybody() -> None:
    gate = gate_with(update((7, 0, [item(text("a"))])))
    for struct in (gc(1 << 23), item(deleted(1 << 23))):
        with pytest.raises(ForeignClient):
            gate.receive(update((7, 1, [struct])), "berta")
    with pytest.raises(HostileUpdate):
        gate.receive(update((7, 1, [gc(1 << 31)])), "berta")
    with pytest.raises(ForeignClient):
        gate.receive(update((7, 1, [skip(1 << 23)])), "berta")


def test_a_second_name_for_a_client_id_is_refused() -> None:
    # yrs keeps 53 bits of an id: this is client 7 to it.
    gate = gate_with(update((7, 0, [item(text("a"))])))
    sent = bytearray(update(((1 << 52) + 7, 1, [item(text("b"))])))
    sent[9] |= 0x10
    with pytest.raises(ProtocolError, match="53 bits"):
        gate.receive(bytes(sent), "berta")


def test_a_recovering_document_takes_what_anyone_has() -> None:
    gate = gate_with(update((7, 0, [item(text("a"))])))
    sent = update((8, 0, [item(text("c"))]), (7, 1, [item(text("b"), left=(7, 0))]))
    admission = gate.receive(sent, "berta", foreign=True)
    assert admission.update is sent and admission.bindings == {}
    assert gate.ledger.owner_of(7) == "anna"
    assert gate.ledger.owner_of(8) is None
    assert gate.receive(update((8, 1, [item(text("d"))])), "carl").bindings == {8: "carl"}


# Where


def test_types_may_lie_as_deep_as_the_limit() -> None:
    limits = replace(Limits(), type_depth=3)
    gate = Gate(limits)
    chain = [item(shared(MAP), "m", "k")]
    chain += [item(shared(MAP), (7, n), "k") for n in range(2)]
    gate.receive(update((7, 0, chain)))
    gate.receive(update((7, 3, [item(values(1), (7, 2), "k")])))
    with pytest.raises(HostileUpdate, match="4 levels deep"):
        gate.receive(update((7, 4, [item(shared(MAP), (7, 2), "j")])))
    with pytest.raises(HostileUpdate, match="4 levels deep"):
        gate.receive(update((7, 4, [item(shared(MAP), left=(7, 3))])))


def test_a_chain_of_types_by_small_updates_is_refused() -> None:
    gate = Gate()
    gate.receive(update((7, 0, [item(shared(MAP), "m", "k")])))
    for depth in range(1, 64):
        gate.receive(update((7, depth, [item(shared(MAP), (7, depth - 1), "k")])))
    with pytest.raises(HostileUpdate, match="65 levels deep"):
        gate.receive(update((7, 64, [item(shared(MAP), (7, 63), "k")])))


def test_a_chain_of_types_in_one_update_is_refused() -> None:
    chain = [item(shared(ARRAY))] + [item(shared(ARRAY), (7, n)) for n in range(40_000)]
    began = time.process_time()
    with pytest.raises(HostileUpdate, match="65 levels deep"):
        Gate().receive(update((7, 0, chain)))
    assert time.process_time() - began < 0.1


def test_a_deep_value_is_refused() -> None:
    deep = item((ANY, b"\x01" + b"\x75\x01" * 30_000 + b"\x7e"), "map", "k")
    with pytest.raises(HostileUpdate, match="nested deeper"):
        Gate().receive(update((7, 0, [deep])))


def test_nothing_can_be_inside_of_a_text() -> None:
    # yrs applies half of such an update, and then raises.
    gate = gate_with(update((7, 0, [item(text("hello"))])))
    with pytest.raises(HostileUpdate, match="no shared type"):
        gate.receive(update((7, 5, [item(text("x"), (7, 2))])))


@pytest.mark.parametrize("remains", [gc(1), item(deleted(1))])
def test_what_is_put_into_something_collected_is_collected(remains: bytes) -> None:
    gate = gate_with(update((7, 0, [remains])))
    gate.receive(update((7, 1, [item(shared(MAP), (7, 0), "k")])))
    gate.receive(update((7, 2, [item(values(1), (7, 1), "k"), item(text("x"), left=(7, 1))])))
    gate.receive(update((7, 4, [item(deleted(3), left=(7, 3)), item(text("y"), left=(7, 6))])))
    assert reloaded(gate).ledger.state_vector == {7: 8}


def test_neighbours_lie_in_one_container() -> None:
    gate = gate_with(
        update((7, 0, [item(text("a")), item(text("b"), "other"), item(values(1), "root", "k")]))
    )
    for left, right in ((0, 1), (1, 0), (0, 2), (2, 0)):
        with pytest.raises(HostileUpdate, match="different containers"):
            gate.receive(update((7, 3, [item(text("x"), left=(7, left), right=(7, right))])))


def test_one_neighbour_may_have_been_collected() -> None:
    gate = gate_with(update((7, 0, [item(text("a")), gc(1)])))
    sent = update((7, 2, [item(text("x"), left=(7, 1), right=(7, 0))]))
    assert gate.receive(sent).update is sent
    sent = update((7, 3, [item(text("y"), left=(7, 0), right=(7, 1))]))
    assert gate.receive(sent).update is sent
    assert str(gate.doc.get("root", type=Text)) in ("xay", "ayx")


CONTENTS = {
    "text": text("ab"),
    "embed": embed("1"),
    "format": format_("bold", "true"),
    "two": values(1, 2),
    "one": values(1),
    "binary": (3, b"\x01x"),
    "type": shared(MAP),
    "deleted": deleted(3),
}
TEXTUAL = {"text", "embed", "format"}
KEYED = {"one", "binary", "type", "deleted"}


@pytest.mark.parametrize(
    ("type_", "key", "fitting"),
    [
        (ARRAY, None, CONTENTS.keys() - TEXTUAL),
        (ARRAY, "k", KEYED),
        (MAP, None, {"deleted"}),
        (MAP, "k", KEYED),
        (TEXT, None, CONTENTS.keys()),
        (TEXT, "k", KEYED),
        (XML_TEXT, None, CONTENTS.keys()),
        (XML_ELEMENT, None, CONTENTS.keys() - TEXTUAL),
        (XML_ELEMENT, "k", KEYED),
        (XML_FRAGMENT, None, CONTENTS.keys() - TEXTUAL),
        (None, None, CONTENTS.keys()),
        (None, "k", KEYED),
    ],
)
def test_contents_lie_where_clients_put_them(
    type_: int | None, key: str | None, fitting: set[str]
) -> None:
    """yrs frees a container with some of the others in it, or reads some of them for ever."""
    parent = "root" if type_ is None else (7, 0)
    first = shared(MAP if type_ is None else type_, "p" if type_ == XML_ELEMENT else "")
    for name, found in CONTENTS.items():
        gate = gate_with(update((7, 0, [item(first, "first", "k")])))
        sent = update((7, 1, [item(found, parent, key)]))
        if name in fitting:
            assert gate.receive(sent).update is sent
        else:
            with pytest.raises(HostileUpdate, match="does not fit"):
                gate.receive(sent)


def test_an_heir_of_a_key_is_an_entry_too() -> None:
    gate = gate_with(update((7, 0, [item(values(1), "map", "k")])))
    gate.receive(update((7, 1, [item(values(2), left=(7, 0))])))
    with pytest.raises(HostileUpdate, match="length 2 does not fit in a map entry"):
        gate.receive(update((7, 2, [item(values(3, 4), left=(7, 1))])))


# Surrogate pairs


def test_yrs_cannot_delete_half_a_pair() -> None:
    """Why pairs are kept together; when this fails, the care may go."""
    doc: Doc[Any] = Doc()
    doc.apply_update(update((7, 0, [item(text("a😀b"))])))
    doc.apply_update(update(deletes={7: [(1, 1)]}))
    again: Doc[Any] = Doc()
    again.apply_update(doc.get_update())
    assert read_state(doc.get_state()) == {7: 4}
    assert read_state(again.get_state()) == {7: 3}


@pytest.mark.parametrize("deletion", [(1, 1), (2, 1), (1, 2), (0, 2), (2, 2)])
def test_a_pair_is_deleted_whole(deletion: tuple[int, int]) -> None:
    gate = gate_with(update((7, 0, [item(text("a😀b"))])))
    admission = gate.receive(update(deletes={7: [deletion]}))
    assert not admission.gap and admission.deletes
    assert "😀" not in str(gate.doc.get("root", type=Text))
    assert reloaded(gate).ledger.state_vector == {7: 4}


def test_widened_deletions_do_not_overlap() -> None:
    gate = gate_with(update((7, 0, [item(text("😀😀b"))])))
    sent = update(deletes={7: [(0, 1), (1, 1), (3, 1)]})
    assert gate.receive(sent).update == update(deletes={7: [(0, 2), (2, 2)]})
    sent = update(deletes={7: [(1, 1), (2, 1)]})
    assert gate.receive(sent).update == update(deletes={7: [(0, 2), (2, 2)]})


def test_nothing_comes_between_a_pair() -> None:
    gate = gate_with(update((7, 0, [item(text("a😀b"))])))
    sent = update((8, 0, [item(text("x"), left=(7, 1), right=(7, 2)), item(text("y"))]))
    admission = gate.receive(sent)
    assert admission.update == update(
        (8, 0, [item(text("x"), left=(7, 2), right=(7, 3)), item(text("y"))])
    )
    assert "a😀xb" in str(gate.doc.get("root", type=Text))
    gate.receive(update(deletes={7: [(0, 2)]}))
    assert reloaded(gate).ledger.state_vector == {7: 4, 8: 2}


@pytest.mark.parametrize("following", [[], [item(text("b"), "elsewhere")]])
def test_nothing_comes_between_a_pair_at_the_end(following: list[bytes]) -> None:
    gate = gate_with(update((7, 0, [item(text("😀")), *following])))
    gate.receive(update((8, 0, [item(text("x"), left=(7, 0), right=(7, 1))])))
    gate.receive(update((8, 1, [item(text("y"), right=(7, 1))])))
    assert str(gate.doc.get("root", type=Text)) == "y😀x"


def test_pairs_of_an_update_hold_within_it_and_after_a_restart() -> None:
    whole = "😀" * 2000
    gate = gate_with(update((7, 0, [item(text(whole)), item(text("x"), left=(7, 1000))])))
    assert str(gate.doc.get("root", type=Text)) == "😀" * 501 + "x" + "😀" * 1499
    gate = reloaded(gate)
    gate.receive(update(deletes={7: [(3001, 1)]}))
    assert len(str(gate.doc.get("root", type=Text))) == 2000


def test_pairs_of_the_unknown_part_of_a_text() -> None:
    gate = gate_with(update((7, 0, [item(text("😀a"))])))
    gate.receive(update((7, 0, [item(text("😀a😀b"))])))
    gate.receive(update(deletes={7: [(4, 1)]}))
    assert str(gate.doc.get("root", type=Text)) == "😀ab"


# Pauses


def long_update(client: int, structs: int = 2000) -> bytes:
    return update((client, 0, [item(values(n), "map", f"k{n}") for n in range(structs)]))


def steps(check: Generator[None, None, Admission]) -> int:
    return sum(1 for _ in check)


def test_a_long_update_is_looked_at_in_steps() -> None:
    gate = Gate()
    assert steps(gate.ledger.check(long_update(7), "anna")) >= 5
    assert steps(gate.ledger.check(long_update(7, 100), "anna")) == 0
    many = update(*((client, 0, [item(text("x"))]) for client in range(2000)))
    assert steps(gate.ledger.check(many, "anna")) >= 5
    value = update((7, 0, [item(values(*range(50_000)))]))
    assert steps(gate.ledger.check(value, "anna")) >= 5
    pairs = update((7, 0, [item(text("😀" * 5000))]))
    assert steps(gate.ledger.check(pairs, "anna")) >= 5
    gate.receive(update((7, 0, [gc(10_000)])))
    deletes = update(deletes={7: [(2 * n, 1) for n in range(5000)], 8: [(0, 1)]})
    assert steps(gate.ledger.check(deletes, "anna")) >= 5


def test_others_may_be_admitted_in_between() -> None:
    gate = Gate()
    check = gate.ledger.check(long_update(7), "anna")
    next(check)
    gate.receive(long_update(8), "berta")
    admission = finish(check)
    assert admission.structs == 2000
    gate.doc.apply_update(admission.update)
    gate.ledger.admit(admission)
    assert gate.ledger.state_vector == {7: 2000, 8: 2000}


def test_the_same_may_be_admitted_in_between() -> None:
    gate = Gate()
    check = gate.ledger.check(long_update(7), "anna")
    next(check)
    gate.receive(long_update(7, 1000), "anna")
    admission = finish(check)
    assert admission.authors == {7: (1000, 2000)}
    gate.doc.apply_update(admission.update)
    gate.ledger.admit(admission)


def test_an_id_may_find_another_owner_in_between() -> None:
    gate = Gate()
    check = gate.ledger.check(long_update(7), "anna")
    next(check)
    gate.receive(long_update(7, 1000), "berta")
    with pytest.raises(ForeignClient):
        finish(check)


def test_an_admission_that_is_late_is_not_recorded() -> None:
    gate = Gate()
    late = finish(gate.ledger.check(long_update(7), "anna"))
    gate.receive(long_update(7, 1), "anna")
    with pytest.raises(ValueError, match="check again"):
        gate.ledger.admit(late)
    assert gate.ledger.state_vector == {7: 1}


def test_a_client_twice_is_refused() -> None:
    one = (7, 0, [item(text("a"))])
    with pytest.raises(HostileUpdate, match="two sections"):
        Gate().receive(update(one, one))


def test_too_many_clients_at_once() -> None:
    many = encode_uint(1 << 17) + bytes(1 << 20)
    with pytest.raises(FrameTooLarge, match="131072 clients"):
        Gate().receive(many)


# Restarts


def test_a_restored_ledger_knows_what_the_old_one_knew() -> None:
    random = Random(5)
    gate = Gate()
    people = [Person(client) for client in (3, 1 << 40)]
    for _ in range(150):
        person = random.choice(people)
        person.edit(random)
        for data in person.outbox:
            gate.receive(data, f"user {person.client}")
            for other in people:
                other.hear(data)
        person.outbox.clear()
    again = reloaded(gate)
    assert again.ledger.state_vector == gate.ledger.state_vector
    assert again.ledger.owner_of(3) == "user 3"
    for person in people:
        for _ in range(30):
            person.edit(random)
        for data in person.outbox:
            assert again.receive(data, f"user {person.client}").update is data
        person.leave()


def test_an_empty_document_is_restored() -> None:
    ledger = Ledger.restore(b"", {7: "anna"}, Limits())
    assert ledger.state_vector == {} and ledger.owner_of(7) == "anna"


def test_what_is_stored_may_lie_deeper_than_todays_limit() -> None:
    doc: Doc[Any] = Doc()
    doc.get("m", type=Map)["a"] = Map({"b": Map({"c": Map({"d": 1})})})
    ledger = Ledger.restore(doc.get_update(), {}, replace(Limits(), type_depth=1))
    assert ledger.state_vector == read_state(doc.get_state())


# Convergence


class Exchange:
    """People and a gate, and lines between them that lose, repeat, reorder and join."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.gate = Gate()
        self.people = [Person(client) for client in (11, 1 << 31, (1 << 53) - 1)]
        self._emitted: list[bytes] = []
        self._heard = dict.fromkeys((person.client for person in self.people), 0)
        self._subscription = self.gate.doc.observe(lambda event: self._emitted.append(event.update))

    def send(self, person: Person, data: bytes) -> None:
        """Whoever leaves a gap is asked for all they have."""
        user = f"user {person.client}"
        if self.gate.receive(data, user).gap:
            state = write_state(self.gate.ledger.state_vector)
            assert not self.gate.receive(person.doc.get_update(state), user).gap

    def send_badly(self, person: Person) -> None:
        outbox = person.outbox
        self.random.shuffle(outbox)
        match self.random.randrange(4):
            case 0:
                outbox.pop()
            case 1:
                outbox.append(self.random.choice(outbox))
            case 2:
                outbox[:] = [merge_updates(*outbox)]
        for data in outbox:
            self.send(person, data)
        outbox.clear()

    def listen(self, person: Person) -> None:
        for data in self._emitted[self._heard[person.client] :]:
            person.hear(data)
        self._heard[person.client] = len(self._emitted)

    def leave(self) -> None:
        self.gate.doc.unobserve(self._subscription)
        for person in self.people:
            person.leave()


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_line_does_everybody_sees_the_same(seed: int) -> None:
    random = Random(seed)
    exchange = Exchange(random)
    for _ in range(60):
        person = random.choice(exchange.people)
        person.edit(random)
        if person.outbox and random.random() < 0.3:
            exchange.send_badly(person)
            exchange.listen(person)
    for person in exchange.people:
        exchange.send(person, person.doc.get_update())
    for person in exchange.people:
        exchange.listen(person)
        assert content(person.doc) == content(exchange.gate.doc)
    exchange.leave()
    assert content(reloaded(exchange.gate).doc) == content(exchange.gate.doc)


@pytest.mark.parametrize("seed", range(20))
def test_updates_of_many_authors_in_any_order(seed: int) -> None:
    """A recovering document: everybody has something of everybody, and all of it comes back."""
    random = Random(seed)
    people = [Person(client) for client in (11, 12, 13)]
    written: list[bytes] = []
    for _ in range(40):
        person = random.choice(people)
        person.edit(random)
        written += person.outbox
        for other in people:
            for data in person.outbox:
                other.hear(data)
        person.outbox.clear()
    expected = content(people[0].doc)
    random.shuffle(written)
    gate = Gate()
    asked = 0
    for start in range(0, len(written), 3):
        data = merge_updates(*written[start : start + 3])
        if gate.receive(data, foreign=True).gap:
            asked += 1
    state = write_state(gate.ledger.state_vector)
    assert not gate.receive(people[1].doc.get_update(state), foreign=True).gap
    assert asked
    assert content(gate.doc) == expected
    for person in people:
        person.leave()


# Yjs


def test_what_yjs_writes_passes_as_it_comes() -> None:
    gate = Gate()
    for entry in FIXTURE["updates"]:
        data = bytes.fromhex(entry["hex"])
        admission = gate.receive(data, f"user {entry['client']}")
        assert admission.update is data and not admission.gap
    assert str(gate.doc.get("text", type=Text)) == FIXTURE["state"]["text"]
    assert str(gate.doc.get("prosemirror", type=XmlFragment)) == FIXTURE["state"]["prosemirror"]
    assert gate.doc.get("events", type=Map).to_py() == FIXTURE["state"]["events"]
    quill = gate.doc.get("quill", type=Text).diff()
    assert (
        "".join(str(piece) for piece, _ in quill if isinstance(piece, str))
        == FIXTURE["state"]["quill"]
    )
    assert reloaded(gate).ledger.state_vector == gate.ledger.state_vector


@pytest.mark.parametrize("seed", range(5))
def test_what_yjs_writes_in_any_order(seed: int) -> None:
    gate = Gate()
    updates = [bytes.fromhex(entry["hex"]) for entry in FIXTURE["updates"]]
    Random(seed).shuffle(updates)
    for data in updates:
        gate.receive(data, foreign=True)
    full = bytes.fromhex(FIXTURE["full"])
    assert not gate.receive(full, foreign=True).gap
    assert str(gate.doc.get("text", type=Text)) == FIXTURE["state"]["text"]
    assert gate.doc.get("events", type=Map).to_py() == FIXTURE["state"]["events"]


def test_half_an_emoji_deleted_in_yjs_harms_nobody() -> None:
    gate = Gate()
    for entry in FIXTURE["halves"]:
        gate.receive(bytes.fromhex(entry["hex"]), "anna")
    shown = str(gate.doc.get("text", type=Text))
    assert shown.startswith("later ") and "x" in shown
    again = reloaded(gate)
    assert again.ledger.state_vector == gate.ledger.state_vector
    assert str(again.doc.get("text", type=Text)) == shown
