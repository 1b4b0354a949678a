"""How one connection is spoken to: JSON, MessagePack or server-sent events, compressed or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from crdt_calendar.shapes.envelopes import (
    COMPRESS_BYTES,
    JSON,
    MSGPACK,
    Codec,
    Outgoing,
    compress,
)
from server.rooms.frame import Frame


@dataclass(frozen=True, slots=True)
class Voice:
    """A codec and what is done with what it makes. Two that are equal make the same bytes."""

    name: str
    codec: Codec
    is_compressing: bool = False
    is_stream: bool = False

    def frame(self, told: Outgoing, *, droppable: bool = False) -> Frame:
        """The frame that says this."""
        return self.framed(self.codec.encode(told), told.type, droppable=droppable)

    def framed(self, message: bytes, type_: str, *, droppable: bool = False) -> Frame:
        """The frame with a message that is encoded already."""
        if self.is_stream:
            # https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6; JSON of
            # ours has no line breaks. The blank line that ends it is written last, after the id.
            return Frame(b"event: %b\ndata: %b\n" % (type_.encode(), message), droppable=droppable)
        if self.is_compressing and len(message) >= COMPRESS_BYTES:
            return Frame(compress(message), droppable=droppable)
        return Frame(message, droppable=droppable, is_text=self.codec.is_text)

    def pack(self, frames: Sequence[Frame]) -> Frame:
        """Several messages as one, an array. Frames as `plain` makes them."""
        array = self.codec.join([frame.payload for frame in frames])
        return self.framed(array, "", droppable=frames[0].droppable)

    @property
    def plain(self) -> Voice:
        """The same without compression: for what is joined before it is compressed."""
        return replace(self, is_compressing=False)

    @property
    def compressing(self) -> Voice:
        """The same with compression of what is large."""
        return replace(self, is_compressing=True)


VOICES: Final = {
    "calendar.v1.json": Voice("json", JSON),
    "calendar.v1.msgpack": Voice("msgpack", MSGPACK),
}
"""By WebSocket subprotocol."""

STREAM: Final = Voice("stream", JSON, is_stream=True)
