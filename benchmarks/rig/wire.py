"""A WebSocket client with little between the socket and the frame (RFC 6455).

Only what a load generator needs: no extensions, no fragments, no text. Deflate is not offered: it
would cost the servers that accept it, and say nothing about their fan-out.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import cast

_BINARY, _CLOSE, _PING, _PONG = 0x82, 0x88, 0x89, 0x8A
_MASKED = 0x80

# Section 5.3: what a client sends is masked. One byte four times is a key that costs a server what
# any other does, and a masked piece stays masked wherever in a frame it ends up. (Not zero: the npm
# package ws skips the unmasking for that.)
_KEY = 0x5A
_MASK = bytes(byte ^ _KEY for byte in range(256))


def mask(data: bytes) -> bytes:
    """A piece of a message as it stands in a frame."""
    return data.translate(_MASK)


def frame_of(masked: bytes, opcode: int = _BINARY) -> bytes:
    """A frame from client to server of a message that is masked already."""
    return bytes((opcode,)) + _length(len(masked)) + bytes((_KEY,)) * 4 + masked


def client_frame(payload: bytes, opcode: int = _BINARY) -> bytes:
    """A frame from client to server."""
    return frame_of(mask(payload), opcode)


def _length(size: int) -> bytes:
    if size < 126:
        return bytes((_MASKED | size,))
    if size < 1 << 16:
        return bytes((_MASKED | 126,)) + size.to_bytes(2, "big")
    return bytes((_MASKED | 127,)) + size.to_bytes(8, "big")


class Wire(asyncio.Protocol):
    """One connection. Subclasses say what to do with a message: `receive`."""

    def __init__(self, path: str, subprotocol: str = "") -> None:
        self.path = path
        self.subprotocol = subprotocol
        self.transport: asyncio.Transport | None = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.received_bytes = 0
        self.received_frames = 0
        self.closed = ""  # why the server closed it; empty while it is open
        self._rest = b""
        self._upgraded = False

    def receive(self, payload: bytes, at: float) -> None:
        """Take one message that arrived at `at` (`time.perf_counter`)."""
        raise NotImplementedError

    def send(self, payload: bytes) -> None:
        """Send one message."""
        self.write(client_frame(payload))

    def write(self, frame: bytes) -> None:
        """Send a frame that is encoded already."""
        if self.transport is not None:
            self.transport.write(frame)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self.transport = cast(asyncio.Transport, transport)
        lines = (
            f"GET {self.path} HTTP/1.1",
            "Host: 127.0.0.1",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
        )
        offered = (f"Sec-WebSocket-Protocol: {self.subprotocol}",) if self.subprotocol else ()
        self.write("\r\n".join((*lines, *offered, "", "")).encode())

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember that it is over."""
        self.closed = self.closed or str(exc or "connection lost")
        if not self.opened.done():
            self.opened.set_exception(ConnectionError(self.closed))

    def data_received(self, data: bytes) -> None:
        """Cut frames out of the stream; the hot path of every benchmark."""
        at = perf_counter()
        self.received_bytes += len(data)
        if self._rest:
            data = self._rest + data
        if not self._upgraded:
            head, found, rest = data.partition(b"\r\n\r\n")
            if not found:
                self._rest = data
                return
            self._upgrade(head)
            data = rest
        start, end = 0, len(data)
        while (body := _body(data, start, end)) and body[1] <= end:
            first, last = body
            if data[start] == _BINARY:
                self.received_frames += 1
                self.receive(data[first:last], at)
            else:
                self._control(data[start], data[first:last])
            start = last
        self._rest = data[start:]

    def _upgrade(self, head: bytes) -> None:
        status = head.partition(b"\r\n")[0].decode("latin-1")
        if " 101" in status:
            self._upgraded = True
            self.opened.set_result(None)
        else:
            self._abort(f"upgrade refused: {status}")

    def _abort(self, reason: str) -> None:
        self.closed = reason
        if self.transport is not None:
            self.transport.abort()

    def _control(self, first: int, payload: bytes) -> None:
        if first == _PING:
            self.write(client_frame(payload, _PONG))
        elif first == _CLOSE:
            reason = payload[2:].decode("utf-8", "replace")
            self._abort(f"closed with {int.from_bytes(payload[:2], 'big')} {reason}".strip())
        elif first != _PONG:
            self._abort(f"a frame this client does not read: first byte {first:#x}")


def _body(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    if end - start < 2:
        return None
    size, first = data[start + 1], start + 2
    if size == 126:
        size, first = int.from_bytes(data[first : first + 2], "big"), first + 2
    elif size == 127:
        size, first = int.from_bytes(data[first : first + 8], "big"), first + 8
    return (first, first + size) if first <= end else None
