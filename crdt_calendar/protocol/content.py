"""The contents of structs, passed over within bounds: how long each is, and where it ends.

Nothing is built of a content but what its length needs. What may be long, lists of plain values, is
passed over in strides; what cannot be told apart from an attack is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import accumulate
from typing import Final, TypeAlias

from crdt_calendar.errors import FrameTooLarge, HostileUpdate, MalformedFrame
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.lib0 import MAX_UINT

GC: Final = 0
DELETED: Final = 1
BINARY: Final = 3
STRING: Final = 4
EMBED: Final = 5
FORMAT: Final = 6
TYPE: Final = 7
ANY: Final = 8
SKIP: Final = 10

KIND: Final = 0x1F  # the bits of an info byte that number the content
BARE: Final = frozenset((GC, SKIP))  # an info byte of these has no other bits

# The shared types; an XmlElement is followed by its name.
ARRAY: Final = 0
MAP: Final = 1
TEXT: Final = 2
XML_ELEMENT: Final = 3
XML_FRAGMENT: Final = 4
XML_TEXT: Final = 6
_NAMELESS_TYPES: Final = frozenset((ARRAY, MAP, TEXT, XML_FRAGMENT, XML_TEXT))

# How many values may be passed over before the caller is asked: well under 1 ms.
_STRIDE: Final = 1024
# Scanning costs 60 ns a bracket; an embed or a format of that size is no text formatting.
_JSON_BYTES: Final = 1 << 20

_JSON_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_BRACKET_STEP: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}

_VALUE_BYTES: Final = {127: 0, 126: 0, 124: 4, 123: 8, 122: 8, 121: 0, 120: 0}
_VALUE_INTEGER: Final = 125
_VALUE_STRING: Final = 119
_VALUE_OBJECT: Final = 118
_VALUE_ARRAY: Final = 117
_VALUE_BYTE_ARRAY: Final = 116


def read_uint(data: bytes, position: int) -> tuple[int, int]:
    """The varUint at `position`, and the position after it.

    Raises `IndexError` past the end: whoever reads a whole update turns it into `truncated`.
    """
    byte = data[position]
    position += 1
    if byte < 0x80:
        return byte, position
    value = byte & 0x7F
    for shift in (7, 14, 21, 28, 35, 42, 49):
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > MAX_UINT:
                raise MalformedFrame(f"the number before byte {position} exceeds 53 bits")
            return value, position
    raise MalformedFrame(f"the number before byte {position} exceeds 8 bytes")


def read_count(data: bytes, position: int, item_bytes: int) -> tuple[int, int]:
    """A number of items that follow, each at least `item_bytes` long, and the position after it.

    Raises `HostileUpdate` when there is no room for so many.
    """
    try:
        count, position = read_uint(data, position)
    except IndexError:
        raise truncated(data) from None
    if count * item_bytes > len(data) - position:
        left = len(data) - position
        raise HostileUpdate(f"{count} items declared where only {left} bytes follow")
    return count, position


def truncated(data: bytes) -> MalformedFrame:
    """The error for input that ends too early."""
    return MalformedFrame(f"the update ends at byte {len(data)}, inside a value; send it whole")


def read_length(data: bytes, position: int, limits: Limits) -> tuple[int, int]:
    """The length of what has no content but its length."""
    length, position = read_uint(data, position)
    if length > limits.gc_length:
        raise HostileUpdate(f"one struct collects {length} clocks, more than {limits.gc_length}")
    return length, position


def read_name(data: bytes, position: int, limits: Limits) -> tuple[str, int]:
    """A key or a name, bounded."""
    size, position = read_uint(data, position)
    if size > limits.key_bytes:
        raise FrameTooLarge(f"a name of {size} bytes; at most {limits.key_bytes}")
    end = position + size
    return data[position:end].decode(), end


Content: TypeAlias = Callable[[bytes, int, Limits, list[int]], tuple[int, int, str]]
"""Data, position, limits; length, position after it, text. What it appends are values to skip."""


def _deleted(data: bytes, position: int, limits: Limits, _: list[int]) -> tuple[int, int, str]:
    length, position = read_length(data, position, limits)
    return length, position, ""


def _binary(data: bytes, position: int, _: Limits, __: list[int]) -> tuple[int, int, str]:
    size, position = read_uint(data, position)
    return 1, position + size, ""


def _string(data: bytes, position: int, _: Limits, __: list[int]) -> tuple[int, int, str]:
    size, position = read_uint(data, position)
    end = position + size
    raw = data[position:end]
    if raw.isascii():
        return size, end, ""
    text = raw.decode()
    units = len(text.encode("utf-16-le")) // 2
    return units, end, "" if units == len(text) else text


def _embed(data: bytes, position: int, limits: Limits, _: list[int]) -> tuple[int, int, str]:
    size, position = read_uint(data, position)
    end = position + size
    str(data[position:end], "utf-8")
    if data.count(b"[", position, end) + data.count(b"{", position, end) > limits.value_depth:
        _check_json(data[position:end], limits.value_depth)
    return 1, end, ""


def _format(data: bytes, position: int, limits: Limits, _: list[int]) -> tuple[int, int, str]:
    _name, position = read_name(data, position, limits)
    return _embed(data, position, limits, _)


def _type(data: bytes, position: int, limits: Limits, _: list[int]) -> tuple[int, int, str]:
    ref = data[position]
    position += 1
    if ref == XML_ELEMENT:
        _name, position = read_name(data, position, limits)
    elif ref not in _NAMELESS_TYPES:
        raise HostileUpdate(f"shared type {ref} is not one that all clients know")
    return 1, position, ""


def _any(data: bytes, position: int, _: Limits, values: list[int]) -> tuple[int, int, str]:
    count, position = read_count(data, position, 1)
    if count == 1 and data[position] == _VALUE_STRING:
        return count, _skip_text(data, position + 1), ""  # the usual field, without ado
    values.append(count)
    return count, position, ""


def _unknown(data: bytes, position: int, _: Limits, __: list[int]) -> tuple[int, int, str]:
    raise HostileUpdate(f"struct {data[position - 1]} is not one that all clients know")


_CONTENTS: Final[dict[int, Content]] = {
    DELETED: _deleted,
    BINARY: _binary,
    STRING: _string,
    EMBED: _embed,
    FORMAT: _format,
    TYPE: _type,
    ANY: _any,
}
READERS: Final = tuple(
    _deleted if info in BARE else _CONTENTS.get(info & KIND, _unknown) for info in range(256)
)
"""What passes over a content, by the info byte of its struct."""


def skip_values(data: bytes, position: int, open_: list[int], depth: int) -> int:
    """Pass over up to `_STRIDE` plain values; return the position after them.

    `open_` is what remains of the containers around the position: the number of values in a list,
    less than zero for the entries of an object. It is empty when all is passed.
    """
    for _ in range(_STRIDE):
        left = open_[-1]
        if not left:
            open_.pop()
            if not open_:
                break
            continue
        if left < 0:
            position = _skip_text(data, position)
            open_[-1] = left + 1
        else:
            open_[-1] = left - 1
        kind = data[position]
        position += 1
        if kind in _VALUE_BYTES:
            position += _VALUE_BYTES[kind]
        elif kind == _VALUE_STRING:
            position = _skip_text(data, position)
        else:
            position = _skip_other(data, position, kind, open_, depth)
    return position


def _skip_text(data: bytes, position: int) -> int:
    size, position = read_uint(data, position)
    end = position + size
    str(data[position:end], "utf-8")
    return end


def _skip_other(data: bytes, position: int, kind: int, open_: list[int], depth: int) -> int:
    if kind == _VALUE_INTEGER:
        return _skip_integer(data, position)
    if kind == _VALUE_BYTE_ARRAY:
        size, position = read_uint(data, position)
        return position + size
    if kind not in (_VALUE_ARRAY, _VALUE_OBJECT):
        raise MalformedFrame(f"no plain value has type {kind} (byte {position - 1})")
    if len(open_) > depth:
        raise HostileUpdate(f"the value at byte {position} is nested deeper than {depth}")
    if kind == _VALUE_ARRAY:
        count, position = read_count(data, position, 1)
        open_.append(count)
    else:
        count, position = read_count(data, position, 2)
        open_.append(-count)
    return position


def _skip_integer(data: bytes, position: int) -> int:
    # Not a varUint: the first byte holds a sign, and yrs writes up to 64 bits.
    for end in range(position, position + 10):
        if data[end] < 0x80:
            return end + 1
    raise MalformedFrame(f"the number at byte {position} exceeds 10 bytes")


def _check_json(text: bytes, depth: int) -> None:
    if len(text) > _JSON_BYTES:
        raise FrameTooLarge(f"JSON of {len(text)} bytes and many levels; at most {_JSON_BYTES}")
    brackets = _JSON_STRING.sub(b"", text).translate(None, _NOT_BRACKETS)
    levels = accumulate(map(_BRACKET_STEP.__getitem__, brackets))
    if any(level > depth for level in levels):
        raise HostileUpdate(f"JSON nested deeper than {depth}")
