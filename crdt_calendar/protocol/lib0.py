"""The lib0 encoding, which Yjs and y-protocols write everything in: bounded reader and writer.

One contract for every ``read_`` and ``skip_``: a value, or `MalformedFrame` for bytes that do not
decode, `HostileUpdate` for values nested deeper than allowed. A count is compared with the bytes
that are there before anything is made of it, so no input costs more than its own length.

y-protocols PROTOCOL.md, "Base encoding approaches":

    * ``varUint(number)`` - encodes a 53bit unsigned integer to 1-8 bytes. Unsigned integers are
      serialized 7 bits at a time, starting with the least significant bits. The most significant
      bit (msb) in each output byte indicates if there is a continuation byte (msb = 1).
    * ``varByteArray(buffer) := varUint(length(buffer)) • buffer``
    * ``varString(string) := varByteArray(utf8(string))``
"""

from __future__ import annotations

import struct
from typing import Final, TypeAlias

from crdt_calendar.errors import HostileUpdate, MalformedFrame

Value: TypeAlias = "None | bool | int | float | str | bytes | list[Value] | dict[str, Value]"
"""A plain value, lib0's ``any``. Both ``undefined`` and ``null`` read as None."""

MAX_UINT: Final = (1 << 53) - 1
"""The largest number lib0 writes: JavaScript's ``Number.MAX_SAFE_INTEGER``."""

MAX_UINT_BYTES: Final = 8
"""The bytes that the largest number takes."""

# Type numbers of `any`, as lib0 counts them: downwards from 127.
_UNDEFINED: Final = 127
_NULL: Final = 126
_INTEGER: Final = 125
_FLOAT32: Final = 124
_FLOAT64: Final = 123
_BIGINT: Final = 122
_FALSE: Final = 121
_TRUE: Final = 120
_STRING: Final = 119
_OBJECT: Final = 118
_ARRAY: Final = 117
_BYTES: Final = 116

_CONSTANTS: Final[dict[int, bool | None]] = {
    _UNDEFINED: None,
    _NULL: None,
    _FALSE: False,
    _TRUE: True,
}
_FIXED_BYTES: Final = {
    **dict.fromkeys(_CONSTANTS, 0),
    _FLOAT32: 4,
    _FLOAT64: 8,
    _BIGINT: 8,
}

_ONE_BYTE: Final = tuple(bytes([value]) for value in range(0x80))

_FLOAT32_FORMAT: Final = struct.Struct(">f")
_FLOAT64_FORMAT: Final = struct.Struct(">d")
_BIGINT_FORMAT: Final = struct.Struct(">q")


def _truncated(position: int) -> MalformedFrame:
    return MalformedFrame(f"input ends at byte {position}, inside a value; send whole frames")


class Reader:
    """Reads lib0 values from ``data[start:end]``; ``position`` is the index of the next byte."""

    __slots__ = ("data", "end", "position")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self.data = data
        self.position = start
        self.end = len(data) if end is None else min(end, len(data))

    @property
    def at_end(self) -> bool:
        """Whether everything has been read."""
        return self.position >= self.end

    def finish(self) -> None:
        """Raise `MalformedFrame` unless everything has been read."""
        left = self.end - self.position
        if left > 0:
            raise MalformedFrame(f"{left} bytes after the end of the message; send one per frame")

    def read_uint8(self) -> int:
        """One byte."""
        position = self.position
        if position >= self.end:
            raise _truncated(position)
        self.position = position + 1
        return self.data[position]

    def read_uint(self) -> int:
        """A varUint: 1 to 8 bytes, at most `MAX_UINT`."""
        data = self.data
        position = self.position
        end = self.end
        if position >= end:
            raise _truncated(position)
        byte = data[position]
        position += 1
        if byte < 0x80:
            self.position = position
            return byte
        value = byte & 0x7F
        shift = 7
        while shift < 56 and position < end:
            byte = data[position]
            position += 1
            if byte < 0x80:
                self.position = position
                return self._within_range(value | byte << shift)
            value |= (byte & 0x7F) << shift
            shift += 7
        raise self._endless_number(position)

    def read_uints(self) -> list[int]:
        """All varUints up to the end, in half the time that `read_uint` would take."""
        values: list[int] = []
        value = shift = 0
        for byte in memoryview(self.data)[self.position : self.end]:
            if byte < 0x80:
                values.append(value | byte << shift)
                value = shift = 0
            elif shift > 42:
                start = self.position
                raise MalformedFrame(f"a number after byte {start} exceeds {MAX_UINT_BYTES} bytes")
            else:
                value |= (byte & 0x7F) << shift
                shift += 7
        self.position = self.end
        if shift:
            raise _truncated(self.end)
        self._within_range(max(values, default=0))
        return values

    def read_int(self) -> int:
        """A varInt: its sign in bit 6 of the first byte, at most `MAX_UINT` either way."""
        first = self.read_uint8()
        value = first & 0x3F
        shift = 6
        byte = first
        while byte >= 0x80:
            if shift > 48:
                raise self._endless_number(self.position)
            byte = self.read_uint8()
            value |= (byte & 0x7F) << shift
            shift += 7
        self._within_range(value)
        return -value if first & 0x40 else value

    def read_bytes(self) -> bytes:
        """A varByteArray, copied out."""
        size = self.read_uint()
        start = self.position
        stop = start + size
        if stop > self.end:
            raise _truncated(self.end)
        self.position = stop
        return self.data[start:stop]

    def read_string(self) -> str:
        """A varString; its declared length counts bytes of UTF-8."""
        start = self.position
        try:
            return self.read_bytes().decode()
        except UnicodeDecodeError as error:
            raise MalformedFrame(
                f"the string at byte {start} is not UTF-8: {error.reason}"
            ) from error

    def read_count(self, item_bytes: int) -> int:
        """The declared number of items that follow, each at least `item_bytes` long.

        More than can be there is refused before anything is made of it.
        """
        count = self.read_uint()
        present = self.end - self.position
        if count * item_bytes > present:
            raise MalformedFrame(f"{count} items declared where only {present} bytes follow")
        return count

    def read_any(self, depth: int) -> Value:
        """A plain value with at most `depth` lists and objects inside one another.

        Of keys that repeat within an object the last one counts, as in JavaScript.
        """
        kind = self.read_uint8()
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if kind == _STRING:
            return self.read_string()
        if kind == _INTEGER:
            return self.read_int()
        if kind == _BYTES:
            return self.read_bytes()
        if kind == _ARRAY:
            self._descend(depth)
            return [self.read_any(depth - 1) for _ in range(self.read_count(1))]
        if kind == _OBJECT:
            self._descend(depth)
            return {self.read_string(): self.read_any(depth - 1) for _ in range(self.read_count(2))}
        return self._read_number(kind)

    def skip_bytes(self) -> None:
        """Pass over a varByteArray or a varString without copying or decoding it."""
        stop = self.read_uint() + self.position
        if stop > self.end:
            raise _truncated(self.end)
        self.position = stop

    def skip_any(self, depth: int) -> int:
        """Pass over a plain value; return how many lists and objects are inside one another.

        A number or text is 0 levels, ``[]`` and ``{"a": 1}`` are 1. Strings are not decoded.
        """
        kind = self.read_uint8()
        size = _FIXED_BYTES.get(kind)
        if size is not None:
            self._advance(size)
        elif kind in (_STRING, _BYTES):
            self.skip_bytes()
        elif kind == _INTEGER:
            self.read_int()
        elif kind in (_ARRAY, _OBJECT):
            return 1 + self._skip_items(kind == _OBJECT, depth)
        else:
            raise self._unknown(kind)
        return 0

    def _skip_items(self, keyed: bool, depth: int) -> int:
        self._descend(depth)
        deepest = 0
        for _ in range(self.read_count(2 if keyed else 1)):
            if keyed:
                self.skip_bytes()
            levels = self.skip_any(depth - 1)
            if levels > deepest:
                deepest = levels
        return deepest

    def _descend(self, depth: int) -> None:
        if depth <= 0:
            raise HostileUpdate(f"the value at byte {self.position} is nested deeper than allowed")

    def _read_number(self, kind: int) -> float:
        start = self.position
        if kind == _FLOAT32:
            self._advance(4)
            number: float = _FLOAT32_FORMAT.unpack_from(self.data, start)[0]
        elif kind == _FLOAT64:
            self._advance(8)
            number = _FLOAT64_FORMAT.unpack_from(self.data, start)[0]
        elif kind == _BIGINT:
            self._advance(8)
            number = _BIGINT_FORMAT.unpack_from(self.data, start)[0]
        else:
            raise self._unknown(kind)
        return number

    def _advance(self, size: int) -> None:
        stop = self.position + size
        if stop > self.end:
            raise _truncated(self.end)
        self.position = stop

    def _within_range(self, value: int) -> int:
        if value > MAX_UINT:
            raise MalformedFrame(f"the number before byte {self.position} exceeds 53 bits")
        return value

    def _endless_number(self, position: int) -> MalformedFrame:
        if position >= self.end:
            return _truncated(position)
        return MalformedFrame(f"the number before byte {position} exceeds {MAX_UINT_BYTES} bytes")

    def _unknown(self, kind: int) -> MalformedFrame:
        return MalformedFrame(f"no plain value has type {kind} (byte {self.position - 1})")


def encode_uint(value: int) -> bytes:
    """A varUint by itself. Raises `ValueError` outside 0..`MAX_UINT`."""
    if 0 <= value < 0x80:
        return _ONE_BYTE[value]
    writer = Writer()
    writer.write_uint(value)
    return writer.take()


class Writer:
    """Writes lib0 values; `take` returns the bytes. Mirrors `Reader`."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def __len__(self) -> int:
        """How many bytes have been written."""
        return len(self._buffer)

    def take(self) -> bytes:
        """Everything written so far."""
        return bytes(self._buffer)

    def write_uint8(self, value: int) -> None:
        """One byte. Raises `ValueError` outside 0..255."""
        self._buffer.append(value)

    def write_raw(self, data: bytes) -> None:
        """Bytes as they are, without a length."""
        self._buffer += data

    def write_uint(self, value: int) -> None:
        """A varUint. Raises `ValueError` outside 0..`MAX_UINT`."""
        if not 0 <= value <= MAX_UINT:
            raise ValueError(f"{value} is not an unsigned integer of 53 bits")
        append = self._buffer.append
        while value > 0x7F:
            append(0x80 | value & 0x7F)
            value >>= 7
        append(value)

    def write_int(self, value: int) -> None:
        """A varInt. Raises `ValueError` outside -`MAX_UINT`..`MAX_UINT`."""
        rest = abs(value)
        if rest > MAX_UINT:
            raise ValueError(f"{value} is not an integer of 53 bits")
        sign = 0x40 if value < 0 else 0
        more = 0x80 if rest > 0x3F else 0
        self._buffer.append(more | sign | rest & 0x3F)
        if more:
            self.write_uint(rest >> 6)

    def write_bytes(self, data: bytes) -> None:
        """A varByteArray."""
        self.write_uint(len(data))
        self._buffer += data

    def write_string(self, text: str) -> None:
        """A varString. Its length counts bytes, not characters."""
        self.write_bytes(text.encode())

    def write_any(self, value: Value) -> None:
        """A plain value; None is written as ``null``, an integer beyond 53 bits as a bigint.

        Raises `ValueError` for an integer beyond 64 bits.
        """
        if value is None:
            self._buffer.append(_NULL)
        elif isinstance(value, bool):
            self._buffer.append(_TRUE if value else _FALSE)
        elif isinstance(value, int):
            self._write_integer(value)
        elif isinstance(value, float):
            self._write_float(value)
        elif isinstance(value, str):
            self._buffer.append(_STRING)
            self.write_string(value)
        elif isinstance(value, bytes):
            self._buffer.append(_BYTES)
            self.write_bytes(value)
        elif isinstance(value, dict):
            self._write_object(value)
        else:
            self._write_list(value)

    def _write_integer(self, value: int) -> None:
        if abs(value) <= MAX_UINT:
            self._buffer.append(_INTEGER)
            self.write_int(value)
        elif -(1 << 63) <= value < 1 << 63:
            self._buffer.append(_BIGINT)
            self._buffer += _BIGINT_FORMAT.pack(value)
        else:
            raise ValueError(f"{value} is not an integer of 64 bits")

    def _write_float(self, value: float) -> None:
        try:
            short = _FLOAT32_FORMAT.pack(value)
        except OverflowError:
            short = b""
        if short and _FLOAT32_FORMAT.unpack(short)[0] == value:
            self._buffer.append(_FLOAT32)
            self._buffer += short
        else:
            self._buffer.append(_FLOAT64)
            self._buffer += _FLOAT64_FORMAT.pack(value)

    def _write_list(self, items: list[Value]) -> None:
        self._buffer.append(_ARRAY)
        self.write_uint(len(items))
        for item in items:
            self.write_any(item)

    def _write_object(self, fields: dict[str, Value]) -> None:
        self._buffer.append(_OBJECT)
        self.write_uint(len(fields))
        for key, item in fields.items():
            self.write_string(key)
            self.write_any(item)
