"""What is said on one line, sans I/O: messages in, messages out, the document in between.

The server begins with SyncStep1; until that is answered, nothing that was written here is sent: the
answer has all of it. After each edit that is sent comes a SyncStatus, and its answer says that the
edit is on the server's disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pycrdt import merge_updates

from crdt_calendar.client.presence import Presence
from crdt_calendar.client.saved import SaveLedger
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.lib0 import encode_uint
from crdt_calendar.protocol.messages import (
    Awareness,
    Message,
    SyncStatus,
    SyncStep2,
    Update,
    decode,
    encode,
)
from crdt_calendar.protocol.session import (
    DiffWanted,
    PresenceReceived,
    PresenceWanted,
    Refused,
    StatusAsked,
    SyncSession,
    UpdateReceived,
)

# From so much on a difference is a backlog that somebody may want to see go up.
LARGE_BYTES = 64 * 1024
MANY_EDITS = 50


class Content(Protocol):
    """The document, as a dialogue needs it."""

    ledger: SaveLedger

    def state_vector(self) -> bytes:
        """What it has."""

    def difference(self, state_vector: bytes) -> bytes:
        """What it has and the other lacks. Raises `ValueError` for what is no state vector."""

    def apply(self, update: bytes) -> bool:
        """Take an update in; return whether something before it is missing."""

    def arrived(self, up_to: int) -> None:
        """Edits up to that number are on the server's disk."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Messages to send together. ``backlog`` is how many edits a large difference has in it."""

    frames: list[bytes]
    asks: bool = False  # an answer will come
    backlog: int = 0

    @property
    def size_bytes(self) -> int:
        """The bytes of all of them."""
        return sum(map(len, self.frames))


class Dialogue:
    """One conversation with the server, from its first message to the end of the line."""

    def __init__(self, content: Content, presence: Presence, limits: Limits) -> None:
        self._content = content
        self._presence = presence
        self._limits = limits
        self._session = SyncSession()
        self._answers: list[Message] = []
        self._updates: list[bytes] = []
        self._wanted: bytes | None = None  # the state vector to answer
        self._welcome = False  # the server has asked for what we have
        self._read_only = False  # and has refused it since
        self._beat = False
        self._asked: dict[int, int] = {}  # SyncStatus by number: up to which edit
        self._number = 0
        self._answers.append(self._session.start(content.state_vector()))

    @property
    def synced(self) -> bool:
        """Whether we have what the server had."""
        return self._session.synced

    @property
    def waiting(self) -> bool:
        """Whether an answer is owed to us."""
        return bool(self._asked)

    @property
    def read_only(self) -> bool:
        """Whether the server has refused what was written here, and has not asked for it since."""
        return self._read_only

    @property
    def shows(self) -> bool:
        """Whether there is something to be said of oneself."""
        return self._presence.due

    def renew(self) -> None:
        """Say again what is shown."""
        self._presence.renew()

    def edited(self, update: bytes) -> None:
        """Something was written here."""
        if self._welcome:  # or else the answer to the server's question will have it
            self._updates.append(update)

    def beat(self) -> None:
        """Ask for a word of the server."""
        self._beat = True

    def receive(self, frame: bytes) -> None:
        """Hear one message. Raises `ProtocolError` or `ValueError` for what cannot be taken in."""
        event = self._session.receive(decode(frame, self._limits))
        match event:
            case DiffWanted(state_vector):
                self._wanted = state_vector
            case UpdateReceived(update):
                self._apply(event, update)
            case PresenceReceived(body):
                self._presence.receive(body)
            case PresenceWanted():
                self._presence.renew()
            case Refused(reason):
                self._refused(reason)
            case StatusAsked(payload):
                self._answered(payload)

    def take(self) -> Parcel | None:
        """All there is to send now; None when there is nothing."""
        parcel = Parcel([encode(message) for message in self._answers])
        self._answers = []
        if self._wanted is not None:
            parcel = self._answer(parcel, self._wanted)
        elif self._updates:
            updates, self._updates = self._updates, []
            update = updates[0] if len(updates) == 1 else merge_updates(*updates)
            parcel = self._ask(parcel, Update(update))
        if self._beat:
            self._beat = False
            parcel = parcel if parcel.asks else self._ask(parcel)
        return parcel if parcel.frames else None

    def take_presence(self) -> Parcel | None:
        """What is to be said of oneself; None when that is nothing."""
        if not self._presence.due:
            return None
        return Parcel([encode(Awareness(self._presence.take()))])

    def _apply(self, event: UpdateReceived, update: bytes) -> None:
        gap = self._content.apply(update)
        answer = self._session.after_update(event, gap=gap, state_vector=self._content.state_vector)
        if answer is not None:
            self._answers.append(answer)

    def _answer(self, parcel: Parcel, state_vector: bytes) -> Parcel:
        """Asked for what we have, at the beginning or because we may write from now on."""
        self._wanted, self._updates = None, []  # they are in the difference
        self._welcome, self._read_only = True, False
        self._content.ledger.welcomed()
        difference = self._content.difference(state_vector)
        edits = len(self._content.ledger)
        parcel = self._ask(parcel, SyncStep2(difference))
        is_large = len(difference) > LARGE_BYTES or edits > MANY_EDITS
        return Parcel(parcel.frames, True, edits) if is_large else parcel

    def _ask(self, parcel: Parcel, *messages: Message) -> Parcel:
        self._number += 1
        # What a viewer writes is answered as well. It is on no disk, whatever else is.
        covers = self._welcome and not self._read_only
        self._asked[self._number] = self._content.ledger.last if covers else 0
        status = SyncStatus(encode_uint(self._number))
        frames = [*parcel.frames, *map(encode, messages), encode(status)]
        return Parcel(frames, True, parcel.backlog)

    def _refused(self, reason: str) -> None:
        self._read_only = True
        # What was asked before the refusal is about edits that are now known to be on no disk.
        self._asked = dict.fromkeys(self._asked, 0)
        self._content.ledger.refused(reason)

    def _answered(self, payload: bytes) -> None:
        asked = {encode_uint(number): number for number in self._asked}.get(payload)
        if asked is None:
            return
        up_to = self._asked[asked]
        self._asked = {number: up for number, up in self._asked.items() if number > asked}
        if up_to:
            self._content.arrived(up_to)
