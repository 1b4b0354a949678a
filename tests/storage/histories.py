"""Histories of edits, made by real documents, and what they should amount to."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pycrdt import Doc, Map, Text, TransactionEvent

from server.storage.log import Entry

WORDS = ("Kaffee", "회의", "🎂 cake", "x")


def events_of(doc: Doc[Any]) -> Map[Any]:
    """The root map "events"."""
    events: Map[Any] = doc.get("events", type=Map)
    return events


def notes_of(doc: Doc[Any]) -> Text:
    """The root text "notes"."""
    notes: Text = doc.get("notes", type=Text)
    return notes


def edits(count: int, client: int = 1, *, keys: int = 5) -> list[bytes]:
    """What a lone document emits while it sets keys of its map, over and over."""
    doc: Doc[Any] = Doc(client_id=client)
    events, emitted = events_of(doc), record(doc)
    for number in range(count):
        events[f"event-{number % keys}"] = {"title": WORDS[number % len(WORDS)], "n": number}
    return emitted


def concurrent_edits(seed: int, count: int, *, clients: int = 3) -> list[bytes]:
    """What documents emit that edit a map and a text, and hear of each other now and then."""
    chance = random.Random(seed)
    docs: list[Doc[Any]] = [Doc(client_id=number + 1) for number in range(clients)]
    local: list[bytes] = []
    for doc in docs:
        events_of(doc), notes_of(doc)
    streams = [record(doc) for doc in docs]
    while len(local) < count:
        index = chance.randrange(clients)
        if chance.random() < 0.3:
            other = chance.choice(docs)
            docs[index].apply_update(other.get_update(docs[index].get_state()))
            streams[index].clear()
        else:
            _edit(docs[index], chance)
            local += streams[index]
            streams[index].clear()
    return local[:count]


def _edit(doc: Doc[Any], chance: random.Random) -> None:
    notes = notes_of(doc)
    choice = chance.random()
    if choice < 0.4:
        events_of(doc)[chance.choice("abc")] = {"title": chance.choice(WORDS)}
    elif choice < 0.5:
        events_of(doc)[chance.choice("abc")] = Map({"title": chance.choice(WORDS)})
    elif choice < 0.8 or not str(notes):
        notes += chance.choice(WORDS)
    else:
        # Slices of a Text count UTF-8 bytes; half a character deleted spoils the document.
        del notes[0 : len(str(notes)[0].encode())]


def record(doc: Doc[Any]) -> list[bytes]:
    """A list that grows by what the document emits."""
    emitted: list[bytes] = []

    def keep(event: TransactionEvent) -> None:
        emitted.append(event.update)

    doc.observe(keep)
    return emitted


def content(*updates: bytes) -> tuple[object, str, bytes]:
    """What a fresh document holds after these updates: its map, its text, its state."""
    doc: Doc[Any] = Doc()
    for update in updates:
        if update:
            doc.apply_update(update)
    return events_of(doc).to_py(), str(notes_of(doc)), doc.get_state()


def entries(updates: Sequence[bytes], *, room: str = "room", at_ms: int = 1_000) -> list[Entry]:
    """Entries of one user for these updates."""
    return [Entry(room, update, "ada@example.com", at_ms) for update in updates]


def deep_value(depth: int) -> bytes:
    """An update that sets a key to lists nested so deep that applying it ends the process."""
    head = bytes((1, 1, 1, 0, 0x28, 1)) + b"\x06events" + b"\x01k" + bytes((1,))
    return head + b"\x75\x01" * depth + b"\x7e" + b"\x00"


def damage(database: Path, *, page: int) -> None:
    """Overwrite a database from that page on, the first being 1."""
    rest = database.stat().st_size - 4096 * (page - 1)
    with database.open("r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(b"\xa5" * rest)
