"""The dialogue with one client: its messages in order, each with its answer.

What changes the calendar is written at once and acknowledged when it is on disk; what has to wait
(for a room to be loaded, for a token to be looked at) holds up the messages behind it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import Any, TypeVar

import anyio
import msgspec
from msgspec import UNSET

from crdt_calendar.errors import (
    CalendarError,
    InvalidValue,
    MalformedFrame,
    ProtocolError,
    RateExceeded,
    Unauthenticated,
)
from crdt_calendar.shapes import presence
from crdt_calendar.shapes.envelopes import Envelope, Malformed, inflate, is_compressed
from crdt_calendar.shapes.messages import (
    SPOKEN,
    AuthPayload,
    BatchWish,
    CursorPayload,
    Kind,
    Needs,
    OptionsPayload,
    ScopeFields,
    SelectPayload,
    Style,
    SubscribePayload,
    TypingPayload,
    name_of,
)
from server.gateways.events.attendance import Attendance
from server.gateways.events.client import Client
from server.gateways.events.editing import EDITS, SAID_OF_LINEUPS, Editing
from server.gateways.events.scope import Scope
from server.rooms.meter import Meter

log = logging.getLogger(__name__)

P = TypeVar("P")
Rest = Awaitable[None] | None


class Dialogue:
    """Takes what one client says."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._meter = Meter(client.limits, monotonic())
        self._editing = Editing(client, self._ack)
        self._handlers: Mapping[str, Callable[[Envelope, Kind, Style], Rest]] = {
            "auth": self._auth,
            "ping": self._ping,
            "pong": _ignore,
            "ack": _ignore,
            "options": self._options,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            **dict.fromkeys((*EDITS, *SAID_OF_LINEUPS), self._edit),
            "cursor": self._show,
            "select": self._show,
            "typing": self._show,
        }

    def take(self, data: bytes) -> Rest:
        """Take one frame; what is returned is to be awaited before the next one is given."""
        client, now = self._client, monotonic()
        if client.error is not None:
            return None
        hold = self._meter.charge(len(data), now)
        try:
            envelopes = self._read(data)
        except ProtocolError as error:
            client.house.observer.received("malformed", len(data))
            client.refuse(error)
            return self._hold(hold) if hold else None
        for _ in envelopes[1:]:
            hold = self._meter.charge(0, now)
        rest = self._take_all(envelopes)
        return self._hold(hold, rest) if hold or self._is_ahead else rest

    @property
    def _is_ahead(self) -> bool:
        """Whether the client has said more than it has taken answers to."""
        most = self._client.limits.outbox_bytes // 8
        return self._editing.writing_bytes > most or self._client.outbox.is_full

    def _read(self, data: bytes) -> list[Envelope | Malformed]:
        client = self._client
        codec, limits = client.voice.codec, client.limits
        if is_compressed(data):
            if not client.is_compressing:
                raise MalformedFrame("compressed; say OPTIONS with compress first")
            data = inflate(data, limits.envelope_bytes)
        return codec.read(data, limits.envelopes_per_frame)

    def _take_all(self, envelopes: Sequence[Envelope | Malformed]) -> Rest:
        for place, envelope in enumerate(envelopes):
            rest = self._take_one(envelope)
            if rest is not None:
                return self._finish(rest, envelope.id, envelopes[place + 1 :])
        return None

    def _take_one(self, envelope: Envelope | Malformed) -> Rest:
        client = self._client
        kind, style = SPOKEN.get(envelope.type, (None, Style.COLON))
        client.house.observer.received(kind.key if kind else "unknown", 0)
        try:
            if isinstance(envelope, Malformed):
                raise envelope.error
            if kind is None:
                raise InvalidValue(f"type: {envelope.type[:100]!r} is no message of this door")
            if kind.needs is not Needs.NOTHING and client.claims is None:
                raise Unauthenticated("say who you are: AUTH with a token in the payload")
            return self._handlers[kind.key](envelope, kind, style)
        except CalendarError as error:
            client.refuse(error, envelope.id)
        except Exception:
            log.exception("a message failed")
            client.refuse(CalendarError("this message failed; see the server's log"), envelope.id)
        return None

    async def _finish(
        self, rest: Awaitable[None], id: str, envelopes: Sequence[Envelope | Malformed]
    ) -> None:
        try:
            await rest
        except CalendarError as error:
            self._client.refuse(error, id)
        except Exception:
            log.exception("a message failed")
            self._client.refuse(CalendarError("this message failed; see the server's log"), id)
        if self._client.error is None and (more := self._take_all(envelopes)) is not None:
            await more

    async def _hold(self, seconds: float, rest: Rest = None) -> None:
        # While this waits the socket is not read: the sender's own TCP connection slows it down.
        if rest is not None:
            await rest
        if seconds > self._client.limits.hold_seconds:
            self._client.end(
                RateExceeded("far more messages than this connection may send; try again later")
            )
        await anyio.sleep(min(seconds, self._client.limits.hold_seconds))
        while self._is_ahead and self._client.error is None:
            await self._editing.written()
            await self._client.outbox.space()

    def _payload(self, envelope: Envelope, kind: type[P]) -> P:
        return self._client.voice.codec.payload(envelope, kind)

    def _ack(self, envelope: Envelope, kind: Kind, payload: object) -> None:
        wanted = kind.acked if envelope.require_ack is None else envelope.require_ack
        if wanted and envelope.id:
            self._client.say("ack", payload, envelope.id)

    # Who it is, and how it is spoken to

    def _auth(self, envelope: Envelope, kind: Kind, style: Style) -> Rest:
        return self._identify(envelope, kind, self._payload(envelope, AuthPayload).token)

    async def _identify(self, envelope: Envelope, kind: Kind, token: str) -> None:
        client = self._client
        try:
            claims = await client.identify(token)
        except Unauthenticated as error:
            if client.claims is None:
                client.end(error)
                return
            raise
        told = {"user": {"id": claims.user, "name": claims.name or claims.user}}
        self._ack(envelope, kind, {**told, "expires": claims.expires})

    def _ping(self, envelope: Envelope, kind: Kind, style: Style) -> Rest:
        settled = {
            project: one.position
            for project, one in self._client.attendances.items()
            if one.is_settled
        }
        nothing: dict[str, int] = {}
        payload, fallback = {"positions": settled}, {"positions": nothing}
        self._client.say(name_of("pong", style), payload, envelope.id, fallback=fallback)
        return None

    def _options(self, envelope: Envelope, kind: Kind, style: Style) -> Rest:
        client, wish = self._client, self._payload(envelope, OptionsPayload)
        self._ack(envelope, kind, {})
        if wish.compress is not UNSET:
            client.compress(bool(wish.compress))
        if isinstance(wish.batch, BatchWish) or wish.batch is True:
            batch = wish.batch if isinstance(wish.batch, BatchWish) else BatchWish()
            client.gather(batch.size, batch.delay / 1000)
        elif wish.batch is False:
            client.gather(0, 0)
        return None

    # What it hears of

    def _subscribe(self, envelope: Envelope, kind: Kind, style: Style) -> Rest:
        wish = self._payload(envelope, SubscribePayload)
        scope = Scope.of(wish)

        def welcome(attendance: Attendance, resumed: bool) -> None:
            told = {
                "projectId": wish.project_id,
                "scope": scope.name,
                "role": attendance.grant.role.name.lower(),
                "resumed": resumed,
            }
            self._ack(envelope, kind, told)

        return self._client.attend(
            wish.project_id,
            scope,
            wish.style or style,
            since=wish.since,
            has_snapshot=wish.snapshot,
            is_shown=wish.presence,
            welcome=welcome,
        )

    def _unsubscribe(self, envelope: Envelope, kind: Kind, style: Style) -> Rest:
        wish = self._payload(envelope, ScopeFields)
        is_whole = wish.range is None and wish.event_id is None and wish.name is None
        self._client.forget(wish.project_id, None if is_whole else Scope.of(wish))
        self._ack(envelope, kind, {"projectId": wish.project_id})
        return None

    # What it changes, and what it shows

    def _edit(self, envelope: Envelope, kind: Kind, style: Style) -> Rest:
        return self._editing.take(envelope, kind)

    def _show(self, envelope: Envelope, kind: Kind, style: Style) -> Rest:
        payload = self._payload(envelope, kind.payload)
        attendances = self._subscribed(payload.project_id)
        for attendance in attendances:
            state = _state(attendance.listener.shown or {}, payload)
            assert attendance.common is not None
            try:
                attendance.common.room.audience.show(attendance.listener, state)
            except (ProtocolError, ValueError) as error:
                raise InvalidValue(f"payload: {error}") from None
        self._ack(envelope, kind, {})
        return None

    def _subscribed(self, project: str | None) -> list[Attendance]:
        known = self._client.attendances
        found = (
            list(known.values())
            if project is None
            else [known[project]]
            if project in known
            else []
        )
        found = [one for one in found if one.common is not None]
        if not found:
            raise InvalidValue("payload.projectId: subscribe to the project first")
        return found


def _ignore(envelope: Envelope, kind: Kind, style: Style) -> Rest:
    """Clients acknowledge what they are told; nothing follows from that."""
    return None


def _state(state: presence.State, payload: Any) -> presence.State:
    match payload:
        case CursorPayload():
            return presence.with_pointer(state, payload.x, payload.y, payload.element_id)
        case SelectPayload():
            # Through JSON, as presence is: what MessagePack can say and JSON cannot is left out.
            chosen = msgspec.json.decode(msgspec.json.encode(payload.selection))
            return presence.with_selection(state, payload.element_id, chosen)
        case TypingPayload():
            element, is_typing = payload.element_id, payload.is_typing
            return presence.with_typing(state, element, is_typing=is_typing)
        case _:
            raise InvalidValue("type: nothing to show")
