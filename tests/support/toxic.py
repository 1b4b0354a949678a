"""A TCP proxy that does to a connection what networks do: a real line, gone bad on purpose.

It runs in a thread with an event loop of its own, so that tests of any async library can use it,
and what it does is not slowed down by what they do.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
HOST = "127.0.0.1"
CHUNK_BYTES = 16 * 1024


@dataclass
class Toxics:
    """What is wrong with the line now. Both ways; of what was said before, nothing is forgotten."""

    latency: float = 0.0  # seconds each chunk is late
    bytes_per_second: float = 0.0  # upwards; 0.0 is as fast as can be
    swallow: bool = False  # half open: what is said goes nowhere, and nobody hears of it
    block_websocket: bool = False  # like a proxy that lets none through
    websocket_answer: int = 400  # to one that is blocked
    away: bool = False  # like a proxy that finds no server behind it


@dataclass
class Toxic:
    """The proxy. ``up_bytes`` and ``connections`` count what has passed."""

    target_port: int
    port: int = 0
    toxics: Toxics = field(default_factory=Toxics)
    tls: ssl.SSLContext | None = None  # to be spoken with clients
    up_bytes: int = 0
    down_bytes: int = 0
    connections: int = 0

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._listener: socket.socket | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        if not self.port:
            with socket.socket() as probe:
                probe.bind((HOST, 0))
                self.port = probe.getsockname()[1]

    @property
    def url(self) -> str:
        """What a client is given as the server's URL."""
        return f"{'https' if self.tls else 'http'}://{HOST}:{self.port}"

    def accept(self) -> None:
        """Take connections."""
        self._do(self._listen())

    def refuse(self) -> None:
        """Take no connections any more; those that are there stay."""
        self._do(self._close())

    def cut(self) -> None:
        """Reset every connection that is there."""
        self._do(self._cut())

    def down(self) -> None:
        """The server is gone, as far as anybody can tell."""
        self.refuse()
        self.cut()

    def stop(self) -> None:
        """End the proxy."""
        self.down()
        self._do(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5.0)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(5.0)

    # asyncio's own server is not used: in Python 3.11, one that is closed while somebody is being
    # accepted leaves that socket open for ever.

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server((HOST, self.port))
            self._listener.setblocking(False)
            self._loop.add_reader(self._listener, self._accept)

    async def _close(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _accept(self) -> None:
        assert self._listener is not None
        with suppress(BlockingIOError):
            connection, _ = self._listener.accept()
            connection.setblocking(False)
            task = self._loop.create_task(self._greet(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _greet(self, connection: socket.socket) -> None:
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: protocol, connection, ssl=self.tls
            )
        except (OSError, asyncio.CancelledError):  # an ssl.SSLError is an OSError
            connection.close()
            return
        await self._serve(reader, asyncio.StreamWriter(transport, protocol, reader, self._loop))

    async def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _finish(self) -> None:
        await asyncio.sleep(0.01)  # a task that is cancelled before it begins closes nothing
        writers = list(self._writers)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)  # an aborted transport is closed in a later turn of the loop

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            head = await reader.read(CHUNK_BYTES)
            if self.toxics.block_websocket and b"upgrade: websocket" in head.lower():
                status = self.toxics.websocket_answer
                writer.write(b"HTTP/1.1 %d No\r\ncontent-length: 0\r\n\r\n" % status)
                await writer.drain()
                return
            if self.toxics.away:
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
                return
            far_reader, far = await asyncio.open_connection(HOST, self.target_port)
            self._writers.add(far)
            await self._pass(head, far, self._count_up, self.toxics.bytes_per_second)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._carry(reader, far, self._count_up, up=True))
                tasks.create_task(self._carry(far_reader, writer, self._count_down, up=False))
        except* OSError:
            pass
        finally:
            for each in (writer, far):
                if each is not None:
                    self._writers.discard(each)
                    each.close()  # what was said before the end is still heard

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        count: Callable[[int], None],
        *,
        up: bool,
    ) -> None:
        while data := await reader.read(CHUNK_BYTES):
            await self._pass(data, writer, count, self.toxics.bytes_per_second if up else 0.0)
        with suppress(OSError):
            writer.write_eof()
        raise ConnectionResetError  # one side has gone: so does the other

    async def _pass(
        self,
        data: bytes,
        writer: asyncio.StreamWriter,
        count: Callable[[int], None],
        bytes_per_second: float,
    ) -> None:
        if self.toxics.latency:
            await asyncio.sleep(self.toxics.latency)
        if bytes_per_second:
            await asyncio.sleep(len(data) / bytes_per_second)
        if self.toxics.swallow:
            return
        count(len(data))
        writer.write(data)
        await writer.drain()

    def _count_up(self, size: int) -> None:
        self.up_bytes += size

    def _count_down(self, size: int) -> None:
        self.down_bytes += size


@contextmanager
def toxic(target_port: int, tls: ssl.SSLContext | None = None) -> Iterator[Toxic]:
    """A proxy in front of that port, until the block ends."""
    proxy = Toxic(target_port, tls=tls)
    proxy.accept()
    try:
        yield proxy
    finally:
        proxy.stop()
