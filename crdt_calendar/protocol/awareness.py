"""The presence of one room: who is here and what they show, sans I/O.

y-protocols PROTOCOL.md, "Awareness protocol": *With each generated update, the clock: uint counter
must increase. The Awareness CRDT must only apply updates if the received clock is newer / larger
than the currently known clock for that client.*

Three things are added to that, because this table stands between people who need not trust one
another:

* **Stamps.** Whatever a state says, its ``user.id`` and ``user.name`` are those of the connection.
* **Ownership.** News of a client id are taken from its user only. Of one user's connections the one
  that introduced itself with the id is its *home*. Others may relay its news, as browser tabs that
  hear of one another do, but it does not leave with them.
* **Reflections.** Stock clients send back every presence frame they hear. A body that was just
  sent is dropped unread, an entry with a known clock before its JSON is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from crdt_calendar.errors import ForeignClient, FrameTooLarge, HostileUpdate
from crdt_calendar.limits import Limits
from crdt_calendar.protocol.lib0 import Reader, encode_uint
from crdt_calendar.protocol.presence import (
    ENTRY_BYTES,
    LEFT,
    PresenceState,
    decode_state,
    encode_entry,
    join_entries,
    stamp_state,
)
from crdt_calendar.protocol.reflections import SentBodies

OUTDATED_SECONDS: Final = 30.0
"""PROTOCOL.md: *must remove clients from clients that haven't been updated for longer than 30
seconds.*"""

# By then every stock client has forgotten the state, and what was on its way has arrived.
_GONE_SECONDS: Final = 2 * OUTDATED_SECONDS


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who a connection is: user id, and the name that others see."""

    id: str
    name: str


class _News(NamedTuple):
    client: int
    clock: int
    state: bytes  # JSON as it came


@dataclass(slots=True, eq=False)
class _Peer:
    """One connection and the client ids that it answers for, those that left included."""

    stamp: Stamp
    home: int | None = None
    clients: set[int] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class _Entry:
    """The latest that is known of one client id."""

    client: int
    key: bytes  # the client id as it goes on the wire
    clock: int = -1
    user: str = ""
    state: bytes | None = None  # stamped JSON; None when the client left
    peer: _Peer | None = None  # the connection that answers for it, while it lasts
    seen: float = 0.0  # when its last news came, or when it left
    fresh: bool = True  # not yet in any `take_changes`

    @property
    def wire(self) -> bytes:
        return encode_entry(self.key, self.clock, LEFT if self.state is None else self.state)


class PresenceTable:
    """Presence of one room. Times are seconds of any clock that does not run backwards."""

    __slots__ = (
        "_changed",
        "_entries",
        "_everything",
        "_gone",
        "_limits",
        "_peers",
        "_sent",
        "reflections",
    )

    def __init__(self, limits: Limits) -> None:
        self.reflections = 0  # frames that said nothing new; whoever reads may set it back
        self._limits = limits
        self._entries: dict[int, _Entry] = {}
        self._gone: dict[int, None] = {}  # those that left, oldest first
        self._changed: dict[int, None] = {}
        self._peers: dict[Hashable, _Peer] = {}
        self._sent = SentBodies()
        self._everything: bytes | None = None

    def __len__(self) -> int:
        """How many clients are present."""
        return len(self._entries) - len(self._gone)

    @property
    def has_changes(self) -> bool:
        """Whether `take_changes` has something to give."""
        return bool(self._changed)

    def receive(
        self,
        peer: Hashable,
        user: Stamp,
        body: bytes,
        now: float,
        owner_of: Callable[[int], str | None],
    ) -> bytes | None:
        """Take in what a connection says of itself, and perhaps of others.

        ``owner_of`` names the user to whom a client id belongs for good, None while it is nobody's.

        Returns None or a body for this peer alone: "you left", said to a client that comes back
        with a clock from before. Stock clients answer by showing themselves under a newer one.

        Raises `ForeignClient` for news of another user's client id, `MalformedFrame`,
        `FrameTooLarge` or `HostileUpdate`. Then close the connection and call `leave`; entries
        before the offending one were taken in.
        """
        mine = self._peers.get(peer)
        if mine is None:
            mine = self._peers[peer] = _Peer(user)
        elif body == self._everything or self._sent.reflects(body, mine.home):
            self.reflections += 1
            return None
        mine.stamp = user
        news = self._news(mine, body)
        self.reflections += not news
        if mine.home is None and body[0] == 1:
            self._introduce(mine, news[0])
        behind = [one.client for one in news if self._hear(mine, one, now, owner_of)]
        return self._farewell(behind) if behind else None

    def leave(self, peer: Hashable, now: float) -> None:
        """A connection is gone, and so is every client that it answered for."""
        mine = self._peers.pop(peer, None)
        if mine is None:
            return
        for client, entry in [(client, self._entries[client]) for client in mine.clients]:
            entry.peer = None
            if entry.state is not None:
                self._remove(client, entry, entry.clock + 1, now)

    def expire(self, now: float) -> None:
        """Remove whoever has not been heard of for `OUTDATED_SECONDS`. Costs a pass over all."""
        self._sent.age(now)
        for client, entry in tuple(self._entries.items()):
            if entry.state is not None and now - entry.seen >= OUTDATED_SECONDS:
                self._remove(client, entry, entry.clock + 1, now)
        while self._gone:
            oldest = next(iter(self._gone))
            if now - self._entries[oldest].seen < _GONE_SECONDS:
                break
            self._forget(oldest)

    def take_changes(self) -> bytes | None:
        """The latest of every client that changed since the last call, None if nobody did.

        New ones come first, then those that others know, then those that left: the order in which
        stock clients send them back, so that a reflection is the same bytes.
        """
        if not self._changed:
            return None
        fresh: list[_Entry] = []
        known: list[_Entry] = []
        left: list[_Entry] = []
        for client in self._changed:
            entry = self._entries[client]
            group = left if entry.state is None else fresh if entry.fresh else known
            group.append(entry)
            entry.fresh = False
        self._changed.clear()
        return self._encoded(fresh + known + left)

    def everything(self) -> bytes | None:
        """Everybody who is present, for a newcomer; None if nobody is."""
        if self._everything is None and len(self):
            # Not remembered like changes: each newcomer is sent another one, and only once.
            self._everything = join_entries(
                [entry.wire for entry in self._entries.values() if entry.state is not None]
            )
        return self._everything

    def states(self) -> Mapping[int, PresenceState]:
        """Who is present and what they show, by client id. Decodes JSON: not for the hot path."""
        return {
            client: PresenceState(
                client, entry.clock, entry.user, decode_state(entry.state, self._limits)
            )
            for client, entry in self._entries.items()
            if entry.state is not None
        }

    def user_of(self, client: int) -> str:
        """Whose client that is or was; "" when nobody knows any more."""
        entry = self._entries.get(client)
        return "" if entry is None else entry.user

    def _news(self, mine: _Peer, body: bytes) -> list[_News]:
        """The entries of a body that are not known yet, and those that concern their sender."""
        entries = self._entries
        reader = Reader(body)
        count = self._read_count(reader)
        first = mine.home is None and count == 1
        news: list[_News] = []
        size = 0
        for _ in range(count):
            client = reader.read_uint()
            clock = reader.read_uint()
            known = entries.get(client)
            if known is not None and clock <= known.clock and known.peer is not mine and not first:
                reader.skip_bytes()
                continue
            state = reader.read_bytes()
            size += len(state)
            news.append(_News(client, clock, state))
        reader.finish()
        if size > self._limits.awareness_bytes:
            most = self._limits.awareness_bytes
            raise FrameTooLarge(f"{size} bytes of new presence at once; at most {most} are taken")
        return news

    def _read_count(self, reader: Reader) -> int:
        # What a full room tells when everybody has left and come back under another client id.
        most = 2 * self._limits.connections_per_room
        count = reader.read_count(ENTRY_BYTES)
        if count > most:
            raise FrameTooLarge(
                f"presence of {count} clients in one frame; at most {most} are taken"
            )
        return count

    def _introduce(self, mine: _Peer, news: _News) -> None:
        """Make this connection the home of the one client id that it begins by speaking of.

        Stock clients send their own id, and nothing else, when a connection opens.
        """
        known = self._entries.get(news.client)
        if news.state != LEFT and (known is None or known.user == mine.stamp.id):
            mine.home = news.client

    def _hear(
        self, mine: _Peer, news: _News, now: float, owner_of: Callable[[int], str | None]
    ) -> bool:
        """Take in one entry; return whether its sender is behind what is known of it."""
        entry = self._entries.get(news.client)
        if entry is not None and news.clock <= entry.clock:
            return self._hear_again(mine, entry, news, now)
        if entry is None and news.state == LEFT:
            return False
        if not _may_speak(mine.stamp.id, news.client, entry, owner_of(news.client)):
            return False
        if news.clock > self._limits.clock:
            raise HostileUpdate(f"presence clock {news.clock} exceeds {self._limits.clock}")
        if entry is not None and news.state == LEFT:
            self._remove(news.client, entry, news.clock, now)
        else:
            self._show(mine, entry or _Entry(news.client, encode_uint(news.client)), news, now)
        return False

    def _hear_again(self, mine: _Peer, entry: _Entry, news: _News, now: float) -> bool:
        """Take in an entry whose clock is known: a reflection, late news, or somebody returning.

        y-protocols ``awareness.js`` lets a ``null`` under the known clock remove a state. Stock
        clients say that of others whom they time out, so it counts only from who answers for it.
        """
        if news.state == LEFT:
            if entry.peer is mine and news.clock == entry.clock and entry.state is not None:
                self._remove(news.client, entry, news.clock, now)
            return False
        if mine.home != news.client:
            return False
        self._answer_for(mine, news.client, entry)
        return entry.state is None or news.clock < entry.clock

    def _show(self, mine: _Peer, entry: _Entry, news: _News, now: float) -> None:
        state = stamp_state(news.state, mine.stamp.id, mine.stamp.name, self._limits)
        self._answer_for(mine, news.client, entry)
        entry.clock, entry.user, entry.state, entry.seen = news.clock, mine.stamp.id, state, now
        self._entries[news.client] = entry
        self._gone.pop(news.client, None)
        self._touch(news.client)

    def _answer_for(self, mine: _Peer, client: int, entry: _Entry) -> None:
        """Let this connection answer for a client, unless it only relays what is at home."""
        holder = entry.peer
        if holder is mine:
            return
        if holder is not None:
            if _relays(mine, holder, client) and entry.user == mine.stamp.id:
                return
            holder.clients.discard(client)
        most = self._limits.clients_per_peer
        if len(mine.clients) >= most:
            raise FrameTooLarge(f"presence of more than {most} clients over one connection")
        mine.clients.add(client)
        entry.peer = mine

    def _remove(self, client: int, entry: _Entry, clock: int, now: float) -> None:
        """Note that a client left. Its clock stays known, so that nothing late brings it back."""
        entry.clock, entry.state, entry.seen = clock, None, now
        self._gone.pop(client, None)
        self._gone[client] = None
        self._touch(client)
        # As many as can leave at once, when the network does.
        if len(self._gone) > self._limits.connections_per_room:
            self._forget(next(iter(self._gone)))

    def _forget(self, client: int) -> None:
        del self._gone[client]
        self._changed.pop(client, None)
        entry = self._entries.pop(client)
        if entry.peer is not None:
            entry.peer.clients.discard(client)

    def _touch(self, client: int) -> None:
        self._changed[client] = None
        self._everything = None

    def _farewell(self, clients: list[int]) -> bytes:
        """The body that says these left, each under the clock that is known."""
        entries = [self._entries[client] for client in clients]
        return join_entries([encode_entry(entry.key, entry.clock, LEFT) for entry in entries])

    def _encoded(self, entries: list[_Entry]) -> bytes:
        return self._sent.remember(
            [entry.client for entry in entries], [entry.wire for entry in entries]
        )


def _relays(mine: _Peer, holder: _Peer, client: int) -> bool:
    return holder.home == client and mine.home != client


def _may_speak(user: str, client: int, entry: _Entry | None, owner: str | None) -> bool:
    """Whether news of a client are taken from this user, or else ignored.

    Raises `ForeignClient` where the client is somebody else's beyond doubt. Who left a moment ago
    may come back, so until that is forgotten the id is kept for them.
    """
    if owner == user or (owner is None and (entry is None or entry.user == user)):
        return True
    if owner is None and entry is not None and entry.state is None:
        return False
    raise ForeignClient(f"presence of client {client}, which is another user's; use your own id")
