"""Options that several commands have, and what their help shows below them."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

ROLES = click.Choice(["viewer", "editor", "owner"])

data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Data directory; CRDT_CALENDAR_DATA, or ./data, unless given.",
)
project = click.option(
    "--project", required=True, metavar="P", help="The project's id, as in its address."
)
json_ = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program to read.")


def examples(*lines: str) -> str:
    """The epilog of a command's help: its examples."""
    title = "Examples" if len(lines) > 1 else "Example"
    return "\n".join(["\b", f"{title}:", *(f"  {line}" for line in lines)])


def login() -> str:
    """Who runs the command, as others will see them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return "owner"
