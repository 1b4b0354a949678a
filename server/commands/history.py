"""What rows of a room's history wrote: paths of keys, such as ``events/<id>/title``.

An item that overwrites a key, or continues a text, does not say where it is: it names the item it
saw there as its origin. So a row is read together with the document it became part of.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from crdt_calendar.errors import ProtocolError
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.content import GC, SKIP, read_count
from crdt_calendar.protocol.update import (
    Delete,
    Id,
    Struct,
    read_deletes,
    read_section,
    read_structs,
)

# A chain of origins is as long as an undisturbed text has pieces; a bound for what is disturbed.
MOST_STEPS = 100_000
# Deleting a whole text is one range over as many structs.
MOST_DELETED = 1_000

Path = tuple[str, ...]


class Structs:
    """The structs of updates, by id."""

    def __init__(self, updates: Iterable[bytes], limits: Limits) -> None:
        """Raises `ProtocolError` for an update that does not decode."""
        self._starts: dict[int, list[int]] = {}
        self._structs: dict[int, list[Struct]] = {}
        for update in updates:
            for client, item in read_update(update, limits):
                if isinstance(item, Struct):
                    self._starts.setdefault(client, []).append(item.clock)
                    self._structs.setdefault(client, []).append(item)

    def find(self, id: Id) -> Struct | None:
        """The struct that holds this element, unless it was collected."""
        client, clock = id
        index = bisect_right(self._starts.get(client, ()), clock) - 1
        if index < 0:
            return None
        struct = self._structs[client][index]
        inside = clock < struct.clock + struct.length
        return struct if inside and struct.kind not in (GC, SKIP) else None

    def within(self, deleted: Delete) -> Iterator[Id]:
        """An id in each struct that this range touches, the first ones."""
        clock = deleted.start
        for _ in range(MOST_DELETED):
            struct = self.find((deleted.client, clock))
            if clock >= deleted.end or struct is None:
                return
            yield deleted.client, clock
            clock = struct.clock + struct.length


class Paths:
    """Tells where rows wrote, given the rows and the whole document as one update."""

    def __init__(self, document: bytes, rows: Sequence[bytes], limits: Limits) -> None:
        """Raises `ProtocolError` for an update that does not decode."""
        self._limits = limits
        # The document first: there, what was written piece by piece is one. The rows still have
        # what the document has collected since.
        self._known = (Structs([document] if document else [], limits), Structs(rows, limits))

    def written(self, row: bytes) -> list[str]:
        """The paths a row wrote to or deleted from, in order; what lies below another is left out.

        A row that does not decode has none.
        """
        try:
            paths = {path for id in self._touched(row) if (path := self.locate(id))}
        except ProtocolError:
            return []
        tops = (path for path in paths if not any(path[:n] in paths for n in range(1, len(path))))
        return ["/".join(path) for path in sorted(tops)]

    def locate(self, id: Id) -> Path | None:
        """The path of an element: root name, then keys. None where that cannot be known."""
        struct = self._find(id)
        for _ in range(MOST_STEPS):
            if struct is None:
                return None
            if struct.parent is not None:
                return self._below(struct)
            origin = struct.left or struct.right
            struct = origin and self._find(origin)
        return None

    def _below(self, struct: Struct) -> Path | None:
        parent = struct.parent
        above = (parent,) if isinstance(parent, str) else parent and self.locate(parent)
        if not above or struct.key is None:
            return above
        return (*above, struct.key)

    def _find(self, id: Id) -> Struct | None:
        found = (structs.find(id) for structs in self._known)
        return next((struct for struct in found if struct), None)

    def _touched(self, row: bytes) -> Iterator[Id]:
        for client, item in read_update(row, self._limits):
            if isinstance(item, Struct):
                yield client, item.clock
            else:
                for structs in self._known:
                    yield from structs.within(item)


def read_update(update: bytes, limits: Limits) -> Iterator[tuple[int, Struct | Delete]]:
    """Every struct of an update and then every deletion, with the client id it is of.

    Raises `ProtocolError` for what does not decode.
    """
    clients, position = read_count(update, 0, 5)
    for _ in range(clients):
        section = read_section(update, position)
        for struct in read_structs(update, section, limits):
            if struct is not None:
                position = struct.end
                yield section.client, struct
    for delete in read_deletes(update, position):
        if delete is not None:
            yield delete.client, delete
