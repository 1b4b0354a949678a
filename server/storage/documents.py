"""What stored updates amount to: their merge, and the document they make.

Nothing here is asynchronous; `scratch` runs `prove` in a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pycrdt import Decoder, Doc, Map, get_update, merge_updates

from crdt_calendar.errors import CorruptData

EMPTY = b"\x00\x00"  # an update of no structs and no deletions

NEIGHBOURHOOD = 64  # updates merged in one call

Piece = tuple[int, bytes]  # a stored update and its sequence number (of a snapshot: its last one)


def merge(room: str, pieces: Sequence[Piece]) -> bytes:
    """One update with all that the given ones say; ``b""`` for none.

    Merged first and then applied once, a history is restored whatever the order of its rows;
    applied one by one, yrs can lose content. Raises `CorruptData` naming the piece.
    """
    if not pieces:
        return b""
    (_, first), *rows = pieces
    with _refusals(room, pieces):
        return merge_updates(first, *_merge_small([update for _, update in rows]))


def _merge_small(updates: list[bytes]) -> list[bytes]:
    """Merge updates by neighbourhoods until few are left.

    The cost of `merge_updates` grows with the square of how many it is given: 7 s for 32,000 in one
    call, 0.1 s this way. The first piece, perhaps a large snapshot, joins only at the end.
    """
    while len(updates) > NEIGHBOURHOOD:
        starts = range(0, len(updates), NEIGHBOURHOOD)
        updates = [merge_updates(*updates[i : i + NEIGHBOURHOOD]) for i in starts]
    return updates


@contextmanager
def _refusals(room: str, pieces: Sequence[Piece]) -> Iterator[None]:
    """Turn what pycrdt raises, `ValueError` or a panic (`BaseException`), into `CorruptData`."""
    try:
        yield
    except BaseException as error:
        if not _is_refusal(error):
            raise
        seq = _first_bad(pieces)
        which = "its updates together do" if seq is None else f"update number {seq} does"
        raise CorruptData(f"room {room}: {which} not decode ({error}); restore a backup") from error


def _is_refusal(error: BaseException) -> bool:
    return isinstance(error, ValueError) or type(error).__name__ == "PanicException"


def _first_bad(pieces: Sequence[Piece]) -> int | None:
    for seq, update in pieces:
        try:
            merge_updates(update)
        except BaseException as error:
            if not _is_refusal(error):
                raise
            return seq
    return None


@dataclass(frozen=True, slots=True)
class Proof:
    """What a history of updates makes when applied to a fresh document."""

    snapshot: bytes  # all of it, as compact as may be
    clocks: Mapping[int, int]  # client id -> its next clock
    events: int  # entries of the root "events", deleted ones included
    parked: bool  # part of it waits for updates that are missing


def prove(room: str, pieces: Sequence[Piece]) -> Proof:
    """Apply updates to a fresh document and say what became of them.

    ``snapshot`` is the document's own encoding, which leaves out overwritten content. It would also
    leave out what is parked for a missing predecessor; where something is parked it is the merge,
    which keeps everything. Raises `CorruptData`.
    """
    merged = merge(room, pieces) or EMPTY
    document: Doc[Map[object]] = Doc()
    with _refusals(room, pieces):
        document.apply_update(merged)
        state = document.get_state()
        clocks = _clocks(state)
        parked = _parked(get_update(merged, state), clocks)
        snapshot = merged if parked else document.get_update()
        return Proof(snapshot, clocks, len(document.get("events", type=Map)), parked)


def _clocks(state: bytes) -> dict[int, int]:
    read = Decoder(state).read_var_uint
    return {read(): read() for _ in range(read())}


def _parked(missing: bytes, clocks: Mapping[int, int]) -> bool:
    """Whether the document did not take all: structs it lacks, or deletions of such structs.

    `missing` is what the merge holds beyond the document's state. Yjs v1 encoding: the number of
    clients with structs; then per client its deleted ranges, those already known included.
    """
    read = Decoder(missing).read_var_uint
    if read():
        return True
    for _ in range(read()):
        known = clocks.get(read(), 0)
        if any(read() + read() > known for _ in range(read())):
            return True
    return False
