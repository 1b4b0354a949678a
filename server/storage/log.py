"""The update log as a contract: what a room needs from whatever keeps its updates.

Implementations (`memory`, `sqlite`) pass the suite in `tests/contracts/log.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Entry:
    """One emission of a room's document, on its way to the disk."""

    room: str
    update: bytes  # Yjs v1 encoding, as the document emitted it
    user: str  # who wrote it, as the server knows them; "" for the server itself
    at_ms: int  # wall clock, for people; order comes from the sequence number
    bindings: Mapping[int, str] = field(default_factory=dict)  # client ids first used here -> user


@dataclass(frozen=True, slots=True)
class Row:
    """One stored update, as history shows it."""

    seq: int
    update: bytes
    user: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Base:
    """What history starts from: the document after every row up to `seq`, which are gone."""

    seq: int = 0
    update: bytes = b""


@dataclass(frozen=True, slots=True)
class Stored:
    """All that is needed to bring a room to life.

    ``update`` is the merge of the snapshot and every later row (one `merge_updates`, so that one
    apply restores it), ``b""`` for a room without content. ``seq`` is the last sequence number in
    it. ``bindings`` says whose each client id is. ``recovering`` is true for a project restored
    from an older backup, until a command ends it.
    """

    update: bytes
    seq: int
    bindings: Mapping[int, str]
    recovering: bool = False


class Log(ABC):
    """Keeps updates in the order they were given.

    Guarantees, for every implementation:

    * **Order.** Sequence numbers grow over all rooms; within one `append` they follow the list.
    * **Durability.** When `append` returns, its entries survive the loss of the process and of the
      machine's power (memory: of nothing). All of a call's entries are stored, or none.
    * **One writer.** Calls to `append` do not overlap; the caller awaits one before the next.
    * **Reading** never blocks a running `append` for longer than its transaction.
    """

    @abstractmethod
    async def append(self, entries: Sequence[Entry]) -> Sequence[int]:
        """Store the entries in one transaction; return their sequence numbers.

        Raises `CommitFailed` when nothing was stored; the caller may try the same call again.
        """

    @abstractmethod
    async def load(self, room: str) -> Stored:
        """Everything of one room. Raises `CorruptData` when what is stored does not decode."""

    @abstractmethod
    async def history(self, room: str, *, after: int = 0, most: int = 1000) -> Sequence[Row]:
        """Up to `most` rows of a room with a sequence number greater than `after`, oldest first."""

    @abstractmethod
    async def base(self, room: str) -> Base:
        """What the rows of a room's history build on; the empty one while all rows are kept."""

    @abstractmethod
    async def set_recovering(self, room: str, recovering: bool) -> None:
        """Begin or end the recovery state of a room."""
