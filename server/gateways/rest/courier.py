"""The courier: has webhooks told of what happens in their projects.

Each webhook is a listener in its project's room. What it hears is queued on disk together with the
position it took the webhook to, and sent from there, in order. After a crash it asks the room for
what came after that position: nothing is missing, and only what was being sent in that moment is
sent again, under the same id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from time import monotonic, time
from types import MappingProxyType

import anyio
import httpx
from anyio.abc import TaskGroup

from crdt_calendar.errors import AccessError, CalendarError
from crdt_calendar.limits import Limits
from crdt_calendar.shapes.events import zone_of
from server.auth.authority import Authority
from server.auth.grants import Grant, Role
from server.auth.tokens import Claims
from server.gateways.rest.addresses import Addresses
from server.gateways.rest.letters import RESYNC, letter, letters_of
from server.gateways.rest.sending import ANSWER_SECONDS, send
from server.rooms.listener import Listener
from server.rooms.news import Heard, News, Opened
from server.rooms.registry import Registry
from server.rooms.room import Room
from server.storage.contracts import Delivery, Letter, Webhook, Webhooks

# After that many attempts, over a day and a half, somebody has to look.
RETRY_SECONDS = (1.0, 5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 43200)
AGAIN_SECONDS = 1.0  # after a room had to let go of its listeners
GONE = 410  # "the consumer no longer wants it", by Standard Webhooks

log = logging.getLogger(__name__)


class Courier:
    """Serves all webhooks of one data directory while `run` runs."""

    def __init__(
        self,
        registry: Registry,
        authority: Authority,
        webhooks: Webhooks,
        addresses: Addresses,
        limits: Limits,
        *,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
    ) -> None:
        self._registry = registry
        self._authority = authority
        self._webhooks = webhooks
        self.addresses = addresses
        self._limits = limits
        self._retry_seconds = retry_seconds
        self._woken: asyncio.Queue[str] = asyncio.Queue()
        self._signals: dict[str, asyncio.Event] = {}
        self._client: httpx.AsyncClient | None = None

    def wake(self, id: str) -> None:
        """There is news of that webhook: it was made, changed or deleted, or has a new letter."""
        self._woken.put_nowait(id)

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            async with anyio.create_task_group() as tasks:
                for hook in await self._webhooks.active():
                    self._serve(tasks, hook.id)
                while True:
                    id = await self._woken.get()
                    if (signal := self._signals.get(id)) is not None:
                        signal.set()
                    else:
                        self._serve(tasks, id)
        finally:
            if self._client is not None:
                with anyio.CancelScope(shield=True):
                    await self._client.aclose()

    def _serve(self, tasks: TaskGroup, id: str) -> None:
        self._signals[id] = asyncio.Event()
        tasks.start_soon(self._attend, id)

    async def _attend(self, id: str) -> None:
        """Serve one webhook for as long as it is there and enabled."""
        signal = self._signals[id]
        try:
            while True:
                signal.clear()
                hook = await self._current(id)
                if hook is None:
                    if signal.is_set():  # it was enabled while we looked
                        continue
                    return
                try:
                    await self._tell(hook)
                except AccessError as error:
                    await self._disable(hook, str(error))
                except (CalendarError, OSError) as error:
                    log.info("a webhook waits webhook=%s reason=%s", id, error)
                    await anyio.sleep(AGAIN_SECONDS)
                except Exception:  # the others go on
                    log.exception("a webhook failed webhook=%s", id)
                    await anyio.sleep(AGAIN_SECONDS)
        finally:
            del self._signals[id]

    async def _current(self, id: str) -> Webhook | None:
        hook = await self._webhooks.find(id)
        return None if hook is None or hook.disabled else hook

    async def _tell(self, hook: Webhook) -> None:
        """Listen and send, until the webhook is another one."""
        async with self._registry.room(hook.project) as room, anyio.create_task_group() as tasks:
            error: list[BaseException] = []

            async def listen() -> None:
                try:
                    await self._listen(room, hook)
                except CalendarError as reason:  # a group would wrap it
                    error.append(reason)
                tasks.cancel_scope.cancel()

            tasks.start_soon(listen)
            await self._send(hook)
            tasks.cancel_scope.cancel()
        if error:
            raise error[0]

    # Listening

    async def _listen(self, room: Room, hook: Webhook) -> None:
        heard: asyncio.Queue[Heard | None] = asyncio.Queue()
        listener = Listener(
            await self._reconsider(self._grant(hook)),
            self._limits,
            now=monotonic(),
            heard=heard.put_nowait,
            ended=partial(heard.put_nowait, None),
            reconsider=self._reconsider,
            since=hook.position,
        )
        await room.audience.recollect(hook.position)
        with room.audience.attended(listener):
            while (what := await heard.get()) is not None:
                await self._queue(room, hook, what)
        if listener.error is not None:
            raise listener.error

    async def _queue(self, room: Room, hook: Webhook, what: Heard) -> None:
        now = datetime.now(UTC)
        if isinstance(what, Opened) and what.missed is None:
            letters = [letter(RESYNC, now, {"projectId": hook.project})]
            await self._put(hook, what.position, letters)
        elif isinstance(what, Opened | News):
            zone = (await room.view(zone_of)).value
            for news in (what.missed or ()) if isinstance(what, Opened) else (what,):
                letters = letters_of(news, hook.project, hook.kinds, zone, now)
                await self._put(hook, news.position, letters)

    async def _put(self, hook: Webhook, position: int, letters: Sequence[Letter]) -> None:
        await self._webhooks.queue(hook.id, position, letters)
        if letters:
            self._signals[hook.id].set()

    def _grant(self, hook: Webhook) -> Grant:
        return Grant(hook.created_by, hook.project, Role.VIEWER)

    async def _reconsider(self, grant: Grant) -> Grant:
        """Whether the one who made the webhook may still read there. Raises `AccessError`."""
        projects = MappingProxyType({grant.project: Role.VIEWER})
        claims = Claims(grant.user, grant.name, projects, 0.0, None, "", False)
        return await self._authority.admit(claims, grant.project)

    # Sending

    async def _send(self, hook: Webhook) -> None:
        """Send what is waiting, one after the other, until the webhook is another one."""
        signal = self._signals[hook.id]
        while True:
            signal.clear()
            now = await self._current(hook.id)
            if now is None or replace(now, position=hook.position) != hook:
                return
            delivery = await self._webhooks.next_waiting(hook.id)
            if delivery is None:
                await signal.wait()
            elif (wait_ms := delivery.next_ms - time() * 1000) > 0:
                with anyio.move_on_after(wait_ms / 1000):
                    await signal.wait()
            else:
                await self._attempt(hook, delivery)

    async def _attempt(self, hook: Webhook, delivery: Delivery) -> None:
        if self._client is None:  # it reads certificates, which most servers never need
            self._client = httpx.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS)
        outcome = await send(self._client, self.addresses, hook, delivery, int(time()))
        attempts = delivery.attempts + 1
        tried = replace(delivery, attempts=attempts, status=outcome.status, error=outcome.error)
        if outcome.arrived:
            await self._webhooks.tried(tried, state="delivered")
        elif outcome.status == GONE or attempts > len(self._retry_seconds):
            await self._webhooks.tried(tried, state="failed")
            await self._disable(hook, f"given up after {attempts} attempts: {outcome.error}")
        else:
            wait_ms = int(self._retry_seconds[attempts - 1] * 1000)
            await self._webhooks.tried(tried, state="waiting", wait_ms=wait_ms)

    async def _disable(self, hook: Webhook, reason: str) -> None:
        log.warning("a webhook is told nothing more webhook=%s reason=%s", hook.id, reason)
        await self._webhooks.change(replace(hook, disabled=reason))
