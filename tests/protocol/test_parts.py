"""A large update in parts does what the whole does."""

from __future__ import annotations

import random

import pytest
from pycrdt import Doc, Text

from crdt_calendar.errors import ProtocolError
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.parts import split
from crdt_calendar.protocol.update import inspect

LIMITS = Limits()


def scattered(characters: int) -> tuple[bytes, bytes]:
    """A text, and the update that deletes every other character of it; its whole state after."""
    doc: Doc[Text] = Doc()
    text = doc.get("text", type=Text)
    text.insert(0, "x" * characters)
    before = doc.get_state()
    with doc.transaction():
        for position in range(0, characters // 2):
            del text[position]
    return doc.get_update(before), doc.get_update()


def parts_of(update: bytes, most: int) -> list[bytes]:
    return [part for part in split(update, LIMITS, most) if part is not None]


@pytest.mark.parametrize("most", [1, 7, 100, 10_000])
def test_the_parts_do_what_the_whole_does(most: int) -> None:
    deletes, state = scattered(400)
    whole: Doc[Text] = Doc()
    whole.apply_update(state)
    split_up: Doc[Text] = Doc()
    for part in [*parts_of(state, most), *parts_of(deletes, most)]:
        split_up.apply_update(part)
        assert len(inspect(part, LIMITS).deletes) <= most
    assert str(split_up.get("text", type=Text)) == str(whole.get("text", type=Text)) == "x" * 200
    assert split_up.get_state() == whole.get_state()


def test_an_update_without_deletions_is_one_part() -> None:
    doc: Doc[Text] = Doc()
    doc.get("text", type=Text).insert(0, "text")
    assert parts_of(doc.get_update(), 100) == [doc.get_update()]


def test_nothing_is_no_part() -> None:
    assert parts_of(b"\x00\x00", 100) == []


def test_long_ones_pause() -> None:
    deletes, _ = scattered(20_000)
    assert None in list(split(deletes, LIMITS, 100))


def test_what_does_not_decode_is_refused_as_a_whole_update_is() -> None:
    _, state = scattered(100)
    chooser = random.Random(1)
    for _ in range(50):
        cut = state[: chooser.randrange(1, len(state))]
        with pytest.raises(ProtocolError):
            parts_of(cut + b"\xff" * 3, 10)
