"""A room's calendar as an iCalendar file (RFC 5545)."""

from __future__ import annotations

from anyio import to_process


async def file_of(update: bytes) -> bytes:
    """The calendar of the document that is encoded in `update`, as a file.

    In a process of its own: 10,000 events take seconds, which everybody else would wait for.
    """
    return await to_process.run_sync(_write, update)


def _write(update: bytes) -> bytes:
    # Runs in a process of its own, which loads what it needs.
    from datetime import UTC, datetime

    from pycrdt import Doc, Map

    from crdt_calendar.ics import write
    from crdt_calendar.model.calendar import Calendar

    doc: Doc[Map[object]] = Doc()
    doc.apply_update(update)
    return write(Calendar(doc, clock=lambda: datetime.now(UTC), new_id=str, user=""))
