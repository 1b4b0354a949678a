"""What rooms tell whoever measures them, as a contract."""

from __future__ import annotations

from typing import Protocol


class Observer(Protocol):
    """Counts and times. Called on the hot path: implementations only add numbers."""

    def connected(self, gateway: str) -> None:
        """A connection to that gateway begins."""

    def disconnected(self, gateway: str) -> None:
        """A connection to that gateway is over."""

    def closed(self, code: int) -> None:
        """A connection was closed by us, with that code."""

    def received(self, kind: str, size_bytes: int) -> None:
        """A message of that kind came in."""

    def sent(self, messages: int, size_bytes: int) -> None:
        """That many messages went out, `size_bytes` in all."""

    def refused(self, reason: str) -> None:
        """A message or a connection was refused; `reason` is an error's slug."""

    def committed(self, seconds: float, entries: int) -> None:
        """A transaction with that many entries reached the disk."""

    def published(self, seconds: float, peers: int) -> None:
        """A batch was handed to that many peers; so long it took until the sockets were flushed."""

    def acknowledged(self, seconds: float) -> None:
        """An update was echoed that long after it came in: committed and handed to its peers."""

    def commit_failed(self) -> None:
        """A transaction failed and will be tried again."""


class Silent:
    """An observer that does not care."""

    def connected(self, gateway: str) -> None: ...

    def disconnected(self, gateway: str) -> None: ...

    def closed(self, code: int) -> None: ...

    def received(self, kind: str, size_bytes: int) -> None: ...

    def sent(self, messages: int, size_bytes: int) -> None: ...

    def refused(self, reason: str) -> None: ...

    def committed(self, seconds: float, entries: int) -> None: ...

    def published(self, seconds: float, peers: int) -> None: ...

    def acknowledged(self, seconds: float) -> None: ...

    def commit_failed(self) -> None: ...
