"""When somebody is busy: instances merged into spans that neither touch nor overlap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise

from crdt_calendar.model.event import Event, Instance

BUSY, TENTATIVE = "busy", "tentative"


@dataclass(frozen=True, slots=True)
class Busy:
    """From `start` to before `end`, both in UTC; ``tentative`` where nothing is certain."""

    start: datetime
    end: datetime
    kind: str = BUSY


def busy_spans(
    instances: Iterable[Instance], start: datetime, end: datetime, attendee: str = ""
) -> list[Busy]:
    """The time that these instances take between `start` and `end`, which are in UTC.

    Nothing is taken by what is cancelled or transparent (RFC 5545 section 3.8.2.7), nor from an
    `attendee` who declined. What is certain covers what is tentative. Without `attendee` it is the
    time of the calendar as a whole, else of that person: only what they are invited to counts.
    """
    changes: list[tuple[datetime, str, int]] = []
    for one in instances:
        kind = _kind(one.event, normal_address(attendee))
        begins, ends = max(one.starts_at, start), min(one.ends_at, end)
        if kind is not None and begins < ends:
            changes += [(begins, kind, 1), (ends, kind, -1)]
    pieces = _pieces(sorted(changes))
    return [_joined(run) for run in _runs(pieces)]


def normal_address(address: str) -> str:
    """An address as it is compared."""
    return address.strip().casefold().removeprefix("mailto:")


def _kind(event: Event, attendee: str) -> str | None:
    if event.status == "cancelled" or _is_transparent(event):
        return None
    kind = TENTATIVE if event.status == "tentative" else BUSY
    if not attendee:
        return kind
    for one in event.attendees:
        if normal_address(one.address) == attendee:
            return _answered(one.status.casefold(), kind)
    return None


def _answered(status: str, kind: str) -> str | None:
    if status == "declined":
        return None
    return TENTATIVE if status in ("tentative", "needs-action") else kind


def _is_transparent(event: Event) -> bool:
    kept = event.ics.get("TRANSP")
    entries = kept if isinstance(kept, list | tuple) else ()
    values = [entry.get("value") for entry in entries if isinstance(entry, Mapping)]
    return any(isinstance(value, str) and value.upper() == "TRANSPARENT" for value in values)


def _pieces(changes: list[tuple[datetime, str, int]]) -> Iterator[Busy]:
    """The time between each change and the next, as far as something takes it."""
    going = {BUSY: 0, TENTATIVE: 0}
    moments = [(at, list(those)) for at, those in groupby(changes, lambda change: change[0])]
    for (at, those), (until, _) in pairwise(moments):
        for _, kind, count in those:
            going[kind] += count
        if going[BUSY] or going[TENTATIVE]:
            yield Busy(at, until, BUSY if going[BUSY] else TENTATIVE)


def _runs(pieces: Iterable[Busy]) -> Iterator[list[Busy]]:
    """Pieces of one kind that follow on one another."""
    run: list[Busy] = []
    for piece in pieces:
        if run and (run[-1].end != piece.start or run[-1].kind != piece.kind):
            yield run
            run = []
        run.append(piece)
    if run:
        yield run


def _joined(run: list[Busy]) -> Busy:
    return Busy(run[0].start, run[-1].end, run[0].kind)
