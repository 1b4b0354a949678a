"""News: what listeners hear, as values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from crdt_calendar.model.changes import Change
from crdt_calendar.model.conflicts import Conflict
from crdt_calendar.model.event import Event
from crdt_calendar.model.properties import Properties
from crdt_calendar.model.row import Row
from crdt_calendar.protocol.presence import Json

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class View(Generic[T]):
    """What was seen of a document, and the position up to which that reaches.

    A position is the sequence number of the last committed update that the view contains.
    """

    position: int
    value: T


@dataclass(frozen=True, slots=True)
class Told:
    """What has changed, as in `News`."""

    changes: tuple[Change, ...]
    events: dict[str, Event]
    conflicts: tuple[Conflict, ...]
    lineups: tuple[Change, ...] = ()
    rows: dict[str, Row] = field(default_factory=dict)
    properties: Properties | None = None

    def __bool__(self) -> bool:
        return bool(self.changes or self.conflicts or self.lineups)


@dataclass(frozen=True, slots=True)
class News:
    """What one commit made of the calendar.

    ``changes`` has at most one change of each event; ``events`` has those events as they were
    after the commit, deleted ones as well, but not those that were taken out altogether.
    ``conflicts`` are records that are new or were written anew. ``authors`` are the users whose
    edits are in the commit, "" for the server itself. ``lineups`` and ``rows`` are the same of a
    line-up board: what became of line-ups, and how they are. ``properties`` are
    those of the calendar, if they have changed.
    """

    position: int
    changes: tuple[Change, ...] = ()
    events: Mapping[str, Event] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    authors: frozenset[str] = frozenset()
    lineups: tuple[Change, ...] = ()
    rows: Mapping[str, Row] = field(default_factory=dict)
    properties: Properties | None = None
    _made: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, told: Told, position: int, authors: Iterable[str]) -> News:
        """What has changed, now that it is on disk."""
        return cls(
            position,
            told.changes,
            told.events,
            told.conflicts,
            frozenset(authors),
            told.lineups,
            told.rows,
            told.properties,
        )

    @property
    def size(self) -> int:
        """How many things have changed, and how many kilobytes of text they have."""
        texts = sum(len(event.description) for event in self.events.values())
        texts += sum(len(memo.text) for row in self.rows.values() for memo in row.memos)
        return len(self.changes) + len(self.lineups) + texts // 1024

    def once(self, key: object, make: Callable[[News], T]) -> T:
        """What `make` makes of this, made once for all who ask by the same key."""
        if key not in self._made:
            self._made[key] = make(self)
        return cast("T", self._made[key])

    def forget(self) -> None:
        """Let go of what was made: everybody has heard of this, and few will ask again."""
        self._made.clear()


@dataclass(frozen=True, slots=True)
class Opened:
    """The first that a listener hears: what it looked at, and what it missed.

    ``missed`` is None when nobody knows any more what came after the position it asked for.
    """

    position: int
    value: Any
    missed: tuple[News, ...] | None = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """Presence that changed: states by client id, and the users of the clients that left."""

    states: Mapping[int, Mapping[str, Json]]
    left: Mapping[int, str]


Heard = Opened | News | Shown
