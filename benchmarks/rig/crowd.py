"""Many clients in one process: let them in, let them work, wait until everything has arrived."""

from __future__ import annotations

import asyncio
import random
from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from heapq import heapify, heapreplace
from time import perf_counter

from benchmarks.rig.client import Client
from benchmarks.rig.dialect import Dialect
from benchmarks.rig.frames import FrameBook
from benchmarks.rig.processes import ServerProcess
from benchmarks.rig.rows import Row

_JOIN_SECONDS = 60.0
_JOINING_AT_ONCE = 20
_SETTLE_SECONDS = 30.0
_QUIET_SECONDS = 0.5
_QUIET_CPU = 0.5  # a server that uses more of its core than this is still working something off
_TICK_SECONDS = 0.001


Door = tuple[str, Dialect]  # a room's path, and how it is spoken to there


class Crowd:
    """The clients of one run."""

    def __init__(self, clients: list[Client]) -> None:
        self.clients = clients
        self.lags_seconds = array("d")  # how late each message was sent: the generator's own delay

    @property
    def received_bytes(self) -> int:
        """What the server has sent to all of them, framing included."""
        return sum(client.received_bytes for client in self.clients)

    @property
    def received_frames(self) -> int:
        """How many messages that was."""
        return sum(client.received_frames for client in self.clients)

    def reasons_closed(self) -> set[str]:
        """Why connections were lost that nobody here closed."""
        return {client.closed for client in self.clients if client.closed}

    def sent_so_far(self) -> list[int]:
        """For each stream, the number that its next message will have."""
        return [len(sent) for client in self.clients for sent in client.sent]

    async def work(self, row: Row, seconds: float) -> None:
        """Edit and move at the row's rates, spread evenly, for that long."""
        started = perf_counter()
        plan = _plan(self.clients, row, started)
        heapify(plan)
        while (now := perf_counter()) < started + seconds and plan:
            while (task := plan[0])[0] <= now:
                due, order, period, act = task
                self.lags_seconds.append(perf_counter() - due)
                act()
                heapreplace(plan, (due + period, order, period, act))
            await asyncio.sleep(max(plan[0][0] - perf_counter(), _TICK_SECONDS))

    async def quiet(self, server: ServerProcess, within_seconds: float) -> bool:
        """Wait until nothing arrives and the server rests; false when time is up before."""
        until = perf_counter() + within_seconds
        while perf_counter() < until and not server.ended():
            frames, cpu = self.received_frames, server.cpu_seconds()
            await asyncio.sleep(_QUIET_SECONDS)
            rests = server.cpu_seconds() - cpu < _QUIET_CPU * _QUIET_SECONDS
            if rests and self.received_frames - frames <= len(self.clients) // 10:
                return True
        return False


_Task = tuple[float, int, float, Callable[[], None]]


def _plan(clients: Sequence[Client], row: Row, start: float) -> list[_Task]:
    """First time, order, period and deed of everything that is done again and again."""
    chance = random.Random(len(clients))
    deeds = [(client.edit, row.edits_per_second) for client in clients[: row.writers]]
    deeds += [(client.move, row.moves_per_second) for client in clients]
    return [
        (start + chance.random() / rate, order, 1 / rate, act)
        for order, (act, rate) in enumerate(deeds)
        if rate
    ]


def _idents(first: int, count: int) -> list[int]:
    """Client ids as Yjs draws them: 32 random bits, here the same in every run."""
    return random.Random(1).sample(range(1 << 20, 1 << 32), first + count)[first:]


@asynccontextmanager
async def joined(
    port: int, doors: Sequence[Door], *, reflecting: bool = False, first_ident: int = 0
) -> AsyncIterator[Crowd]:
    """One client for each door, all of them joined.

    Two crowds on one server take different client ids by `first_ident`. Raises `ConnectionError` or
    `TimeoutError`.
    """
    books = {dialect: FrameBook(dialect, presence=reflecting) for _, dialect in doors}
    idents = _idents(first_ident, len(doors))
    clients = [
        Client(index, idents[index], path, dialect, books[dialect])
        for index, (path, dialect) in enumerate(doors)
    ]
    try:
        async with asyncio.timeout(_JOIN_SECONDS):
            await _let_all_in(clients, port)
        yield Crowd(clients)
    finally:
        for client in clients:
            if client.transport is not None:
                client.transport.abort()


async def _let_all_in(clients: Sequence[Client], port: int) -> None:
    gate = asyncio.Semaphore(_JOINING_AT_ONCE)
    # One at a time until every room has somebody: pycrdt-websocket leaves a client hanging that
    # comes second while the room starts.
    rooms: set[str] = set()
    async with asyncio.TaskGroup() as tasks:
        for client in clients:
            if client.path in rooms:
                tasks.create_task(_let_in(client, port, gate))
            else:
                rooms.add(client.path)
                await _let_in(client, port, gate)


async def _let_in(client: Client, port: int, gate: asyncio.Semaphore) -> None:
    async with gate:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: client, "127.0.0.1", port)
        await client.opened
        client.join()
        await client.joined


async def prepare(crowd: Crowd, row: Row, server: ServerProcess) -> None:
    """Let the writers make their events, and begin to reflect, when the joining is over."""
    await crowd.quiet(server, _SETTLE_SECONDS)
    for client in crowd.clients[: row.writers]:
        client.edit()
    await crowd.quiet(server, _SETTLE_SECONDS)
    for client in crowd.clients:
        client.reflecting = row.reflecting
