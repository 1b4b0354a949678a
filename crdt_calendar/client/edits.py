"""An edit on its way to the server's disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PendingEdit:
    """An edit that is not on the server's disk, as far as this client knows.

    ``number`` counts the edits of the replica, from 1, over restarts. ``events`` are the ids of the
    events it wrote (empty: the calendar's properties only). ``told`` says in JSON what it wrote,
    for people. ``update`` is the edit in the encoding of Yjs.
    """

    number: int
    at: datetime
    events: frozenset[str]
    told: str = field(repr=False)
    update: bytes = field(repr=False)
