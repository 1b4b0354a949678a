"""A line that is a list: takes frames while it has room, and lets the test make room."""

from __future__ import annotations

import anyio

from crdt_calendar.errors import TooSlow
from server.rooms.frame import Frame
from server.rooms.line import Line


class ListLine(Line):
    """Takes `room_frames` frames at once; more wait until `read` takes some away."""

    def __init__(self, room_frames: int = 1_000_000) -> None:
        self.room_frames = room_frames
        self.frames: list[Frame] = []
        self.aborted = False
        self._read = anyio.Event()

    @property
    def payloads(self) -> list[bytes]:
        """What arrived."""
        return [frame.payload for frame in self.frames]

    def read(self, frames: int) -> None:
        """The other side reads: that many more frames find room."""
        self.room_frames += frames
        self._read.set()
        self._read = anyio.Event()

    def offer(self, frame: Frame) -> bool:
        if len(self.frames) >= self.room_frames:
            return False
        self.frames.append(frame)
        return True

    async def send(self, frame: Frame, patience_seconds: float) -> None:
        while not self.offer(frame):
            with anyio.move_on_after(patience_seconds):
                await self._read.wait()
                continue
            raise TooSlow("nothing was read")

    def abort(self) -> None:
        self.aborted = True
