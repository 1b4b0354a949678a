"""A line: the way to one peer's socket, as a contract.

The gateway has one that works over any ASGI server; serving offers one that reaches the transport.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from server.rooms.frame import Frame


class Line(ABC):
    """Takes frames in order. Nothing is dropped here; what waits, waits in the peer's outbox."""

    __slots__ = ()

    @abstractmethod
    def offer(self, frame: Frame) -> bool:
        """Write the frame now if that needs no waiting; say whether it was written."""

    @abstractmethod
    async def send(self, frame: Frame, patience_seconds: float) -> None:
        """Write the frame and wait until the line has room for more.

        Raises `TooSlow` when nothing at all was taken for `patience_seconds`.
        """

    @abstractmethod
    def abort(self) -> None:
        """Cut the line without waiting for what is still unsent, if that is possible."""
