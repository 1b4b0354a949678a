"""Lines for gateways: one over any ASGI server, and the name under which serving offers better."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from starlette.types import Send

from crdt_calendar.errors import CalendarError, TooSlow
from server.rooms.frame import Frame
from server.rooms.line import Line

# What a scope has in ``extensions`` when the server lets us write to the transport: an object with
# ``open_line(receiver, ended, texts=False, most_bytes=None) -> Line | None``, to be called before
# the connection is accepted; with ``texts`` it takes text messages as well, as bytes.
LINE_EXTENSION = "crdt_calendar.line"
SLOWEST_BYTES_PER_SECOND = 16 * 1024  # a line slower than that does not carry a calendar

# Takes a message (None: a text); what it returns is to be awaited before the next is given.
Receiver = Callable[[bytes | None], Awaitable[None] | None]
Ended = Callable[[CalendarError], object]


class AsgiLine(Line):
    """A line over any ASGI server: every frame waits for ``send``."""

    __slots__ = ("_send",)

    def __init__(self, send: Send) -> None:
        self._send = send

    def offer(self, frame: Frame) -> bool:
        """Never: there is no writing without waiting here."""
        return False

    async def send(self, frame: Frame, patience_seconds: float) -> None:
        """Send the frame; ASGI does not show progress, so large frames have longer."""
        seconds = patience_seconds + len(frame) / SLOWEST_BYTES_PER_SECOND
        with anyio.move_on_after(seconds):
            try:
                for part in frame.parts:
                    await self._send({"type": "websocket.send", **_content(part)})
            except OSError:
                pass  # the connection is gone; its reader will say so
            return
        raise TooSlow(f"nothing was read for {seconds:.0f} seconds")

    def abort(self) -> None:
        """ASGI has no such thing; the server closes when the application returns."""


def _content(frame: Frame) -> dict[str, bytes | str]:
    return {"text": frame.payload.decode()} if frame.is_text else {"bytes": frame.payload}
