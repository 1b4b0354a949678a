"""A participant: somebody in a room, by whatever protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from crdt_calendar.errors import CalendarError
from crdt_calendar.protocol.awareness import Stamp
from server.auth.grants import Grant


class Participant:
    """Who somebody is, what they may do, and how they leave.

    ``ended`` is called once when the connection has to close, which the gateway then does, with
    ``error`` as the reason; ``reconsider`` says what the participant may do now, or raises.
    """

    __slots__ = ("_ended", "_reconsider", "error", "grant", "stamp")

    def __init__(
        self,
        grant: Grant,
        *,
        ended: Callable[[], object],
        reconsider: Callable[[Grant], Awaitable[Grant]],
    ) -> None:
        self.grant = grant
        self.stamp = Stamp(grant.user, grant.name or grant.user)
        self.error: CalendarError | None = None
        self._ended = ended
        self._reconsider = reconsider

    def end(self, error: CalendarError) -> None:
        """Close this connection, with that error as the reason."""
        if self.error is None:
            self.error = error
            self._ended()

    async def regrant(self) -> None:
        """Ask again what this participant may do; if that is nothing, it ends."""
        try:
            self.grant = await self._reconsider(self.grant)
        except CalendarError as error:
            self.end(error)
