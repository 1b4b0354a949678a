"""The offline-first client: a calendar on this machine, in step with the server when there is one.

::

    async with CalendarClient("https://calendar.example.org", "team", token, "team.replica") as c:
        c.create(title="Lunch")    # on this disk when the call returns, and on its way
        await c.saved()            # on the server's disk

It works on asyncio and on trio. `CalendarClient` is the way in.
"""

from crdt_calendar.client.changes import Change, Kind
from crdt_calendar.client.client import CalendarClient, ClientCalendar
from crdt_calendar.client.connection import ConnectionState, Status, Way
from crdt_calendar.client.damage import Recovery
from crdt_calendar.client.edits import PendingEdit
from crdt_calendar.client.errors import (
    EditsRejected,
    MissedNews,
    ReplicaFailed,
    ReplicaLocked,
    WrongReplica,
)
from crdt_calendar.client.presence import Person, Presence
from crdt_calendar.client.saved import Progress
from crdt_calendar.client.timing import Timing

__all__ = [
    "CalendarClient",
    "Change",
    "ClientCalendar",
    "ConnectionState",
    "EditsRejected",
    "Kind",
    "MissedNews",
    "PendingEdit",
    "Person",
    "Presence",
    "Progress",
    "Recovery",
    "ReplicaFailed",
    "ReplicaLocked",
    "Status",
    "Timing",
    "Way",
    "WrongReplica",
]
