"""An iCalendar file on its way into a room, beside those who edit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from anyio import to_thread

from server.auth.grants import Grant
from server.rooms.registry import Registry

if TYPE_CHECKING:
    from crdt_calendar.ics import Import


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

    return Import(read(file))
