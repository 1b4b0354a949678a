"""The events gateway: what its connections share, and what is looked at once a second."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, time

import anyio
from starlette.types import Receive, Scope, Send

from crdt_calendar.errors import CalendarError, ServiceRestart, Unauthenticated
from crdt_calendar.limits import Limits
from server.auth.authority import Authority
from server.gateways.events.client import Client
from server.gateways.events.commons import Commons, Projects
from server.gateways.events.memory import Memory
from server.gateways.events.socket import SocketConnection
from server.gateways.events.stream import QUIET_SECONDS, StreamClient, StreamConnection
from server.rooms.observer import Observer
from server.rooms.registry import Registry

SWEEP_SECONDS = 1.0


class EventsGateway:
    """The ASGI application behind ``/events`` and ``/events/stream``.

    `start` runs a coroutine function beside it.
    """

    def __init__(
        self,
        registry: Registry,
        authority: Authority,
        limits: Limits,
        observer: Observer,
        projects: Projects,
        start: Callable[..., object],
        allowed_origins: frozenset[str] = frozenset(),
    ) -> None:
        self.registry = registry
        self.authority = authority
        self.limits = limits
        self.observer = observer
        self.start = start
        self.commons = Commons(projects)
        self.memory = Memory()
        self._allowed_origins = allowed_origins
        self._clients: set[Client] = set()
        self._sweeping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection from its handshake, or request, to its end."""
        if not self._sweeping:
            self._sweeping = True
            self.start(self._sweep)
        kind = SocketConnection if scope["type"] == "websocket" else StreamConnection
        await kind(self, self._allowed_origins, scope, receive, send).run(self._clients)

    async def _sweep(self) -> None:
        """End those whose time is up, and ask again who was let in before something changed."""
        while True:
            await anyio.sleep(SWEEP_SECONDS)
            now, wall = monotonic(), time()
            for client in list(self._clients):
                self._look_at(client, now, wall)
                if client.epoch != self.registry.epoch and client.error is None:
                    await self._ask_again(client)

    def _look_at(self, client: Client, now: float, wall: float) -> None:
        if self.registry.stopping:
            client.end(ServiceRestart("this server is stopping; come back in a moment"))
        elif client.claims is None:
            if now - client.since > self.limits.auth_seconds:
                client.end(Unauthenticated("nobody said who this is; send AUTH with a token"))
        elif client.claims.expires is not None and client.claims.expires <= wall:
            client.end(Unauthenticated("the token has expired; come back with a new one"))
        elif isinstance(client, StreamClient) and now - client.spoken_at > QUIET_SECONDS:
            client.rest()

    async def _ask_again(self, client: Client) -> None:
        """A token may have been revoked. Rooms do the same for those who are in them."""
        try:
            await client.recheck()
        except CalendarError as error:
            client.end(error)
