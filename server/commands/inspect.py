"""``inspect``: what is in a project's document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from server.commands import options, output
from server.commands.access import ask

SHOWN_KEYS = 3
SHOWN_PROBLEMS = 20


@click.command(
    epilog=options.examples(
        "crdt-calendar inspect team",
        "crdt-calendar inspect team --rows 100",
        "crdt-calendar inspect team --json | jq .history",
    )
)
@click.argument("project", metavar="P")
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    metavar="N",
    help="How many rows of history to show, the newest first.",
)
@options.json_
@options.data
def inspect(project: str, rows: int, as_json: bool, data: Path | None) -> None:
    """Show what is in the project P.

    Its size, events, who has written under which Yjs client id, who is connected, and its history:
    who wrote what and when. Looks at what is on disk; nobody notices.
    """
    from server.commands.insight import read  # documents take a while to load

    found = read(ask(data, "inspect", project=project, rows=str(rows)))
    if as_json:
        output.as_json(found)
        return
    _show_state(found)
    _show_problems(found["document"]["problems"])
    _show_clients(found["clients"])
    _show_history(found["history"])


def _show_state(found: dict[str, Any]) -> None:
    project, stored, document = found["project"], found["stored"], found["document"]
    lines = {
        "project": f"{project['id']} ({project['kind']}) {project['name']}",
        "state": _state(found),
        "events": f"{document['events']:,}, and {document['deleted']:,} deleted",
        "time zone": document["timezone"] or "-",
        "document": output.size(document["bytes"]),
        "on disk": f"{output.size(stored['bytes'])} in {output.count(stored['rows'], 'row')}, "
        f"snapshot up to row {stored['snapshot_seq']} of {stored['last_seq']}",
        "history": f"{output.moment(stored['first_ms'])} to {output.moment(stored['last_ms'])}",
        "connected": ", ".join(each["user"] for each in found["connections"]) or "nobody",
    }
    for name, text in lines.items():
        output.say(f"{name:<10} {text}")


def _state(found: dict[str, Any]) -> str:
    if found["recovering"]:
        id = found["project"]["id"]
        return f"recovering from an older backup; end it by: crdt-calendar recovered {id}"
    if found["document"]["parked"]:
        return "part of the document waits for edits that are missing; clients may bring them"
    return "normal"


def _show_problems(problems: list[dict[str, Any]]) -> None:
    if not problems:
        return
    output.say(f"\nMALFORMED ({len(problems):,}): reads as absent")
    for problem in problems[:SHOWN_PROBLEMS]:
        output.say(f"  {problem['event'] or 'calendar'} {problem['key']}: {problem['message']}")
    if len(problems) > SHOWN_PROBLEMS:
        output.say("  ... all of them by --json")


def _show_clients(clients: list[dict[str, Any]]) -> None:
    if clients:
        output.say("")
        rows = [(each["client"], each["user"] or "-", each["clock"]) for each in clients]
        output.table(["CLIENT", "USER", "CLOCK"], rows)


def _show_history(history: list[dict[str, Any]]) -> None:
    if history:
        output.say("")
        rows = [
            (
                each["seq"],
                output.moment(each["at_ms"]),
                each["user"] or "-",
                each["bytes"],
                _keys(each),
            )
            for each in history
        ]
        output.table(["ROW", "WHEN", "WHO", "BYTES", "WROTE"], rows)


def _keys(row: dict[str, Any]) -> str:
    keys, hidden = row["keys"], row["more_keys"]
    shown = ", ".join(keys[:SHOWN_KEYS])
    rest = len(keys) - SHOWN_KEYS + hidden
    return f"{shown}, and {rest:,} more" if rest > 0 else shown or "?"
