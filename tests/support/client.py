"""A Yjs client in Python over a real socket: y-protocols, `websockets`, a `pycrdt.Doc`.

It hears everything in a task of its own. Tests edit by `Client.edit` and wait by `Client.until`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

import anyio
import websockets
from pycrdt import Doc, Map
from websockets.asyncio.client import ClientConnection

from crdt_calendar.limits import Limits
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.protocol import messages
from crdt_calendar.protocol.messages import (
    Awareness,
    Message,
    PermissionDenied,
    SyncStatus,
    SyncStep1,
    SyncStep2,
    Update,
)
from crdt_calendar.protocol.presence import Json, PresenceState, read_presence, write_presence

T = TypeVar("T")
LIMITS = Limits()
POLL_SECONDS = 0.002


def calendar_of(doc: Doc[Map[object]], user: str = "tester") -> Calendar:
    """The calendar on a document."""
    return Calendar(doc, clock=lambda: datetime.now(UTC), new_id=lambda: str(uuid4()), user=user)


class Client:
    """One connection. ``doc`` may have lived through other connections before."""

    def __init__(self, socket: ClientConnection, user: str, doc: Doc[Map[object]]) -> None:
        self.socket = socket
        self.user = user
        self.doc = doc
        self.calendar = calendar_of(doc, user)
        self.synced = False
        self.denied: list[str] = []
        self.statuses: list[bytes] = []
        self.updates: list[bytes] = []  # as they came, SyncStep2 included
        self.present: dict[int, PresenceState] = {}
        self.asked = 0  # how often the server asked for what it lacks
        self.presence_clock = 0

    @property
    def closed(self) -> tuple[int, str] | None:
        """Code and reason of the close frame that came; 1006 if the line broke; None while open."""
        code = self.socket.close_code
        return None if code is None else (code, self.socket.close_reason or "")

    async def send(self, message: Message | bytes) -> None:
        """Send one message."""
        frame = message if isinstance(message, bytes) else messages.encode(message)
        await self.socket.send(frame)

    async def edit(self, change: Callable[[Calendar], T]) -> T:
        """Change the calendar; send one Update a transaction, as stock clients do."""
        emitted: list[bytes] = []
        subscription = self.doc.observe(lambda event: emitted.append(event.update))
        try:
            result = change(self.calendar)
        finally:
            self.doc.unobserve(subscription)
        for update in emitted:
            await self.send(Update(update))
        return result

    async def show(self, client: int | None = None, **state: Json) -> None:
        """Show presence, under the document's own client id unless another is given."""
        self.presence_clock += 1
        mine = self.doc.client_id if client is None else client
        shown = PresenceState(mine, self.presence_clock, "", state)
        await self.send(Awareness(write_presence([shown])))

    async def until(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        """Wait until the condition holds. Raises `TimeoutError`."""
        with anyio.fail_after(seconds):
            while not condition():  # noqa: ASYNC110  # it may be about anything
                await anyio.sleep(POLL_SECONDS)

    async def until_synced(self) -> None:
        """Wait until the server has answered our SyncStep1."""
        await self.until(lambda: self.synced)

    async def until_closed(self, seconds: float = 10.0) -> tuple[int, str]:
        """Wait for the end of the connection; return code and reason."""
        with anyio.fail_after(seconds):
            await self.socket.wait_closed()
        assert self.closed is not None
        return self.closed

    async def listen(self) -> None:
        """Take in everything until the connection ends."""
        try:
            async for frame in self.socket:
                assert isinstance(frame, bytes)
                await self._take(messages.decode(frame, LIMITS))
        except websockets.ConnectionClosed:
            return

    async def _take(self, message: Message) -> None:
        match message:
            case SyncStep1(state_vector):
                self.asked += 1
                await self.send(SyncStep2(self.doc.get_update(state_vector)))
            case SyncStep2(update) | Update(update):
                self.doc.apply_update(update)
                self.updates.append(update)
                self.synced = self.synced or isinstance(message, SyncStep2)
            case Awareness(body):
                self._see(read_presence(body, LIMITS))
            case PermissionDenied(reason):
                self.denied.append(reason)
            case SyncStatus(payload):
                self.statuses.append(payload)

    def _see(self, states: list[PresenceState]) -> None:
        for state in states:
            if state.value is None:
                self.present.pop(state.client, None)
            else:
                self.present[state.client] = state


@asynccontextmanager
async def connected(
    url: str,
    token: str,
    project: str = "demo",
    *,
    user: str = "tester",
    doc: Doc[Map[object]] | None = None,
    origin: str | None = None,
) -> AsyncIterator[Client]:
    """A client that has sent its SyncStep1, until the block ends."""
    socket = await websockets.connect(
        f"{url}/{project}?token={token}",
        compression=None,
        max_size=None,
        origin=websockets.Origin(origin) if origin else None,
        ping_interval=None,
        close_timeout=1.0,
    )
    try:
        client = Client(socket, user, Doc() if doc is None else doc)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.listen)
            await _begin(client)
            yield client
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await socket.close()


async def _begin(client: Client) -> None:
    try:
        await client.send(SyncStep1(client.doc.get_state()))
    except websockets.ConnectionClosed:
        return  # refused: `closed` says why
