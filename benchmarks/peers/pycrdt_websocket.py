"""pycrdt-websocket on hypercorn and uvloop, the ASGI server the calendar runs on.

``python -m benchmarks.peers.pycrdt_websocket PORT``
"""

from __future__ import annotations

import sys
from typing import Any, cast

import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config
from pycrdt.websocket import ASGIServer, WebsocketServer


async def run(port: int) -> None:
    """Serve rooms in memory until killed."""
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.accesslog = None
    async with WebsocketServer() as server:
        await serve(cast(Any, ASGIServer(server)), config)


if __name__ == "__main__":
    uvloop.run(run(int(sys.argv[1])))
