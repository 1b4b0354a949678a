"""The link of one client to the server: one line after another, for as long as the client lives."""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable

import anyio

from crdt_calendar.client.broadcast import Broadcast, Stream
from crdt_calendar.client.connection import (
    Attempt,
    Connection,
    ConnectionState,
    Ending,
    Status,
    Way,
)
from crdt_calendar.client.dialogue import Content, Dialogue
from crdt_calendar.client.line import Line
from crdt_calendar.client.presence import Presence
from crdt_calendar.client.saved import Progress
from crdt_calendar.client.timing import Timing
from crdt_calendar.client.token import TokenSource
from crdt_calendar.client.transports import Address, LineLost, Open, Target
from crdt_calendar.client.transports.knocking import is_reachable, is_serving
from crdt_calendar.client.transports.polling import open_polling
from crdt_calendar.client.transports.websocket import open_websocket
from crdt_calendar.limits import Limits

_KEPT_STATES = 256
_OPEN: dict[Way, Open] = {Way.WEBSOCKET: open_websocket, Way.POLLING: open_polling}


class Link:
    """Keeps a line to the server, by whatever way there is. `run` it in a task of its own."""

    def __init__(
        self,
        content: Content,
        presence: Presence,
        address: Address,
        tokens: TokenSource,
        timing: Timing,
        limits: Limits,
        tls: ssl.SSLContext | None,
        told_token: Callable[[str], object],
    ) -> None:
        self._content = content
        self._presence = presence
        self._address = address
        self._tokens = tokens
        self._timing = timing
        self._limits = limits
        self._tls = tls
        self._told_token = told_token
        self.states: Broadcast[ConnectionState] = Broadcast(_KEPT_STATES, latest_only=True)
        self.progress: Broadcast[Progress] = Broadcast(_KEPT_STATES, latest_only=True)
        self._connection = Connection(
            timing,
            renewable=tokens.renewable,
            random=random.random,
            changed=self.states.tell,
        )
        self._dialogue: Dialogue | None = None
        self._line: Line | None = None
        self._opening: anyio.CancelScope | None = None  # while nobody has answered an attempt
        self._hurried = False  # that attempt was given up by `retry_now`
        self._nudged = anyio.Event()
        self._caught_up = anyio.Event()
        self._probe_seconds = timing.probe
        self._unblocked = False  # a probe has found that WebSocket works

    @property
    def state(self) -> ConnectionState:
        """How the connection is."""
        return self._connection.state

    @property
    def synced(self) -> bool:
        """Whether what the server has is here, as of now."""
        return self._dialogue is not None and self._dialogue.synced

    @property
    def read_only(self) -> bool:
        """Whether the server refuses what is written here."""
        return self._dialogue is not None and self._dialogue.read_only

    async def caught_up(self) -> None:
        """Wait until what the server has is here."""
        await self._caught_up.wait()

    def follow(self) -> Stream[ConnectionState]:
        """The state now, and then each one it comes to."""
        return self.states.stream(self.state)

    def edited(self, update: bytes) -> None:
        """Something was written here, to go up."""
        if self._dialogue is not None:
            self._dialogue.edited(update)
            self.wake()

    def wake(self) -> None:
        """There is something to say."""
        if self._line is not None:
            self._line.wake()

    def retry_now(self) -> None:
        """Try at once, whatever was refused before; if there is a line, see whether it lives.

        An attempt to which nobody has answered yet is given up for another.
        """
        if self._dialogue is not None:
            self._dialogue.beat()
            self.wake()
        elif self._opening is not None:
            self._hurried = True
            self._opening.cancel()
        self._nudged.set()

    async def run(self) -> None:
        """Come, go, come back, until cancelled."""
        while True:
            attempt = self._connection.begin()
            ending = await self._attempt(attempt)
            if ending is not None:
                self._connection.ended(ending)
            if self.state.status is Status.ERROR:
                reason = self.state.reason or f"refused with {self.state.code}"
                self._content.ledger.refused(reason, self.state.code)
            await self._rest()

    def close(self) -> None:
        """The client lets go."""
        self._connection.closed()
        self.states.end()
        self.progress.end()

    async def _attempt(self, attempt: Attempt) -> Ending | None:
        """One line, from the token to its end; None when a better way was found meanwhile."""
        try:
            token = await self._tokens.get(attempt.refused)
            self._told_token(token)
            return await self._talk(attempt.way, self._target(token))
        except LineLost as error:
            return error.ending
        finally:
            self._line = self._dialogue = self._opening = None
            if self._caught_up.is_set():
                self._caught_up = anyio.Event()
            self._presence.forget()

    def _target(self, token: str) -> Target:
        return Target(self._address, token, self._timing, self._limits.frame_bytes, self._tls)

    async def _talk(self, way: Way, target: Target) -> Ending | None:
        patience = self._timing.opening * (2 if way is Way.POLLING else 1)
        with anyio.CancelScope(deadline=anyio.current_time() + patience) as opening:
            self._opening = opening
            async with _OPEN[way](target) as transport:
                opening.deadline, self._opening = float("inf"), None
                self._dialogue = Dialogue(self._content, self._presence, self._limits)
                self._line = Line(
                    transport,
                    self._dialogue,
                    self._timing,
                    opened=self._opened,
                    heard=self._heard,
                    progress=self.progress.tell,
                )
                if way is Way.WEBSOCKET:
                    return await self._line.run()
                return await self._poll_and_probe(self._line)
        return Ending(reason=f"the server did not answer within {patience:g} s")

    def _opened(self) -> None:
        self._connection.opened()
        self._content.ledger.welcomed()
        self._presence.renew()

    def _heard(self) -> None:
        if self.synced:
            self._caught_up.set()

    # Back from polling to WebSocket by itself

    async def _poll_and_probe(self, line: Line) -> Ending | None:
        ending: Ending | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._probe, line)
            ending = await line.run()
            tasks.cancel_scope.cancel()
        if self._unblocked:
            self._connection.unblocked()
            return None
        return ending

    async def _probe(self, line: Line) -> None:
        """See now and then whether a WebSocket opens by now; then the polling line ends."""
        self._unblocked = False
        self._probe_seconds = self._timing.probe
        while True:
            await anyio.sleep(self._probe_seconds)
            if await self._websocket_opens():
                self._unblocked = True
                line.end(Ending(reason="WebSocket works by now"))
            self._probe_seconds = min(2 * self._probe_seconds, self._timing.most_probe)

    async def _websocket_opens(self) -> bool:
        try:
            token = await self._tokens.get(False)
            with anyio.move_on_after(self._timing.opening):
                async with open_websocket(self._target(token)) as socket:
                    await socket.receive()
                    return True
        except LineLost:
            pass
        return False

    # Between two lines

    async def _rest(self) -> None:
        self._nudged = anyio.Event()
        if self._hurried:
            self._hurried = False
            self._connection.forgive()
            return
        if self.state.status is Status.ERROR:
            await self._nudged.wait()
        with anyio.move_on_after(self._connection.rest):
            async with anyio.create_task_group() as tasks:
                if self._connection.knocking:
                    tasks.start_soon(self._knock, tasks.cancel_scope)
                await self._nudged.wait()
                tasks.cancel_scope.cancel()
        if self._nudged.is_set():
            self._connection.forgive()

    async def _knock(self, rest: anyio.CancelScope) -> None:
        """Somebody takes connections again: no need to wait any longer."""
        while True:
            await anyio.sleep(self._timing.knock * random.uniform(0.5, 1.0))
            with anyio.move_on_after(self._timing.knock):
                if await self._is_there():
                    rest.cancel()
                    return

    async def _is_there(self) -> bool:
        if not self._connection.proxied:
            return await is_reachable(self._address)
        if not await is_serving(self._address, self._tls):
            return False
        self._connection.serving()
        return True
