"""Edits by people who say which version of an event they have seen, and may have seen an old one.

What others have written meanwhile is merged by field. Where both wrote one field, one of them
stands by the calendar's strategy and the other is kept as a conflict, of the same kind as those
that the server finds between writes of Yjs clients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TypeVar, cast

from pycrdt import Doc, Map

from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.conflicts import (
    DELETION,
    FIRST_WRITE_WINS,
    LAST_WRITE_WINS,
    MANUAL,
    MERGE,
    OPEN,
    RESOLVED,
    STRATEGIES,
    Claim,
    Conflict,
    Conflicts,
)
from crdt_calendar.model.event import Event
from crdt_calendar.model.fields import ALARM, ATTENDEE, Fields, wire_values

MOST_RECORDS = 1000
MADE_ROOM = 100
MOST_CHARACTERS = 64 * 1024  # of both values: a record is another copy of them

T = TypeVar("T")

Foreign = frozenset[str] | None
"""The keys of an event that others have written meanwhile; None: nobody knows which."""


class Merging:
    """A calendar for such edits. Made like a `Calendar`, whose clock, ids and user it has."""

    def __init__(
        self,
        doc: Doc[Map[object]],
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        user: str,
    ) -> None:
        self.calendar = Calendar(doc, clock=clock, new_id=new_id, user=user)
        self._doc = doc
        self._clock = clock
        self._new_id = new_id
        self._user = user

    @property
    def conflicts(self) -> Conflicts:
        """The records of the document."""
        return Conflicts(self._doc, self.calendar)

    def update(self, held: Event, fields: Fields, foreign: Foreign) -> list[Conflict]:
        """Write the fields of an event; return the conflicts with what others wrote meanwhile.

        Raises as `Calendar.update`.
        """
        if foreign is not None and not foreign:
            self.calendar.update(held.id, **fields)
            return []
        values = self.calendar.values(held.id)
        wire = wire_values(fields, values)
        clash = [key for key in wire if foreign is None or key in foreign]
        clash = [key for key in clash if values.get(key) != wire[key]]
        strategy, ours_stand = self._strategy()
        at, theirs = self._clock(), held.updated
        conflicts = [
            Conflict(
                self._new_id(),
                held.id,
                key,
                (
                    Claim(
                        values.get(key), theirs.by if theirs else "", theirs.at if theirs else None
                    ),
                    Claim(wire[key], self._user, at),
                ),
                int(ours_stand),
                state=RESOLVED if strategy == MERGE else OPEN,
                strategy=strategy,
            )
            for key in clash
        ]
        told = fields if ours_stand else _without(fields, frozenset(clash), held)
        self.calendar.update(held.id, **told)
        self._record(conflicts)
        return conflicts

    def delete(self, held: Event, foreign: Foreign) -> list[Conflict]:
        """Delete an event; return the conflict with those who were editing it meanwhile."""
        self.calendar.delete(held.id)
        if foreign is not None and not foreign:
            return []
        strategy, _ = self._strategy()
        edited = held.updated
        claims = (
            Claim(self.calendar.stamp(), self._user, self._clock()),
            Claim(
                None,
                edited.by if edited else "",
                edited.at if edited else None,
                tuple(sorted(foreign or ())),
            ),
        )
        conflict = Conflict(self._new_id(), held.id, "deleted", claims, 0, DELETION, OPEN, strategy)
        self._record([conflict])
        return [conflict]

    def _strategy(self) -> tuple[str, bool]:
        """The calendar's strategy, and whether by that the later word stands at first."""
        strategy = self.calendar.properties().conflict_strategy
        if strategy not in STRATEGIES:
            strategy = LAST_WRITE_WINS
        return strategy, strategy not in (FIRST_WRITE_WINS, MANUAL)

    def _record(self, conflicts: list[Conflict]) -> None:
        if not conflicts:
            return
        records = self.conflicts
        if len(records) + len(conflicts) > MOST_RECORDS:
            for old in [one for one in records if one.state == RESOLVED][:MADE_ROOM]:
                records.discard(old.id)
        for conflict in conflicts:
            size = sum(len(repr(claim.value)) for claim in conflict.claims)
            if size <= MOST_CHARACTERS and len(records) < MOST_RECORDS:
                records.record(conflict)


def _without(fields: Fields, keys: frozenset[str], held: Event) -> Fields:
    """The fields without what is under those keys, which stays as it is held."""
    kept = cast("Fields", {name: value for name, value in fields.items() if name not in keys})
    if "attendees" in kept:
        people = {one.address: one for one in held.attendees}
        kept["attendees"] = _stay(
            ATTENDEE, kept["attendees"], lambda one: one.address, people, keys
        )
    if "alarms" in kept:
        alarms = {one.id: one for one in held.alarms}
        kept["alarms"] = _stay(ALARM, kept["alarms"], lambda one: one.id, alarms, keys)
    return kept


def _stay(
    family: str,
    given: Iterable[T],
    name: Callable[[T], str],
    held: Mapping[str, T],
    keys: frozenset[str],
) -> list[T]:
    written = [one for one in given if family + name(one) not in keys]
    return [*written, *(one for key, one in held.items() if family + key in keys)]
