"""How long a session of long polling waits for its next poll: the real gateway, in a hurry."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest
from starlette.routing import Route, Router

from server.app import Service, open_service
from server.gateways.polling import PollingGateway
from server.serving import listen, serve
from server.settings import Settings
from tests.serving.polling import Polling, site
from tests.support import forged
from tests.support.server import HOST

pytestmark = pytest.mark.anyio

PATIENCE_SECONDS = 0.4
PROJECT = "hurried"


@asynccontextmanager
async def hurried(data: Path) -> AsyncIterator[tuple[Service, Polling]]:
    """A server that gives up on a silent session soon, and somebody at its door."""
    settings, sockets, stop = Settings.load({"data": data}, {}), listen(HOST, 0), anyio.Event()
    port = sockets.insecure_sockets[0].getsockname()[1]
    async with open_service(settings) as service, anyio.create_task_group() as tasks:
        polling = PollingGateway(
            service.registry,
            service.authority,
            settings.limits,
            service.metrics,
            service.start,
            patience_seconds=PATIENCE_SECONDS,
        )
        app = Router([Route("/sync/{project}", polling, methods=["POST", "DELETE"])])
        serving = partial(serve, frame_bytes=1 << 20, stop=stop.wait, ping_seconds=15.0)
        tasks.start_soon(serving, app, sockets)
        await service.store.catalog.create_project(PROJECT)
        async with site(port) as http:
            yield service, Polling(http, PROJECT, service.keyring.issue("bob", PROJECT, "editor"))
        stop.set()


def people(service: Service) -> list[str]:
    """Who is in the room."""
    room = service.registry.loaded(PROJECT)
    return [peer.grant.user for peer in room.peers] if room else []


async def until_empty(service: Service) -> None:
    """Wait until nobody is in the room."""
    with anyio.fail_after(5):
        while people(service):  # noqa: ASYNC110
            await anyio.sleep(0.005)


async def test_who_does_not_poll_is_out_after_the_patience(tmp_path: Path) -> None:
    async with hurried(tmp_path / "data") as (service, polling):
        started = time.monotonic()
        await polling.open(forged.presence((7, 1, b"{}")))
        assert people(service) == ["bob"]
        await until_empty(service)
        assert PATIENCE_SECONDS <= time.monotonic() - started < 10 * PATIENCE_SECONDS


async def test_who_waits_in_a_poll_stays_and_has_the_patience_anew_after_it(
    tmp_path: Path,
) -> None:
    async with hurried(tmp_path / "data") as (service, polling):
        await polling.open()
        for _ in range(2):
            answer = await polling.poll(wait=str(1.5 * PATIENCE_SECONDS))
            assert (answer.status_code, answer.content) == (200, b"")
        assert people(service) == ["bob"]
        await until_empty(service)


async def test_what_is_said_without_a_poll_keeps_nobody_in(tmp_path: Path) -> None:
    async with hurried(tmp_path / "data") as (service, polling):
        await polling.open()
        with anyio.fail_after(5):
            while (await polling.say(forged.presence((7, 1, b"{}")))).status_code == 204:
                pass
        assert people(service) == []


async def test_a_server_that_stops_says_so_to_who_still_polls(tmp_path: Path) -> None:
    async with hurried(tmp_path / "data") as (service, polling):
        await polling.open()
        await service.registry.stop()
        answer = await polling.poll()
    assert (answer.status_code, answer.json()["slug"]) == (503, "restart")


async def test_a_session_that_has_expired_is_gone(tmp_path: Path) -> None:
    async with hurried(tmp_path / "data") as (service, polling):
        await polling.open()
        await until_empty(service)
        answers = [await polling.poll(), await polling.say(forged.presence((7, 1, b"{}")))]
    for answer in answers:
        assert (answer.status_code, answer.json()["slug"]) == (410, "no-such-session")
