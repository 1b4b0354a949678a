"""An outbox: what waits for the line of one connection that hears of several rooms.

A frame goes straight to the line while that has room. Past that it waits here; past the budget all
droppable frames are dropped, and whose news they were is told from which position on they have to
be told again once the line has drained. A line that takes nothing for `Limits.stale_seconds` ends
the connection with 1013.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from crdt_calendar.errors import CalendarError, TooSlow
from crdt_calendar.limits import Limits
from server.rooms.frame import Frame
from server.rooms.line import Line

Spawn = Callable[[Callable[[], Coroutine[Any, Any, None]]], object]

log = logging.getLogger(__name__)


class Owner(Protocol):
    """Whose news a frame has."""

    def fall_behind(self, position: int) -> None:
        """What came after that position was dropped, and has to be told again."""


@dataclass(frozen=True, slots=True)
class Gathering:
    """How to collect: up to ``size`` messages, for up to ``seconds``, as ``pack`` joins them."""

    size: int
    seconds: float
    pack: Callable[[Sequence[Frame]], Frame]


@dataclass(slots=True)
class _Item:
    frame: Frame
    owners: tuple[tuple[Owner, int], ...] = ()
    fallback: Frame | None = None


class Outbox:
    """Frames in order. ``drained`` is called when all that waited has gone."""

    def __init__(
        self,
        line: Line,
        limits: Limits,
        *,
        spawn: Spawn,
        ended: Callable[[CalendarError], object],
        drained: Callable[[], object],
    ) -> None:
        self._line = line
        self._limits = limits
        self._spawn = spawn
        self._ended = ended
        self._drained = drained
        self._queue: deque[_Item] = deque()
        self._queued_bytes = 0
        self._pumping = False
        self._closed = False
        self._space = asyncio.Event()
        self._space.set()
        self._gathering: Gathering | None = None
        self._gathered: list[_Item] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_full(self) -> bool:
        """Whether so much waits that nobody should add what can wait."""
        return self._queued_bytes > self._limits.outbox_bytes // 2

    async def space(self) -> None:
        """Wait until little waits here; for what would otherwise fill it."""
        await self._space.wait()

    def put(
        self,
        frame: Frame,
        owner: Owner | None = None,
        before: int = 0,
        *,
        fallback: Frame | None = None,
    ) -> None:
        """Send the frame, now or when the line has room.

        ``before`` is the position that the owner's client has, should this frame be dropped.
        ``fallback`` takes the place of a frame that is not droppable, but says that all before it
        has been told, should any of that be dropped.
        """
        if self._closed:
            return
        item = _Item(frame, () if owner is None else ((owner, before),), fallback)
        if self._gathering is not None:
            self._gather(item, self._gathering)
        elif self._pumping or not self._line.offer(frame):
            self._enqueue(item)

    def gather(self, gathering: Gathering | None) -> None:
        """Collect from now on, or no longer."""
        self._flush()
        self._gathering = gathering

    def close(self) -> None:
        """Nothing more leaves from here."""
        self._closed = True
        self._gathered.clear()
        self._clear()
        if self._timer is not None:
            self._timer.cancel()
        self._space.set()

    def _gather(self, item: _Item, gathering: Gathering) -> None:
        for part in item.frame.parts:
            part.droppable = item.frame.droppable
            self._gathered.append(_Item(part, item.owners, item.fallback))
            if len(self._gathered) >= gathering.size:
                self._flush()
        if self._gathered and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(gathering.seconds, self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        items, self._gathered = self._gathered, []
        while items and self._gathering is not None:
            # What may be dropped and what may not does not go into one frame.
            kind = items[0].frame.droppable
            end = next(
                (n for n, one in enumerate(items) if one.frame.droppable != kind), len(items)
            )
            packed = _packed(items[:end], self._gathering)
            if self._pumping or not self._line.offer(packed.frame):
                self._enqueue(packed)
            items = items[end:]

    def _enqueue(self, item: _Item) -> None:
        self._queue.append(item)
        self._queued_bytes += len(item.frame)
        if self._queued_bytes > self._limits.outbox_bytes and len(self._queue) > 1:
            self._shed()
        if self._queued_bytes > self._limits.outbox_bytes // 8:
            self._space.clear()
        if not self._pumping and not self._closed:
            self._pumping = True
            self._spawn(self._pump)

    def _shed(self) -> None:
        dropped = [item for item in self._queue if item.frame.droppable]
        kept = (item for item in self._queue if not item.frame.droppable)
        self._queue = deque(_Item(item.fallback or item.frame) for item in kept)
        self._queued_bytes = sum(len(item.frame) for item in self._queue)
        for item in dropped:
            for owner, position in item.owners:
                owner.fall_behind(position)
        if self._queued_bytes > self._limits.outbox_bytes:
            self._ended(TooSlow("too many answers wait unread; read faster or ask less"))

    def _clear(self) -> None:
        self._queue.clear()
        self._queued_bytes = 0

    async def _pump(self) -> None:
        try:
            while self._queue:
                item = self._queue.popleft()
                self._queued_bytes -= len(item.frame)
                await self._line.send(item.frame, self._limits.stale_seconds)
        except CalendarError as error:
            self._clear()
            self._ended(error)
        except Exception:  # the pumps of all connections share one task group
            log.exception("a line broke")
            self._clear()
            self._ended(TooSlow("the connection broke"))
        finally:
            self._pumping = False
            self._space.set()
        if not self._closed:
            self._drained()


def _packed(items: Sequence[_Item], gathering: Gathering) -> _Item:
    frame = gathering.pack([item.frame for item in items])
    owners = tuple(owner for item in items for owner in item.owners)
    fallback = None
    if any(item.fallback for item in items):
        fallback = gathering.pack([item.fallback or item.frame for item in items])
    return _Item(frame, owners, fallback)
