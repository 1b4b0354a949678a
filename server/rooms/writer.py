"""The log writer: the one task between what documents emit and what peers hear.

It takes everything pending in all rooms that are due, commits it in one transaction, and only then
lets each room publish its batch. Promise 1 ("an echo is an ack") is these three lines of `_write`.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import anyio

from crdt_calendar.errors import BacklogFull, CommitFailed
from crdt_calendar.limits import Limits
from server.rooms.batch import Batch
from server.rooms.observer import Observer
from server.storage.log import Entry, Log

RETRY_SECONDS = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0)


class Writer:
    """Commits what rooms offer. One per process, since one process writes a data directory."""

    def __init__(self, log: Log, limits: Limits, observer: Observer) -> None:
        self.log = log
        self.failing: CommitFailed | None = None
        self.limits = limits
        self._observer = observer
        self._offered: dict[Source, None] = {}
        self._backlog_bytes = 0
        self._backlog_entries = 0
        self._wake = anyio.Event()
        self._idle = anyio.Event()

    @property
    def backlog_bytes(self) -> int:
        """The size of updates accepted and not yet on disk."""
        return self._backlog_bytes

    @property
    def backlog_entries(self) -> int:
        """The number of updates accepted and not yet on disk."""
        return self._backlog_entries

    def check(self) -> None:
        """Raise `BacklogFull` when no more may be accepted before something is committed."""
        if self._backlog_bytes > self.limits.backlog_bytes:
            raise BacklogFull("edits wait for the disk; nothing is lost, try again later")

    def account(self, size_bytes: int) -> None:
        """An update of that size was accepted into some room's batch."""
        self._backlog_bytes += size_bytes
        self._backlog_entries += 1

    def offer(self, source: Source) -> None:
        """Have the source's batch taken and committed as soon as the writer is free."""
        self._offered[source] = None
        self._wake.set()

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            if not self._offered:
                self._idle.set()
                await self._wake.wait()
            self._wake = anyio.Event()
            self._idle = anyio.Event()
            await self._write(self._take())

    async def flushed(self) -> None:
        """Wait until nothing offered is waiting for the disk."""
        while self._offered or not self._idle.is_set():
            await self._idle.wait()

    def _take(self) -> list[tuple[Source, Batch]]:
        # Not in `run`: a name there would keep the last room alive until the next edit anywhere.
        offered, self._offered = self._offered, {}
        return [(source, source.take()) for source in offered]

    async def _write(self, batches: Sequence[tuple[Source, Batch]]) -> None:
        entries = [entry for _, batch in batches for entry in batch.entries]
        positions = iter(await self._commit(entries) if entries else ())
        for source, batch in batches:
            for _ in batch.entries:
                batch.position = next(positions)
            source.publish(batch)

    async def _commit(self, entries: list[Entry]) -> Sequence[int]:
        attempt = 0
        while True:
            started = perf_counter()
            try:
                positions = await self.log.append(entries)
                break
            except CommitFailed as error:
                self.failing = error
                self._observer.commit_failed()
            await anyio.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            attempt += 1
        self.failing = None
        self._backlog_bytes -= sum(len(entry.update) for entry in entries)
        self._backlog_entries -= len(entries)
        self._observer.committed(perf_counter() - started, len(entries))
        return positions


class Source:
    """Something with a batch to commit: a room."""

    __slots__ = ()

    def take(self) -> Batch:
        """Hand over everything pending; what comes later belongs to the next batch."""
        raise NotImplementedError

    def publish(self, batch: Batch) -> None:
        """The batch is on disk: let everybody hear of it."""
        raise NotImplementedError
