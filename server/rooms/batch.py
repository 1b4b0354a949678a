"""A batch: what one room commits together and then publishes together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pycrdt import merge_updates

from server.rooms.listener import Draft
from server.storage.log import Entry

MERGED_AT_ONCE = 64  # what `merge_updates` takes grows with the square of their number


@dataclass(slots=True)
class Batch:
    """Emissions in the order they were emitted, and what waits for them to be on disk.

    ``starts`` and ``ends`` say how far each author's clock reaches before and with these updates.
    ``held`` are answers that contain what has been emitted so far and must not leave before it is
    committed. ``looks`` are called when the batch is handed over, while the document shows it
    and nothing beyond it; what they return is held. ``position`` is the sequence number of the last
    entry, once it is on disk. ``received`` are the times at which the updates came in, for
    measuring.
    """

    entries: list[Entry] = field(default_factory=list)
    starts: dict[int, int] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)
    held: list[Callable[[], object]] = field(default_factory=list)
    looks: list[Callable[[], Callable[[], object]]] = field(default_factory=list)
    draft: Draft | None = None
    position: int = 0
    received: list[float] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.entries or self.held or self.looks)

    def add(self, entry: Entry, authors: Mapping[int, tuple[int, int]], received: float) -> None:
        """Append one emission; `authors` has the first and the end clock of each."""
        self.entries.append(entry)
        self.received.append(received)
        for client, (start, end) in authors.items():
            self.starts.setdefault(client, start)
            self.ends[client] = end

    def merged(self) -> bytes:
        """All updates as one."""
        updates = [entry.update for entry in self.entries]
        while len(updates) > 1:
            updates = [
                merge_updates(*updates[start : start + MERGED_AT_ONCE])
                for start in range(0, len(updates), MERGED_AT_ONCE)
            ]
        return updates[0]
