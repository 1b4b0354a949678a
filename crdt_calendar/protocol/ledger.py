"""What a document is made of, as far as safety needs to know: the gate before the document.

yrs trusts what it is given. It recurses as deep as a document is nested, parks structs that come
too early and loses content when it takes them up again, and believes any client id. A `Ledger`
knows of every struct in a document whose it is, that it is there, and where it lies, and lets pass
only what the document can integrate at once:

* structs that are known are dropped, and of a struct that is known in part, its beginning;
* structs that build on something unknown are left out (a gap: ask the peer for all it has);
* deletions of clocks nobody has written yet are cut off: they would silence a user later;
* new structs under somebody else's client id are refused, and so are shared types that would lie
  too deep, items inside of what is no container, between neighbours in different containers, or
  where no client writes such content. The last two are not pedantry: yrs frees a container with
  some of these still in it and reads freed memory, or counts them wrong and never stops reading;
* what would part the two halves of a surrogate pair is moved beside the pair. Yjs writes U+FFFD for
  each half; yrs can do neither, and when it has deleted one half only, the text it writes has a
  length other than its clocks, which silences the author after the next load.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from crdt_calendar.errors import FrameTooLarge
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.content import read_count
from crdt_calendar.protocol.entries import BEATEN, FOLLOWED, LAST, Rival
from crdt_calendar.protocol.strand import BARE, KEYED, Strand, container_of
from crdt_calendar.protocol.survey import Admission, Survey
from crdt_calendar.protocol.update import Id

__all__ = ["Admission", "Ledger", "finish"]

# What is stored already was let in under the limits of its day.
_NO_TYPE_LIMIT: Final = 1 << 14


# Each costs a kilobyte until its first struct is read; a calendar of ten years has fewer sessions.
_CLIENTS: Final = 1 << 16


class Ledger:
    """The structs of one document: state vector, owners, places. No I/O, no document."""

    __slots__ = ("_keys", "_limits", "_owners", "_strands")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._strands: dict[int, Strand] = {}
        self._owners: dict[int, str] = {}
        self._keys: dict[str, str] = {}  # of map entries, each once

    @classmethod
    def restore(cls, update: bytes, owners: Mapping[int, str], limits: Limits) -> Ledger:
        """The ledger of a document from its full state, which is trusted, and its bindings.

        Raises as `check` does, for bytes that no document wrote. May run in any thread.
        """
        ledger = cls(limits)
        if update:
            trusting = replace(limits, type_depth=_NO_TYPE_LIMIT)
            survey = Survey(ledger._strands, {}, trusting, update, "", foreign=True)
            ledger.admit(finish(survey.run()))
        ledger._owners.update(owners)
        return ledger

    @property
    def state_vector(self) -> dict[int, int]:
        """Client id -> the clock its next struct will have. A copy."""
        return {client: strand.next for client, strand in self._strands.items()}

    def owner_of(self, client: int) -> str | None:
        """The user a client id belongs to; "" is the server, None nobody yet."""
        return self._owners.get(client)

    def path(self, place: int) -> tuple[int, tuple[str, ...]] | None:
        """What a place lies in: the place of the root, and the keys from there.

        None where no keys lead, as inside of lists, and inside of what has not been admitted.
        """
        keys: list[str] = []
        while (container := container_of(place)) is not None:
            client, clock = container
            strand = self._strands.get(client)
            if strand is None or clock >= strand.next:
                return None
            place = strand.place(clock) & ~BARE
            if not place & KEYED:
                return None
            keys.append(strand.entries.keys[strand.entries.index(clock)])
        return place & ~KEYED, tuple(reversed(keys))

    def entries_since(self, known: Mapping[int, int]) -> Iterator[tuple[Id, int, str]]:
        """Id, place and key of the map entries of those clients from those clocks on."""
        for client, clock in known.items():
            strand = self._strands.get(client)
            if strand is not None and clock < strand.next:
                for found, place, key in strand.entries_from(clock):
                    yield (client, found), place, key

    def last(self, rivals: Iterable[Rival]) -> dict[Id, Id]:
        """For each rival that has one: the entry that nothing follows at its place and key.

        Looks through all there is, once: for when rivals have been found, which is seldom.
        """
        wanted: dict[int, list[Rival]] = {}
        for rival in rivals:
            wanted.setdefault(rival.place, []).append(rival)
        found: dict[Id, Id] = {}
        for client, strand in self._strands.items():
            for clock, place, key in strand.last_entries(wanted):
                for rival in wanted[place]:
                    if rival.key == key and rival.id != (client, clock):
                        found[rival.id] = client, clock
        return found

    def equate(self, one: Id, other: Id) -> None:
        """Both say the same: whoever knows either knows the other."""
        for client, clock in (one, other):
            entries = self._strands[client].entries
            entries.fates[entries.index(clock)] = FOLLOWED

    def beat(self, id_: Id) -> None:
        """That entry does not stand: whoever follows it has rivals."""
        client, clock = id_
        entries = self._strands[client].entries
        at = entries.index(clock)
        if entries.fates[at] == LAST:
            entries.fates[at] = BEATEN

    def check(
        self, update: bytes, user: str, *, foreign: bool = False
    ) -> Generator[None, None, Admission]:
        """What of `update`, sent by `user`, the document may be given. Changes nothing.

        Yields about every millisecond of work; other updates may be admitted meanwhile. The
        admission it returns is good until the next one is admitted: apply and `admit` it at once.
        The document may still refuse an update as a whole, for JSON that is none: then don't.

        With `foreign`, structs under other users' client ids pass, and no id is bound to `user`.

        Raises `MalformedFrame`, `HostileUpdate` or `FrameTooLarge` for what `read_structs` and
        `read_deletes` refuse, and for what the head of this module lists; `ForeignClient`.
        """
        clients, _ = read_count(update, 0, 5)
        if clients > _CLIENTS:
            raise FrameTooLarge(f"structs of {clients} clients; at most {_CLIENTS} at a time")
        survey = Survey(self._strands, self._owners, self._limits, update, user, foreign)
        admission = yield from survey.run()
        if survey.is_overtaken():
            survey = Survey(self._strands, self._owners, self._limits, update, user, foreign)
            admission = finish(survey.run())
        return admission

    def admit(self, admission: Admission) -> None:
        """Record what the document has applied.

        Raises `ValueError` when another admission of the same client ids came in between.
        """
        for client, more in admission.growth.items():
            strand = self._strands.get(client)
            if (strand.next if strand else 0) != more.first:
                raise ValueError(f"client {client} went on since this was checked; check again")
            if strand:
                strand.extend(more, self._keys)
            else:
                more.pack(self._keys)
                self._strands[client] = more
        for entries, at in admission.follows.values():
            entries.fates[at] = FOLLOWED
        self._owners.update(admission.bindings)


def finish(check: Generator[None, None, Admission]) -> Admission:
    """Drive a check to its end without a pause."""
    while True:
        try:
            next(check)
        except StopIteration as done:
            admission: Admission = done.value
            return admission
