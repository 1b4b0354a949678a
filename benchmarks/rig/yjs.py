"""Yjs messages written by hand, and the marks that tell one edit or cursor move from another.

A thousand clients with a document each would measure the clients. What they send is simple enough
to be written directly: `tests/test_benchmarks.py` holds every byte against pycrdt.

A *mark* is text that survives any merging and re-encoding a server may do: a tilde, the stream
(who and what, 4 hexadecimal digits) and the number in that stream (6 digits, from 1). Each client
has two streams: its edits and its cursor moves.
"""

from __future__ import annotations

import json
import re
from array import array

SYNC, AWARENESS, AUTH = 0, 1, 2
STEP1, STEP2, UPDATE = 0, 1, 2

# y-protocols: SyncStep1 with the state vector of an empty document, SyncStep2 with nothing to add.
EMPTY_STEP1 = bytes((SYNC, STEP1, 1, 0))
EMPTY_STEP2 = bytes((SYNC, STEP2, 2, 0, 0))

_MARK = re.compile(rb"~([0-9a-f]{10})")
_NUMBER_BITS = 24

# Yjs v1 struct info: content kind in the low bits, then which fields are there.
_CONTENT_TYPE, _CONTENT_ANY = 7, 8
_HAS_KEY, _HAS_ORIGIN = 0x20, 0x80
_MAP, _ANY_STRING = 1, 119


def varuint(number: int) -> bytes:
    """An unsigned number as lib0 writes it, seven bits a byte, least significant first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def varbytes(data: bytes) -> bytes:
    """Bytes with their length in front."""
    return varuint(len(data)) + data


def varstring(text: str) -> bytes:
    """UTF-8 text with its length in bytes in front."""
    return varbytes(text.encode())


def read_varuint(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, and where it ends."""
    number = shift = 0
    while data[at] & 0x80:
        number |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
    return number | data[at] << shift, at + 1


def read_varbytes(data: bytes, at: int) -> tuple[bytes, int]:
    """The bytes at `at`, and where they end."""
    size, at = read_varuint(data, at)
    return data[at : at + size], at + size


def mark(stream: int, number: int) -> str:
    """The mark of the `number`-th message of `stream`."""
    return f"~{stream:04x}{number:06x}"


def find_marks(data: bytes) -> array[int]:
    """Every mark in `data`; see `split_mark`."""
    return array("Q", [int(found, 16) for found in _MARK.findall(data)])


def split_mark(found: int) -> tuple[int, int]:
    """Stream and number of what `find_marks` returned."""
    return found >> _NUMBER_BITS, found & (1 << _NUMBER_BITS) - 1


def first_edit(client: int, event: str, title: str) -> bytes:
    """The update that makes an event with a title; it takes the client's clocks 0 and 1."""
    made = bytes((_CONTENT_TYPE | _HAS_KEY, 1)) + varstring("events") + varstring(event)
    titled = bytes((_CONTENT_ANY | _HAS_KEY, 0)) + varuint(client) + b"\0" + varstring("title")
    return b"".join(
        (b"\x01\x02", varuint(client), b"\0", made, bytes((_MAP,)), titled, _any(title), b"\0")
    )


def next_edit(client: int, clock: int, title: str) -> bytes:
    """The update that overwrites the title set at ``clock - 1``."""
    ident = varuint(client)
    before = varuint(clock - 1)
    item = bytes((_CONTENT_ANY | _HAS_KEY | _HAS_ORIGIN,)) + ident + before + _any(title)
    deleted = b"\x01" + ident + b"\x01" + before + b"\x01"
    return b"\x01\x01" + ident + varuint(clock) + item + deleted


def _any(text: str) -> bytes:
    return bytes((1, _ANY_STRING)) + varstring(text)


def update_message(update: bytes) -> bytes:
    """A y-protocols Update."""
    return bytes((SYNC, UPDATE)) + varbytes(update)


def presence_entry(client: int, clock: int, state: str) -> bytes:
    """One entry of an awareness update; `state` is JSON text."""
    return varuint(client) + varuint(clock) + varstring(state)


def presence_message(entries: list[bytes]) -> bytes:
    """A y-protocols awareness message of those entries."""
    body = b"".join(entries)
    return presence_head(len(entries), len(body)) + body


def presence_head(entries: int, size_bytes: int) -> bytes:
    """What stands before that many entries of that size altogether."""
    count = varuint(entries)
    return bytes((AWARENESS,)) + varuint(len(count) + size_bytes) + count


def cursor_state(name: str, position: int, moved: str) -> str:
    """What a calendar's client tells about itself; `moved` is the mark."""
    state = {
        "user": {"name": name, "color": "#30bced"},
        "cursor": {"x": position % 1920, "y": position % 1080},
        "moved": moved,
    }
    return compact_json(state)


def compact_json(state: object) -> str:
    """JSON as JavaScript's ``JSON.stringify`` writes it (integers only)."""
    return json.dumps(state, separators=(",", ":"), ensure_ascii=False)
