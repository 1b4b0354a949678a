"""How much each room gained since its newest snapshot, and when that is enough for another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.storage.documents import Piece

# A row costs 1 to 9 us to merge: at most 10 ms on top of loading the snapshot.
ROWS = 1_000
BYTES = 1024 * 1024
# A large document is written anew only once loading it takes about a third longer.
SNAPSHOT_BYTES_PER_ROW = 3_000


@dataclass(frozen=True, slots=True)
class Counts:
    """What a room's log holds beyond its newest snapshot, and how large that snapshot is."""

    rows: int = 0
    bytes: int = 0
    snapshot_bytes: int = 0

    @classmethod
    def of(cls, snapshot: Sequence[Piece], rows: Sequence[Piece]) -> Counts:
        """The counts of a snapshot (one or none) and the rows after it."""
        return cls(len(rows), _size(rows), _size(snapshot))

    @property
    def due(self) -> bool:
        """Whether a new snapshot would make loading noticeably quicker."""
        rows = max(ROWS, self.snapshot_bytes // SNAPSHOT_BYTES_PER_ROW)
        return self.rows >= rows or self.bytes >= max(BYTES, self.snapshot_bytes // 2)


def _size(pieces: Sequence[Piece]) -> int:
    return sum(len(update) for _, update in pieces)


class Growth:
    """The counts of every room that was loaded or written since the start."""

    def __init__(self) -> None:
        self._counts: dict[str, Counts] = {}

    def __getitem__(self, room: str) -> Counts:
        return self._counts.get(room, Counts())

    def __setitem__(self, room: str, counts: Counts) -> None:
        self._counts[room] = counts

    def add(self, room: str, size_bytes: int) -> None:
        """Count one more row."""
        old = self[room]
        self[room] = Counts(old.rows + 1, old.bytes + size_bytes, old.snapshot_bytes)

    def settle(self, room: str, covered: Counts, snapshot_bytes: int) -> None:
        """Subtract what a new snapshot covers; rows may have come while it was made."""
        now = self[room]
        rows, size_bytes = now.rows - covered.rows, now.bytes - covered.bytes
        self[room] = Counts(max(0, rows), max(0, size_bytes), snapshot_bytes)

    def due(self) -> list[str]:
        """The rooms of which a new snapshot should be made."""
        return [room for room, counts in self._counts.items() if counts.due]
