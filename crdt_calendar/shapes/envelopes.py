"""Envelopes: the messages of the events door, as JSON or MessagePack. Sans I/O.

::

    {type, payload, timestamp, id, userId, version}

Every message is one of these, or an array of them. `Codec` reads and writes them; what is wrong
with one is said as an `InvalidValue` that names the field.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from crdt_calendar.errors import FrameTooLarge, InvalidValue, MalformedFrame

T = TypeVar("T")

LONGEST_ID: Final = 200
"""Of a message, in characters: a UUID has 36, and some clients put words before it."""

COMPRESS_BYTES: Final = 1024
"""What is smaller gains nothing by compression."""

COMPRESSED: Final = 0x78
"""The first byte of a zlib stream (RFC 1950, with a window of 32 KiB).

No message begins so: JSON text does not, and in MessagePack it is the number 120.
"""


class Envelope(Struct, rename="camel", kw_only=True):
    """What a client says. ``userId`` is not believed: the server knows who it is."""

    type: Annotated[str, Meta(max_length=100)]
    payload: Raw = Raw()
    id: Annotated[str, Meta(max_length=LONGEST_ID)] = ""
    timestamp: float | None = None
    user_id: str | None = None
    version: Annotated[int, Meta(ge=0, le=1 << 53)] | None = None
    require_ack: bool | None = None


class Outgoing(Struct, rename="camel", kw_only=True, omit_defaults=True):
    """What a client is told. ``timestamp`` is in milliseconds since the epoch.

    ``position`` is on what completes a commit: from there the client can go on after a break.
    """

    type: str
    payload: Any
    timestamp: int
    id: str
    user_id: str | None = None
    version: int | None = None
    project_id: str | None = None
    position: int | None = None


class _Named(Struct):
    """What is read of an envelope that is malformed, so that the error finds its way."""

    id: Any = ""
    type: Any = ""


@dataclass(frozen=True, slots=True)
class Codec:
    """One way to write envelopes. ``is_text`` says in which kind of WebSocket message it goes."""

    name: str
    is_text: bool
    encode: Callable[[Any], bytes]
    decode: Callable[..., Any]
    empty: bytes
    """The payload that is meant where there is none."""

    def read(self, data: bytes, most: int) -> list[Envelope | Malformed]:
        """The envelopes of one message: one, or an array of up to `most`.

        Raises `MalformedFrame` for what is no JSON or MessagePack at all, `FrameTooLarge`.
        """
        if not self.is_array(data):
            return [self._envelope(data, "")]
        items: list[Raw] = self._parsed(data, list[Raw])
        if len(items) > most:
            raise FrameTooLarge(f"{len(items)} messages in one array; at most {most} are taken")
        return [self._envelope(bytes(item), f"[{n}].") for n, item in enumerate(items)]

    def payload(self, envelope: Envelope, kind: type[T]) -> T:
        """The payload as that type. Raises `InvalidValue` naming the field."""
        raw = bytes(envelope.payload) or self.empty
        try:
            value: T = self.decode(raw, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise explain(error, "payload") from None
        return value

    def is_array(self, data: bytes) -> bool:
        """Whether a message is an array of envelopes."""
        if self.is_text:
            return data[:64].lstrip()[:1] == b"["
        return bool(data) and (data[0] & 0xF0 == 0x90 or data[0] in (0xDC, 0xDD))

    def join(self, messages: Sequence[bytes]) -> bytes:
        """An array of messages that are encoded already."""
        if self.is_text:
            return b"[" + b",".join(messages) + b"]"
        count = len(messages)
        head = bytes((0x90 | count,)) if count < 16 else b"\xdc" + count.to_bytes(2, "big")
        return head + b"".join(messages)

    def _parsed(self, data: bytes, kind: Any) -> Any:
        try:
            return self.decode(data, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedFrame(f"this is no {self.name}: {_words(error)}") from None

    def _envelope(self, data: bytes, place: str) -> Envelope | Malformed:
        try:
            envelope: Envelope = self.decode(data, type=Envelope)
        except msgspec.ValidationError as error:
            named = self._name(data)
            return Malformed(explain(error, "", place), named.id, named.type)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedFrame(f"this is no {self.name}: {_words(error)}") from None
        return envelope

    def _name(self, data: bytes) -> _Named:
        try:
            named: _Named = self.decode(data, type=_Named)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return _Named()
        return _Named(id=_short(named.id), type=_short(named.type))


@dataclass(frozen=True, slots=True)
class Malformed:
    """An envelope that is none, and what could be made out of it."""

    error: InvalidValue
    id: str
    type: str


JSON: Final = Codec("JSON", True, msgspec.json.encode, msgspec.json.decode, b"{}")
MSGPACK: Final = Codec(
    "MessagePack", False, msgspec.msgpack.encode, msgspec.msgpack.decode, b"\x80"
)


def compress(data: bytes) -> bytes:
    """A message in the compressed form: a zlib stream, quickly made."""
    return zlib.compress(data, 1)


def is_compressed(data: bytes) -> bool:
    """Whether a binary message is in the compressed form."""
    return data[:1] == bytes((COMPRESSED,))


def inflate(data: bytes, most_bytes: int) -> bytes:
    """What was compressed; never more than `most_bytes` of it are held.

    Raises `MalformedFrame` for what is no zlib stream, `FrameTooLarge`.
    """
    stream = zlib.decompressobj()
    try:
        inflated = stream.decompress(data, most_bytes + 1)
    except zlib.error as error:
        raise MalformedFrame(f"this is no zlib stream: {error}") from None
    if len(inflated) > most_bytes:
        raise FrameTooLarge(f"a message may have at most {most_bytes} bytes, inflated")
    if not stream.eof or stream.unused_data:
        raise MalformedFrame("this is no zlib stream: it does not end where the message ends")
    return inflated


def explain(error: Exception, root: str, place: str = "") -> InvalidValue:
    """What msgspec found wrong, with the field's name in front."""
    text = str(error)
    at = _PLACE.search(text)
    path = at.group(1) if at else ""
    said = _PLACE.sub("", text)
    if missing := _MISSING.search(said):
        path, said = f"{path}.{missing.group(1)}", "missing"
    field = f"{root}{path}".strip(".") or "message"
    return InvalidValue(f"{place}{field}: {said[:1].lower()}{said[1:]}")


def field_of(error: Exception) -> str | None:
    """The field that an error names, as our errors do: ``field: what is wrong``."""
    found = _FIELD.match(str(error))
    return found.group(1) if found else None


_PLACE = re.compile(r" - at `\$(?:key in )?([^`]*)`")
_MISSING = re.compile(r"^Object missing required field `([^`]*)`$")
_FIELD = re.compile(r"^([A-Za-z_\[][\w.\[\]/-]*): ")


def _short(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= LONGEST_ID else ""


def _words(error: Exception) -> str:
    return "nested too deep" if isinstance(error, RecursionError) else str(error)[:200]
