"""Frames that no honest client sends, written by hand.

Nothing here comes from the code under test: the bytes are those of lib0, y-protocols and the Yjs v1
update format as other programs write them.
"""

from __future__ import annotations

SYNC_STEP_1, SYNC_STEP_2, UPDATE, AWARENESS = b"\x00\x00", b"\x00\x01", b"\x00\x02", b"\x01"
GC, STRING, EMBED, TYPE, ANY, SKIP = 0, 4, 5, 7, 8, 10
HAS_KEY = 0x20
NO_DELETES = b"\x00"
MAP = b"\x01"
NULL = b"\x7e"


def uint(number: int) -> bytes:
    """lib0 varUint."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def sized(payload: bytes) -> bytes:
    """lib0 varByteArray, and varString of UTF-8."""
    return uint(len(payload)) + payload


def frame(kind: bytes, payload: bytes) -> bytes:
    """A message with one byte array in it."""
    return kind + sized(payload)


def update(*sections: bytes, deletes: bytes = NO_DELETES) -> bytes:
    """An Update message."""
    return frame(UPDATE, uint(len(sections)) + b"".join(sections) + deletes)


def section(client: int, clock: int, *structs: bytes) -> bytes:
    """The structs of one client from a clock on."""
    return uint(len(structs)) + uint(client) + uint(clock) + b"".join(structs)


def bare(kind: int, length: int) -> bytes:
    """A GC or Skip struct."""
    return bytes((kind,)) + uint(length)


def entry(key: str, kind: int, content: bytes, parent: tuple[int, int] | None = None) -> bytes:
    """An entry of the root map `events`, or of the map whose id is `parent`."""
    place = b"\x01" + sized(b"events") if parent is None else b"\x00" + ids(parent)
    return bytes((HAS_KEY | kind,)) + place + sized(key.encode()) + content


def text(kind: int, content: bytes) -> bytes:
    """An element at the beginning of the root text `notes`."""
    return bytes((kind,)) + b"\x01" + sized(b"notes") + content


def ids(id_: tuple[int, int]) -> bytes:
    """Client and clock."""
    return uint(id_[0]) + uint(id_[1])


def nested_arrays(depth: int) -> bytes:
    """One plain value, arrays in arrays: two bytes a level."""
    return b"\x01" + b"\x75\x01" * depth + NULL


def nested_objects(depth: int) -> bytes:
    """One plain value, objects in objects."""
    return b"\x01" + b"\x76\x01\x01k" * depth + NULL


def map_chain(client: int, length: int) -> list[bytes]:
    """Small updates, each with one map inside of the one before."""
    chain = [update(section(client, 0, entry("chain", TYPE, MAP)))]
    for clock in range(1, length):
        inner = entry("k", TYPE, MAP, (client, clock - 1))
        chain.append(update(section(client, clock, inner)))
    return chain


def deleted(client: int, *ranges: tuple[int, int]) -> bytes:
    """A delete set for one client, of (clock, length)."""
    return uint(1) + uint(client) + uint(len(ranges)) + b"".join(map(ids, ranges))


def presence(*states: tuple[int, int, bytes]) -> bytes:
    """An Awareness message of (client, clock, JSON)."""
    entries = [uint(client) + uint(clock) + sized(state) for client, clock, state in states]
    return frame(AWARENESS, uint(len(entries)) + b"".join(entries))
