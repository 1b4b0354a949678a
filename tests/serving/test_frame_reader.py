"""The frame reader against wsproto's client, however the network cuts the bytes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import BytesMessage, Ping, TextMessage

from crdt_calendar.errors import FrameTooLarge, MalformedFrame
from server.serving.reader import FrameReader

MOST = 200_000


def written(*events: BytesMessage | TextMessage | Ping) -> bytes:
    client = Connection(ConnectionType.CLIENT)
    return b"".join(client.send(event) for event in events)


def cut(data: bytes, seed: int) -> list[bytes]:
    chooser = random.Random(seed)
    pieces = []
    while data:
        size = chooser.choice((1, 2, 3, 7, 100, 70_000))
        pieces.append(data[:size])
        data = data[size:]
    return pieces


@given(
    lengths=st.lists(st.sampled_from([0, 1, 5, 124, 125, 126, 127, 1000, 65_535, 65_536])),
    seed=st.integers(0, 1 << 20),
)
def test_messages_come_out_whole_and_in_order_however_they_are_cut(
    lengths: list[int], seed: int
) -> None:
    messages = [random.Random(seed + n).randbytes(length) for n, length in enumerate(lengths)]
    data = written(*(BytesMessage(data=message) for message in messages))
    reader = FrameReader(MOST)
    pieces = [piece for part in cut(data, seed) for piece in reader.feed(part)]
    assert [piece.data for piece in pieces] == messages
    assert all(piece.is_message for piece in pieces)


@given(seed=st.integers(0, 1 << 20))
def test_everything_else_leaves_frame_by_frame_as_it_came(seed: int) -> None:
    events: list[BytesMessage | TextMessage | Ping] = [
        BytesMessage(data=b"one"),
        Ping(payload=b"p"),
        TextMessage(data="글"),
        BytesMessage(data=b"fra", message_finished=False),
        Ping(payload=b"between"),
        BytesMessage(data=b"gment", message_finished=True),
        BytesMessage(data=b"two"),
    ]
    data = written(*events)
    reader = FrameReader(MOST)
    pieces = [piece for part in cut(data, seed) for piece in reader.feed(part)]
    assert pieces[0] == (True, b"one")
    assert not any(piece.is_message for piece in pieces[1:])  # a fragment: order counts
    server = Connection(ConnectionType.SERVER)
    heard = []
    for piece in pieces:
        if not piece.is_message:
            server.receive_data(piece.data)
            heard += list(server.events())
    assert [type(event) for event in heard] == [type(event) for event in events[1:]]


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"\x82\x01", id="no mask"),
        pytest.param(b"\xc2\x81", id="compressed"),
        pytest.param(b"\x92\x81", id="a reserved bit"),
        pytest.param(b"\x83\x81", id="no such opcode"),
        pytest.param(b"\x8b\x81", id="no such control frame"),
        pytest.param(b"\x89\xfe", id="a long ping"),
        pytest.param(b"\x09\x81", id="a ping in fragments"),
        pytest.param(b"\x80\x81", id="continues nothing"),
    ],
)
def test_what_no_client_may_send_is_refused_by_its_header(header: bytes) -> None:
    reader = FrameReader(MOST)
    assert reader.feed(header[:1]) == []
    with pytest.raises(MalformedFrame):
        reader.feed(header[1:] + bytes(200))


@pytest.mark.parametrize("length", [MOST + 1, (1 << 63) - 1])
def test_a_frame_over_the_limit_is_refused_by_its_header(length: int) -> None:
    header = b"\x82\xff" + length.to_bytes(8, "big") + bytes(4)
    reader = FrameReader(MOST)
    assert reader.feed(header[:13]) == []
    with pytest.raises(FrameTooLarge):
        reader.feed(header[13:])


@given(seed=st.integers(0, 1 << 20), length=st.sampled_from([MOST + 1, MOST * 3]))
def test_a_frame_that_was_refused_is_passed_over(seed: int, length: int) -> None:
    data = written(BytesMessage(data=b"before"), BytesMessage(data=bytes(length)))
    data += written(BytesMessage(data=b"after"), Ping())
    reader = FrameReader(MOST)
    heard, refused = [], 0
    for part in cut(data, seed):
        try:
            heard += reader.feed(part)
        except FrameTooLarge:
            refused += 1
            assert reader.feed(b"") == []
    assert refused == 1
    assert [piece.is_message for piece in heard][-2:] == [True, False]
    assert heard[-2].data == b"after"
