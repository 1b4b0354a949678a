"""Figures for people (a table), for programs (JSON), and in one run's middle (medians)."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.rig.processes import Cores
from benchmarks.rig.rows import Row
from benchmarks.rig.run import Figures, Timing
from benchmarks.rig.servers import Server

RESULTS = Path(__file__).resolve().parent.parent / "results"
# Worth a remark: others on our cores, and a generator that is late with its own messages.
_NOISY = 0.3
_LATE_MS = 15.0


def medians(rounds: Iterable[Figures]) -> list[Figures]:
    """One line for every server and row: the median of each figure over the rounds."""
    groups: dict[tuple[str, str], list[Figures]] = {}
    for each in rounds:
        groups.setdefault((each.row, each.server), []).append(each)
    return [_median(group) for group in groups.values()]


def _median(group: Sequence[Figures]) -> Figures:
    measured = [each for each in group if each.offered] or group
    middle = {
        field.name: median(getattr(each, field.name) for each in measured)
        for field in fields(Figures)
        if isinstance(getattr(group[0], field.name), int | float)
    }
    remark = "; ".join(sorted({each.remark for each in group if each.remark}))
    return Figures(group[0].server, group[0].row, remark, **middle)


def wide_console() -> Console:
    """A console that does not squeeze the tables when the output is no terminal."""
    console = Console()
    return console if console.width >= _WIDTH else Console(width=_WIDTH)


def print_rows(console: Console, rows: Sequence[Row], lines: Sequence[Figures]) -> None:
    """A table for each row of the load; the least CPU and the lowest p99 in bold."""
    for row in rows:
        section = [line for line in lines if line.row == row.key]
        table = Table(
            title=f"{row.key}: {row.title}", title_justify="left", box=SIMPLE_HEAD, pad_edge=False
        )
        table.add_column("server", min_width=16)
        for heading in _HEADINGS:
            table.add_column(heading, justify="right", min_width=7)
        for line in section:
            table.add_row(line.server, *_cells(line, section))
        console.print(table)
        for line in section:
            for remark in _remarks(line):
                console.print(f"  {line.server}: {remark}")
        console.print()


_WIDTH = 110
_HEADINGS = ("CPU µs", "p50 ms", "p95 ms", "p99 ms", "delivered", "core", "RSS MiB", "out MiB")


def _cells(line: Figures, section: Sequence[Figures]) -> list[str]:
    if not line.offered:
        return ["-"] * len(_HEADINGS)
    bound = "" if line.drained else "≥ "
    return [
        _best(f"{line.cpu_us:.2f}", line.cpu_us, [each.cpu_us for each in _measured(section)]),
        f"{bound}{line.p50_ms:.1f}",
        f"{bound}{line.p95_ms:.1f}",
        _best(f"{bound}{line.p99_ms:.1f}", line.p99_ms, [x.p99_ms for x in _measured(section)]),
        f"{100 * line.delivered:.1f} %",
        f"{100 * line.server_cpu:.0f} %",
        f"{line.rss_mib:.0f}",
        f"{line.out_mib:.1f}",
    ]


def _measured(section: Iterable[Figures]) -> list[Figures]:
    # A server that delivered nothing has spent no time on deliveries, and is not the best for that.
    return [line for line in section if line.delivered > 0]


def _best(text: str, value: float, values: Sequence[float]) -> str:
    return f"[bold]{text}[/bold]" if values and value <= min(values) else text


def _remarks(line: Figures) -> list[str]:
    remarks = [line.remark] if line.remark else []
    if line.offered and not line.delivered:
        remarks.append("delivered nothing of what was sent in the window")
    elif line.offered and not line.drained:
        remarks.append(f"did not deliver everything; p99 of the rest {line.arrived_p99_ms:.1f} ms")
    if line.others_cpu > _NOISY:
        remarks.append(f"other programs used {100 * line.others_cpu:.0f} % of a core meanwhile")
    if line.lag_p99_ms > _LATE_MS:
        remarks.append(f"the load generator was late itself, by {line.lag_p99_ms:.0f} ms at p99")
    return remarks


def verdicts(
    name: str, rows: Sequence[Row], lines: Sequence[Figures]
) -> dict[str, dict[str, bool]]:
    """For each row: has nobody else less CPU a delivery than `name`, nobody a lower p99?"""
    found = {}
    for row in rows:
        section = [line for line in lines if line.row == row.key]
        mine = next((line for line in section if line.server == name and line.drained), None)
        others = _measured(line for line in section if line.server != name)
        found[row.key] = {
            "cpu": mine is not None and all(mine.cpu_us <= each.cpu_us for each in others),
            "p99": mine is not None and all(mine.p99_ms <= each.p99_ms for each in others),
        }
    return found


def machine(cores: Cores) -> dict[str, object]:
    """What the figures were measured on."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in info if "model name" in line), "")
    return {
        "cpu": model,
        "cpus": os.cpu_count(),
        "pinned": {"server": cores.server, "load": cores.load},
        "system": platform.platform(),
        "python": platform.python_version(),
        "node": _node_version(),
    }


def _node_version() -> str:
    try:
        done = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=10)
    except OSError:
        return ""
    return done.stdout.strip()


def write_json(
    name: str,
    servers: Sequence[Server],
    cores: Cores,
    timing: Timing,
    rounds: Sequence[Figures],
    **more: object,
) -> Path:
    """Everything that was measured, for comparison with later runs."""
    content = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(cores),
        "timing": asdict(timing),
        "versions": {server.name: server.version() for server in servers},
        "medians": [asdict(line) for line in medians(rounds)],
        "rounds": [asdict(line) for line in rounds],
        **more,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(content, indent=1) + "\n")
    return path
