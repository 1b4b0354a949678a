"""A frame: one message on its way to any number of peers, encoded once."""

from __future__ import annotations

FINAL_BINARY = 0x82  # RFC 6455 section 5.2: FIN set, opcode 2


class Frame:
    """A message and, made when first asked for, the bytes of the WebSocket frame that carries it.

    A server's frames are not masked (RFC 6455 section 5.1), so that all peers are sent the same
    bytes. ``droppable`` frames may be replaced by one difference when a peer falls behind.
    """

    __slots__ = ("_wire", "droppable", "payload")

    def __init__(self, payload: bytes, *, droppable: bool = False) -> None:
        self.payload = payload
        self.droppable = droppable
        self._wire: bytes | None = None

    @property
    def wire(self) -> bytes:
        """The whole WebSocket frame."""
        if self._wire is None:
            self._wire = header(len(self.payload)) + self.payload
        return self._wire

    def __len__(self) -> int:
        return len(self.payload)


def header(length: int) -> bytes:
    """The head of an unmasked, unfragmented binary frame (RFC 6455 section 5.2)."""
    if length < 126:
        return bytes((FINAL_BINARY, length))
    if length < 1 << 16:
        return bytes((FINAL_BINARY, 126)) + length.to_bytes(2, "big")
    return bytes((FINAL_BINARY, 127)) + length.to_bytes(8, "big")
