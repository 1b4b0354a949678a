"""One update on its way past a ledger: what of it may be applied now, and what it adds.

The update is read once from front to back. Sections come in an order of their own, so a struct may
build on one of a section further on: such a section is put aside where it stopped, and taken up
again as soon as the client it waits for has got that far. Nothing is kept of a struct but what the
strands remember, so memory grows with what is new, not with what was sent.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import islice
from re import compile as pattern
from typing import Final

from crdt_calendar.errors import ForeignClient, HostileUpdate
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.content import (
    DELETED,
    EMBED,
    FORMAT,
    GC,
    MAP,
    SKIP,
    STRING,
    TEXT,
    TYPE,
    XML_TEXT,
    read_count,
)
from crdt_calendar.protocol.entries import BEATEN, FOLLOWED, LAST, Entries, Rival
from crdt_calendar.protocol.lib0 import encode_uint
from crdt_calendar.protocol.strand import (
    BARE,
    GONE,
    KEYED,
    ROOT,
    Strand,
    holds,
    level_of,
    place_in_root,
    place_inside,
    type_of,
)
from crdt_calendar.protocol.update import (
    Delete,
    Id,
    Section,
    Struct,
    encode_deletes,
    read_deletes,
    read_section,
    read_structs,
    read_type,
    rewrite,
)

# How many structs are looked at before the caller is asked: 1 ms.
_STRIDE: Final = 256
_PAIR: Final = pattern("[\U00010000-\U0010ffff]")
_BARE_KINDS: Final = frozenset((GC, DELETED))
_TEXTUAL_KINDS: Final = frozenset((STRING, EMBED, FORMAT))
_TEXTUAL_TYPES: Final = frozenset((TEXT, XML_TEXT, ROOT))


@dataclass(frozen=True, slots=True)
class Admission:
    """What of an update may be applied now, and what is to be recorded once it is."""

    source: bytes = field(repr=False)  # what came
    update: bytes  # b"" when there is nothing new; the very object that came when nothing is wrong
    gap: bool  # something was left out: ask the peer for all it has
    bindings: dict[int, str]  # client ids that nobody owned -> user
    authors: dict[int, tuple[int, int]]  # client id -> first new clock, end clock
    rivals: list[Rival]  # map entries by somebody who did not know what is there
    structs: int
    deletes: bool
    growth: dict[int, Strand] = field(repr=False)
    follows: dict[Id, tuple[Entries, int]] = field(repr=False)  # known entries that are overwritten

    def entries(self) -> Iterator[tuple[Id, int, str]]:
        """Id, place and key of the new map entries."""
        for client, strand in self.growth.items():
            for clock, place, key in strand.entries_from(strand.first):
                yield (client, clock), place, key


class _Part:
    """What becomes of one section of an update."""

    __slots__ = ("end", "patches", "rest", "section", "start", "strand", "structs")

    def __init__(self, section: Section, strand: Strand) -> None:
        self.section = section
        self.strand = strand
        self.rest: Section | None = section  # where to go on; None: nothing is left out
        self.structs = 0  # how many are taken: update[start:end], but for the patches
        self.start = 0
        self.end = 0
        self.patches: list[tuple[int, int, bytes]] = []

    @property
    def whole(self) -> bool:
        return self.structs == self.section.structs and not self.patches

    def take(self, struct: Struct) -> None:
        if not self.structs:
            self.start = struct.start
        self.structs += 1
        self.end = struct.end

    def drop(self, struct: Struct) -> None:
        """Leave out what is known, or a text of nothing, which yrs writes but does not read."""
        if self.structs:
            self.patches.append((struct.start, struct.end, b""))

    def encode(self, update: bytes) -> bytes:
        """The section of what is taken, cut out of the update it came in."""
        numbers = (self.structs, self.section.client, self.strand.first)
        pieces = [encode_uint(number) for number in numbers]
        position = self.start
        for start, end, patch in self.patches:
            pieces += (update[position:start], patch)
            position = end
        pieces.append(update[position : self.end])
        return b"".join(pieces)


class Survey:
    """One update on its way past a ledger."""

    __slots__ = (
        "_clipped_deletes",
        "_deletes_start",
        "_follows",
        "_foreign",
        "_gap",
        "_grown",
        "_has_deletes",
        "_limits",
        "_missing",
        "_owners",
        "_parent",
        "_parent_inside",
        "_parts",
        "_ready",
        "_rivals",
        "_seen",
        "_strands",
        "_update",
        "_user",
        "_waiting",
    )

    def __init__(
        self,
        strands: Mapping[int, Strand],
        owners: Mapping[int, str],
        limits: Limits,
        update: bytes,
        user: str,
        foreign: bool,
    ) -> None:
        self._strands = strands
        self._owners = owners
        self._limits = limits
        self._update = update
        self._user = user
        self._foreign = foreign
        self._grown: dict[int, Strand] = {}
        self._parts: list[_Part] = []
        self._rivals: dict[Id, Rival] = {}
        self._follows: dict[Id, tuple[Entries, int]] = {}
        self._parent: str | Id | None = None  # of the last struct that named one
        self._parent_inside = GONE
        self._missing: Id | None = None  # what the last struct that was not taken waits for
        # What waits for a client, as a heap: the clock it waits for, its part, where it goes on.
        self._waiting: dict[int, list[tuple[int, int, Section]]] = {}
        self._ready: list[tuple[int, Section]] = []  # waits no longer
        self._deletes_start = 0
        self._has_deletes = False
        self._clipped_deletes: bytes | None = None
        self._gap = False
        self._seen = 0

    def run(self) -> Generator[None, None, Admission]:
        """Read the update once, then take up what had to wait for a section further on."""
        sections, position = read_count(self._update, 0, 5)
        for number in range(sections):
            section = read_section(self._update, position)
            if section.client in self._grown:
                raise HostileUpdate(f"client {section.client} has two sections; merge them")
            known = self._strands.get(section.client)
            strand = self._grown[section.client] = Strand(known.next if known else 0)
            self._parts.append(_Part(section, strand))
            position = yield from self._walk(number, section)
        while self._ready:
            yield from self._walk(*self._ready.pop())
        self._gap = any(part.rest for part in self._parts)
        yield from self._survey_deletes(position)
        return self._admission()

    def is_overtaken(self) -> bool:
        """Whether a client of this update went on while it was being looked at."""
        for client, grown in self._grown.items():
            known = self._strands.get(client)
            if (known.next if known else 0) != grown.first:
                return True
        return False

    def _admission(self) -> Admission:
        taken = [part for part in self._parts if part.structs]
        clients = [part.section.client for part in taken]
        return Admission(
            source=self._update,
            update=self._encode(taken),
            gap=self._gap,
            bindings={}
            if self._foreign
            else {client: self._user for client in clients if client not in self._owners},
            authors={part.section.client: (part.strand.first, part.strand.next) for part in taken},
            rivals=list(self._rivals.values()),
            structs=sum(part.structs for part in taken),
            deletes=self._has_deletes,
            growth={part.section.client: part.strand for part in taken},
            follows=self._follows,
        )

    def _encode(self, taken: list[_Part]) -> bytes:
        if not taken and not self._has_deletes:
            return b""
        deletes = self._clipped_deletes
        if deletes is None:
            if len(taken) == len(self._parts) and all(part.whole for part in taken):
                return self._update
            deletes = self._update[self._deletes_start :]
        sections = [part.encode(self._update) for part in taken]
        return b"".join((encode_uint(len(sections)), *sections, deletes))

    def _walk(self, number: int, section: Section) -> Generator[None, None, int]:
        """Take what can be taken; return where the section ends, on the first walk."""
        part = self._parts[number]
        first = section is part.section
        end = part.end
        taken = 0
        blocked = False
        for struct in read_structs(self._update, section, self._limits):
            self._seen += 1
            if struct is None or not self._seen % _STRIDE:
                yield
            if struct is None:
                continue
            end = struct.end
            if not blocked and self._take(part, struct):
                taken += 1
                if struct.text:
                    yield from self._record_pairs(part.strand, struct)
                continue
            if not blocked:
                blocked = True
                left = section.structs - taken
                part.rest = Section(section.client, struct.clock, left, struct.start)
                self._wait(number, part.rest)
            if not first:
                break
        if not blocked:
            part.rest = None
        self._wake(section.client, part.strand.next)
        return end

    def _wait(self, number: int, rest: Section) -> None:
        if self._missing is not None:
            client, clock = self._missing
            heappush(self._waiting.setdefault(client, []), (clock, number, rest))

    def _wake(self, client: int, clock: int) -> None:
        waiting = self._waiting.get(client)
        while waiting and waiting[0][0] < clock:
            self._ready.append(heappop(waiting)[1:])

    def _take(self, part: _Part, struct: Struct) -> bool:
        """Take a struct unless something it needs is missing; what is known counts as taken."""
        strand = part.strand
        known = strand.next
        end = struct.clock + struct.length
        if end <= known:
            part.drop(struct)
            return True
        client = part.section.client
        self._require_own(client)
        self._missing = None
        if struct.clock > known or struct.kind == SKIP:
            return False
        offset = known - struct.clock
        left = (client, known - 1) if offset else struct.left
        place = self._place(struct, left, offset)
        if place is None:
            return False
        _require_fit(struct, place)
        part.take(struct)
        if left is not None or struct.right is not None:
            self._patch(part, struct, left, offset)
        self._record(strand, client, struct, left, place)
        return True

    def _require_own(self, client: int) -> None:
        owner = self._owners.get(client, self._user)
        if owner != self._user and not self._foreign:
            raise ForeignClient(f"client id {client} belongs to somebody else; use one of your own")

    def _place(self, struct: Struct, left: Id | None, offset: int) -> int | None:
        """Where a struct lies; None when something it builds on is missing.

        Yjs, ``Item.getMissing``: the parent is that of the left neighbour, else of the right one.
        """
        place = GONE
        if left is not None:
            found = self._place_of(left)
            if found is None:
                return None
            place = found & ~BARE
        if struct.right is not None:
            found = self._place_of(struct.right)
            if found is None:
                return None
            place = _agreed(place, found & ~BARE)
        if offset or struct.parent is None:
            return place
        if struct.parent != self._parent:  # a new event sets a dozen fields in a row
            inside = self._inside(struct.parent)
            if inside is None:
                return None
            self._parent, self._parent_inside = struct.parent, inside
        inside = self._parent_inside
        return inside | KEYED if inside and struct.key is not None else inside

    def _inside(self, parent: str | Id) -> int | None:
        if isinstance(parent, str):
            return place_in_root(parent)
        place = self._place_of(parent)
        if place is None:
            return None
        strand = self._strand_at(parent)
        inside = strand.inside(parent[1]) if strand else None
        if inside is not None:
            return inside
        if place == GONE or place & BARE:
            return GONE  # it was collected; yrs collects what is put into it
        raise HostileUpdate(f"{parent} is no shared type, nothing can be inside of it")

    def _strand_at(self, id_: Id) -> Strand | None:
        grown = self._grown.get(id_[0])
        if grown is None or id_[1] < grown.first:
            return self._strands.get(id_[0])
        return grown

    def _place_of(self, id_: Id) -> int | None:
        strand = self._strand_at(id_)
        if strand is None or id_[1] >= strand.next:
            self._missing = id_
            return None
        return strand.place(id_[1])

    def _patch(self, part: _Part, struct: Struct, left: Id | None, offset: int) -> None:
        """Where the struct's bytes have to change: a known beginning, or between a pair."""
        right = struct.right
        if left is not None and self._parts_pair(left[0], left[1] + 1):
            left = (left[0], left[1] + 1)
        if right is not None and self._parts_pair(*right):
            right = (right[0], right[1] - 1) if left is None else self._follower(right)
        if offset or left != struct.left or right != struct.right:
            patch = rewrite(self._update, struct, left, right, offset)
            part.patches.append((struct.start, struct.end, patch))

    def _follower(self, id_: Id) -> Id | None:
        """What was written after an element into the same container, if anything."""
        after = (id_[0], id_[1] + 1)
        place = self._place_of(after)
        return after if place is not None and place == self._place_of(id_) else None

    def _parts_pair(self, client: int, clock: int) -> bool:
        strand = self._strand_at((client, clock))
        return strand is not None and holds(strand.pairs, clock)

    def _record(
        self, strand: Strand, client: int, struct: Struct, left: Id | None, place: int
    ) -> None:
        if struct.kind == TYPE:
            if level_of(place) > self._limits.type_depth:
                raise HostileUpdate(f"a shared type {level_of(place)} levels deep")
            type_ = read_type(self._update, struct)
            strand.types.append(struct.clock)
            strand.insides.append(place_inside(client, struct.clock, type_, place))
        elif struct.kind == GC:
            place = GONE
        elif struct.kind == DELETED and place:
            place |= BARE
        if place & KEYED:
            self._enter(strand.entries, (client, strand.next), struct, left, place & ~BARE)
        strand.add(struct.clock + struct.length, place)

    def _enter(
        self, entries: Entries, id_: Id, struct: Struct, left: Id | None, place: int
    ) -> None:
        """Note a map entry, and whether its writer knew the one whose place it takes."""
        seen = left or struct.right
        if seen is None:
            key = struct.key or ""
            # Into a map that came with this very update nobody else has written.
            is_rival = self._is_known(struct.parent)
        else:
            key, is_rival, seen = self._follow(seen)
        if is_rival:
            self._rivals[id_] = Rival(id_, seen, place, key, struct.start, struct.end)
        entries.add(id_[1], key, BEATEN if struct.kind == DELETED else LAST)

    def _is_known(self, parent: str | Id | None) -> bool:
        if not isinstance(parent, tuple):
            return True
        strand = self._strands.get(parent[0])
        return strand is not None and parent[1] < strand.next

    def _follow(self, seen: Id) -> tuple[str, bool, Id | None]:
        """Let an entry follow the one its writer saw; return the key, and whether it has rivals.

        The last is what was seen before all that this update brings.
        """
        strand = self._strand_at(seen)
        if strand is None:  # it has a place, so there is one
            raise HostileUpdate(f"{seen} is no map entry")
        at = strand.entries.index(seen[1])
        key, fate = strand.entries.keys[at], strand.entries.fates[at]
        if strand is self._grown.get(seen[0]):
            strand.entries.fates[at] = FOLLOWED
            # Of a row of entries by one writer the last one speaks for all.
            earlier = self._rivals.pop((seen[0], strand.entries.clocks[at]), None)
            return key, fate == FOLLOWED or earlier is not None, earlier.seen if earlier else seen
        is_rival = fate != LAST or seen in self._follows
        self._follows[seen] = strand.entries, at
        return key, is_rival, seen

    def _record_pairs(self, strand: Strand, struct: Struct) -> Iterator[None]:
        pairs = enumerate(_PAIR.finditer(struct.text), struct.clock + 1)
        clocks = (clock + found.start() for clock, found in pairs)
        while batch := list(islice(clocks, _STRIDE)):
            strand.pairs.extend(clock for clock in batch if clock > strand.first)
            if len(batch) == _STRIDE:
                yield

    def _survey_deletes(self, position: int) -> Iterator[None]:
        self._deletes_start = position
        clipped = False
        for delete in read_deletes(self._update, position):
            if delete is None:
                yield
            elif not clipped:
                self._has_deletes = True
                clipped = self._clip(delete) != delete
        if clipped:
            yield from self._clip_deletes(position)

    def _clip_deletes(self, position: int) -> Iterator[None]:
        kept: dict[int, list[tuple[int, int]]] = {}
        last = Delete(-1, 0, 0)
        for delete in read_deletes(self._update, position):
            if delete is None:
                yield
                continue
            client, start, end = self._clip(delete)
            if client == last.client:
                start = max(start, last.end)
            if start < end:
                kept.setdefault(client, []).append((start, end))
                last = Delete(client, start, end)
        self._has_deletes = bool(kept)
        self._clipped_deletes = encode_deletes(kept)

    def _clip(self, delete: Delete) -> Delete:
        """A range without what nobody has written yet, and with the whole of each pair."""
        client, start, end = delete
        strand = self._grown.get(client) or self._strands.get(client)
        known = strand.next if strand else 0
        if end > known:
            self._gap = True
            end = known
        if start < end:
            start -= self._parts_pair(client, start)
            end += self._parts_pair(client, end)
        return Delete(client, start, end)


def _agreed(place: int, other: int) -> int:
    if place and other and place != other:
        raise HostileUpdate("an item between neighbours that lie in different containers")
    return place or other


def _require_fit(struct: Struct, place: int) -> None:
    """Raise `HostileUpdate` for content that no client puts there."""
    kind = struct.kind
    if not place or kind in _BARE_KINDS:
        return
    textual = kind in _TEXTUAL_KINDS
    if place & KEYED:
        fits = not textual and struct.length == 1
    elif textual:
        fits = type_of(place) in _TEXTUAL_TYPES
    else:
        fits = type_of(place) != MAP
    if not fits:
        where = "map entry" if place & KEYED else f"shared type {type_of(place)}"
        raise HostileUpdate(f"content {kind} of length {struct.length} does not fit in a {where}")
