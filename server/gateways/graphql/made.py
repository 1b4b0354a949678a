"""From shapes to GraphQL types, and from GraphQL inputs to shapes."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

import msgspec
import strawberry

from crdt_calendar.errors import InvalidValue

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)


def made(cls: type[T], shape: msgspec.Struct, **more: object) -> T:
    """The GraphQL object with the fields of the shape, and with `more` beside or instead."""
    names = cls.__dataclass_fields__.keys() - more.keys()  # type: ignore[attr-defined]
    return cls(**{name: getattr(shape, name) for name in names}, **more)


def said(given: object, shape: type[S]) -> S:
    """What somebody says in a GraphQL input, as that shape; what is left out stays unset.

    Raises `InvalidValue` naming the field.
    """
    try:
        return msgspec.convert(_plain(given), shape)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        raise InvalidValue(f"{path.rstrip('`') or 'input'}: {message}") from None


def _plain(value: Any) -> object:
    if dataclasses.is_dataclass(value):
        aliases = getattr(value, "ALIASES", {})
        names = (field.name for field in dataclasses.fields(value))
        given = {aliases.get(name, camel(name)): getattr(value, name) for name in names}
        return {name: _plain(one) for name, one in given.items() if one is not strawberry.UNSET}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def camel(name: str) -> str:
    """A field's name as it is outside: ``start_date`` is ``startDate``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
