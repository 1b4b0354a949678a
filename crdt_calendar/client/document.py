"""The document of one client: what is written here and what comes in, kept and told of in order."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack, suppress

import anyio
from pycrdt import TransactionEvent, merge_updates

from crdt_calendar.client.broadcast import Broadcast
from crdt_calendar.client.changes import Change, ChangeReader
from crdt_calendar.client.damage import MARK
from crdt_calendar.client.errors import ReplicaDamaged, ReplicaFailed
from crdt_calendar.client.replica import Loaded, Replica, now
from crdt_calendar.client.saved import SaveLedger
from crdt_calendar.client.timing import Timing
from crdt_calendar.client.watched import WatchedDoc
from crdt_calendar.limits import Limits
from crdt_calendar.model import changes as told
from crdt_calendar.model.changes import ChangeFeed
from crdt_calendar.protocol.messages import read_state_vector
from crdt_calendar.protocol.update import inspect

NOTHING_NEW = b"\x00\x00"
"""The update that says nothing. A document may emit it when it parks an update for later, because
something before it is missing; or it emits nothing at all, as for an update that is known."""

_LIMITS = Limits()

MOST_CHANGES = 100_000


class LocalDocument:
    """A document, its replica if there is one, and the ledger of what has not arrived.

    Every edit made here is in the replica when the call returns that made it, and ``edited`` has
    been called with its update. Use it on one thread: pycrdt's objects stay on theirs.
    """

    def __init__(self, replica: Replica | None, ledger: SaveLedger) -> None:
        self.doc = WatchedDoc()  # with a fresh client id: what a crash cost us cannot be told twice
        self.ledger = ledger
        self.changes: Broadcast[Change] = Broadcast(MOST_CHANGES)
        self.edited: Callable[[bytes], object] = _unheard
        self.told: Callable[[], object] = _unwatched
        """Called when all that was written or came in has been told of."""
        self.dirty = anyio.Event()
        """Set while something waits for `flush`."""
        self.disk_error: ReplicaFailed | None = None
        """Why the disk did not take what was written last; None when it did."""
        self._replica = replica
        self._reader = ChangeReader(self.doc)
        self._feed = ChangeFeed(self.doc)
        self._emitted: list[bytes] = []
        self._applying = False
        self._open = ExitStack()

    def load(self) -> Loaded:
        """Take in what the replica holds, and listen from then on.

        Raises `ReplicaDamaged`; then the document is of no use any more.
        """
        loaded = Loaded(b"", [], 0, "") if self._replica is None else self._replica.load()
        if loaded.update:
            try:
                apply_update(self.doc, loaded.update)
            except ValueError as error:
                raise ReplicaDamaged(f"an update in the replica does not read: {error}") from error
        self.ledger.restore(loaded.pending, loaded.last)
        subscription = self.doc.observe(self._note)
        self._open.callback(self.doc.unobserve, subscription)
        self._open.enter_context(self._feed)
        self.doc.settled = self._settle
        return loaded

    def close(self) -> None:
        """Write what waits, and let the document go. Raises `ReplicaFailed`."""
        try:
            self.flush()
            self._compact()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let the document go: one that is observed is never freed."""
        self.doc.settled = self.told = _unwatched
        self._open.close()
        self.changes.end()
        if self._replica is not None:
            self._replica.close()

    def state_vector(self) -> bytes:
        """What the document has, in the encoding of Yjs."""
        return self.doc.get_state()

    def difference(self, state_vector: bytes) -> bytes:
        """What it has and the other lacks. Raises `ValueError` for what is no state vector."""
        return self.doc.get_update(state_vector)

    def apply(self, update: bytes) -> bool:
        """Take in what came from the server; return whether something before it is missing.

        Raises `ValueError` or `ProtocolError` for what is no update.
        """
        self._applying = True
        try:
            apply_update(self.doc, update)
        finally:
            self._applying = False
            emitted = [each for each in self._emitted if each != NOTHING_NEW]
            self._emitted = []
            self._keep(emitted)
        self._tell(self._feed.take(), local=False)
        self.told()
        return not emitted and self._lacks(update)

    def arrived(self, up_to: int) -> None:
        """Edits up to that number are on the server's disk."""
        if self.ledger.arrived(up_to) and self._replica is not None:
            self._replica.forget(up_to)
            self.dirty.set()

    def flush(self) -> None:
        """Write what waits. Raises `ReplicaFailed`."""
        if self._replica is None or not self._replica.dirty:
            return
        try:
            self._replica.flush()
        except ReplicaFailed as error:
            self.disk_error = error
            raise
        self.disk_error = None
        self.dirty = anyio.Event()
        self._compact()

    async def keep_writing(self, timing: Timing) -> None:
        """Write what comes from the server, many updates at once, until cancelled."""
        while True:
            await self.dirty.wait()
            await anyio.sleep(timing.write)
            try:
                self.flush()
            except ReplicaFailed:
                await anyio.sleep(timing.first)  # `disk_error` says so; it stays queued

    def _compact(self) -> None:
        """Nothing is lost where that fails, and no edit is to blame; the next one tries again."""
        if self._replica is not None and self._replica.grown:
            with suppress(ReplicaFailed):
                self._replica.compact(self.doc.get_update())

    def _note(self, event: TransactionEvent) -> None:
        self._emitted.append(event.update)

    def _settle(self) -> None:
        """After each transaction: what was written here is kept, and on its way."""
        if not self._emitted or self._applying:
            return
        emitted, self._emitted = self._emitted, []
        emitted = [each for each in emitted if each != NOTHING_NEW]
        changes = self._feed.take()
        if not emitted:
            return
        update = emitted[0] if len(emitted) == 1 else merge_updates(*emitted)
        at = now()
        text = self._text(changes, at.isoformat())
        events = frozenset(change.id for change in changes if hasattr(change, "id"))
        edit = self.ledger.note(at, events, text, update)
        try:
            if self._replica is not None:
                self._replica.queue(update, edit)
                self.flush()
        finally:
            self.edited(update)
            self._tell(changes, local=True)
            self.told()

    def _lacks(self, update: bytes) -> bool:
        """Whether an update that changed nothing waits for something, rather than being known."""
        said = inspect(update, _LIMITS)
        known = read_state_vector(self.doc.get_state(), _LIMITS)
        ends = {client: end for client, (_, end) in said.authors.items()}
        for delete in said.deletes:
            ends[delete.client] = max(ends.get(delete.client, 0), delete.end)
        return any(end > known.get(client, 0) for client, end in ends.items())

    def _keep(self, updates: list[bytes]) -> None:
        if self._replica is None or not updates:
            return
        for update in updates:
            self._replica.queue(update)
        self.dirty.set()

    def _tell(self, changes: list[told.Change], *, local: bool) -> None:
        if changes and self.changes:
            for change in self._reader.read(changes, local=local):
                self.changes.tell(change)

    def _text(self, changes: list[told.Change], at: str) -> str:
        """What an edit wrote, beginning with `MARK`; in ASCII, so that every byte of it can be
        found again."""
        number = self.ledger.last + 1
        rest = {"at": at, "changes": self._reader.describe(changes)}
        return f"{MARK}{number}, {json.dumps(rest, default=str)[1:]}"


def apply_update(doc: WatchedDoc, update: bytes) -> None:
    """Apply an update. Raises `ValueError` for one that yrs cannot read, or panics over."""
    try:
        doc.apply_update(update)
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # pyo3's, which is no Exception
            raise ValueError(f"yrs: {error}") from error
        raise


def _unheard(update: bytes) -> None:
    """There is no line."""


def _unwatched() -> None:
    """The document is closed."""
