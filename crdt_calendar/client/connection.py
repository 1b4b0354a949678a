"""The connection as a state machine, sans I/O: comes, goes, comes back, and says how it is.

::

    state          begin()                 opened()     ended(...)
    CONNECTING     -                       CONNECTED    DISCONNECTED or ERROR
    CONNECTED      -                       CONNECTED    DISCONNECTED or ERROR
    DISCONNECTED   RECONNECTING            -            -
    RECONNECTING   -                       CONNECTED    DISCONNECTED or ERROR
    ERROR          (after `forgive`)       -            -

Whoever drives it asks `begin` what to do, does it, tells `opened` when the server's first message
is there and `ended` when the line is gone, and waits for `rest`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from crdt_calendar.client.backoff import wait_seconds
from crdt_calendar.client.timing import Timing
from crdt_calendar.errors import FrameTooLarge, ProtocolError, ServiceRestart, Unauthenticated
from crdt_calendar.errors import OverloadError as Overload

NO_WORD: Final = 1006
"""The line broke, or never opened, without a close code (RFC 6455 section 7.1.5)."""

BLOCKED_ATTEMPTS: Final = 2
"""Attempts by WebSocket that never opened before the other way is tried."""

_DO_NOT_RETRY: Final = range(4400, 4500)


class Status(Enum):
    """Where the connection stands."""

    CONNECTING = "connecting"  # the first attempt is under way
    CONNECTED = "connected"  # the server has let us in
    DISCONNECTED = "disconnected"  # there is no line; `retry_seconds` says when it is tried again
    RECONNECTING = "reconnecting"  # an attempt after the first is under way
    ERROR = "error"  # given up; `retry_now` tries again all the same


class Way(Enum):
    """How a line is made."""

    WEBSOCKET = "websocket"
    POLLING = "polling"


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """How the connection is. ``code`` and ``reason`` say why the last line ended, or did not open.

    ``failures`` counts failed attempts since the last line that opened.
    """

    status: Status
    way: Way | None = None
    failures: int = 0
    retry_seconds: float | None = None
    code: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What to do now: open a line this way, with a token that is fresh if the last was refused."""

    way: Way
    refused: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """How a line ended: close code and reason.

    ``reached`` is false when nobody took the connection, ``tried`` when it did not come to that.
    ``proxied`` is true when a proxy said that it finds no server behind it.
    """

    code: int = NO_WORD
    reason: str = ""
    reached: bool = True
    tried: bool = True
    proxied: bool = False


def is_final(code: int) -> bool:
    """Whether the same again would be refused again: docs/protocol.md, "Close codes"."""
    return code in _DO_NOT_RETRY or code in (ProtocolError.close_code, FrameTooLarge.close_code)


class Connection:
    """The state machine of one client. ``random`` gives [0, 1); ``changed`` hears of each state.

    ``renewable`` says whether a token that was refused can be replaced by another.
    """

    def __init__(
        self,
        timing: Timing,
        *,
        renewable: bool,
        random: Callable[[], float],
        changed: Callable[[ConnectionState], object],
    ) -> None:
        self._timing = timing
        self._renewable = renewable
        self._random = random
        self._changed = changed
        self._unopened = 0  # attempts by WebSocket in a row that nobody answered
        self._refused = False  # the last token was, and no line has opened since
        self._way = Way.WEBSOCKET
        self._open = False
        self._knocking = False
        self._proxied = False
        self._serving = False  # by what it said itself, since the last attempt
        self.state = ConnectionState(Status.CONNECTING)

    @property
    def rest(self) -> float:
        """Seconds to wait before `begin`."""
        return self.state.retry_seconds or 0.0

    @property
    def knocking(self) -> bool:
        """Whether to look now and then if somebody takes connections, and not to wait then."""
        return self._knocking

    @property
    def proxied(self) -> bool:
        """Whether it takes more than a connection to see that the server is there."""
        return self._proxied

    def serving(self) -> None:
        """The server itself has said that it is there."""
        self._serving = True

    def begin(self) -> Attempt:
        """The next attempt."""
        self._open = False
        self._way = Way.POLLING if self._unopened >= BLOCKED_ATTEMPTS else Way.WEBSOCKET
        if self.state.status is not Status.CONNECTING:
            self._set(replace(self.state, status=Status.RECONNECTING, retry_seconds=None))
        return Attempt(self._way, self._refused)

    def opened(self) -> None:
        """The first message of the server is there."""
        self._open = True
        self._refused = False
        if self._way is Way.WEBSOCKET:
            self._unopened = 0
        self._set(ConnectionState(Status.CONNECTED, self._way))

    def ended(self, ending: Ending) -> None:
        """The line is gone, or could not be made."""
        # Nobody took the connection, or a line broke that had been there: look if somebody is.
        was_cut = self._open and ending.code == NO_WORD
        self._knocking = not ending.reached or ending.proxied or was_cut
        self._proxied = ending.proxied
        # Where nobody takes connections, the other way would find nobody either. A proxy that finds
        # nobody for a WebSocket, while the server is there, does not let it through.
        expected = Ending(reason=ending.reason, proxied=ending.proxied and self._serving)
        is_silent = not self._open and ending == expected
        self._serving = False
        if is_silent:
            self._unopened += 1 if self._way is Way.WEBSOCKET else -1
        is_expired = ending.code == Unauthenticated.close_code
        if is_expired and self._renewable and not self._refused:
            self._refused = True
            self._wait(ending, 0.0)
        elif is_final(ending.code):
            self._give_up(ending)
        elif self._timing.attempts is not None and self._failed() >= self._timing.attempts:
            self._give_up(ending)
        elif is_silent and self._way is Way.WEBSOCKET and self._unopened == BLOCKED_ATTEMPTS:
            self._wait(ending, 0.0)  # by the other way at once
        else:
            self._wait(ending, self._pause(ending.code))

    def unblocked(self) -> None:
        """WebSocket works by now: take it at once."""
        self._unopened = 0
        self._wait(Ending(), 0.0)

    def forgive(self) -> None:
        """Try again whatever was refused before."""
        self._refused = False
        self._knocking = self._serving = False
        self._unopened = min(self._unopened, BLOCKED_ATTEMPTS - 1)  # another network, perhaps
        self._set(ConnectionState(Status.DISCONNECTED, retry_seconds=0.0))

    def closed(self) -> None:
        """The client lets go."""
        self._set(ConnectionState(Status.DISCONNECTED))

    def _failed(self) -> int:
        return 1 if self._open else self.state.failures + 1

    def _pause(self, code: int) -> float:
        if code == ServiceRestart.close_code:
            return self._timing.restart * self._random()
        pause = wait_seconds(self._failed(), self._timing, self._random)
        return self._timing.overload + pause if code == Overload.close_code else pause

    def _wait(self, ending: Ending, seconds: float) -> None:
        self._set(
            ConnectionState(
                Status.DISCONNECTED, None, self._failed(), seconds, ending.code, ending.reason
            )
        )

    def _give_up(self, ending: Ending) -> None:
        self._set(
            ConnectionState(Status.ERROR, None, self._failed(), None, ending.code, ending.reason)
        )

    def _set(self, state: ConnectionState) -> None:
        self.state = state
        self._changed(state)
