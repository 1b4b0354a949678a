"""An event map: read into plain values, and written only where something differs."""

from __future__ import annotations

from os.path import commonprefix
from typing import TypeAlias

from pycrdt import Map, Text

from crdt_calendar.model.details import Plain

EventMap: TypeAlias = "Map[object]"
"""The shared map of one event, or of the calendar's properties: plain values, and Texts."""


def new_map(values: Plain) -> EventMap:
    """A map not yet in a document. Its `description` is a Text from the start.

    One made later could be made by two people at once, and one of theirs would be lost.
    """
    given = {key: value for key, value in values.items() if value is not None}
    text = given.get("description", "")
    return Map({**given, "description": Text(text if isinstance(text, str) else "")})


def read_map(shared: EventMap) -> dict[str, object]:
    """What is in the map: plain values as they are, shared types as themselves."""
    return dict(shared.items())


def differing(shared: EventMap, values: Plain) -> dict[str, object]:
    """Those of `values` that the map does not hold already; None means absent."""
    return {
        key: value for key, value in values.items() if not _is_held(shared.get(key), key, value)
    }


def write_map(shared: EventMap, values: Plain) -> None:
    """Write each value; take away the keys whose value is None; edit a `description`."""
    for key, value in values.items():
        if key == "description":
            _write_text(shared, key, value if isinstance(value, str) else "")
        else:
            set_plain(shared, key, value)


def set_plain(shared: EventMap, key: str, value: object) -> None:
    """Write a plain value, or take the key away for None."""
    if value is not None:
        shared[key] = value
    elif key in shared:
        del shared[key]


def edit_text(text: Text, wanted: str) -> None:
    """Turn a Text into `wanted` by one cut and one insertion, leaving alone what stays.

    Positions in a Text of yrs are bytes of UTF-8.
    """
    held = str(text)
    if len(held.encode()) != len(text):  # something is embedded in it that we cannot place
        text.clear()
        held = ""
    before = len(commonprefix([held, wanted]))
    after = len(commonprefix([held[before:][::-1], wanted[before:][::-1]]))
    start = len(held[:before].encode())
    cut = len(held[before : len(held) - after].encode())
    if cut:
        del text[start : start + cut]
    if insertion := wanted[before : len(wanted) - after]:
        text.insert(start, insertion)


def _write_text(shared: EventMap, key: str, wanted: str) -> None:
    held = shared.get(key)
    if isinstance(held, Text):
        edit_text(held, wanted)
    else:
        shared[key] = Text(wanted)


def _is_held(held: object, key: str, value: object) -> bool:
    if key == "description":
        return str(held) == (value or "") if isinstance(held, Text) else held is None and not value
    return held == value and isinstance(held, bool) == isinstance(value, bool)
