"""A WebSocket connection by hand (RFC 6455), for what no library would send."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from tests.support.server import HOST, ServerProcess

MASK = b"\x01\x02\x03\x04"
CLOSE = 0x88
BINARY, TEXT, CONTINUATION = 2, 1, 0


def frame(
    payload: bytes, opcode: int = BINARY, *, masked: bool = True, final: bool = True, rsv: int = 0
) -> bytes:
    """One frame, with whatever flags."""
    first = (0x80 if final else 0) | rsv | opcode
    body = _masked(payload) if masked else payload
    return bytes((first,)) + header(len(payload), masked) + body


def header(length: int, masked: bool = True) -> bytes:
    """The second byte of a frame and what follows it, up to the payload."""
    flag = 0x80 if masked else 0
    mask = MASK if masked else b""
    if length < 126:
        return bytes((flag | length,)) + mask
    if length < 1 << 16:
        return bytes((flag | 126,)) + length.to_bytes(2, "big") + mask
    return bytes((flag | 127,)) + length.to_bytes(8, "big") + mask


def upgrade(server: ServerProcess, path: str, *lines: str) -> bytes:
    """The handshake of a client."""
    key = base64.b64encode(bytes(16)).decode()
    fields = [
        f"GET {path} HTTP/1.1",
        f"Host: {HOST}:{server.port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        *lines,
    ]
    return "\r\n".join([*fields, "", ""]).encode()


class Wire:
    """A socket, with or without a handshake behind it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def read_frame(self) -> tuple[int, bytes]:
        """First byte and payload of the next frame of the server."""
        first, second = await self.reader.readexactly(2)
        extended = {126: 2, 127: 8}.get(second, 0)
        length = second
        if extended:
            length = int.from_bytes(await self.reader.readexactly(extended), "big")
        return first, await self.reader.readexactly(length)

    async def read_close(self, seconds: float = 5.0) -> tuple[int, str]:
        """Read until the close frame; return its code and reason."""
        with anyio.fail_after(seconds):
            while True:
                first, payload = await self.read_frame()
                if first == CLOSE:
                    return int.from_bytes(payload[:2], "big"), payload[2:].decode()

    async def read_end(self, seconds: float) -> None:
        """Read until the server has closed the connection."""
        with anyio.fail_after(seconds):
            while await self.reader.read(1 << 16):
                pass


@asynccontextmanager
async def wire(server: ServerProcess, *, receive_bytes: int = 0) -> AsyncIterator[Wire]:
    """A connection on which nothing was said yet; `receive_bytes` makes its buffers small."""
    raw = socket.socket()
    if receive_bytes:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, (HOST, server.port))
    reader, writer = await asyncio.open_connection(sock=raw)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


@asynccontextmanager
async def upgraded(
    server: ServerProcess, token: str, project: str, *lines: str, receive_bytes: int = 0
) -> AsyncIterator[tuple[Wire, str]]:
    """A connection to a room, and the head of the server's answer."""
    async with wire(server, receive_bytes=receive_bytes) as line:
        await line.send(upgrade(server, f"/yjs/{project}?token={token}", *lines))
        head = await line.reader.readuntil(b"\r\n\r\n")
        yield line, head.decode()


def _masked(payload: bytes) -> bytes:
    return bytes(byte ^ MASK[position % 4] for position, byte in enumerate(payload))
