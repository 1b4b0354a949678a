"""News for any number of listeners: functions that are called, and streams that are read."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Generic, Self, TypeVar
from weakref import WeakSet

import anyio

from crdt_calendar.client.errors import MissedNews

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Stream(Generic[T]):
    """An async iterator over news from the moment it was made; ends when the client does.

    With ``latest_only`` only the newest ``most`` are kept for whoever does not read. Otherwise too
    many of them raise `MissedNews`, once, and end the stream.
    """

    def __init__(self, most: int, latest_only: bool) -> None:
        self._news: deque[T] = deque(maxlen=most if latest_only else None)
        self._most = most
        self._arrived = anyio.Event()
        self._missed = False
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._news:
            if self._missed:
                self._missed, self._ended = False, True
                raise MissedNews(f"more than {self._most} were not read; take a new stream")
            if self._ended:
                raise StopAsyncIteration
            await self._arrived.wait()
        return self._news.popleft()

    def put(self, item: T) -> None:
        """Keep it for whoever reads."""
        if self._missed or self._ended:
            return
        self._news.append(item)
        if len(self._news) > self._most:
            self._news.clear()
            self._missed = True
        self._wake()

    def end(self) -> None:
        """Nothing more comes. What was not read yet still can be."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        arrived, self._arrived = self._arrived, anyio.Event()
        arrived.set()


class Broadcast(Generic[T]):
    """Tells everybody who listens. A stream nobody holds any more is forgotten."""

    def __init__(self, most: int, *, latest_only: bool = False) -> None:
        self._most = most
        self._latest_only = latest_only
        self._streams: WeakSet[Stream[T]] = WeakSet()
        self._callbacks: list[Callable[[T], object]] = []
        self._ended = False

    def __bool__(self) -> bool:
        """Whether anybody listens."""
        return bool(self._streams or self._callbacks)

    def tell(self, item: T) -> None:
        """Tell everybody. A listener that raises is logged: the others hear of it all the same."""
        for stream in list(self._streams):
            stream.put(item)
        for callback in list(self._callbacks):
            try:
                callback(item)
            except Exception:
                _log.exception("a callback failed")

    def listen(self, callback: Callable[[T], object] | None) -> None:
        """Call this function with all news from now on."""
        if callback is not None:
            self._callbacks.append(callback)

    def stream(self, *first: T) -> Stream[T]:
        """A stream of all news from now on, after those given."""
        stream: Stream[T] = Stream(self._most, self._latest_only)
        for item in first:
            stream.put(item)
        if self._ended:
            stream.end()
        else:
            self._streams.add(stream)
        return stream

    def end(self) -> None:
        """End all streams."""
        self._ended = True
        for stream in list(self._streams):
            stream.end()
