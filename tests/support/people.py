"""People who edit one calendar from documents of their own, over bad lines.

A `Person` is a client as the library means it: a `pycrdt.Doc`, a `Ledger` in front of it that takes
updates in any order, a `SyncSession`, and a line to the room on which frames are lost, doubled and
overtaken.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from random import Random

from pycrdt import Doc, Map

from crdt_calendar.limits import Limits
from crdt_calendar.protocol import messages
from crdt_calendar.protocol.ledger import Ledger, finish
from crdt_calendar.protocol.messages import Message, SyncStep1, SyncStep2, Update
from crdt_calendar.protocol.session import DiffWanted, SyncSession, UpdateReceived
from tests.rooms.house import House, Visitor
from tests.support.author import Author

LIMITS = Limits()
NOTHING = b"\x00\x00"


class Person:
    """One user with one document, sometimes connected."""

    def __init__(self, user: str, client: int, chance: Random) -> None:
        self.user = user
        self.client = client
        self.doc: Doc[Map[object]] = Doc(client_id=client)
        self.author = Author(user, self.doc, chance)
        self.visitor: Visitor | None = None
        self._chance = chance
        self._ledger = Ledger(LIMITS)
        self._session = SyncSession()
        self._stack = AsyncExitStack()
        self._up: list[bytes] = []
        self._down: list[bytes] = []
        self._read = 0
        self._emitted: list[bytes] = []
        self._subscription = self.doc.observe(lambda event: self._emitted.append(event.update))

    @property
    def clock(self) -> int:
        """How much this document's own client has written."""
        return self._ledger.state_vector.get(self.client, 0)

    @property
    def state_vector(self) -> dict[int, int]:
        """What this document has."""
        return self._ledger.state_vector

    # Coming and going

    async def connect(self, home: House) -> None:
        """Open a line and begin to sync."""
        assert self.visitor is None
        self.visitor = await self._stack.enter_async_context(home.visit(self.user))
        self._session = SyncSession()
        self._up, self._down, self._read = [], [], 0
        self._say(self._session.start(messages.write_state_vector(self.state_vector)))

    async def disconnect(self) -> None:
        """The line is cut; what was on it is lost."""
        self.visitor = None
        await self._stack.aclose()

    def close(self) -> None:
        """Let go of the document."""
        self.doc.unobserve(self._subscription)

    # Editing

    def edit(self) -> None:
        """Change something, and say so if there is a line."""
        self.author.edit()
        emitted, self._emitted = self._emitted, []
        for update in emitted:
            if update != NOTHING:
                self._ledger.admit(finish(self._ledger.check(update, self.user, foreign=True)))
                self._say(Update(update))

    # The line

    def _say(self, message: Message) -> None:
        if self.visitor is not None:
            self._up.append(messages.encode(message))

    def fetch(self) -> bool:
        """See what the room has put on the line; whether there is anything on it."""
        if self.visitor is None:
            return False
        heard = self.visitor.line.payloads[self._read :]
        self._read += len(heard)
        self._down += heard
        return bool(self._up or self._down)

    def trouble(self) -> None:
        """Something befalls a frame: lost, doubled, or overtaken."""
        self.fetch()
        frames = self._chance.choice([self._up, self._down])
        if frames:
            at = self._chance.randrange(len(frames))
            what = self._chance.randrange(3)
            if what == 0:
                del frames[at]
            elif what == 1:
                frames.insert(self._chance.randint(0, len(frames)), frames[at])
            else:
                frames.append(frames.pop(at))

    async def deliver_up(self, frames: int) -> None:
        """Some frames reach the room, which never has a reason to refuse one."""
        arriving, self._up = self._up[:frames], self._up[frames:]
        if self.visitor is not None:
            for frame in arriving:
                await self.visitor.say(frame)
                assert self.visitor.peer.error is None, self.visitor.peer.error

    def deliver_down(self, frames: int) -> None:
        """Some frames reach this document."""
        self.fetch()
        arriving, self._down = self._down[:frames], self._down[frames:]
        for frame in arriving:
            self._take(messages.decode(frame, LIMITS))

    async def deliver_all(self) -> None:
        """Everything on the line arrives, in order."""
        while self.fetch():
            await self.deliver_up(len(self._up))
            self.deliver_down(len(self._down))

    def _take(self, message: Message) -> None:
        event = self._session.receive(message)
        if isinstance(event, DiffWanted):
            self._say(SyncStep2(self.doc.get_update(event.state_vector)))
        elif isinstance(event, UpdateReceived):
            self._take_update(event)

    def _take_update(self, event: UpdateReceived) -> None:
        admission = finish(self._ledger.check(event.update, self.user, foreign=True))
        if admission.update:
            self.doc.apply_update(admission.update)
            self._ledger.admit(admission)
            self._emitted.clear()
        vector = messages.write_state_vector(self.state_vector)
        reply = self._session.after_update(event, gap=admission.gap, state_vector=lambda: vector)
        if isinstance(reply, SyncStep1):
            self._say(reply)
