"""Metrics of the running service, for Prometheus.

What happens thousands of times a second adds to plain numbers here, which become metrics when
somebody scrapes: that costs a third of a counter with its lock. All methods belong to the event
loop's thread.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import nlargest
from itertools import accumulate
from typing import Final

from prometheus_client import GCCollector, ProcessCollector
from prometheus_client.core import (
    CollectorRegistry,
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from crdt_calendar.errors import ForeignClient, FrameTooLarge, HostileUpdate, MalformedFrame

BUCKETS_SECONDS: Final = (
    *(0.0001, 0.00015, 0.0002, 0.0003, 0.0005, 0.00075),
    *(0.001, 0.0015, 0.002, 0.003, 0.004, 0.005, 0.0075),
    *(0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075),
    *(0.1, 0.15, 0.2, 0.3, 0.5, 0.75),
    *(1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0),
)
"""Upper bounds of the histograms. Steps of at most 5/3 keep a quantile read off them by
interpolation near the true one; one bound is the 25 ms promised for a durable acknowledgement."""

ROOMS_SHOWN: Final = 200
"""Rooms with a time series of their own, the fullest first; the rest share `OTHER_ROOMS`."""

OTHER_ROOMS: Final = "_other"
"""The label of all rooms beyond `ROOMS_SHOWN`. No project can be called that."""

HOSTILE: Final = (
    MalformedFrame.slug,
    FrameTooLarge.slug,
    HostileUpdate.slug,
    ForeignClient.slug,
)
"""Reasons of refusal that no honest client gives."""

# Labels come from our own vocabulary; should that ever be untrue, memory stays bounded.
_MOST_LABELS: Final = 64
_OTHER_LABEL: Final = "other"


@dataclass(frozen=True, slots=True)
class Occupancy:
    """A loaded room, at the moment of a scrape."""

    room: str
    connections: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is accepted and not yet on disk, at the moment of a scrape."""

    entries: int = 0
    size_bytes: int = 0


class Metrics(Collector):
    """The numbers of one server.

    It is an observer of rooms. `watch` tells it where to look at a scrape; `render` shows it all.
    """

    def __init__(self) -> None:
        self._connections: dict[str, int] = {}
        self._closed: dict[str, int] = {}
        self._received: dict[str, int] = {}
        self._refused: dict[str, int] = dict.fromkeys(HOSTILE, 0)
        self._received_bytes = self._sent = self._sent_bytes = 0
        self._deliveries = self._entries = self._commit_failures = 0
        self._commit_failing = False
        self._commit, self._fan_out, self._acknowledgement = _Times(), _Times(), _Times()
        self._rooms: Callable[[], Iterable[Occupancy]] = tuple
        self._backlog: Callable[[], Backlog] = Backlog
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def watch(
        self, rooms: Callable[[], Iterable[Occupancy]], backlog: Callable[[], Backlog]
    ) -> None:
        """Ask these at each scrape: the rooms that are loaded, and what waits for the disk."""
        self._rooms = rooms
        self._backlog = backlog

    def connected(self, gateway: str) -> None:
        """A connection to that gateway begins."""
        self._connections[gateway] = self._connections.get(gateway, 0) + 1

    def disconnected(self, gateway: str) -> None:
        """A connection to that gateway is over."""
        self._connections[gateway] -= 1

    def closed(self, code: int) -> None:
        """A connection was closed by us, with that WebSocket close code."""
        _add(self._closed, str(code))

    def received(self, kind: str, size_bytes: int = 0) -> None:
        """A message of that kind came in."""
        _add(self._received, kind)
        self._received_bytes += size_bytes

    def sent(self, messages: int, size_bytes: int) -> None:
        """That many messages went out, `size_bytes` in all."""
        self._sent += messages
        self._sent_bytes += size_bytes

    def refused(self, reason: str) -> None:
        """A message or a connection was refused; `reason` is an error's slug."""
        _add(self._refused, reason)

    def committed(self, seconds: float, entries: int) -> None:
        """A transaction with that many entries reached the disk, `seconds` after it began."""
        self._commit.add(seconds)
        self._entries += entries
        self._commit_failing = False

    def commit_failed(self) -> None:
        """A transaction failed and will be tried again: an alarm until the next `committed`."""
        self._commit_failures += 1
        self._commit_failing = True

    def published(self, seconds: float, peers: int) -> None:
        """A frame was handed to that many peers; so long it took until the sockets were flushed."""
        self._fan_out.add(seconds)
        self._deliveries += peers

    def acknowledged(self, seconds: float) -> None:
        """An update was echoed that long after it came in: on disk, and with its peers."""
        self._acknowledgement.add(seconds)

    def render(self) -> tuple[bytes, str]:
        """The exposition text, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def collect(self) -> Iterator[Metric]:
        """All but the process's own metrics, as the registry asks for them."""
        yield from self._traffic()
        yield from self._disk()
        yield from self._occupancy()
        yield _gauge("connections", "Open connections", sum(self._connections.values()))
        name = "gateway_connections"
        yield _gauges(name, "Open connections by gateway", "gateway", self._connections)
        name = "connections_closed"
        yield _counters(name, "Connections closed by the server", "code", self._closed)

    def _traffic(self) -> Iterator[Metric]:
        yield _counters("messages_received", "Messages received", "kind", self._received)
        yield _counter("received_bytes", "Bytes in received messages", self._received_bytes)
        yield _counter("messages_sent", "Messages sent", self._sent)
        yield _counter("sent_bytes", "Bytes in sent messages", self._sent_bytes)
        yield _counters(
            "messages_refused", "Messages and connections refused", "reason", self._refused
        )
        hostile = sum(self._refused[reason] for reason in HOSTILE)
        yield _counter("hostile_frames", "Frames that no honest client sends", hostile)
        yield _counter("deliveries", "Batches handed to peers, one a peer", self._deliveries)
        yield self._fan_out.metric("fanout_seconds", "Handing one frame to all peers of a room")

    def _disk(self) -> Iterator[Metric]:
        backlog = self._backlog()
        yield self._commit.metric("commit_seconds", "One transaction")
        yield self._acknowledgement.metric("ack_seconds", "From an update's arrival to its echo")
        yield _counter("committed_entries", "Updates made durable", self._entries)
        yield _counter("commit_failures", "Transactions that failed", self._commit_failures)
        yield _gauge("commit_failing", "1 while the last transaction failed", self._commit_failing)
        yield _gauge("backlog_entries", "Updates accepted, not yet durable", backlog.entries)
        yield _gauge("backlog_bytes", "Their bytes", backlog.size_bytes)

    def _occupancy(self) -> Iterator[Metric]:
        rooms = list(self._rooms())
        shown = nlargest(ROOMS_SHOWN, rooms, key=lambda room: room.connections)
        connections = {room.room: room.connections for room in shown}
        if len(rooms) > len(shown):
            total = sum(room.connections for room in rooms)
            connections[OTHER_ROOMS] = total - sum(connections.values())
        yield _gauge("rooms_loaded", "Rooms in memory", len(rooms))
        yield _gauges("room_connections", "Connections by room", "room", connections)


class _Times:
    """A histogram of seconds over `BUCKETS_SECONDS`."""

    __slots__ = ("_counts", "_total_seconds")

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS_SECONDS) + 1)
        self._total_seconds = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(BUCKETS_SECONDS, seconds)] += 1
        self._total_seconds += seconds

    def metric(self, name: str, text: str) -> Metric:
        bounds = (*(str(bound) for bound in BUCKETS_SECONDS), "+Inf")
        # Prometheus: bucket counts are cumulative, each holds all of the smaller ones.
        buckets = list(zip(bounds, accumulate(self._counts), strict=True))
        return HistogramMetricFamily(_full(name), text, buckets, self._total_seconds)


def _add(counts: dict[str, int], label: str) -> None:
    """Count one more of `label`, of which there are only so many; what comes late is "other"."""
    try:
        counts[label] += 1
    except KeyError:
        label = label if len(counts) < _MOST_LABELS else _OTHER_LABEL
        counts[label] = counts.get(label, 0) + 1


def _full(name: str) -> str:
    return f"crdt_calendar_{name}"


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(_full(name), text, value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(_full(name), text, value)


def _counters(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(_full(name), text, labels=[label])
    for each, value in values.items():
        family.add_metric([each], value)
    return family


def _gauges(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(_full(name), text, labels=[label])
    for each, value in values.items():
        family.add_metric([each], value)
    return family
