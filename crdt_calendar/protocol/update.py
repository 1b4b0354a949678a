"""What a Yjs version 1 update says, read within bounds and without building anything.

An update is a list of structs by client, then a set of deletions::

    update  := varUint(clients) section* deletes
    section := varUint(structs) varUint(client) varUint(first clock) struct+
    struct  := GC:   0x00 varUint(length)
             | Skip: 0x0A varUint(length)
             | Item: info [left id] [right id] [parent [key]] content
    id      := varUint(client) varUint(clock)
    parent  := 0x01 varString(root name) | 0x00 id
    deletes := varUint(clients) (varUint(client) varUint(ranges) (varUint(clock) varUint(length))*)*

The low five bits of ``info`` number the content; 0x80 says that a left origin follows, 0x40 a right
origin, 0x20 that the item is a map entry. An item with an origin takes its parent and its key from
there and repeats neither. Clocks within a section follow one another without being written: every
struct starts where the one before it ended. Lengths count UTF-16 code units, values, or deleted
clocks; all else is one long.

====  ========  ======================================================  ===================
ref   content   encoding                                                length
====  ========  ======================================================  ===================
1     Deleted   varUint(length)                                         that
3     Binary    varByteArray                                            1
4     String    varString                                               its UTF-16 units
5     Embed     varString(JSON)                                         1
6     Format    varString(key) varString(JSON)                          1
7     Type      varUint(type) [varString(name)], below                  1
8     Any       varUint(count) any*                                     count
9     Doc       varString(guid) any                                     1
====  ========  ======================================================  ===================

Refused although the format has them, because yrs reads other bytes there than Yjs does, or clients
do, so that one of them would see what the other does not: JSON (ref 2; Yjs 13 never writes it, yrs
0.28 reads one string too many), XmlHook (yrs reads no name), weak links, undefined types, struct
numbers beyond these, client ids beyond 53 bits (yrs drops the upper bits: a second name for
somebody else's id), sections and strings of nothing.

`read_structs` and `read_deletes` are generators that now and then yield None: one value may be a
whole frame, and whoever drives them decides how long to go on at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, NamedTuple, TypeAlias

from crdt_calendar.errors import FrameTooLarge, HostileUpdate, MalformedFrame
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.lib0 import MAX_UINT, encode_uint

GC: Final = 0
DELETED: Final = 1
BINARY: Final = 3
STRING: Final = 4
EMBED: Final = 5
FORMAT: Final = 6
TYPE: Final = 7
ANY: Final = 8
DOC: Final = 9
SKIP: Final = 10

HAS_LEFT: Final = 0x80
HAS_RIGHT: Final = 0x40
HAS_KEY: Final = 0x20
_KIND: Final = 0x1F
_BARE: Final = frozenset((GC, SKIP))
_ANY_NAME: Final = Limits(key_bytes=MAX_UINT)

Id: TypeAlias = tuple[int, int]
"""Client id and clock: the name of one element for ever."""

# The shared types; an XmlElement is followed by its name.
ARRAY: Final = 0
MAP: Final = 1
TEXT: Final = 2
XML_ELEMENT: Final = 3
XML_FRAGMENT: Final = 4
XML_TEXT: Final = 6
_NAMELESS_TYPES: Final = frozenset((ARRAY, MAP, TEXT, XML_FRAGMENT, XML_TEXT))

# How many values, or ranges, may be passed over before the caller is asked: well under 1 ms.
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


class Struct(NamedTuple):
    """One struct of an update, as far as it matters without its content."""

    clock: int
    length: int
    kind: int
    left: Id | None  # the origin: what was to its left when it was written
    right: Id | None
    parent: str | Id | None  # root name, or id of a shared type; None: that of an origin
    key: str | None
    text: str  # the content of a String that holds surrogate pairs, else ""
    start: int  # its bytes are update[start:end]
    end: int


class Section(NamedTuple):
    """Where the structs of one client begin, or are to be taken up again."""

    client: int
    clock: int
    structs: int
    start: int


class Delete(NamedTuple):
    """One range of deleted clocks, ``start <= clock < end``."""

    client: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """An update by itself, without a document."""

    authors: dict[int, tuple[int, int]]  # client id -> first clock, end clock (Skips not counted)
    keys: list[tuple[str | Id, str]]  # parent and key of map entries that name them
    structs: int
    deletes: list[Delete]
    type_depth: int  # shared types inside one another, as far as this update shows
    size_bytes: int


def inspect(update: bytes, limits: Limits) -> Inspection:
    """Read a whole update.

    Raises `MalformedFrame`, `HostileUpdate` or `FrameTooLarge` as `read_structs` does.
    """
    authors: dict[int, tuple[int, int]] = {}
    keys: list[tuple[str | Id, str]] = []
    depths: dict[Id, int] = {}
    structs = 0
    clients, position = read_count(update, 0, 5)
    for _ in range(clients):
        section = read_section(update, position)
        if section.client in authors:
            raise HostileUpdate(f"client {section.client} has two sections; merge them")
        authors[section.client] = (section.clock, section.clock)
        for struct in read_structs(update, section, limits):
            if struct is None:
                continue
            position = struct.end
            structs += 1
            if struct.kind != SKIP:
                end = struct.clock + struct.length
                authors[section.client] = (authors[section.client][0], end)
            if struct.key is not None and struct.parent is not None:
                keys.append((struct.parent, struct.key))
            if struct.kind == TYPE:
                above = depths.get(struct.parent, 0) if isinstance(struct.parent, tuple) else 0
                depths[section.client, struct.clock] = above + 1
    deletes = [delete for delete in read_deletes(update, position) if delete is not None]
    return Inspection(authors, keys, structs, deletes, max(depths.values(), default=0), len(update))


def read_uint(data: bytes, position: int) -> tuple[int, int]:
    """The varUint at `position`, and the position after it.

    Raises `IndexError` past the end: the callers in this module turn it into `MalformedFrame`.
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
        raise _truncated(data) from None
    if count * item_bytes > len(data) - position:
        left = len(data) - position
        raise HostileUpdate(f"{count} items declared where only {left} bytes follow")
    return count, position


def read_section(data: bytes, position: int) -> Section:
    """The head of one client's structs."""
    count, position = read_count(data, position, 2)
    if not count:
        raise HostileUpdate("a section without structs; leave it out")
    try:
        client, position = read_uint(data, position)
        clock, position = read_uint(data, position)
    except IndexError:
        raise _truncated(data) from None
    return Section(client, clock, count, position)


def read_structs(data: bytes, section: Section, limits: Limits) -> Iterator[Struct | None]:
    """The structs of one section in order; None between the parts of a very long one.

    Raises `MalformedFrame` for what does not decode, `HostileUpdate` for lengths of nothing, giant
    lengths, false counts, deep values and contents that clients do not agree on, `FrameTooLarge`
    for long names.
    """
    _, clock, count, position = section
    size = len(data)
    clock_limit = limits.clock
    values: list[int] = []
    try:
        for _ in range(count):
            start = position
            info = data[position]
            position += 1
            left = right = parent = key = None
            if info not in _BARE:
                left, right, parent, key, position = _read_head(data, position, info, limits)
            length, position, text = _READERS[info](data, position, limits, values)
            while values:
                position = _skip_values(data, position, values, limits.value_depth)
                if values:
                    yield None
            if position > size:
                raise _truncated(data)
            if length > clock_limit - clock or not (length or info & _KIND == STRING):
                raise HostileUpdate(f"a struct of length {length} at clock {clock}")
            yield Struct(
                clock, length, info & _KIND, left, right, parent, key, text, start, position
            )
            clock += length
    except IndexError:
        raise _truncated(data) from None
    except UnicodeDecodeError as error:
        raise MalformedFrame(f"a string before byte {size} is not UTF-8: {error.reason}") from None


def read_deletes(data: bytes, position: int) -> Iterator[Delete | None]:
    """The deletions, to the end of the update; None now and then.

    Raises `MalformedFrame` for what does not decode or for bytes after the end, `HostileUpdate` for
    false counts, empty ranges, and ranges out of order, which no client writes.
    """
    clients, position = read_count(data, position, 2)
    seen: set[int] = set()
    try:
        for _ in range(clients):
            client, position = read_uint(data, position)
            if client in seen:
                raise HostileUpdate(f"client {client} has two lists of deletions; merge them")
            seen.add(client)
            ranges, position = read_count(data, position, 2)
            end = 0
            for number in range(ranges):
                start, position = read_uint(data, position)
                length, position = read_uint(data, position)
                if start < end or not length:
                    raise HostileUpdate(f"deletions out of order or empty at clock {start}")
                end = start + length
                yield Delete(client, start, end)
                if number % _STRIDE == _STRIDE - 1:
                    yield None
    except IndexError:
        raise _truncated(data) from None
    if position != len(data):
        raise MalformedFrame(f"{len(data) - position} bytes after the end of the update")


def encode_deletes(deletes: dict[int, list[tuple[int, int]]]) -> bytes:
    """The delete set of these ranges, client -> (start, end) in order."""
    out = bytearray(encode_uint(len(deletes)))
    for client, ranges in deletes.items():
        out += encode_uint(client) + encode_uint(len(ranges))
        for start, end in ranges:
            out += encode_uint(start) + encode_uint(end - start)
    return bytes(out)


def read_type(data: bytes, struct: Struct) -> int:
    """The number of the shared type that a struct of kind `TYPE` is."""
    *_, position = _read_head(data, struct.start + 1, data[struct.start], _ANY_NAME)
    return data[position]


def rewrite(data: bytes, struct: Struct, left: Id | None, right: Id | None, offset: int) -> bytes:
    """The bytes of a struct with these origins and without its first `offset` elements.

    An item must keep or get an origin. Raises `HostileUpdate` for a cut through a surrogate pair.

    Yjs, ``Item.write``: "const origin = offset > 0 ? createID(this.id.client, this.id.clock +
    offset - 1) : this.origin".
    """
    info = data[struct.start]
    if info in _BARE:
        return bytes((info,)) + encode_uint(struct.length - offset)
    *_, position = _read_head(data, struct.start + 1, info, _ANY_NAME)
    head = _encode_head(info, left, right)
    return head + _content_from(data, position, struct, offset)


def _encode_head(info: int, left: Id | None, right: Id | None) -> bytes:
    info &= 0xFF ^ (HAS_LEFT | HAS_RIGHT)
    ids = b""
    for origin, flag in ((left, HAS_LEFT), (right, HAS_RIGHT)):
        if origin is not None:
            info |= flag
            ids += encode_uint(origin[0]) + encode_uint(origin[1])
    return bytes((info,)) + ids


def _content_from(data: bytes, position: int, struct: Struct, offset: int) -> bytes:
    if not offset:
        return data[position : struct.end]
    length = encode_uint(struct.length - offset)
    _, position = read_uint(data, position)
    if struct.kind == STRING:
        return _text_from(data[position : struct.end], offset)
    values = [offset] if struct.kind == ANY else []
    while values:
        position = _skip_values(data, position, values, len(data))
    return length + data[position : struct.end]


def _text_from(text: bytes, offset: int) -> bytes:
    try:
        tail = text.decode().encode("utf-16-le")[2 * offset :].decode("utf-16-le").encode()
    except UnicodeDecodeError:
        raise HostileUpdate("a known text ends inside a surrogate pair") from None
    return encode_uint(len(tail)) + tail


def _truncated(data: bytes) -> MalformedFrame:
    return MalformedFrame(f"the update ends at byte {len(data)}, inside a value; send it whole")


def _read_id(data: bytes, position: int) -> tuple[Id, int]:
    client, position = read_uint(data, position)
    clock, position = read_uint(data, position)
    return (client, clock), position


def _read_head(
    data: bytes, position: int, info: int, limits: Limits
) -> tuple[Id | None, Id | None, str | Id | None, str | None, int]:
    left = right = parent = key = None
    if info & HAS_LEFT:
        left, position = _read_id(data, position)
    if info & HAS_RIGHT:
        right, position = _read_id(data, position)
    if info < HAS_RIGHT:
        parent, key, position = _read_place(data, position, info, limits)
    return left, right, parent, key, position


def _read_length(data: bytes, position: int, limits: Limits) -> tuple[int, int]:
    length, position = read_uint(data, position)
    if length > limits.gc_length:
        raise HostileUpdate(f"one struct collects {length} clocks, more than {limits.gc_length}")
    return length, position


def _read_name(data: bytes, position: int, limits: Limits) -> tuple[str, int]:
    size, position = read_uint(data, position)
    if size > limits.key_bytes:
        raise FrameTooLarge(f"a name of {size} bytes; at most {limits.key_bytes}")
    end = position + size
    return data[position:end].decode(), end


def _read_place(
    data: bytes, position: int, info: int, limits: Limits
) -> tuple[str | Id, str | None, int]:
    parent: str | Id
    named = data[position]
    if named == 1:
        parent, position = _read_name(data, position + 1, limits)
    elif named == 0:
        parent, position = _read_id(data, position + 1)
    else:
        raise MalformedFrame(f"a parent is named by 0 or 1, not {named} (byte {position})")
    if not info & HAS_KEY:
        return parent, None, position
    key, position = _read_name(data, position, limits)
    return parent, key, position


_Content: TypeAlias = Callable[[bytes, int, Limits, list[int]], tuple[int, int, str]]
"""Data, position, limits; length, position after it, text. What it appends are values to skip."""


def _deleted(data: bytes, position: int, limits: Limits, _: list[int]) -> tuple[int, int, str]:
    length, position = _read_length(data, position, limits)
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
    _name, position = _read_name(data, position, limits)
    return _embed(data, position, limits, _)


def _type(data: bytes, position: int, limits: Limits, _: list[int]) -> tuple[int, int, str]:
    ref = data[position]
    position += 1
    if ref == XML_ELEMENT:
        _name, position = _read_name(data, position, limits)
    elif ref not in _NAMELESS_TYPES:
        raise HostileUpdate(f"shared type {ref} is not one that all clients know")
    return 1, position, ""


def _any(data: bytes, position: int, _: Limits, values: list[int]) -> tuple[int, int, str]:
    count, position = read_count(data, position, 1)
    values.append(count)
    return count, position, ""


def _doc(data: bytes, position: int, limits: Limits, values: list[int]) -> tuple[int, int, str]:
    _guid, position = _read_name(data, position, limits)
    values.append(1)
    return 1, position, ""


def _unknown(data: bytes, position: int, _: Limits, __: list[int]) -> tuple[int, int, str]:
    raise HostileUpdate(f"struct {data[position - 1]} is not one that all clients know")


_CONTENTS: Final[dict[int, _Content]] = {
    DELETED: _deleted,
    BINARY: _binary,
    STRING: _string,
    EMBED: _embed,
    FORMAT: _format,
    TYPE: _type,
    ANY: _any,
    DOC: _doc,
}
# By the whole info byte: GC and Skip have no flags.
_READERS: Final = tuple(
    _deleted if info in _BARE else _CONTENTS.get(info & _KIND, _unknown) for info in range(256)
)


def _skip_values(data: bytes, position: int, open_: list[int], depth: int) -> int:
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
