"""``/events/stream``: the same news as server-sent events, for those who only read.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from time import monotonic, time

import anyio
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from crdt_calendar.errors import CalendarError, InvalidValue, TooSlow
from crdt_calendar.shapes.envelopes import Outgoing
from crdt_calendar.shapes.messages import Range, ScopeFields, Style
from server.auth.middleware import check_origin, check_user, credentials
from server.gateways.events.attendance import Attendance
from server.gateways.events.client import Client, House
from server.gateways.events.scope import Scope as Part
from server.gateways.events.snapshot import SnapshotShape
from server.gateways.events.voice import STREAM
from server.gateways.line import SLOWEST_BYTES_PER_SECOND
from server.gateways.problem import problem
from server.rooms.frame import Bundle, Frame
from server.rooms.line import Line

FAREWELL_SECONDS = 1.0
QUIET_SECONDS = 15.0  # proxies cut what is silent for 30
HEARTBEAT = Frame(b": still here\n\n")
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class StreamLine(Line):
    """A line that is the body of an answer over HTTP."""

    __slots__ = ("_send",)

    def __init__(self, send: Send) -> None:
        self._send = send

    def offer(self, frame: Frame) -> bool:
        """Never: there is no writing without waiting here."""
        return False

    async def send(self, frame: Frame, patience_seconds: float) -> None:
        """Send the frame. Raises `TooSlow`."""
        body = b"".join(part.payload for part in frame.parts)
        seconds = patience_seconds + len(body) / SLOWEST_BYTES_PER_SECOND
        with anyio.move_on_after(seconds):
            await self._send({"type": "http.response.body", "body": body, "more_body": True})
            return
        raise TooSlow(f"nothing was read for {seconds:.0f} seconds")

    def abort(self) -> None:
        """The server closes when the application returns."""


class StreamClient(Client):
    """A client that only reads. What completes a commit has an id, from which it can go on."""

    def tell(self, frame: Frame, attendance: Attendance, before: int) -> None:
        """Send news of one room, with how far it is told of all rooms."""
        parts = frame.parts
        ended = [Frame(part.payload + b"\n") for part in parts[:-1]]
        last = Frame(parts[-1].payload + self._id() + b"\n")
        super().tell(Bundle([*ended, last], droppable=True), attendance, before)

    def tell_part(self, part: SnapshotShape, attendance: Attendance, position: int | None) -> None:
        """Send a part of a snapshot, and after the last one an id alone."""
        super().tell_part(part, attendance, None)
        if position is not None:
            alone = Frame(self._id() + b"\n", droppable=True)
            self.outbox.put(alone, attendance, position)

    def rest(self) -> None:
        """Break a silence."""
        self.spoken_at = monotonic()
        self.outbox.put(HEARTBEAT)

    def _id(self) -> bytes:
        settled = [one for one in self.attendances.values() if one.is_settled]
        told = ",".join(f"{one.project}:{one.position}" for one in settled)
        return f"id: {told}\n".encode() if told else b""

    def _send(self, told: Outgoing, fallback: Outgoing | None = None) -> None:
        frame = self.voice.frame(told)
        self.outbox.put(Frame(frame.payload + b"\n"))


class StreamConnection:
    """One reader."""

    def __init__(
        self, house: House, origins: frozenset[str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._house = house
        self._origins = origins
        self._request = Request(scope, receive)
        self._send = send
        self._ended = anyio.CancelScope()
        self._style = Style.COLON

    async def run(self, clients: set[Client]) -> None:
        """Serve until either side has enough."""
        try:
            client, wishes = await self._prepare()
        except CalendarError as error:
            self._house.observer.refused(error.slug)
            await problem(error)(self._request.scope, self._request.receive, self._send)
            return
        self._house.observer.connected("stream")
        clients.add(client)
        try:
            await self._serve(client, wishes)
        finally:
            clients.discard(client)
            client.close()
            self._house.observer.disconnected("stream")

    async def _prepare(self) -> tuple[StreamClient, list[tuple[ScopeFields, int | None]]]:
        """Who it is and what it wants. Raises `CalendarError`."""
        request, found = self._request, credentials(self._request.scope)
        check_origin(request.scope, self._origins, found.source)
        line = StreamLine(self._send)
        client = StreamClient(self._house, STREAM, line, self._ended.cancel)
        claims = await client.identify(found.token)
        check_user(request.scope, found, claims.user)
        wishes = _wishes(request)
        self._style = _style(request)
        for wish, _ in wishes:
            await client.admit(wish.project_id)
        return client, wishes

    async def _serve(
        self, client: StreamClient, wishes: list[tuple[ScopeFields, int | None]]
    ) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._until_gone)
            with self._ended:
                await self._attend(client, wishes)
                await anyio.sleep_forever()
            tasks.cancel_scope.cancel()
        error = client.error
        if error is not None:
            self._house.observer.closed(error.close_code)
            body = farewell(error)
            with anyio.move_on_after(FAREWELL_SECONDS, shield=True):
                await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def _attend(
        self, client: StreamClient, wishes: list[tuple[ScopeFields, int | None]]
    ) -> None:
        style = self._style
        try:
            for wish, since in wishes:
                await client.attend(
                    wish.project_id,
                    Part.of(wish),
                    style,
                    since=since,
                    has_snapshot=True,
                    is_shown=False,
                    welcome=lambda attendance, resumed: None,
                )
        except CalendarError as error:
            client.end(error)

    async def _until_gone(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self._ended.cancel()


def farewell(error: CalendarError) -> bytes:
    """The last that a reader is told; it has no way to see a close code."""
    voice = STREAM.frame(
        Outgoing(
            type="error",
            payload={
                "code": error.slug,
                "message": str(error),
                "status": error.http_status,
            },
            timestamp=int(time() * 1000),
            id="",
        )
    )
    return voice.payload + b"\n"


def _wishes(request: Request) -> list[tuple[ScopeFields, int | None]]:
    """What is asked for, and from where on. Raises `InvalidValue` naming the parameter."""
    words = request.query_params
    projects = list(dict.fromkeys(words.getlist("project")))
    if not projects:
        raise InvalidValue("project: missing; ?project=ID, once or more")
    span = None
    if "from" in words or "to" in words:
        span = Range(words.get("from", ""), words.get("to", ""))
    positions = _positions(request.headers.get("last-event-id") or words.get("since") or "")
    event = words.get("event")
    wishes = []
    for project in projects:
        wish = ScopeFields(project_id=project, range=span, event_id=event)
        Part.of(wish)
        wishes.append((wish, positions.get(project)))
    return wishes


def _positions(text: str) -> dict[str, int]:
    """The positions that an id names; one that is not ours says nothing."""
    found = {}
    for word in text.split(","):
        project, _, position = word.rpartition(":")
        if project and position.isascii() and position.isdigit() and len(position) < 17:
            found[project] = int(position)
    return found


def _style(request: Request) -> Style:
    try:
        return Style(request.query_params.get("style", Style.COLON.value))
    except ValueError:
        words = ", ".join(style.value for style in Style)
        raise InvalidValue(f"style: one of {words}") from None
