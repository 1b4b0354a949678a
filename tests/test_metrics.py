"""Metrics, read from the text a scraper gets."""

from __future__ import annotations

import random
import timeit
from itertools import pairwise

import pytest
from prometheus_client.parser import text_string_to_metric_families

from server.metrics import (
    BUCKETS_SECONDS,
    HOSTILE,
    OTHER_ROOMS,
    ROOMS_SHOWN,
    Backlog,
    Metrics,
    Occupancy,
)
from server.rooms.observer import Observer

Samples = dict[tuple[str, str], float]


def scrape(metrics: Metrics) -> Samples:
    """(name, label value) -> value; the label is "" for those without one."""
    text, content_type = metrics.render()
    assert content_type.startswith("text/plain; version=")
    return {
        (sample.name.removeprefix("crdt_calendar_"), "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def quantile(samples: Samples, name: str, share: float) -> float:
    """As Prometheus' histogram_quantile: linear within the bucket."""
    buckets = sorted(
        (float(bound), count) for (key, bound), count in samples.items() if key == f"{name}_bucket"
    )
    rank = share * buckets[-1][1]
    for (below, before), (bound, count) in pairwise([(0.0, 0.0), *buckets]):
        if count >= rank:
            return below + (bound - below) * (rank - before) / (count - before)
    raise AssertionError("the last bucket holds all")


def test_rooms_can_report_to_it() -> None:
    observer: Observer = Metrics()
    observer.received("update", 10)


def test_what_is_counted() -> None:
    metrics = Metrics()
    for kind in ("update", "update", "awareness"):
        metrics.received(kind, 100)
    metrics.sent(3, 1000)
    metrics.sent(1, 1)
    metrics.published(0.002, 7)
    metrics.published(0.002, 1)
    metrics.committed(0.001, 5)
    metrics.acknowledged(0.003)
    metrics.closed(1013)
    samples = scrape(metrics)
    expected = {
        ("messages_received_total", "update"): 2,
        ("messages_received_total", "awareness"): 1,
        ("received_bytes_total", ""): 300,
        ("messages_sent_total", ""): 4,
        ("sent_bytes_total", ""): 1001,
        ("deliveries_total", ""): 8,
        ("fanout_seconds_count", ""): 2,
        ("fanout_seconds_sum", ""): 0.004,
        ("committed_entries_total", ""): 5,
        ("commit_seconds_count", ""): 1,
        ("ack_seconds_count", ""): 1,
        ("connections_closed_total", "1013"): 1,
    }
    assert {key: samples[key] for key in expected} == expected


def test_what_is_refused_and_what_of_that_is_hostile() -> None:
    metrics = Metrics()
    before = scrape(metrics)
    assert all(before["messages_refused_total", reason] == 0 for reason in HOSTILE)
    for reason in ("forbidden", "rate", "hostile", "malformed", "malformed"):
        metrics.refused(reason)
    samples = scrape(metrics)
    assert samples["messages_refused_total", "forbidden"] == 1
    assert samples["messages_refused_total", "malformed"] == 2
    assert samples["hostile_frames_total", ""] == 3


def test_a_failing_disk_is_an_alarm_until_it_works_again() -> None:
    metrics = Metrics()
    seen = []
    for step in (metrics.commit_failed, metrics.commit_failed, lambda: metrics.committed(1, 1)):
        step()
        samples = scrape(metrics)
        seen.append((samples["commit_failures_total", ""], samples["commit_failing", ""]))
    assert seen == [(1, 1), (2, 1), (2, 0)]


def test_connections_are_those_that_are_open() -> None:
    metrics = Metrics()
    for gateway in ("yjs", "events", "yjs"):
        metrics.connected(gateway)
    samples = scrape(metrics)
    metrics.disconnected("yjs")
    later = scrape(metrics)
    assert [seen["connections", ""] for seen in (samples, later)] == [3, 2]
    assert [seen["gateway_connections", "yjs"] for seen in (samples, later)] == [2, 1]


def test_rooms_and_backlog_are_asked_for_at_the_scrape() -> None:
    metrics = Metrics()
    rooms: list[Occupancy] = []
    metrics.watch(lambda: rooms, lambda: Backlog(len(rooms), 10 * len(rooms)))
    assert scrape(metrics)["rooms_loaded", ""] == 0
    rooms += [Occupancy("team", 3), Occupancy("empty", 0)]
    samples = scrape(metrics)
    assert samples["rooms_loaded", ""] == 2
    assert samples["room_connections", "team"] == 3
    assert samples["room_connections", "empty"] == 0
    assert (samples["backlog_entries", ""], samples["backlog_bytes", ""]) == (2, 20)
    rooms.clear()
    assert ("room_connections", "team") not in scrape(metrics)


def test_ten_thousand_rooms_are_not_ten_thousand_series() -> None:
    metrics = Metrics()
    rooms = [Occupancy(f"room-{number}", number) for number in range(10_000)]
    metrics.watch(lambda: rooms, Backlog)
    samples = scrape(metrics)
    shown = {room: count for (name, room), count in samples.items() if name == "room_connections"}
    assert len(shown) == ROOMS_SHOWN + 1
    assert shown["room-9999"] == 9999
    assert sum(shown.values()) == sum(range(10_000))
    assert shown[OTHER_ROOMS] == sum(range(10_000 - ROOMS_SHOWN))
    assert samples["rooms_loaded", ""] == 10_000


def test_labels_that_nobody_foresaw_stay_few() -> None:
    metrics = Metrics()
    for number in range(10_000):
        metrics.received(f"kind {number}")
    counts = [
        count for (name, _), count in scrape(metrics).items() if name == "messages_received_total"
    ]
    assert len(counts) <= 65
    assert sum(counts) == 10_000


@pytest.mark.parametrize("median_seconds", [0.0008, 0.004, 0.03, 0.4, 2.0])
@pytest.mark.parametrize("name", ["fanout_seconds", "commit_seconds", "ack_seconds"])
def test_quantiles_derive_well(name: str, median_seconds: float) -> None:
    """From half a millisecond to ten seconds, within a fifth of the truth."""
    metrics = Metrics()
    observe = {
        "fanout_seconds": lambda seconds: metrics.published(seconds, 1),
        "commit_seconds": lambda seconds: metrics.committed(seconds, 1),
        "ack_seconds": metrics.acknowledged,
    }[name]
    draw = random.Random(7)
    times = sorted(median_seconds * draw.lognormvariate(0, 0.5) for _ in range(5000))
    for seconds in times:
        observe(seconds)
    samples = scrape(metrics)
    for share in (0.5, 0.95, 0.99):
        truth = times[int(share * len(times))]
        assert quantile(samples, name, share) == pytest.approx(truth, rel=0.2)


def test_the_promised_25_ms_are_exact() -> None:
    assert 0.025 in BUCKETS_SECONDS
    metrics = Metrics()
    metrics.acknowledged(0.025)
    metrics.acknowledged(0.02501)
    metrics.acknowledged(60.0)
    samples = scrape(metrics)
    assert samples["ack_seconds_bucket", "0.025"] == 1
    assert samples["ack_seconds_bucket", "10.0"] == 2
    assert samples["ack_seconds_bucket", "+Inf"] == 3


def test_two_servers_in_a_process_share_nothing() -> None:
    one, other = Metrics(), Metrics()
    one.sent(1, 1)
    assert scrape(other)["messages_sent_total", ""] == 0


def test_the_process_is_there_too() -> None:
    samples = scrape(Metrics())
    assert samples["process_resident_memory_bytes", ""] > 1_000_000
    assert samples["process_open_fds", ""] > 0


def test_counting_costs_the_hot_path_little() -> None:
    """A tenth to a fifth of a microsecond each where this was written; ten times that is a bug."""
    metrics = Metrics()
    metrics.received("update")
    for call in (
        lambda: metrics.received("update", 10),
        lambda: metrics.sent(1, 10),
        lambda: metrics.published(0.003, 10),
        lambda: metrics.committed(0.003, 10),
    ):
        assert min(timeit.repeat(call, number=2000, repeat=5)) / 2000 < 2e-6
