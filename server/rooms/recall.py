"""What came between two positions, found in the log by building the document anew.

In a process of its own: a large document takes a while, and everybody else would wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from anyio import to_process
from pycrdt import Doc, Map, merge_updates

from crdt_calendar.model.calendar import Calendar
from server.rooms.chronicle import Observed
from server.rooms.news import News, Told
from server.storage.log import Log, Row

MOST_ROWS = 20_000  # of history, to read before it is quicker to be told everything


async def recall(log: Log, room: str, since: int, until: int) -> News | None:
    """The changes after position `since`, up to `until`, folded into one; None: nobody knows."""
    base = await log.base(room)
    if since < base.seq:
        return None
    rows = await _rows(log, room, base.seq, until)
    if rows is None:
        return None
    before = [base.update, *(row.update for row in rows if row.seq <= since)]
    after = [row for row in rows if row.seq > since]
    updates = [row.update for row in after]
    told = await to_process.run_sync(_difference, before, updates)
    return News.of(told, until, (row.user for row in after))


async def _rows(log: Log, room: str, after: int, until: int) -> Sequence[Row] | None:
    rows: list[Row] = []
    while page := await log.history(room, after=rows[-1].seq if rows else after):
        rows += [row for row in page if row.seq <= until]
        if len(rows) > MOST_ROWS:
            return None
        if page[-1].seq >= until:
            break
    return rows


def _difference(before: list[bytes], after: list[bytes]) -> Told:
    doc: Doc[Map[object]] = Doc()
    _apply(doc, before)
    calendar = Calendar(doc, clock=lambda: datetime.now(UTC), new_id=str, user="")
    observed = Observed(doc, calendar)
    _apply(doc, after)
    return observed.take()


def _apply(doc: Doc[Map[object]], updates: list[bytes]) -> None:
    if present := [update for update in updates if update]:
        doc.apply_update(merge_updates(*present))
