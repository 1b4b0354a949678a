"""``edit``: add, move or delete one event, with a server or without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import anyio
import click

from crdt_calendar.errors import InvalidValue, NoSuchEvent
from server.commands import options, output
from server.commands.access import load_settings
from server.commands.watch import Server, find_server, refusal, token_option, url_option

if TYPE_CHECKING:
    from crdt_calendar.client import ClientCalendar
    from crdt_calendar.model.event import Event
    from crdt_calendar.model.fields import Fields
    from crdt_calendar.model.when import When

F = TypeVar("F", bound=Callable[..., object])

PATIENCE_SECONDS = 10.0  # another edit has the replica for a moment
PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Place:
    """Where an edit goes: a project, its server, and the replica on this machine."""

    project: str
    url: str | None
    token: str | None
    store: Path | None
    wait_seconds: float
    data: Path | None
    as_json: bool


def _placed(command: F) -> F:
    """The options that all edits have."""
    for option in (
        options.data,
        options.json_,
        click.option(
            "--wait",
            type=click.FloatRange(min=0),
            default=5.0,
            show_default=True,
            metavar="SECONDS",
            help="How long the server may take to say that it has the edit.",
        ),
        click.option(
            "--store",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="The replica on this machine; one for each project in your data unless given.",
        ),
        token_option,
        url_option,
        options.project,
    ):
        command = option(command)
    return command


_start = click.option(
    "--start",
    metavar="WHEN",
    help="2026-03-02T09:00 in the zone, or 2026-03-02 for whole days.",
)
_end = click.option("--end", metavar="WHEN", help="Exclusive; an hour, or a day, unless given.")
_zone = click.option(
    "--zone", metavar="ZONE", help="An IANA time zone; the calendar's own unless given."
)


@click.group()
def edit() -> None:
    """Add, move or delete one event, with or without a connection.

    The edit is first written to a replica of the project on this machine. With a server it is on
    the server's disk when the command ends, and says so; without, it is "saved here" and goes up
    with the next edit that finds the server.
    """


@edit.command(
    epilog=options.examples(
        'crdt-calendar edit add "Stand-up" --project team --start 2026-03-02T09:00',
        "crdt-calendar edit add Seollal --project team --start 2026-02-16 --end 2026-02-19",
    )
)
@click.argument("title", metavar="TITLE")
@_start
@_end
@_zone
@click.option("--location", metavar="TEXT", help="Where.")
@click.option("--description", metavar="TEXT", help="More about it.")
@_placed
def add(
    title: str,
    start: str | None,
    end: str | None,
    zone: str | None,
    location: str | None,
    description: str | None,
    **place: Any,
) -> None:
    """Add an event and print its id. Without --start it takes place at no time."""

    def change(calendar: ClientCalendar) -> str:
        fields: Fields = {"title": title}
        if start is not None:
            fields["when"] = _when(calendar, start, end, zone, None)
        if location:
            fields["location"] = location
        if description:
            fields["description"] = description
        return calendar.create(**fields)

    if start is None and (end or zone):
        raise click.UsageError("--end and --zone want --start as well")
    _edit(Place(**_renamed(place)), change, "added", needs_server=False)


@edit.command(
    epilog=options.examples(
        "crdt-calendar edit move Stand-up --project team --start 2026-03-02T10:00"
    )
)
@click.argument("event", metavar="EVENT")
@_start
@_end
@_zone
@_placed
def move(event: str, start: str | None, end: str | None, zone: str | None, **place: Any) -> None:
    """Give EVENT another time; a series moves as a whole.

    EVENT is an id, or a title that only one event has. It lasts as long as before unless --end is
    given.
    """
    if start is None:
        raise click.UsageError("--start: say where to")

    def change(calendar: ClientCalendar) -> str:
        found = _find(calendar, event)
        calendar.move(found.id, _when(calendar, start, end, zone, found.when))
        return found.id

    _edit(Place(**_renamed(place)), change, "moved")


@edit.command(epilog=options.examples("crdt-calendar edit delete Stand-up --project team"))
@click.argument("event", metavar="EVENT")
@_placed
def delete(event: str, **place: Any) -> None:
    """Delete EVENT, an id or a title that only one event has. It can be restored on the page."""

    def change(calendar: ClientCalendar) -> str:
        found = _find(calendar, event)
        calendar.delete(found.id)
        return found.id

    _edit(Place(**_renamed(place)), change, "deleted")


def _renamed(place: dict[str, Any]) -> dict[str, Any]:
    return {("wait_seconds" if key == "wait" else key): value for key, value in place.items()}


def _edit(
    place: Place,
    change: Callable[[ClientCalendar], str],
    done: str,
    *,
    needs_server: bool = True,
) -> None:
    server = find_server(place.data, place.project, "editor", place.url, place.token)
    store = place.store or _default_store(place)
    event_id, pending = anyio.run(_make, place, server, store, change, needs_server)
    if place.as_json:
        saved = "here" if pending else "server"
        output.as_json({"id": event_id, "saved": saved, "pending": pending})
        return
    how = "on the server's disk"
    if pending:
        how = f"saved here; {output.count(pending, 'edit')} not on the server's disk yet"
    output.say(f"{done} {event_id} ({how})")


async def _make(
    place: Place,
    server: Server,
    store: Path,
    change: Callable[[ClientCalendar], str],
    needs_server: bool,
) -> tuple[str, int]:
    """Make the edit; return the event's id, and how many edits the server has not."""
    from crdt_calendar.client import CalendarClient, ReplicaLocked

    settings = load_settings(data=place.data)
    url = server.url or f"http://{settings.host}:{settings.port or 80}"
    user = None if server.token else options.login()
    deadline = monotonic() + PATIENCE_SECONDS
    while True:
        try:
            client = CalendarClient(url, place.project, server.token, store, user=user)
            async with client as calendar:
                _tell_of_damage(calendar)
                wait = place.wait_seconds if server.url else 0.0
                return await _change(calendar, change, wait, needs_server)
        except ReplicaLocked:
            if monotonic() > deadline:
                raise
        await anyio.sleep(PAUSE_SECONDS)


async def _change(
    calendar: ClientCalendar,
    change: Callable[[ClientCalendar], str],
    wait_seconds: float,
    needs_server: bool,
) -> tuple[str, int]:
    with anyio.move_on_after(wait_seconds):
        if needs_server and wait_seconds:  # an event may be there that this machine has not seen
            await _connected(calendar)
    event_id = change(calendar)
    with anyio.move_on_after(wait_seconds):
        if wait_seconds:
            await calendar.saved()
    return event_id, len(calendar.pending)


async def _connected(calendar: ClientCalendar) -> None:
    """Wait until what the server has is here. Raises why it does not let us in."""
    from crdt_calendar.client import Status

    async for state in calendar.client.states():
        if state.status is Status.CONNECTED:
            await calendar.client.caught_up()
            return
        if state.status is Status.ERROR:
            raise refusal(state)


def _tell_of_damage(calendar: ClientCalendar) -> None:
    recovered = calendar.client.recovered
    if recovered is None:
        return
    output.note(f"the replica was damaged; it was put aside as {recovered.damaged}")
    if recovered.unsent is not None:
        count = output.count(len(recovered.edits), "edit")
        output.note(f"{count} had not reached the server; they can be read in {recovered.unsent}")


def _default_store(place: Place) -> Path:
    """One replica for each server and project: for a data directory, whoever serves it when."""
    import platformdirs

    if place.url is not None:
        where = urlsplit(place.url).netloc.replace(":", "_")
    else:
        data = load_settings(data=place.data).data.absolute()
        where = f"local-{sha256(str(data).encode()).hexdigest()[:12]}"
    folder = platformdirs.user_data_path("crdt-calendar", appauthor=False)
    return folder / "replicas" / where / f"{place.project}.replica"


def _find(calendar: ClientCalendar, wanted: str) -> Event:
    if wanted in calendar:
        return calendar.get(wanted)
    found = [event for event in calendar.events() if event.title == wanted]
    if not found:
        raise NoSuchEvent(f"no event has the id or the title {wanted!r}")
    if len(found) > 1:
        ids = ", ".join(sorted(event.id for event in found))
        raise InvalidValue(f"{len(found)} events have the title {wanted!r}; name one by id: {ids}")
    return found[0]


def _when(
    calendar: ClientCalendar, start: str, end: str | None, zone: str | None, held: When | None
) -> When:
    """The time that the options say; as long as `held` was unless they say until when."""
    from crdt_calendar.model.when import When, parse_local, parse_zone

    begins = parse_local(_with_seconds(start), "start")
    is_timed = isinstance(begins, datetime)
    if zone is not None and not is_timed:
        raise InvalidValue("zone: whole days are in no zone")
    if held is None or held.all_day is is_timed:
        length = timedelta(hours=1) if is_timed else timedelta(days=1)
        own = calendar.properties().timezone or None
        held = When(begins, begins + length, own if is_timed else None)
    when = held.starting(begins)
    ends = when.end if end is None else parse_local(_with_seconds(end), "end")
    return When(begins, ends, when.tz if zone is None else parse_zone(zone, "zone"))


def _with_seconds(text: str) -> str:
    """``2026-03-02T09:00`` is as good as ``2026-03-02T09:00:00``."""
    return f"{text}:00" if len(text) == len("2026-03-02T09:00") else text
