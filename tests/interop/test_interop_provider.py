"""pycrdt's own `Provider` over pycrdt-websocket's channel, with a y-websocket client opposite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import anyio
import pytest
from httpx_ws import AsyncWebSocketSession, aconnect_ws
from pycrdt import Doc, Map, Provider, Text
from pycrdt.websocket.websocket import HttpxWebsocket

from tests.support.node import NodeClient, node
from tests.support.server import ServerProcess

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def provider(
    server: ServerProcess, user: str, project: str
) -> AsyncIterator[Doc[Map[object]]]:
    """A document that a Provider keeps in step with the server."""
    doc: Doc[Map[object]] = Doc()
    address = f"{server.url}/{project}?token={server.token(user, project)}"
    session: AsyncWebSocketSession
    async with (
        aconnect_ws(address, keepalive_ping_interval_seconds=None) as session,
        Provider(doc, HttpxWebsocket(session, project)),
    ):
        yield doc


async def until(condition: Callable[[], object]) -> None:
    with anyio.fail_after(10):
        while not condition():  # noqa: ASYNC110  # it may be about anything
            await anyio.sleep(0.005)


async def test_two_providers_converge(server: ServerProcess, project: str) -> None:
    async with (
        provider(server, "ann", project) as ann,
        provider(server, "ben", project) as ben,
    ):
        mine, theirs = ann.get("events", type=Map), ben.get("events", type=Map)
        mine["하나"] = Map({"title": "첫째"})
        theirs["둘"] = Map({"title": "둘째"})
        await until(lambda: len(mine) == len(theirs) == 2)
        assert (
            mine.to_py() == theirs.to_py() == {"하나": {"title": "첫째"}, "둘": {"title": "둘째"}}
        )


@pytest.mark.node
async def test_a_provider_and_y_websocket_converge_both_ways(
    server: ServerProcess, project: str
) -> None:
    async with node() as clients, provider(server, "ann", project) as doc:
        events = doc.get("events", type=Map)
        other = await clients.synced(server.url, server.token("nora", project), project)
        await other.create("from-node", title="노드", description="가나다")
        await until(lambda: "from-node" in events)
        text = cast(Text, cast("Map[object]", events["from-node"])["description"])
        text.insert(len("가나다".encode()), " 라마바")
        events["from-python"] = Map({"title": "파이썬", "description": Text("안녕")})
        await other.until_event("from-python", title="파이썬", description="안녕")
        await other.until_event("from-node", description="가나다 라마바")

        async def same(client: NodeClient) -> bool:
            return await client.events() == events.to_py()

        await other.until(same)


@pytest.mark.node
async def test_a_provider_that_comes_later_gets_everything(
    server: ServerProcess, project: str
) -> None:
    async with node() as clients:
        early = await clients.synced(server.url, server.token("nora", project), project)
        await early.create("kept", title="먼저")
        await early.set("kept", "location", "서울")
        await early.do("close")
    async with provider(server, "late", project) as doc:
        events = doc.get("events", type=Map)
        await until(lambda: "kept" in events)
        kept = cast("Map[object]", events["kept"]).to_py()
        assert kept is not None
        assert (kept["title"], kept["location"]) == ("먼저", "서울")
