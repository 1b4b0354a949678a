"""What the frames of a server say; each distinct one is read once, however many clients get it."""

from __future__ import annotations

import json
from array import array
from typing import NamedTuple

from benchmarks.rig import yjs
from benchmarks.rig.dialect import Dialect
from benchmarks.rig.wire import mask

_REMEMBERED_BYTES = 64 * 1024 * 1024


class Entry(NamedTuple):
    """One client's presence."""

    client: int
    clock: int
    gone: bool
    masked: bytes  # as a stock client would encode it again, ready for a frame


class Frame:
    """One distinct frame."""

    __slots__ = (
        "clients",
        "clocks",
        "entries",
        "gone",
        "latest",
        "marks",
        "number",
        "reflection",
        "sync",
    )

    def __init__(self, number: int, sync: int, marks: array[int], entries: list[Entry]) -> None:
        self.number = number  # its place in `FrameBook.marks`
        self.sync = sync  # STEP1 or STEP2, else -1: what a client has to act upon
        self.marks = marks
        self.entries = entries
        self.clients = tuple(entry.client for entry in entries)
        self.clocks = tuple(entry.clock for entry in entries)
        self.latest = dict(zip(self.clients, self.clocks, strict=True))
        self.gone = any(entry.gone for entry in entries)
        self.reflection = b""  # the whole frame, ready to be sent back; made when first needed


class FrameBook:
    """The frames of one run.

    `known` maps a frame's payload to what it says, for the hot path; `marks` keeps the marks of
    every frame by number, also of those that `known` has let go of.
    """

    def __init__(self, dialect: Dialect, *, presence: bool) -> None:
        self.known: dict[bytes, Frame] = {}
        self.marks: list[array[int]] = []
        self.last_payload = b""
        self.last = Frame(-1, -1, array("Q"), [])
        self._skip = len(dialect.prefix)
        self._presence = presence
        self._bytes = 0

    def find(self, payload: bytes) -> Frame:
        """What a frame says.

        As a rule it is the one that another client has just received: comparing is cheaper than
        hashing.
        """
        if payload != self.last_payload:
            self.last_payload = payload
            self.last = self.known.get(payload) or self._read(payload)
        return self.last

    def _read(self, payload: bytes) -> Frame:
        self._bytes += len(payload)
        if self._bytes > _REMEMBERED_BYTES:
            self.known.clear()
            self._bytes = len(payload)
        marks = yjs.find_marks(payload)
        self.marks.append(marks)
        body = payload[self._skip :]
        frame = Frame(len(self.marks) - 1, _sync_kind(body), marks, self._entries(body))
        self.known[payload] = frame
        return frame

    def _entries(self, body: bytes) -> list[Entry]:
        if not self._presence or body[:1] != bytes((yjs.AWARENESS,)):
            return []
        return read_presence(yjs.read_varbytes(body, 1)[0])


def _sync_kind(body: bytes) -> int:
    if body[:1] == bytes((yjs.SYNC,)) and body[1] in (yjs.STEP1, yjs.STEP2):
        return body[1]
    return -1


def read_presence(update: bytes) -> list[Entry]:
    """The entries of an awareness update, each encoded as JavaScript would encode it again."""
    count, at = yjs.read_varuint(update, 0)
    entries = []
    for _ in range(count):
        client, at = yjs.read_varuint(update, at)
        clock, at = yjs.read_varuint(update, at)
        text, at = yjs.read_varbytes(update, at)
        state = json.loads(text)
        encoded = yjs.presence_entry(client, clock, yjs.compact_json(state))
        entries.append(Entry(client, clock, state is None, mask(encoded)))
    return entries
