"""What is asked of a line-up board: the same edits, whichever door they come by."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from crdt_calendar.model.lineup import Lineup
from crdt_calendar.shapes.lineups import (
    LineupId,
    LineupShape,
    MemoFields,
    document_id,
)


class Edit(Struct, frozen=True, kw_only=True, rename="camel"):
    """Something to be done to a board; `apply` does it and gives the line-up concerned."""

    def apply(self, board: Lineup) -> LineupShape:
        """Do it. Raises `ContentError`."""
        raise NotImplementedError


class UpdateNumber(Edit, frozen=True, kw_only=True, rename="camel"):
    """``update-gbs-number``; null takes somebody out of their group."""

    lineup_id: LineupId
    gbs_number: Annotated[int, Meta(ge=0)] | None

    def apply(self, board: Lineup) -> LineupShape:
        """Put them there."""
        one = document_id(self.lineup_id)
        board.set_number(one, self.gbs_number)
        return LineupShape.of(board.get(one), self.lineup_id)


class CreateMemo(Edit, MemoFields, frozen=True, kw_only=True, rename="camel"):
    """``create-lineup-memo``."""

    lineup_id: LineupId

    def apply(self, board: Lineup, memo_id: str | None = None) -> LineupShape:
        """Pin it on; `memo_id` is to be its id."""
        one = document_id(self.lineup_id)
        board.add_memo(one, self.words, self.colour or "", memo_id=memo_id)
        return LineupShape.of(board.get(one), self.lineup_id)


class UpdateMemo(Edit, MemoFields, frozen=True, kw_only=True, rename="camel"):
    """``update-lineup-memo``; ``lineupId`` may say whose it is."""

    memo_id: Annotated[str, Meta(min_length=1)]
    lineup_id: LineupId | UnsetType = UNSET

    def apply(self, board: Lineup) -> LineupShape:
        """Write over it."""
        owner = _owner(self.lineup_id)
        owner = board.set_memo(self.memo_id, self.words, self.colour, lineup_id=owner)
        return LineupShape.of(board.get(owner), _asked(self.lineup_id))


class DeleteMemo(Edit, frozen=True, kw_only=True, rename="camel"):
    """``delete-lineup-memo``."""

    memo_id: Annotated[str, Meta(min_length=1)]
    lineup_id: LineupId | UnsetType = UNSET

    def apply(self, board: Lineup) -> LineupShape:
        """Take it off."""
        owner = board.remove_memo(self.memo_id, lineup_id=_owner(self.lineup_id))
        return LineupShape.of(board.get(owner), _asked(self.lineup_id))


def _owner(lineup_id: LineupId | UnsetType) -> str | None:
    return None if lineup_id is UNSET else document_id(lineup_id)


def _asked(lineup_id: LineupId | UnsetType) -> LineupId | None:
    return None if lineup_id is UNSET else lineup_id
