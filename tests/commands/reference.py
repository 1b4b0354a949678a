"""``docs/cli.md``, made from the command's own help: ``python -m tests.commands.reference``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import fields

import click

from crdt_calendar.limits import Limits
from server.cli import main
from server.settings import LIMIT, PREFIX, Settings

WIDTH = 88

INTRODUCTION = """\
# The command line

Made from the command's own help by `python -m tests.commands.reference > docs/cli.md`; a test
compares the two.

`crdt-calendar` works on a data directory: `--data DIR`, or else `CRDT_CALENDAR_DATA`, or else
`./data`. One process writes a data directory. While a server does, every other command goes through
it, by a door on the loopback that takes the directory's own secret; while none does, the command
opens the directory itself. So commands can be used at any time, several at once, and whoever runs
them must be able to read the directory. Only `restore` wants the server stopped.

Results go to stdout, everything else to stderr. With `--json`, where there is one, the result is
JSON. Progress is shown when stderr is a terminal.
"""

SETTINGS = """\
## Settings

Each is an environment variable, and some are options of `serve`, which count more. An unknown
variable of this beginning is refused, so that a slip of the pen is no setting left alone.
"""

LIMITS = """\
### Limits

What one client may cost; generous, no honest one should meet them. The reason for each number is
beside it in `crdt_calendar/limits.py`. Sizes are in bytes, times in seconds.
"""


def reference() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    parts += [_section(context) for context in contexts()]
    parts += [
        SETTINGS,
        _table(PREFIX, Settings()),
        LIMITS,
        _table(PREFIX + LIMIT.upper(), Limits()),
    ]
    return "\n".join(parts)


def contexts() -> Iterator[click.Context]:
    """One context for the command and each of its subcommands, from the outside in."""
    settings = {**main.context_settings, "terminal_width": WIDTH}
    yield from _below(click.Context(main, info_name="crdt-calendar", **settings))


def _below(context: click.Context) -> Iterator[click.Context]:
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.get_command(context, name)
            assert command is not None
            yield from _below(click.Context(command, parent=context, info_name=name))


def _section(context: click.Context) -> str:
    level = "##" if context.parent is None else "###"
    return f"{level} {context.command_path}\n\n```\n{context.get_help()}\n```\n"


def _table(prefix: str, defaults: Settings | Limits) -> str:
    rows = [
        f"| `{prefix}{item.name.upper()}` | {_shown(getattr(defaults, item.name))} |"
        for item in fields(defaults)
        if item.name != "limits"
    ]
    return "\n".join(["| variable | unless set |", "|---|---|", *rows, ""])


def _shown(value: object) -> str:
    if value is None or value == ():
        return "none"
    return f"`{value}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
