"""A listener: somebody in a room who hears changes as values, and not the updates themselves."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from random import SystemRandom

from crdt_calendar.errors import CalendarError
from crdt_calendar.limits import Limits
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.protocol.presence import Json
from server.auth.grants import Grant
from server.rooms.meter import Meter
from server.rooms.news import Heard, Told
from server.rooms.participant import Participant

CLIENT_BITS = 32  # as large as the ids that Yjs makes

log = logging.getLogger(__name__)


class Listener(Participant):
    """One connection to one room through a door that is not Yjs.

    ``heard`` is called on the loop, in order: with `Opened` first, then with `News` after each
    commit and `Shown` when presence changes. It must not wait, and should only encode and queue.
    ``look`` says what `Opened` shows. ``since`` is a position from which to be told what was
    missed. ``meter`` is for the gateway to charge what comes in.
    """

    __slots__ = ("_heard", "client", "clock", "look", "meter", "shown", "shown_at", "since")

    def __init__(
        self,
        grant: Grant,
        limits: Limits,
        *,
        now: float,
        heard: Callable[[Heard], object],
        ended: Callable[[], object],
        reconsider: Callable[[Grant], Awaitable[Grant]],
        look: Callable[[Calendar], object] = lambda calendar: None,
        since: int | None = None,
    ) -> None:
        super().__init__(grant, ended=ended, reconsider=reconsider)
        self.meter = Meter(limits, now)
        self.client = SystemRandom().getrandbits(CLIENT_BITS)
        self.clock = 0
        self.shown: Mapping[str, Json] | None = None
        self.shown_at = now
        self.look = look
        self.since = since
        self._heard = heard

    def glance(self, calendar: Calendar) -> object:
        """What `look` makes of the calendar."""
        seen: list[object] = [None]
        self._guarded(lambda: seen.append(self.look(calendar)))
        return seen[-1]

    def hear(self, what: Heard) -> None:
        """Tell it."""
        self._guarded(lambda: self._heard(what))

    def _guarded(self, call: Callable[[], object]) -> None:
        """What goes wrong with one listener must not reach the room."""
        if self.error is not None:
            return
        try:
            call()
        except CalendarError as error:
            self.end(error)
        except Exception:
            log.exception("a listener failed")
            self.end(CalendarError("this connection failed; see the server's log"))


@dataclass(frozen=True, slots=True)
class Draft:
    """News on their way to the disk, and who is to hear them."""

    told: Told
    listeners: tuple[Listener, ...]
