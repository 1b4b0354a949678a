"""One line to the server while it lasts: hears, speaks, and notices when nobody is there."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

import anyio

from crdt_calendar.client.connection import NO_WORD, Ending
from crdt_calendar.client.dialogue import Dialogue, Parcel
from crdt_calendar.client.saved import Progress
from crdt_calendar.client.timing import Timing
from crdt_calendar.client.transports import LineLost, Transport
from crdt_calendar.errors import ProtocolError

# What is under way on a slow line delays the answer; a line that carries less is taken for dead.
SLOWEST_BYTES_PER_SECOND = 16 * 1024


class Line:
    """A transport with a dialogue on it.

    ``opened`` is called before the server's first message is taken in, ``heard`` after each.
    """

    def __init__(
        self,
        transport: Transport,
        dialogue: Dialogue,
        timing: Timing,
        *,
        opened: Callable[[], object],
        heard: Callable[[], object],
        progress: Callable[[Progress], object],
    ) -> None:
        self._transport = transport
        self._dialogue = dialogue
        self._timing = timing
        self._opened = opened
        self._told_heard = heard
        self._progress = progress
        self._news = anyio.Event()
        self._ending: Ending | None = None
        self._scope = anyio.CancelScope()
        self._is_open = False
        now = anyio.current_time()
        self._began_at = self._heard_at = self._spoke_at = self._show_at = now
        self._renew_at = now + timing.presence
        self._sending = False
        self._answer_due = math.inf
        self._under_way = 0  # bytes that no answer covers yet

    def wake(self) -> None:
        """There is something to say."""
        self._news.set()

    async def run(self) -> Ending:
        """Talk until the line is gone; return how that came."""
        with self._scope:
            async with anyio.create_task_group() as tasks:
                for work in (self._hear, self._speak, self._watch):
                    tasks.start_soon(self._until_lost, work)
        return self._ending or Ending()

    def end(self, ending: Ending) -> None:
        """Give the line up."""
        self._ending = self._ending or ending
        self._scope.cancel()

    async def _until_lost(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except LineLost as error:
            self.end(error.ending)

    async def _hear(self) -> None:
        while True:
            frame = await self._transport.receive()
            self._heard_at = anyio.current_time()
            self._answer_due = math.inf
            if not self._is_open:
                self._is_open = True
                self._opened()
            try:
                self._dialogue.receive(frame)
            except (ProtocolError, ValueError) as error:
                # Nothing may be passed over: what is missing comes with the next line.
                reason = f"the server sent what cannot be read: {error}"
                raise LineLost(Ending(NO_WORD, reason)) from error
            if self._dialogue.waiting:
                self._expect_answer()
            else:
                self._under_way = 0
            self._told_heard()
            self.wake()

    async def _speak(self) -> None:
        while True:
            # What is written in one turn of the loop leaves together.
            await anyio.lowlevel.checkpoint()
            self._news = anyio.Event()
            parcel = self._dialogue.take() or self._shown()
            if parcel is not None:
                await self._send(parcel)
                continue
            wait = self._show_at - anyio.current_time() if self._dialogue.shows else math.inf
            with anyio.move_on_after(max(wait, 0.0)):
                await self._news.wait()

    def _shown(self) -> Parcel | None:
        """What we show, unless that was said a moment ago."""
        now = anyio.current_time()
        if not self._is_open or now < self._show_at:
            return None
        parcel = self._dialogue.take_presence()
        if parcel is not None:
            self._show_at = now + self._timing.presence_pause
        return parcel

    async def _send(self, parcel: Parcel) -> None:
        sent = 0
        total = parcel.size_bytes

        def count(size: int) -> None:
            nonlocal sent
            sent = min(total, sent + size)
            self._spoke_at = anyio.current_time()
            self._under_way += size
            if parcel.backlog:
                self._progress(Progress(sent, total, parcel.backlog))

        self._spoke_at = anyio.current_time()
        self._sending = True
        await self._transport.send(parcel.frames, count)
        self._sending = False
        if parcel.asks and self._answer_due == math.inf:
            self._expect_answer()

    def _expect_answer(self) -> None:
        slack = self._under_way / SLOWEST_BYTES_PER_SECOND
        self._answer_due = anyio.current_time() + self._timing.answer + slack

    async def _watch(self) -> None:
        """Ask after long silence, renew presence; give up when nobody opens, takes or answers."""
        while True:
            now = anyio.current_time()
            due, reason = self._patience()
            if now >= due:
                raise LineLost(Ending(NO_WORD, reason))
            if now >= self._renew_at:
                self._renew_at = now + self._timing.presence
                self._dialogue.renew()
            silent_until = self._heard_at + self._timing.heartbeat
            if now >= silent_until and not self._dialogue.waiting:
                self._dialogue.beat()
                self.wake()
            # Something may fall due meanwhile, but nothing earlier than in an answer's time.
            await anyio.sleep(min(due, self._renew_at, now + self._timing.answer / 4) - now)

    def _patience(self) -> tuple[float, str]:
        if not self._is_open:
            return self._began_at + self._timing.opening, "the server says nothing"
        if self._sending and self._answer_due == math.inf:
            last = max(self._heard_at, self._spoke_at)
            return last + self._timing.answer, "the line takes nothing any more"
        return self._answer_due, f"no answer within {self._timing.answer:g} s"
