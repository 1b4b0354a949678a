"""One session of long polling: a peer of a room whose line is made of requests.

What the room has to say waits here for the next poll. Nothing is kept of what a poll was answered:
who loses an answer opens a new session, and the states that both sides exchange then heal it.
"""

from __future__ import annotations

import asyncio
import math
from time import monotonic

import anyio

from crdt_calendar.errors import CalendarError, NoSuchSession, ServiceRestart, TooSlow
from crdt_calendar.limits import Limits
from server.auth.authority import Authority
from server.auth.grants import Grant
from server.auth.tokens import Claims
from server.gateways.polling.items import pack, unpack
from server.rooms.frame import Frame
from server.rooms.line import Line
from server.rooms.peer import Peer
from server.rooms.registry import Registry
from server.rooms.room import Room

LINE_BYTES = 256 * 1024  # what waits here for a poll; the rest waits in the peer's outbox


class PollLine(Line):
    """Frames on their way to the next poll."""

    __slots__ = ("_bytes", "_frames", "news", "taken")

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self._bytes = 0
        self.news = anyio.Event()
        self.taken = anyio.Event()

    def __bool__(self) -> bool:
        return bool(self._frames)

    def offer(self, frame: Frame) -> bool:
        """Take the frame unless too much waits already."""
        if self._frames and self._bytes + len(frame) > LINE_BYTES:
            return False
        self._frames.append(frame.payload)
        self._bytes += len(frame)
        self.news.set()
        return True

    async def send(self, frame: Frame, patience_seconds: float) -> None:
        """Wait until a poll has made room for the frame."""
        with anyio.move_on_after(patience_seconds):
            while not self.offer(frame):
                await self.taken.wait()
            return
        raise TooSlow(f"nothing was polled for {patience_seconds:.0f} seconds")

    def abort(self) -> None:
        """There is nothing to cut."""

    def take(self) -> list[bytes]:
        """All that waits."""
        frames, self._frames, self._bytes = self._frames, [], 0
        self.news, (taken, self.taken) = anyio.Event(), (self.taken, anyio.Event())
        taken.set()
        return frames


class PollSession:
    """A peer that comes by polls. `run` it in a task of its own; it ends when that ends."""

    def __init__(
        self, registry: Registry, authority: Authority, limits: Limits, patience_seconds: float
    ) -> None:
        self.user = ""
        self.project = ""
        self.ended_at: float | None = None
        self._registry = registry
        self._authority = authority
        self._limits = limits
        self._patience_seconds = patience_seconds
        self._line = PollLine()
        self._scope = anyio.CancelScope()
        self._ready = anyio.Event()
        self._error: CalendarError | None = None
        self._room: Room | None = None
        self._peer: Peer | None = None
        self._polls = 0
        self._turn = 0

    async def run(self, grant: Grant, claims: Claims, epoch: int) -> None:
        """Be in the room until left, closed by the server, or not polled for too long."""
        self.user, self.project = grant.user, grant.project
        try:
            async with self._registry.visit(grant.project, grant.user) as room:
                peer = self._make_peer(grant, claims)
                self._expect_poll()
                with self._scope, room.joined(peer):
                    if epoch != self._registry.epoch:  # memberships changed meanwhile
                        await peer.regrant()
                    self._room, self._peer = room, peer
                    self._ready.set()
                    await anyio.sleep_forever()
            self._error = peer.error or self._error
        except CalendarError as error:
            self._error = error
        finally:
            self.ended_at = monotonic()
            self._room = self._peer = None
            self._ready.set()
            self._line.news.set()

    async def opened(self) -> None:
        """Wait until it is in the room. Raises why it is not."""
        await self._ready.wait()
        self._check()

    async def receive(self, body: bytes) -> None:
        """Hand the messages of a request to the room, in order. Raises `CalendarError`."""
        try:
            for message in unpack(body, self._limits):
                self._check()
                if self._room is not None and self._peer is not None:
                    rest = self._room.receive(self._peer, message)
                    if rest is not None:
                        await rest
        except CalendarError as error:
            if self._peer is not None:
                self._peer.end(error)
            raise

    async def poll(self, seconds: float) -> bytes:
        """What there is to say, as soon as there is something; b"" after so long, or when another
        poll comes. Raises the reason for which the server closed the session.
        """
        self._turn += 1
        turn = self._turn
        self._polls += 1
        self._scope.deadline = math.inf
        self._line.news.set()  # the poll before this one need not wait any longer
        self._line.news = anyio.Event()
        try:
            with anyio.move_on_after(seconds):
                while turn == self._turn and not self._line and self.ended_at is None:
                    await self._line.news.wait()
            # What belongs together comes within one turn of the loop.
            await asyncio.sleep(0)
        finally:
            self._polls -= 1
            self._expect_poll()
        if turn != self._turn:
            return b""
        if not self._line:
            self._check()
        return pack(self._line.take())

    def take(self) -> bytes:
        """What there is to say now."""
        return pack(self._line.take())

    def leave(self) -> None:
        """Out of the room, at once."""
        self._scope.cancel()

    def _expect_poll(self) -> None:
        if not self._polls:
            self._scope.deadline = anyio.current_time() + self._patience_seconds

    def _make_peer(self, grant: Grant, claims: Claims) -> Peer:
        return Peer(
            self._line,
            grant,
            self._limits,
            now=monotonic(),
            ended=self._scope.cancel,
            reconsider=lambda held: self._authority.regrant(held, claims),
        )

    def _check(self) -> None:
        if self.ended_at is None:
            return
        if self._error is None and self._registry.stopping:
            raise ServiceRestart("this server is stopping; come back in a moment")
        raise self._error or NoSuchSession("this session is over; open a new one")
