"""Map entries: which of them were written by somebody who did not know another.

An item that overwrites a key of a map has as its left origin the item that its writer saw there.
So the items of one key form a tree by their origins, and where every writer knew the one before,
it is a chain: each item is followed by at most one other. A second item that follows the same one
was written without knowledge of the first: the two are rivals, and one of their values is not
shown to anybody.

Yjs, ``typeMapSet``: "const left = parent._map.get(key) || null"; a removed entry stays there as
deleted, so that removing is known as well.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import MutableSequence
from typing import Final, NamedTuple

from crdt_calendar.protocol.update import Id

# Of an entry: nothing follows it; something does; it was deleted when it came, as entries are that
# lost against a rival, or were removed.
LAST: Final = 0
FOLLOWED: Final = 1
BEATEN: Final = 2


class Rival(NamedTuple):
    """An entry whose writer did not know what stands, or may stand, at that key.

    ``seen`` is the entry that its writer took to stand, before anything else of this update; None
    says that they knew of none at all there: whether there was one, the document knows. The bytes
    of the struct are ``update[start:end]``.
    """

    id: Id
    seen: Id | None
    place: int  # of the entry, as a `Strand` keeps it
    key: str
    start: int
    end: int


class Entries:
    """The map entries of one client by clock: the key of each, and what has become of it.

    Entries of one key that were overwritten one after the other come as one of many clocks.
    """

    __slots__ = ("clocks", "fates", "keys")

    def __init__(self) -> None:
        self.clocks: MutableSequence[int] = []
        self.keys: list[str] = []
        self.fates = bytearray()

    def index(self, clock: int) -> int:
        """Where the entry of that clock is, which has to be one."""
        return bisect_right(self.clocks, clock) - 1

    def add(self, clock: int, key: str, fate: int) -> None:
        """Append an entry."""
        self.clocks.append(clock)
        self.keys.append(key)
        self.fates.append(fate)

    def pack(self, known: dict[str, str]) -> None:
        """Keep clocks as bare numbers, and each key once, in `known`."""
        self.clocks = array("Q", self.clocks)
        self.keys = [known.setdefault(key, key) for key in self.keys]

    def extend(self, more: Entries, known: dict[str, str]) -> None:
        """Append what follows; a key is kept once, in `known`."""
        self.clocks.extend(more.clocks)
        self.keys.extend(known.setdefault(key, key) for key in more.keys)
        self.fates.extend(more.fates)
