"""What a document is made of, as far as safety needs to know: the gate before the document.

yrs trusts what it is given. It recurses as deep as a document is nested, parks structs that come
too early and loses content when it takes them up again, and believes any client id. A `Ledger`
knows of every struct in a document whose it is, that it is there, and how deep it lies, and lets
pass only what the document can integrate at once:

* structs that are known are dropped, and of a struct that is known in part, its beginning;
* structs that build on something unknown are left out (a gap: ask the peer for all it has);
* deletions of clocks nobody has written yet are cut off: they would silence a user later;
* new structs under somebody else's client id are refused, and so are shared types that would lie
  too deep, and items inside of what is no container;
* what would part the two halves of a surrogate pair is moved beside the pair. Yjs writes U+FFFD for
  each half; yrs can do neither, and when it has deleted one half only, the text it writes has a
  length other than its clocks, which silences the author after the next load.

Depths are kept in runs: neighbouring structs of one client at one depth share an entry, so typing
costs nothing. An entry is the depth of the container an item lies in (0: a root type), and says
whether the item came with content: see `_GONE` and `_flip`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterator, Mapping, MutableSequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import islice
from re import compile as pattern
from typing import Final

from crdt_calendar.errors import ForeignClient, HostileUpdate
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.lib0 import encode_uint
from crdt_calendar.protocol.update import (
    DELETED,
    GC,
    SKIP,
    TYPE,
    Delete,
    Id,
    Section,
    Struct,
    encode_deletes,
    read_count,
    read_deletes,
    read_section,
    read_structs,
    rewrite,
)

# How many structs are looked at before the caller is asked: 1 ms.
_STRIDE: Final = 256
# The depth of what has no container any more: collected structs and what was put into them.
_GONE: Final = -1
# What is stored already was let in under the limits of its day.
_NO_TYPE_LIMIT: Final = 1 << 14
_PAIR: Final = pattern("[\U00010000-\U0010ffff]")


def _flip(depth: int) -> int:
    """A depth as the entry of an item without content, and back; `_GONE` stays what it is."""
    return -2 - depth


class _Strand:
    """The structs of one client, ``first <= clock < next``, in runs."""

    __slots__ = ("depths", "first", "next", "pairs", "starts", "types")

    def __init__(self, first: int) -> None:
        self.first = first
        self.next = first
        self.starts: MutableSequence[int] = []  # of each run, ascending
        self.depths: MutableSequence[int] = []  # of each run
        self.types: MutableSequence[int] = []  # clocks of shared types
        self.pairs: MutableSequence[int] = []  # clocks of the second halves of surrogate pairs

    def entry(self, clock: int) -> int:
        if clock >= self.starts[-1]:
            return self.depths[-1]
        return self.depths[bisect_right(self.starts, clock) - 1]

    def add(self, clock: int, end: int, entry: int) -> None:
        if not self.depths or self.depths[-1] != entry:
            self.starts.append(clock)
            self.depths.append(entry)
        self.next = end

    def pack(self) -> None:
        """Keep the numbers as numbers: a long life in little memory."""
        self.starts = array("Q", self.starts)
        self.depths = array("h", self.depths)
        self.types = array("Q", self.types)
        self.pairs = array("Q", self.pairs)

    def extend(self, more: _Strand) -> None:
        same = self.depths[-1] == more.depths[0]
        self.starts.extend(more.starts[same:])
        self.depths.extend(more.depths[same:])
        self.types.extend(more.types)
        self.pairs.extend(more.pairs)
        self.next = more.next


def _holds(clocks: MutableSequence[int], clock: int) -> bool:
    at = bisect_left(clocks, clock)
    return at < len(clocks) and clocks[at] == clock


@dataclass(frozen=True, slots=True)
class Admission:
    """What of an update may be applied now, and what is to be recorded once it is."""

    update: bytes  # b"" when there is nothing new; the very object that came when nothing is wrong
    gap: bool  # something was left out: ask the peer for all it has
    bindings: dict[int, str]  # client ids that nobody owned -> user
    authors: dict[int, tuple[int, int]]  # client id -> first new clock, end clock
    keys: list[tuple[str | Id, str]]  # parent and key of new map entries that name them
    structs: int
    deletes: bool
    growth: dict[int, _Strand] = field(repr=False)


class Ledger:
    """The structs of one document: state vector, owners, depths. No I/O, no document."""

    __slots__ = ("_limits", "_owners", "_strands")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._strands: dict[int, _Strand] = {}
        self._owners: dict[int, str] = {}

    @classmethod
    def restore(cls, update: bytes, owners: Mapping[int, str], limits: Limits) -> Ledger:
        """The ledger of a document from its full state, which is trusted, and its bindings.

        Raises as `check` does, for bytes that no document wrote. May run in any thread.
        """
        ledger = cls(replace(limits, type_depth=_NO_TYPE_LIMIT))
        if update:
            ledger.admit(finish(ledger.check(update, "", foreign=True)))
        ledger._limits = limits
        ledger._owners.update(owners)
        return ledger

    @property
    def state_vector(self) -> dict[int, int]:
        """Client id -> the clock its next struct will have. A copy."""
        return {client: strand.next for client, strand in self._strands.items()}

    def owner_of(self, client: int) -> str | None:
        """The user a client id belongs to; "" is the server, None nobody yet."""
        return self._owners.get(client)

    def check(
        self, update: bytes, user: str, *, foreign: bool = False
    ) -> Generator[None, None, Admission]:
        """What of `update`, sent by `user`, the document may be given. Changes nothing.

        Yields about every millisecond of work; other updates may be admitted meanwhile. The
        admission it returns is good until the next one is admitted: apply and `admit` it at once.

        With `foreign`, structs under other users' client ids pass, and no id is bound to `user`.

        Raises `MalformedFrame`, `HostileUpdate` or `FrameTooLarge` for what `read_structs` and
        `read_deletes` refuse, for types too deep and for parents that are none; `ForeignClient`.
        """
        survey = _Survey(self, update, user, foreign)
        yield from survey.run()
        if survey.is_overtaken():
            survey = _Survey(self, update, user, foreign)
            for _ in survey.run():
                pass
        return survey.admission()

    def admit(self, admission: Admission) -> None:
        """Record what the document has applied.

        Raises `ValueError` when another admission of the same client ids came in between.
        """
        for client, more in admission.growth.items():
            strand = self._strands.get(client)
            if (strand.next if strand else 0) != more.first:
                raise ValueError(f"client {client} went on since this was checked; check again")
            if strand:
                strand.extend(more)
            else:
                more.pack()
                self._strands[client] = more
        self._owners.update(admission.bindings)


def finish(check: Generator[None, None, Admission]) -> Admission:
    """Drive a check to its end without a pause."""
    while True:
        try:
            next(check)
        except StopIteration as done:
            admission: Admission = done.value
            return admission


class _Part:
    """What becomes of one section of an update."""

    __slots__ = ("end", "patches", "rest", "section", "start", "strand", "structs")

    def __init__(self, section: Section, strand: _Strand) -> None:
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

    def encode(self, update: bytes) -> bytes:
        numbers = (self.structs, self.section.client, self.strand.first)
        pieces = [encode_uint(number) for number in numbers]
        position = self.start
        for start, end, patch in self.patches:
            pieces += (update[position:start], patch)
            position = end
        pieces.append(update[position : self.end])
        return b"".join(pieces)


class _Survey:
    """One update on its way past a ledger."""

    __slots__ = (
        "_clipped_deletes",
        "_deletes_start",
        "_foreign",
        "_gap",
        "_grown",
        "_has_deletes",
        "_keys",
        "_ledger",
        "_missing",
        "_parts",
        "_ready",
        "_update",
        "_user",
        "_waiting",
    )

    def __init__(self, ledger: Ledger, update: bytes, user: str, foreign: bool) -> None:
        self._ledger = ledger
        self._update = update
        self._user = user
        self._foreign = foreign
        self._grown: dict[int, _Strand] = {}
        self._parts: list[_Part] = []
        self._keys: list[tuple[str | Id, str]] = []
        self._missing: Id | None = None  # what the last struct that was not taken waits for
        self._waiting: dict[int, list[tuple[int, int]]] = {}  # client -> heap of clock, part
        self._ready: list[int] = []  # parts that wait no longer
        self._deletes_start = 0
        self._has_deletes = False
        self._clipped_deletes: bytes | None = None
        self._gap = False

    def run(self) -> Iterator[None]:
        """Read the update once; then take up what had to wait for a section further on."""
        sections, position = read_count(self._update, 0, 5)
        for number in range(sections):
            section = read_section(self._update, position)
            if section.client in self._grown:
                raise HostileUpdate(f"client {section.client} has two sections; merge them")
            known = self._ledger._strands.get(section.client)
            strand = self._grown[section.client] = _Strand(known.next if known else 0)
            self._parts.append(_Part(section, strand))
            position = yield from self._walk(number, section)
        while self._ready:
            number = self._ready.pop()
            rest = self._parts[number].rest
            if rest:
                yield from self._walk(number, rest)
        self._gap = any(part.rest for part in self._parts)
        yield from self._survey_deletes(position)

    def is_overtaken(self) -> bool:
        """Whether a client of this update went on while it was being looked at."""
        strands = self._ledger._strands
        for client, grown in self._grown.items():
            known = strands.get(client)
            if (known.next if known else 0) != grown.first:
                return True
        return False

    def admission(self) -> Admission:
        """The result."""
        taken = [part for part in self._parts if part.structs]
        owners = self._ledger._owners
        clients = [part.section.client for part in taken]
        return Admission(
            update=self._encode(taken),
            gap=self._gap,
            bindings={}
            if self._foreign
            else {client: self._user for client in clients if client not in owners},
            authors={part.section.client: (part.strand.first, part.strand.next) for part in taken},
            keys=self._keys,
            structs=sum(part.structs for part in taken),
            deletes=self._has_deletes,
            growth={part.section.client: part.strand for part in taken},
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
        for count, struct in enumerate(read_structs(self._update, section, self._ledger._limits)):
            if struct is None or count % _STRIDE == _STRIDE - 1:
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
                rest = section.structs - taken
                part.rest = Section(section.client, struct.clock, rest, struct.start)
                self._wait(number)
            if not first:
                break
        if not blocked:
            part.rest = None
        self._wake(section.client, part.strand.next)
        return end

    def _wait(self, number: int) -> None:
        if self._missing is not None:
            client, clock = self._missing
            heappush(self._waiting.setdefault(client, []), (clock, number))

    def _wake(self, client: int, clock: int) -> None:
        waiting = self._waiting.get(client)
        while waiting and waiting[0][0] < clock:
            self._ready.append(heappop(waiting)[1])

    def _take(self, part: _Part, struct: Struct) -> bool:
        """Take a struct unless something it needs is missing; what is known counts as taken."""
        strand = part.strand
        known = strand.next
        end = struct.clock + struct.length
        if end <= known:
            return True
        client = part.section.client
        self._require_own(client)
        self._missing = None
        if struct.clock > known or struct.kind == SKIP:
            return False
        offset = known - struct.clock
        left = (client, known - 1) if offset else struct.left
        depth = self._depth(struct, left, offset)
        if depth is None:
            return False
        part.take(struct)
        self._patch(part, struct, left, offset)
        self._record(strand, struct, known, depth)
        return True

    def _require_own(self, client: int) -> None:
        owner = self._ledger._owners.get(client, self._user)
        if owner != self._user and not self._foreign:
            raise ForeignClient(f"client id {client} belongs to somebody else; use one of your own")

    def _depth(self, struct: Struct, left: Id | None, offset: int) -> int | None:
        """How deep a struct lies, at most; None when something it builds on is missing.

        Yjs, ``Item.getMissing``: the parent is that of the left neighbour, else of the right one.
        Which of them still is an item only the document knows, so the deeper one counts.
        """
        depth = _GONE
        if left is not None:
            entry = self._entry(left)
            if entry is None:
                return None
            depth = max(entry, _flip(entry))
        if struct.right is not None:
            entry = self._entry(struct.right)
            if entry is None:
                return None
            depth = max(depth, entry, _flip(entry))
        if offset or struct.parent is None:
            return depth
        return self._depth_inside(struct.parent)

    def _depth_inside(self, parent: str | Id) -> int | None:
        if isinstance(parent, str):
            return 0
        entry = self._entry(parent)
        if entry is None:
            return None
        strand = self._strand_at(parent)
        if strand and _holds(strand.types, parent[1]):
            return max(entry, _flip(entry)) + 1
        if entry < 0:
            return _GONE  # was collected; yrs collects what is put into it
        raise HostileUpdate(f"{parent} is no shared type, nothing can be inside of it")

    def _strand_at(self, id_: Id) -> _Strand | None:
        grown = self._grown.get(id_[0])
        if grown is None or id_[1] < grown.first:
            return self._ledger._strands.get(id_[0])
        return grown

    def _entry(self, id_: Id) -> int | None:
        strand = self._strand_at(id_)
        if strand is None or id_[1] >= strand.next:
            self._missing = id_
            return None
        return strand.entry(id_[1])

    def _patch(self, part: _Part, struct: Struct, left: Id | None, offset: int) -> None:
        """Where the struct's bytes have to change: a known beginning, or between a pair."""
        right = struct.right
        if left is not None and self._parts_pair(left[0], left[1] + 1):
            left = (left[0], left[1] + 1)
        if right is not None and self._parts_pair(*right):
            right = (right[0], right[1] - 1)
        if offset or left != struct.left or right != struct.right:
            patch = rewrite(self._update, struct, left, right, offset)
            part.patches.append((struct.start, struct.end, patch))

    def _parts_pair(self, client: int, clock: int) -> bool:
        strand = self._strand_at((client, clock))
        return strand is not None and _holds(strand.pairs, clock)

    def _record(self, strand: _Strand, struct: Struct, clock: int, depth: int) -> None:
        if struct.kind == TYPE:
            if depth >= self._ledger._limits.type_depth:
                raise HostileUpdate(f"a shared type {depth + 1} levels deep")
            strand.types.append(clock)
        elif struct.kind == GC:
            depth = _GONE
        elif struct.kind == DELETED:
            depth = _flip(depth)
        strand.add(clock, struct.clock + struct.length, depth)
        if struct.key is not None and struct.parent is not None:
            self._keys.append((struct.parent, struct.key))

    def _record_pairs(self, strand: _Strand, struct: Struct) -> Iterator[None]:
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
        strand = self._grown.get(client) or self._ledger._strands.get(client)
        known = strand.next if strand else 0
        if end > known:
            self._gap = True
            end = known
        if start < end:
            start -= self._parts_pair(client, start)
            end += self._parts_pair(client, end)
        return Delete(client, start, end)
