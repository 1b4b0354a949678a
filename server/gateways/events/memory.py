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
    """What became of one message: nothing yet, or its result."""

    type: str
    at: float
    result: object = None
    is_done: bool = False
    waiting: list[Callable[[object], object]] = field(default_factory=list)


class Memory:
    """Outcomes by user, project and message id, the oldest first."""

    def __init__(self) -> None:
        self._outcomes: dict[tuple[str, str, str], Outcome] = {}

    def find(self, user: str, project: str, message_id: str, type_: str) -> Outcome | None:
        """What became of the message of that id. Raises `InvalidValue` if it was another one."""
        outcome = self._outcomes.get((user, project, message_id)) if message_id else None
        if outcome is None or monotonic() - outcome.at > REMEMBERED_SECONDS:
            return None
        if outcome.type != type_:
            raise InvalidValue(f"id: {message_id} was the id of {outcome.type}; take a new one")
        return outcome

    def begin(self, user: str, project: str, message_id: str, type_: str) -> Outcome:
        """A message that is written, and on its way to the disk."""
        outcome = Outcome(type_, monotonic())
        if message_id:
            key = (user, project, message_id)
            self._outcomes.pop(key, None)
            self._outcomes[key] = outcome
            if len(self._outcomes) > MOST_REMEMBERED:
                del self._outcomes[next(iter(self._outcomes))]
        return outcome

    @staticmethod
    def finish(outcome: Outcome, result: object) -> None:
        """It is done, and on disk."""
        outcome.result, outcome.is_done = result, True
        waiting, outcome.waiting = outcome.waiting, []
        for tell in waiting:
            tell(result)
