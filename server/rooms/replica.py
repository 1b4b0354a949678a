"""A replica: the document of one room and its ledger, always in step.

Nothing reaches pycrdt that the ledger has not passed, and what the document emits, not what came
in, is what leaves here: that is what gets logged and sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

from pycrdt import Doc, Map, TransactionEvent

from crdt_calendar.errors import CorruptData, HostileUpdate, MalformedFrame
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.protocol.ledger import Admission, Ledger, finish
from crdt_calendar.protocol.messages import write_state_vector

NOTHING = b"\x00\x00"  # an update without structs and without deletions
SERVER = ""  # the user to whom the server's own client ids are bound

M = TypeVar("M")
T = TypeVar("T")
Change = tuple[bytes, Admission]


class Replica:
    """One document. Stays on the thread that made it; `close` it, or it is never freed."""

    def __init__(self, update: bytes, ledger: Ledger) -> None:
        self.ledger = ledger
        self._emitted: list[bytes] = []
        self._full: bytes | None = None
        self._open(update)

    def _open(self, update: bytes) -> None:
        self._doc: Doc[Map[object]] = Doc()
        if update:
            self._doc.apply_update(update)
        self._subscription = self._doc.observe(self._collect)

    def _collect(self, event: TransactionEvent) -> None:
        # Only this: an exception here would surface in the wrong place, as an ExceptionGroup.
        self._emitted.append(event.update)

    def apply(self, admission: Admission) -> bytes:
        """Apply what the ledger admitted; return the emission, b"" if there was nothing new.

        Raises `MalformedFrame` for what yrs cannot decode, `HostileUpdate` for what it panics on;
        the document is proven sound by then, or `CorruptData` is raised and it must be reloaded.
        """
        try:
            self._doc.apply_update(admission.update)
        except Exception as error:
            self._emitted.clear()
            raise MalformedFrame("the document cannot read this update") from error
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            self._emitted.clear()
            self._prove_sound()
            raise HostileUpdate("this update would harm the document") from None
        self.ledger.admit(admission)
        return self._take_one()

    def edit(self, user: str, change: Callable[[M], T], model: Callable[..., M]) -> T:
        """Run `change` on a model of the document as that user, in one transaction: one emission.

        `take_own` has it, also what was written before `change` failed.
        """
        with self._doc.transaction():
            return change(self.model(model, user))

    def model(self, model: Callable[..., M], user: str = SERVER) -> M:
        """A model of the document: a `Calendar`, or what else is made with the same words."""
        return model(self._doc, clock=_now, new_id=_new_id, user=user)

    def take_own(self) -> list[Change]:
        """What the server's own edits emitted since the last call, admitted to the ledger."""
        changes = []
        for update in self._take():
            admission = finish(self.ledger.check(update, SERVER))
            self.ledger.admit(admission)
            changes.append((update, admission))
        return changes

    def encode(self, since: Mapping[int, int]) -> bytes:
        """All that is not in the state vector `since`; for an empty one, kept until an edit."""
        if since:
            return self._doc.get_update(write_state_vector(since))
        if self._full is None:
            self._full = self._doc.get_update()
        return self._full

    @property
    def doc(self) -> Doc[Map[object]]:
        """The document. What is written to it leaves by `take_own`."""
        return self._doc

    def judge(self, change: Callable[[], None]) -> None:
        """Let the server itself write, in one transaction; `take_own` has what it wrote."""
        with self._doc.transaction():
            change()

    def read(self) -> Calendar:
        """The calendar, for reading."""
        return self.model(Calendar)

    def close(self) -> None:
        """Let go of the document: it is freed only when nobody observes it."""
        self._doc.unobserve(self._subscription)

    def _take(self) -> list[bytes]:
        emitted, self._emitted = self._emitted, []
        if emitted:
            self._full = None
        return [update for update in emitted if update != NOTHING]

    def _take_one(self) -> bytes:
        emitted = self._take()
        return emitted[0] if emitted else b""

    def _prove_sound(self) -> None:
        """Rebuild the document from its own encoding, which proves that it still has one."""
        try:
            state, update = self._doc.get_state(), self._doc.get_update()
            self.close()
            self._open(update)
        except BaseException as error:
            raise CorruptData("the document did not survive a hostile update") from error
        if self._doc.get_state() != state:
            raise CorruptData("the document lost structs to a hostile update")


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return str(uuid4())
