"""``serve``: run the service until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import threading
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from ipaddress import ip_address
from typing import TYPE_CHECKING

import anyio
import click

from crdt_calendar.errors import CalendarError
from server import logs
from server.commands import options, output
from server.commands.access import load_settings
from server.settings import LOG_LEVELS, Settings

if TYPE_CHECKING:
    from hypercorn.config import Sockets

    from server.app import Service

FIRST_PROJECT = "demo"
TOKEN_SECONDS = 7 * 24 * 3600.0
RENEW_SECONDS = 90 * 24 * 3600.0


@click.command(
    epilog=options.examples(
        "crdt-calendar serve",
        "crdt-calendar serve --host 0.0.0.0 --port 9000 --data /srv/calendar",
        "CRDT_CALENDAR_RETENTION_DAYS=365 crdt-calendar serve",
    )
)
@click.option("--host", metavar="HOST", help="Address to listen on; 127.0.0.1 unless given.")
@click.option("--port", metavar="PORT", type=int, help="Port; 8000 unless given, 0 for a free one.")
@click.option("--jwks", metavar="URL", help="Keys of an identity provider: a URL or a file.")
@click.option("--issuer", metavar="ISS", help="What that provider's tokens must have as iss.")
@click.option("--audience", metavar="AUD", help="What they must have as aud.")
@click.option(
    "--origin",
    "origins",
    metavar="ORIGIN",
    multiple=True,
    help="A web page that may connect, as scheme://host[:port]; may be repeated, * for all.",
)
@click.option(
    "--retention-days",
    metavar="DAYS",
    type=float,
    help="How long history is kept; 30 unless given.",
)
@click.option(
    "--log-level", type=click.Choice(LOG_LEVELS), help="Log from this level on; info unless given."
)
@click.option("--access-log", is_flag=True, default=None, help="Log one line a request.")
@click.option("--quiet", is_flag=True, help="Print the URL only, and log from warning on.")
@click.option("--no-token", is_flag=True, help="Print the URL without a token in it.")
@options.data
def serve(quiet: bool, no_token: bool, **chosen: object) -> None:
    """Run the service until Ctrl-C or SIGTERM.

    The first start makes the data directory and a project called demo. Prints one URL to open:
    the token in it is yours, an owner's in every project, good for a week, and for as long as the
    page is opened once a week, up to 90 days.

    Every setting can also come from the environment, as CRDT_CALENDAR_PORT for --port; docs/cli.md
    lists them all. On SIGTERM everybody connected is told to come back,
    everything accepted is on disk, and the exit code is 0; a second signal stops at once.
    """
    chosen["origins"] = chosen["origins"] or None
    if quiet:
        chosen["log_level"] = chosen["log_level"] or "warning"
    settings = load_settings(**chosen)
    logs.configure(settings.log_level)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_run(settings, quiet=quiet, with_token=not no_token))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where there is one: twice the messages for the same processor time."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _run(settings: Settings, *, quiet: bool, with_token: bool) -> None:
    stop = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_follow_signals, stop, settings.stop_seconds)
        await anyio.lowlevel.checkpoint()
        await _serve(settings, stop, quiet=quiet, with_token=with_token)
        tasks.cancel_scope.cancel()


async def _follow_signals(stop: anyio.Event, seconds: float) -> None:
    """Set `stop` at the first signal; the second one, or too much time, ends the process."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            if stop.is_set():
                _end_now(f"stopped at once by {signal.Signals(number).name}")
            stop.set()
            # A thread: whatever keeps the loop from stopping would keep a task of it from ending.
            reason = (
                f"could not stop within {seconds:g} s; unconfirmed edits are with their clients"
            )
            watchdog = threading.Timer(seconds, _end_now, (reason,))
            watchdog.daemon = True
            watchdog.start()


def _end_now(reason: str) -> None:
    output.note(f"crdt-calendar: {reason}")
    os._exit(1)


async def _serve(settings: Settings, stop: anyio.Event, *, quiet: bool, with_token: bool) -> None:
    from starlette.routing import Router

    from server import serving
    from server.app import open_service, routes

    sockets = _listen(settings)
    own, door = _urls(sockets)
    async with open_service(settings) as service:

        async def told_to_stop() -> None:
            await stop.wait()
            await service.registry.stop()

        await _make_first_project(service)
        with service.directory.announced(door):
            if not quiet:
                _introduce(service)
            click.echo(f"{own}/{_query(service) if with_token else ''}")
            gc.freeze()  # what is loaded by now stays: collections need not look at it again
            await serving.serve(
                Router(routes(service)),
                sockets,
                frame_bytes=settings.limits.frame_bytes,
                stop=told_to_stop,
                ping_seconds=settings.ping_seconds,
                access_log=settings.access_log,
            )


def _listen(settings: Settings) -> Sockets:
    """The listening sockets: where the settings say, and always on the loopback.

    Commands come in over the loopback only; where the host is a single other address, a free port
    there is for them. Raises `CalendarError`.
    """
    from server.serving import listen

    try:
        sockets = listen(settings.host, settings.port)
        if not _is_reachable_locally(sockets.insecure_sockets[0]):
            sockets.insecure_sockets += listen("127.0.0.1", 0).insecure_sockets
    except OSError as error:
        raise CalendarError(
            f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}; "
            "choose another by --port, or --port 0 for a free one"
        ) from error
    return sockets


def _is_reachable_locally(listener: socket.socket) -> bool:
    address = ip_address(listener.getsockname()[0])
    return address.is_loopback or address.is_unspecified


def _urls(sockets: Sockets) -> tuple[str, str]:
    """Where to open the page, and where commands find the door."""
    own, door = sockets.insecure_sockets[0], sockets.insecure_sockets[-1]
    return _url(own), _url(door)


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    address = ip_address(host)
    if address.is_unspecified:
        address = ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"


async def _make_first_project(service: Service) -> None:
    """A project to begin with, and a calendar in it to try things on."""
    from server.auth.grants import Grant, Role
    from server.demo import team_calendar
    from server.rooms.imports import bring, read_file

    catalog = service.store.catalog
    if await catalog.projects():
        return
    await catalog.create_project(FIRST_PROJECT)
    job = await read_file(team_calendar(datetime.now().astimezone().date()))
    grant = Grant(options.login(), FIRST_PROJECT, Role.OWNER)
    async for _ in bring(service.registry, grant, job):
        pass


def _introduce(service: Service) -> None:
    """Print what is served: the version, the data, and the settings that were chosen."""
    usual = set(Settings().describe().splitlines())
    chosen = [line for line in service.settings.describe().splitlines() if line not in usual]
    click.echo(f"crdt-calendar {version('crdt-calendar')}, data in {service.directory.path}")
    for line in chosen:
        click.echo(f"  {line}")
    click.echo("Open this in a browser; Ctrl-C stops:\n")


def _query(service: Service) -> str:
    from server.auth.tokens import EVERY_PROJECT

    token = service.keyring.issue(
        options.login(),
        EVERY_PROJECT,
        "owner",
        expires_seconds=TOKEN_SECONDS,
        renew_seconds=RENEW_SECONDS,
    )
    return f"?token={token}"
