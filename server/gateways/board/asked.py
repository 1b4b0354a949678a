"""What a board's clients ask for: the payloads of their events, read."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec
from msgspec import Struct

from crdt_calendar.errors import InvalidValue
from crdt_calendar.shapes.lineups import LineupId

T = TypeVar("T")
_PATH = re.compile(r"(.*?)(?: - at `\$\.?(.*)`)?", re.DOTALL)


class Editing(Struct, frozen=True, kw_only=True, rename="camel"):
    """``user-editing``: which line-up the sender is at; null for none any more."""

    lineup_id: LineupId | None = None


def read(data: object, kind: type[T]) -> T:
    """`data` as what it should be. Raises `InvalidValue` naming the field."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise InvalidValue(_in_our_words(str(error))) from error


def _in_our_words(message: str) -> str:
    """``gbsNumber: expected ...``, of what msgspec says with the path at the end."""
    match = _PATH.fullmatch(message)
    words, path = match.groups() if match else (message, "")
    missing = re.fullmatch(r"Object missing required field `(\w+)`", words)
    if missing:
        return f"{missing[1]}: missing"
    return f"{path or 'data'}: {words[:1].lower()}{words[1:]}"
