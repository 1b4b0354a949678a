"""``token`` and ``revoke``: let somebody in by a token, and no longer."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from server.commands import options, output
from server.commands.access import ask


@click.command(
    epilog=options.examples(
        "crdt-calendar token --user alice --project team --role editor",
        "crdt-calendar token --user wall --project team --role viewer --expires 86400",
    )
)
@click.option("--user", required=True, metavar="U", help="Who they are; stamped on what they do.")
@click.option(
    "--project", required=True, metavar="P", help="Where they may go; * for every project."
)
@click.option("--role", type=options.ROLES, required=True, help="What they may do there.")
@click.option("--name", metavar="NAME", help="What others see; the user's id unless given.")
@click.option(
    "--expires",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="For how long; for ever unless given.",
)
@click.option(
    "--renew",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="How long the web page may renew it, each time for as long as --expires says.",
)
@options.data
def token(
    user: str,
    project: str,
    role: str,
    name: str | None,
    expires: float | None,
    renew: float | None,
    data: Path | None,
) -> None:
    """Print a token that lets U into the project P.

    The project is made first if there is none, which is said on stderr.

    Clients send it as "Authorization: Bearer TOKEN", as ?token=TOKEN, or as the WebSocket
    subprotocol yauth-TOKEN. Whoever has it is U: hand it over in private. Nothing else is printed
    on stdout.
    """
    made = ask(
        data,
        "tokens.issue",
        make=True,
        user=user,
        project=project,
        role=role,
        name=name,
        expires=None if expires is None else str(expires),
        renew=None if renew is None else str(renew),
    )
    if made["created"]:
        output.note(f"made the project {project}")
    output.say(made["token"])


@click.command(
    epilog=options.examples(
        "crdt-calendar revoke eyJhbGciOi...", "crdt-calendar revoke < token.txt"
    )
)
@click.argument("token", required=False, metavar="[TOKEN]")
@options.data
def revoke(token: str | None, data: Path | None) -> None:
    """Refuse TOKEN from now on, and close the connections it opened.

    Without an argument the token is read from stdin, where the list of processes does not show it.
    """
    text = token or sys.stdin.read()
    done = ask(data, "tokens.revoke", body=text.encode())
    output.say(f"revoked a token of {done['user']}")
