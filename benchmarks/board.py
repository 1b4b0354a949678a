"""Ten people at a line-up board: asking every two seconds, against being told.

``python -m benchmarks.board`` plays both at once, with the same board, the same people and the same
edits: an HTTP server that is asked for the whole board every two seconds, one that takes 2.87 s for
an answer as the one that was replaced did, and this project's over Socket.IO. It counts what goes
over the wire, joining included, and how long after an edit was sent each of the others saw it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from statistics import mean, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import anyio
import httpx
from anyio.abc import ByteStream, SocketAttribute
from rich.console import Console
from rich.table import Table

from benchmarks.rig.processes import Cores, free_port
from benchmarks.rig.processes import running as process
from benchmarks.rig.report import RESULTS, machine
from tests.board.rig import NAMESPACE, Raw, new_board, raw, yjs_client
from tests.support.server import HOST, ServerProcess, running

BOARD_BYTES = 42_600  # what an answer had
ANSWER_SECONDS = 2.87  # what it took, on average
POLL_SECONDS = 2.0
TARGET_SAVED = 0.95
TARGET_SECONDS = 0.100
SEED = 7


@dataclass(slots=True)
class Figures:
    """What was measured of one way."""

    name: str
    people: int
    wire_bytes: int = 0
    joining_bytes: int = 0
    seen: list[float] = field(default_factory=list)  # seconds, for each edit and each other person
    missed: int = 0

    @property
    def p95(self) -> float:
        """Seconds until 19 of 20 had seen it."""
        return quantiles(self.seen, n=20)[-1] if len(self.seen) > 1 else 0.0


class Meter:
    """A relay between people and a server that counts what passes, both ways."""

    def __init__(self, port: int) -> None:
        self._server = port
        self.port = 0
        self.passed = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Meter]:
        """Relay until the block ends."""
        async with (
            await anyio.create_tcp_listener(local_host=HOST) as listener,
            anyio.create_task_group() as tasks,
        ):
            self.port = listener.extra(SocketAttribute.local_port)
            tasks.start_soon(listener.serve, self._relay)
            yield self
            tasks.cancel_scope.cancel()

    async def _relay(self, person: ByteStream) -> None:
        async with person, await anyio.connect_tcp(HOST, self._server) as server:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._pass, person, server)
                await self._pass(server, person)
                tasks.cancel_scope.cancel()

    async def _pass(self, source: ByteStream, target: ByteStream) -> None:
        try:
            async for data in source:
                self.passed += len(data)
                await target.send(data)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return


class Watch:
    """When each edit was sent, and who has seen it. Numbers count up, so a later one covers."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._open: dict[int, tuple[int, int, float, set[int]]] = {}

    def sent(self, author: int, lineup: int, number: int) -> None:
        """Note down that an edit is being sent."""
        others = set(range(self._figures.people)) - {author}
        self._open[number] = (lineup, number, perf_counter(), others)

    def saw(self, person: int, lineup: int, number: int | None) -> None:
        """Somebody has that line-up on screen."""
        for line, made, since, others in self._open.values():
            if line == lineup and number is not None and number >= made and person in others:
                others.discard(person)
                self._figures.seen.append(perf_counter() - since)

    @property
    def missing(self) -> int:
        """How many have not seen something yet."""
        return sum(len(others) for *_, others in self._open.values())


class Polling:
    """All of the board, every two seconds."""

    def __init__(self, name: str, people: int, port: int) -> None:
        self.figures = Figures(name, people)
        self.watch = Watch(self.figures)
        self._port = port
        self._client = httpx.AsyncClient(
            base_url=f"http://{HOST}:{port}",
            timeout=30,
            headers={"accept-encoding": "identity"},
            limits=httpx.Limits(max_connections=None),
        )

    async def person(self, number: int) -> None:
        """Ask and ask again, whether the last answer has come or not."""
        async with anyio.create_task_group() as tasks:
            await anyio.sleep(POLL_SECONDS * number / self.figures.people)
            while True:
                tasks.start_soon(self._ask, number)
                await anyio.sleep(POLL_SECONDS)

    async def _ask(self, person: int) -> None:
        answer = await self._client.get("/user-lineups")
        for line in answer.json():
            self.watch.saw(person, line["id"], line["gbsNumber"])

    async def edit(self, person: int, lineup: int, number: int) -> None:
        """A PATCH."""
        self.watch.sent(person, lineup, number)
        await self._client.patch(f"/lineups/{lineup}", json={"gbsNumber": number})

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()


class Told:
    """This project, over Socket.IO."""

    def __init__(self, name: str, sockets: Sequence[Raw]) -> None:
        self.figures = Figures(name, len(sockets))
        self.watch = Watch(self.figures)
        self._sockets = sockets

    async def person(self, number: int) -> None:
        """Read what comes."""
        async for data in self._sockets[number].socket:
            packet = str(data)
            if packet == "2":  # Engine.IO pings
                await self._sockets[number].send("3")
            elif packet.startswith(f'42{NAMESPACE},["lineup-updated"'):
                line = json.loads(packet.partition(",")[2])[1]
                self.watch.saw(number, line["id"], line["gbsNumber"])

    async def edit(self, person: int, lineup: int, number: int) -> None:
        """Say which row one is at, and put somebody into a group."""
        socket = self._sockets[person]
        await socket.emit("user-editing", {"lineupId": lineup})
        self.watch.sent(person, lineup, number)
        await socket.emit("update-gbs-number", {"lineupId": lineup, "gbsNumber": number})
        await socket.emit("user-editing", {"lineupId": None})


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write down. Returns the exit code."""
    options = _options(arguments)
    found = anyio.run(partial(_play, options), backend_options={"use_uvloop": True})
    polling, slow, told = found
    saved = 1 - told.wire_bytes / polling.wire_bytes
    table = Table(title=f"{options.people} people, {options.seconds:g} s", title_justify="left")
    table.add_column("way")
    for heading in (
        "KB on the wire",
        "of it joining",
        "KB/min a person",
        "seen: mean",
        "p95",
        "most",
    ):
        table.add_column(heading, justify="right")
    for one in found:
        table.add_row(one.name, *_cells(one, options.seconds))
    console = Console(width=120)
    console.print(table)
    worst = max(told.seen, default=0.0)
    console.print(f"fewer bytes: {saved:.1%}; target {TARGET_SAVED:.0%}")
    console.print(
        f"a change is seen within {worst * 1000:.1f} ms; target {TARGET_SECONDS * 1000:.0f} ms,"
        f" against {ANSWER_SECONDS} s that an answer took"
    )
    missed = sum(one.missed for one in found)
    if missed:
        console.print(f"{missed} never saw a change")
    RESULTS.mkdir(exist_ok=True)
    content = {"machine": machine(Cores(None, None)), "ways": [asdict(one) for one in found]}
    (RESULTS / "board.json").write_text(json.dumps(content, indent=1) + "\n")
    met = saved >= TARGET_SAVED and worst < TARGET_SECONDS and not missed
    return 1 if options.check and not met else 0


def _cells(one: Figures, seconds: float) -> list[str]:
    told = (mean(one.seen), one.p95, max(one.seen)) if one.seen else (0.0, 0.0, 0.0)
    each_minute = one.wire_bytes / one.people / seconds * 60
    return [
        f"{one.wire_bytes / 1000:,.0f}",
        f"{one.joining_bytes / 1000:,.0f}",
        f"{each_minute / 1000:,.1f}",
        *(f"{time * 1000:,.1f} ms" for time in told),
    ]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.board", description=__doc__)
    add = parser.add_argument
    add("--people", type=int, default=10, help="at the board (10)")
    add("--seconds", type=float, default=60.0, help="for which they are there (60)")
    add("--every", type=float, default=5.0, help="seconds from one edit to the next (5)")
    add("--check", action="store_true", help="fail when a target is missed")
    return parser.parse_args(arguments)


async def _play(options: argparse.Namespace) -> list[Figures]:
    people = board()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        quick = await _polling(stack, folder, people, options.people, "polling", 0.0)
        name = f"polling, {ANSWER_SECONDS} s an answer"
        slow = await _polling(stack, folder, people, options.people, name, ANSWER_SECONDS)
        server = stack.enter_context(running(folder / "data"))
        await _fill(server, people)
        meter = await stack.enter_async_context(Meter(server.port).open())
        sockets = [await _join(stack, server, meter, one) for one in range(options.people)]
        told = Told("crdt-calendar, Socket.IO", sockets)
        told.figures.joining_bytes = meter.passed
        await _minute(options, people, [quick[0], slow[0], told])
        for way, passed in (quick, slow, (told, meter)):
            way.figures.wire_bytes = passed.passed
            way.figures.missed = way.watch.missing
        for polled, _ in (quick, slow):
            await polled.close()
        return [quick[0].figures, slow[0].figures, told.figures]


async def _minute(
    options: argparse.Namespace, board: Sequence[dict[str, Any]], ways: Sequence[Polling | Told]
) -> None:
    """Everybody is there, and now and then somebody edits."""
    random = Random(SEED)
    async with anyio.create_task_group() as tasks:
        for way in ways:
            for person in range(options.people):
                tasks.start_soon(way.person, person)
        until = perf_counter() + options.seconds
        number = 100  # greater than any that is there
        # Whoever asks must have the time to hear of the last one.
        last = until - 2 * POLL_SECONDS - 2 * ANSWER_SECONDS - 1.5 * options.every
        while perf_counter() < last:
            await anyio.sleep(options.every * random.uniform(0.5, 1.5))
            number += 1
            edit = (random.randrange(options.people), random.choice(board)["id"], number)
            async with anyio.create_task_group() as editing:
                for way in ways:
                    editing.start_soon(way.edit, *edit)
        await anyio.sleep(until - perf_counter())
        tasks.cancel_scope.cancel()


def board() -> list[dict[str, Any]]:
    """People, as many as make an answer of that size."""
    random = Random(SEED)
    people: list[dict[str, Any]] = []
    while len(json.dumps(people, ensure_ascii=False, separators=(",", ":")).encode()) < BOARD_BYTES:
        number = len(people) + 1
        people.append(
            {
                "id": number,
                "userId": 1000 + number,
                "name": random.choice("김이박최정강조윤장임")
                + random.choice(("민준", "서연", "지훈")),
                "gender": random.choice(("MALE", "FEMALE")),
                "gradeNumber": random.randrange(1, 5),
                "univGroupNumber": random.randrange(1, 9),
                "phoneNumber": f"010-{random.randrange(9999):04}-{random.randrange(9999):04}",
                "isLeader": random.random() < 0.1,
                "isFullAttendance": random.random() < 0.7,
                "schedule": [f"d{day}" for day in range(random.randrange(1, 8))],
                "gbsNumber": random.randrange(1, 40),
                "memos": [],
                "version": 0,
                "updatedAt": "2026-01-01T00:00:00.000Z",
                "updatedBy": "root",
            }
        )
    return people


async def _polling(
    stack: AsyncExitStack,
    folder: Path,
    board: Sequence[dict[str, Any]],
    people: int,
    name: str,
    seconds: float,
) -> tuple[Polling, Meter]:
    port = free_port()
    module = "benchmarks.peers.polling_board"
    command = [sys.executable, "-m", module, str(port), str(seconds)]
    stack.enter_context(process(command, port, None, folder / f"{port}.log", {}))
    async with httpx.AsyncClient() as client:
        await client.put(f"http://{HOST}:{port}/board", json=list(board))
    meter = await stack.enter_async_context(Meter(port).open())
    return Polling(name, people, meter.port), meter


async def _fill(server: ServerProcess, board: Sequence[dict[str, Any]]) -> None:
    """The same people in a document."""
    new_board(server, "retreat")
    ours = {"id", "memos", "version", "updatedAt", "updatedBy"}
    async with yjs_client(server, "root", "retreat") as yjs:
        for line in board:
            values = {key: value for key, value in line.items() if key not in ours}
            await yjs.put(str(line["id"]), **values)


async def _join(stack: AsyncExitStack, server: ServerProcess, meter: Meter, person: int) -> Raw:
    socket = await stack.enter_async_context(raw(server, port=meter.port))
    await socket.enter(server.token(f"user{person}", "retreat"))
    await socket.emit("join-retreat", "retreat")
    await socket.event("initial-data")
    return socket


if __name__ == "__main__":
    raise SystemExit(main())
