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
====  ========  ======================================================  ===================

Refused although the format has them, because yrs reads other bytes there than Yjs does, or clients
do, so that one of them would see what the other does not: JSON (ref 2; Yjs 13 never writes it, yrs
0.28 reads one string too many), XmlHook (yrs reads no name), weak links, undefined types, struct
numbers beyond these, client ids beyond 53 bits (yrs drops the upper bits: a second name for
somebody else's id), sections of nothing. Subdocuments (ref 9) are refused because yrs 0.28, when it
deletes one, follows a pointer to the item it has just freed (``Doc::destroy``).

`read_structs` and `read_deletes` are generators that now and then yield None: one value may be a
whole frame, and whoever drives them decides how long to go on at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from crdt_calendar.errors import FrameTooLarge, HostileUpdate, MalformedFrame
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.content import (
    ANY,
    BARE,
    KIND,
    READERS,
    SKIP,
    STRING,
    TYPE,
    read_count,
    read_name,
    read_uint,
    skip_values,
    truncated,
)
from crdt_calendar.protocol.lib0 import MAX_UINT, Reader, Value, encode_uint

HAS_LEFT: Final = 0x80
HAS_RIGHT: Final = 0x40
HAS_KEY: Final = 0x20
_ANY_NAME: Final = Limits(key_bytes=MAX_UINT)

_Own: TypeAlias = tuple[int, bytes]
"""The client of a section and its encoding: most ids in a section are its own."""

_NOBODY: Final[_Own] = (-1, b"\xff" * 9)  # no number is that long

Id: TypeAlias = tuple[int, int]
"""Client id and clock: the name of one element for ever."""

# How many ranges may be passed over before the caller is asked: well under 1 ms.
_STRIDE: Final = 1024
# Nobody has had so many sessions; each takes some 100 bytes while its deletions are read.
_DELETING_CLIENTS: Final = 1 << 20


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


def read_section(data: bytes, position: int) -> Section:
    """The head of one client's structs."""
    count, position = read_count(data, position, 2)
    if not count:
        raise HostileUpdate("a section without structs; leave it out")
    try:
        client, position = read_uint(data, position)
        clock, position = read_uint(data, position)
    except IndexError:
        raise truncated(data) from None
    return Section(client, clock, count, position)


def read_structs(data: bytes, section: Section, limits: Limits) -> Iterator[Struct | None]:
    """The structs of one section in order; None between the parts of a very long one.

    Raises `MalformedFrame` for what does not decode, `HostileUpdate` for lengths of nothing, giant
    lengths, false counts, deep values and contents that clients do not agree on, `FrameTooLarge`
    for long names.
    """
    client, clock, count, position = section
    own = client, encode_uint(client)
    size = len(data)
    clock_limit = limits.clock
    values: list[int] = []
    try:
        for _ in range(count):
            start = position
            info = data[position]
            position += 1
            left = right = parent = key = None
            if info not in BARE:
                left, right, parent, key, position = _read_head(data, position, info, limits, own)
            length, position, text = READERS[info](data, position, limits, values)
            while values:
                position = skip_values(data, position, values, limits.value_depth)
                if values:
                    yield None
            if position > size:
                raise truncated(data)
            if length > clock_limit - clock or not (length or info & KIND == STRING):
                raise HostileUpdate(f"a struct of length {length} at clock {clock}")
            yield Struct(
                clock, length, info & KIND, left, right, parent, key, text, start, position
            )
            clock += length
    except IndexError:
        raise truncated(data) from None
    except UnicodeDecodeError as error:
        raise MalformedFrame(f"a string before byte {size} is not UTF-8: {error.reason}") from None


def read_deletes(data: bytes, position: int) -> Iterator[Delete | None]:
    """The deletions, to the end of the update; None now and then.

    Raises `MalformedFrame` for what does not decode or for bytes after the end, `HostileUpdate` for
    false counts, empty ranges, and ranges out of order, which no client writes; `FrameTooLarge`.
    """
    clients, position = read_count(data, position, 2)
    if clients > _DELETING_CLIENTS:
        raise FrameTooLarge(f"deletions of {clients} clients; at most {_DELETING_CLIENTS}")
    seen: set[int] = set()
    passed = 0
    try:
        for _ in range(clients):
            client, position = read_uint(data, position)
            if client in seen:
                raise HostileUpdate(f"client {client} has two lists of deletions; merge them")
            seen.add(client)
            ranges, position = read_count(data, position, 2)
            end = 0
            for _ in range(ranges):
                start, position = read_uint(data, position)
                length, position = read_uint(data, position)
                if start < end or not length:
                    raise HostileUpdate(f"deletions out of order or empty at clock {start}")
                end = start + length
                yield Delete(client, start, end)
                passed += 1
                if not passed % _STRIDE:
                    yield None
    except IndexError:
        raise truncated(data) from None
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
    *_, position = _read_head(data, struct.start + 1, data[struct.start], _ANY_NAME, _NOBODY)
    return data[position]


def rewrite(data: bytes, struct: Struct, left: Id | None, right: Id | None, offset: int) -> bytes:
    """The bytes of a struct with these origins and without its first `offset` elements.

    An item must keep or get an origin. Raises `HostileUpdate` for a cut through a surrogate pair.

    Yjs, ``Item.write``: "const origin = offset > 0 ? createID(this.id.client, this.id.clock +
    offset - 1) : this.origin".
    """
    info = data[struct.start]
    if info in BARE:
        return bytes((info,)) + encode_uint(struct.length - offset)
    *_, position = _read_head(data, struct.start + 1, info, _ANY_NAME, _NOBODY)
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
        position = skip_values(data, position, values, len(data))
    return length + data[position : struct.end]


def _text_from(text: bytes, offset: int) -> bytes:
    try:
        tail = text.decode().encode("utf-16-le")[2 * offset :].decode("utf-16-le").encode()
    except UnicodeDecodeError:
        raise HostileUpdate("a known text ends inside a surrogate pair") from None
    return encode_uint(len(tail)) + tail


def _read_id(data: bytes, position: int, own: _Own) -> tuple[Id, int]:
    client, encoded = own
    if data.startswith(encoded, position):
        position += len(encoded)
    else:
        client, position = read_uint(data, position)
    clock, position = read_uint(data, position)
    return (client, clock), position


def read_value(data: bytes, start: int, end: int, client: int, limits: Limits) -> Value:
    """The plain value that a struct of one clock holds, whose bytes are ``data[start:end]``.

    None for content of another kind. Raises as `read_structs` does.
    """
    info = data[start]
    if info & KIND != ANY:
        return None
    *_, position = _read_head(data, start + 1, info, limits, (client, encode_uint(client)))
    reader = Reader(data, position, end)
    reader.read_uint()  # how many there are
    return reader.read_any(limits.value_depth)


def _read_head(
    data: bytes, position: int, info: int, limits: Limits, own: _Own
) -> tuple[Id | None, Id | None, str | Id | None, str | None, int]:
    left = right = parent = key = None
    if info & HAS_LEFT:
        left, position = _read_id(data, position, own)
    if info & HAS_RIGHT:
        right, position = _read_id(data, position, own)
    if info < HAS_RIGHT:
        parent, key, position = _read_place(data, position, info, limits, own)
    return left, right, parent, key, position


def _read_place(
    data: bytes, position: int, info: int, limits: Limits, own: _Own
) -> tuple[str | Id, str | None, int]:
    parent: str | Id
    named = data[position]
    if named == 1:
        parent, position = read_name(data, position + 1, limits)
    elif named == 0:
        parent, position = _read_id(data, position + 1, own)
    else:
        raise MalformedFrame(f"a parent is named by 0 or 1, not {named} (byte {position})")
    if not info & HAS_KEY:
        return parent, None, position
    key, position = read_name(data, position, limits)
    return parent, key, position
