"""The composition root: the only module that knows the concrete classes.

`create_app` gives an ASGI application; ``server.app:app`` is one that takes its settings from the
environment, for any ASGI server. What it serves is listed in `routes`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from time import time
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router, WebSocketRoute

from crdt_calendar.errors import StorageError
from server.auth.authority import Authority
from server.auth.jwks import KeySet
from server.auth.tokens import Keyring
from server.gateways.admin import AdminDoor, open_door
from server.gateways.assets import Assets
from server.gateways.board import Board
from server.gateways.calendars import CalendarFiles
from server.gateways.events import EventsGateway
from server.gateways.feeds import PARAMETER as FEED
from server.gateways.feeds import FeedGateway
from server.gateways.graphql.desk import Desk as GraphQLDesk
from server.gateways.graphql.door import GraphQLDoor
from server.gateways.health import Health
from server.gateways.page import Page
from server.gateways.polling import PollingGateway
from server.gateways.rest import Addresses, Courier, Desk, Door, Endpoints
from server.gateways.session import SessionGateway
from server.gateways.yjs import YjsGateway
from server.logs import protect_servers
from server.metrics import Backlog, Metrics, Occupancy
from server.rooms.registry import Registry
from server.settings import Settings
from server.storage.catalog import Change, MemberChanged, ProjectDeleted
from server.storage.directory import DataDirectory
from server.storage.sqlite import Store, open_store

UPKEEP_SECONDS = 30.0
DAY_MS = 24 * 3600 * 1000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """Everything a running server has."""

    settings: Settings
    directory: DataDirectory
    store: Store
    keyring: Keyring
    authority: Authority
    registry: Registry
    metrics: Metrics
    courier: Courier
    start: Callable[..., object]
    """Runs a coroutine function for as long as the service is open."""


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[Service]:
    """Open the data directory and everything on top of it, for as long as the block lasts.

    On the way out every peer is told to go and everything accepted is committed. Raises
    `DataLocked` while another process has the directory.
    """
    directory = DataDirectory(settings.data)
    with directory.locked():
        async with open_store(directory.database) as store, _crew() as start:
            service = _compose(settings, directory, store, start)
            yield service
            await service.registry.stop()


@asynccontextmanager
async def _crew() -> AsyncIterator[Callable[..., object]]:
    """What runs coroutine functions until the block ends, and may be called by the loop itself.

    `start_soon` of a task group may not: with sniffio installed it can't tell in a plain callback
    which library runs it. So a task calls it.
    """
    calls: asyncio.Queue[tuple[Callable[..., Coroutine[Any, Any, object]], tuple[object, ...]]]
    calls = asyncio.Queue()

    async def take() -> None:
        while True:
            function, words = await calls.get()
            tasks.start_soon(function, *words)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take)
        yield lambda function, *words: calls.put_nowait((function, words))
        tasks.cancel_scope.cancel()


def _compose(
    settings: Settings,
    directory: DataDirectory,
    store: Store,
    start: Callable[..., object],
) -> Service:
    metrics = Metrics()
    keys = settings.jwks and KeySet(settings.jwks, refresh_seconds=settings.jwks_seconds)
    keyring = Keyring.open(
        directory.secret, keys or None, issuer=settings.issuer, audience=settings.audience
    )
    authority = Authority(keyring, store.catalog)
    idle_seconds = settings.idle_seconds
    registry = Registry(store.log, settings.limits, metrics, spawn=start, idle_seconds=idle_seconds)
    metrics.watch(lambda: _occupancy(registry), lambda: _backlog(registry))
    store.catalog.changes.append(partial(_tell, start, registry))
    start(registry.run)
    start(_upkeep, store, settings.retention_days)
    if keys:
        start(keys.follow)
    addresses = Addresses(private=settings.webhooks_private)
    courier = Courier(registry, authority, store.webhooks, addresses, settings.limits)
    start(courier.run)
    return Service(
        settings, directory, store, keyring, authority, registry, metrics, courier, start
    )


def routes(service: Service) -> list[BaseRoute]:
    """Every door there is. Yjs comes first and without middleware: it costs memory per peer."""
    settings = service.settings
    origins = frozenset(settings.origins)
    doors = (service.registry, service.authority, settings.limits, service.metrics)
    health = Health(service.registry, service.metrics)
    polling = PollingGateway(*doors, service.start, origins)
    events = EventsGateway(*doors, service.store.catalog, service.start, origins)
    pages = [
        *page_routes(service, origins),
        Route("/healthz", health.alive),
        Route("/readyz", health.ready),
        Route("/metrics", health.metrics),
        Route("/events/stream", events, methods=["GET"]),
        Route("/sync/{project}", polling, methods=["POST", "DELETE"]),
        Route("/admin/{operation}", admin_door(service)),
    ]
    yjs = YjsGateway(*doors, origins)
    board = Board(*doors, service.store.catalog, service.start, origins)
    return [
        WebSocketRoute("/yjs/{project}", yjs),
        WebSocketRoute("/events", events),
        Mount("/socket.io", board),
        *graphql_routes(service, origins),
        *rest_routes(service, origins),
        Mount("/", Starlette(routes=pages)),
    ]


def graphql_routes(service: Service, origins: frozenset[str]) -> list[BaseRoute]:
    """GraphQL, over HTTP and WebSocket."""
    door = GraphQLDoor(graphql_desk(service, origins))
    return [Route("/graphql", door), WebSocketRoute("/graphql", door)]


def graphql_desk(service: Service, origins: frozenset[str]) -> GraphQLDesk:
    """What the GraphQL door works with."""
    return GraphQLDesk(
        service.registry,
        service.authority,
        service.store.catalog,
        service.settings.limits,
        service.metrics,
        origins,
        service.settings.ping_seconds,
    )


def page_routes(service: Service, origins: frozenset[str]) -> list[BaseRoute]:
    """The page, and what only it asks for."""
    assets = Assets()
    plain = Page(service.registry, service.authority, service.store.catalog)
    session = SessionGateway(service.authority, service.store.catalog, origins)

    async def enter(request: Request) -> Response:
        if token := request.query_params.get("token"):
            return await session.enter(request, token)
        return await (assets.shell(request) if assets else plain.show(request))

    return [
        Route("/", enter),
        Route("/sw.js", assets.worker),
        Route("/assets/{path:path}", assets.file),
    ]


def rest_routes(service: Service, origins: frozenset[str]) -> list[BaseRoute]:
    """``/api/v1`` and the page that describes it."""
    store, registry, authority = service.store, service.registry, service.authority
    session = SessionGateway(authority, store.catalog, origins)
    files = CalendarFiles(registry, authority, store.catalog, origins)
    feeds = FeedGateway(registry, store.feeds)

    async def take(request: Request) -> Response:
        by_link = FEED in request.query_params
        return await (feeds.show if by_link else files.export)(request)

    endpoints: Endpoints = {
        "showSession": session.show,
        "signIn": session.sign_in,
        "signOut": session.sign_out,
        "renewSession": session.renew,
        "importCalendar": files.bring,
        "exportCalendar": take,
    }
    desk = Desk(
        registry,
        authority,
        store.catalog,
        store.answers,
        store.feeds,
        store.webhooks,
        service.courier.addresses,
        service.courier.wake,
        origins,
    )
    door = Door(desk, endpoints)
    return [door, Route("/docs", door.page)]


def admin_door(service: Service) -> AdminDoor:
    """What the command line works through, over HTTP or in its own process."""
    return open_door(
        service.store,
        service.registry,
        service.keyring,
        service.settings,
        service.directory.admin_secret(),
    )


def create_app(settings: Settings | None = None) -> Router:
    """The ASGI application; it opens everything when the server starts its lifespan.

    Without settings they are taken from the environment then.
    """

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        protect_servers()
        async with open_service(settings or Settings.load()) as service:
            router.routes[:] = routes(service)
            yield

    router = Router(lifespan=lifespan)
    return router


def _tell(start: Callable[..., object], registry: Registry, change: Change) -> None:
    start(_follow, registry, change)


async def _follow(registry: Registry, change: Change) -> None:
    """Let a change of the catalog reach those who are connected."""
    match change:
        case MemberChanged(member):
            await registry.regrant(member.project, member.user)
        case ProjectDeleted(project):
            await registry.regrant(project)
        case _:
            await registry.regrant()


async def _upkeep(store: Store, retention_days: float) -> None:
    """Keep logs short: snapshots for quick loading, and no history past the retention."""
    while True:
        await anyio.sleep(UPKEEP_SECONDS)
        try:
            await store.compaction.sweep(int(time() * 1000 - retention_days * DAY_MS))
        except StorageError as error:  # the disk is full or gone: appends raise the alarm
            log.warning("upkeep failed, next try in %d s: %s", UPKEEP_SECONDS, error)


def _occupancy(registry: Registry) -> list[Occupancy]:
    return [Occupancy(room.name, len(room.peers)) for room in registry.rooms]


def _backlog(registry: Registry) -> Backlog:
    return Backlog(registry.writer.backlog_entries, registry.writer.backlog_bytes)


app = create_app()
