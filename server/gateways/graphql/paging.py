"""Pages of sorted things. A cursor is the key of the last one that was given, and opaque."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from crdt_calendar.errors import InvalidValue

T = TypeVar("T")
Key = tuple[str, ...]
MOST_ON_PAGE = 500
USUAL = 100


def page(
    items: Sequence[T], key: Callable[[T], Key], limit: int, cursor: str | None
) -> tuple[Sequence[T], str | None]:
    """At most `limit` items after that cursor, of `items` sorted by `key`; and the next cursor.

    Raises `InvalidValue`.
    """
    start = 0 if cursor is None else bisect_right(items, _read(cursor), key=key)
    found = items[start : start + limit]
    more = start + limit < len(items)
    return found, _write(key(found[-1])) if found and more else None


def check_limit(limit: int) -> int:
    """That number. Raises `InvalidValue` when a page cannot have so many."""
    if not 1 <= limit <= MOST_ON_PAGE:
        raise InvalidValue(f"limit: from 1 to {MOST_ON_PAGE}")
    return limit


def _write(key: Key) -> str:
    return urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def _read(cursor: str) -> Key:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return tuple(msgspec.json.decode(urlsafe_b64decode(padded), type=list[str]))
    except (ValueError, msgspec.MsgspecError):
        raise InvalidValue("cursor: not one of ours; give back `next` as it came") from None
