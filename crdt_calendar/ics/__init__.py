"""iCalendar text (RFC 5545) and the model: `read` a file, bring it into a calendar, `write` one.

::

    result = import_into(calendar, read(path.read_bytes()), transaction=doc.transaction)
    path.write_bytes(write(calendar))

A file says what it says apart from any document (`Parsed`), by line where it cannot be understood
(`Problem`). How it comes into a calendar, and what happens the second time, is in `importing`.
"""

from __future__ import annotations

from crdt_calendar.ics.components import Problem
from crdt_calendar.ics.importing import Import, ImportResult, import_into
from crdt_calendar.ics.parsed import Parsed, ParsedEvent
from crdt_calendar.ics.reading import read
from crdt_calendar.ics.writing import write, write_events

__all__ = [
    "Import",
    "ImportResult",
    "Parsed",
    "ParsedEvent",
    "Problem",
    "import_into",
    "read",
    "write",
    "write_events",
]
