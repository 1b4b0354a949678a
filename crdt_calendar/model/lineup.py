"""A line-up board, read from and written to a `pycrdt.Doc` as the document contract says.

A board says who is in which group: one root, ``lineups``, of line-ups by id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeAlias, TypeGuard

from pycrdt import Doc, Map

from crdt_calendar.errors import InvalidValue, NoSuchLineup, NoSuchMemo
from crdt_calendar.model.details import LARGEST_INT, Plain, Problem, Stamp, as_text
from crdt_calendar.model.event import is_tombstone
from crdt_calendar.model.fields import check_key
from crdt_calendar.model.maps import read_map, set_plain
from crdt_calendar.model.row import DELETED, MEMO, NUMBER, Memo, Row, normal_value

ROOT = "lineups"

LineupMap: TypeAlias = "Map[object]"


class Lineup:
    """The line-ups of one document.

    Every method that writes does it in one transaction (the caller's, if one is open), writes only
    what differs, and then counts ``sequence`` up and sets ``updated``; a write that changes nothing
    leaves no trace. Writing methods raise `InvalidValue` naming the field, `NoSuchLineup` and
    `NoSuchMemo`; reading methods raise nothing on account of what other clients have written.

    ``clock`` returns the time, aware; ``new_id`` makes ids of line-ups and memos; ``user`` is who
    writes.
    """

    def __init__(
        self,
        doc: Doc[Map[object]],
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        user: str,
    ) -> None:
        self._doc = doc
        self._clock = clock
        self._new_id = new_id
        self._user = user
        self._lineups: LineupMap = doc.get(ROOT, type=Map)

    # Reading

    def get(self, lineup_id: str) -> Row:
        """The line-up of that id. Raises `NoSuchLineup` when there is none, or it is deleted."""
        return Row.read(lineup_id, read_map(self._live(lineup_id)))

    def find(self, lineup_id: str) -> Row | None:
        """The line-up of that id, deleted or not; None when there is none."""
        shared = self._lineups.get(lineup_id)
        return Row.read(lineup_id, read_map(shared)) if isinstance(shared, Map) else None

    def __contains__(self, lineup_id: object) -> bool:
        return isinstance(lineup_id, str) and _is_live(self._lineups.get(lineup_id))

    def __len__(self) -> int:
        return sum(1 for shared in self._lineups.values() if _is_live(shared))

    def rows(self) -> list[Row]:
        """Every line-up that is not deleted, by name."""
        rows = [row for row in self._all() if row.deleted is None]
        return sorted(rows, key=lambda row: (row.name, row.id))

    def ids(self) -> list[str]:
        """The ids of every line-up that is not deleted, in no particular order."""
        return [key for key, shared in list(self._lineups.items()) if _is_live(shared)]

    def deleted(self) -> list[Row]:
        """Every line-up that is deleted and can be restored."""
        return [row for row in self._all() if row.deleted is not None]

    def lineup_of(self, memo_id: str) -> str:
        """The id of the line-up that has this memo. Raises `NoSuchMemo`."""
        key = MEMO + memo_id
        found = [id_ for id_, shared in self._lineups.items() if _is_live(shared) and key in shared]
        if not found:
            raise NoSuchMemo(f"no memo {memo_id[:80]}")
        return min(found)  # the same for everybody, should two have one of that id

    def problems(self) -> list[Problem]:
        """Everything malformed in the root, as `Row.problems`."""
        stray = [
            Problem(lineup_id, "", "not a map")
            for lineup_id, shared in list(self._lineups.items())
            if not isinstance(shared, Map)
        ]
        return [*stray, *(problem for row in self._all() for problem in row.problems)]

    # Writing line-ups

    def create(self, values: Plain | None = None, *, lineup_id: str | None = None) -> str:
        """Make a line-up of these values, by the keys of its map; return its id.

        That is `lineup_id`, which must not be taken, or a new one.
        """
        made = self._new_id() if lineup_id is None else lineup_id
        check_key(made, "lineupId")
        if isinstance(self._lineups.get(made), Map):
            raise InvalidValue(f"lineupId: {made[:80]} is taken; update it, or restore it first")
        wire = {key: normal_value(key, value) for key, value in (values or {}).items()}
        stamp = self._stamp().to_value()
        book: Plain = {"created": stamp, "updated": stamp, "sequence": 0}
        given = {key: value for key, value in wire.items() if value is not None}
        with self._doc.transaction():
            self._lineups[made] = Map({**given, **book})
        return made

    def patch(self, lineup_id: str, values: Plain) -> frozenset[str]:
        """Write plain values by the keys of the map, where they differ; return those keys.

        None takes a key away. A memo comes as `Memo.to_value` gives it.
        """
        self._live(lineup_id)
        return self._write(
            lineup_id, {key: normal_value(key, value) for key, value in values.items()}
        )

    def set_number(self, lineup_id: str, gbs_number: int | None) -> frozenset[str]:
        """Put somebody into a group; None takes them out of theirs."""
        return self.patch(lineup_id, {NUMBER: gbs_number})

    def delete(self, lineup_id: str) -> None:
        """Put a tombstone on a line-up; it can be restored."""
        self._live(lineup_id)
        self._write(lineup_id, {DELETED: self._stamp().to_value()})

    def restore(self, lineup_id: str) -> None:
        """Take the tombstone off; nothing happens when there is none."""
        shared = self._lineups.get(lineup_id)
        if not isinstance(shared, Map):
            raise NoSuchLineup(f"no line-up {lineup_id[:80]}")
        if is_tombstone(shared.get(DELETED)):
            self._write(lineup_id, {DELETED: None})

    # Writing memos

    def add_memo(
        self, lineup_id: str, text: str, color: str = "", *, memo_id: str | None = None
    ) -> str:
        """Pin a memo to a line-up; return its id."""
        made = self._new_id() if memo_id is None else memo_id
        if MEMO + made in self._live(lineup_id):
            raise InvalidValue(f"memoId: {made[:80]} is taken")
        self.patch(lineup_id, {MEMO + made: self._memo(made, text, color).to_value()})
        return made

    def set_memo(
        self, memo_id: str, text: str, color: str | None = None, *, lineup_id: str | None = None
    ) -> str:
        """Write another text or colour (None: as it is); return the id of the line-up.

        Who changes a memo is who wrote it from then on.
        """
        owner = self.lineup_of(memo_id) if lineup_id is None else lineup_id
        held = self._held_memo(owner, memo_id)
        memo = self._memo(memo_id, text, held.color if color is None else color)
        if (memo.text, memo.color) != (held.text, held.color):
            self.patch(owner, {MEMO + memo_id: memo.to_value()})
        return owner

    def remove_memo(self, memo_id: str, *, lineup_id: str | None = None) -> str:
        """Take a memo away; return the id of the line-up that had it."""
        owner = self.lineup_of(memo_id) if lineup_id is None else lineup_id
        if MEMO + memo_id not in self._live(owner):
            raise NoSuchMemo(f"no memo {memo_id[:80]} at line-up {owner[:80]}")
        self._write(owner, {MEMO + memo_id: None})
        return owner

    # How

    def _all(self) -> Iterable[Row]:
        found = list(self._lineups.items())
        return [Row.read(key, read_map(item)) for key, item in found if isinstance(item, Map)]

    def _live(self, lineup_id: str) -> LineupMap:
        shared = self._lineups.get(lineup_id)
        if not _is_live(shared):
            raise NoSuchLineup(f"no line-up {lineup_id[:80]}")
        return shared

    def _stamp(self) -> Stamp:
        return Stamp(self._user, self._clock())

    def _memo(self, memo_id: str, text: str, color: str) -> Memo:
        if not as_text(text, "memo").strip():
            raise InvalidValue("memo: empty; delete it to take it away")
        return Memo(memo_id, text, as_text(color, "color"), self._stamp())

    def _held_memo(self, lineup_id: str, memo_id: str) -> Memo:
        value = self._live(lineup_id).get(MEMO + memo_id)
        if value is None:
            raise NoSuchMemo(f"no memo {memo_id[:80]} at line-up {lineup_id[:80]}")
        try:
            return Memo.from_value(memo_id, value)
        except InvalidValue:  # whatever it is, it may be written over
            return Memo(memo_id, "")

    def _write(self, lineup_id: str, values: Plain) -> frozenset[str]:
        shared = self._live_or_deleted(lineup_id)
        changes = {key: v for key, v in values.items() if not _is_same(shared.get(key), v)}
        if changes:
            seen = Row.read(lineup_id, {"sequence": shared.get("sequence")}).sequence
            book = {"sequence": min(seen + 1, LARGEST_INT), "updated": self._stamp().to_value()}
            with self._doc.transaction():
                for key, value in {**changes, **book}.items():
                    set_plain(shared, key, value)
        return frozenset(changes)

    def _live_or_deleted(self, lineup_id: str) -> LineupMap:
        shared = self._lineups[lineup_id]
        assert isinstance(shared, Map)
        return shared


def _is_live(shared: object) -> TypeGuard[LineupMap]:
    return isinstance(shared, Map) and not is_tombstone(shared.get(DELETED))


def _is_same(held: object, value: object) -> bool:
    return held == value and isinstance(held, bool) == isinstance(value, bool)
