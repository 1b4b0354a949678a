"""The structs of one client, as a ledger keeps them: where each of them lies, in runs.

A place is where an item lies, as one number: which container, whether as a map entry or in its
list, what type the container is, how deep, and whether the item came with content. Neighbouring
structs of one client in one place share a run, so typing costs nothing::

    container << 21 | level << 5 | type << 2 | keyed << 1 | bare

``container`` tells containers apart (the id of the shared type, or a hash of the root name),
``level`` counts what is around the item, the root too, so it is 1 in a root; ``type`` is Yjs'
number of the shared type or `ROOT`. 0 is `GONE`: collected, or put into something that was.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterator, MutableSequence
from typing import Final

from crdt_calendar.protocol.entries import LAST, Entries

GONE: Final = 0
BARE: Final = 1
KEYED: Final = 2
ROOT: Final = 7

_TYPE_SHIFT: Final = 2
_LEVEL_SHIFT: Final = 5
_CONTAINER_SHIFT: Final = 21
_CLOCK_BITS: Final = 32
_HASH_MASK: Final = (1 << 64) - 1
_LEVELS: Final = (1 << (_CONTAINER_SHIFT - _LEVEL_SHIFT)) - 1


def place_in_root(name: str) -> int:
    """The list of a root type. Its hash is keyed anew in each process: nobody can aim at it."""
    container = (hash(name) & _HASH_MASK) << 1
    return container << _CONTAINER_SHIFT | 1 << _LEVEL_SHIFT | ROOT << _TYPE_SHIFT


def place_inside(client: int, clock: int, type_: int, place: int) -> int:
    """The list of the shared type that has this id and lies in `place`."""
    if not place:
        return GONE
    container = (client << _CLOCK_BITS | clock) << 1 | 1
    return (
        container << _CONTAINER_SHIFT | level_of(place) + 1 << _LEVEL_SHIFT | type_ << _TYPE_SHIFT
    )


def container_of(place: int) -> tuple[int, int] | None:
    """Client id and clock of the shared type that a place lies in; None when that is a root."""
    container = place >> _CONTAINER_SHIFT
    if not container & 1:
        return None
    return container >> _CLOCK_BITS + 1, container >> 1 & (1 << _CLOCK_BITS) - 1


def level_of(place: int) -> int:
    """How many containers there are around an item: 1 in a root, 0 when it is gone."""
    return place >> _LEVEL_SHIFT & _LEVELS


def type_of(place: int) -> int:
    """The type of the container: Yjs' number, or `ROOT`."""
    return place >> _TYPE_SHIFT & 7


def holds(clocks: MutableSequence[int], clock: int) -> bool:
    """Whether a sorted list has that clock."""
    at = bisect_left(clocks, clock)
    return at < len(clocks) and clocks[at] == clock


class Strand:
    """The structs of one client from ``first`` up to, not including, ``next``."""

    __slots__ = ("entries", "first", "insides", "next", "pairs", "places", "starts", "types")

    def __init__(self, first: int) -> None:
        self.first = first
        self.next = first
        self.starts: MutableSequence[int] = []  # clocks at which runs begin
        self.places: list[int] = []  # of the runs
        self.types: MutableSequence[int] = []  # clocks of shared types
        self.insides: list[int] = []  # the place inside of each of them
        self.pairs: MutableSequence[int] = []  # clocks of second halves of surrogate pairs
        self.entries = Entries()  # those of its items that are map entries

    def place(self, clock: int) -> int:
        """Where the item of that clock lies."""
        if clock >= self.starts[-1]:
            return self.places[-1]
        return self.places[bisect_right(self.starts, clock) - 1]

    def inside(self, clock: int) -> int | None:
        """The place inside of the shared type of that clock; None when there is no shared type."""
        at = bisect_left(self.types, clock)
        if at < len(self.types) and self.types[at] == clock:
            return self.insides[at]
        return None

    def last_entries(self, wanted: Container[int]) -> Iterator[tuple[int, int, str]]:
        """Clock, place and key of the map entries at those places that nothing follows."""
        entries = self.entries
        for run, found in enumerate(self.places):
            place = found & ~BARE
            if place not in wanted:
                continue
            end = self.starts[run + 1] if run + 1 < len(self.starts) else self.next
            at = bisect_left(entries.clocks, self.starts[run])
            while at < len(entries.clocks) and entries.clocks[at] < end:
                if entries.fates[at] == LAST:
                    yield entries.clocks[at], place, entries.keys[at]
                at += 1

    def entries_from(self, clock: int) -> Iterator[tuple[int, int, str]]:
        """Clock, place and key of the map entries from that clock on."""
        clocks, keys = self.entries.clocks, self.entries.keys
        for at in range(bisect_left(clocks, clock), len(clocks)):
            yield clocks[at], self.place(clocks[at]) & ~BARE, keys[at]

    def add(self, end: int, place: int) -> None:
        """Append structs up to the clock `end`."""
        if not self.places or self.places[-1] != place:
            self.starts.append(self.next)
            self.places.append(place)
        self.next = end

    def pack(self, keys: dict[str, str]) -> None:
        """Keep clocks as bare numbers, and keys once: a long life in little memory."""
        self.starts = array("Q", self.starts)
        self.types = array("Q", self.types)
        self.pairs = array("Q", self.pairs)
        self.entries.pack(keys)

    def extend(self, more: Strand, keys: dict[str, str]) -> None:
        """Append what follows; the keys of map entries are kept once, in `keys`."""
        same = self.places[-1] == more.places[0]
        self.starts.extend(more.starts[same:])
        self.places.extend(more.places[same:])
        self.types.extend(more.types)
        self.insides.extend(more.insides)
        self.pairs.extend(more.pairs)
        self.entries.extend(more.entries, keys)
        self.next = more.next
