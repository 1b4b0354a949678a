"""The command line: ``crdt-calendar``.

Every command works whether a server runs on the data or not; see `commands.access`. Results go to
stdout, all else to stderr. Exit codes::

    0  done
    1  failed, or verify found something wrong
    2  the command line itself is wrong
    3  done in part: the rest is listed on stderr
    4  the data is in use by another process, or its server does not answer
"""

from __future__ import annotations

import logging
from typing import IO, Any

import click

from crdt_calendar.errors import CalendarError, DataLocked, ServiceRestart
from server import logs
from server.commands import (
    calendars,
    edit,
    inspect,
    options,
    projects,
    serve,
    tokens,
    upkeep,
    watch,
)


class Failure(click.ClickException):
    """A sentence for stderr, and an exit code."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence."""
        click.echo(f"crdt-calendar: {self.format_message()}", err=True)


class Unreachable(Failure):
    """Somebody else has the data, and cannot be spoken to."""

    exit_code = 4


class Commands(click.Group):
    """The group of all commands: turns what they raise into a sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was chosen."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            cause = _alone(error)
            if isinstance(cause, click.ClickException | click.exceptions.Exit | click.Abort):
                raise cause from None
            if ctx.params["debug"]:
                raise
            raise _failure(cause) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order they were added: those needed first come first."""
        return list(self.commands)


def _alone(error: Exception) -> Exception:
    """The one error in a group of one: task groups wrap what is raised in them."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _failure(error: Exception) -> Failure:
    if isinstance(error, DataLocked | ServiceRestart):
        return Unreachable(str(error))
    if isinstance(error, CalendarError):
        return Failure(str(error))
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return Failure(f"{where}{error.strerror or error}")
    sentence = f"unexpected {type(error).__name__}: {error}"
    return Failure(f"{sentence}; crdt-calendar --debug ... shows where")


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=options.examples(
        "crdt-calendar serve                                     start; prints one URL to open",
        "crdt-calendar import holidays.ics --project demo        bring a calendar",
        "crdt-calendar token --user alice --project demo --role editor",
        "crdt-calendar COMMAND --help                            more of the same",
    ),
)
@click.version_option(package_name="crdt-calendar", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show where an error comes from, and log more.")
def main(debug: bool) -> None:
    """A calendar that many people edit at once, online or offline.

    All commands work on a data directory (--data DIR, or CRDT_CALENDAR_DATA, or ./data), through
    the server that runs on it, or by themselves while none does.

    \b
    Exit codes:
      0  done
      1  failed, or verify found something wrong
      2  the command line itself is wrong
      3  done in part: the rest is listed on stderr
      4  the data is in use by another process, or its server does not answer
    """
    logs.configure("debug" if debug else "warning")
    logging.captureWarnings(True)  # a library's warning is a line of the log, not of the result


for _command in (
    serve.serve,
    tokens.token,
    tokens.revoke,
    projects.projects,
    calendars.import_,
    calendars.export,
    watch.watch,
    edit.edit,
    inspect.inspect,
    upkeep.compact,
    upkeep.backup,
    upkeep.restore,
    upkeep.recovered,
    upkeep.verify,
):
    main.add_command(_command)
