"""Presence bodies that were just sent, to be recognised when stock clients send them back.

y-websocket's awareness handler does not look at where news came from: what it hears it also tells,
whole, entries in the same order. Only a client's entry for itself is missing, because that is no
news to it. So N clients answer every body N times; each answer has to cost next to nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from crdt_calendar.protocol.lib0 import encode_uint

# At sixty bodies a second, what comes back within a quarter of one is still remembered. All rooms
# together pay for more.
_MOST_BODIES: Final = 16
_MOST_BYTES: Final = 128 * 1024

# What is reflected comes back within a round trip; a room that rests need not keep it longer.
_KEPT_SECONDS: Final = 5.0
# Reading this many entries takes longer than looking for a body that lacks one.
_SEVERAL: Final = 4


class _Sent(NamedTuple):
    body: bytes
    first: int  # where the first entry begins
    spans: dict[int, tuple[int, int]]  # where each client's entry is

    def is_but_for(self, client: int, body: bytes) -> bool:
        """Whether `body` is this one without the entry of a client."""
        span = self.spans.get(client)
        if span is None:
            return False
        start, stop = span
        count = encode_uint(len(self.spans) - 1)
        if len(body) != len(count) + start - self.first + len(self.body) - stop:
            return False
        return body == b"".join((count, self.body[self.first : start], self.body[stop:]))


class SentBodies:
    """The last few bodies, the latest first."""

    __slots__ = ("_aged", "_aged_at", "_bodies", "_bytes", "_sent")

    def __init__(self) -> None:
        self._aged = 0  # how many of the bodies were there when they were last aged
        self._aged_at = float("-inf")
        self._bodies: deque[bytes] = deque()
        self._sent: deque[_Sent] = deque()
        self._bytes = 0

    def reflects(self, body: bytes, client: int | None) -> bool:
        """Whether a body, coming from this client, is one of those."""
        if body in self._bodies:
            return True
        if client is None or not body or body[0] < _SEVERAL:
            return False
        return any(sent.is_but_for(client, body) for sent in self._sent)

    def remember(self, clients: Sequence[int], entries: Sequence[bytes]) -> bytes:
        """The body of these clients' entries, from now on remembered."""
        count = encode_uint(len(entries))
        body = count + b"".join(entries)
        spans: dict[int, tuple[int, int]] = {}
        start = len(count)
        for client, entry in zip(clients, entries, strict=True):
            spans[client] = (start, start + len(entry))
            start += len(entry)
        self._bodies.appendleft(body)
        self._sent.appendleft(_Sent(body, len(count), spans))
        self._bytes += len(body)
        while len(self._bodies) > _MOST_BODIES or self._bytes > _MOST_BYTES:
            self._drop_oldest()
        return body

    def age(self, now: float) -> None:
        """Forget what was sent more than a few seconds ago; call it now and then."""
        if now - self._aged_at < _KEPT_SECONDS:
            return
        for _ in range(self._aged):
            self._drop_oldest()
        self._aged, self._aged_at = len(self._bodies), now

    def _drop_oldest(self) -> None:
        self._sent.pop()
        self._bytes -= len(self._bodies.pop())
        self._aged = max(self._aged - 1, 0)
