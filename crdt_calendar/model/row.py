"""A line-up as a value; malformed content reads as absent.

What is known of a person besides name and number (grade, church, phone) differs from board to board
and is kept as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.details import (
    Plain,
    Problem,
    Stamp,
    as_int,
    as_mapping,
    as_plain,
    as_text,
)
from crdt_calendar.model.fields import BOOKKEEPING, check_key

NAME, NUMBER, MEMO, DELETED = "name", "gbsNumber", "memo/", "deleted"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Memo:
    """A note on a line-up: key ``memo/<id>``, value ``{text, color, by, at}``.

    ``color`` is empty for none. ``written`` says who wrote it last, and when.
    """

    id: str
    text: str
    color: str = ""
    written: Stamp | None = None

    @classmethod
    def from_value(cls, memo_id: str, value: object) -> Memo:
        """Read the plain value under ``memo/<id>``. Raises `InvalidValue`."""
        key = f"{MEMO}{memo_id}"
        fields = as_mapping(value, key)
        text = as_text(fields.get("text"), f"{key}.text")
        color = as_text(fields.get("color") or "", f"{key}.color")
        return cls(memo_id, text, color, _stamp_or_none(fields))

    def to_value(self) -> dict[str, object]:
        """The document's plain value."""
        value: dict[str, object] = {"text": self.text, "color": self.color}
        return value | (self.written.to_value() if self.written else {})


@dataclass(frozen=True, slots=True)
class Row:
    """One line-up as the document has it; what is malformed reads as absent.

    ``memos`` are in the order in which they were written. ``others`` are the plain values under
    keys that are not ours. ``sequence`` grows with every write.
    """

    id: str
    name: str = ""
    gbs_number: int | None = None
    memos: tuple[Memo, ...] = ()
    others: Plain = field(default_factory=dict)
    sequence: int = 0
    created: Stamp | None = None
    updated: Stamp | None = None
    deleted: Stamp | None = None
    problems: tuple[Problem, ...] = ()

    @classmethod
    def read(cls, lineup_id: str, values: Plain) -> Row:
        """Read the contents of a line-up's map. Never raises, whatever is written there."""
        reading = _Reading(lineup_id, values)
        found = (reading.memo(key) for key in values if _is_memo(key))
        memos = sorted((memo for memo in found if memo is not None), key=_by_time)
        stamps = {key: reading.take(key, _as_stamp) for key in ("created", "updated", DELETED)}
        return cls(
            lineup_id,
            reading.take(NAME, as_text) or "",
            reading.take(NUMBER, as_number),
            tuple(memos),
            _foreign(values),
            reading.take("sequence", as_int) or 0,
            **stamps,
            problems=tuple(reading.problems),
        )


class _Reading:
    """Takes values out of a map and notes down what is not of its form."""

    def __init__(self, lineup_id: str, values: Plain) -> None:
        self._id = lineup_id
        self._values = values
        self.problems: list[Problem] = []

    def take(self, key: str, check: Callable[[object, str], T]) -> T | None:
        value = self._values.get(key)
        try:
            return None if value is None else check(as_plain(value, key), key)
        except InvalidValue as error:
            self.problems.append(Problem(self._id, key, str(error)))
            return None

    def memo(self, key: str) -> Memo | None:
        return self.take(key, lambda value, key: Memo.from_value(key[len(MEMO) :], value))


def normal_value(key: str, value: object) -> object:
    """The plain value to write under `key` of a line-up's map; None means: take away.

    Raises `InvalidValue` naming the key.
    """
    if key in BOOKKEEPING or key == DELETED:
        raise InvalidValue(f"{key}: kept by the board itself")
    check_key(key)
    if value is None:
        return None
    if key == NAME:
        return as_plain(as_text(value, key), key) or None
    if key == NUMBER:
        return as_number(value, key)
    if _is_memo(key):
        return as_plain(Memo.from_value(key[len(MEMO) :], value).to_value(), key)
    return as_plain(value, key)


def as_number(value: object, key: str = NUMBER) -> int:
    """`value` as the number of a group: whole, from 0 on. Raises `InvalidValue` naming `key`."""
    number = as_int(value, key)
    if number < 0:
        raise InvalidValue(f"{key}: {number} is below 0")
    return number


def _is_memo(key: str) -> bool:
    return key.startswith(MEMO) and len(key) > len(MEMO)


def _as_stamp(value: object, key: str) -> Stamp:
    return Stamp.from_value(value, key)


def _stamp_or_none(fields: Plain) -> Stamp | None:
    try:
        return Stamp.from_value(fields)
    except InvalidValue:
        return None


def _by_time(memo: Memo) -> tuple[str, str]:
    return (memo.written.at.isoformat() if memo.written else "", memo.id)


def _foreign(values: Plain) -> Mapping[str, object]:
    """What others keep in the map, as far as it is plain."""
    kept = {}
    for key, value in values.items():
        if key not in _OURS and not key.startswith(MEMO) and value is not None:
            try:
                kept[key] = as_plain(value, key)
            except InvalidValue:
                continue
    return kept


_OURS = BOOKKEEPING | {NAME, NUMBER, DELETED}
