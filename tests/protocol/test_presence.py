"""Presence entries and the JSON in them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Awareness, Doc

from crdt_calendar.errors import FrameTooLarge, HostileUpdate, MalformedFrame, ProtocolError
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.lib0 import MAX_UINT
from crdt_calendar.protocol.presence import (
    NOBODY,
    Json,
    PresenceState,
    decode_state,
    encode_entry,
    encode_state,
    join_entries,
    read_presence,
    stamp_state,
    write_presence,
)

LIMITS = Limits()
bounded = settings(derandomize=True, deadline=None, max_examples=300)

# A cut emoji leaves half a surrogate pair.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.just("\ud83d")
json_values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner | texts, max_size=3),
    max_leaves=8,
)
states = st.dictionaries(texts, json_values | texts, max_size=3)
entries = st.builds(
    PresenceState,
    st.integers(0, MAX_UINT),
    st.integers(0, MAX_UINT),
    st.just(""),
    st.none() | states.filter(lambda state: "user" not in state),
)


@given(st.lists(entries, max_size=4))
@bounded
def test_entries_return(told: list[PresenceState]) -> None:
    assert read_presence(write_presence(told), LIMITS) == told


def test_nobody_is_a_body_without_entries() -> None:
    assert write_presence([]) == NOBODY
    assert read_presence(NOBODY, LIMITS) == []


def test_bodies_are_those_of_pycrdt() -> None:
    awareness = Awareness(Doc(client_id=7))
    awareness.set_local_state({"user": {"id": "ada", "name": "Ada"}, "cursor": 3})
    body = awareness.encode_awareness_update([7])
    (state,) = read_presence(body, LIMITS)
    value: dict[str, Json] = {"user": {"id": "ada", "name": "Ada"}, "cursor": 3}
    assert state == PresenceState(7, 1, "ada", value)
    assert write_presence([state]) == body


@pytest.mark.parametrize("user", [None, "ada", {"name": "Ada"}, {"id": 7}])
def test_a_state_that_names_no_user(user: Json) -> None:
    (state,) = read_presence(write_presence([PresenceState(1, 2, "", {"user": user})]), LIMITS)
    assert state.user == ""


# As JSON.stringify(JSON.parse(text)) of Node 20 gives them back.
STRINGIFIED = [
    '{"a":1,"b":[true,null,1.5],"c":{}}',
    '{"name":"김하늘 📅","tab":"\\t\\b\\f\\n\\r\\u0000\\u001f\x7f"}',
    '{"quote":"\\"\\\\/","line":"\u2028\u2029"}',
    '{"half":"\\ud83d","other":"\\udcc5"}',
]


@pytest.mark.parametrize("text", STRINGIFIED)
def test_states_are_written_as_json_stringify_does(text: str) -> None:
    assert encode_state(decode_state(text.encode(), LIMITS)) == text.encode()


@given(states)
@bounded
def test_states_return(state: dict[str, Json]) -> None:
    assert decode_state(encode_state(state), LIMITS) == state


@pytest.mark.parametrize(
    ("state", "stamped"),
    [
        ({}, {"user": {"id": "ada", "name": "Ada"}}),
        ({"cursor": 3}, {"cursor": 3, "user": {"id": "ada", "name": "Ada"}}),
        (
            {"user": {"name": "Bob", "color": "#f00", "id": "bob"}, "cursor": 3},
            {"user": {"name": "Ada", "color": "#f00", "id": "ada"}, "cursor": 3},
        ),
        ({"user": "bob"}, {"user": {"id": "ada", "name": "Ada"}}),
        ({"user": [1]}, {"user": {"id": "ada", "name": "Ada"}}),
    ],
)
def test_stamps_replace_what_a_state_claims(state: Json, stamped: Json) -> None:
    text = stamp_state(json.dumps(state).encode(), "ada", "Ada", LIMITS)
    assert text == json.dumps(stamped, separators=(",", ":")).encode()


def nested(depth: int) -> bytes:
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"", MalformedFrame),
        (b"{", MalformedFrame),
        (b"{} {}", MalformedFrame),
        (b"[]", MalformedFrame),
        (b"3", MalformedFrame),
        (b"nul", MalformedFrame),
        (b'"text"', MalformedFrame),
        (b'{"a":NaN}', MalformedFrame),
        (b'{"a":-Infinity}', MalformedFrame),
        (b'{"a":1e999}', MalformedFrame),
        (b'{"a":' + b"1" * 5000 + b"}", MalformedFrame),
        (b'{"a":"\xff"}', MalformedFrame),
        (nested(65), HostileUpdate),
        (nested(10_000), HostileUpdate),
        (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", HostileUpdate),
        (b'{"a":"' + b"x" * LIMITS.awareness_bytes + b'"}', FrameTooLarge),
        (b'{"a":"' + b"x" * (LIMITS.awareness_bytes - 10) + b'"}', FrameTooLarge),  # once stamped
    ],
)
def test_bad_states(text: bytes, error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        stamp_state(text, "ada", "Ada", LIMITS)


@pytest.mark.parametrize("text", [b'{"a":NaN}', b'{"a":Infinity}', b"[]", b""])
def test_bad_states_in_a_body(text: bytes) -> None:
    with pytest.raises(MalformedFrame):
        read_presence(join_entries([encode_entry(b"\x01", 1, text)]), LIMITS)


def test_states_as_deep_as_allowed() -> None:
    stamp_state(nested(64), "ada", "Ada", LIMITS)
    wide = b'{"a":[' + b",".join([b"[{}]"] * 100) + b"]}"
    stamp_state(wide, "ada", "Ada", replace(LIMITS, value_depth=4))
    with pytest.raises(HostileUpdate, match="deeper than 3 levels"):
        stamp_state(wide, "ada", "Ada", replace(LIMITS, value_depth=3))


def test_a_number_that_json_cannot_say_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_presence([PresenceState(1, 1, "", {"a": float("nan")})])


@given(st.binary(max_size=40))
@settings(bounded, max_examples=1000)
def test_any_bytes_give_entries_or_a_protocol_error(body: bytes) -> None:
    try:
        told = read_presence(body, LIMITS)
    except ProtocolError:
        return
    assert read_presence(write_presence(told), LIMITS) == told
