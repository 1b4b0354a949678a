"""A reader of WebSocket frames: takes whole binary messages out of what a client sends.

RFC 6455 section 5.2. Nearly all that a Yjs client sends is one masked binary frame a message; those
are read here, in 2 us instead of the 25 us of a general parser. Everything else (control frames,
fragments, and text where nobody asked for it) leaves as the bytes it came in, frame by frame, for
the general parser. Sans I/O.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from crdt_calendar.errors import FrameTooLarge, MalformedFrame, ProtocolError

FINAL_TEXT: Final = 0x81  # FIN set, no extension, opcode 1
FINAL_BINARY: Final = 0x82  # opcode 2
FINAL: Final = 0x80
RESERVED: Final = 0x70
OPCODE: Final = 0x0F
MASKED: Final = 0x80
CONTINUATION: Final = 0
OPCODES: Final = frozenset((CONTINUATION, 1, 2, 8, 9, 10))  # text, binary; close, ping, pong
CONTROL: Final = 8  # from here on
CONTROL_BYTES: Final = 125


class Piece(NamedTuple):
    """One frame: a whole message's payload, or the raw bytes of any other frame."""

    is_message: bool
    data: bytes


class FrameReader:
    """Bytes in, pieces out, in order. Holds at most one incomplete frame.

    After the first fragment everything is left to the general parser, so that the message it makes
    of the fragments keeps its place among the others. Hardly any client ever sends one. With
    ``texts`` text messages are taken like binary ones; that they are UTF-8 is for others to check.
    """

    __slots__ = ("_firsts", "_fragments", "_most", "_rest", "_skip_bytes")

    def __init__(self, most_bytes: int, *, texts: bool = False) -> None:
        self._most = most_bytes
        self._firsts = (FINAL_TEXT, FINAL_BINARY) if texts else (FINAL_BINARY,)
        self._rest = bytearray()
        self._fragments = False
        self._skip_bytes = 0  # what is still to come of a frame that was refused

    def feed(self, data: bytes) -> list[Piece]:
        """All frames that are complete now.

        Raises `FrameTooLarge` on a header that announces one, `MalformedFrame` on one that no
        client may send. Such a frame is passed over; what the client says after it, a farewell
        for one, is read again.
        """
        if self._skip_bytes:
            data = self._skip(data)
        if not self._rest and not self._fragments:
            payload = _single(data, self._firsts)
            if payload is not None and len(payload) <= self._most:
                return [Piece(True, payload)]
        self._rest += data
        pieces = []
        while (piece := self._take()) is not None:
            pieces.append(piece)
        return pieces

    def _take(self) -> Piece | None:
        rest = self._rest
        if len(rest) < 2:
            return None
        start, length = _extent(rest)
        if start is None:
            return None
        end = start + length
        if error := self._fault(rest[0], rest[1], length):
            self._skip_bytes = end
            rest[:] = self._skip(bytes(rest))
            raise error
        if len(rest) < end:
            return None
        frame = bytes(rest[:end])
        del rest[:end]
        return self._piece(frame, start)

    def _skip(self, data: bytes) -> bytes:
        rest = data[self._skip_bytes :]
        self._skip_bytes -= len(data) - len(rest)
        return rest

    def _fault(self, first: int, second: int, length: int) -> ProtocolError | None:
        """Sections 5.1, 5.2, 5.4, 5.5. Of fragments, only the first one; see the class."""
        opcode = first & OPCODE
        if length > self._most:
            return FrameTooLarge(f"a message may have at most {self._most} bytes, not {length}")
        if not second & MASKED:
            return MalformedFrame("a WebSocket frame without a mask; clients must mask")
        if first & RESERVED or opcode not in OPCODES:
            return MalformedFrame("a WebSocket frame of an extension that was not agreed on")
        if opcode >= CONTROL and (length > CONTROL_BYTES or not first & FINAL):
            return MalformedFrame("a WebSocket control frame that is too long or in fragments")
        if opcode == CONTINUATION and not self._fragments:
            return MalformedFrame("a WebSocket frame that continues nothing")
        return None

    def _piece(self, frame: bytes, start: int) -> Piece:
        if frame[0] in self._firsts and frame[1] & MASKED and not self._fragments:
            return Piece(True, _unmask(frame[start:], frame[start - 4 : start]))
        if not frame[0] & FINAL:
            self._fragments = True
        return Piece(False, frame)


def _single(data: bytes, firsts: tuple[int, ...]) -> bytes | None:
    """The payload, if this is exactly one masked whole message below 64 KiB: the usual case."""
    size = len(data)
    if size < 6 or data[0] not in firsts:
        return None
    length = data[1] - MASKED
    if length == size - 6 and length < 126:
        return _unmask(data[6:], data[2:6])
    if length == 126 and size >= 8 and int.from_bytes(data[2:4], "big") == size - 8:
        return _unmask(data[8:], data[4:8])
    return None


def _extent(rest: bytearray) -> tuple[int | None, int]:
    """Where the first frame's payload starts, None while that is not known, and its length."""
    length = rest[1] & 0x7F
    extended = {126: 2, 127: 8}.get(length, 0)
    start = 2 + extended + (4 if rest[1] & MASKED else 0)
    if len(rest) < start:
        return None, 0
    if extended:
        length = int.from_bytes(rest[2 : 2 + extended], "big")
    return start, length


def _unmask(payload: bytes, mask: bytes) -> bytes:
    """Section 5.3: every byte of the payload XOR the mask's, in turn; as two long numbers."""
    length = len(payload)
    key = (mask * (length // 4 + 1))[:length]
    number = int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")
    return number.to_bytes(length, "little")
