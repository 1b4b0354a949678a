"""``projects`` and ``projects members``: what calendars there are, and who may enter them."""

from __future__ import annotations

from pathlib import Path

import click

from server.commands import options, output
from server.commands.access import ask


@click.group()
def projects() -> None:
    """Make and list projects, and say who may enter them."""


@projects.command(
    epilog=options.examples(
        "crdt-calendar projects create team",
        'crdt-calendar projects create team --name "The team\'s calendar"',
    )
)
@click.argument("project", metavar="P")
@click.option("--name", metavar="NAME", help="What people call it; the id unless given.")
@click.option(
    "--kind",
    type=click.Choice(["calendar", "lineup"]),
    default="calendar",
    show_default=True,
    help="What is in it.",
)
@options.data
def create(project: str, name: str | None, kind: str, data: Path | None) -> None:
    """Make the project P.

    P becomes part of addresses, like ws://HOST/yjs/P: letters, digits and . _ ~ -
    """
    made = ask(data, "projects.create", make=True, project=project, kind=kind, name=name)
    output.say(f"made {made['id']}")


@projects.command("list", epilog=options.examples("crdt-calendar projects list"))
@options.json_
@options.data
def list_(as_json: bool, data: Path | None) -> None:
    """List all projects, and how many connections each has."""
    found = ask(data, "projects.list")
    if as_json:
        output.as_json(found)
        return
    rows = [
        (
            each["id"],
            each["kind"],
            each["name"],
            output.moment(each["created_ms"]),
            str(each["connections"]),
        )
        for each in found
    ]
    output.table(["PROJECT", "KIND", "NAME", "CREATED", "CONNECTIONS"], rows)


@projects.group()
def members() -> None:
    """Say who may enter a project.

    A member's row counts more than an older token: whoever is removed here is out within a second,
    whatever tokens they hold, until they are added again or get a new token.
    """


@members.command(
    epilog=options.examples("crdt-calendar projects members add team alice --role editor")
)
@click.argument("project", metavar="P")
@click.argument("user", metavar="USER")
@click.option("--role", type=options.ROLES, required=True, help="What they may do.")
@click.option("--name", metavar="NAME", help="What others see; the user's id unless given.")
@options.data
def add(project: str, user: str, role: str, name: str | None, data: Path | None) -> None:
    """Let USER into the project P, or change their role.

    USER is the subject (sub) of their tokens.
    """
    member = ask(data, "members.add", project=project, user=user, role=role, name=name)
    output.say(f"{member['user']} is {member['role']} in {project}")


@members.command(epilog=options.examples("crdt-calendar projects members remove team alice"))
@click.argument("project", metavar="P")
@click.argument("user", metavar="USER")
@options.data
def remove(project: str, user: str, data: Path | None) -> None:
    """Shut USER out of the project P, and close their connections."""
    member = ask(data, "members.remove", project=project, user=user)
    output.say(f"{member['user']} is out of {project}")


@members.command("list", epilog=options.examples("crdt-calendar projects members list team"))
@click.argument("project", metavar="P")
@options.json_
@options.data
def list_members(project: str, as_json: bool, data: Path | None) -> None:
    """List the members of the project P, those who were removed too.

    Who comes in by a token alone is not a member and not listed.
    """
    found = ask(data, "members.list", project=project)
    if as_json:
        output.as_json(found)
        return
    rows = [
        (
            each["user"],
            "removed" if each["removed"] else each["role"],
            each["name"],
            output.moment(each["changed_at_ms"]),
        )
        for each in found
    ]
    output.table(["USER", "ROLE", "NAME", "SINCE"], rows)
