"""What speaks for a conflict: writes whose writers cannot have known of each other.

Looked for in every update, before the document has it. Mostly that is a look at two empty
containers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pycrdt import Map

from crdt_calendar.model.fields import ATTENDEE
from crdt_calendar.model.maps import read_map
from crdt_calendar.protocol.entries import Rival
from crdt_calendar.protocol.ledger import Admission
from crdt_calendar.protocol.strand import place_in_root
from crdt_calendar.protocol.update import Id
from server.rooms.replica import Replica

# Of one update; whoever returns with more has been away for long, and the rest is in the history.
MOST_AT_ONCE = 100
EVENTS = place_in_root("events")

Values = dict[str, object]
Clocks = Mapping[int, int]


@dataclass(slots=True)
class Suspicion:
    """What the document said before an update that may be in conflict with it."""

    user: str
    update: bytes
    before: dict[str, Values] = field(default_factory=dict)  # of events, by id
    rivals: list[tuple[str, Rival, Id]] = field(default_factory=list)  # event, and the other entry
    entries: list[tuple[Id, int, str]] = field(default_factory=list)  # that the update brings
    written: dict[str, dict[str, Id]] = field(default_factory=dict)  # the same by event and key
    unknown: dict[str, dict[str, Id]] = field(default_factory=dict)  # what the writer cannot know


class Lookout:
    """Knows where in the document things lie, and looks for suspicions."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._events: Map[object] = replica.doc.get("events", type=Map)

    def look(self, user: str, admission: Admission, unknown: Clocks) -> Suspicion | None:
        """What speaks for a conflict, before the update is applied; None when nothing does.

        ``unknown`` says from which clocks on the writer knows nothing of which clients.
        """
        if not admission.rivals and not unknown:
            return None
        found = Suspicion(user, admission.source)
        self._suspect(admission.rivals[:MOST_AT_ONCE], found)
        self._gather(admission, unknown, found)
        if not found.rivals and not found.unknown:
            return None
        for event in {*found.written, *found.unknown} - found.before.keys():
            if (values := self.values(event)) is not None:
                found.before[event] = values
        return found

    def _suspect(self, rivals: Iterable[Rival], found: Suspicion) -> None:
        """Keep the rivals of what is there, in events that are there."""
        suspects: list[tuple[str, Rival]] = []
        for rival in rivals:
            event = self.event_at(rival.place)
            values = None if event is None else found.before.get(event) or self.values(event)
            if event is not None and values and (rival.seen or rival.key in values):
                found.before[event] = values
                suspects.append((event, rival))
        others = self._replica.ledger.last(rival for _, rival in suspects) if suspects else {}
        found.rivals = [
            (event, rival, others[rival.id]) for event, rival in suspects if rival.id in others
        ]

    def _gather(self, admission: Admission, unknown: Clocks, found: Suspicion) -> None:
        """What was written, and what the writer could not know, where both are of interest."""
        written = list(admission.entries())
        ledger = self._replica.ledger
        news = [
            entry
            for entry in ledger.entries_since(unknown)
            if entry[0][0] not in admission.growth and ledger.owner_of(entry[0][0]) != found.user
        ]
        places = {place for _, place, _ in written}
        books = any(is_booking(key) for *_, key in written)
        of_interest = [
            entry for entry in news if entry[1] in places or (books and is_booking(entry[2]))
        ]
        if of_interest or found.rivals:
            found.entries = written
            found.written = self.by_event(written)
            found.unknown = self.by_event(of_interest)

    def by_event(self, entries: Iterable[tuple[Id, int, str]]) -> dict[str, dict[str, Id]]:
        """Map entries by event and key, as far as they are of events that have been admitted."""
        found: dict[str, dict[str, Id]] = {}
        places: dict[int, str | None] = {}
        for id_, place, key in entries:
            if place not in places:
                places[place] = self.event_at(place)
            event = places[place]
            if event is not None and key not in ("created", "sequence"):
                found.setdefault(event, {})[key] = id_
        return found

    def event_at(self, place: int) -> str | None:
        """The event in whose map a place lies."""
        path = self._replica.ledger.path(place)
        return path[1][0] if path and path[0] == EVENTS and len(path[1]) == 1 else None

    def values(self, event: str) -> Values | None:
        """What the map of an event says; None when there is none."""
        shared = self._events.get(event)
        return read_map(shared) if isinstance(shared, Map) else None


def is_booking(key: str) -> bool:
    """Whether that key has a say in who is expected where, and when."""
    return key == "when" or key.startswith(ATTENDEE)
