"""Documents as a command gets them: built in its own process, so that no server has the work."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime

from pycrdt import Doc, Map

from crdt_calendar.model.calendar import Calendar


def decode_update(text: str) -> bytes:
    """An update, as JSON carries it."""
    return b64decode(text)


def open_calendar(update: bytes) -> Calendar:
    """The calendar that an update makes, for reading; `b""` makes an empty one."""
    doc: Doc[Map[object]] = Doc()
    if update:
        doc.apply_update(update)
    return Calendar(doc, clock=lambda: datetime.now(UTC), new_id=str, user="")
