"""The properties of a calendar as a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.details import Plain, Problem, as_plain, as_text
from crdt_calendar.model.fields import ICS, check_key
from crdt_calendar.model.when import parse_zone


class PropertyFields(TypedDict, total=False):
    """What a caller may say about a calendar. None, like an empty text, takes a property away.

    ``ics`` stands for all unknown iCalendar properties: those not given are taken away.
    """

    name: str | None
    timezone: str | None
    color: str | None
    description: str | None
    conflict_strategy: str | None
    ics: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Properties:
    """What the `calendar` map says. A text that is absent is empty.

    ``timezone`` is an IANA name. ``conflict_strategy`` is ``conflictStrategy`` in the document.
    ``ics`` holds iCalendar properties nobody here understands, kept under ``ics/<name>`` for the
    way back. ``problems`` lists what was malformed.
    """

    name: str = ""
    timezone: str = ""
    color: str = ""
    description: str = ""
    conflict_strategy: str = ""
    ics: Plain = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @classmethod
    def read(cls, values: Plain) -> Properties:
        """Read the contents of the `calendar` map. Never raises, whatever is written there."""
        texts, problems = {}, []
        for name, (key, check) in _TEXTS.items():
            try:
                texts[name] = "" if values.get(key) is None else check(values[key])
            except InvalidValue as error:
                problems.append(Problem("", key, str(error)))
        ics = {}
        for key in filter(_is_foreign, values):
            try:
                ics[key[len(ICS) :]] = as_plain(values[key], key)
            except InvalidValue as error:
                problems.append(Problem("", key, str(error)))
        return cls(**texts, ics=ics, problems=tuple(problems))


def property_values(fields: PropertyFields, present: Plain) -> dict[str, object]:
    """The values to write to the `calendar` map, by key; None takes a key away.

    ``present`` is what the map has. Raises `InvalidValue` naming the property.
    """
    values: dict[str, object] = {}
    for name, value in fields.items():
        if name in _TEXTS:
            key, check = _TEXTS[name]
            values[key] = as_plain(check(value), key) if value else None
        elif name != "ics":
            raise InvalidValue(f"{name[:80]}: a calendar has no such property")
    if "ics" in fields:
        values |= dict.fromkeys(filter(_is_foreign, present))
        for name, value in fields["ics"].items():
            check_key(ICS + name)
            values[ICS + name] = as_plain(value, ICS + name)
    return values


def _is_foreign(key: str) -> bool:
    return key.startswith(ICS)


def _text(key: str) -> tuple[str, Callable[[object], str]]:
    return key, lambda value: as_text(value, key)


_TEXTS: Mapping[str, tuple[str, Callable[[object], str]]] = {
    "name": _text("name"),
    "timezone": ("timezone", lambda value: parse_zone(value, "timezone")),
    "color": _text("color"),
    "description": _text("description"),
    "conflict_strategy": _text("conflictStrategy"),
}
