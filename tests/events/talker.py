"""A client of the events door over a real socket: it keeps what it is told, and a replay of it."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import anyio
import msgspec
import websockets
from websockets.asyncio.client import ClientConnection

from tests.support.server import HOST, ServerProcess

Message = dict[str, Any]
JSON, MSGPACK = "calendar.v1.json", "calendar.v1.msgpack"
POLL_SECONDS = 0.002
WAIT_SECONDS = 30.0  # on a machine that does much else


class Mirror:
    """What a client knows of a project from what it was told, as docs/doors/events.md says."""

    def __init__(self) -> None:
        self.events: dict[str, Message] = {}
        self.position: int | None = None

    def hear(self, message: Message) -> None:
        """Apply one message."""
        payload: Any = message.get("payload")
        match message["type"]:
            case "snapshot" | "SNAPSHOT":
                if payload["part"] == 0:
                    self.events.clear()
                self.events |= {event["id"]: event for event in payload.get("events", ())}
            case "event:created" | "EVENT_CREATED" | "event:updated" | "EVENT_UPDATED":
                self.events[payload["id"]] = payload
            case "event:deleted" | "EVENT_DELETED":
                self.events.pop(payload, None)
            case "calendar:update":
                for change in payload["changes"]:
                    self._change(change)
        self.position = message.get("position", self.position)

    def _change(self, change: Message) -> None:
        if change["action"] == "deleted":
            self.events.pop(change["id"], None)
        else:
            self.events[change["id"]] = change["event"]

    def titles(self) -> dict[str, str]:
        """The titles by id."""
        return {key: event["title"] for key, event in self.events.items()}


class Talker:
    """One connection."""

    def __init__(self, socket: ClientConnection, protocol: str) -> None:
        self.socket = socket
        self.protocol = protocol
        self.heard: list[Message] = []
        self.frames: list[str | bytes] = []
        self.mirrors: dict[str, Mirror] = {}
        self._numbers = count(1)

    def mirror(self, project: str) -> Mirror:
        """What it knows of that project."""
        return self.mirrors.setdefault(project, Mirror())

    async def send(self, data: object) -> None:
        """Send that, encoded."""
        if self.protocol == JSON:
            await self.socket.send(msgspec.json.encode(data).decode())
        else:
            await self.socket.send(msgspec.msgpack.encode(data))

    async def say(self, type_: str, payload: object = None, **further: object) -> str:
        """Send one message; return its id."""
        id_ = str(further.pop("id", f"message-{id(self)}-{next(self._numbers)}"))
        message = {"type": type_, "id": id_, "timestamp": 1, **further}
        await self.send(message if payload is None else {**message, "payload": payload})
        return id_

    async def ask(self, type_: str, payload: object = None, **further: object) -> Message:
        """Say something; return its acknowledgement or error."""
        id_ = await self.say(type_, payload, **further)
        return await self.answer(id_)

    async def answer(self, id_: str) -> Message:
        """Wait for the acknowledgement or the error with that id."""
        found = await self.until(
            lambda m: m["type"] in ("ack", "error", "pong", "PONG") and m["id"] == id_
        )
        return found

    async def done(self, type_: str, payload: object = None, **further: object) -> Message:
        """Say something that succeeds; return what the acknowledgement says."""
        answer = await self.ask(type_, payload, **further)
        assert answer["type"] == "ack", answer
        told: Message = answer["payload"]
        return told

    async def until(self, condition: Callable[[Message], object], since: int = 0) -> Message:
        """Wait for a message; return the first for which the condition holds."""
        with anyio.fail_after(WAIT_SECONDS):
            while True:
                for message in self.heard[since:]:
                    if condition(message):
                        return message
                if self.closed is not None:
                    raise AssertionError(f"closed with {self.closed}; heard {self.heard}")
                await anyio.sleep(POLL_SECONDS)

    async def told(self, type_: str, since: int = 0) -> Message:
        """Wait for the first message of that type."""
        return await self.until(lambda message: message["type"] == type_, since)

    async def so(self, condition: Callable[[], object]) -> None:
        """Wait until that is so."""
        with anyio.fail_after(WAIT_SECONDS):
            while not condition():  # noqa: ASYNC110  # it may be about anything
                await anyio.sleep(POLL_SECONDS)

    def all(self, *types: str) -> list[Message]:
        """What it has heard of those types."""
        return [message for message in self.heard if message["type"] in types]

    @property
    def closed(self) -> tuple[int, str] | None:
        """Code and reason of the close frame that came; None while open."""
        code = self.socket.close_code
        return None if code is None else (code, self.socket.close_reason or "")

    async def until_closed(self) -> int:
        """Wait for the end of the connection; return the code."""
        with anyio.fail_after(WAIT_SECONDS):
            await self.socket.wait_closed()
        assert self.closed is not None
        return self.closed[0]

    async def listen(self) -> None:
        """Take in everything until the connection ends."""
        try:
            async for frame in self.socket:
                self.frames.append(frame)
                for message in self._read(frame):
                    self.heard.append(message)
                    if "projectId" in message:
                        self.mirror(message["projectId"]).hear(message)
        except websockets.ConnectionClosed:
            return

    def _read(self, frame: str | bytes) -> list[Message]:
        data = frame.encode() if isinstance(frame, str) else frame
        if isinstance(frame, bytes) and frame[:1] == b"\x78":
            data = zlib.decompress(data)
        decode = msgspec.json.decode if self.protocol == JSON else msgspec.msgpack.decode
        told = decode(data)
        return told if isinstance(told, list) else [told]


@asynccontextmanager
async def talking(
    server: ServerProcess,
    token: str | None,
    *,
    protocol: str = JSON,
    query: str = "",
) -> AsyncIterator[Talker]:
    """A connection to the events door, until the block ends."""
    words = f"?token={token}{query}" if token else f"?{query}"
    socket = await websockets.connect(
        f"ws://{HOST}:{server.port}/events{words}",
        subprotocols=[websockets.Subprotocol(protocol)],
        compression=None,
        max_size=None,
        ping_interval=None,
        close_timeout=1.0,
    )
    try:
        talker = Talker(socket, protocol)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(talker.listen)
            yield talker
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await socket.close()


@asynccontextmanager
async def subscribed(
    server: ServerProcess,
    project: str,
    user: str = "ann",
    role: str = "editor",
    *,
    protocol: str = JSON,
    upper: bool = False,
    **wish: object,
) -> AsyncIterator[Talker]:
    """A connection that hears of a project and has its snapshot."""
    async with talking(server, server.token(user, project, role), protocol=protocol) as talker:
        word = "SUBSCRIBE_PROJECT" if upper else "subscribe"
        await talker.done(word, {"projectId": project, **wish})
        if "since" not in wish and wish.get("snapshot", True):
            await talker.until(
                lambda m: m["type"] in ("snapshot", "SNAPSHOT") and m["payload"]["last"]
            )
        yield talker
