"""What is in a project: sizes, people, the document and its history."""

from __future__ import annotations

from base64 import b64encode
from collections import deque
from collections.abc import Sequence

from anyio import to_thread

from crdt_calendar.errors import InvalidValue
from server.gateways.admin.calendars import read_document
from server.gateways.admin.door import Call, Json, Progress
from server.gateways.admin.projects import require_project
from server.rooms.registry import Registry
from server.storage import maintenance
from server.storage.log import Row
from server.storage.maintenance import RoomFacts
from server.storage.sqlite import Store

PAGE_ROWS = 1_000


class Insight:
    """Looks into a project without disturbing those who edit it."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry

    async def inspect(self, call: Call, progress: Progress) -> Json:
        """All there is to know of ``project``, with the newest ``rows`` of its history.

        The document and the rows are given as they are stored: reading them is work for who asks.
        That the document can be built was proven, in a process of its own.
        """
        project = await require_project(self._store.catalog, call.text("project"))
        most = _whole(call.text("rows"))
        facts = await to_thread.run_sync(maintenance.inspect, self._store.path, project.id)
        update = await read_document(self._store.log, self._registry, project.id)
        return {
            "project": {"id": project.id, "kind": project.kind, "name": project.name},
            "recovering": facts.recovering,
            "connections": self._connections(project.id),
            "stored": _stored(facts),
            "parked": facts.parked,
            "clients": [
                {"client": id, "user": client.user, "clock": client.clock}
                for id, client in sorted(facts.clients.items(), key=lambda one: one[1].user)
            ],
            "update": b64encode(update).decode(),
            "history": [_row(row) for row in await self._newest(project.id, most)],
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


def _row(row: Row) -> Json:
    return {
        "seq": row.seq,
        "user": row.user,
        "at_ms": row.at_ms,
        "update": b64encode(row.update).decode(),
    }
