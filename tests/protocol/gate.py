"""A document behind its ledger, and people who edit their copies of it, for tests."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from crdt_calendar.limits import Limits
from crdt_calendar.protocol.content import read_uint
from crdt_calendar.protocol.ledger import Admission, Ledger, finish
from crdt_calendar.protocol.lib0 import encode_uint

WORDS = ("hello ", "회의 ", "😀", "Ångström", "가나다", "x", "👨‍👩‍👧")


class Gate:
    """A document that gets only what its ledger lets pass."""

    def __init__(self, limits: Limits | None = None, client: int | None = None) -> None:
        self.doc: Doc[Any] = Doc(client_id=client)
        self.ledger = Ledger(limits or Limits())

    def receive(self, update: bytes, user: str = "anna", *, foreign: bool = False) -> Admission:
        """Check, apply, admit; the document must have got as far as the ledger says."""
        admission = finish(self.ledger.check(update, user, foreign=foreign))
        if admission.update:
            self.doc.apply_update(admission.update)
            self.ledger.admit(admission)
        assert read_state(self.doc.get_state()) == self.ledger.state_vector
        return admission


class Person:
    """Somebody with a copy; what they write waits in `outbox`."""

    def __init__(self, client: int) -> None:
        self.client = client
        self.doc: Doc[Any] = Doc(client_id=client)
        self.outbox: list[bytes] = []
        self._hears = False
        self._subscription = self.doc.observe(lambda event: self._emit(event.update))

    def _emit(self, update: bytes) -> None:
        if not self._hears:
            self.outbox.append(update)

    def hear(self, update: bytes) -> None:
        """Apply what somebody else wrote."""
        self._hears = True
        self.doc.apply_update(update)
        self._hears = False

    def edit(self, random: Random) -> None:
        """One random edit, in one transaction."""
        with self.doc.transaction():
            random.choice(EDITS)(self.doc, random)

    def leave(self) -> None:
        """Let go of the document."""
        self.doc.unobserve(self._subscription)


def read_state(state: bytes) -> dict[int, int]:
    """A state vector as pycrdt encodes it."""
    count, position = read_uint(state, 0)
    clocks = {}
    for _ in range(count):
        client, position = read_uint(state, position)
        clocks[client], position = read_uint(state, position)
    return clocks


def write_state(clocks: Mapping[int, int]) -> bytes:
    """A state vector as pycrdt decodes it."""
    pairs = (encode_uint(client) + encode_uint(clock) for client, clock in clocks.items())
    return encode_uint(len(clocks)) + b"".join(pairs)


def content(doc: Doc[Any]) -> dict[str, str]:
    """All that is to be seen in a document."""
    return {
        "text": str(doc.get("text", type=Text)),
        "diff": repr(doc.get("text", type=Text).diff()),
        "events": repr(sort_keys(doc.get("events", type=Map).to_py())),
        "array": repr(sort_keys(doc.get("array", type=Array).to_py())),
        "xml": re.sub(r"<p [^>]*>", _sort_attributes, str(doc.get("xml", type=XmlFragment))),
    }


def _sort_attributes(tag: re.Match[str]) -> str:
    return " ".join(("<p", *sorted(re.findall(r'\w+="[^"]*"', tag[0])), ">"))


def sort_keys(value: object) -> object:
    """The same value whatever order its keys were in."""
    if isinstance(value, dict):
        return {key: sort_keys(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [sort_keys(item) for item in value]
    return value


def _at(text: Text, random: Random) -> int:
    """An index between two characters; pycrdt counts bytes of UTF-8."""
    shown = str(text)
    return len(shown[: random.randint(0, len(shown))].encode())


def _type_text(doc: Doc[Any], random: Random) -> None:
    text = doc.get("text", type=Text)
    text.insert(_at(text, random), random.choice(WORDS))


def _delete_text(doc: Doc[Any], random: Random) -> None:
    text = doc.get("text", type=Text)
    start, end = sorted((_at(text, random), _at(text, random)))
    del text[start : min(end, start + 12) if str(text).isascii() else end]


def _format_text(doc: Doc[Any], random: Random) -> None:
    text = doc.get("text", type=Text)
    start, end = sorted((_at(text, random), _at(text, random)))
    if start < end:
        text.format(start, end, {"bold": random.choice((True, None))})


def _make_event(doc: Doc[Any], random: Random) -> None:
    events = doc.get("events", type=Map)
    fields = {"title": random.choice(WORDS), "when": {"start": "2026-07-13", "tz": None}}
    events[random.choice("abc")] = Map({**fields, "description": Text("Agenda 😀")})


def _edit_event(doc: Doc[Any], random: Random) -> None:
    events = doc.get("events", type=Map)
    for key in sorted(events.keys())[:2]:
        events[key]["title"] = random.choice(WORDS)
        description = events[key]["description"]
        description.insert(_at(description, random), random.choice(WORDS))


def _delete_event(doc: Doc[Any], random: Random) -> None:
    events = doc.get("events", type=Map)
    if len(events):
        del events[random.choice(sorted(events.keys()))]


def _edit_array(doc: Doc[Any], random: Random) -> None:
    array = doc.get("array", type=Array)
    array.insert(random.randint(0, len(array)), random.choice((1, "회의", {"a": [1.5]}, b"x")))
    if random.random() < 0.3:
        array.append(Array(["inner", Map({"k": 1})]))
    if len(array) > 6:
        del array[1:4]


def _edit_xml(doc: Doc[Any], random: Random) -> None:
    children = doc.get("xml", type=XmlFragment).children
    element = XmlElement("p", {"class": "c"}, [XmlText(random.choice(WORDS))])
    children.insert(random.randint(0, len(children)), element)
    children[0].attributes["n"] = random.choice(WORDS)
    if len(children) > 3:
        del children[1]


EDITS: tuple[Callable[[Doc[Any], Random], None], ...] = (
    _type_text,
    _type_text,
    _delete_text,
    _format_text,
    _make_event,
    _edit_event,
    _edit_event,
    _delete_event,
    _edit_array,
    _edit_xml,
)
