"""Serving: hypercorn, set up for this service, with a line straight to each socket.

One class of hypercorn's is replaced, `WSStream`; `tests/test_serving.py` holds what replaces it
against the versions that we run on.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any, cast

import anyio
import hypercorn.protocol.h2
import hypercorn.protocol.h11
from hypercorn.asyncio.run import worker_serve
from hypercorn.config import Config, Sockets
from hypercorn.utils import wrap_app
from starlette.types import ASGIApp

from server.serving.stream import FrameStream, open_lines

DEAD_LINE_MS = 30_000  # unanswered bytes for that long: the kernel ends the connection
BACKLOG = 4096  # connections not accepted yet: all clients come back at once after a restart
GRACE_SECONDS = 2.0  # for what is still in flight after every peer was told to go


async def _ping(seconds: float) -> None:
    """Ping every open line; the kernel ends a connection that leaves this unanswered."""
    while True:
        await anyio.sleep(seconds)
        for line in list(open_lines):
            if not line.ping():
                open_lines.discard(line)


def listen(host: str, port: int) -> Sockets:
    """Bind a listening socket; port 0 takes a free one. Raises `OSError`."""
    config = Config()
    config.bind = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
    sockets = config.create_sockets()
    for listener in sockets.insecure_sockets:
        # Inherited by accepted connections: pulled plugs are noticed without a task for each.
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_LINE_MS)
        listener.listen(BACKLOG)
    return sockets


async def serve(
    app: ASGIApp,
    sockets: Sockets,
    *,
    frame_bytes: int,
    stop: Callable[[], Awaitable[None]],
    ping_seconds: float,
    access_log: bool = False,
) -> None:
    """Serve the application on the sockets until `stop` returns."""
    config = Config()
    config.backlog = BACKLOG
    config.websocket_max_message_size = frame_bytes
    config.websocket_ping_interval = None  # ours, for all lines: no task for each connection
    config.graceful_timeout = GRACE_SECONDS
    config.include_server_header = False
    config.accesslog = logging.getLogger("hypercorn.access") if access_log else None
    config.errorlog = logging.getLogger("hypercorn.error")
    for module in (hypercorn.protocol.h11, hypercorn.protocol.h2):
        vars(module)["WSStream"] = FrameStream
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_ping, ping_seconds)
        wrapped = wrap_app(cast(Any, app), config.wsgi_max_body_size, "asgi")
        await worker_serve(wrapped, config, sockets=sockets, shutdown_trigger=stop)
        tasks.cancel_scope.cancel()
