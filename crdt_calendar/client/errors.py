"""What a client can meet, on top of `crdt_calendar.errors`.

::

    CalendarError
    ├── AccessError
    │   └── EditsRejected     the server does not take what was written here
    ├── OverloadError
    │   └── MissedNews        a stream was not read for so long that not everything could be kept
    └── StorageError
        ├── ReplicaFailed     the disk of this machine does not take an edit
        ├── WrongReplica      a file of another project, of another program, of a later version
        ├── CorruptData
        │   └── ReplicaDamaged   what is in the file does not read; the client puts it aside
        └── DataLocked
            └── ReplicaLocked    another process, or another client of this one, has the file
"""

from __future__ import annotations

from collections.abc import Sequence

from crdt_calendar.client.edits import PendingEdit
from crdt_calendar.errors import AccessError, CorruptData, DataLocked, OverloadError, StorageError


class EditsRejected(AccessError):
    """The server does not take edits that were made here. They stay here, and are pending.

    ``edits`` are those that were rejected, oldest first; ``code`` is the close code that ended the
    connection, None where it goes on (a viewer's edits). Who becomes an editor has them sent again.
    """

    def __init__(self, reason: str, edits: Sequence[PendingEdit], code: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.edits = tuple(edits)
        self.code = code

    @property
    def events(self) -> frozenset[str]:
        """The ids of the events these edits wrote."""
        return frozenset(event for edit in self.edits for event in edit.events)


class MissedNews(OverloadError):
    """More came than a stream keeps for whoever does not read it; take a new stream."""


class ReplicaFailed(StorageError):
    """The disk did not take it. An edit stands in memory all the same, and goes to the server.

    It is written with the next edit, in order, and before it.
    """


class WrongReplica(StorageError):
    """The file is a replica of another project, or no replica at all. It was not touched."""


class ReplicaDamaged(CorruptData):
    """The file does not read."""


class ReplicaLocked(DataLocked):
    """Somebody else has the replica open; the message says which process."""
