"""What a stock client does with presence: it keeps a table, and sends back what changed it.

y-protocols' ``applyAwarenessUpdate`` emits ``update`` for the clients whose entry was new to the
table; y-websocket answers every such event, whatever its origin, by encoding those clients and
sending them: first the added, then the updated, then the removed.
"""

from __future__ import annotations

from itertools import compress
from operator import lt, not_

from benchmarks.rig.frames import Entry, Frame


class PresenceTable:
    """The clocks one client knows."""

    __slots__ = ("_clocks", "_gone", "_own")

    def __init__(self, own: int) -> None:
        self._own = own
        self._clocks: dict[int, int] = {}
        self._gone: set[int] = set()

    def speak(self, clock: int) -> None:
        """Note the client's own clock: its echo is nothing new."""
        self._clocks[self._own] = clock

    def absorb(self, frame: Frame) -> list[Entry]:
        """Apply a frame; return what to send back, `frame.entries` itself when it is all of it."""
        if frame.gone or self._gone:
            return self._sort(frame.entries)
        try:
            known = list(map(self._clocks.__getitem__, frame.clients))
        except KeyError:
            return self._sort(frame.entries)
        # Nobody comes, leaves or comes back: all are updates, and stay in their order.
        newer = list(map(lt, known, frame.clocks))
        self._clocks.update(frame.latest)
        if all(newer):
            return frame.entries
        stale = map(not_, newer)
        self._clocks.update(compress(zip(frame.clients, known, strict=True), stale))
        return list(compress(frame.entries, newer))

    def _sort(self, entries: list[Entry]) -> list[Entry]:
        added: list[Entry] = []
        updated: list[Entry] = []
        removed: list[Entry] = []
        for entry in entries:
            before = self._clocks.get(entry.client)
            if not self._is_news(entry, before):
                continue
            self._clocks[entry.client] = entry.clock
            if not entry.gone:
                self._gone.discard(entry.client)
                (added if before is None else updated).append(entry)
            else:
                self._gone.add(entry.client)
                if before is not None:
                    removed.append(entry)
        return added + updated + removed

    def _is_news(self, entry: Entry, clock: int | None) -> bool:
        # Nobody declares a client gone to itself; no server does so while it is connected.
        if entry.gone and entry.client == self._own:
            return False
        leaves = entry.gone and entry.clock == clock and entry.client not in self._gone
        return entry.clock > (clock or 0) or leaves
