"""The calendar on the document of a client."""

from __future__ import annotations

from contextlib import AbstractContextManager
from uuid import uuid4

from pycrdt import Transaction

from crdt_calendar.client.replica import now
from crdt_calendar.client.watched import WatchedDoc
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.timeline import Timeline


class LocalCalendar(Calendar):
    """A `Calendar` whose edits are on this machine's disk when the call returns, and on their way.

    What writes raises `ReplicaFailed` besides, when the disk does not take the edit.
    """

    def __init__(self, doc: WatchedDoc, user: str, timeline: Timeline) -> None:
        super().__init__(doc, clock=now, new_id=lambda: str(uuid4()), user=user, timeline=timeline)
        self.timeline = timeline

    @property
    def user(self) -> str:
        """In whose name edits are made."""
        return self._user

    def rename(self, user: str) -> None:
        """Write in the name of this user from now on."""
        self._user = user

    def batch(self) -> AbstractContextManager[Transaction]:
        """Several writes as one edit: one write to the disk, one message, one change for others.

        Do not await anything within. What is written stays so when the block raises.
        """
        return self._doc.transaction()
