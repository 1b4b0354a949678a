"""Frames: exactly one message each, of a known type, within limits."""

from __future__ import annotations

import time
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import (
    Doc,
    Map,
    create_awareness_message,
    create_sync_message,
    create_update_message,
    handle_sync_message,
)

from crdt_calendar.errors import FrameTooLarge, HostileUpdate, MalformedFrame, ProtocolError
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.lib0 import MAX_UINT, encode_uint
from crdt_calendar.protocol.messages import (
    Awareness,
    Message,
    PermissionDenied,
    QueryAwareness,
    SyncStatus,
    SyncStep1,
    SyncStep2,
    Update,
    decode,
    encode,
    encode_awareness,
    encode_update,
    read_state_vector,
    write_state_vector,
)

LIMITS = Limits()

messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(SyncStep1, st.binary()),
    st.builds(SyncStep2, st.binary()),
    st.builds(Update, st.binary()),
    st.builds(Awareness, st.binary()),
    st.builds(PermissionDenied, st.text(st.characters(exclude_categories=["Cs"]))),
    st.builds(QueryAwareness),
    st.builds(SyncStatus, st.binary()),
)
vectors = st.dictionaries(st.integers(0, MAX_UINT), st.integers(0, LIMITS.clock), max_size=20)
bounded = settings(derandomize=True, deadline=None, max_examples=300)


@pytest.mark.parametrize(
    ("message", "frame"),
    [
        (SyncStep1(b"\x00"), b"\x00\x00\x01\x00"),
        (SyncStep2(b"ab"), b"\x00\x01\x02ab"),
        (Update(b"ab"), b"\x00\x02\x02ab"),
        (Awareness(b"\x00"), b"\x01\x01\x00"),
        (PermissionDenied("없음"), b"\x02\x00\x06" + "없음".encode()),
        (QueryAwareness(), b"\x03"),
        (SyncStatus(b"\x05"), b"\x66\x01\x05"),
    ],
)
def test_frames_on_the_wire(message: Message, frame: bytes) -> None:
    assert encode(message) == frame
    assert decode(frame, LIMITS) == message


@given(messages)
@bounded
def test_every_message_returns(message: Message) -> None:
    assert decode(encode(message), LIMITS) == message


@given(st.binary(max_size=300))
@bounded
def test_the_fast_paths_are_the_same_frames(payload: bytes) -> None:
    assert encode_update(payload) == encode(Update(payload))
    assert encode_awareness(payload) == encode(Awareness(payload))


def test_frames_are_those_of_pycrdt() -> None:
    doc: Doc[Map[object]] = Doc()
    doc["events"] = Map({"a": 1})
    update = doc.get_update()
    assert decode(create_sync_message(doc), LIMITS) == SyncStep1(doc.get_state())
    assert encode_update(update) == create_update_message(update)
    assert encode_awareness(b"\x00") == create_awareness_message(b"\x00")
    answer = handle_sync_message(encode(SyncStep1(b"\x00"))[1:], doc)
    assert answer is not None
    assert decode(answer, LIMITS) == SyncStep2(update)


@given(messages, st.integers(0, 3), st.binary(min_size=1, max_size=4))
@bounded
def test_one_frame_is_one_message(message: Message, cut: int, tail: bytes) -> None:
    frame = encode(message)
    with pytest.raises(MalformedFrame):
        decode(frame + tail, LIMITS)
    if cut < len(frame):
        with pytest.raises(MalformedFrame):
            decode(frame[:cut], LIMITS)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (b"", "ends at byte 0"),
        (b"\x04", "no message has type 4; known are 0, 1, 2, 3, 102"),
        (b"\x00\x03\x00", "no sync message has type 3; known are 0, 1, 2"),
        (b"\x02\x01\x00", "no auth message has type 1"),
        (b"\x02\x00\x01\xff", "not UTF-8"),
        (b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff", "exceeds 8 bytes"),
        (b"\x03\x00", "1 bytes after the end"),
    ],
)
def test_refusals_say_why(frame: bytes, said: str) -> None:
    with pytest.raises(MalformedFrame, match=said):
        decode(frame, LIMITS)


@given(st.binary(max_size=64))
@settings(bounded, max_examples=1000)
def test_any_bytes_give_a_message_or_a_protocol_error(frame: bytes) -> None:
    try:
        message = decode(frame, LIMITS)
    except ProtocolError:
        return
    assert decode(encode(message), LIMITS) == message


def test_frame_bytes_are_limited() -> None:
    limits = replace(LIMITS, frame_bytes=10)
    assert decode(encode_update(b"1234567"), limits) == Update(b"1234567")
    with pytest.raises(FrameTooLarge, match="11 bytes; at most 10"):
        decode(encode_update(b"12345678"), limits)


@pytest.mark.parametrize("message", [SyncStatus(b"x" * 1025), PermissionDenied("x" * 1025)])
def test_what_is_sent_on_is_short(message: Message) -> None:
    with pytest.raises(FrameTooLarge, match="takes at most 1024"):
        decode(encode(message), LIMITS)


def test_messages_are_values() -> None:
    message = Update(b"a")
    assert hash(message) == hash(Update(b"a"))
    assert len({message, SyncStep2(b"a")}) == 2
    with pytest.raises(FrozenInstanceError):
        message.update = b"b"  # type: ignore[misc]


@given(vectors)
@bounded
def test_state_vectors_return(clocks: dict[int, int]) -> None:
    assert read_state_vector(write_state_vector(clocks), LIMITS) == clocks


def test_state_vectors_are_those_of_pycrdt() -> None:
    doc: Doc[Map[object]] = Doc(client_id=7)
    doc["events"] = Map({"a": 1, "b": 2})
    clocks = read_state_vector(doc.get_state(), LIMITS)
    assert set(clocks) == {7}
    later = write_state_vector(clocks)
    assert later == doc.get_state()
    assert doc.get_update(later) == Doc().get_update()  # nothing is missing


def test_a_vector_that_claims_a_hundred_million_clients_costs_nothing() -> None:
    began = time.process_time()
    with pytest.raises(MalformedFrame, match="100000000 items declared"):
        read_state_vector(encode_uint(100_000_000), LIMITS)
    assert time.process_time() - began < 0.01


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", MalformedFrame),
        (b"\x01\x05", MalformedFrame),
        (b"\x01\x05\x80", MalformedFrame),
        (b"\x01\x05\x01\x05\x01", MalformedFrame),
        (b"\x01\x05\x01" + b"\x00" * 1000, MalformedFrame),
        (b"\x00\x00", MalformedFrame),
        (b"\x01\x05" + encode_uint(LIMITS.clock + 1), HostileUpdate),
        (encode_uint(200_001) + b"\x00" * 400_002, FrameTooLarge),
    ],
)
def test_bad_state_vectors(data: bytes, error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        read_state_vector(data, LIMITS)
