"""A seat: one socket at one board. It hears what the room says and passes it on.

What is on its way is the latest of each line-up, not each message: whoever reads slowly skips what
has been overtaken, and costs no more than one board.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Protocol

import anyio

from crdt_calendar.errors import CalendarError, Forbidden, InvalidValue
from crdt_calendar.limits import Limits
from crdt_calendar.model.changes import CalendarChanged, Updated
from crdt_calendar.model.lineup import Lineup
from crdt_calendar.model.row import Row
from crdt_calendar.shapes.lineups import (
    LineupId,
    LineupShape,
    document_id,
    natural_id,
)
from server.auth.grants import Grant
from server.gateways.board.whole import Boards
from server.rooms.listener import Listener
from server.rooms.news import Heard, News, Shown
from server.rooms.registry import Registry
from server.rooms.room import Room

EDITING = "lineup"
"""The key of a presence state: ``{id}`` of the line-up that somebody is editing."""

WHOLE_SECONDS = 0.25  # from one whole board to the next: a file of people may come one by one

log = logging.getLogger(__name__)


class Outlet(Protocol):
    """Where a seat says what it has to say."""

    async def emit(self, event: str, data: object) -> None:
        """Send one event to the socket."""

    async def drained(self) -> None:
        """Wait until what was sent is taken. Raises `TooSlow`."""


class Seat:
    """One socket's place at one board, from `take` on until `leave`, or until ``error`` is set."""

    def __init__(self, outlet: Outlet, grant: Grant, limits: Limits, boards: Boards) -> None:
        self.retreat = grant.project
        self.error: CalendarError | None = None
        self.gone = anyio.Event()
        self._outlet = outlet
        self._grant = grant
        self._limits = limits
        self._boards = boards
        self._scope = anyio.CancelScope()
        self._taken = anyio.Event()
        self._wake = anyio.Event()
        self._room: Room | None = None
        self._listener: Listener | None = None
        self._was_sent = False
        self._sent_all_at = float("-inf")
        self._all = False  # the whole board is to be sent
        self._rows: dict[str, tuple[int, Row]] = {}  # to be sent, and as of which position
        self._editing: dict[int, tuple[LineupId | None, Mapping[str, object]]] = {}
        self._told: dict[int, tuple[LineupId, str, str]] = {}  # who was last said to be where
        self._as_text: set[str] = set()  # whole numbers that this socket writes as text

    async def take(
        self, registry: Registry, epoch: int, reconsider: Callable[[Grant], Awaitable[Grant]]
    ) -> None:
        """Be there until `leave`, or until the room or the socket has enough."""
        try:
            async with registry.visit(self.retreat, self._grant.user) as room:
                with self._scope:
                    listener = self._listen(room, reconsider)
                    with room.audience.attended(listener):
                        if epoch != registry.epoch:  # memberships changed meanwhile
                            await listener.regrant()
                        await self._pass_on(room)
                self.error = listener.error
        except CalendarError as error:
            self.error = error
        except Exception:
            log.exception("a seat at a board failed", extra={"project": self.retreat})
            self.error = CalendarError("this connection failed; see the server's log")
        finally:
            self._listener = self._room = None
            self.gone.set()
            self._taken.set()

    @property
    def was_taken(self) -> bool:
        """Whether the board had been sent before whatever came then."""
        return self._was_sent

    async def taken(self) -> None:
        """Wait until the board has been sent. Raises what kept it from being."""
        await self._taken.wait()
        if not self._was_sent:
            raise self.error or Forbidden("left before the board was there")

    def leave(self) -> None:
        """Be gone, without a word."""
        self._scope.cancel()

    # What the socket asks for

    async def edit(self, change: Callable[[Lineup], LineupShape]) -> LineupShape:
        """Do that as this user; the line-up afterwards, once it is on disk."""
        room, listener = self._here()

        def apply(board: Lineup) -> LineupShape:
            line = change(board)
            self._remember(line.id)  # before anybody hears of it
            return line

        return await room.edit_as(Lineup, listener.grant, apply)

    def show(self, lineup_id: LineupId | None) -> None:
        """Let everybody see which line-up this user is editing; None for none."""
        room, listener = self._here()
        state: dict[str, object] = {"user": {}}
        if lineup_id is not None:
            state[EDITING] = {"id": document_id(lineup_id)}
            self._remember(lineup_id)
        room.audience.show(listener, state)  # type: ignore[arg-type]

    def _here(self) -> tuple[Room, Listener]:
        if self._room is None or self._listener is None:
            raise self.error or Forbidden("no longer in that retreat; join again")
        return self._room, self._listener

    def _remember(self, asked: LineupId) -> None:
        if isinstance(asked, str) and natural_id(asked) != asked:
            self._as_text.add(asked)
        elif isinstance(asked, int):
            self._as_text.discard(str(asked))

    # What the room says

    def _listen(self, room: Room, reconsider: Callable[[Grant], Awaitable[Grant]]) -> Listener:
        listener = Listener(
            self._grant,
            self._limits,
            now=monotonic(),
            heard=self._hear,
            ended=self._scope.cancel,
            reconsider=reconsider,
        )
        self._room, self._listener = room, listener
        return listener

    def _hear(self, what: Heard) -> None:
        match what:
            case News():
                self._hear_news(what)
            case Shown():
                self._hear_presence(what)
            case _:
                self._all = True
        self._wake.set()

    def _hear_news(self, news: News) -> None:
        for change in news.lineups:
            row = None if isinstance(change, CalendarChanged) else news.rows.get(change.id)
            if isinstance(change, Updated) and row is not None:
                self._rows[row.id] = (news.position, row)
            else:  # there is one more, or one less
                self._all = True

    def _hear_presence(self, what: Shown) -> None:
        for client, state in what.states.items():
            self._editing[client] = (_edited(state), state)
        for client in what.left:
            self._editing[client] = (None, {})

    async def _pass_on(self, room: Room) -> None:
        while True:
            await self._wake.wait()
            self._wake = anyio.Event()
            await self._outlet.drained()
            if self._all:
                await self._send_all(room)
            rows, self._rows = self._rows, {}
            for _, row in rows.values():
                await self._outlet.emit("lineup-updated", self._words(LineupShape.of(row)))
            await self._send_editing()

    async def _send_all(self, room: Room) -> None:
        await anyio.sleep(max(0.0, self._sent_all_at + WHOLE_SECONDS - monotonic()))
        self._all, self._sent_all_at = False, monotonic()
        board = await self._boards.read(room)
        for lineup_id, (position, _) in list(self._rows.items()):
            if position <= board.position:
                del self._rows[lineup_id]
        await self._outlet.emit("initial-data", [self._words(line) for line in board.value])
        if not self._was_sent:
            self._was_sent = True
            self._taken.set()
            states = room.presence.states()
            for client, one in states.items():
                if one.value is not None:
                    self._editing.setdefault(client, (_edited(one.value), one.value))
            self.show(None)

    async def _send_editing(self) -> None:
        own = self._listener.client if self._listener else None
        editing, self._editing = self._editing, {}
        for client, (lineup_id, state) in editing.items():
            if client == own:
                continue
            known = self._told.pop(client, None)
            if lineup_id is not None:
                now = (lineup_id, *_user(state))
                self._told[client] = now
                if now != known:
                    await self._say_editing(*now)
            elif known is not None:
                await self._say_editing(None, known[1], known[2])

    async def _say_editing(self, lineup_id: LineupId | None, user: str, name: str) -> None:
        shown_id = None if lineup_id is None else self._id(lineup_id)
        told = {"lineupId": shown_id, "userId": user, "userName": name}
        await self._outlet.emit("user-editing", told)

    def _words(self, line: LineupShape) -> dict[str, object]:
        return {**line.to_plain(), "id": self._id(line.id)}

    def _id(self, lineup_id: LineupId) -> LineupId:
        text = str(lineup_id)
        return text if text in self._as_text else lineup_id


def _edited(state: Mapping[str, object]) -> LineupId | None:
    """The line-up that somebody says they edit. Anybody may show anything."""
    place = state.get(EDITING)
    try:
        given = place.get("id") if isinstance(place, Mapping) else None
        return None if given is None else natural_id(document_id(given))
    except InvalidValue:
        return None


def _user(state: Mapping[str, object]) -> tuple[str, str]:
    user = state.get("user")
    fields = user if isinstance(user, Mapping) else {}
    return str(fields.get("id", "")), str(fields.get("name", ""))
