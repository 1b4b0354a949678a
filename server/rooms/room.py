"""A room: one document, its peers, and the path of an update.

``receive`` decodes, asks the grant, inspects, applies; what the document *emits* is pending until
the writer has committed it; ``publish`` merges it, encodes it once and hands it to every peer, its
sender too. Everything between two awaits is plain synchronous code on one thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from time import monotonic, time
from typing import TypeVar

import anyio
from pycrdt import Doc, Map

from crdt_calendar.errors import (
    CalendarError,
    CorruptData,
    OverloadError,
    RateExceeded,
    StorageError,
    TooManyConnections,
    Unauthenticated,
)
from crdt_calendar.limits import Limits
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.protocol import messages
from crdt_calendar.protocol.awareness import PresenceTable
from crdt_calendar.protocol.ledger import Admission, Ledger, finish
from crdt_calendar.protocol.messages import Message, PermissionDenied, SyncStatus, SyncStep2
from crdt_calendar.protocol.parts import split
from crdt_calendar.protocol.presence import NOBODY
from crdt_calendar.protocol.session import (
    DiffWanted,
    Event,
    PresenceReceived,
    PresenceWanted,
    StatusAsked,
    UpdateReceived,
)
from server.auth.grants import Grant, Role
from server.rooms.audience import Audience
from server.rooms.batch import Batch
from server.rooms.frame import Frame
from server.rooms.index import Index
from server.rooms.journal import Journal
from server.rooms.news import View
from server.rooms.observer import Observer
from server.rooms.pace import Pace
from server.rooms.participant import Participant
from server.rooms.peer import Peer, Spawn, StateVector
from server.rooms.referee import Referee
from server.rooms.replica import NOTHING, SERVER, Replica
from server.rooms.schedule import Schedule, Turn
from server.rooms.suspicion import Suspicion
from server.rooms.writer import Source, Writer
from server.storage.log import Entry, Log, Stored

# Stock clients take 30 s of silence for a dead line; two frames in that time forgive a lost tick.
QUIET_SECONDS = 15.0
LARGE_BYTES = 16 * 1024  # an update above that may take longer than others should wait
DELETES_AT_ONCE = 100  # yrs takes up to 0.2 ms for each range of deletions
COMMIT_SECONDS = 100e-6  # of processor time, besides telling everybody
# Stock clients send back every presence frame they hear; each costs about that much to drop.
REFLECTION_SECONDS = 3e-6
SILENCE = Frame(messages.encode_awareness(NOBODY))

M = TypeVar("M")
T = TypeVar("T")
Steps = Generator[None, None, Admission]


class Room(Source):
    """One project's document while somebody is in it."""

    def __init__(
        self,
        name: str,
        stored: Stored,
        ledger: Ledger,
        writer: Writer,
        observer: Observer,
        spawn: Spawn,
    ) -> None:
        self.name = name
        self.recovering = stored.recovering
        self.failed: CorruptData | None = None
        self._limits: Limits = writer.limits
        self._replica = Replica(stored.update, ledger)
        self._referee = Referee(self._replica, writer.limits)
        self._presence = PresenceTable(self._limits)
        self._writer = writer
        self._observer = observer
        self._spawn = spawn
        self._loop = asyncio.get_running_loop()
        self._peers: dict[Peer, None] = {}
        self.audience = Audience(self)
        self.index = Index()
        self._journal = Journal(stored.seq, ledger.state_vector)
        self._offering = Turn(partial(writer.offer, self))
        self._showing = Turn(self._show_presence)
        self._schedule = Schedule(self._offering, self._showing)
        self._spoke_at = float("-inf")

    # Coming and going

    @contextmanager
    def joined(self, peer: Peer) -> Iterator[None]:
        """Have the peer in the room; whichever way the block is left, the peer is gone at once."""
        self.check_space()
        peer.catch_up, peer.spawn = self._catch_up, self._spawn
        self._peers[peer] = None
        try:
            self._greet(peer)
            yield
        finally:
            del self._peers[peer]
            peer.catch_up = None
            self.drop_presence(peer)

    def drop_presence(self, who: Participant) -> None:
        """Whoever that was is gone from everybody's presence."""
        self._presence.leave(who, monotonic())
        self._schedule.want(self._showing)

    def check_space(self) -> None:
        """Raises `TooManyConnections` when the room is full."""
        if len(self._peers) + len(self.audience) >= self._limits.connections_per_room:
            raise TooManyConnections(f"room {self.name} is full; try again later")

    @property
    def peers(self) -> tuple[Peer, ...]:
        """Those who speak Yjs."""
        return tuple(self._peers)

    @property
    def participants(self) -> tuple[Participant, ...]:
        """Everybody who is here."""
        return (*self._peers, *self.audience.listeners)

    @property
    def position(self) -> int:
        """The sequence number of the last update that was published."""
        return self._journal.position

    @property
    def presence(self) -> PresenceTable:
        """What the people here show of themselves; for reading."""
        return self._presence

    @property
    def idle(self) -> bool:
        """Whether the room may be let go: nobody is here, everything is on disk."""
        return not (self._peers or self.audience or self._journal)

    def close(self) -> None:
        """Free the document."""
        self._schedule.close()
        self.audience.close()
        self.index.close()
        self._replica.close()

    def _greet(self, peer: Peer) -> None:
        self._put(peer, peer.session.start(self._state_vector()))
        if everyone := self._presence.everything():
            peer.put(Frame(messages.encode_awareness(everyone)))

    async def regrant(self, one: Participant) -> None:
        """Ask again what somebody may do. Who may write from now on is asked for what they have:
        it was refused before."""
        could_edit = one.grant.may_edit
        await one.regrant()
        if isinstance(one, Peer) and one.grant.may_edit and not could_edit:
            self._put(one, messages.SyncStep1(self._state_vector()))

    # Receiving

    def receive(self, peer: Peer, frame: bytes) -> Awaitable[None] | None:
        """Take one message of a peer. Raises `CalendarError` when that peer has to go.

        What it returns is to be awaited before the peer's next message is given: a large update
        is inspected bit by bit, and who sends too fast is held. Mostly that is nothing.
        """
        arrived = monotonic()
        hold = peer.meter.charge(len(frame), arrived)
        message = messages.decode(frame, self._limits)
        self._observer.received(type(message).__name__, len(frame))
        rest = self._handle(peer, peer.session.receive(message), arrived)
        return self._hold_back(hold, rest) if hold else rest

    def _handle(self, peer: Peer, event: Event, arrived: float) -> Awaitable[None] | None:
        match event:
            case PresenceReceived(body):
                self._receive_presence(peer, body, arrived)
            case UpdateReceived():
                return self._receive_update(peer, event, arrived)
            case DiffWanted(state_vector):
                known = messages.read_state_vector(state_vector, self._limits)
                peer.had = known if peer.had is None and not peer.session.synced else peer.had
                peer.want(known)
            case PresenceWanted():
                if everyone := self._presence.everything():
                    peer.put(Frame(messages.encode_awareness(everyone), droppable=True))
            case StatusAsked():
                self.after_commit(lambda: self._put(peer, SyncStatus(event.payload)))
            case _:
                pass  # a peer refuses something of ours: nothing follows
        return None

    async def _hold_back(self, seconds: float, rest: Awaitable[None] | None) -> None:
        # While this waits the socket is not read: the sender's own TCP connection slows it down.
        if rest is not None:
            await rest
        if seconds > self._limits.hold_seconds:
            raise RateExceeded("far more messages than this connection may send; try again later")
        await anyio.sleep(seconds)

    def _receive_presence(self, peer: Peer, body: bytes, now: float) -> None:
        if (answer := self.take_presence(peer, body, now)) is not None:
            peer.put(Frame(messages.encode_awareness(answer)))

    def take_presence(self, who: Participant, body: bytes, now: float) -> bytes | None:
        """Take in what somebody says of themselves; see `PresenceTable.receive`."""
        owner_of = self._replica.ledger.owner_of
        reflections = self._presence.reflections
        answer = self._presence.receive(who, who.stamp, body, now, owner_of)
        if self._presence.reflections == reflections and self._presence.has_changes:
            self._showing.pace.changed()
            self._schedule.want(self._showing)
        return answer

    def _receive_update(
        self, peer: Peer, event: UpdateReceived, arrived: float
    ) -> Awaitable[None] | None:
        self._writer.check()
        unknown = self._unknown_to(peer, event)
        if len(event.update) > LARGE_BYTES:
            return self._receive_in_parts(peer, event, arrived, unknown)
        admission = finish(self._check(peer, event.update))
        self._admit(peer, event, admission, arrived, unknown)
        return None

    def _unknown_to(self, peer: Peer, event: UpdateReceived) -> StateVector:
        """From which clocks on this update's writer knows nothing of which clients."""
        if event.answer or peer.had is None:
            return self._journal.unpublished()
        had, peer.had = peer.had, None
        ends = self._replica.ledger.state_vector
        return {client: had.get(client, 0) for client in ends if ends[client] > had.get(client, 0)}

    async def _receive_in_parts(
        self, peer: Peer, event: UpdateReceived, arrived: float, unknown: StateVector
    ) -> None:
        """Take in a large update bit by bit; other rooms have their turn in between."""
        for part in split(event.update, self._limits, DELETES_AT_ONCE):
            await asyncio.sleep(0)
            if part is not None and peer.error is None:
                admission = await _drive(self._check(peer, part))
                if not self._admit(peer, event, admission, arrived, unknown):
                    return

    def _check(self, peer: Peer, update: bytes) -> Steps:
        foreign = self.recovering and peer.grant.may_edit
        return self._replica.ledger.check(update, peer.grant.user, foreign=foreign)

    def _admit(
        self,
        peer: Peer,
        event: UpdateReceived,
        admission: Admission,
        arrived: float,
        unknown: StateVector,
    ) -> bool:
        """Apply what the ledger passed and the grant allows; say whether to go on with the update.

        An Update with a gap waits as a whole for the SyncStep2 that fills it: its deletions belong
        to what is missing, and would take a value away before the new one is there.
        """
        reply = peer.session.after_update(event, gap=admission.gap, state_vector=self._state_vector)
        if reply is not None:
            self._put(peer, reply)
        if not admission.update or (admission.gap and event.answer):
            return not admission.gap
        if not peer.grant.may_edit:
            self._refuse(peer)
            return False
        started = monotonic()
        self._apply(peer.grant.user, admission, arrived, unknown)
        if peer.meter.spend(monotonic() - started) > self._limits.hold_seconds:
            raise RateExceeded("these updates take too long to apply; send less at a time")
        return True

    def _state_vector(self) -> bytes:
        """What we say we have: what is on disk. Whoever hears it may take it for an ack."""
        return messages.write_state_vector(self._journal.published)

    def _refuse(self, peer: Peer) -> None:
        self._observer.refused("forbidden")
        self._put(peer, PermissionDenied(f"{peer.grant.user} may read this calendar, not edit it"))

    def _apply(self, user: str, admission: Admission, arrived: float, unknown: StateVector) -> None:
        suspicion = self._referee.look(user, admission, unknown)
        try:
            update = self._replica.apply(admission)
        except CorruptData as error:
            self._fail(error)
            raise
        if update:
            self._emit(user, update, admission, arrived)
        if suspicion is not None:
            self._judge(suspicion, arrived)

    def _judge(self, suspicion: Suspicion, arrived: float) -> None:
        # Whatever odd values there are, who wrote them keeps the connection; there is no record.
        with suppress(CalendarError, ArithmeticError, ValueError):
            self._replica.judge(partial(self._referee.judge, suspicion))
        for update, admission in self._replica.take_own():
            self._referee.note(admission)
            self._emit(SERVER, update, admission, arrived)

    def _fail(self, error: CorruptData) -> None:
        """The document cannot be trusted any more: everybody comes back to one loaded anew."""
        self.failed = error
        for one in self.participants:
            one.end(OverloadError("the document is loaded anew; come back in a moment"))

    # Editing from inside

    async def edit(self, grant: Grant, change: Callable[[Calendar], T]) -> T:
        """Run `change` on the calendar as that user; return its result once it is on disk.

        Raises `Forbidden` without the role of an editor, and whatever `change` raises.
        """
        return await self.edit_as(Calendar, grant, change)

    async def edit_as(self, model: Callable[..., M], grant: Grant, change: Callable[[M], T]) -> T:
        """The same on another model of the document; see `Replica.model`."""
        result = self.write_as(model, grant, change)
        await self.committed()
        return result

    async def edit_and_view(
        self, grant: Grant, change: Callable[[Calendar], object], look: Callable[[Calendar], T]
    ) -> View[T]:
        """Run `change` as that user; what `look` then sees as of the commit that the change is in.

        That is what the news of that commit say, too. Raises like `edit`, and what `look` raises.
        """
        self.write_as(Calendar, grant, change)
        return await self.view(look)

    def write_as(self, model: Callable[..., M], grant: Grant, change: Callable[[M], T]) -> T:
        """Run `change` at once and do not wait; `after_commit` tells when it is on disk.

        Raises as `edit` does.
        """
        grant.require(Role.EDITOR)
        self._writer.check()
        arrived = monotonic()
        try:
            return self._replica.edit(grant.user, change, model)
        finally:
            # Also what a change wrote before it failed: the document has it, so the log must.
            for update, admission in self._replica.take_own():
                self._emit(grant.user, update, admission, arrived)

    async def view(self, look: Callable[[Calendar], T]) -> View[T]:
        """What `look` sees in the calendar, once all that it shows is on disk.

        It is called while the document shows whole commits and nothing beyond them. Raises what
        `look` raises.
        """
        return await self.view_as(self.index.calendar, look)

    async def browse(self, look: Callable[[Calendar], T]) -> View[T]:
        """The same for a look at many events: first the index is brought up, bit by bit."""
        await self.index.ready(self._replica.doc)
        return await self.view(look)

    async def view_as(self, model: Callable[..., M], look: Callable[[M], T]) -> View[T]:
        """The same of another model of the document; see `Replica.model`."""
        seen: asyncio.Future[View[T]] = self._loop.create_future()

        def see() -> Callable[[], object]:
            try:
                value = look(self._replica.model(model))
            except Exception as error:
                if not seen.done():  # whoever asked may be gone
                    seen.set_exception(error)
                return _nothing

            def release() -> None:
                if not seen.done():
                    seen.set_result(View(self.position, value))

            return release

        self.settle(see)
        return await seen

    @property
    def limits(self) -> Limits:
        """What is allowed here."""
        return self._limits

    @property
    def log(self) -> Log:
        """Where this room's history is."""
        return self._writer.log

    @property
    def doc(self) -> Doc[Map[object]]:
        """The document, to be observed; only `edit` writes to it."""
        return self._replica.doc

    def read(self) -> Calendar:
        """The calendar, for reading; may show edits that are not on disk yet."""
        return self._replica.read()

    def read_as(self, model: Callable[..., M]) -> M:
        """The same of another model of the document; see `Replica.model`."""
        return self._replica.model(model)

    def encode(self) -> bytes:
        """The whole document as one update."""
        return self._replica.encode({})

    async def committed(self) -> None:
        """Wait until everything emitted so far is on disk."""
        done = anyio.Event()
        self.after_commit(done.set)
        await done.wait()

    # Towards the disk and out

    def settle(self, look: Callable[[], Callable[[], object]]) -> None:
        """Look at whole commits, and show what was seen once it is on disk: `Journal.settle`."""
        self._journal.settle(look)

    def _emit(self, user: str, update: bytes, admission: Admission, arrived: float) -> None:
        entry = Entry(self.name, update, user, int(time() * 1000), admission.bindings)
        self._journal.add(entry, admission.authors, arrived)
        self._writer.account(len(update))
        self._offering.pace.changed()
        self._schedule.want(self._offering)

    def after_commit(self, action: Callable[[], object]) -> None:
        """Do something that shows the document as it is now, once that is on disk."""
        if self._journal.hold(action):
            self._schedule.want(self._offering)

    def take(self) -> Batch:
        """Hand over everything pending; what comes later belongs to the next batch."""
        batch = self._journal.take()
        batch.draft = self.audience.take() if batch.entries else None
        batch.held += [look() for look in batch.looks]
        return batch

    def publish(self, batch: Batch) -> None:
        """The batch is on disk: let everybody hear of it."""
        self._journal.landed(batch)
        if batch.draft is not None:
            authors = frozenset(entry.user for entry in batch.entries)
            self.audience.publish(batch.draft, batch.position, authors)
        # Held answers first: a difference made after the first of these updates builds on nothing
        # that a peer lacks, while the updates may build on the difference.
        for action in batch.held:
            action()
        if batch.entries:
            update = messages.encode_update(batch.merged())
            self._speak(Frame(update, droppable=True), self._offering.pace, COMMIT_SECONDS)
            self._journal.told(batch)
        now = monotonic()
        for arrived in batch.received:
            self._observer.acknowledged(now - arrived)

    def _show_presence(self) -> None:
        """Send all that changed in presence, the latest of each client, to everybody."""
        if changes := self._presence.take_changes():
            besides = self._presence.reflections * REFLECTION_SECONDS
            self._presence.reflections = 0
            frame = Frame(messages.encode_awareness(changes), droppable=True)
            self.audience.see(changes)
            self._speak(frame, self._showing.pace, besides)

    def _speak(self, frame: Frame, pace: Pace, besides_seconds: float) -> None:
        """Hand a frame to everybody; `besides_seconds` is what doing so costs elsewhere."""
        started = self._spoke_at = monotonic()
        since = self._journal.published
        for peer in self._peers:
            peer.put(frame, since)
        peers = len(self._peers)
        self._observer.sent(peers, len(frame) * peers)
        # The next callback runs after the loop has flushed the sockets: the true cost.
        self._loop.call_soon(self._spoken, started, pace, besides_seconds, peers)

    def _spoken(self, started: float, pace: Pace, besides_seconds: float, peers: int) -> None:
        seconds = monotonic() - started
        pace.cost(seconds + besides_seconds)
        self._observer.published(seconds, peers)

    def _catch_up(self, peer: Peer, since: StateVector) -> None:
        """Answer with all that is not in `since`, once it is on disk."""
        if self._writer.failing and self._journal:
            self._spawn(partial(self._answer_from_disk, peer, peer.stale))
            return
        difference = Frame(messages.encode(SyncStep2(self._replica.encode(since))))
        self.after_commit(partial(self._refresh, peer, difference, peer.stale))

    async def _answer_from_disk(self, peer: Peer, was_stale: bool) -> None:
        """While commits fail: what is safe may be read; the rest follows when it is on disk."""
        try:
            stored = await self._writer.log.load(self.name)
        except StorageError as error:
            peer.end(error)
            return
        difference = Frame(messages.encode(SyncStep2(stored.update or NOTHING)))
        self._refresh(peer, difference, was_stale)

    def _refresh(self, peer: Peer, difference: Frame, was_stale: bool) -> None:
        peer.refresh(difference)
        if was_stale and (everyone := self._presence.everything()):
            peer.put(Frame(messages.encode_awareness(everyone), droppable=True))
        self._observer.sent(1, len(difference))

    def _put(self, peer: Peer, message: Message) -> None:
        frame = Frame(messages.encode(message))
        peer.put(frame)
        self._observer.sent(1, len(frame))

    # Once a second

    def sweep(self, now: float) -> None:
        """Expire presence and grants, and break silences. `now` is monotonic."""
        self._presence.expire(now)
        if self._presence.has_changes:
            self._schedule.want(self._showing)
        wall = time()
        quiet = now - QUIET_SECONDS
        self.audience.sweep(now)
        self.index.sweep(now)
        for one in self.participants:
            if one.grant.expires is not None and one.grant.expires <= wall:
                one.end(Unauthenticated("the token has expired; come back with a new one"))
        for peer in self._peers:
            if self._spoke_at < quiet and peer.quiet_since < quiet:
                peer.put(SILENCE)
                peer.quiet_since = now


def _nothing() -> None:
    pass


async def _drive(steps: Steps) -> Admission:
    while True:
        try:
            next(steps)
        except StopIteration as done:
            admission: Admission = done.value
            return admission
        await asyncio.sleep(0)
