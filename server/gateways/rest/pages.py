"""Pages: a part of a list, and an opaque cursor to go on from.

A cursor holds the sort key of the last item, not a number of items: what comes and goes meanwhile
neither repeats an item nor skips one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta, Struct

from crdt_calendar.errors import InvalidValue

T = TypeVar("T")
U = TypeVar("U")

Limit = Annotated[int, Meta(ge=1, le=500, description="items on a page")]
Cursor = Annotated[str, Meta(max_length=4096, description="`next` of the page before")]
USUAL = 100


class Page(Struct, Generic[T], frozen=True):
    """A part of a list. ``next`` is the cursor of the page after this one; null at the end."""

    items: list[T]
    next: str | None = None


def page(
    items: Iterable[U], key: Callable[[U], tuple[Any, ...]], limit: int, cursor: str
) -> tuple[list[U], str | None]:
    """The items after the cursor, in the order of their keys, and the next cursor.

    Raises `InvalidValue` for a cursor that is none of this list's.
    """
    found = sorted(items, key=key)
    if cursor:
        after = _read(cursor)
        try:
            found = [item for item in found if key(item) > after]
        except TypeError:
            raise InvalidValue("cursor: from another list") from None
    part = found[:limit]
    return part, _written(key(part[-1])) if len(found) > limit else None


def _written(key: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(key)).decode().rstrip("=")


def _read(cursor: str) -> tuple[Any, ...]:
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        key = msgspec.msgpack.decode(base64.urlsafe_b64decode(padded), type=tuple[Any, ...])
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise InvalidValue("cursor: not one of ours; give back `next` as it came") from None
    return key
