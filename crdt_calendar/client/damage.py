"""A replica that does not read: what can be read of its unsent edits is kept, and it is put aside.

Nothing is thrown away. Beside the new replica there are then::

    NAME.damaged-TIME               the file as it was found (and -wal, -shm if there were any)
    NAME.damaged-TIME.unsent.json   the edits that had not arrived, for people to read

`read_edit` takes an edit from its row; where the tables do not read any more, `carve` finds edits
in the bytes of the file.
"""

from __future__ import annotations

import json
import os
import sqlite3
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from crdt_calendar.client.edits import PendingEdit

MARK: Final = '{"edit": '
"""What the text of an edit begins with, so that it can be found in a file that nothing else tells
about. Its number follows."""

_SIDES: Final = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Recovery:
    """What became of a damaged replica.

    ``damaged`` is where the file is now. ``unsent`` is the JSON file with ``edits``, those that had
    not arrived and can still be read; None when there are none.
    """

    reason: str
    damaged: Path
    unsent: Path | None
    edits: tuple[dict[str, Any], ...]


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error is about what is in the file, rather than about getting at it."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return True
    if code == sqlite3.SQLITE_IOERR_SHORT_READ:
        return True
    text = str(error).lower()
    return any(words in text for words in ("no such table", "no such column", "decode to utf-8"))


def read_edit(row: Sequence[Any]) -> PendingEdit:
    """The edit in a row of `pending`. Raises `ValueError` when it is not what was written."""
    number, at, told, data, crc = row
    if crc32(data) != crc:
        raise ValueError(f"edit {number} is not what was written")
    events = frozenset(_events(json.loads(told)))
    return PendingEdit(number, datetime.fromisoformat(at), events, told, data)


def _events(told: dict[str, Any]) -> Iterator[str]:
    for change in told["changes"]:
        if change.get("id"):
            yield str(change["id"])


def put_aside(path: Path, project: str, reason: str, at: datetime) -> Recovery:
    """Keep what can be read, then give the file another name.

    The text comes first: were this cut off in between, the next try would find the file again.
    """
    target = path.with_name(f"{path.name}.damaged-{at:%Y%m%dT%H%M%S.%fZ}")
    edits = tuple(unsent(path))
    written = None
    if edits:
        written = target.with_name(f"{target.name}.unsent.json")
        _write(written, _page(project, target, reason, at, edits))
    for side in _SIDES:
        with suppress(FileNotFoundError):
            path.with_name(path.name + side).replace(target.with_name(target.name + side))
    return Recovery(reason, target, written, edits)


def unsent(path: Path) -> list[dict[str, Any]]:
    """The edits that had not arrived, oldest first: from the table, or else from the bytes."""
    found: dict[int, dict[str, Any]] = {}
    for order in ("ASC", "DESC"):  # what lies before a broken page, and what lies behind it
        if _list(path, order, found):
            return [found[number] for number in sorted(found)]
    for edit in carve(path):
        found.setdefault(edit["edit"], edit)
    return [found[number] for number in sorted(found)]


def _list(path: Path, order: str, found: dict[int, dict[str, Any]]) -> bool:
    """Add the edits of the table as far as it reads; return whether that was to its end."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    query = f"SELECT number, at, told, data, crc FROM pending ORDER BY number {order}"
    with (
        suppress(sqlite3.Error, ValueError, KeyError, TypeError),
        closing(sqlite3.connect(uri, uri=True)) as connection,
    ):
        for row in connection.execute(query):
            found[int(row[0])] = _described(row)
        return True
    return False


def _described(row: Sequence[Any]) -> dict[str, Any]:
    number, at, told, data, crc = row
    edit: dict[str, Any] = {**json.loads(told), "edit": number, "at": at}
    if crc32(data) == crc:
        edit["update"] = b64encode(data).decode()
    return edit


def carve(path: Path) -> Iterator[dict[str, Any]]:
    """Edits whose text lies in one piece somewhere in the file or its write-ahead log.

    An edit that has arrived may still lie there too: it is marked as perhaps sent.
    """
    decoder = json.JSONDecoder()
    for side in ("", "-wal"):
        with suppress(OSError):
            text = path.with_name(path.name + side).read_bytes().decode("utf-8", "replace")
            at = text.find(MARK)
            while at >= 0:
                with suppress(ValueError, KeyError, TypeError):
                    edit, _ = decoder.raw_decode(text, at)
                    yield {**edit, "edit": int(edit["edit"]), "perhaps_sent": True}
                at = text.find(MARK, at + 1)


def _page(
    project: str, damaged: Path, reason: str, at: datetime, edits: Sequence[dict[str, Any]]
) -> bytes:
    page = {
        "about": "Edits that had not reached the server when the replica was found damaged. "
        "'changes' says what was written; 'update' is the same in the encoding of Yjs (base64).",
        "project": project,
        "found": at.isoformat(),
        "reason": reason,
        "replica": damaged.name,
        "edits": list(edits),
    }
    return json.dumps(page, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace")


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
