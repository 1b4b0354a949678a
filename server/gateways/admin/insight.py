"""What is in a project: sizes, people, events and history."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from anyio import to_thread

from crdt_calendar.errors import InvalidValue, ProtocolError
from crdt_calendar.limits import Limits
from server.gateways.admin.calendars import open_calendar
from server.gateways.admin.door import Call, Json, Progress
from server.gateways.admin.history import Paths
from server.gateways.admin.projects import require_project
from server.rooms.registry import Registry
from server.storage import maintenance
from server.storage.log import Row
from server.storage.maintenance import RoomFacts
from server.storage.sqlite import Store

HISTORY_ROWS = 20
PAGE_ROWS = 1_000
MOST_PATHS = 50  # of one row: an import writes hundreds of events at once


class Insight:
    """Looks into a project without disturbing those who edit it."""

    def __init__(self, store: Store, registry: Registry, limits: Limits) -> None:
        self._store = store
        self._registry = registry
        self._limits = limits

    async def inspect(self, call: Call, progress: Progress) -> Json:
        """All there is to know of ``project``, with the newest ``rows`` of its history."""
        project = await require_project(self._store.catalog, call.text("project"))
        most = _whole(call.text("rows", str(HISTORY_ROWS)))
        # This proves in a process of its own that the document can be built, also here.
        facts = await to_thread.run_sync(maintenance.inspect, self._store.path, project.id)
        stored = await self._store.log.load(project.id)
        rows = await self._newest(project.id, most)
        document = await to_thread.run_sync(_read_document, stored.update)
        history = await to_thread.run_sync(_read_history, stored.update, rows, self._limits)
        return {
            "project": {"id": project.id, "kind": project.kind, "name": project.name},
            "recovering": facts.recovering,
            "connections": self._connections(project.id),
            "stored": _stored(facts),
            "document": {"bytes": len(stored.update), "parked": facts.parked, **document},
            "clients": [
                {"client": id, "user": client.user, "clock": client.clock}
                for id, client in sorted(facts.clients.items(), key=lambda one: one[1].user)
            ],
            "history": history,
        }

    def _connections(self, project: str) -> list[Json]:
        room = self._registry.loaded(project)
        peers = room.peers if room else ()
        return [
            {"user": peer.grant.user, "role": peer.grant.role.name.lower()}
            for peer in sorted(peers, key=lambda peer: peer.grant.user)
        ]

    async def _newest(self, project: str, most: int) -> Sequence[Row]:
        newest: deque[Row] = deque(maxlen=most)
        after = 0
        while page := await self._store.log.history(project, after=after, most=PAGE_ROWS):
            newest.extend(page)
            after = page[-1].seq
        return list(newest)


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise InvalidValue(f"rows: a whole number needed, not {text!r}")
    return int(text)


def _stored(facts: RoomFacts) -> Json:
    return {
        "rows": facts.rows,
        "bytes": facts.bytes,
        "first_ms": facts.first_ms,
        "last_ms": facts.last_ms,
        "snapshot_seq": facts.snapshot_seq,
        "last_seq": facts.last_seq,
    }


def _read_document(update: bytes) -> Mapping[str, Json]:
    """What the calendar in a document holds; run on a thread, beside the rooms."""
    calendar = open_calendar(update)
    properties = calendar.properties()
    return {
        "name": properties.name,
        "timezone": properties.timezone,
        "events": len(calendar),
        "deleted": len(calendar.deleted()),
        "problems": [
            {"event": problem.event_id, "key": problem.key, "message": problem.reason}
            for problem in calendar.problems()
        ],
    }


def _read_history(update: bytes, rows: Sequence[Row], limits: Limits) -> list[Json]:
    """Who wrote what and when, newest first."""
    try:
        paths = Paths(update, [row.update for row in rows], limits)
    except ProtocolError:  # limits were lowered since
        return [_row(row, []) for row in reversed(rows)]
    return [_row(row, paths.written(row.update)) for row in reversed(rows)]


def _row(row: Row, written: Sequence[str]) -> Json:
    return {
        "seq": row.seq,
        "user": row.user,
        "at_ms": row.at_ms,
        "bytes": len(row.update),
        "keys": list(written[:MOST_PATHS]),
        "more_keys": max(0, len(written) - MOST_PATHS),
    }
