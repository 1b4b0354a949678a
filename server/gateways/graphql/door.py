"""The door itself: ``/graphql``, an ASGI application for both HTTP and WebSocket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from server.gateways.graphql.desk import Desk

if TYPE_CHECKING:
    from server.gateways.graphql.schema import Schema


class GraphQLDoor:
    """Hands requests and sockets to what serves them, which is loaded when the first one comes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._schema: Schema | None = None
        self._loading = anyio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or one connection."""
        schema = await self._loaded()
        if scope["type"] == "http":
            from server.gateways.graphql.http import respond

            request = Request(scope, receive)
            response = await respond(self._desk, schema, request)
            await response(scope, receive, send)
        else:
            from server.gateways.graphql.socket import Socket

            await Socket(self._desk, schema, scope, receive, send).run()

    async def _loaded(self) -> Schema:
        async with self._loading:
            if self._schema is None:
                # Others go on meanwhile: Python lets a thread import and takes turns.
                self._schema = await run_sync(_load)
        return self._schema


def _load() -> Schema:
    from server.gateways.graphql import http, socket  # noqa: F401  # to have them there
    from server.gateways.graphql.schema import make_schema

    return make_schema()
