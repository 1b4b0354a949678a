"""What was answered to requests that came with an idempotency key, to be answered again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from server.storage.catalog import now_ms
from server.storage.connections import Reader, Writer
from server.storage.contracts import Kept

KEPT_MS = 24 * 3600 * 1000
"""How long an answer is kept: a client that was away for a day begins anew."""


class Answers:
    """The table `answers`; see `schema`."""

    def __init__(
        self, writer: Writer, reader: Reader, *, clock_ms: Callable[[], int] = now_ms
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._clock_ms = clock_ms

    async def find(self, user: str, key: str) -> Kept | None:
        """What was answered to that user's request with that key within `KEPT_MS`."""
        since_ms = self._clock_ms() - KEPT_MS

        def work(connection: sqlite3.Connection) -> Kept | None:
            found = connection.execute(
                "SELECT user, key, fingerprint, status, headers, body FROM answers"
                " WHERE user = ? AND key = ? AND at_ms > ?",
                (user, key, since_ms),
            ).fetchone()
            return found and Kept(*found)

        return await self._reader.read(work)

    async def keep(self, kept: Kept) -> None:
        """Keep an answer, and let go of those that are too old."""
        at_ms = self._clock_ms()
        row = (kept.user, kept.key, kept.fingerprint, kept.status, kept.headers, kept.body, at_ms)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM answers WHERE at_ms <= ?", (at_ms - KEPT_MS,))
            connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)", row)

        await self._writer.write(work)
