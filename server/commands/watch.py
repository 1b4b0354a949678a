"""``watch``: what changes in a project, as it happens. And how a command comes to be a client."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click

from crdt_calendar.errors import (
    CalendarError,
    Forbidden,
    NoSuchProject,
    StorageError,
    Unauthenticated,
)
from server.commands import options, output
from server.commands.access import ask, load_settings

if TYPE_CHECKING:
    from crdt_calendar.client import Change, ClientCalendar, ConnectionState

TOKEN_SECONDS = 7 * 24 * 3600
_MARKS = {"created": "+", "updated": "~", "deleted": "-", "restored": "+", "calendar": "~"}
_STYLES = {"+": "green", "~": "yellow", "-": "red"}
_REFUSALS = {error.close_code: error for error in (Unauthenticated, Forbidden, NoSuchProject)}

url_option = click.option(
    "--url", metavar="URL", help="The server; the one that runs on the data directory unless given."
)
token_option = click.option(
    "--token", metavar="TOKEN", help="A token for that server; read from stdin unless given."
)


@dataclass(frozen=True, slots=True)
class Server:
    """A server to be a client of. ``url`` is "" if none is known to run."""

    url: str
    token: str


def find_server(
    data: Path | None, project: str, role: str, url: str | None, token: str | None
) -> Server:
    """The server at that URL with that token, or the one that runs on the data directory.

    Raises `click.UsageError`, and `NoSuchProject` for a project that the running one has not.
    """
    if url is not None:
        return Server(url, token or _read_token())
    if token is not None:
        raise click.UsageError("--token is for the server of --url; give both, or neither")
    from server.storage.directory import DataDirectory

    settings = load_settings(data=data)
    running = DataDirectory(settings.data).running() if settings.data.exists() else None
    if running is None or not running.url:
        return Server("", "")
    if project not in {each["id"] for each in ask(data, "projects.list")}:
        raise NoSuchProject(
            f"no project {project!r}; make it by: crdt-calendar projects create {project}"
        )
    made = ask(
        data,
        "tokens.issue",
        user=options.login(),
        project=project,
        role=role,
        expires=str(TOKEN_SECONDS),
    )
    return Server(running.url, made["token"])


def refusal(state: ConnectionState) -> CalendarError:
    """Why the server does not let us in, as an error."""
    kind = _REFUSALS.get(state.code or 0, CalendarError)
    return kind(state.reason or f"the server refused the connection ({state.code})")


@click.command(
    epilog=options.examples(
        "crdt-calendar watch team",
        "crdt-calendar watch team --json | jq .title",
        "crdt-calendar watch team --url https://calendar.example.org < token.txt",
    )
)
@click.argument("project", metavar="P")
@url_option
@token_option
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each change.")
@options.data
def watch(
    project: str, url: str | None, token: str | None, as_json: bool, data: Path | None
) -> None:
    """Print what changes in the project P, as it happens, until Ctrl-C.

    A line says when, what (+ new or restored, ~ changed, - deleted), the event's title, which
    fields, and who. What was there before is not printed. How the connection is, is said on stderr;
    it comes back by itself, and what changed meanwhile is printed then.
    """
    server = find_server(data, project, "viewer", url, token)
    if not server.url:
        raise StorageError("no server runs here; start one, or name one by --url")
    anyio.run(_watch, server, project, as_json)


async def _watch(server: Server, project: str, as_json: bool) -> None:
    failure: CalendarError | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_until_stopped, tasks.cancel_scope)
        await anyio.lowlevel.checkpoint()
        try:
            await _follow(server, project, as_json)
        except CalendarError as error:
            failure = error  # not through the task group, which would wrap it
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _until_stopped(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return


async def _follow(server: Server, project: str, as_json: bool) -> None:
    from crdt_calendar.client import CalendarClient, Status

    async with CalendarClient(server.url, project, server.token) as calendar:
        ended: ConnectionState | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_print_changes, calendar, as_json)
            async for state in _changing(calendar.client.states()):
                output.note(_said(state, project))
                if state.status is Status.ERROR:
                    ended = state
                    break
            tasks.cancel_scope.cancel()
    if ended is not None:
        raise refusal(ended)


async def _changing(states: AsyncIterator[ConnectionState]) -> AsyncIterator[ConnectionState]:
    """Those states that are news for a person: attempt after attempt is not."""
    from crdt_calendar.client import Status

    told = None
    async for state in states:
        is_there = state.status is Status.CONNECTED
        if state.status is Status.ERROR or is_there or (told is not False and state.failures):
            told = is_there
            yield state


def _said(state: ConnectionState, project: str) -> str:
    from crdt_calendar.client import Status

    if state.status is Status.CONNECTED:
        return f"connected to {project}; Ctrl-C ends"
    why = f": {state.reason}" if state.reason else ""
    if state.status is Status.ERROR:
        return f"refused{why}"
    return f"no connection{why}; trying again"


async def _print_changes(calendar: ClientCalendar, as_json: bool) -> None:
    await calendar.client.caught_up()  # what was there before is no news
    async for change in calendar.changes():
        if as_json:
            click.echo(json.dumps(_told(calendar, change), ensure_ascii=False))
        else:
            _print(calendar, change)


def _told(calendar: ClientCalendar, change: Change) -> dict[str, object]:
    return {
        "change": change.kind.value,
        "id": change.id,
        "title": _title(calendar, change),
        "fields": sorted(change.fields),
        "by": change.by,
        "at": None if change.at is None else change.at.isoformat(),
    }


def _title(calendar: ClientCalendar, change: Change) -> str:
    event = calendar.find(change.id) if change.id else None
    return event.title if event else calendar.properties().name


def _print(calendar: ClientCalendar, change: Change) -> None:
    mark = _MARKS[change.kind.value]
    when = "-" if change.at is None else f"{change.at.astimezone():%H:%M:%S}"
    title = _title(calendar, change) or change.id or "the calendar"
    fields = f" ({', '.join(sorted(change.fields))})" if change.fields else ""
    by = f" by {change.by}" if change.by else ""
    line = f"{when} {mark} {title}{fields}{by}"
    if not sys.stdout.isatty():
        output.say(line)
        return
    from rich.console import Console
    from rich.text import Text

    Console().print(Text(output.printable(line), style=_STYLES[mark]))  # a title is no markup


def _read_token() -> str:
    if sys.stdin.isatty():
        raise click.UsageError("--url wants a token as well: by --token, or on stdin")
    return sys.stdin.read().strip()
