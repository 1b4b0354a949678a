"""``compact``, ``backup``, ``restore``, ``verify`` and ``recovered``: the data as a whole."""

from __future__ import annotations

from pathlib import Path

import click

from crdt_calendar.errors import CorruptData
from server.commands import options, output
from server.commands.access import ask, load_settings


@click.command(epilog=options.examples("crdt-calendar compact", "crdt-calendar compact team"))
@click.argument("project", required=False, metavar="[P]")
@options.data
def compact(project: str | None, data: Path | None) -> None:
    """Write a snapshot of the project P, or of all, for quick loading.

    A running server does this by itself. History within the retention stays as it is; what is older
    goes, as the snapshot has it.
    """
    with output.progress("compacting") as tell:
        found = ask(data, "compact", tell=tell, project=project)
    removed = sum(each["removed_rows"] for each in found)
    output.say(
        f"compacted {output.count(len(found), 'project')}, "
        f"removed {output.count(removed, 'row')} past the retention"
    )
    output.finish([each["problem"] for each in found if each["problem"]])


@click.command(epilog=options.examples("crdt-calendar backup /backups/calendar-2026-03-01.db"))
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@options.data
def backup(file: Path, data: Path | None) -> None:
    """Copy everything, history and members too, to the new file FILE.

    The copy is of one moment, is checked, and does not disturb a running server. Secrets are not in
    it: keep the data directory's token-secret as well if tokens are to stay valid.
    """
    with output.progress("copying") as tell:
        made = ask(data, "backup", tell=tell, path=str(file.absolute()))
    output.say(f"{made['path']}: {output.size(made['bytes'])}")


@click.command(
    epilog=options.examples(
        "crdt-calendar restore /backups/calendar-2026-03-01.db",
        "crdt-calendar restore calendar.db --data /srv/new",
    )
)
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE"
)
@options.data
def restore(file: Path, data: Path | None) -> None:
    """Put the backup FILE in the place of the data.

    The server must be stopped. What was there is kept beside it, under another name. Every project
    enters the recovery state: the backup lacks edits that people's clients still hold, and an
    editor's client may bring back also those of others. When everybody has been here again, end it
    by: crdt-calendar recovered P
    """
    from server.storage.backup import restore as put_back
    from server.storage.directory import DataDirectory

    directory = DataDirectory(load_settings(data=data).data)
    try:
        aside = put_back(file, directory)
    except CorruptData as error:
        raise CorruptData(f"{file} cannot be restored: {error}") from error
    output.say(f"restored {file} to {directory.path}")
    if aside:
        output.say(f"what was there is kept as {aside.name}")
    output.say("every project is in the recovery state until: crdt-calendar recovered P")


@click.command(epilog=options.examples("crdt-calendar verify", "crdt-calendar verify --json"))
@options.json_
@options.data
def verify(as_json: bool, data: Path | None) -> None:
    """Check the database file, and that every document in it can be built.

    Exit code 1, and a line for each problem, if something is wrong.
    """
    with output.progress("verifying") as tell:
        report = ask(data, "verify", tell=tell)
    if as_json:
        output.as_json(report)
    problems = [*report["problems"], *(room["problem"] for room in report["rooms"])]
    problems = [problem for problem in problems if problem]
    if not as_json and not problems:
        rows = sum(room["rows"] for room in report["rooms"])
        rooms = output.count(len(report["rooms"]), "document")
        output.say(f"sound: the file, and {rooms} of {output.count(rows, 'row')}")
    output.finish(problems)


@click.command(epilog=options.examples("crdt-calendar recovered team"))
@click.argument("project", metavar="P")
@options.data
def recovered(project: str, data: Path | None) -> None:
    """End the recovery state of the project P.

    From then on every client writes under its own ids only, as before the restore.
    """
    done = ask(data, "recovered", project=project)
    if done["was_recovering"]:
        output.say(f"{project} is out of the recovery state")
    else:
        output.say(f"{project} was not in the recovery state")
