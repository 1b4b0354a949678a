"""What the document and the history of a project say, read from their bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crdt_calendar.errors import ProtocolError
from crdt_calendar.limits import Limits
from server.commands.documents import decode_update, open_calendar
from server.commands.history import Paths

MOST_KEYS = 50  # of one row: an import writes hundreds of events at once


def read(found: dict[str, Any]) -> dict[str, Any]:
    """What the document and the rows of history say, in place of the bytes they are."""
    update = decode_update(found.pop("update"))
    rows = [decode_update(row.pop("update")) for row in found["history"]]
    paths = _paths(update, rows)
    history = [
        {**about, "bytes": len(row), **_written(paths, row)}
        for about, row in zip(found["history"], rows, strict=True)
    ]
    document = {"bytes": len(update), "parked": found.pop("parked"), **_describe(update)}
    return {**found, "document": document, "history": history[::-1]}


def _paths(update: bytes, rows: Sequence[bytes]) -> Paths:
    try:
        return Paths(update, rows, Limits())
    except ProtocolError:  # accepted under wider limits than these
        return Paths(b"", [], Limits())


def _written(paths: Paths, row: bytes) -> dict[str, Any]:
    keys = paths.written(row)
    return {"keys": keys[:MOST_KEYS], "more_keys": max(0, len(keys) - MOST_KEYS)}


def _describe(update: bytes) -> dict[str, Any]:
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
