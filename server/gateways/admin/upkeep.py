"""The data as a whole: compacting, backing up, verifying, and the end of a recovery."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import time
from typing import TypeVar

from anyio import from_thread, to_thread

from crdt_calendar.errors import CorruptData, InvalidValue
from server.gateways.admin.door import Call, Json, Progress
from server.gateways.admin.projects import require_project
from server.rooms.registry import Registry
from server.storage import backup, maintenance
from server.storage.maintenance import RoomReport
from server.storage.sqlite import Store

DAY_MS = 24 * 3600 * 1000

T = TypeVar("T")


class Upkeep:
    """Operations on the whole file, beside those who edit."""

    def __init__(self, store: Store, registry: Registry, retention_days: float) -> None:
        self._store = store
        self._registry = registry
        self._retention_days = retention_days

    async def compact(self, call: Call, progress: Progress) -> Json:
        """Write snapshots of ``project``, or of all, and drop history past the retention."""
        rooms = await self._rooms(call.text("project", ""))
        answers: list[Json] = []
        for done, room in enumerate(rooms, 1):
            answers.append(await self._compact(room))
            await progress(done, len(rooms))
        return answers

    async def back_up(self, call: Call, progress: Progress) -> Json:
        """Copy the database, as it is at one moment, to ``path``."""
        path = Path(call.text("path"))
        if not path.is_absolute():
            raise InvalidValue(f"path: an absolute path needed, not {str(path)!r}")
        work = partial(backup.backup, self._store.path, path)
        return {"path": str(path), "bytes": await _on_thread(work, progress)}

    async def verify(self, call: Call, progress: Progress) -> Json:
        """Check the file and every document in it."""
        report = await _on_thread(partial(maintenance.verify, self._store.path), progress)
        return {
            "sound": report.sound,
            "problems": list(report.problems),
            "rooms": [_describe(room) for room in report.rooms],
        }

    async def end_recovery(self, call: Call, progress: Progress) -> Json:
        """End the recovery state of ``project``: others' edits are refused again."""
        project = await require_project(self._store.catalog, call.text("project"))
        async with self._registry.room(project.id) as room:
            was_recovering = room.recovering
            await self._store.log.set_recovering(project.id, recovering=False)
            room.recovering = False
        return {"project": project.id, "was_recovering": was_recovering}

    async def _rooms(self, project: str) -> list[str]:
        catalog = self._store.catalog
        if project:
            return [(await require_project(catalog, project)).id]
        return [found.id for found in await catalog.projects()]

    async def _compact(self, room: str) -> Json:
        compaction = self._store.compaction
        try:
            await compaction.compact(room)
            removed = await compaction.thin(
                room, int(time() * 1000 - self._retention_days * DAY_MS)
            )
        except CorruptData as error:
            return {"project": room, "removed_rows": 0, "problem": str(error)}
        return {"project": room, "removed_rows": removed, "problem": ""}


def _describe(room: RoomReport) -> Json:
    return {"project": room.room, "rows": room.rows, "problem": room.problem}


async def _on_thread(work: Callable[..., T], progress: Progress) -> T:
    """What `work` returns, run on a thread; it ends early when nobody waits for it any more."""

    def tell(done: int, total: int) -> None:
        from_thread.check_cancelled()
        from_thread.run(progress, done, total)

    return await to_thread.run_sync(partial(work, progress=tell))
