"""Bodies of long polling: messages in a row, each preceded by its length as a lib0 varUint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from crdt_calendar.errors import FrameTooLarge
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.lib0 import Reader, encode_uint


def pack(messages: Iterable[bytes]) -> bytes:
    """The body of these messages."""
    return b"".join(part for message in messages for part in (encode_uint(len(message)), message))


def unpack(body: bytes, limits: Limits) -> Iterator[bytes]:
    """The messages of a body. Raises `MalformedFrame`, `FrameTooLarge`."""
    reader = Reader(body)
    while not reader.at_end:
        message = reader.read_bytes()
        if len(message) > limits.frame_bytes:
            raise FrameTooLarge(f"a message of {len(message)} bytes; {limits.frame_bytes} at most")
        yield message
