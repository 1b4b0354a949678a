"""Calendars in and out of a project, beside those who edit it."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from server.auth.grants import Grant, Role
from server.gateways.admin.door import Call, Json, Progress
from server.gateways.admin.projects import require_project
from server.rooms.imports import bring, read_file, require_calendar
from server.rooms.registry import Registry
from server.storage.catalog import Catalog
from server.storage.log import Log

if TYPE_CHECKING:
    from crdt_calendar.ics import ImportResult, Problem


class Calendars:
    """Operations on the calendar of one project."""

    def __init__(self, catalog: Catalog, log: Log, registry: Registry) -> None:
        self._catalog = catalog
        self._log = log
        self._registry = registry

    async def bring(self, call: Call, progress: Progress) -> Json:
        """Import the iCalendar file in the body into ``project``, in the name of ``user``.

        People in the project see it as it comes; the answer comes when all of it is on disk. With
        ``create`` a project is made where there is none.
        """
        id, user = call.text("project"), call.text("user")
        job = await read_file(call.body)  # first: what is no calendar makes no project
        if call.text("create", "") and await self._catalog.project(id) is None:
            await self._catalog.create_project(id)
        require_calendar(await require_project(self._catalog, id))
        grant = Grant(user, id, Role.OWNER)
        async for done, total in bring(self._registry, grant, job):
            await progress(done, total)
        return _describe(job.result)

    async def export(self, call: Call, progress: Progress) -> Json:
        """The document of ``project``, for who asks to make a file of.

        Making one of 10,000 events takes seconds, which rooms would feel, also from a thread.
        """
        id = call.text("project")
        require_calendar(await require_project(self._catalog, id))
        update = await read_document(self._log, self._registry, id)
        return {"update": b64encode(update).decode()}


async def read_document(log: Log, registry: Registry, id: str) -> bytes:
    """The document of a project as one update, with all that was accepted so far on disk.

    Encoding a loaded one takes milliseconds; merging what the log has of it can take a second of
    the interpreter's time, from whatever thread.
    """
    if registry.loaded(id) is None:
        return (await log.load(id)).update
    async with registry.room(id) as room:
        await room.committed()
        return room.encode()


def _describe(result: ImportResult) -> Json:
    return {
        "created": result.created,
        "updated": result.updated,
        "unchanged": result.unchanged,
        "skipped": result.skipped,
        "problems": [_problem(problem) for problem in result.problems],
    }


def _problem(problem: Problem) -> Json:
    return {"line": problem.line, "message": problem.message}
