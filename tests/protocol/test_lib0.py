"""lib0: every value survives the way there and back, and no input costs more than its length."""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pycrdt import Decoder, Encoder

from crdt_calendar.errors import HostileUpdate, MalformedFrame
from crdt_calendar.protocol.lib0 import MAX_UINT, Reader, Value, Writer, encode_uint

bounded = settings(derandomize=True, deadline=None, max_examples=300)

DEPTH = 8

uints = st.integers(0, MAX_UINT) | st.sampled_from([0, 63, 64, 127, 128, 2**32, MAX_UINT])
texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars: st.SearchStrategy[Value] = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | texts
    | st.binary()
)
values: st.SearchStrategy[Value] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)

Write = Callable[[Writer], None]
Read = Callable[[Reader], object]


def written(write: Write) -> bytes:
    writer = Writer()
    write(writer)
    assert len(writer) == len(writer.take())
    return writer.take()


def levels(value: Value) -> int:
    if isinstance(value, dict):
        return 1 + max(map(levels, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(levels, value), default=0)
    return 0


@given(uints)
@bounded
def test_uint_returns(value: int) -> None:
    data = written(lambda writer: writer.write_uint(value))
    assert data == encode_uint(value)
    reader = Reader(data)
    assert reader.read_uint() == value
    assert reader.at_end
    reader.finish()


@given(uints)
@bounded
def test_uint_is_what_pycrdt_writes_and_reads(value: int) -> None:
    encoder = Encoder()
    encoder.write_var_uint(value)
    assert encode_uint(value) == encoder.to_bytes()
    assert Decoder(encode_uint(value)).read_var_uint() == value


@given(st.lists(uints))
@bounded
def test_uints_up_to_the_end(numbers: list[int]) -> None:
    reader = Reader(b"\x05" + b"".join(map(encode_uint, numbers)) + b"\xff", 1)
    reader.end -= 1
    assert reader.read_uints() == numbers
    reader.finish()


@given(st.binary(max_size=40))
@bounded
def test_uints_are_refused_together_as_they_are_one_by_one(data: bytes) -> None:
    reader = Reader(data)
    numbers = []
    try:
        while not reader.at_end:
            numbers.append(reader.read_uint())
    except MalformedFrame:
        with pytest.raises(MalformedFrame):
            Reader(data).read_uints()
    else:
        assert Reader(data).read_uints() == numbers


@given(st.integers(-MAX_UINT, MAX_UINT))
@example(-MAX_UINT)
@example(MAX_UINT)
@example(-63)
@example(-64)
@bounded
def test_int_returns(value: int) -> None:
    reader = Reader(written(lambda writer: writer.write_int(value)))
    assert reader.read_int() == value
    reader.finish()


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x00", 0),
        (b"\x40", 0),  # -0, which JavaScript can say
        (b"\x41", -1),
        (b"\x3f", 63),
        (b"\x80\x01", 64),
        (b"\xc0\x01", -64),
        (b"\xbf\x01", 127),
    ],
)
def test_int_as_lib0_writes_it(data: bytes, value: int) -> None:
    assert Reader(data).read_int() == value


@given(texts)
@example("안녕하세요 📅")
@bounded
def test_string_counts_bytes(text: str) -> None:
    data = written(lambda writer: writer.write_string(text))
    assert data == encode_uint(len(text.encode())) + text.encode()
    assert Decoder(data).read_var_string() == text
    assert Reader(data).read_string() == text


def test_the_writer_of_pycrdt_still_counts_characters() -> None:
    """Why we have our own; when this fails, pycrdt has been mended."""
    encoder = Encoder()
    encoder.write_var_string("안녕")
    with pytest.raises(MalformedFrame):
        Reader(encoder.to_bytes()).read_string()


@given(st.integers(0, 255))
@bounded
def test_uint8_returns(value: int) -> None:
    data = written(lambda writer: writer.write_uint8(value))
    assert data == bytes([value])
    assert Reader(data).read_uint8() == value


@given(st.binary(), st.binary())
@bounded
def test_bytes_return_and_leave_the_rest(data: bytes, rest: bytes) -> None:
    writer = Writer()
    writer.write_bytes(data)
    writer.write_raw(rest)
    encoded = writer.take()
    reader = Reader(encoded)
    assert reader.read_bytes() == data
    assert reader.data[reader.position :] == rest
    skipper = Reader(encoded)
    skipper.skip_bytes()
    assert skipper.position == reader.position


@given(values)
@bounded
def test_any_returns(value: Value) -> None:
    reader = Reader(written(lambda writer: writer.write_any(value)))
    assert reader.read_any(DEPTH) == value
    reader.finish()


@given(values)
@bounded
def test_skipping_ends_where_reading_does_and_tells_the_depth(value: Value) -> None:
    reader = Reader(written(lambda writer: writer.write_any(value)))
    assert reader.skip_any(DEPTH) == levels(value)
    assert reader.at_end


@given(values.filter(lambda value: levels(value) > 0))
@bounded
def test_any_deeper_than_allowed_is_hostile(value: Value) -> None:
    data = written(lambda writer: writer.write_any(value))
    for read in (Reader.read_any, Reader.skip_any):
        with pytest.raises(HostileUpdate, match="nested deeper"):
            read(Reader(data), levels(value) - 1)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x7f", None),  # undefined
        (b"\x7e", None),
        (b"\x7d\x05", 5),
        (b"\x7c" + struct.pack(">f", 0.5), 0.5),
        (b"\x7b" + struct.pack(">d", 0.1), 0.1),
        (b"\x7a" + struct.pack(">q", -(2**60)), -(2**60)),
        (b"\x79", False),
        (b"\x78", True),
        (b"\x77\x02hi", "hi"),
        (b"\x76\x01\x01a\x7e", {"a": None}),
        (b"\x75\x02\x78\x79", [True, False]),
        (b"\x74\x02\x00\x01", b"\x00\x01"),
    ],
)
def test_any_as_lib0_numbers_it(data: bytes, value: Value) -> None:
    assert Reader(data).read_any(1) == value
    reader = Reader(data)
    reader.skip_any(1)
    assert reader.at_end


def test_a_repeated_key_counts_as_in_javascript() -> None:
    assert Reader(b"\x76\x02\x01a\x78\x01a\x79").read_any(1) == {"a": False}


def test_numbers_are_written_in_the_shortest_form_that_keeps_them() -> None:
    assert written(lambda writer: writer.write_any(0.5))[0] == 124
    assert written(lambda writer: writer.write_any(0.1))[0] == 123
    assert written(lambda writer: writer.write_any(1e300))[0] == 123  # more than float32 can hold
    nan = Reader(written(lambda writer: writer.write_any(math.nan))).read_any(0)
    assert isinstance(nan, float) and math.isnan(nan)


@pytest.mark.parametrize(
    "write",
    [
        lambda writer: writer.write_uint(-1),
        lambda writer: writer.write_uint(MAX_UINT + 1),
        lambda writer: writer.write_int(MAX_UINT + 1),
        lambda writer: writer.write_int(-MAX_UINT - 1),
        lambda writer: writer.write_any(2**63),
        lambda writer: writer.write_uint8(256),
        lambda writer: encode_uint(-1),
        lambda writer: encode_uint(MAX_UINT + 1),
    ],
)
def test_what_cannot_be_written_is_refused(write: Write) -> None:
    with pytest.raises(ValueError, match="is not an|must be in range"):
        write(Writer())


CUT = "input ends at byte"
LONG = "exceeds 8 bytes"
BIG = "exceeds 53 bits"

MALFORMED: list[tuple[bytes, Read, str]] = [
    (b"", Reader.read_uint8, CUT),
    (b"", Reader.read_uint, CUT),
    (b"\x80\x80", Reader.read_uint, CUT),
    (b"\x80" * 8 + b"\x01", Reader.read_uint, LONG),
    (b"\xff" * 7 + b"\x10", Reader.read_uint, BIG),
    (b"\x01\x80", Reader.read_uints, CUT),
    (b"\x01" + b"\x80" * 8, Reader.read_uints, LONG),
    (b"\x01" + b"\xff" * 7 + b"\x10", Reader.read_uints, BIG),
    (b"", Reader.read_int, CUT),
    (b"\x80", Reader.read_int, CUT),
    (b"\x80" * 8 + b"\x01", Reader.read_int, LONG),
    (b"\xbf" + b"\xff" * 6 + b"\x7f", Reader.read_int, BIG),
    (b"\x05abcd", Reader.read_bytes, CUT),
    (b"\x05abcd", Reader.skip_bytes, CUT),
    (b"\x02\xff\xfe", Reader.read_string, "byte 0 is not UTF-8"),
    (b"\x03\xed\xa0\x80", Reader.read_string, "not UTF-8"),  # half a surrogate pair
    (b"\x05", lambda reader: reader.read_any(1), "no plain value has type 5"),
    (b"\x80", lambda reader: reader.skip_any(1), "no plain value has type 128"),
    (b"\x7c\x00", lambda reader: reader.read_any(1), CUT),
    (b"\x7b\x00", lambda reader: reader.read_any(1), CUT),
    (b"\x7a\x00", lambda reader: reader.read_any(1), CUT),
    (b"\x7b\x00", lambda reader: reader.skip_any(1), CUT),
    (b"\x75\x03\x78\x78", lambda reader: reader.read_any(1), "3 items declared where only 2"),
    (b"\x76\x02\x00\x78\x00", lambda reader: reader.skip_any(1), "2 items declared where only 3"),
    (encode_uint(100_000_000), lambda reader: reader.read_count(1), "100000000 items declared"),
    (b"\x03abcde", lambda reader: reader.read_count(2), "3 items declared where only 5"),
    (b"\x00", Reader.finish, "1 bytes after the end"),
]


@pytest.mark.parametrize(("data", "read", "said"), MALFORMED)
def test_malformed(data: bytes, read: Read, said: str) -> None:
    with pytest.raises(MalformedFrame, match=said):
        read(Reader(data))


def test_a_count_that_fits() -> None:
    assert Reader(b"\x03abcdef").read_count(2) == 3


@pytest.mark.parametrize("tail", [b"", b"\xff" * 16])
@given(values)
@settings(bounded, max_examples=100)
def test_no_value_reaches_past_its_end(tail: bytes, value: Value) -> None:
    """Every cut of a value is refused, also where more bytes lie behind the reader's end."""
    data = written(lambda writer: writer.write_any(value))
    for size in range(len(data)):
        for read in (Reader.read_any, Reader.skip_any):
            with pytest.raises(MalformedFrame):
                read(Reader(data[:size] + tail, 0, size), DEPTH)


@given(st.binary(max_size=64))
@settings(bounded, max_examples=2000)
def test_any_bytes_give_a_value_or_one_of_two_errors(data: bytes) -> None:
    for read in (
        Reader.read_uint,
        Reader.read_int,
        Reader.read_string,
        lambda reader: reader.read_any(DEPTH),
        lambda reader: reader.skip_any(DEPTH),
    ):
        reader = Reader(data)
        try:
            read(reader)
        except (MalformedFrame, HostileUpdate):
            continue
        assert 0 < reader.position <= len(data)


@given(st.binary(max_size=64))
@settings(bounded, max_examples=1000)
def test_reading_and_skipping_agree(data: bytes) -> None:
    """Where reading fails skipping may pass (it decodes no strings), never the other way round."""
    reader, skipper = Reader(data), Reader(data)
    try:
        value = reader.read_any(DEPTH)
    except (MalformedFrame, HostileUpdate):
        return
    assert skipper.skip_any(DEPTH) >= levels(value)  # a repeated key may hide what is deeper
    assert skipper.position == reader.position


def test_start_and_end_bound_the_reader() -> None:
    reader = Reader(b"\x01\x02\x03", 1, 2)
    assert reader.read_uint() == 2
    assert reader.at_end
    reader.finish()
    assert Reader(b"\x01", 0, 99).end == 1


def test_hostile_bytes_cost_no_more_than_their_length() -> None:
    """pycrdt's decoder needs 1.1 s for the first of these, and 150 MB for the second."""
    began = time.process_time()
    with pytest.raises(MalformedFrame):
        Reader(b"\xff" * 80_000).read_uint()
    with pytest.raises(MalformedFrame):
        Reader(b"\x75" + encode_uint(100_000_000)).read_any(1)
    with pytest.raises(HostileUpdate):
        Reader(b"\x75\x01" * 30_000 + b"\x7e").skip_any(64)
    with pytest.raises(HostileUpdate):
        Reader(b"\x75\x01" * 30_000 + b"\x7e").read_any(64)
    assert time.process_time() - began < 0.1
