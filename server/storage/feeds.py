"""Secret links to a calendar's file. The secret itself is kept nowhere, only its hash."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from server.storage.catalog import now_ms
from server.storage.connections import Reader, Writer
from server.storage.contracts import Feed

COLUMNS = "id, project, busy_only, created_by, created_ms"


class Feeds:
    """The table `feeds`; see `schema`."""

    def __init__(
        self, writer: Writer, reader: Reader, *, clock_ms: Callable[[], int] = now_ms
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._clock_ms = clock_ms

    async def create(
        self, id: str, project: str, digest: bytes, *, busy_only: bool, user: str
    ) -> Feed:
        """Make a link that opens by the secret of that digest. The project must exist."""
        feed = Feed(id, project, busy_only, user, self._clock_ms())
        row = (id, project, digest, busy_only, user, feed.created_ms)

        def work(connection: sqlite3.Connection) -> Feed:
            connection.execute("INSERT INTO feeds VALUES (?, ?, ?, ?, ?, ?)", row)
            return feed

        return await self._writer.write(work)

    async def of(self, project: str) -> list[Feed]:
        """The links of a project, the oldest first."""
        where = "project = ? ORDER BY created_ms, id"
        return await self._reader.read(lambda connection: _select(connection, where, project))

    async def opened_by(self, digest: bytes) -> Feed | None:
        """The link that the secret of that digest opens."""
        found = await self._reader.read(
            lambda connection: _select(connection, "digest = ?", digest)
        )
        return found[0] if found else None

    async def delete(self, project: str, id: str) -> bool:
        """Let a link open nothing any more; whether there was one."""
        statement = "DELETE FROM feeds WHERE project = ? AND id = ?"
        return await self._writer.write(
            lambda connection: connection.execute(statement, (project, id)).rowcount > 0
        )


def _select(connection: sqlite3.Connection, where: str, value: object) -> list[Feed]:
    rows = connection.execute(f"SELECT {COLUMNS} FROM feeds WHERE {where}", (value,))
    return [Feed(id, project, bool(busy), by, at) for id, project, busy, by, at in rows]
