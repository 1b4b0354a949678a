"""What commands print: results on stdout, the rest on stderr; nicer when a person reads it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from server.commands.access import Tell


def say(text: str) -> None:
    """Print a line of the result."""
    click.echo(printable(text))


def note(text: str) -> None:
    """Print a line about the work, where it does not disturb the result."""
    click.echo(printable(text), err=True)


def as_json(value: Any) -> None:
    """Print a value for a program to read."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under headings: a table for a person, plain columns for a pipe."""
    texts = [[printable(str(cell)) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _rich_table(headings, texts)
        return
    widths = [max(map(len, column)) for column in zip(headings, *texts, strict=True)]
    for row in (headings, *texts):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _rich_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        grid.add_column(heading, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))  # a name like [red] is no markup
    Console().print(grid)


def finish(problems: Sequence[str], exit_code: int = 1) -> None:
    """Print what went wrong, a line each, and end with that code; go on if nothing did."""
    for problem in problems:
        note(problem)
    if problems:
        raise click.exceptions.Exit(exit_code)


@contextmanager
def progress(title: str) -> Iterator[Tell]:
    """A progress bar on stderr while the block lasts, if a person looks; told like `ask` tells."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def printable(text: str) -> str:
    """The text with everything that could move the cursor, or forge a line, made visible."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else ascii(letter)[1:-1]
        for letter in text
    )


def moment(at_ms: int | None) -> str:
    """A time for people, to the second, in UTC."""
    if at_ms is None:
        return "-"
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"


def size(count_bytes: int) -> str:
    """A number of bytes for people."""
    if count_bytes < 1024:
        return f"{count_bytes} B"
    if count_bytes < 1024 * 1024:
        return f"{count_bytes / 1024:.1f} KiB"
    return f"{count_bytes / 1024 / 1024:.1f} MiB"


def count(number: int, noun: str) -> str:
    """A number and its noun: ``1 event``, ``2 events``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
