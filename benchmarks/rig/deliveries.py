"""What was delivered, and how long it took.

A *delivery* is one message (an edit or a cursor move) reaching one client other than its sender.
Servers may merge: a frame that carries number *n* of a stream delivers every number up to *n* that
had not arrived yet, each after its own time since it was sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.rig import yjs
from benchmarks.rig.client import Client

_STEPS_PER_SECOND = 10_000  # latencies are kept to a tenth of a millisecond
_LONGEST_SECONDS = 120
_NEVER = 1 << 30


class Latencies:
    """A histogram of latencies."""

    def __init__(self) -> None:
        self.count = 0
        self._steps = [0] * (_STEPS_PER_SECOND * _LONGEST_SECONDS)

    def add(self, seconds: float) -> None:
        """Count one."""
        self.count += 1
        step = int(seconds * _STEPS_PER_SECOND)
        self._steps[min(step, len(self._steps) - 1)] += 1

    def merged(self, other: Latencies) -> Latencies:
        """Both together."""
        both = Latencies()
        both.count = self.count + other.count
        both._steps = [
            mine + theirs for mine, theirs in zip(self._steps, other._steps, strict=True)
        ]
        return both

    def quantile_ms(self, fraction: float) -> float:
        """The latency that this fraction of them did not exceed; 0 when there are none."""
        wanted, seen = fraction * self.count, 0
        for step, count in enumerate(self._steps):
            seen += count
            if count and seen >= wanted:
                return (step + 1) * 1000 / _STEPS_PER_SECOND
        return 0.0


@dataclass(frozen=True, slots=True)
class Window:
    """The measured part of a run: for each stream the first number in it and the first after it."""

    since: float  # `time.perf_counter`
    until: float  # when the waiting for stragglers ended
    first: Sequence[int]
    end: Sequence[int]


class Deliveries:
    """Deliveries of the messages that were sent in the window.

    With `own` set it counts instead what comes back to its sender: its acknowledgement.
    """

    def __init__(self, clients: Sequence[Client], window: Window, *, own: bool = False) -> None:
        self.offered = 0
        self.arrived = Latencies()
        self.missing = Latencies()  # how long those that did not arrive have waited
        self.made = 0  # deliveries since the window opened, whenever their message was sent
        self._sent = [sent for client in clients for sent in client.sent]
        self._window = window
        self._own = own

    def count(self, client: Client) -> None:
        """Add what reached one client."""
        marks = client.book.marks
        seen = self._nothing_seen(client)
        self.offered += sum(map(self._offered, range(len(seen)), seen))
        for number, at in zip(client.numbers, client.times, strict=True):
            for found in marks[number]:
                stream, newest = yjs.split_mark(found)
                if newest > seen[stream]:
                    self._deliver(stream, seen[stream] + 1, newest + 1, at)
                    seen[stream] = newest
        for stream, newest in enumerate(seen):
            self._miss(stream, newest + 1)

    def _nothing_seen(self, client: Client) -> list[int]:
        mine = {2 * client.index, 2 * client.index + 1}
        # Streams that do not count are seen for ever.
        return [0 if (stream in mine) is self._own else _NEVER for stream in range(len(self._sent))]

    def _offered(self, stream: int, seen: int) -> int:
        return 0 if seen else self._window.end[stream] - self._window.first[stream]

    def _deliver(self, stream: int, first: int, end: int, at: float) -> None:
        window = self._window
        if at >= window.since:
            self.made += end - first
        sent = self._sent[stream]
        for number in range(max(first, window.first[stream]), min(end, window.end[stream])):
            self.arrived.add(at - sent[number])

    def _miss(self, stream: int, first: int) -> None:
        window = self._window
        for number in range(max(first, window.first[stream]), window.end[stream]):
            self.missing.add(window.until - self._sent[stream][number])


def count_all(clients: Sequence[Client], window: Window, *, own: bool = False) -> Deliveries:
    """Deliveries to all clients."""
    deliveries = Deliveries(clients, window, own=own)
    for client in clients:
        deliveries.count(client)
    return deliveries
