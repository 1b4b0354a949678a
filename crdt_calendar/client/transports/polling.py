"""HTTP long polling, where WebSocket is blocked: ``/sync/{project}`` of docs/protocol.md.

One request waits for what the server has to say, another carries what we have to say. The server
keeps nothing it has answered: when an answer is lost the session is over, and the next one begins
with the states of both sides, as any line does.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio

from crdt_calendar.client.connection import NO_WORD, Ending
from crdt_calendar.client.transports import AWAY, LineLost, Sent, Target
from crdt_calendar.errors import FrameTooLarge, MalformedFrame
from crdt_calendar.protocol.lib0 import Reader, encode_uint

if TYPE_CHECKING:
    import httpx

PIECE_BYTES = 16 * 1024
SESSION_HEADER = "sync-session"
_GONE = 410
_SLACK_SECONDS = 10.0  # beyond the time that the server holds a poll
_FAREWELL_SECONDS = 0.5
_MOST_PROBLEM_BYTES = 64 * 1024


@asynccontextmanager
async def open_polling(target: Target) -> AsyncIterator[Polling]:
    """A session of long polling, until the block ends. Raises `LineLost`."""
    import httpx  # a tenth of a second that only those pay who are behind such a proxy

    timeout = httpx.Timeout(target.timing.opening, read=target.timing.poll + _SLACK_SECONDS)
    verify = target.tls or True
    async with httpx.AsyncClient(timeout=timeout, verify=verify, headers=target.headers) as client:
        session = Polling(client, target)
        try:
            await session.begin()
            yield session
        finally:
            with anyio.move_on_after(_FAREWELL_SECONDS, shield=True):
                await session.leave()


class Polling:
    """One session; a `Transport`."""

    def __init__(self, client: httpx.AsyncClient, target: Target) -> None:
        self._client = client
        self._target = target
        self._session = ""
        self._messages: list[bytes] = []

    async def begin(self) -> None:
        """Open the session. Raises `LineLost`."""
        await self._post({}, [], _ignore)
        if not self._session:
            raise LineLost(Ending(NO_WORD, "the answer to a poll names no session"))

    async def send(self, frames: Sequence[bytes], sent: Sent) -> None:
        """Send them in one request, taken by the server when it answers; see `Transport.send`."""
        await self._post({"session": self._session}, frames, sent)

    async def receive(self) -> bytes:
        """The next message; polls until there is one. See `Transport.receive`."""
        wait = f"{self._target.timing.poll:g}"
        while not self._messages:
            await self._post({"session": self._session, "wait": wait}, [], _ignore)
        return self._messages.pop(0)

    async def leave(self) -> None:
        """End the session, so that others see at once that we have left."""
        import httpx

        if self._session:
            with suppress(httpx.HTTPError, OSError):
                url = self._target.address.polling_url
                await self._client.delete(url, params={"session": self._session})

    async def _post(self, query: dict[str, str], frames: Sequence[bytes], sent: Sent) -> None:
        import httpx

        body = b"".join(part for frame in frames for part in (encode_uint(len(frame)), frame))
        request = self._client.build_request(
            "POST",
            self._target.address.polling_url,
            params=query,
            headers={"content-type": "application/octet-stream", "content-length": str(len(body))},
        )
        request.stream = _stream(body, sent)
        try:
            response = await self._client.send(request, stream=True)
            try:
                answer = await self._read(response)
            finally:
                await response.aclose()
        except httpx.ConnectError as error:
            raise LineLost(Ending(NO_WORD, f"nobody answers: {error}", reached=False)) from error
        except (httpx.HTTPError, OSError) as error:
            raise LineLost(Ending(NO_WORD, str(error) or type(error).__name__)) from error
        if response.status_code >= 300:
            raise LineLost(_ending(response.status_code, answer))
        self._session = response.headers.get(SESSION_HEADER, self._session)
        self._messages += _unpacked(answer)

    async def _read(self, response: httpx.Response) -> bytes:
        is_fine = response.status_code < 300
        most = self._target.most_bytes if is_fine else _MOST_PROBLEM_BYTES
        code = FrameTooLarge.close_code if is_fine else NO_WORD
        too_large = LineLost(Ending(code, f"the server sent more than {most} bytes in one answer"))
        if int(response.headers.get("content-length", "0")) > most:
            raise too_large
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > most:  # it did not say how long it is
                raise too_large
        return bytes(body)


def _stream(body: bytes, sent: Sent) -> httpx.AsyncByteStream:
    """The body in pieces, told of when the network has taken them.

    An object, not an async generator: trio wants those to be closed, and httpx does not close one
    whose request fails in the middle.
    """
    import httpx

    class Pieces(httpx.AsyncByteStream):
        def __init__(self) -> None:
            self._at = 0
            self._taken = 0

        def __aiter__(self) -> AsyncIterator[bytes]:
            return self

        async def __anext__(self) -> bytes:
            if self._taken < self._at:  # whoever asks for more has handed on what there was
                sent(self._at - self._taken)
                self._taken = self._at
            piece = body[self._at : self._at + PIECE_BYTES]
            if not piece:
                raise StopAsyncIteration
            self._at += len(piece)
            return piece

    return Pieces()


def _unpacked(body: bytes) -> Iterator[bytes]:
    reader = Reader(body)
    try:
        while not reader.at_end:
            yield reader.read_bytes()
    except MalformedFrame as error:
        raise LineLost(Ending(NO_WORD, f"the answer to a poll does not read: {error}")) from error


def _ending(status: int, answer: bytes) -> Ending:
    """What a problem (RFC 9457) says; its ``code`` is the close code of a socket."""
    try:
        problem = json.loads(answer)
        code, detail = int(problem["code"]), str(problem.get("detail", ""))
    except (ValueError, KeyError, TypeError):
        return Ending(NO_WORD, f"the answer was {status}", proxied=status in AWAY)
    # A session that is over is nothing to wait for: the next one may begin.
    return Ending(NO_WORD if status == _GONE else code, detail)


def _ignore(count: int) -> None:
    """Nobody wants to know."""
