"""Components (RFC 5545 section 3.4): which lines belong together, whatever is broken around."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from crdt_calendar.errors import InvalidValue
from crdt_calendar.ics.lines import Line, parse, unfold

# VCALENDAR, VEVENT, VALARM are three levels; VTIMEZONE, STANDARD likewise. Nobody nests deeper.
MOST_LEVELS = 8
# Everybody in a large company at a daily event of 27 years; and a zone with all its history.
MOST_LINES, MOST_PARTS = 50_000, 1_000
# People read problems; a file with more of them than this is no calendar.
MOST_PROBLEMS, LONGEST_MESSAGE = 1_000, 300


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a file that could not be taken over; `line` counts from 1."""

    line: int
    message: str


class Problems:
    """Collects problems, as many as anyone would read, and counts the rest."""

    def __init__(self) -> None:
        self._kept: list[Problem] = []
        self._dropped = 0

    def add(self, line: int, message: str) -> None:
        """Note what went wrong at a line."""
        if len(self._kept) < MOST_PROBLEMS:
            self._kept.append(Problem(line, message[:LONGEST_MESSAGE]))
        else:
            self._dropped += 1

    def in_order(self) -> list[Problem]:
        """All that was noted, by line."""
        ordered = sorted(self._kept, key=lambda problem: problem.line)
        if self._dropped:
            ordered.append(Problem(ordered[-1].line, f"and {self._dropped} more problems"))
        return ordered


@dataclass(slots=True)
class Component:
    """The lines and the inner components between a BEGIN and its END."""

    name: str
    number: int
    lines: list[Line] = field(default_factory=list)
    parts: list[Component] = field(default_factory=list)

    def first(self, name: str) -> Line | None:
        """The first line of that name."""
        return next((line for line in self.lines if line.name == name), None)

    def all(self, name: str) -> list[Line]:
        """Every line of that name, in the file's order."""
        return [line for line in self.lines if line.name == name]


def read_components(text: str, problems: Problems) -> Iterator[Component]:
    """Each component directly inside a VCALENDAR as it ends, then the VCALENDAR with its own lines.

    A line that is none is reported and passed over. A component that never ends, because another
    of its kind begins or the file stops, ends there.
    """
    return _Reader(problems).read(text)


class _Reader:
    """The stack of open components."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._open: list[Component] = []
        self._full: set[str] = set()
        self._ignored = 0  # levels open below the deepest that is kept

    def read(self, text: str) -> Iterator[Component]:
        """The components of the text, as they end; what does not parse is noted by line."""
        for number, unfolded in unfold(text):
            try:
                line = parse(number, unfolded)
            except InvalidValue as error:
                self._problems.add(number, str(error))
                continue
            if line.name == "BEGIN":
                yield from self._begin(line)
            elif line.name == "END":
                yield from self._end(line)
            elif self._ignored:
                continue
            elif self._open:
                self._take(line)
            elif line.name != "X-COMMENT":  # some exporters put their signature after the end
                self._problems.add(number, f"{line.name} is outside of every component")
        yield from self._close_all()

    def _take(self, line: Line) -> None:
        component = self._open[-1]
        if len(component.lines) < MOST_LINES:
            component.lines.append(line)
        elif component.name not in self._full:
            self._full.add(component.name)
            self._problems.add(line.number, f"a {component.name} of more than {MOST_LINES} lines")

    def _begin(self, line: Line) -> Iterator[Component]:
        name = line.value.strip().upper()
        if name in ("VCALENDAR", "VEVENT", "VTIMEZONE") and self._is_open(name):
            self._problems.add(line.number, f"a {name} begins before the last one ended")
            yield from self._close(name)
        if len(self._open) >= MOST_LEVELS:
            self._ignored += 1
            return
        self._open.append(Component(name, line.number))

    def _end(self, line: Line) -> Iterator[Component]:
        name = line.value.strip().upper()
        if self._ignored:
            self._ignored -= 1
        elif self._is_open(name):
            yield from self._close(name)
        else:
            self._problems.add(line.number, f"END:{name} ends nothing that has begun")

    def _is_open(self, name: str) -> bool:
        return any(component.name == name for component in self._open)

    def _close_all(self) -> Iterator[Component]:
        if self._open:
            last = self._open[-1]
            self._problems.add(last.number, f"the {last.name} that begins here never ends")
            yield from self._close(self._open[0].name)

    def _close(self, name: str) -> Iterator[Component]:
        """End the innermost component of that name and all that is open inside it."""
        self._ignored = 0
        closed = ""
        while closed != name:
            component = self._open.pop()
            closed = component.name
            inside = self._open[-1] if self._open else None
            if inside is not None and inside.name != "VCALENDAR":
                if len(inside.parts) < MOST_PARTS:
                    inside.parts.append(component)
            else:
                yield component
