"""Calendars in and out over HTTP: iCalendar files of one project."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from typing import TYPE_CHECKING, Protocol

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from crdt_calendar.errors import CalendarError, FrameTooLarge, NoSuchProject
from server.auth.authority import Authority
from server.auth.grants import Grant, Role
from server.auth.middleware import check_origin, credentials
from server.gateways.problem import NEVER_STORED, describe, problem
from server.rooms.exports import file_of
from server.rooms.imports import Kinded, bring, read_file, require_calendar
from server.rooms.registry import Registry

if TYPE_CHECKING:
    from crdt_calendar.ics import ImportResult

MOST_BODY_BYTES = 64 * 1024 * 1024  # the largest calendars people have are some tens of megabytes
MOST_PROBLEMS = 200

log = logging.getLogger(__name__)


class Projects(Protocol):
    """Whoever keeps the projects."""

    async def project(self, id: str, /) -> Kinded | None:
        """The project of that id."""


class CalendarFiles:
    """``/api/v1/projects/{project}/import`` and ``.../calendar.ics``."""

    def __init__(
        self,
        registry: Registry,
        authority: Authority,
        projects: Projects,
        allowed_origins: Collection[str],
    ) -> None:
        self._registry = registry
        self._authority = authority
        self._projects = projects
        self._allowed_origins = allowed_origins

    async def bring(self, request: Request) -> Response:
        """``POST`` an iCalendar file. Answers line by line, as it goes, in JSON::

        {"progress": {"done": 200, "total": 1000}}
        {"result": {"created": 990, ..., "problems": ["line 7: ..."]}}   or {"error": {...}}
        """
        try:
            grant = await self._admit(request)
            grant.require(Role.EDITOR)
            file = await _body(request)
        except CalendarError as error:
            return problem(error)
        return StreamingResponse(
            self._import(grant, file), headers=NEVER_STORED, media_type="application/x-ndjson"
        )

    async def export(self, request: Request) -> Response:
        """``GET`` the calendar as an iCalendar file (RFC 5545)."""
        try:
            grant = await self._admit(request)
            async with self._registry.room(grant.project) as room:
                await room.committed()
                update = room.encode()
        except CalendarError as error:
            return problem(error)
        file = await file_of(update)
        disposition = f'attachment; filename="{grant.project}.ics"'
        headers = {**NEVER_STORED, "content-disposition": disposition}
        return Response(file, headers=headers, media_type="text/calendar")

    async def _admit(self, request: Request) -> Grant:
        """What the sender may do there. Raises `AccessError`, `InvalidValue` for no calendar."""
        found = credentials(request.scope)
        check_origin(request.scope, self._allowed_origins, found.source)
        grant = await self._authority.grant(found.token, request.path_params["project"])
        project = await self._projects.project(grant.project)
        if project is None:  # deleted a moment ago
            raise NoSuchProject(f"no project {grant.project!r}")
        require_calendar(project)
        return grant

    async def _import(self, grant: Grant, file: bytes) -> AsyncIterator[bytes]:
        try:
            job = await read_file(file)
            async for done, total in bring(self._registry, grant, job):
                yield _line({"progress": {"done": done, "total": total}})
            yield _line({"result": _describe(job.result)})
        except CalendarError as error:
            yield _line({"error": describe(error)})
        except Exception:
            log.exception("an import failed project=%s", grant.project)
            yield _line(
                {"error": describe(CalendarError("the import failed; see the server's log"))}
            )


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            raise FrameTooLarge(f"the file is too large; {MOST_BODY_BYTES >> 20} MiB at most")
    return bytes(body)


def _describe(result: ImportResult) -> dict[str, object]:
    problems = [f"line {one.line}: {one.message}" for one in result.problems[:MOST_PROBLEMS]]
    return {
        "created": result.created,
        "updated": result.updated,
        "unchanged": result.unchanged,
        "skipped": result.skipped,
        "problems": problems,
    }


def _line(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
