"""One run: a fresh server, one row's load, the figures."""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import uvloop

from benchmarks.rig.crowd import Crowd, joined, prepare
from benchmarks.rig.deliveries import Deliveries, Window, count_all
from benchmarks.rig.processes import Cores, ServerProcess, free_port, running
from benchmarks.rig.rows import Row
from benchmarks.rig.servers import Server

_SATURATED = 0.9  # of the generator's core: beyond this its own delay is part of the latency
_DRAIN_SECONDS = 20.0
_SPARE_SECONDS = 150.0
_ROOM = "bench"


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the parts of a run take."""

    seconds: float = 10.0
    warm_up_seconds: float = 2.0
    drain_seconds: float = _DRAIN_SECONDS

    @property
    def bound_seconds(self) -> float:
        """More than any run may take; joining and settling have bounds of their own inside."""
        return self.seconds + self.warm_up_seconds + self.drain_seconds + _SPARE_SECONDS


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run of one server under one row came to."""

    server: str
    row: str
    remark: str = ""  # why a figure is missing or to be doubted
    cpu_us: float = 0.0  # of the server, a delivery
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    p99_ms: float = 0.0
    arrived_p99_ms: float = 0.0  # of what arrived, where something did not
    offered: int = 0
    delivered: float = 0.0  # fraction of what was offered
    drained_seconds: float = 0.0  # from the last message sent until the server rested
    rss_mib: float = 0.0
    out_mib: float = 0.0
    frames: int = 0
    server_cpu: float = 0.0  # of one core, while the load was on
    load_cpu: float = 0.0
    others_cpu: float = 0.0  # of both cores, by other processes
    lag_p99_ms: float = 0.0  # how late the generator was with its own messages

    @property
    def drained(self) -> bool:
        """Whether everything arrived; if not, the latencies are lower bounds."""
        return self.offered > 0 and self.delivered == 1.0


@contextmanager
def serving(
    server: Server, rooms: Sequence[str], cores: Cores
) -> Iterator[tuple[ServerProcess, int]]:
    """A fresh server with those rooms, and its port. Its data is on disk, and gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="crdt-calendar-bench-") as directory:
        home = Path(directory) / "data"
        home.mkdir()
        server.prepare(home, rooms)
        port, log = free_port(), Path(directory) / "log"
        command = server.command(home, port)
        with running(command, port, cores.server, log, server.environment(port)) as process:
            yield process, port


class Meter:
    """Readings of the clocks that a run is measured by."""

    def __init__(self, process: ServerProcess, crowd: Crowd, cores: Cores) -> None:
        self.at = perf_counter()
        self.server = process.cpu_seconds()
        self.load = time.process_time()
        self.busy = cores.busy_seconds()
        self.out_bytes = crowd.received_bytes
        self.frames = crowd.received_frames


def measure(
    server: Server, row: Row, cores: Cores, timing: Timing, *, own: bool = False
) -> Figures:
    """Run it; with `own`, what is timed is each edit's way back to its sender.

    What goes wrong with the server is a remark, not an exception.
    """
    try:
        with serving(server, [_ROOM], cores) as (process, port), _without_collector():
            run = _run(server, row, cores, timing, process, port, own)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(asyncio.wait_for(run, timing.bound_seconds))
    except TimeoutError:
        return Figures(server.name, row.key, "did not let everybody in, in time")
    except (RuntimeError, OSError, ExceptionGroup) as error:
        return Figures(server.name, row.key, _in_one_line(error))


def _in_one_line(error: Exception) -> str:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0] if len(lines) == 1 else f"{lines[0]} {lines[-1]}"


@contextmanager
def _without_collector() -> Iterator[None]:
    # The generator keeps every frame number; collecting would stop it for tens of milliseconds.
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


async def _run(
    server: Server,
    row: Row,
    cores: Cores,
    timing: Timing,
    process: ServerProcess,
    port: int,
    own: bool,
) -> Figures:
    doors = [(server.path(_ROOM), server.dialect(_ROOM))] * row.clients
    async with joined(port, doors, reflecting=row.reflecting) as crowd:
        await prepare(crowd, row, process)
        await crowd.work(row, timing.warm_up_seconds)
        crowd.lags_seconds = crowd.lags_seconds[:0]
        first, begun = crowd.sent_so_far(), Meter(process, crowd, cores)
        await crowd.work(row, timing.seconds)
        end, worked = crowd.sent_so_far(), Meter(process, crowd, cores)
        rss_bytes = process.rss_bytes()
        await crowd.quiet(process, timing.drain_seconds)
        rested = Meter(process, crowd, cores)
        remark = _remark(crowd, process)
    window = Window(begun.at, rested.at, first, end)
    deliveries = count_all(crowd.clients, window, own=own)
    return _figures(server, row, remark, deliveries, crowd, (begun, worked, rested), rss_bytes)


def _remark(crowd: Crowd, process: ServerProcess) -> str:
    if process.ended():
        return "the server died"
    lost = [client for client in crowd.clients if client.closed]
    if lost:
        return f"{len(lost)} connections lost: {lost[0].closed}"
    resyncs = sum(client.resyncs for client in crowd.clients)
    return f"{resyncs} needless resyncs" if resyncs else ""


def _figures(
    server: Server,
    row: Row,
    remark: str,
    deliveries: Deliveries,
    crowd: Crowd,
    readings: tuple[Meter, Meter, Meter],
    rss_bytes: int,
) -> Figures:
    begun, worked, rested = readings
    worked_seconds = worked.at - begun.at
    load_cpu = (worked.load - begun.load) / worked_seconds
    server_cpu = (worked.server - begun.server) / worked_seconds
    if load_cpu > _SATURATED:
        remark = "; ".join(filter(None, (remark, "generator saturated")))
    bounds = deliveries.arrived.merged(deliveries.missing)
    return Figures(
        server=server.name,
        row=row.key,
        remark=remark,
        cpu_us=(rested.server - begun.server) / max(deliveries.made, 1) * 1e6,
        p50_ms=bounds.quantile_ms(0.5),
        p95_ms=bounds.quantile_ms(0.95),
        p99_ms=bounds.quantile_ms(0.99),
        arrived_p99_ms=deliveries.arrived.quantile_ms(0.99),
        offered=deliveries.offered,
        delivered=deliveries.arrived.count / max(deliveries.offered, 1),
        drained_seconds=rested.at - worked.at,
        rss_mib=rss_bytes / 2**20,
        out_mib=(rested.out_bytes - begun.out_bytes) / 2**20,
        frames=rested.frames - begun.frames,
        server_cpu=server_cpu,
        load_cpu=load_cpu,
        others_cpu=(worked.busy - begun.busy) / worked_seconds - server_cpu - load_cpu,
        lag_p99_ms=_quantile(sorted(crowd.lags_seconds), 0.99) * 1000,
    )


def _quantile(ordered: Sequence[float], fraction: float) -> float:
    return ordered[int(fraction * (len(ordered) - 1))] if ordered else 0.0
