"""Finds writes whose writers did not know of each other, and records them in the document.

Who knew what is told by the updates: a map entry names the one its writer saw (`protocol.entries`),
and what has not been sent to a peer it cannot know. So an edit that saw the other is never taken
for a conflict, whoever the client is. The rest of an update costs a look at two empty containers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from pycrdt import Map

from crdt_calendar.errors import InvalidValue, NoSuchConflict
from crdt_calendar.limits import Limits
from crdt_calendar.model.bookings import double_bookings
from crdt_calendar.model.conflicts import (
    BOOKING,
    DELETION,
    FIRST_WRITE_WINS,
    LAST_WRITE_WINS,
    MERGE,
    OPEN,
    RESOLVED,
    STRATEGIES,
    Claim,
    Conflict,
    Conflicts,
)
from crdt_calendar.model.details import Stamp
from crdt_calendar.model.event import Event
from crdt_calendar.model.fields import BOOKKEEPING
from crdt_calendar.model.maps import set_plain
from crdt_calendar.protocol.entries import Rival
from crdt_calendar.protocol.ledger import Admission
from crdt_calendar.protocol.update import Id, read_value
from server.rooms.replica import Replica
from server.rooms.suspicion import MOST_AT_ONCE, Clocks, Lookout, Suspicion, Values, is_booking

MOST_RECORDS = 1000
MOST_CHARACTERS = 64 * 1024  # of both values: a record is another copy of them
DELETED = "deleted"
UPDATED = "updated"


class Referee:
    """The conflicts of one room."""

    def __init__(self, replica: Replica, limits: Limits) -> None:
        self._replica = replica
        self._limits = limits
        self._lookout = Lookout(replica)
        self._events: Map[object] = replica.doc.get("events", type=Map)
        self._conflicts = Conflicts(replica.doc, replica.read())
        # By event and field: whose value it is that we wrote there last.
        self._put_back: dict[tuple[str, str], Claim] = {}
        self._stands_for: dict[str, Claim] = {}  # the same, by the entries that we wrote
        self._recorded: dict[tuple[str, str], dict[str, None]] = {}
        self._count = 0
        self._recall()

    def look(self, user: str, admission: Admission, unknown: Clocks) -> Suspicion | None:
        """What speaks for a conflict, before the update is applied; see `Lookout.look`."""
        return self._lookout.look(user, admission, unknown)

    def judge(self, found: Suspicion) -> None:
        """Say what stands, now that the update is applied, and write it down.

        Whatever it finds amiss in what people wrote concerns nobody but the record.
        """
        found.written = self._lookout.by_event(found.entries)  # now also in events that it makes
        strategy = self._replica.read().properties().conflict_strategy
        if strategy not in STRATEGIES:
            strategy = LAST_WRITE_WINS
        for event, rival, other in found.rivals:
            if rival.key not in BOOKKEEPING and rival.key != DELETED:
                self._judge_field(found, event, rival, other, strategy)
        self._judge_deletions(found, strategy)
        self._judge_bookings(found, strategy)

    def note(self, admission: Admission) -> None:
        """What we wrote has been admitted: remember for whom, by the entries that say it."""
        for id_, place, key in admission.entries():
            event = self._lookout.event_at(place)
            claim = None if event is None else self._put_back.get((event, key))
            if claim is not None:
                self._stands_for[_name(id_)] = claim
        while len(self._stands_for) > MOST_RECORDS:
            del self._stands_for[next(iter(self._stands_for))]

    # Judging

    def _judge_field(
        self, found: Suspicion, event: str, rival: Rival, other: Id, strategy: str
    ) -> None:
        before, after = found.before[event], self._lookout.values(event)
        held, written = before.get(rival.key), self._written(found, rival)
        now = None if after is None else after.get(rival.key)
        if after is None or written is None or not _is_plain(held, written, now):
            return  # what is no plain value merges by itself
        if held == written:
            self._replica.ledger.equate(rival.id, other)
            return
        self._replica.ledger.beat(other if now == written else rival.id)
        # Where nothing was said nothing is lost; giants are not read side by side, see the history.
        if held is None or len(repr(held)) + len(repr(written)) > MOST_CHARACTERS:
            return
        ours = Claim(written, found.user, self._when(found, event, after), write=_name(rival.id))
        theirs = self._standing(event, rival.key, other, before)
        seen = _seen(rival)
        known = self._stands_for[seen].write if seen in self._stands_for else seen
        if known == theirs.write or theirs.write.startswith(f"{rival.id[0]:x}."):
            # They knew what stands: it was put back, under an id that they had no time to see.
            self._put(event, rival.key, now, ours)
            return
        conflict = self._continued(event, rival, theirs, ours)
        if conflict is None:
            conflict = Conflict(_name(rival.id, other), event, rival.key, (theirs, ours), 0)
            conflict = replace(conflict, stands=int(now == written))
        stands = _preferred(conflict.claims, conflict.stands, strategy)
        state = RESOLVED if strategy == MERGE else OPEN
        self._record(replace(conflict, stands=stands, state=state, strategy=strategy))
        self._put(event, rival.key, now, conflict.claims[stands])

    def _standing(self, event: str, key: str, other: Id, before: Values) -> Claim:
        """Whose value the document says: what we put back is still theirs who wrote it."""
        held, owner = before.get(key), self._owner(other)
        if not owner:
            stood = [one.claims[one.stands] for one in self._of(event, key)]
            for claim in (self._put_back.get((event, key)), *stood):
                if claim is not None and claim.value == held:
                    return claim
        return Claim(held, owner, _moment(before.get(UPDATED), owner), write=_name(other))

    def _continued(self, event: str, rival: Rival, theirs: Claim, ours: Claim) -> Conflict | None:
        """The conflict that the writer is in already, and still does not know of.

        What they write now takes the place of what they wrote then.
        """
        for conflict in self._of(event, rival.key):
            writes = [claim.write for claim in conflict.claims]
            if _seen(rival) in writes and theirs.write in writes:
                return _with_claim(conflict, writes.index(_seen(rival)), ours)
        return None

    def _of(self, event: str, key: str) -> Iterator[Conflict]:
        """The records about that field."""
        for conflict_id in self._recorded.get((event, key), ()):
            with suppress(NoSuchConflict, InvalidValue):  # others may write there, too
                yield self._conflicts.get(conflict_id)

    def _put(self, event: str, key: str, now: object, claim: Claim) -> None:
        """Let the document say what the claim says."""
        if claim.value != now:
            set_plain(cast("Map[object]", self._events[event]), key, claim.value)
            self._put_back[event, key] = claim

    def _judge_deletions(self, found: Suspicion, strategy: str) -> None:
        """One deleted the event, the other edited it: both is in the document, and one not seen."""
        concurrent = {event: id_ for event, rival, id_ in found.rivals if rival.key == UPDATED}
        for event, keys in found.written.items():
            others = dict(found.unknown.get(event, {}))
            if event in concurrent:
                others[UPDATED] = concurrent[event]
            before, after = found.before.get(event), self._lookout.values(event)
            if not others or before is None or after is None or DELETED not in after:
                continue
            edits = _edits(keys)
            if DELETED not in before and DELETED in keys:
                self._record_deletion(found, event, keys[DELETED], others, strategy)
            elif DELETED in before and edits and not others.keys().isdisjoint({DELETED, UPDATED}):
                self._record_late_edit(found, event, keys[edits[0]], others, strategy)

    def _record_deletion(
        self, found: Suspicion, event: str, deleted: Id, others: Mapping[str, Id], strategy: str
    ) -> None:
        """The writer deleted what somebody else was editing."""
        other = next(iter(others.values()))
        owner, after = self._owner(other), self._lookout.values(event) or {}
        deletion = Claim(after.get(DELETED), found.user, self._when(found, event, after))
        edited_at = _moment(found.before[event].get(UPDATED), owner)
        edit = Claim(None, owner, edited_at, _edits(others))
        self._record_pair(event, _name(deleted, other), deletion, edit, strategy)

    def _record_late_edit(
        self, found: Suspicion, event: str, written: Id, others: Mapping[str, Id], strategy: str
    ) -> None:
        """The writer edited what somebody else had deleted."""
        after = self._lookout.values(event) or {}
        tombstone = after.get(DELETED)
        stamp = _stamp(tombstone)
        deletion = Claim(tombstone, stamp.by if stamp else "", stamp.at if stamp else None)
        fields = _edits(found.written[event])
        edit = Claim(None, found.user, self._when(found, event, after), fields)
        other = others.get(DELETED) or next(iter(others.values()))
        self._record_pair(event, _name(written, other), deletion, edit, strategy)

    def _record_pair(
        self, event: str, name: str, deletion: Claim, edit: Claim, strategy: str
    ) -> None:
        claims = (deletion, edit)
        self._record(Conflict(name, event, DELETED, claims, 0, DELETION, OPEN, strategy))

    def _judge_bookings(self, found: Suspicion, strategy: str) -> None:
        """Two events came to be at one time for one person, by people who could not know."""
        moved = [event for event, keys in found.written.items() if any(map(is_booking, keys))]
        others = [event for event, keys in found.unknown.items() if any(map(is_booking, keys))]
        if not moved or not others:
            return
        calendar = self._replica.read()
        zone = calendar.properties().timezone
        for ours in filter(None, map(calendar.find, moved[:MOST_AT_ONCE])):
            for theirs in filter(None, map(calendar.find, others[:MOST_AT_ONCE])):
                people = double_bookings(ours, theirs, zone) if ours.id != theirs.id else []
                for person in people[:1]:
                    self._record_booking(found, ours, theirs, person, strategy)

    def _record_booking(
        self, found: Suspicion, ours: Event, theirs: Event, person: str, strategy: str
    ) -> None:
        name = f"{BOOKING}-{min(ours.id, theirs.id)}-{max(ours.id, theirs.id)}"
        entries = found.unknown[theirs.id]
        who = next((self._owner(id_) for key, id_ in entries.items() if is_booking(key)), "")
        claims = (_booking(theirs, who), _booking(ours, found.user))
        self._record(
            Conflict(
                name,
                ours.id,
                "when",
                claims,
                1,
                BOOKING,
                OPEN,
                strategy,
                other=theirs.id,
                attendee=person,
            )
        )

    # How

    def _record(self, conflict: Conflict) -> None:
        if self._count >= MOST_RECORDS:
            self._make_room()
        known = self._recorded.setdefault((conflict.event, conflict.field), {})
        if self._count < MOST_RECORDS or conflict.id in known:
            self._count += conflict.id not in known
            known[conflict.id] = None
            self._conflicts.record(conflict)

    def _make_room(self) -> None:
        for old in [one for one in self._conflicts if one.state == RESOLVED][:MOST_AT_ONCE]:
            self._conflicts.discard(old.id)
        self._recall()

    def _recall(self) -> None:
        """Which records there are, by what they are about."""
        self._recorded.clear()
        self._count = 0
        for conflict in self._conflicts:
            self._recorded.setdefault((conflict.event, conflict.field), {})[conflict.id] = None
            self._count += 1

    def _owner(self, id_: Id) -> str:
        return self._replica.ledger.owner_of(id_[0]) or ""

    def _written(self, found: Suspicion, rival: Rival) -> object:
        return read_value(found.update, rival.start, rival.end, rival.id[0], self._limits)

    def _when(self, found: Suspicion, event: str, after: Values) -> datetime:
        """When the writer wrote, as the update itself says; now, where it does not."""
        now = datetime.now(UTC)
        for suspected, rival, _ in found.rivals:
            if suspected == event and rival.key == UPDATED:
                claimed = _moment(self._written(found, rival), found.user)
                return min(claimed or now, now)
        written = UPDATED in found.written.get(event, {})
        return min((written and _moment(after.get(UPDATED), found.user)) or now, now)


def _preferred(claims: tuple[Claim, ...], stands: int, strategy: str) -> int:
    """Which claim is to stand: the document's own choice, unless the strategy asks for time."""
    if strategy not in (LAST_WRITE_WINS, FIRST_WRITE_WINS):
        return max(stands, 0)
    first, second = claims[0].at, claims[1].at
    # What came in later was written later, unless its writer says otherwise.
    is_second_later = first is None or second is None or second >= first
    return int(is_second_later == (strategy == LAST_WRITE_WINS))


def _seen(rival: Rival) -> str:
    return _name(rival.seen) if rival.seen else ""


def _with_claim(conflict: Conflict, at: int, claim: Claim) -> Conflict:
    return replace(conflict, claims=(*conflict.claims[:at], claim, *conflict.claims[at + 1 :]))


def _edits(keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(key for key in keys if key not in (DELETED, UPDATED)))


def _booking(event: Event, by: str) -> Claim:
    when = event.when.to_value() if event.when else None
    stamp = event.updated
    return Claim(when, by, stamp.at if stamp and stamp.by == by else None)


def _is_plain(*values: object) -> bool:
    return all(
        value is None or isinstance(value, bool | int | float | str | list | dict)
        for value in values
    )


def _stamp(value: object) -> Stamp | None:
    try:
        return Stamp.from_value(value)
    except InvalidValue:
        return None


def _moment(value: object, by: str) -> datetime | None:
    """When that stamp was made, if it was made by them."""
    stamp = _stamp(value)
    return stamp.at if stamp and stamp.by == by else None


def _name(*ids: Id) -> str:
    """The same for everybody who finds this conflict."""
    return "-".join(f"{client:x}.{clock:x}" for client, clock in sorted(ids))
