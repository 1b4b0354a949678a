"""Writes updates by hand, byte for byte, for tests that need one no library would write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crdt_calendar.protocol.content import ANY, DELETED, EMBED, FORMAT, GC, SKIP, STRING, TYPE
from crdt_calendar.protocol.lib0 import Value, Writer, encode_uint
from crdt_calendar.protocol.update import HAS_KEY, HAS_LEFT, HAS_RIGHT, Id

Content = tuple[int, bytes]


def update(
    *sections: tuple[int, int, Sequence[bytes]],
    deletes: Mapping[int, Sequence[tuple[int, int]]] | None = None,
) -> bytes:
    """Sections of (client, first clock, structs); deletes as client -> (clock, length)."""
    out = encode_uint(len(sections))
    for client, clock, structs in sections:
        out += encode_uint(len(structs)) + encode_uint(client) + encode_uint(clock)
        out += b"".join(structs)
    deletes = deletes or {}
    out += encode_uint(len(deletes))
    for client, ranges in deletes.items():
        out += encode_uint(client) + encode_uint(len(ranges))
        out += b"".join(encode_uint(clock) + encode_uint(length) for clock, length in ranges)
    return out


def item(
    content: Content,
    parent: str | Id = "root",
    key: str | None = None,
    *,
    left: Id | None = None,
    right: Id | None = None,
) -> bytes:
    """An item; with an origin, `parent` and `key` are not written."""
    kind, body = content
    writer = Writer()
    info = kind | (HAS_LEFT if left else 0) | (HAS_RIGHT if right else 0)
    writer.write_uint8(info | (0 if key is None else HAS_KEY))
    for origin in (left, right):
        if origin:
            writer.write_raw(encode_uint(origin[0]) + encode_uint(origin[1]))
    if not (left or right):
        if isinstance(parent, str):
            writer.write_uint(1)
            writer.write_string(parent)
        else:
            writer.write_raw(b"\0" + encode_uint(parent[0]) + encode_uint(parent[1]))
        if key is not None:
            writer.write_string(key)
    writer.write_raw(body)
    return writer.take()


def gc(length: int) -> bytes:
    """A GC struct."""
    return bytes((GC,)) + encode_uint(length)


def skip(length: int) -> bytes:
    """A Skip struct."""
    return bytes((SKIP,)) + encode_uint(length)


def text(content: str) -> Content:
    """A String."""
    return STRING, encode_string(content)


def deleted(length: int) -> Content:
    """A Deleted."""
    return DELETED, encode_uint(length)


def shared(type_: int, name: str = "") -> Content:
    """A shared type."""
    return TYPE, encode_uint(type_) + (encode_string(name) if name else b"")


def values(*content: Value) -> Content:
    """An Any."""
    writer = Writer()
    writer.write_uint(len(content))
    for value in content:
        writer.write_any(value)
    return ANY, writer.take()


def embed(json: str) -> Content:
    """An Embed."""
    return EMBED, encode_string(json)


def format_(key: str, json: str) -> Content:
    """A Format."""
    return FORMAT, encode_string(key) + encode_string(json)


def encode_string(content: str) -> bytes:
    """A varString."""
    writer = Writer()
    writer.write_string(content)
    return writer.take()
