"""The figures as a picture: SVG written by hand, so that nothing has to be installed for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from benchmarks.rig.rows import Row
from benchmarks.rig.run import Figures

_COLOURS = ("#0b6e4f", "#d1495b", "#edae49", "#3d5a98")
_LEFT, _PANEL, _GAP, _TOP, _LINE, _BOTTOM = 430, 300, 40, 70, 30, 30


def draw(path: Path, rows: Sequence[Row], servers: Sequence[str], lines: Sequence[Figures]) -> None:
    """Two panels, CPU a delivery and p99; in each a line for every row, a dot for every server."""
    height = _TOP + _LINE * len(rows) + _BOTTOM
    width = _LEFT + 2 * _PANEL + 2 * _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *_legend(servers),
        *(_text(_LEFT - 15, _row_y(at), row.title, "end") for at, row in enumerate(rows)),
        *_panel(_LEFT, "server CPU, µs a delivery", rows, servers, lines, lambda x: x.cpu_us),
        *_panel(_LEFT + _PANEL + _GAP, "p99 latency, ms", rows, servers, lines, lambda x: x.p99_ms),
        "</svg>",
    ]
    path.write_text("\n".join(parts) + "\n")


def _row_y(at: int) -> float:
    return _TOP + _LINE * (at + 0.5)


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y + 4:.0f}" text-anchor="{anchor}">{escape(text)}</text>'


def _dot(x: float, y: float, colour: str, *, hollow: bool = False) -> str:
    fill = "white" if hollow else colour
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{fill}" stroke="{colour}"/>'


def _legend(servers: Sequence[str]) -> list[str]:
    parts = []
    for at, name in enumerate(servers):
        x = 20 + 150 * at
        parts += [_dot(x, 18, _COLOURS[at % len(_COLOURS)]), _text(x + 10, 18, name)]
    x = 20 + 150 * len(servers)
    return [*parts, _dot(x, 18, "black", hollow=True), _text(x + 10, 18, "lower bound")]


def _panel(
    left: float,
    title: str,
    rows: Sequence[Row],
    servers: Sequence[str],
    lines: Sequence[Figures],
    value: Callable[[Figures], float],
) -> list[str]:
    shown = [line for line in lines if line.delivered > 0 and value(line) > 0]
    logs = [math.log10(value(line)) for line in shown] or [0.0]
    low, high = math.floor(min(logs)), math.floor(max(logs)) + 1
    bottom = _TOP + _LINE * len(rows)

    def place(log: float) -> float:
        return left + _PANEL * (log - low) / (high - low)

    parts = [_text(left, _TOP - 30, title)]
    for power in range(low, high + 1):
        x = place(power)
        parts.append(f'<path d="M{x:.1f} {_TOP}V{bottom}" stroke="#ddd"/>')
        parts.append(_text(x, bottom + 12, f"{10.0**power:g}", "middle"))
    keys = [row.key for row in rows]
    for line in shown:
        colour = _COLOURS[servers.index(line.server) % len(_COLOURS)]
        x, y = place(math.log10(value(line))), _row_y(keys.index(line.row))
        parts.append(_dot(x, y, colour, hollow=not line.drained))
    return parts
