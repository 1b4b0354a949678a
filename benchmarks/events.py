"""What does the events door carry on one core?

``python -m benchmarks.events`` has ten writers change events a thousand times a second through
``/events``, each change a message, acknowledged when it is on disk, and a hundred others in the
same project who are told of every one of them: a hundred thousand deliveries a second. Counted is
what is lost or out of order at any of them, and timed how long each took, from its sending. Server
and clients have a core each.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, sleep

from rich.console import Console
from rich.table import Table

from benchmarks.rig import yjs
from benchmarks.rig.processes import Cores, free_port, running
from benchmarks.rig.report import RESULTS, machine
from benchmarks.rig.servers import CrdtCalendar
from benchmarks.rig.wire import Wire, client_frame

ROOM = "bench"
WRITERS = 10
EVENTS = 500  # of each writer, in turn: no commit has two changes of one event
TARGET_MS = 100.0
TAIL = 16  # bytes; a mark that is cut in two is found with the next chunk
MARK = re.compile(rb"~([0-9a-f]{10})")
TEXT = 0x81


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent, and how it is told."""

    title: str
    subprotocol: str
    per_second: int = 1000
    subscribers: int = 100
    batch: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run. Times are in milliseconds."""

    load: str
    offered: int
    delivered: int
    out_of_order: int
    ack_p50_ms: float
    ack_p99_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    most_ms: float
    server_core: float
    out_mib: float
    late_ms: float  # the load generator itself, at p99


LOADS = (
    Load("JSON, 1,000 messages/s to 100", "calendar.v1.json"),
    Load("MessagePack, 1,000 messages/s to 100", "calendar.v1.msgpack"),
    Load("JSON, collected by 10", "calendar.v1.json", batch=True),
)


class Speaker(Wire):
    """A connection to the events door. It reads text and binary messages alike."""

    def receive(self, payload: bytes, at: float) -> None:
        """Nothing: what is heard is counted from the bytes."""

    def say(self, message: object) -> None:
        """Send one message as JSON text."""
        text = json.dumps(message).encode()
        self.write(client_frame(text, TEXT))

    def _control(self, first: int, payload: bytes) -> None:
        if first == TEXT:
            self.receive(payload, perf_counter())
        else:
            super()._control(first, payload)


class Writer(Speaker):
    """Changes its events in turn; hears only its acknowledgements."""

    def __init__(self, path: str, number: int) -> None:
        super().__init__(path)
        self.number = number
        self.sent_at = array("d")
        self.acks = array("d")
        self.ready = asyncio.get_running_loop().create_future()

    def begin(self) -> None:
        """Be in the project, to hear of nothing; and make the events."""
        wish = {"projectId": ROOM, "eventId": "none", "snapshot": False, "presence": False}
        self.say({"type": "subscribe", "payload": wish})
        for event in range(EVENTS):
            payload = {"projectId": ROOM, "id": f"{self.number}-{event}", "title": "new"}
            payload |= {"start": "2026-03-02T09:00:00Z"}
            self.say(
                {"type": "event:create", "id": f"made-{self.number}-{event}", "payload": payload}
            )

    def write_once(self) -> None:
        """The next change."""
        number = len(self.sent_at) + 1
        event = f"{self.number}-{number % EVENTS}"
        title = f"Besprechung 회의 {yjs.mark(self.number, number)}"
        payload = {"projectId": ROOM, "id": event, "title": title}
        self.sent_at.append(perf_counter())
        self.say({"type": "event:update", "id": f"w{self.number}-{number}", "payload": payload})

    def receive(self, payload: bytes, at: float) -> None:
        """Count acknowledgements; they come in the order of what they acknowledge."""
        if b'"type":"ack"' not in payload[:20]:
            if not self.ready.done() and b'"type":"error"' in payload[:20]:
                self.ready.set_exception(RuntimeError(payload.decode()))
            return
        if b'"id":"w' in payload[-40:]:
            self.acks.append(at - self.sent_at[len(self.acks)])
        elif payload.endswith(f'"id":"made-{self.number}-{EVENTS - 1}"}}'.encode()):
            self.ready.set_result(None)


class Subscriber(Speaker):
    """Hears of everything. What it hears is looked for in the bytes, without a parser."""

    def __init__(self, path: str, subprotocol: str, writers: Sequence[Writer]) -> None:
        super().__init__(path, subprotocol)
        self._writers = writers
        self._heard = [0] * len(writers)
        self._cut = b""
        self.latencies = array("d")
        self.out_of_order = 0
        self.is_told = asyncio.get_running_loop().create_future()
        self.counting = False

    def data_received(self, data: bytes) -> None:
        """Find the marks in what came."""
        if not self.counting:
            super().data_received(data)
            return
        at = perf_counter()
        self.received_bytes += len(data)
        data = self._cut + data
        end = 0
        for found in MARK.finditer(data):
            writer, number = yjs.split_mark(int(found.group(1), 16))
            end = found.end()
            if number != self._heard[writer] + 1:
                self.out_of_order += 1
            self._heard[writer] = number
            self.latencies.append(at - self._writers[writer].sent_at[number - 1])
        self._cut = data[max(end, len(data) - TAIL) :]

    def receive(self, payload: bytes, at: float) -> None:
        """The first is the acknowledgement of the subscription."""
        if not self.is_told.done():
            self.is_told.set_result(None)


async def run(load: Load, port: int, path: str, seconds: float, server: object) -> Outcome:
    """All of it, against a running server."""
    loop = asyncio.get_running_loop()

    async def open_wire(wire: Wire) -> None:
        await loop.create_connection(lambda: wire, "127.0.0.1", port)
        await wire.opened

    writers = [Writer(path, number) for number in range(WRITERS)]
    for writer in writers:
        await open_wire(writer)
        writer.begin()
        await writer.ready
    subscribers = [Subscriber(path, "calendar.v1.json", writers) for _ in range(load.subscribers)]
    for one in subscribers:
        one.subprotocol = load.subprotocol
        await open_wire(one)
        await subscribe(one, load)
    await asyncio.sleep(1.0)
    for one in subscribers:
        one.counting = True
    started, cpu = perf_counter(), server.cpu_seconds()  # type: ignore[attr-defined]
    late = await write_all(writers, load.per_second, seconds)
    core = (server.cpu_seconds() - cpu) / (perf_counter() - started)  # type: ignore[attr-defined]
    total = sum(len(writer.sent_at) for writer in writers)
    until = perf_counter() + 20
    while perf_counter() < until and any(len(one.latencies) < total for one in subscribers):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    closed = [one.closed for one in (*subscribers, *writers) if one.closed]
    if closed:
        raise RuntimeError(closed[0])
    return _outcome(load, writers, subscribers, total, core, late)


async def subscribe(one: Subscriber, load: Load) -> None:
    """Hear of the project, without its snapshot and without being seen."""
    wish = {"projectId": ROOM, "snapshot": False, "presence": False}
    messages: list[dict[str, object]] = [{"type": "subscribe", "id": "s", "payload": wish}]
    if load.batch:
        messages.append({"type": "options", "payload": {"batch": True}})
    for message in messages:
        if load.subprotocol.endswith("msgpack"):
            import msgspec

            one.write(client_frame(msgspec.msgpack.encode(message)))
        else:
            one.say(message)
    await one.is_told


async def write_all(writers: Sequence[Writer], per_second: int, seconds: float) -> float:
    """Send at an even pace, whatever comes back; how late that was at p99, in milliseconds."""
    start, lags = perf_counter(), array("d")
    for number in range(int(per_second * seconds)):
        due = start + number / per_second
        if (wait := due - perf_counter()) > 0:
            await asyncio.sleep(wait)
        lags.append(perf_counter() - due)
        writers[number % len(writers)].write_once()
        if number % 10 == 0:
            await asyncio.sleep(0)
    return 1000 * quantile(sorted(lags), 0.99)


def quantile(values: Sequence[float], share: float) -> float:
    """That quantile of sorted values."""
    return values[min(int(len(values) * share), len(values) - 1)] if values else 0.0


def _outcome(
    load: Load,
    writers: Sequence[Writer],
    subscribers: Sequence[Subscriber],
    total: int,
    core: float,
    late_ms: float,
) -> Outcome:
    times = sorted(1000 * seconds for one in subscribers for seconds in one.latencies)
    acks = sorted(1000 * seconds for writer in writers for seconds in writer.acks)
    return Outcome(
        load.title,
        total * len(subscribers),
        len(times),
        sum(one.out_of_order for one in subscribers),
        quantile(acks, 0.5),
        quantile(acks, 0.99),
        quantile(times, 0.5),
        quantile(times, 0.95),
        quantile(times, 0.99),
        times[-1] if times else 0.0,
        core,
        sum(one.received_bytes for one in subscribers) / (1 << 20),
        late_ms,
    )


def measure(load: Load, cores: Cores, seconds: float) -> Outcome:
    """A fresh server, and one run."""
    server = CrdtCalendar()
    with tempfile.TemporaryDirectory() as folder:
        home, port = Path(folder) / "data", free_port()
        server.prepare(home, [ROOM])
        path = server.path(ROOM).replace(f"/yjs/{ROOM}", "/events")
        log = Path(folder) / "log"
        with running(server.command(home, port), port, cores.server, log, {}) as process:
            sleep(0.5)
            return asyncio.run(run(load, port, path, seconds, process))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write down. Returns the exit code."""
    options = _options(arguments)
    console, cores = Console(width=140), Cores.split()
    cores.pin_load()
    found = [measure(load, cores, options.seconds) for load in LOADS[: options.loads]]
    _print_table(console, found)
    content = {"machine": machine(cores), "outcomes": [asdict(line) for line in found]}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "events.json").write_text(json.dumps(content, indent=1) + "\n")
    met = all(
        line.p99_ms < TARGET_MS and line.delivered == line.offered and not line.out_of_order
        for line in found
    )
    verdict = "met" if met else "missed"
    console.print(f"target: p99 under {TARGET_MS:g} ms, none lost or out of order: {verdict}")
    return 1 if options.check and not met else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.events", description=__doc__)
    add = parser.add_argument
    add("--seconds", type=float, default=10.0, help="how long to write (10)")
    add("--loads", type=int, default=len(LOADS), help="only the first so many loads")
    add("--check", action="store_true", help="fail when the target is missed")
    return parser.parse_args(arguments)


def _print_table(console: Console, found: Sequence[Outcome]) -> None:
    table = Table(title="the events door, on one core", title_justify="left", pad_edge=False)
    table.add_column("load")
    headings = ("ack p50 ms", "ack p99 ms", "p50 ms", "p95 ms", "p99 ms", "delivered")
    for heading in (*headings, "out of order", "core", "out MiB", "late ms"):
        table.add_column(heading, justify="right")
    for line in found:
        times = (line.ack_p50_ms, line.ack_p99_ms, line.p50_ms, line.p95_ms, line.p99_ms)
        table.add_row(
            line.load,
            *(f"{value:.1f}" for value in times),
            f"{line.delivered:,} of {line.offered:,}",
            str(line.out_of_order),
            f"{100 * line.server_core:.0f} %",
            f"{line.out_mib:.0f}",
            f"{line.late_ms:.1f}",
        )
    console.print(table)


if __name__ == "__main__":
    raise SystemExit(main())
