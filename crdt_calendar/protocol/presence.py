"""What a presence frame says: its entries, and the JSON inside them.

y-protocols PROTOCOL.md, "Awareness protocol": ``awarenessUpdate(clients) :=
varUint(clients.length) • clients.map(client => varUint(client.clientid) • varUint(client.clock) •
json(client.state))``, with ``json(object) := varString(JSON.stringify(object))``. A state of
``null`` says that the client left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from json import JSONDecoder, JSONEncoder
from typing import Final, NoReturn, TypeAlias

from crdt_calendar.errors import FrameTooLarge, HostileUpdate, MalformedFrame
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.lib0 import Reader, encode_uint

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"
"""What JSON can say."""

LEFT: Final = b"null"
"""The state of a client that left."""

NOBODY: Final = encode_uint(0)
"""The body without entries, for a line that must not fall silent."""

ENTRY_BYTES: Final = 3
"""The least that an entry can take: a byte each for client id, clock and length."""


@dataclass(frozen=True, slots=True)
class PresenceState:
    """What one client shows."""

    client: int
    clock: int
    user: str  # the user's id; "" where the state does not say
    value: Mapping[str, Json] | None  # None: the client left


def read_presence(body: bytes, limits: Limits) -> list[PresenceState]:
    """The entries of a body, for those who hear of others.

    Raises `MalformedFrame`, `FrameTooLarge` or `HostileUpdate`.
    """
    reader = Reader(body)
    told = [_read_entry(reader, limits) for _ in range(reader.read_count(ENTRY_BYTES))]
    reader.finish()
    return told


def write_presence(states: Iterable[PresenceState]) -> bytes:
    """The body that says this, for those who speak of themselves.

    Raises `ValueError` for a number that JSON cannot say.
    """
    return join_entries(
        [
            encode_entry(
                encode_uint(state.client),
                state.clock,
                LEFT if state.value is None else encode_state(state.value),
            )
            for state in states
        ]
    )


def encode_entry(client: bytes, clock: int, state: bytes) -> bytes:
    """One entry: a client id that is encoded already, its clock, its JSON or `LEFT`."""
    return b"".join((client, encode_uint(clock), encode_uint(len(state)), state))


def join_entries(entries: Sequence[bytes]) -> bytes:
    """The body of these entries."""
    return encode_uint(len(entries)) + b"".join(entries)


def decode_state(state: bytes, limits: Limits) -> dict[str, Json]:
    """The JSON object of a state that is not `LEFT`.

    Raises `FrameTooLarge` beyond `Limits.awareness_bytes`, `HostileUpdate` beyond
    `Limits.value_depth`, `MalformedFrame` for what is not a JSON object. NaN is not: it would end
    the ``JSON.parse`` of everybody else.
    """
    _check_size(state, limits)
    try:
        value: object = _DECODER.decode(state.decode())
    except ValueError as error:
        raise MalformedFrame(f"a presence state is no JSON: {error}") from error
    except RecursionError as error:
        raise _too_deep(limits) from error
    if not isinstance(value, dict):
        raise MalformedFrame(
            f"a presence state is a {type(value).__name__}; send an object or null"
        )
    # Nobody can nest deeper than they open brackets; hardly anybody opens as many as are allowed.
    brackets = state.count(b"{") + state.count(b"[")
    if brackets > limits.value_depth and _depth(value) > limits.value_depth:
        raise _too_deep(limits)
    return value


def encode_state(value: Mapping[str, Json]) -> bytes:
    """The JSON of a state in the form that ``JSON.stringify`` gives it, to the byte.

    Compact, without needless escapes, half a surrogate pair as ``\\udxxx``. (Numbers that Python
    and JavaScript spell differently, such as 1e-7, are the exception.) Raises `ValueError` for
    infinities and NaN, which ``JSON.parse`` would not take.
    """
    return _ENCODER.encode(value).encode("utf-8", "backslashreplace")


def stamp_state(state: bytes, user: str, name: str, limits: Limits) -> bytes:
    """A state with the ``id`` and ``name`` in its ``user`` object set. Raises as `decode_state`."""
    value = decode_state(state, limits)
    theirs = value.get("user")
    shown = theirs if isinstance(theirs, dict) else {}
    try:
        stamped = encode_state({**value, "user": {**shown, "id": user, "name": name}})
    except ValueError as error:  # 1e999 reads as infinity
        raise MalformedFrame(f"a presence state is no JSON: {error}") from error
    _check_size(stamped, limits)
    return stamped


def _read_entry(reader: Reader, limits: Limits) -> PresenceState:
    client, clock, state = reader.read_uint(), reader.read_uint(), reader.read_bytes()
    if state == LEFT:
        return PresenceState(client, clock, "", None)
    value = decode_state(state, limits)
    shown = value.get("user")
    user = shown.get("id") if isinstance(shown, dict) else None
    return PresenceState(client, clock, user if isinstance(user, str) else "", value)


def _check_size(state: bytes, limits: Limits) -> None:
    most = limits.awareness_bytes
    if len(state) > most:
        raise FrameTooLarge(f"a presence state of {len(state)} bytes; at most {most} are taken")


def _depth(value: Json) -> int:
    """How many lists and objects are inside one another. Level by level, so nothing recurses."""
    depth = 0
    level = [value]
    while level := [item for item in level if isinstance(item, (dict, list))]:
        depth += 1
        level = [inner for item in level for inner in _items(item)]
    return depth


def _items(container: dict[str, Json] | list[Json]) -> Iterable[Json]:
    return container.values() if isinstance(container, dict) else container


def _too_deep(limits: Limits) -> HostileUpdate:
    return HostileUpdate(f"a presence state nests deeper than {limits.value_depth} levels")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = JSONDecoder(parse_constant=_refuse_constant)
_ENCODER: Final = JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
