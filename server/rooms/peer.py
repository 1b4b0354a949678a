"""A peer: one connection in a room, with one bounded outbox.

A frame goes straight to the line while that has room. Past that it waits in the outbox; past the
outbox's budget all droppable frames are dropped, the peer is stale, and once it has drained it is
sent one difference from the state it had. A peer that takes nothing for `Limits.stale_seconds` is
closed with 1013. Nobody else notices.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from crdt_calendar.errors import CalendarError, TooSlow
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.session import SyncSession
from server.auth.grants import Grant
from server.rooms.frame import Frame
from server.rooms.line import Line
from server.rooms.meter import Meter
from server.rooms.participant import Participant

Spawn = Callable[[Callable[[], Coroutine[Any, Any, None]]], object]
StateVector = Mapping[int, int]

NOTHING: StateVector = {}

log = logging.getLogger(__name__)


class Peer(Participant):
    """One connection in one room. See `Participant` for ``ended`` and ``reconsider``.

    The room sets ``spawn``, to start the pump, and ``catch_up``, to ask for a difference.
    """

    __slots__ = (
        "_awaited",
        "_limits",
        "_line",
        "_pumping",
        "_queue",
        "_queued_bytes",
        "_since",
        "catch_up",
        "had",
        "meter",
        "quiet_since",
        "session",
        "spawn",
        "stale",
    )

    def __init__(
        self,
        line: Line,
        grant: Grant,
        limits: Limits,
        *,
        now: float,
        ended: Callable[[], object],
        reconsider: Callable[[Grant], Awaitable[Grant]],
    ) -> None:
        super().__init__(grant, ended=ended, reconsider=reconsider)
        self.meter = Meter(limits, now)
        self.session = SyncSession()
        self.had: StateVector | None = None  # until it has sent what it wrote before it came
        self.stale = False
        self.quiet_since = now
        self.catch_up: Callable[[Peer, StateVector], None] | None = None
        self.spawn: Spawn | None = None
        self._line = line
        self._limits = limits
        self._queue: deque[Frame] | None = None  # most peers never need one
        self._queued_bytes = 0
        self._since: StateVector = NOTHING
        self._pumping = False
        self._awaited = False  # a difference has been asked for and is waiting for its commit

    def put(self, frame: Frame, since: StateVector = NOTHING) -> None:
        """Send the frame, now or when the line has room.

        ``since`` is what has been published before this frame: what the peer has, should this
        frame and those after it have to be dropped.
        """
        if self._pumping or self.stale or not self._line.offer(frame):
            self._enqueue(frame, since)

    def want(self, state_vector: StateVector) -> None:
        """The peer asked for what it lacks since `state_vector`; a full outbox answers once."""
        if self._pumping:
            self._fall_behind(state_vector)
        elif not self._awaited:
            self._ask_difference(state_vector)

    def refresh(self, difference: Frame) -> None:
        """Send the difference a stale peer was waiting for; what follows builds on it."""
        self.stale = self._awaited = False
        self.put(difference)

    def end(self, error: CalendarError) -> None:
        """Close this connection, with that error as the reason; what waits is dropped."""
        if self.error is None:
            self._queue = None
            self._queued_bytes = 0
        super().end(error)

    @property
    def queued_bytes(self) -> int:
        """What waits in the outbox; bounded by `Limits.outbox_bytes` and one frame."""
        return self._queued_bytes

    def _enqueue(self, frame: Frame, since: StateVector) -> None:
        if self.error is not None or (self.stale and frame.droppable):
            return
        if self._queue is None:
            self._queue = deque()
        if not self._queue and not self.stale:
            self._since = since
        self._queue.append(frame)
        self._queued_bytes += len(frame)
        if self._queued_bytes > self._limits.outbox_bytes and len(self._queue) > 1:
            self._fall_behind(self._since)
        if not self._pumping and self.spawn is not None:
            self._pumping = True
            self.spawn(self._pump)

    def _fall_behind(self, since: StateVector) -> None:
        self.stale = True
        self._since = since
        self._queue = deque(frame for frame in self._queue or () if not frame.droppable)
        self._queued_bytes = sum(map(len, self._queue))
        if self._queued_bytes > self._limits.outbox_bytes:
            self.end(TooSlow("too many answers wait unread; read faster or ask less"))

    async def _pump(self) -> None:
        try:
            while self._queue:
                frame = self._queue.popleft()
                self._queued_bytes -= len(frame)
                await self._line.send(frame, self._limits.stale_seconds)
        except CalendarError as error:
            self.end(error)
        except Exception:  # the pumps of all peers share one task group: none may bring it down
            log.exception("a line broke")
            self.end(TooSlow("the connection broke"))
        finally:
            self._pumping = False
            self._queue = None
        if self.stale and not self._awaited:
            self._ask_difference(self._since)

    def _ask_difference(self, since: StateVector) -> None:
        self._awaited = True
        if self.catch_up is not None and self.error is None:
            self.catch_up(self, since)
