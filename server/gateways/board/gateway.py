"""The events of the board's namespace, and who may say them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import anyio
from socketio import AsyncNamespace
from socketio.exceptions import ConnectionRefusedError as Refused
from starlette.types import Receive, Scope, Send

from crdt_calendar.errors import AccessError, CalendarError, InvalidValue, Unauthenticated
from crdt_calendar.limits import Limits
from crdt_calendar.shapes.boards import CreateMemo, DeleteMemo, Edit, UpdateMemo, UpdateNumber
from server.auth.authority import Authority
from server.auth.middleware import Credentials, Source, check_origin, check_user, credentials
from server.auth.tokens import Claims
from server.gateways.board.asked import Editing, read
from server.gateways.board.engine import SocketServer
from server.gateways.board.packets import MALFORMED, NAMESPACE
from server.gateways.board.seat import Seat
from server.gateways.board.whole import Boards
from server.rooms.observer import Observer
from server.rooms.registry import Registry

GATEWAY = "board"
KIND = "lineup"
JOIN_FAILED, UPDATE_FAILED = "JOIN_FAILED", "UPDATE_FAILED"
EDITS: dict[str, tuple[type[Edit], str]] = {
    "update-gbs-number": (UpdateNumber, UPDATE_FAILED),
    "create-lineup-memo": (CreateMemo, "CREATE_MEMO_FAILED"),
    "update-lineup-memo": (UpdateMemo, "UPDATE_MEMO_FAILED"),
    "delete-lineup-memo": (DeleteMemo, "DELETE_MEMO_FAILED"),
}
"""By event: what it asks for, and the code of its failure."""

KNOWN = frozenset({*EDITS, "join-retreat", "leave-retreat", "user-editing"})
"""Every event that a client may say."""

Answer = dict[str, object]

log = logging.getLogger(__name__)


class Kinded(Protocol):
    """A project as its keeper has it."""

    @property
    def kind(self) -> str: ...


class Projects(Protocol):
    """Whoever keeps the projects."""

    async def project(self, id: str, /) -> Kinded | None:
        """The project of that id."""


@dataclass(slots=True)
class Member:
    """One socket of which it is known whose it is."""

    sid: str
    eio_sid: str
    token: str
    claims: Claims
    server: SocketServer
    observer: Observer
    seat: Seat | None = None
    turn: anyio.Lock = field(default_factory=anyio.Lock)  # polling may say two things at once

    async def emit(self, event: str, data: object) -> None:
        """Send one event to the socket."""
        await self.server.emit(event, data, to=self.sid, namespace=NAMESPACE)
        self.observer.sent(1, 0)

    async def drained(self) -> None:
        """Wait until what was sent is taken. Raises `TooSlow`."""
        await self.server.drained(self.eio_sid)


class Board:
    """The ASGI application behind ``/socket.io``. ``start`` runs a coroutine function beside it."""

    def __init__(
        self,
        registry: Registry,
        authority: Authority,
        limits: Limits,
        observer: Observer,
        projects: Projects,
        start: Callable[..., object],
        allowed_origins: Collection[str] = (),
    ) -> None:
        self.registry = registry
        self.authority = authority
        self.limits = limits
        self.observer = observer
        self.projects = projects
        self.start = start
        self.allowed_origins = allowed_origins
        self.boards = Boards()
        self.server = SocketServer(limits, self._allows)
        self.server.register_namespace(_Events(self))
        start(self.server.run)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one WebSocket."""
        await self.server.handle_request(scope, receive, send)

    def check_origin(self, scope: Scope, source: Source = Source.NONE) -> None:
        """Raise `Forbidden` if a page of a foreign origin may not come in.

        As of a WebSocket, whatever the request: a GET, too, opens a session here.
        """
        check_origin({**scope, "type": "websocket"}, self.allowed_origins, source)

    def _allows(self, origin: str | None, environ: dict[str, Any]) -> bool:
        try:
            self.check_origin(environ["asgi.scope"])
        except CalendarError:
            return False
        return True


@dataclass(slots=True)
class _Failure(Exception):
    code: str
    error: CalendarError


class _Events(AsyncNamespace):  # type: ignore[misc]
    """Who is connected, and what they ask for. Events of one socket come one after another."""

    def __init__(self, board: Board) -> None:
        super().__init__(NAMESPACE)
        self._board = board
        self._members: dict[str, Member] = {}

    async def trigger_event(self, event: str, *args: Any) -> object:
        """Dispatch one event; what it returns is acknowledged."""
        sid, rest = args[0], args[1:]
        if event == "connect":
            await self._connect(sid, *rest)
            return None
        member = self._members.get(sid)
        if member is None:
            return None
        if event == "disconnect":
            self._disconnect(member)
            return None
        self._board.observer.received(event if event in KNOWN else "unknown", 0)
        try:
            async with member.turn:
                return await self._answer(member, event, rest)
        except _Failure as failure:
            return await self._fail(member, failure)
        except Exception:  # python-socketio would keep it to itself
            log.exception("an event of a board failed", extra={"event": event[:80]})
            fault = CalendarError("this failed; see the server's log")
            return await self._fail(member, _Failure(code_of(event), fault))

    # Coming and going

    async def _connect(self, sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        scope, server = environ["asgi.scope"], self._board.server
        eio_sid = server.manager.eio_sid_from_sid(sid, NAMESPACE)
        token = auth.get("token") if isinstance(auth, dict) else None
        found = Credentials(token) if isinstance(token, str) and token else credentials(scope)
        try:
            self._board.check_origin(scope, found.source)
            claims = await self._board.authority.identify(found.token)
            check_user(scope, found, claims.user)
        except CalendarError as error:
            self._board.observer.refused(error.slug)
            raise Refused(_refusal(found, error), _reason(error)) from error
        if not server.is_open(eio_sid):  # gone meanwhile, and nobody would say so again
            raise Refused("too late")
        server.introduced(eio_sid)
        observer = self._board.observer
        observer.connected(GATEWAY)
        self._members[sid] = Member(sid, eio_sid, found.token or "", claims, server, observer)

    def _disconnect(self, member: Member) -> None:
        del self._members[member.sid]
        self._board.server.estranged(member.eio_sid)
        self._board.observer.disconnected(GATEWAY)
        if member.seat is not None:
            member.seat.leave()

    # What they ask for

    async def _answer(self, member: Member, event: str, data: tuple[Any, ...]) -> object:
        if event in EDITS:
            return await self._edit(member, event, data)
        if event == "join-retreat":
            return await self._join(member, data)
        if event == "leave-retreat":
            return await self._leave(member, data)
        if event == "user-editing":
            return self._editing(member, data)
        words = str(data[0]) if event == MALFORMED and data else f"{event[:80]}: unknown event"
        raise _Failure(code_of(event), InvalidValue(words))

    async def _edit(self, member: Member, event: str, data: tuple[Any, ...]) -> Answer:
        kind, code = EDITS[event]
        try:
            seat = _seat(member)
            line = await seat.edit(read(_only(data), kind).apply)
        except CalendarError as error:
            raise _Failure(code, error) from error
        return line.to_plain()

    async def _join(self, member: Member, data: tuple[Any, ...]) -> Answer:
        await self._leave(member, ())
        board = self._board
        try:
            slug = _only(data)
            if not isinstance(slug, str):
                raise InvalidValue("retreatSlug: the id of a project, as text")
            epoch = board.registry.epoch
            claims = await board.authority.identify(member.token)
            grant = await board.authority.admit(claims, slug)
            project = await board.projects.project(slug)
            if project is None or project.kind != KIND:
                raise InvalidValue(f"retreatSlug: {slug} is no line-up board")
            if self._members.get(member.sid) is not member:  # gone meanwhile
                return {}
            seat = member.seat = Seat(member, grant, board.limits, board.boards)
            reconsider = partial(board.authority.regrant, claims=claims)
            board.start(self._stay, member, seat, epoch, reconsider)
            await seat.taken()
        except CalendarError as error:
            raise _Failure(JOIN_FAILED, error) from error
        return {"retreatSlug": slug, "role": grant.role.name.lower()}

    async def _leave(self, member: Member, data: tuple[Any, ...]) -> Answer:
        seat = member.seat
        if seat is not None and data[:1] in ((), (None,), (seat.retreat,)):
            member.seat = None
            seat.leave()
            await seat.gone.wait()
        return {}

    def _editing(self, member: Member, data: tuple[Any, ...]) -> Answer:
        try:
            asked = read(_only(data), Editing)
            _seat(member).show(asked.lineup_id)
        except CalendarError as error:
            raise _Failure(UPDATE_FAILED, error) from error
        return {}

    # The end of a seat, and errors

    async def _stay(
        self, member: Member, seat: Seat, epoch: int, reconsider: Callable[..., Any]
    ) -> None:
        await seat.take(self._board.registry, epoch, reconsider)
        if member.seat is seat and seat.error is not None and seat.was_taken:
            await self._dismiss(member, seat.error)

    async def _dismiss(self, member: Member, error: CalendarError) -> None:
        """Somebody may not stay. They may come back by themselves unless told otherwise."""
        member.seat = None
        self._board.observer.closed(error.close_code)
        log.info("connection closed", extra=_log_words(member, error))
        if not isinstance(error, AccessError):  # the transport ends: Socket.IO clients come back
            await self._board.server.end(member.eio_sid)
            return
        await self._fail(member, _Failure(JOIN_FAILED, error))
        await self._board.server.disconnect(member.sid, namespace=NAMESPACE)

    async def _fail(self, member: Member, failure: _Failure) -> Answer:
        self._board.observer.refused(failure.error.slug)
        told = {"message": str(failure.error), "code": failure.code}
        await member.emit("error", told)
        return {"error": told}


def code_of(event: str) -> str:
    """The code of an event's failure."""
    if event in EDITS:
        return EDITS[event][1]
    return JOIN_FAILED if event in ("join-retreat", "leave-retreat") else UPDATE_FAILED


def _seat(member: Member) -> Seat:
    if member.seat is None:
        raise InvalidValue("Not in a retreat room; send join-retreat first")
    return member.seat


def _only(data: tuple[Any, ...]) -> object:
    if len(data) != 1:
        raise InvalidValue(f"data: one argument is wanted, not {len(data)}")
    return data[0]


def _refusal(found: Credentials, error: CalendarError) -> str:
    """What the client hears as the error's message; the rest is in its ``data``."""
    if not isinstance(error, Unauthenticated):
        return str(error)
    return "Invalid token" if found.token else "Authentication required"


def _reason(error: CalendarError) -> Answer:
    return {"code": error.close_code, "slug": error.slug, "reason": str(error)}


def _log_words(member: Member, error: CalendarError) -> dict[str, object]:
    return {
        "user": member.claims.user,
        "code": error.close_code,
        "slug": error.slug,
        "reason": str(error),
    }
