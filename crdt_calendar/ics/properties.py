"""The properties of one component by name, and reading them one by one without giving up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import TypeVar

from crdt_calendar.errors import InvalidValue
from crdt_calendar.ics.components import Component, Problems
from crdt_calendar.ics.lines import Line

T = TypeVar("T")

# Exceptions of a daily series for 27 years, or everybody in a very large company.
MOST_OF_A_NAME = 10_000


class Properties:
    """The lines of a component. What cannot be read is noted, and is as if it were not there."""

    def __init__(self, component: Component, problems: Problems) -> None:
        self.number = component.number
        self._problems = problems
        self._lines: dict[str, list[Line]] = {}
        for line in component.lines:
            self._lines.setdefault(line.name, []).append(line)

    def __iter__(self) -> Iterator[tuple[str, list[Line]]]:
        return iter(self._lines.items())

    def note(self, line: int, message: str) -> None:
        """Note a problem."""
        self._problems.add(line, message)

    def first(self, name: str) -> Line | None:
        """The first line of that name; the others do not count."""
        lines = self._lines.get(name)
        return lines[0] if lines else None

    def text(self, name: str) -> str:
        """The first line's value as TEXT, without space around it; "" when there is none."""
        line = self.first(name)
        return line.text.strip() if line else ""

    def read(self, name: str, read: Callable[[Line], T]) -> T | None:
        """What `read` makes of the first line of that name."""
        line = self.first(name)
        return None if line is None else self.attempt(line.number, name, partial(read, line))

    def read_all(self, name: str, read: Callable[[Line], T]) -> Iterator[T]:
        """What `read` makes of each line of that name."""
        lines = self._lines.get(name, [])
        if len(lines) > MOST_OF_A_NAME:
            self.note(lines[MOST_OF_A_NAME].number, f"{name}: more than {MOST_OF_A_NAME} of them")
        for line in islice(lines, MOST_OF_A_NAME):
            value = self.attempt(line.number, name, partial(read, line))
            if value is not None:
                yield value

    def attempt(self, line: int, name: str, read: Callable[[], T]) -> T | None:
        """What `read` returns, or None and a note when it raises `InvalidValue`."""
        try:
            return read()
        except InvalidValue as error:
            self.note(line, f"{name}: {error}")
            return None
