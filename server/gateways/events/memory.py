"""What was answered to whom: a message that comes again is not done again.

Kept in memory, for some minutes. Beyond that, and over a restart, creating an event is safe all the
same: its id is made of the message's (see `edits`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from crdt_calendar.errors import InvalidValue

REMEMBERED_SECONDS = 600.0  # long enough for a train in a tunnel
MOST_REMEMBERED = 20_000  # of all users together; about a kilobyte each


@dataclass(slots=True)
class Outcome:
    """What becomes of one message. ``waiting`` are told its result, encoded."""

    key: tuple[str, str, str]
    type: str
    waiting: list[Callable[[bytes], object]] = field(default_factory=list)


class Memory:
    """What was done, by user, project and message id, the oldest first.

    What is done is kept as a tuple of plain values, for which the garbage collector does not care:
    as objects, twenty thousand of them would stop everybody for a tenth of a second now and then.
    """

    def __init__(self) -> None:
        self._doing: dict[tuple[str, str, str], Outcome] = {}
        self._done: dict[tuple[str, str, str], tuple[str, float, bytes]] = {}

    def tell(self, key: tuple[str, str, str], type_: str, again: Callable[[bytes], object]) -> bool:
        """Whether this message came before; then `again` is given its result, now or later.

        ``key``: user, project, and the message's id. Raises `InvalidValue` if that was the id of
        something else.
        """
        doing = self._doing.get(key)
        done = self._done.get(key)
        if doing is not None:
            _check(key, type_, doing.type)
            doing.waiting.append(again)
            return True
        if done is None or monotonic() - done[1] > REMEMBERED_SECONDS:
            return False
        _check(key, type_, done[0])
        again(done[2])
        return True

    def begin(self, key: tuple[str, str, str], type_: str) -> Outcome:
        """A message that is written, and on its way to the disk."""
        outcome = Outcome(key, type_)
        if key[2]:
            self._doing[key] = outcome
        return outcome

    def finish(self, outcome: Outcome, result: bytes) -> None:
        """It is done, and on disk."""
        if not outcome.key[2]:
            return
        self._doing.pop(outcome.key, None)
        self._done.pop(outcome.key, None)
        self._done[outcome.key] = (outcome.type, monotonic(), result)
        if len(self._done) > MOST_REMEMBERED:
            del self._done[next(iter(self._done))]
        for tell in outcome.waiting:
            tell(result)


def _check(key: tuple[str, str, str], type_: str, was: str) -> None:
    if type_ != was:
        raise InvalidValue(f"id: {key[2]} was the id of {was}; take a new one")
