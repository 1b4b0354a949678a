"""y-protocols messages: frames to frozen values and back. The only place with type numbers.

y-protocols PROTOCOL.md, "Combining protocols": *A message should start with the message-type (e.g.
``SyncProtocolMessageType``) and be appended with a specify protocol message.* Its "Sync protocol"
and "Awareness protocol" define types 0 and 1; types 2 and 3 are as ``auth.js`` of y-protocols and
y-websocket use them, type 102 as y-sweet does. One frame holds one message.

A type that is not listed here is refused: a peer that needs it would wait for an answer for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from crdt_calendar.errors import FrameTooLarge, HostileUpdate, MalformedFrame
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.lib0 import MAX_UINT_BYTES, Reader, Writer, encode_uint


@dataclass(frozen=True, slots=True)
class SyncStep1:
    """A state vector; the receiver answers with what its sender lacks.

    PROTOCOL.md: ``syncStep1(sv) := varUint(SyncStep1MessageType) • varByteArray(sv)`` - *Initial
    sync request.*
    """

    state_vector: bytes


@dataclass(frozen=True, slots=True)
class SyncStep2:
    """The answer to `SyncStep1`: every struct and deletion its sender lacked, as one update.

    PROTOCOL.md: *Once a client receives SyncStep2, it knows that it is now synced with the other
    peer.*
    """

    update: bytes


@dataclass(frozen=True, slots=True)
class Update:
    """An edit that has just been made.

    PROTOCOL.md: ``documentUpdate(update) := varUint(UpdateMessageType) • varByteArray(update)`` -
    *The receiving part should apply incremental updates to the Yjs document.*
    """

    update: bytes


@dataclass(frozen=True, slots=True)
class Awareness:
    """Presence of some clients; `protocol.awareness` reads the body."""

    body: bytes


@dataclass(frozen=True, slots=True)
class PermissionDenied:
    """What the receiver just asked for was refused; the reason is for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class QueryAwareness:
    """Asks for the presence of everybody."""


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """Asks how far the receiver has got: it sends the payload back when all before it is safe.

    y-sweet's client puts the count of its local edits there and shows "saved" when it returns.
    """

    payload: bytes


Message: TypeAlias = (
    SyncStep1 | SyncStep2 | Update | Awareness | PermissionDenied | QueryAwareness | SyncStatus
)
"""Anything one frame can say."""

_SYNC: Final = 0
_AWARENESS: Final = 1
_AUTH: Final = 2
_QUERY_AWARENESS: Final = 3
_SYNC_STATUS: Final = 102

_STEP_1: Final = 0
_STEP_2: Final = 1
_UPDATE: Final = 2
_PERMISSION_DENIED: Final = 0

# y-sweet sends a number; reasons are a sentence. Both may be sent on or logged.
_SHORT_BYTES: Final = 1024

# A page load that edits is a client of its own: hundreds a day for a busy team, over years. Reading
# so many takes a twentieth of a second.
_STATE_VECTOR_CLIENTS: Final = 200_000

_SYNC_MESSAGES: Final[dict[int, Callable[[bytes], Message]]] = {
    _STEP_1: SyncStep1,
    _STEP_2: SyncStep2,
    _UPDATE: Update,
}


def decode(frame: bytes, limits: Limits) -> Message:
    """The message in a frame.

    Raises `FrameTooLarge` beyond `Limits.frame_bytes`, `MalformedFrame` for anything that is not
    exactly one message of a known type.
    """
    if len(frame) > limits.frame_bytes:
        raise FrameTooLarge(
            f"a frame of {len(frame)} bytes; at most {limits.frame_bytes} are taken"
        )
    reader = Reader(frame)
    kind = reader.read_uint()
    read = _READERS.get(kind)
    if read is None:
        raise MalformedFrame(f"no message has type {kind}; known are {_listed(_READERS)}")
    message = read(reader)
    reader.finish()
    return message


def _read_sync(reader: Reader) -> Message:
    kind = reader.read_uint()
    make = _SYNC_MESSAGES.get(kind)
    if make is None:
        raise MalformedFrame(
            f"no sync message has type {kind}; known are {_listed(_SYNC_MESSAGES)}"
        )
    return make(reader.read_bytes())


def _read_auth(reader: Reader) -> Message:
    kind = reader.read_uint()
    if kind != _PERMISSION_DENIED:
        raise MalformedFrame(f"no auth message has type {kind}; known is {_PERMISSION_DENIED}")
    _check_short(reader)
    return PermissionDenied(reader.read_string())


def _read_status(reader: Reader) -> Message:
    _check_short(reader)
    return SyncStatus(reader.read_bytes())


def _check_short(reader: Reader) -> None:
    left = reader.end - reader.position
    if left > _SHORT_BYTES:
        raise FrameTooLarge(f"{left} bytes for what takes at most {_SHORT_BYTES}")


_READERS: Final[dict[int, Callable[[Reader], Message]]] = {
    _SYNC: _read_sync,
    _AWARENESS: lambda reader: Awareness(reader.read_bytes()),
    _AUTH: _read_auth,
    _QUERY_AWARENESS: lambda reader: QueryAwareness(),
    _SYNC_STATUS: _read_status,
}


def _listed(kinds: Mapping[int, object]) -> str:
    return ", ".join(str(kind) for kind in kinds)


_STEP_1_PREFIX: Final = bytes([_SYNC, _STEP_1])
_STEP_2_PREFIX: Final = bytes([_SYNC, _STEP_2])
_UPDATE_PREFIX: Final = bytes([_SYNC, _UPDATE])
_AWARENESS_PREFIX: Final = bytes([_AWARENESS])
_PERMISSION_DENIED_PREFIX: Final = bytes([_AUTH, _PERMISSION_DENIED])
_QUERY_AWARENESS_FRAME: Final = bytes([_QUERY_AWARENESS])
_SYNC_STATUS_PREFIX: Final = bytes([_SYNC_STATUS])


def encode(message: Message) -> bytes:
    """The frame of a message."""
    match message:
        case SyncStep1(state_vector):
            return _framed(_STEP_1_PREFIX, state_vector)
        case SyncStep2(update):
            return _framed(_STEP_2_PREFIX, update)
        case Update(update):
            return encode_update(update)
        case Awareness(body):
            return encode_awareness(body)
        case SyncStatus(payload):
            return _framed(_SYNC_STATUS_PREFIX, payload)
        case QueryAwareness():
            return _QUERY_AWARENESS_FRAME
    return _framed(_PERMISSION_DENIED_PREFIX, message.reason.encode())


def encode_update(update: bytes) -> bytes:
    """The frame of `Update`, without making one."""
    return _framed(_UPDATE_PREFIX, update)


def encode_awareness(body: bytes) -> bytes:
    """The frame of `Awareness`, without making one."""
    return _framed(_AWARENESS_PREFIX, body)


def _framed(prefix: bytes, payload: bytes) -> bytes:
    return b"".join((prefix, encode_uint(len(payload)), payload))


def read_state_vector(data: bytes, limits: Limits) -> dict[int, int]:
    """The next clock expected of each client.

    Yjs writes ``varUint(count)``, then ``varUint(client) • varUint(clock)`` for each. Raises
    `MalformedFrame` when that is not what is there, `FrameTooLarge` for more clients than any
    project has had, `HostileUpdate` for a clock beyond `Limits.clock`.
    """
    reader = Reader(data)
    count = reader.read_count(2)
    if count > _STATE_VECTOR_CLIENTS:
        raise FrameTooLarge(f"a state vector of {count} clients; {_STATE_VECTOR_CLIENTS} are taken")
    if len(data) > (count + 1) * 2 * MAX_UINT_BYTES:
        raise MalformedFrame(f"{len(data)} bytes for the state vector of {count} clients")
    numbers = reader.read_uints()
    if len(numbers) != 2 * count:
        raise MalformedFrame(f"{len(numbers)} numbers in the state vector of {count} clients")
    clocks = dict(zip(numbers[::2], numbers[1::2], strict=True))
    latest = max(clocks.values(), default=0)
    if latest > limits.clock:
        raise HostileUpdate(f"a state vector with clock {latest}, beyond {limits.clock}")
    return clocks


def write_state_vector(clocks: Mapping[int, int]) -> bytes:
    """The encoding of a state vector, in the order of the mapping."""
    writer = Writer()
    writer.write_uint(len(clocks))
    for client, clock in clocks.items():
        writer.write_uint(client)
        writer.write_uint(clock)
    return writer.take()
