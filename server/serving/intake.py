"""The intake of one connection: whole messages straight to the room, all else to hypercorn.

A message goes from the transport to its receiver in one call, 3 us instead of the 40 us that a
stream reader, hypercorn's two state machines and wsproto take. What the frame reader leaves alone
(control frames, text, fragments) goes on to the protocol that was there before, in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from crdt_calendar.errors import ProtocolError
from server.gateways.line import Ended, Receiver
from server.serving.reader import FrameReader, Piece

General = Callable[[bytes], Awaitable[None]]


class Intake(asyncio.Protocol):
    """Reads in two stages: handed bytes by hypercorn at first, then as the transport's protocol.

    Bytes that came with the handshake are in hypercorn's hands; only when all of those have been
    taken may new ones take the short way.
    """

    __slots__ = ("_ended", "_inner", "_later", "_reader", "_receiver", "_transport", "_waiting")

    def __init__(
        self, most_bytes: int, receiver: Receiver, ended: Ended, *, texts: bool = False
    ) -> None:
        self._reader = FrameReader(most_bytes, texts=texts)
        self._receiver = receiver
        self._ended = ended
        self._transport: asyncio.Transport | None = None
        self._inner: asyncio.Protocol = asyncio.Protocol()
        self._waiting: asyncio.Task[None] | None = None
        self._later: list[bytes] = []

    @property
    def has_taken_over(self) -> bool:
        """Whether the transport speaks to this object first."""
        return self._transport is not None

    async def read(self, data: bytes, general: General) -> None:
        """Stage one: take the messages out of `data`; the rest goes to `general`."""
        for is_message, content in self._feed(data):
            if not is_message:
                await general(content)
            elif (rest := self._receiver(content)) is not None:
                await rest

    def take_over(self, transport: asyncio.Transport) -> None:
        """Stage two: nothing read is waiting anywhere; what comes from now on comes here first."""
        self._transport = transport
        self._inner = cast(asyncio.Protocol, transport.get_protocol())
        transport.set_protocol(self)

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        """Deliver every message in `data`; stop reading where one takes longer."""
        if self._waiting is not None:
            self._later.append(data)  # was on its way when reading was paused
            return
        pieces = self._feed(data)
        for position, (is_message, content) in enumerate(pieces):
            if not is_message:
                self._inner.data_received(content)
            elif (rest := self._receiver(content)) is not None:
                self._pause(rest, pieces[position + 1 :])
                return

    def eof_received(self) -> bool | None:
        """The client will send nothing more."""
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """The transport has enough to write."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """The transport has room again."""
        self._inner.resume_writing()

    def _feed(self, data: bytes) -> list[Piece]:
        try:
            return self._reader.feed(data)
        except ProtocolError as error:
            self._ended(error)
            return []

    def _pause(self, rest: Awaitable[None], pieces: list[Piece]) -> None:
        assert self._transport is not None
        self._transport.pause_reading()
        self._waiting = asyncio.get_running_loop().create_task(self._finish(rest, pieces))

    async def _finish(self, rest: Awaitable[None], pieces: list[Piece]) -> None:
        await rest
        for is_message, content in pieces:
            if not is_message:
                self._inner.data_received(content)
            elif (more := self._receiver(content)) is not None:
                await more
        self._waiting = None
        self._resume()

    def _resume(self) -> None:
        later, self._later = b"".join(self._later), []
        if later:
            self.data_received(later)
        if self._waiting is None and self._transport and not self._transport.is_closing():
            self._transport.resume_reading()
