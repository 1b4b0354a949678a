"""The ways to the server, as a contract: messages out, messages in, and how it ended."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult, quote, urlsplit

from crdt_calendar.client.connection import Ending
from crdt_calendar.client.timing import Timing
from crdt_calendar.errors import InvalidValue

_SECURE = {"http": False, "ws": False, "https": True, "wss": True}
_DEFAULT_PORTS = {False: 80, True: 443}

Sent = Callable[[int], None]
"""Told how many bytes the network has just taken."""


# What a proxy answers for a server that is away (RFC 9110 sections 15.6.3 to 15.6.5).
AWAY = (502, 503, 504)


class LineLost(Exception):
    """The line is gone, or could not be made; ``ending`` says how."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.reason or f"closed with {ending.code}")
        self.ending = ending


@dataclass(frozen=True, slots=True)
class Address:
    """Where a project is. ``path`` is that of the server, "" or with a slash before it."""

    secure: bool
    host: str
    port: int
    path: str
    project: str

    @classmethod
    def parse(cls, url: str, project: str) -> Address:
        """The address of a project on the server with that http(s) or ws(s) URL.

        An end of ``/yjs`` may stay on: that is what y-websocket wants to be given. Raises
        `InvalidValue`.
        """
        parts = _split(url)
        if parts.scheme not in _SECURE or not parts.hostname:
            raise InvalidValue(f"url: http(s)://HOST or ws(s)://HOST needed, not {url}")
        secure = _SECURE[parts.scheme]
        try:
            port = parts.port or _DEFAULT_PORTS[secure]
        except ValueError as error:
            raise InvalidValue(f"url: {error}") from error
        path = parts.path.rstrip("/").removesuffix("/yjs")
        return cls(secure, parts.hostname, port, path, quote(project, safe="~"))

    @property
    def authority(self) -> str:
        """Host and port, as a URL has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.secure] else f"{host}:{self.port}"

    @property
    def polling_url(self) -> str:
        """Where to poll."""
        scheme = "https" if self.secure else "http"
        return f"{scheme}://{self.authority}{self.path}/sync/{self.project}"

    @property
    def health_url(self) -> str:
        """Where the server says that it is there."""
        scheme = "https" if self.secure else "http"
        return f"{scheme}://{self.authority}{self.path}/healthz"

    @property
    def websocket_target(self) -> str:
        """What a WebSocket handshake asks for."""
        return f"{self.path}/yjs/{self.project}"


@dataclass(frozen=True, slots=True)
class Target:
    """What a transport has to know to open a line."""

    address: Address
    token: str
    timing: Timing
    most_bytes: int  # of one message of the server
    tls: ssl.SSLContext | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The credentials."""
        return {"authorization": f"Bearer {self.token}"} if self.token else {}


class Transport(Protocol):
    """An open line. One task sends and another receives; both raise `LineLost` at its end."""

    async def send(self, frames: Sequence[bytes], sent: Sent) -> None:
        """Hand these messages to the network; returns when it has taken all of them."""

    async def receive(self) -> bytes:
        """The next message."""


Open = Callable[[Target], AbstractAsyncContextManager[Transport]]
"""Opens a line, until the block ends. Raises `LineLost`."""


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise InvalidValue(f"url: {error}") from error
