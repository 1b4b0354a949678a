"""Line-ups as programs see them: what they are given, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.details import Plain
from crdt_calendar.model.lineup import Lineup
from crdt_calendar.model.row import MEMO, NAME, NUMBER, Memo, Row
from crdt_calendar.shapes.times import format_instant

LineupId: TypeAlias = str | int
"""Ids are text in the document. Boards from elsewhere count theirs: a whole number is one, too."""

# What a shape itself says; a board's own key of that name is not shown.
_TAKEN = frozenset({"id", "memos", "version", "updatedAt", "updatedBy"})
_LONGEST_ID_DIGITS = 15  # what a number of JavaScript is sure to hold


class MemoShape(Struct, frozen=True, rename="camel"):
    """A memo; ``by`` wrote it last, at the instant ``at``."""

    id: str
    text: str
    color: str = ""
    by: str | None = None
    at: str | None = None

    @classmethod
    def of(cls, memo: Memo) -> MemoShape:
        """That memo."""
        stamp = memo.written
        if stamp is None:
            return cls(memo.id, memo.text, memo.color)
        return cls(memo.id, memo.text, memo.color, stamp.by, format_instant(stamp.at))


class LineupShape(Struct, frozen=True, kw_only=True, rename="camel"):
    """A line-up. ``gbsNumber`` null: in no group yet. ``version`` grows with every write.

    ``others`` are further things that the board keeps of a person; `to_plain` puts them beside.
    """

    id: LineupId
    name: str = ""
    gbs_number: int | None = None
    memos: list[MemoShape] = []
    version: int = 0
    updated_at: str | None = None
    updated_by: str | None = None
    others: dict[str, object] = {}

    @classmethod
    def of(cls, row: Row, lineup_id: LineupId | None = None) -> LineupShape:
        """That row; its id as `lineup_id` says it, or else as a number where it is one."""
        return cls(
            id=natural_id(row.id) if lineup_id is None else lineup_id,
            name=row.name,
            gbs_number=row.gbs_number,
            memos=[MemoShape.of(memo) for memo in row.memos],
            version=row.sequence,
            updated_at=format_instant(row.updated.at) if row.updated else None,
            updated_by=row.updated.by if row.updated else None,
            others={key: value for key, value in row.others.items() if key not in _TAKEN},
        )

    def to_plain(self) -> dict[str, object]:
        """One flat object of JSON or MessagePack, the board's own keys among ours."""
        return {
            **self.others,
            "id": self.id,
            "name": self.name,
            "gbsNumber": self.gbs_number,
            "memos": [
                {"id": one.id, "text": one.text, "color": one.color, "by": one.by, "at": one.at}
                for one in self.memos
            ],
            "version": self.version,
            "updatedAt": self.updated_at,
            "updatedBy": self.updated_by,
        }


class MemoFields(Struct, frozen=True, kw_only=True, rename="camel"):
    """What somebody writes on a memo. ``memo`` and ``text`` are two names for one thing."""

    memo: str | UnsetType = UNSET
    text: str | UnsetType = UNSET
    color: str | None | UnsetType = UNSET

    @property
    def words(self) -> str:
        """The text. Raises `InvalidValue` unless there is one, once."""
        if self.memo is not UNSET and self.text is not UNSET and self.memo != self.text:
            raise InvalidValue("text: another word for memo; give one of them")
        words = self.memo if self.memo is not UNSET else self.text
        if words is UNSET:
            raise InvalidValue("memo: missing; what does it say?")
        return words

    @property
    def colour(self) -> str | None:
        """The colour, empty for none; None where nothing is said of it."""
        return None if self.color is UNSET else self.color or ""


class LineupFields(Struct, frozen=True, kw_only=True, rename="camel"):
    """What somebody says about a line-up; what is left out stays as it is, null takes away.

    ``others`` stands for further things, by their keys.
    """

    name: str | None | UnsetType = UNSET
    gbs_number: Annotated[int, Meta(ge=0)] | None | UnsetType = UNSET
    others: dict[str, object] = {}

    def for_model(self) -> Plain:
        """The values for `Lineup.create` and `Lineup.patch`. Raises `InvalidValue`."""
        values = dict(self.others)
        for key in values:
            if key in (NAME, NUMBER) or key in _TAKEN or key.startswith(MEMO):
                raise InvalidValue(f"others.{key[:80]}: not among the further things")
        if self.name is not UNSET:
            values[NAME] = self.name
        if self.gbs_number is not UNSET:
            values[NUMBER] = self.gbs_number
        return values


def shown(lineup: Lineup) -> list[LineupShape]:
    """The whole board, by name."""
    return [LineupShape.of(row) for row in lineup.rows()]


def document_id(lineup_id: object, field: str = "lineupId") -> str:
    """The id that the document has for that one. Raises `InvalidValue` naming `field`."""
    if isinstance(lineup_id, str) and lineup_id:
        return lineup_id
    if isinstance(lineup_id, int) and not isinstance(lineup_id, bool) and lineup_id >= 0:
        return str(lineup_id)
    raise InvalidValue(f"{field}: the id of a line-up is text or a whole number")


def natural_id(lineup_id: str) -> LineupId:
    """An id as its board counts: a number where it is one, written as numbers are."""
    is_number = lineup_id.isascii() and lineup_id.isdigit() and len(lineup_id) <= _LONGEST_ID_DIGITS
    if is_number and str(int(lineup_id)) == lineup_id:
        return int(lineup_id)
    return lineup_id


def fields_of(value: object, names: frozenset[str]) -> Mapping[str, object]:
    """`value` if it is an object with no other keys. Raises `InvalidValue` naming one."""
    if not isinstance(value, dict):
        raise InvalidValue("data: not an object")
    for key in value:
        if key not in names:
            raise InvalidValue(f"{str(key)[:80]}: unknown; known are {', '.join(sorted(names))}")
    return value
