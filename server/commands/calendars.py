"""``import`` and ``export``: iCalendar files in and out of a project."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, BinaryIO

import click

from server.commands import options, output
from server.commands.access import ask

PARTLY = 3
"""The exit code of an import that could not bring everything."""


@click.command(
    "import",
    epilog=options.examples(
        "crdt-calendar import holidays.ics --project team",
        "crdt-calendar import holidays.ics --project holidays --create",
        "curl -s https://example.org/feed.ics | crdt-calendar import - --project team",
    ),
)
@click.argument("file", type=click.File("rb"), metavar="FILE")
@options.project
@click.option("--create", is_flag=True, help="Make the project if there is none.")
@click.option("--user", metavar="U", help="In whose name; your login unless given.")
@options.json_
@options.data
def import_(
    file: BinaryIO, project: str, create: bool, user: str | None, as_json: bool, data: Path | None
) -> None:
    """Bring an iCalendar FILE (.ics) into the project P.

    FILE may be - for stdin. People in the project see the events as they come; when the command
    ends, all of them are on disk. Importing a file again changes only what has changed in it; an
    event that somebody has edited or deleted here stays as it is unless the file has a later
    revision.

    What could not be understood is listed on stderr, by line, and the exit code is then 3.
    """
    with output.progress(f"importing into {project}") as tell:
        done = ask(
            data,
            "import",
            body=file.read(),
            tell=tell,
            make=create,
            project=project,
            user=user or options.login(),
            create="yes" if create else None,
        )
    if as_json:
        output.as_json(done)
    else:
        output.say(_summary(done))
    problems = [f"line {each['line']}: {each['message']}" for each in done["problems"]]
    output.finish(problems, PARTLY)


def _summary(done: dict[str, Any]) -> str:
    counts = {
        "created": "new",
        "updated": "updated",
        "unchanged": "unchanged",
        "skipped": "skipped",
    }
    return ", ".join(f"{done[key]:,} {word}" for key, word in counts.items())


@click.command(
    epilog=options.examples(
        "crdt-calendar export --project team > team.ics",
        "crdt-calendar export --project team --output team.ics",
    )
)
@options.project
@click.option(
    "--output",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to; stdout unless given.",
)
@options.data
def export(project: str, target: Path | None, data: Path | None) -> None:
    """Print the project P as an iCalendar file (RFC 5545).

    What an import did not understand is in it again. Deleted events are not, and neither are those
    without a time.
    """
    from crdt_calendar.ics import write  # takes 0.1 s, which no other command should wait for
    from server.commands.documents import decode_update, open_calendar

    update = decode_update(ask(data, "export", project=project)["update"])
    ics = write(open_calendar(update))
    if target is None:
        sys.stdout.buffer.write(ics)
    else:
        target.write_bytes(ics)
