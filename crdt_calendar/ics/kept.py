"""Properties nobody here understands, kept for the way back.

In the document, under ``ics/<NAME>`` of an event and in ``ics`` of an alarm, is a list with one
entry for each time the property was given: ``{value, params?}``. ``value`` is as it was written,
escapes and all, because how to read it depends on a type we may not know. A property that has a
field of its own is kept too if it came with parameters; they go back as long as the value is the
same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from crdt_calendar.errors import InvalidValue
from crdt_calendar.ics.lines import Line, Parameters, is_name, render, unescape

# A picture as inline base64 does not belong into every replica of a calendar.
LONGEST_VALUE_BYTES = 64 * 1024

Entry = dict[str, object]


def keep(lines: Iterable[Line]) -> list[Entry]:
    """The entries for lines of one name. Raises `InvalidValue` when they are too much to keep."""
    entries = [_entry(line) for line in lines]
    if sum(len(str(entry).encode()) for entry in entries) > LONGEST_VALUE_BYTES:
        raise InvalidValue(f"more than {LONGEST_VALUE_BYTES // 1024} KiB")
    return entries


def _entry(line: Line) -> Entry:
    params = {
        name: value if isinstance(value, str) else list(value)
        for name, value in line.params.items()
    }
    return {"value": line.value, "params": params} if params else {"value": line.value}


def render_kept(name: str, kept: object) -> Iterator[bytes]:
    """The lines of a kept property; what a foreign client has put there and is none is left out."""
    if is_name(name) and name not in ("BEGIN", "END"):
        yield from (render(name, value, params) for value, params in entries(kept))


def entries(kept: object) -> Iterator[tuple[str, Parameters]]:
    """Value and parameters of each entry that is of the form above."""
    for entry in kept if isinstance(kept, list | tuple) else ():
        if isinstance(entry, Mapping) and isinstance(entry.get("value"), str):
            yield entry["value"], as_parameters(entry.get("params"))


def as_parameters(value: object) -> Parameters:
    """What can be written as parameters of what a client has put there, in a settled order."""
    if not isinstance(value, Mapping):
        return {}
    return {
        name: one if isinstance(one, str) else [str(item) for item in one]
        for name, one in sorted(value.items())
        if is_name(name) and isinstance(one, str | list | tuple)
    }


def params_of(kept: object, text: str) -> Parameters:
    """The parameters that came with this very text."""
    return next((p for value, p in entries(kept) if text in (unescape(value), value)), {})
