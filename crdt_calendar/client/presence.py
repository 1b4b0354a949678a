"""Who else is here, and what they show; and what one shows oneself. Sans I/O but for streams.

What is heard is never sent back: a client speaks of itself only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from crdt_calendar.client.broadcast import Broadcast, Stream
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.presence import Json, PresenceState, read_presence, write_presence

# A crowd moves pointers faster than anybody draws: only how it is now counts.
_KEPT = 16


@dataclass(frozen=True, slots=True)
class Person:
    """One other client. The server vouches for ``user`` and ``name``; the rest of ``state`` is
    what that client shows, as JSON."""

    client: int
    user: str
    name: str
    state: Mapping[str, Json]


Others = Mapping[int, Person]
"""Everybody else who shows themselves, by client id."""


class Presence:
    """The presence of one room, as one client sees it.

    Nobody sees this client until it shows something.
    """

    def __init__(self, client: int, limits: Limits, changed: Callable[[], object]) -> None:
        self._client = client
        self._limits = limits
        self._changed = changed
        self._clock = 0
        self._shown: dict[str, Json] | None = None
        self._spoken = False  # the server has heard of us on this line
        self._due = False
        self._clocks: dict[int, int] = {}
        self._others: dict[int, Person] = {}
        self._news: Broadcast[Others] = Broadcast(_KEPT, latest_only=True)

    @property
    def shown(self) -> Mapping[str, Json] | None:
        """What this client shows; None while it shows nothing."""
        return None if self._shown is None else MappingProxyType(self._shown)

    @property
    def others(self) -> Others:
        """Everybody else who is here now; nobody while there is no connection."""
        return MappingProxyType(dict(self._others))

    def show(self, **fields: Json) -> None:
        """Show these fields from now on, beside those shown before; None takes one away.

        Any JSON will do; the web page shows ``view``, ``selected``, ``editing`` and ``typing`` of
        others. ``user`` is the server's to write.
        """
        merged = {**(self._shown or {}), **fields}
        self._shown = {key: value for key, value in merged.items() if value is not None}
        self._speak()

    def hide(self) -> None:
        """Show nothing any more."""
        self._shown = None
        self._speak()

    def watch(self) -> Stream[Others]:
        """Everybody else: as it is now, and then whenever it changes."""
        return self._news.stream(self.others)

    def listen(self, callback: Callable[[Others], object]) -> None:
        """Call this function whenever it changes."""
        self._news.listen(callback)

    # For the line

    @property
    def due(self) -> bool:
        """Whether there is something to say."""
        return self._due

    def renew(self) -> None:
        """Say it again, so that nobody takes us for gone; also on each new line."""
        if self._shown is not None:
            self._speak()

    def take(self) -> bytes:
        """The body that says what this client shows now."""
        self._due = False
        self._clock += 1
        self._spoken = self._shown is not None
        return write_presence([PresenceState(self._client, self._clock, "", self._shown)])

    def receive(self, body: bytes) -> None:
        """Hear what others show. Raises `ProtocolError` for what does not decode."""
        news = False
        for entry in read_presence(body, self._limits):
            if entry.client == self._client:
                self._hear_of_self(entry)
            else:
                news = self._hear(entry) or news
        if news:
            self._news.tell(self.others)

    def forget(self) -> None:
        """The line is gone: so is everybody, as far as we know."""
        self._spoken = self._due = False
        self._clocks.clear()
        if self._others:
            self._others.clear()
            self._news.tell(self.others)

    def end(self) -> None:
        """End all streams."""
        self._news.end()

    def _speak(self) -> None:
        if self._shown is None and not self._spoken:
            self._due = False  # nobody has heard of us
            return
        self._due = True
        self._changed()

    def _hear_of_self(self, entry: PresenceState) -> None:
        """A server that heard of us on a former line may say that we have left: we have not."""
        if entry.value is None and self._shown is not None and entry.clock >= self._clock:
            self._clock = entry.clock
            self._speak()

    def _hear(self, entry: PresenceState) -> bool:
        known = self._clocks.get(entry.client, -1)
        is_leaving = entry.value is None and entry.client in self._others
        if entry.clock < known or (entry.clock == known and not is_leaving):
            return False
        self._clocks[entry.client] = entry.clock
        if entry.value is None:
            return self._others.pop(entry.client, None) is not None
        shown = entry.value.get("user")
        name = shown.get("name") if isinstance(shown, dict) else None
        person = Person(
            entry.client, entry.user, name if isinstance(name, str) else entry.user, entry.value
        )
        is_news = self._others.get(entry.client) != person
        self._others[entry.client] = person
        return is_news
