from __future__ import annotations

import pytest
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import BytesMessage

from server.rooms.frame import Frame


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_the_wire_form_is_one_whole_unmasked_binary_frame(length: int) -> None:
    payload = bytes(range(256)) * (length // 256 + 1)
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(Frame(payload[:length]).wire)
    messages = [event for event in client.events() if isinstance(event, BytesMessage)]
    assert b"".join(bytes(message.data) for message in messages) == payload[:length]
    assert messages[-1].message_finished


def test_the_wire_form_is_made_once() -> None:
    frame = Frame(b"content")
    assert frame.wire is frame.wire
