"""Records of what people wrote without knowing of each other: what stands, and what does not.

The server writes a record when it finds such writes, into the root `conflicts`; whoever resolves
one makes an ordinary edit, of the event and of the record. docs/document.md has the layout.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, cast

from pycrdt import Doc, Map

from crdt_calendar.errors import InvalidValue, NoSuchConflict
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.details import Plain, as_int, as_mapping, as_text

FIELD: Final = "field"
DELETION: Final = "deletion"
BOOKING: Final = "booking"
OPEN: Final = "open"
RESOLVED: Final = "resolved"
LAST_WRITE_WINS: Final = "last_write_wins"
FIRST_WRITE_WINS: Final = "first_write_wins"
MERGE: Final = "merge"
MANUAL: Final = "manual"
STRATEGIES: Final = (LAST_WRITE_WINS, FIRST_WRITE_WINS, MERGE, MANUAL)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one of them wrote: a plain value (None: nothing, or a removal), who, and when.

    ``at`` is None when nobody knows. ``fields`` are the keys that an edit wrote, where the conflict
    is about the event as a whole. ``write`` names the struct of the document that says it.
    """

    value: object
    by: str
    at: datetime | None = None
    fields: tuple[str, ...] = ()
    write: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two writes of ``field`` of ``event``, neither of which knew the other.

    ``claims[stands]`` is what the document says. ``kind`` is `FIELD`; `DELETION` (``field`` is
    ``deleted``: one deleted the event, the other edited it); or `BOOKING`, a warning only:
    ``event`` and ``other`` take place at the same time, and ``attendee`` is invited to both.
    """

    id: str
    event: str
    field: str
    claims: tuple[Claim, ...]
    stands: int
    kind: str = FIELD
    state: str = OPEN
    strategy: str = LAST_WRITE_WINS
    other: str = ""
    attendee: str = ""
    resolved: Plain = dataclasses.field(default_factory=dict)

    @classmethod
    def from_value(cls, conflict_id: str, value: object) -> Conflict:
        """Read a record. Raises `InvalidValue` for what is none."""
        key = f"conflicts/{conflict_id}"
        record = as_mapping(value, key)
        claims = record.get("values")
        if not isinstance(claims, list):
            raise InvalidValue(f"{key}.values: not a list")
        stands = as_int(record.get("stands", 0), f"{key}.stands")
        if not 0 <= stands < len(claims):
            raise InvalidValue(f"{key}.stands: there is no value of that number")
        texts = {name: record.get(name) or "" for name in ("other", "attendee")}
        return cls(
            id=conflict_id,
            event=as_text(record.get("event"), f"{key}.event"),
            field=as_text(record.get("field"), f"{key}.field"),
            claims=tuple(_claim(claim, key) for claim in claims),
            stands=stands,
            kind=as_text(record.get("kind") or FIELD, f"{key}.kind"),
            state=RESOLVED if record.get("state") == RESOLVED else OPEN,
            strategy=as_text(record.get("strategy") or LAST_WRITE_WINS, f"{key}.strategy"),
            resolved=as_mapping(record.get("resolved") or {}, f"{key}.resolved"),
            **{name: as_text(text, f"{key}.{name}") for name, text in texts.items()},
        )

    def to_value(self) -> dict[str, object]:
        """The document's plain value."""
        further = {"other": self.other, "attendee": self.attendee, "resolved": dict(self.resolved)}
        return {
            "kind": self.kind,
            "event": self.event,
            "field": self.field,
            "values": [_claim_value(claim) for claim in self.claims],
            "stands": self.stands,
            "state": self.state,
            "strategy": self.strategy,
            **{key: value for key, value in further.items() if value},
        }


class Conflicts:
    """The records of a document, for reading, and for deciding."""

    def __init__(self, doc: Doc[Map[object]], calendar: Calendar) -> None:
        self._doc = doc
        self._calendar = calendar
        self._records: Map[object] = doc.get("conflicts", type=Map)

    @classmethod
    def on(
        cls,
        doc: Doc[Map[object]],
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        user: str,
    ) -> Conflicts:
        """Those of a document, to be decided by that user; the words are those of `Calendar`."""
        return cls(doc, Calendar(doc, clock=clock, new_id=new_id, user=user))

    def __iter__(self) -> Iterator[Conflict]:
        """All of them; what is malformed is passed over."""
        for conflict_id, value in list(self._records.items()):
            try:
                yield Conflict.from_value(conflict_id, value)
            except InvalidValue:
                continue

    def __len__(self) -> int:
        return len(self._records)

    def open(self) -> list[Conflict]:
        """Those that nobody has decided."""
        return [conflict for conflict in self if conflict.state == OPEN]

    def get(self, conflict_id: str) -> Conflict:
        """The record of that id. Raises `NoSuchConflict`."""
        value = self._records.get(conflict_id)
        if value is None:
            raise NoSuchConflict(f"no conflict {conflict_id}")
        return Conflict.from_value(conflict_id, value)

    def record(self, conflict: Conflict) -> None:
        """Write the record; one of that id is replaced."""
        self._records[conflict.id] = conflict.to_value()

    def discard(self, conflict_id: str) -> None:
        """Take a record away."""
        if conflict_id in self._records:
            del self._records[conflict_id]

    def resolve(self, conflict_id: str, index: int) -> None:
        """Let the claim of that number stand: an ordinary edit, in one transaction.

        Raises `NoSuchConflict`, `NoSuchEvent` when the event is gone, `InvalidValue` for a number
        that there is not or a value that cannot be written.
        """
        conflict = self.get(conflict_id)
        if not 0 <= index < len(conflict.claims):
            raise InvalidValue(f"index: conflict {conflict_id} has {len(conflict.claims)} values")
        with self._doc.transaction():
            self._write(conflict, index)
            stamp = self._calendar.stamp()
            self.record(replace(conflict, stands=index, state=RESOLVED, resolved=stamp))

    def _write(self, conflict: Conflict, index: int) -> None:
        claim = conflict.claims[index]
        if conflict.kind == FIELD:
            # What stands may have been written anew since by somebody who knew: leave it.
            if index != conflict.stands:
                self._calendar.patch(conflict.event, {conflict.field: claim.value})
        elif conflict.kind != DELETION:
            return
        elif claim.value is None:
            self._calendar.restore(conflict.event)
        elif conflict.event in self._calendar:
            self._calendar.delete(conflict.event)


def _claim(value: object, key: str) -> Claim:
    claim = as_mapping(value, f"{key}.values")
    fields = claim.get("fields")
    return Claim(
        claim.get("value"),
        as_text(claim.get("by") or "", f"{key}.by"),
        _moment(claim.get("at")),
        tuple(cast("list[str]", fields)) if isinstance(fields, list) else (),
        as_text(claim.get("write") or "", f"{key}.write"),
    )


def _claim_value(claim: Claim) -> dict[str, object]:
    at = "" if claim.at is None else f"{claim.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
    further = {"fields": list(claim.fields), "write": claim.write}
    named = {key: value for key, value in further.items() if value}
    return {"value": claim.value, "by": claim.by, "at": at, **named}


def _moment(at: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(at) if isinstance(at, str) and at else None
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None
