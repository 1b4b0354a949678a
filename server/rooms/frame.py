"""A frame: one message on its way to any number of peers, encoded once."""

from __future__ import annotations

from collections.abc import Sequence

FINAL_TEXT = 0x81  # RFC 6455 section 5.2: FIN set, opcode 1
FINAL_BINARY = 0x82  # opcode 2


class Frame:
    """A message and, made when first asked for, the bytes of the WebSocket frame that carries it.

    A server's frames are not masked (RFC 6455 section 5.1), so that all peers are sent the same
    bytes. ``droppable`` frames may be replaced by one difference when a peer falls behind.
    """

    __slots__ = ("_wire", "droppable", "is_text", "payload")

    def __init__(self, payload: bytes, *, droppable: bool = False, is_text: bool = False) -> None:
        self.payload = payload
        self.droppable = droppable
        self.is_text = is_text
        self._wire: bytes | None = None

    @property
    def wire(self) -> bytes:
        """The whole WebSocket frame."""
        if self._wire is None:
            first = FINAL_TEXT if self.is_text else FINAL_BINARY
            self._wire = header(len(self.payload), first) + self.payload
        return self._wire

    @property
    def parts(self) -> Sequence[Frame]:
        """The frames that this is made of."""
        return (self,)

    def __len__(self) -> int:
        return len(self.payload)


class Bundle(Frame):
    """Several frames that leave together, by one write."""

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[Frame], *, droppable: bool = False) -> None:
        super().__init__(b"", droppable=droppable)
        self._parts = tuple(parts)
        self._wire = b"".join(part.wire for part in parts)

    @property
    def parts(self) -> Sequence[Frame]:
        """The frames that this is made of."""
        return self._parts

    def __len__(self) -> int:
        return len(self.wire)


def header(length: int, first: int = FINAL_BINARY) -> bytes:
    """The head of an unmasked, unfragmented frame (RFC 6455 section 5.2)."""
    if length < 126:
        return bytes((first, length))
    if length < 1 << 16:
        return bytes((first, 126)) + length.to_bytes(2, "big")
    return bytes((first, 127)) + length.to_bytes(8, "big")
