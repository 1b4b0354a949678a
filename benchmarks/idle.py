"""How much memory does a connection take that does nothing?

``python -m benchmarks.idle`` lets y-websocket-like clients join a fresh server, each with a name
and a cursor, leaves them alone, and divides what the server's resident memory grew by.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import uvloop
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.rig import servers as field
from benchmarks.rig.crowd import joined
from benchmarks.rig.processes import Cores, ServerProcess
from benchmarks.rig.report import RESULTS, machine
from benchmarks.rig.run import serving
from benchmarks.rig.servers import Server

TARGET_KIB = 30.0
_QUIET_SECONDS = 40.0


@dataclass(frozen=True, slots=True)
class Idle:
    """What one server came to."""

    server: str
    connections: int
    fresh_mib: float  # before anybody joined
    warm_mib: float  # with one client in each room
    full_mib: float  # with all of them
    connection_kib: float  # from warm to full


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write down. Returns the exit code."""
    options = _options(arguments)
    console, cores = Console(), Cores.split()
    servers = [server for server in options.servers if not server.missing()]
    cores.pin_load()
    found = []
    for server in track(servers, description="idle connections", console=console):
        try:
            found.append(measure_idle(server, cores, options.connections, options.rooms))
        except (RuntimeError, OSError, TimeoutError) as error:
            console.print(f"{server.name} is left out: {error}")
    _print_table(console, found)
    content = {"machine": machine(cores), "servers": [asdict(line) for line in found]}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "idle.json").write_text(json.dumps(content, indent=1) + "\n")
    ours = [line.connection_kib for line in found if line.server == "crdt-calendar"]
    for each in ours:
        console.print(f"target: crdt-calendar at most {TARGET_KIB:g} KiB; it is {each:.1f} KiB")
    return 1 if options.check and not (ours and ours[0] <= TARGET_KIB) else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.idle", description=__doc__)
    add = parser.add_argument
    add("--servers", default="all", help="names separated by commas")
    add("--connections", type=int, default=2000, help="how many (2000)")
    add("--rooms", type=int, default=20, help="how many rooms they are spread over (20)")
    add("--check", action="store_true", help="fail when the target is missed")
    options = parser.parse_args(arguments)
    try:
        options.servers = field.choose(options.servers)
    except ValueError as error:
        parser.error(str(error))
    if not 0 < options.rooms < options.connections:
        parser.error("there must be at least one room, and more connections than rooms")
    return options


def measure_idle(server: Server, cores: Cores, connections: int, rooms: int) -> Idle:
    """Start it, let them join, and read its memory."""
    names = [f"room-{number}" for number in range(rooms)]
    with serving(server, names, cores) as (process, port):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_fill(server, process, port, names, connections))


async def _fill(
    server: Server, process: ServerProcess, port: int, rooms: Sequence[str], connections: int
) -> Idle:
    fresh = process.rss_bytes()
    first = [(server.path(room), server.dialect(room)) for room in rooms]
    rest = [first[number % len(rooms)] for number in range(connections - len(rooms))]
    async with joined(port, first) as few:
        await few.quiet(process, _QUIET_SECONDS)
        warm = process.rss_bytes()
        async with joined(port, rest, first_ident=len(first)) as many:
            await many.quiet(process, _QUIET_SECONDS)
            full = process.rss_bytes()
            if lost := few.reasons_closed() | many.reasons_closed():
                raise RuntimeError(f"{server.name}: {lost.pop()}")
    mib = 2**20
    growth_kib = (full - warm) / 1024 / len(rest)
    return Idle(server.name, connections, fresh / mib, warm / mib, full / mib, growth_kib)


def _print_table(console: Console, found: Sequence[Idle]) -> None:
    table = Table(title="an idle connection", title_justify="left", pad_edge=False)
    table.add_column("server")
    for heading in ("connections", "fresh MiB", "warm MiB", "full MiB", "KiB each"):
        table.add_column(heading, justify="right")
    for line in found:
        sizes = (line.fresh_mib, line.warm_mib, line.full_mib, line.connection_kib)
        table.add_row(line.server, str(line.connections), *(f"{size:.1f}" for size in sizes))
    console.print(table)


if __name__ == "__main__":
    raise SystemExit(main())
