"""The sync state of one peer, used by server and client alike, sans I/O.

Messages in, events out; the document stays with the caller. The whole of the state machine::

    state    our SyncStep1 goes out    their SyncStep2 comes in    their Update has a gap
    NEW      ASKED                     NEW                         NEW
    ASKED    -                         SYNCED                      ASKED
    SYNCED   -                         SYNCED                      HEALING, ask again
    HEALING  -                         SYNCED                      HEALING

y-protocols PROTOCOL.md: *First, each client sends a SyncStep1 message to the other peer that
contains a state-vector. [...] When receiving SyncStep1, one should reply with SyncStep2 which
contains the missing document updates. [...] Once a client receives SyncStep2, it knows that it is
now synced with the other peer. From now on all changes on the Yjs document should be send to the
remote client using an Update message.*

Beyond the specification: an Update that builds on something missing here is answered with
SyncStep1, because what yrs parks for later it may lose. A SyncStep2 never causes one, and while one
is unanswered no second is sent: two peers with nothing to say would answer each other for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias

from crdt_calendar.protocol.messages import (
    Awareness,
    Message,
    QueryAwareness,
    SyncStatus,
    SyncStep1,
    SyncStep2,
    Update,
)


@dataclass(frozen=True, slots=True)
class DiffWanted:
    """The peer asks for what it lacks; answer with `SyncStep2` of the difference."""

    state_vector: bytes


@dataclass(frozen=True, slots=True)
class UpdateReceived:
    """The peer sent content; apply it, then call `SyncSession.after_update`.

    ``answer`` says whether a gap in it may be answered: true for an Update, false for a SyncStep2.
    """

    update: bytes
    answer: bool


@dataclass(frozen=True, slots=True)
class PresenceReceived:
    """The peer sent presence; `PresenceTable.receive` reads the body."""

    body: bytes


@dataclass(frozen=True, slots=True)
class PresenceWanted:
    """The peer asks who is here; answer with `Awareness` of everybody."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The peer refused something of ours; the reason is for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class StatusAsked:
    """The peer wants this payload back in a `SyncStatus` once all it sent before is durable.

    On the side that asked, it is the answer.
    """

    payload: bytes


Event: TypeAlias = (
    DiffWanted | UpdateReceived | PresenceReceived | PresenceWanted | Refused | StatusAsked
)
"""What a message means to whoever holds the document."""


class State(Enum):
    """How far we are with this peer."""

    NEW = auto()  # we have not asked yet
    ASKED = auto()  # our first SyncStep1 is under way
    SYNCED = auto()  # we have what the peer had
    HEALING = auto()  # we had, but an Update built on something missing: asked again


class Trigger(Enum):
    """What moves a session from state to state."""

    START = auto()  # our SyncStep1 goes out
    STEP_2 = auto()  # their SyncStep2 comes in
    GAP = auto()  # their Update builds on something we lack


TRANSITIONS: Final[dict[State, dict[Trigger, State]]] = {
    State.NEW: {Trigger.START: State.ASKED, Trigger.STEP_2: State.NEW, Trigger.GAP: State.NEW},
    State.ASKED: {Trigger.STEP_2: State.SYNCED, Trigger.GAP: State.ASKED},
    State.SYNCED: {Trigger.STEP_2: State.SYNCED, Trigger.GAP: State.HEALING},
    State.HEALING: {Trigger.STEP_2: State.SYNCED, Trigger.GAP: State.HEALING},
}
"""Every legal move. What is not here is a mistake of ours; a peer cannot make one."""


class SyncSession:
    """Where we stand with one peer."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = State.NEW

    @property
    def synced(self) -> bool:
        """Whether the peer has answered our first SyncStep1."""
        return self.state in (State.SYNCED, State.HEALING)

    def start(self, state_vector: bytes) -> Message:
        """Our opening SyncStep1. Raises `RuntimeError` when the session has started before."""
        self._move(Trigger.START)
        return SyncStep1(state_vector)

    def receive(self, message: Message) -> Event:
        """What a message of the peer means. Any message is legal at any time."""
        match message:
            case Awareness(body):
                return PresenceReceived(body)
            case Update(update):
                return UpdateReceived(update, answer=True)
            case SyncStep2(update):
                self._move(Trigger.STEP_2)
                return UpdateReceived(update, answer=False)
            case SyncStep1(state_vector):
                return DiffWanted(state_vector)
            case QueryAwareness():
                return PresenceWanted()
            case SyncStatus(payload):
                return StatusAsked(payload)
        return Refused(message.reason)

    def after_update(
        self, event: UpdateReceived, *, gap: bool, state_vector: Callable[[], bytes]
    ) -> Message | None:
        """What to answer now that an update was applied: a SyncStep1 if it left a gap, or nothing.

        ``gap`` says that the update, or a part of it, waits for something we lack; an update that
        emitted nothing because all of it was known leaves none. ``state_vector`` is called only
        when it is needed.
        """
        if not (event.answer and gap):
            return None
        before = self.state
        self._move(Trigger.GAP)
        return SyncStep1(state_vector()) if self.state is not before else None

    def _move(self, trigger: Trigger) -> None:
        try:
            self.state = TRANSITIONS[self.state][trigger]
        except KeyError:
            raise RuntimeError(
                f"{trigger.name} in state {self.state.name}; a session starts once, so make another"
            ) from None
