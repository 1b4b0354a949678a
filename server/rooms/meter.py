"""A meter: what one connection sends and costs, as token buckets."""

from __future__ import annotations

from crdt_calendar.limits import Limits


class Meter:
    """Says how long to hold a connection that sends faster than it may.

    Buckets may go into debt: the hold is the time in which the debt is paid off, during which the
    socket is simply not read, so that the sender's own TCP connection slows it down.
    """

    __slots__ = ("_at", "_bytes", "_limits", "_messages", "_seconds")

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._at = now
        self._messages = limits.messages_burst
        self._bytes = limits.bytes_burst
        self._seconds = limits.apply_burst

    def charge(self, size_bytes: int, now: float) -> float:
        """Account for one message; return the seconds to wait before reading the next, mostly 0."""
        limits = self._limits
        passed = now - self._at
        self._at = now
        messages = min(self._messages + passed * limits.messages_per_second, limits.messages_burst)
        size = min(self._bytes + passed * limits.bytes_per_second, limits.bytes_burst)
        seconds = min(self._seconds + passed * limits.apply_per_second, limits.apply_burst)
        self._messages = messages - 1
        self._bytes = size - size_bytes
        self._seconds = seconds
        if self._messages >= 0 and self._bytes >= 0 and seconds >= 0:
            return 0.0
        return max(
            -self._messages / limits.messages_per_second,
            -self._bytes / limits.bytes_per_second,
            -seconds / limits.apply_per_second,
        )

    def spend(self, seconds: float) -> float:
        """Account for time that an update took; return what is owed by now, in seconds to wait."""
        self._seconds -= seconds
        return max(0.0, -self._seconds / self._limits.apply_per_second)
