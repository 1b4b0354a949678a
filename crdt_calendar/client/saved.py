"""How far each edit has come: who waits for the server's disk, and what has not arrived there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile

import anyio

from crdt_calendar.client.edits import PendingEdit
from crdt_calendar.client.errors import EditsRejected


@dataclass(frozen=True, slots=True)
class Progress:
    """A backlog on its way up: bytes handed to the network, of how many, with how many edits."""

    sent_bytes: int
    total_bytes: int
    edits: int


@dataclass(slots=True, eq=False)
class _Waiter:
    up_to: int
    done: anyio.Event = field(default_factory=anyio.Event)
    error: EditsRejected | None = None


class SaveLedger:
    """The edits that are not on the server's disk yet, in the order in which they were made."""

    def __init__(self, rejected: Callable[[EditsRejected], object]) -> None:
        self._rejected = rejected
        self._edits: dict[int, PendingEdit] = {}
        self._waiting: list[_Waiter] = []
        self._refusal: tuple[str, int | None] | None = None
        self._told_up_to = 0  # up to which number rejections have been told
        self.last = 0
        """The number of the latest edit; 0 before the first."""

    def __len__(self) -> int:
        return len(self._edits)

    @property
    def pending(self) -> tuple[PendingEdit, ...]:
        """What has not arrived, oldest first."""
        return tuple(self._edits.values())

    def restore(self, edits: Iterable[PendingEdit], last: int) -> None:
        """Edits of former sessions that did not arrive; ``last`` is the highest number ever."""
        for edit in edits:
            self._edits[edit.number] = edit
        self.last = max([last, *self._edits])

    def note(self, at: datetime, events: frozenset[str], told: str, update: bytes) -> PendingEdit:
        """An edit was made."""
        self.last += 1
        edit = PendingEdit(self.last, at, events, told, update)
        self._edits[edit.number] = edit
        return edit

    def arrived(self, up_to: int) -> bool:
        """Everything up to that number is on the server's disk. Returns whether that is news."""
        done = list(takewhile(lambda number: number <= up_to, self._edits))
        for number in done:
            del self._edits[number]
        for waiter in list(self._waiting):
            if waiter.up_to <= up_to:
                waiter.done.set()
        return bool(done)

    def refused(self, reason: str, code: int | None = None) -> None:
        """The server does not take what is pending: whoever waits hears why, and which edits."""
        self._refusal = (reason, code)
        if not self._edits:
            return
        error = EditsRejected(reason, self.pending, code)
        for waiter in self._waiting:
            if not waiter.done.is_set():
                waiter.error = error
                waiter.done.set()
        fresh = [edit for edit in error.edits if edit.number > self._told_up_to]
        if fresh:
            self._told_up_to = fresh[-1].number
            self._rejected(EditsRejected(reason, fresh, code))

    def end(self) -> None:
        """The client is closed: nobody waits any longer."""
        for waiter in self._waiting:
            waiter.error = EditsRejected("the client was closed meanwhile", self.pending)
            waiter.done.set()

    def welcomed(self) -> None:
        """The server asks for what we have: whatever was refused before is tried again."""
        self._refusal = None

    async def settled(self) -> None:
        """Wait until everything written so far is on the server's disk. Raises `EditsRejected`."""
        if not self._edits:
            return
        if self._refusal is not None:
            reason, code = self._refusal
            raise EditsRejected(reason, self.pending, code)
        waiter = _Waiter(self.last)
        self._waiting.append(waiter)
        try:
            await waiter.done.wait()
        finally:
            self._waiting.remove(waiter)
        if waiter.error is not None:
            raise waiter.error
