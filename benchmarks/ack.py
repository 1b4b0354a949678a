"""How long until an editor knows that an edit is safe?

``python -m benchmarks.ack`` times each edit from sending it to hearing it back, for somebody
alone and for ten writers among a hundred clients. crdt-calendar sends an edit back once it is on
disk; its peers, when asked for (``--servers all``), keep it in memory.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.rig import servers as field
from benchmarks.rig.processes import Cores
from benchmarks.rig.report import medians, write_json
from benchmarks.rig.rows import ROWS, Row
from benchmarks.rig.run import Figures, Timing, measure

TARGET_MS = 25.0
LOADS = (Row("lone", 1, writers=1, edits_per_second=20), ROWS["1"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write down. Returns the exit code."""
    options = _options(arguments)
    console = Console()
    cores, timing = Cores.split(), Timing(options.seconds, min(options.seconds, 2.0))
    servers = [server for server in options.servers if not server.missing()]
    runs = [(row, server) for _ in range(options.rounds) for row in LOADS for server in servers]
    cores.pin_load()
    figures = [
        measure(server, row, cores, timing, own=True)
        for row, server in track(runs, description="edits and their echoes")
    ]
    lines = medians(figures)
    _print_table(console, lines)
    write_json("ack", servers, cores, timing, figures, target_ms=TARGET_MS)
    ours = [line for line in lines if line.server == "crdt-calendar" and line.offered]
    for line in ours:
        console.print(
            f"target: p99 of crdt-calendar at most {TARGET_MS:g} ms; it is {line.p99_ms:.1f} ms"
        )
    met = len(ours) == len(LOADS) and all(line.p99_ms <= TARGET_MS for line in ours)
    return 1 if options.check and not met else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.ack", description=__doc__)
    add = parser.add_argument
    add("--servers", default="crdt-calendar", help="names separated by commas, or all")
    add("--seconds", type=float, default=10.0, help="measured window of a run (10)")
    add("--rounds", type=int, default=2, help="runs of each; medians are shown (2)")
    add("--check", action="store_true", help="fail when the target is missed")
    options = parser.parse_args(arguments)
    try:
        options.servers = field.choose(options.servers)
    except ValueError as error:
        parser.error(str(error))
    return options


def _print_table(console: Console, lines: Sequence[Figures]) -> None:
    titles = {row.key: row.title for row in LOADS}
    table = Table(title="from sending an edit to hearing it back", title_justify="left")
    for heading in ("load", "server"):
        table.add_column(heading)
    for heading in ("p50 ms", "p95 ms", "p99 ms", "delivered"):
        table.add_column(heading, justify="right")
    for line in lines:
        values = (line.p50_ms, line.p95_ms, line.p99_ms)
        times = (f"{value:.1f}" if line.offered else "-" for value in values)
        table.add_row(titles[line.row], line.server, *times, f"{100 * line.delivered:.1f} %")
    console.print(table)
    for line in lines:
        if line.remark:
            console.print(f"{line.server}: {line.remark}")


if __name__ == "__main__":
    raise SystemExit(main())
