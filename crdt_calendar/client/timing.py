"""Every time a client keeps, with the reason for its number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How patient a client is; all in seconds unless a name says otherwise."""

    # Before the next attempt: anywhere up to a step that grows, so that a thousand clients of a
    # server that comes back do not come at once (full jitter).
    first: float = 1.0
    factor: float = 1.5
    most: float = 30.0
    # Failed attempts in a row after which it gives up; None: never.
    attempts: int | None = None
    # While nobody takes connections there, how often to look whether somebody does. It costs the
    # server a handshake of TCP, and whoever waits half a minute is back within two seconds.
    knock: float = 1.5
    # A server that restarts (1012) is back in a moment; one that is overloaded (1013) is not.
    restart: float = 1.0
    overload: float = 5.0

    # From the first byte to the first message of the server. Twice that for long polling.
    opening: float = 5.0
    # Whoever gives out tokens may have to ask a person's browser, but not for longer.
    token: float = 10.0
    # After so long without a word from the server it is asked for one, and then given so long.
    heartbeat: float = 30.0
    answer: float = 5.0
    # How long a poll waits for news; proxies cut what is silent for 30.
    poll: float = 25.0
    # While polling: when to see whether WebSocket works by now, twice as long after each failure.
    probe: float = 60.0
    most_probe: float = 600.0

    # The server forgets presence that is not renewed for 30.
    presence: float = 15.0
    # Pointers move more often than anybody looks.
    presence_pause: float = 0.05
    # What comes from the server may be fetched again: it may wait for the disk to be asked once.
    write: float = 0.2
    # On the way out, how long edits that are under way have to arrive.
    farewell: float = 2.0
