"""Appends to a database for ever and prints what is durable; made to be killed.

Each append sets a key in the map "events" and prints that key once `append` has returned. Meanwhile
the room is compacted and thinned without pause.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

import anyio
from pycrdt import Doc, Map

from server.storage.log import Entry
from server.storage.sqlite import Store, open_store
from tests.storage.histories import record


async def main(path: Path) -> None:
    """Run until killed."""
    async with open_store(path) as store, anyio.create_task_group() as tasks:
        tasks.start_soon(maintain, store)
        await append(store)


async def append(store: Store) -> None:
    """Append and print."""
    doc: Doc[Map[int]] = Doc()
    doc.apply_update((await store.log.load("room")).update or b"\x00\x00")
    events = doc.get("events", type=Map)
    emitted = record(doc)
    for number in count(len(events)):
        key = f"event-{number}"
        events[key] = number
        bindings = {doc.client_id: "ada"}
        await store.log.append([Entry("room", emitted.pop(), "ada", number, bindings)])
        sys.stdout.write(f"{key}\n")
        sys.stdout.flush()


async def maintain(store: Store) -> None:
    """Compact all, thin all but the last few rows."""
    while True:
        await store.compaction.compact("room")
        rows = await store.log.history("room", most=1_000_000)
        await store.compaction.thin("room", before_ms=rows[-1].at_ms - 5 if rows else 0)


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]))
