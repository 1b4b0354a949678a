"""A large update in parts, each of which a document takes in quickly.

yrs looks for every deleted range from the beginning of its list: 640 KB of scattered deletions in
one update keep it busy for half a minute, and nothing can interrupt it. In parts, each with a few
of the ranges, others have their turn in between. The parts do what the whole would do.
"""

from __future__ import annotations

from collections.abc import Iterator

from crdt_calendar.limits import Limits
from crdt_calendar.protocol.content import read_count
from crdt_calendar.protocol.update import (
    encode_deletes,
    read_deletes,
    read_section,
    read_structs,
)

NO_STRUCTS = b"\x00"
NO_DELETES = b"\x00"


def split(update: bytes, limits: Limits, most_deletes: int) -> Iterator[bytes | None]:
    """All structs as one update, then the deletions, at most `most_deletes` ranges a time.

    None now and then: a pause. Raises what `read_structs` and `read_deletes` raise.
    """
    count, position = read_count(update, 0, 5)
    for _ in range(count):
        section = read_section(update, position)
        for struct in read_structs(update, section, limits):
            if struct is None:
                yield None
            else:
                position = struct.end
    if count:
        yield update[:position] + NO_DELETES
    yield from _deletions(update, position, most_deletes)


def _deletions(update: bytes, position: int, most: int) -> Iterator[bytes | None]:
    ranges: dict[int, list[tuple[int, int]]] = {}
    held = 0
    for delete in read_deletes(update, position):
        if delete is None:
            yield None
            continue
        ranges.setdefault(delete.client, []).append((delete.start, delete.end))
        held += 1
        if held == most:
            yield NO_STRUCTS + encode_deletes(ranges)
            ranges, held = {}, 0
    if ranges:
        yield NO_STRUCTS + encode_deletes(ranges)
