"""A client: one connection, whatever it came by; who it is, what it hears of, what it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic, time
from typing import Any, Protocol

from msgspec import structs

from crdt_calendar.errors import (
    CalendarError,
    Forbidden,
    InvalidValue,
    NoSuchProject,
    OverloadError,
    Unauthenticated,
)
from crdt_calendar.limits import Limits
from crdt_calendar.shapes.envelopes import Outgoing, field_of
from crdt_calendar.shapes.messages import Style, name_of
from server.auth.authority import Authority
from server.auth.grants import Grant
from server.auth.tokens import Claims
from server.gateways.events.attendance import Attendance
from server.gateways.events.commons import Commons
from server.gateways.events.memory import Memory
from server.gateways.events.scope import Scope
from server.gateways.events.snapshot import SnapshotShape
from server.gateways.events.voice import Voice
from server.gateways.outbox import Gathering, Outbox
from server.rooms.frame import Frame
from server.rooms.line import Line
from server.rooms.observer import Observer
from server.rooms.registry import Registry

ANSWERS = ("ack", "error")  # have the id of what they answer, or none


class House(Protocol):
    """What all clients of the door share."""

    registry: Registry
    authority: Authority
    limits: Limits
    observer: Observer
    commons: Commons
    memory: Memory
    start: Callable[..., object]


class Client:
    """One connection. ``ended`` closes it, once, with ``error`` as the reason."""

    def __init__(self, house: House, voice: Voice, line: Line, ended: Callable[[], object]) -> None:
        self.house = house
        self.is_gathering = False
        self._voice = voice
        self.claims: Claims | None = None
        self.epoch = house.registry.epoch  # when the claims were looked at last
        self.since = monotonic()
        self.error: CalendarError | None = None
        self.attendances: dict[str, Attendance] = {}
        self.spoken_at = monotonic()
        self._ended = ended
        self._number = 0
        self._token: str | None = None
        self.outbox = Outbox(
            line,
            house.limits,
            spawn=house.start,
            ended=self.end,
            drained=self._catch_up,
        )

    # What attendances need

    @property
    def voice(self) -> Voice:
        """How its messages are written; those that are joined are compressed afterwards."""
        return self._voice.plain if self.is_gathering else self._voice

    def compress(self, wanted: bool) -> None:
        """Compress what is large from now on, or no longer."""
        self._voice = self._voice.compressing if wanted else self._voice.plain

    @property
    def is_compressing(self) -> bool:
        """Whether that was asked for."""
        return self._voice.is_compressing

    @property
    def registry(self) -> Registry:
        """Where rooms are."""
        return self.house.registry

    @property
    def limits(self) -> Limits:
        """What is allowed."""
        return self.house.limits

    @property
    def commons(self) -> Commons:
        """What connections of one room have in common."""
        return self.house.commons

    async def reconsider(self, grant: Grant) -> Grant:
        """What it may do now."""
        if self.claims is None:
            raise Unauthenticated("nobody is here")
        return await self.house.authority.regrant(grant, self.claims)

    def tell(self, frame: Frame, attendance: Attendance, before: int) -> None:
        """Send news of one room."""
        self._count(len(frame.parts), len(frame))
        self.outbox.put(frame, attendance, before)

    def tell_part(self, part: SnapshotShape, attendance: Attendance, position: int | None) -> None:
        """Send a part of a snapshot; the last one may say the position."""
        told = self._outgoing(name_of("snapshot", attendance.style), part)
        told.project_id, told.position = attendance.project, position
        self._send(told, None if position is None else structs.replace(told, position=None))

    def lost(self, attendance: Attendance, error: CalendarError | None) -> None:
        """An attendance is over. One project of several may be lost; anything else ends all."""
        if self.attendances.get(attendance.project) is attendance:
            del self.attendances[attendance.project]
        if error is None or self.error is not None:
            return
        is_local = isinstance(error, Forbidden | NoSuchProject) or not attendance.opened.is_set()
        if not attendance.opened.is_set():
            return  # whoever asked for it is told
        if is_local and self.attendances:
            self.refuse(error, project=attendance.project)
        else:
            self.end(error)

    # What it is told

    def say(self, type_: str, payload: object, id: str = "", *, fallback: object = None) -> None:
        """Send one message that is for this client alone.

        ``fallback`` is another payload, for when news before it have to be dropped.
        """
        told = self._outgoing(type_, payload)
        if id or type_ in ANSWERS:
            told.id = id
        self._send(told, None if fallback is None else structs.replace(told, payload=fallback))

    def _outgoing(self, type_: str, payload: object) -> Outgoing:
        self._number += 1
        now_ms = int(time() * 1000)
        return Outgoing(type=type_, payload=payload, timestamp=now_ms, id=f"m{self._number}")

    def _send(self, told: Outgoing, fallback: Outgoing | None = None) -> None:
        frame = self.voice.frame(told)
        self._count(1, len(frame))
        self.outbox.put(frame, fallback=None if fallback is None else self.voice.frame(fallback))

    def refuse(self, error: CalendarError, id: str = "", *, project: str | None = None) -> None:
        """Say what is wrong with the message of that id; the connection stays."""
        self.house.observer.refused(error.slug)
        payload: dict[str, Any] = {
            "code": error.slug,
            "message": str(error),
            "status": error.http_status,
        }
        if (field := field_of(error)) is not None and error.http_status in (400, 413, 422):
            payload["field"] = field
        if project is not None:
            payload["projectId"] = project
        self.say("error", payload, id)

    def end(self, error: CalendarError) -> None:
        """Close this connection, with that error as the reason."""
        if self.error is None:
            self.error = error
            self._ended()

    def close(self) -> None:
        """The connection is gone."""
        if self.error is None:
            self.error = OverloadError("gone")
        self.outbox.close()
        for attendance in list(self.attendances.values()):
            attendance.leave()

    def gather(self, size: int, seconds: float) -> None:
        """Collect what goes out: so many messages at most, for so long; a size of 0 ends that."""
        self.outbox.gather(Gathering(size, seconds, self._pack) if size else None)
        self.is_gathering = bool(size)

    def _pack(self, frames: Sequence[Frame]) -> Frame:
        return self._voice.pack(frames)

    def _count(self, messages: int, size_bytes: int) -> None:
        self.spoken_at = monotonic()
        self.house.observer.sent(messages, size_bytes)

    def _catch_up(self) -> None:
        for attendance in list(self.attendances.values()):
            attendance.catch_up()

    # Who it is, and what it hears of

    async def identify(self, token: str | None) -> Claims:
        """Take these credentials from now on. Raises `Unauthenticated`, `Forbidden`."""
        epoch = self.registry.epoch
        claims = await self.house.authority.identify(token)
        if self.claims is not None and self.claims.user != claims.user:
            raise Forbidden(
                f"payload.token: this connection is {self.claims.user}'s; open another one"
            )
        self.claims, self.epoch, self._token = claims, epoch, token
        for attendance in list(self.attendances.values()):
            await attendance.listener.regrant()
        return claims

    async def recheck(self) -> None:
        """Memberships or tokens have changed. Raises `Unauthenticated` if it is nobody by now."""
        epoch = self.registry.epoch
        if self.claims is not None:
            await self.house.authority.identify(self._token)
        self.epoch = epoch

    async def admit(self, project: str) -> Grant:
        """What it may do in that project. Raises `AccessError`."""
        if self.claims is None:
            raise Unauthenticated("say who you are: AUTH with a token in the payload")
        attendance = self.attendances.get(project)
        if attendance is not None and attendance.common is not None:
            return attendance.grant
        return await self.house.authority.admit(self.claims, project)

    async def attend(
        self,
        project: str,
        scope: Scope,
        style: Style,
        *,
        since: int | None,
        has_snapshot: bool,
        is_shown: bool,
        welcome: Callable[[Attendance, bool], object],
    ) -> None:
        """Hear of that part of a project from now on. Raises `CalendarError`."""
        self._check_space(project, scope)
        if since is not None:
            scope.seen = None
        attendance = self.attendances.get(project)
        if attendance is not None and attendance.common is not None:
            attendance.common.check_scope(scope)
            attendance.style = style
            attendance.scopes[scope.name] = scope
            welcome(attendance, since is not None)
            if since is not None:
                attendance.tell_again(since)
            elif has_snapshot:
                attendance.show_all(scope)
            return
        epoch = self.registry.epoch
        grant = await self.admit(project)
        attendance = Attendance(
            self, grant, style, since=since, has_snapshot=has_snapshot, is_shown=is_shown
        )
        attendance.scopes[scope.name] = scope
        attendance.welcome = lambda resumed: welcome(attendance, resumed)
        self.attendances[project] = attendance
        self.house.start(attendance.run, epoch)
        await attendance.opened.wait()
        if attendance.error is not None:
            raise attendance.error

    def forget(self, project: str, scope: Scope | None) -> None:
        """Hear no longer of that part, or of all of a project. Raises `InvalidValue`."""
        attendance = self.attendances.get(project)
        if attendance is None or (scope is not None and scope.name not in attendance.scopes):
            raise InvalidValue("payload: there is no such subscription")
        if scope is not None:
            del attendance.scopes[scope.name]
        if scope is None or not attendance.scopes:
            del self.attendances[project]
            attendance.leave()

    def _check_space(self, project: str, scope: Scope) -> None:
        held = sum(len(one.scopes) for one in self.attendances.values())
        most = self.limits.subscriptions_per_connection
        known = self.attendances.get(project)
        if held >= most and (known is None or scope.name not in known.scopes):
            raise InvalidValue(f"payload: {most} subscriptions on one connection are the most")
