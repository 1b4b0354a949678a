"""The intake: order and patience, whatever takes its time and however bytes arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import BytesMessage, Event, Message, Ping, TextMessage

from crdt_calendar.errors import CalendarError, FrameTooLarge
from server.serving.intake import Intake

LIMIT = 1000


class Transport(asyncio.Transport):
    """A transport that only knows whether it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = True
        self.protocol: asyncio.BaseProtocol = Inner()

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self.protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return False


class Inner(asyncio.Protocol):
    """The protocol that was there before: notes what it is told."""

    def __init__(self) -> None:
        self.data = b""
        self.told: list[str] = []

    def data_received(self, data: bytes) -> None:
        self.data += data

    def eof_received(self) -> bool | None:
        self.told.append("eof")
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append("lost")

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")


class Room:
    """Receives; a message that begins with `w` takes until `go` is set."""

    def __init__(self) -> None:
        self.heard: list[bytes | None] = []
        self.ended: list[CalendarError] = []
        self.go = asyncio.Event()
        self.intake = Intake(LIMIT, self.receive, self.ended.append)
        self.transport = Transport()
        self.inner = self.transport.protocol
        self.intake.take_over(self.transport)

    def receive(self, data: bytes | None) -> Awaitable[None] | None:
        if data is not None and data.startswith(b"w"):
            return self._wait(data)
        self.heard.append(data)
        return None

    async def _wait(self, data: bytes) -> None:
        await self.go.wait()
        self.heard.append(data)


def written(*events: Event) -> bytes:
    client = Connection(ConnectionType.CLIENT)
    return b"".join(client.send(event) for event in events)


def messages(*payloads: bytes) -> bytes:
    return written(*(BytesMessage(data=payload) for payload in payloads))


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_messages_are_delivered_in_one_call() -> None:
    async def main() -> None:
        room = Room()
        assert room.transport.protocol is room.intake
        room.intake.data_received(messages(b"one", b"two"))
        assert room.heard == [b"one", b"two"]

    asyncio.run(main())


def test_nothing_overtakes_a_message_that_takes_its_time() -> None:
    async def main() -> None:
        room = Room()
        room.intake.data_received(messages(b"one", b"wait", b"two", b"wait again", b"three"))
        room.intake.data_received(messages(b"four"))  # was on its way when reading stopped
        room.intake.data_received(messages(b"wait more", b"five"))
        await settled()
        assert room.heard == [b"one"]
        assert not room.transport.reading
        room.go.set()
        await settled()
        await settled()
        rest = [b"wait", b"two", b"wait again", b"three", b"four", b"wait more", b"five"]
        assert room.heard == [b"one", *rest]
        assert room.transport.reading

    asyncio.run(main())


@pytest.mark.parametrize("first", [b"one", b"wait"])
def test_all_else_goes_on_to_who_was_there_before(first: bytes) -> None:
    async def main() -> None:
        room = Room()
        other = written(Ping(payload=b"p"), TextMessage(data="text"))
        room.intake.data_received(messages(first) + other)
        room.go.set()
        await settled()
        assert isinstance(room.inner, Inner)
        assert room.inner.data == other
        server = Connection(ConnectionType.SERVER)
        server.receive_data(room.inner.data)
        assert sum(isinstance(event, Message) for event in server.events()) == 1

    asyncio.run(main())


def test_a_frame_over_the_limit_is_told_once_and_nothing_of_it_is_delivered() -> None:
    async def main() -> None:
        room = Room()
        room.intake.data_received(messages(bytes(LIMIT + 1)))
        assert [type(error) for error in room.ended] == [FrameTooLarge]
        assert room.heard == []

    asyncio.run(main())


def test_what_concerns_the_connection_reaches_who_was_there_before() -> None:
    async def main() -> None:
        room = Room()
        room.intake.pause_writing()
        room.intake.resume_writing()
        room.intake.eof_received()
        room.intake.connection_lost(None)
        assert isinstance(room.inner, Inner)
        assert room.inner.told == ["pause", "resume", "eof", "lost"]

    asyncio.run(main())
