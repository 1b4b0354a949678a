"""A journal: what the document of one room has emitted, on its way to the disk.

It has no loop and no clock. The room says when a batch is taken and when it is on disk; batches
come back in the order in which they were taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from server.rooms.batch import Batch
from server.storage.log import Entry


class Journal:
    """The pending batch, those on their way, and how far what is published reaches.

    ``position`` is the sequence number of the last update that is on disk and published;
    ``published`` the state vector that it amounts to.
    """

    __slots__ = ("_batch", "_flying", "position", "published")

    def __init__(self, position: int, published: Mapping[int, int]) -> None:
        self.position = position
        self.published = dict(published)
        self._batch = Batch()
        self._flying: deque[Batch] = deque()

    def __bool__(self) -> bool:
        """Whether anything is not on disk, or waits for that."""
        return bool(self._batch or self._flying)

    def add(self, entry: Entry, authors: Mapping[int, tuple[int, int]], received: float) -> None:
        """Append one emission; see `Batch.add`."""
        self._batch.add(entry, authors, received)

    def unpublished(self) -> dict[int, int]:
        """From which clock on nobody has heard of which clients."""
        starts = dict(self._batch.starts)
        for batch in reversed(self._flying):
            starts.update(batch.starts)
        return starts

    def hold(self, action: Callable[[], object]) -> bool:
        """Do something that shows the document as it is now, once that is on disk.

        Returns whether it has to wait, for a batch that somebody must take.
        """
        if not self:
            action()
            return False
        self._batch.held.append(action)
        return True

    def settle(self, look: Callable[[], Callable[[], object]]) -> None:
        """Call `look` while the document shows whole batches and nothing beyond them.

        What it returns is called when these are on disk, with ``position`` just that far.
        """
        if self._batch.entries:
            self._batch.looks.append(look)
        elif self._flying:
            self._flying[-1].held.append(look())
        else:
            look()()

    def take(self) -> Batch:
        """Everything pending; what comes later belongs to the next batch."""
        batch, self._batch = self._batch, Batch()
        self._flying.append(batch)
        return batch

    def landed(self, batch: Batch) -> None:
        """The batch is on disk."""
        self._flying.popleft()
        self.position = batch.position or self.position

    def told(self, batch: Batch) -> None:
        """Everybody has been told of the batch."""
        self.published = {**self.published, **batch.ends}
