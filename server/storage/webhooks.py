"""Webhooks, and what they have been told and are still to be told.

A webhook's position and the deliveries that took it there are written in one transaction: after a
crash nothing is missing, and nothing is queued a second time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TypeVar

from server.storage.catalog import now_ms
from server.storage.connections import Reader, Writer
from server.storage.contracts import Delivery, Letter, Webhook

HOOK = "id, project, url, secret, kinds, created_by, created_ms, disabled, position"
DELIVERY = (
    "number, id, webhook, kind, created_ms, state, attempts, next_ms, status, error, tried_ms, body"
)
MOST_LOGGED = 500
"""Deliveries that are over and kept to be read, of each webhook."""

T = TypeVar("T")


class Webhooks:
    """The tables `webhooks` and `deliveries`; see `schema`."""

    def __init__(
        self, writer: Writer, reader: Reader, *, clock_ms: Callable[[], int] = now_ms
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._clock_ms = clock_ms

    async def create(self, hook: Webhook) -> Webhook:
        """Keep a new webhook; the time is filled in. The project must exist."""
        made = replace(hook, created_ms=self._clock_ms())
        row = (
            *(made.id, made.project, made.url, made.secret, _words(made.kinds)),
            *(made.created_by, made.created_ms, made.disabled, made.position),
        )

        def work(connection: sqlite3.Connection) -> Webhook:
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO webhooks ({HOOK}) VALUES ({marks})", row)
            return made

        return await self._writer.write(work)

    async def active(self) -> list[Webhook]:
        """Those of all projects that are to be told."""
        return await self._read(lambda connection: _hooks(connection, "disabled = ''"))

    async def of(self, project: str) -> list[Webhook]:
        """Those of one project, the oldest first."""
        where = "project = ? ORDER BY created_ms, id"
        return await self._read(lambda connection: _hooks(connection, where, project))

    async def find(self, id: str) -> Webhook | None:
        """The webhook of that id."""
        found = await self._read(lambda connection: _hooks(connection, "id = ?", id))
        return found[0] if found else None

    async def change(self, hook: Webhook) -> None:
        """Write address, kinds and whether it is disabled; the position too when it is not 0."""
        await self._writer.write(
            lambda connection: connection.execute(
                "UPDATE webhooks SET url = ?, kinds = ?, disabled = ?,"
                " position = max(position, ?) WHERE id = ?",
                (hook.url, _words(hook.kinds), hook.disabled, hook.position, hook.id),
            )
        )

    async def delete(self, id: str) -> None:
        """Forget a webhook and all its deliveries."""
        await self._writer.write(
            lambda connection: connection.execute("DELETE FROM webhooks WHERE id = ?", (id,))
        )

    async def queue(self, id: str, position: int, letters: Sequence[Letter]) -> None:
        """Queue letters, and note the position they took the webhook to; nothing twice."""
        at_ms = self._clock_ms()
        rows = [(one.id, id, one.kind, at_ms, at_ms, one.body) for one in letters]

        def work(connection: sqlite3.Connection) -> None:
            moved = connection.execute(
                "UPDATE webhooks SET position = max(position, ?2) WHERE id = ?1", (id, position)
            )
            if moved.rowcount:
                connection.executemany(
                    "INSERT OR IGNORE INTO deliveries (id, webhook, kind, created_ms, next_ms,"
                    " state, attempts, status, error, tried_ms, body)"
                    " VALUES (?, ?, ?, ?, ?, 'waiting', 0, 0, '', 0, ?)",
                    rows,
                )

        await self._writer.write(work)

    async def next_waiting(self, id: str) -> Delivery | None:
        """What the webhook is to be told next."""
        where = "webhook = ? AND state = 'waiting' ORDER BY number LIMIT 1"
        found = await self._read(lambda connection: _deliveries(connection, where, id))
        return found[0] if found else None

    async def deliveries(self, id: str, before: int, most: int) -> list[Delivery]:
        """Its deliveries, the latest first, from before that number on."""
        where = "webhook = ? AND number < ? ORDER BY number DESC LIMIT ?"
        return await self._read(lambda connection: _deliveries(connection, where, id, before, most))

    async def tried(self, delivery: Delivery, *, state: str, wait_ms: int = 0) -> None:
        """Note an attempt, with its outcome in `delivery`, and when the next one is due."""
        at_ms = self._clock_ms()
        row = (
            *(state, delivery.attempts, at_ms + wait_ms, delivery.status, delivery.error, at_ms),
            delivery.number,
        )

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE deliveries SET state = ?, attempts = ?, next_ms = ?, status = ?,"
                " error = ?, tried_ms = ? WHERE number = ?",
                row,
            )
            connection.execute(
                "DELETE FROM deliveries WHERE webhook = ?1 AND state <> 'waiting' AND number <="
                " (SELECT number FROM deliveries WHERE webhook = ?1 AND state <> 'waiting'"
                "  ORDER BY number DESC LIMIT 1 OFFSET ?2)",
                (delivery.webhook, MOST_LOGGED),
            )

        await self._writer.write(work)

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._reader.read(work)


def _words(kinds: Collection[str]) -> str:
    return " ".join(kinds)


def _hooks(connection: sqlite3.Connection, where: str, *values: object) -> list[Webhook]:
    rows = connection.execute(f"SELECT {HOOK} FROM webhooks WHERE {where}", values)
    return [
        Webhook(id, project, url, secret, tuple(kinds.split()), by, at, disabled, position)
        for id, project, url, secret, kinds, by, at, disabled, position in rows
    ]


def _deliveries(connection: sqlite3.Connection, where: str, *values: object) -> list[Delivery]:
    rows = connection.execute(f"SELECT {DELIVERY} FROM deliveries WHERE {where}", values)
    return [Delivery(*row) for row in rows]
