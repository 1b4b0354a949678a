"""How much does it cost a server to tell everybody, and how long does it take?

``python -m benchmarks.fanout`` measures crdt-calendar beside y-websocket, Hocuspocus and
pycrdt-websocket; see `README.md`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

from benchmarks.rig import rows as loads
from benchmarks.rig import servers as field
from benchmarks.rig.plot import draw
from benchmarks.rig.processes import Cores
from benchmarks.rig.report import RESULTS, medians, print_rows, verdicts, wide_console, write_json
from benchmarks.rig.rows import Row
from benchmarks.rig.run import Figures, Timing, measure
from benchmarks.rig.servers import Server

_OURS = "crdt-calendar"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write down. Returns the exit code."""
    options = _options(arguments)
    console = wide_console()
    cores = Cores.split()
    if cores.server is None:
        console.print("one core only: server and load share it, the figures compare badly")
    servers = [server for server in options.servers if _is_there(server, console)]
    timing = Timing(options.seconds, options.warm_up, options.drain)
    figures = _measure_all(servers, options.rows, cores, timing, options.rounds, options.limit)
    names = [server.name for server in servers]
    lines = sorted(medians(figures), key=lambda line: names.index(line.server))
    print_rows(console, options.rows, lines)
    verdict = verdicts(_OURS, options.rows, lines)
    path = write_json("fanout", servers, cores, timing, figures, best=verdict)
    draw(RESULTS / "fanout.svg", options.rows, names, lines)
    _print_verdict(console, verdict)
    console.print(f"written: {path.name} and fanout.svg in benchmarks/results")
    met = all(all(row.values()) for row in verdict.values())
    return 0 if met or not options.check else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.fanout", description=__doc__)
    add = parser.add_argument
    add("--rows", default="all", help="keys separated by commas, such as 1,3r")
    add("--servers", default="all", help="names separated by commas")
    add("--seconds", type=float, default=10.0, help="measured window of a run (10)")
    add("--warm-up", type=float, default=2.0, help="seconds of load before it (2)")
    add("--drain", type=float, default=20.0, help="seconds to wait for stragglers (20)")
    add("--rounds", type=int, default=2, help="runs of each; medians are shown (2)")
    add("--limit", type=float, default=90.0, help="minutes after which no run is begun (90)")
    add("--quick", action="store_true", help="one round of 3 seconds")
    add("--check", action="store_true", help=f"fail unless {_OURS} is best in every row")
    options = parser.parse_args(arguments)
    try:
        options.rows = loads.choose(options.rows)
        options.servers = field.choose(options.servers)
    except ValueError as error:
        parser.error(str(error))
    if options.quick:
        options.rounds, options.seconds, options.warm_up, options.drain = 1, 3.0, 1.0, 8.0
    return options


def _is_there(server: Server, console: Console) -> bool:
    if missing := server.missing():
        console.print(f"{server.name} is left out: {missing}")
    return not missing


def _measure_all(
    servers: Sequence[Server],
    rows: Sequence[Row],
    cores: Cores,
    timing: Timing,
    rounds: int,
    limit_minutes: float,
) -> list[Figures]:
    cores.pin_load()
    until = time.monotonic() + 60 * limit_minutes
    figures = []
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn()) as progress:
        task = progress.add_task("", total=rounds * len(rows) * len(servers))
        for row, server in _order(servers, rows, rounds):
            if time.monotonic() > until:
                progress.console.print("out of time: the rest is left out")
                break
            progress.update(task, description=f"row {row.key:>2}, {server.name}")
            figures.append(measure(server, row, cores, timing))
            progress.advance(task)
    return figures


def _order(
    servers: Sequence[Server], rows: Sequence[Row], rounds: int
) -> Iterator[tuple[Row, Server]]:
    """Servers one after the other under one row, so that they meet the same machine; another one
    goes first each time."""
    turn = 0
    for _ in range(rounds):
        for row in rows:
            shift = turn % max(len(servers), 1)
            for server in (*servers[shift:], *servers[:shift]):
                yield row, server
            turn += 1


def _print_verdict(console: Console, verdict: dict[str, dict[str, bool]]) -> None:
    for figure, name in (("cpu", "less CPU a delivery"), ("p99", "a lower p99")):
        rows = [key for key, best in verdict.items() if not best[figure]]
        where = f"in rows {', '.join(rows)}" if rows else "in no row"
        console.print(f"a peer has {name} than {_OURS}: {where}")


if __name__ == "__main__":
    raise SystemExit(main())
