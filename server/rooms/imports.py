"""An iCalendar file on its way into a room, beside those who edit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol

from anyio import to_thread

from crdt_calendar.errors import InvalidValue
from server.auth.grants import Grant
from server.rooms.registry import Registry

if TYPE_CHECKING:
    from crdt_calendar.ics import Import


class Kinded(Protocol):
    """A project as the catalog has it."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...


def require_calendar(project: Kinded) -> None:
    """Raises `InvalidValue` for a project of another kind: it neither takes nor gives files."""
    if project.kind != "calendar":
        raise InvalidValue(
            f"project: {project.id} is a {project.kind}; only calendars have such files"
        )


async def read_file(file: bytes) -> Import:
    """The file as a job to be brought in. Raises `InvalidValue` for what is no iCalendar file."""
    return await to_thread.run_sync(_read, file)


async def bring(registry: Registry, grant: Grant, job: Import) -> AsyncIterator[tuple[int, int]]:
    """Import the job into the grant's project, some events at a time.

    Yields how many are done, and of how many; these are on disk then. Raises what `Room.edit` does.
    """
    async with registry.room(grant.project) as room:
        while not job.finished:
            await room.edit(grant, job.step)
            yield job.done, job.total


def _read(file: bytes) -> Import:
    # Loading the library takes 0.1 s: nothing else, nor a server's start, should wait for it.
    from crdt_calendar.ics import Import, read

    parsed = read(file)
    if not parsed.is_calendar:
        fault = "there is no calendar in it (no BEGIN:VCALENDAR)" if file else "it is empty"
        raise InvalidValue(
            f"file: {fault}; give an iCalendar file (.ics), unpacked if it came in an archive"
        )
    return Import(parsed)
