"""A peer that comes by long polling: the client of the other tests on requests, not on a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio
import httpx
from pycrdt import Doc, Map
from websockets.asyncio.client import ClientConnection

from crdt_calendar.errors import ServiceRestart
from crdt_calendar.protocol import messages
from crdt_calendar.protocol.lib0 import Reader
from crdt_calendar.protocol.messages import Message, SyncStep1
from tests.support.client import LIMITS, Client
from tests.support.forged import sized
from tests.support.server import HOST

SECONDS = 40.0  # no answer takes longer; a poll waits for 25


def site(port: int, **options: Any) -> httpx.AsyncClient:
    """An HTTP client of the server on that port."""
    return httpx.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=SECONDS, **options)


def bearer(token: str) -> dict[str, str]:
    """The header with that token in it."""
    return {"authorization": f"Bearer {token}"}


def frames_of(body: bytes) -> list[bytes]:
    """The messages of an answer, each preceded by its length."""
    reader, frames = Reader(body), []
    while not reader.at_end:
        frames.append(reader.read_bytes())
    return frames


class Polling:
    """One user at the door of one project; every request is answered as it comes."""

    def __init__(self, http: httpx.AsyncClient, project: str, token: str) -> None:
        self.http = http
        self.path = f"/sync/{project}"
        self.headers = bearer(token)
        self.session = ""

    async def open(self, *said: Message | bytes) -> httpx.Response:
        """Begin a session, saying that at once."""
        answer = await self._post(_body(said), {})
        self.session = answer.headers.get("sync-session", "")
        return answer

    async def say(self, *said: Message | bytes) -> httpx.Response:
        """Say these messages in one request."""
        return await self.say_bytes(_body(said))

    async def say_bytes(self, body: bytes) -> httpx.Response:
        """Say whatever is in these bytes."""
        return await self._post(body, {"session": self.session})

    async def poll(self, **parameters: str) -> httpx.Response:
        """Wait for what there is to say."""
        return await self._post(b"", {"session": self.session, **parameters})

    async def heard(self) -> list[Message]:
        """What the next poll is answered."""
        answer = await self.poll()
        assert answer.status_code == 200, answer.text
        return [messages.decode(frame, LIMITS) for frame in frames_of(answer.content)]

    async def leave(self) -> httpx.Response:
        """End the session."""
        parameters = {"session": self.session}
        return await self.http.delete(self.path, params=parameters, headers=self.headers)

    async def _post(self, body: bytes, parameters: Mapping[str, str]) -> httpx.Response:
        return await self.http.post(
            self.path, params=parameters, headers=self.headers, content=body
        )


class PollingLine:
    """What a `Client` needs of a socket, by requests."""

    def __init__(self, polling: Polling, opened: httpx.Response) -> None:
        self.close_code: int | None = None
        self.close_reason = ""
        self._polling = polling
        self._frames = frames_of(opened.content)
        self._closed = anyio.Event()

    async def send(self, frame: bytes) -> None:
        """Say one message."""
        answer = await self._polling.say(frame)
        assert answer.status_code == 204, answer.text

    async def wait_closed(self) -> None:
        """Wait until a poll was refused."""
        await self._closed.wait()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            for frame in self._frames:
                yield frame
            try:
                answer = await self._polling.poll()
            except httpx.ConnectError:  # between two polls a server may go without a word
                self.close_code = ServiceRestart.close_code
                self._closed.set()
                return
            if answer.status_code != 200:
                break
            self._frames = frames_of(answer.content)
        refusal = answer.json()
        self.close_code, self.close_reason = refusal["code"], refusal["detail"]
        self._closed.set()


@asynccontextmanager
async def polled(
    port: int, token: str, project: str, *, user: str = "tester"
) -> AsyncIterator[Client]:
    """A client that polls and has sent its SyncStep1, until the block ends.

    When it does, its connections break in the middle of a poll.
    """
    async with site(port) as http, anyio.create_task_group() as tasks:
        polling = Polling(http, project, token)
        doc: Doc[Map[object]] = Doc()
        opened = await polling.open(SyncStep1(doc.get_state()))
        assert opened.status_code == 200, opened.text
        client = Client(cast(ClientConnection, PollingLine(polling, opened)), user, doc)
        tasks.start_soon(client.listen)
        yield client
        tasks.cancel_scope.cancel()


def _body(said: tuple[Message | bytes, ...]) -> bytes:
    frames = (each if isinstance(each, bytes) else messages.encode(each) for each in said)
    return b"".join(map(sized, frames))
