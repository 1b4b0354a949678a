"""y-protocols spoken by hand over `websockets`, with y-sweet's sync-status."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import websockets
from pycrdt import Doc, Map, create_sync_message, create_update_message

from crdt_calendar.model.calendar import Calendar
from crdt_calendar.protocol.messages import QueryAwareness, SyncStatus
from tests.support.client import connected
from tests.support.server import ServerProcess, running

pytestmark = pytest.mark.anyio

STEP_1, STEP_2, UPDATE = b"\x00\x00", b"\x00\x01", b"\x00\x02"


def address(server: ServerProcess, user: str, project: str) -> str:
    return f"{server.url}/{project}?token={server.token(user, project)}"


async def test_a_session_frame_by_frame(server: ServerProcess, project: str) -> None:
    doc: Doc[Map[object]] = Doc()
    events = doc.get("events", type=Map)
    async with websockets.connect(address(server, "raw", project)) as socket:
        assert await socket.recv() == STEP_1 + b"\x01\x00"  # an empty state vector
        await socket.send(create_sync_message(doc))
        assert await socket.recv() == STEP_2 + b"\x02\x00\x00"  # an empty update
        events["key"] = "값"
        frame = create_update_message(doc.get_update())
        await socket.send(frame)
        assert await socket.recv() == frame  # the echo: it is on disk


async def test_a_token_in_a_header_and_as_a_subprotocol(
    server: ServerProcess, project: str
) -> None:
    token = server.token("raw", project)
    url = f"{server.url}/{project}"
    bearer = {"Authorization": f"Bearer {token}"}
    async with websockets.connect(url, additional_headers=bearer) as socket:
        assert (await socket.recv())[:2] == STEP_1
    offered = [websockets.Subprotocol(f"yauth-{token}")]
    async with websockets.connect(url, subprotocols=offered) as socket:
        assert socket.subprotocol == offered[0]
        assert (await socket.recv())[:2] == STEP_1


async def test_sync_status_comes_back_when_all_before_it_is_on_disk(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        async with connected(server.url, server.token("sweet")) as client:
            await client.until_synced()
            for number in range(50):
                await client.edit(partial(Calendar.create, event_id=f"event{number}"))
                await client.send(SyncStatus(bytes([number])))
            await client.until(lambda: len(client.statuses) == 50)
            assert client.statuses == [bytes([number]) for number in range(50)]
            server.kill()  # what was answered is there
            server.start()
            async with connected(server.url, server.token("fresh")) as fresh:
                await fresh.until_synced()
                assert len(fresh.calendar) == 50


async def test_presence_can_be_asked_for(server: ServerProcess, project: str) -> None:
    url = server.url
    async with connected(url, server.token("ann", project, name="앤"), project) as ann:
        await ann.show(cursor=1)
        async with connected(url, server.token("ben", project), project) as ben:
            await ben.until(lambda: ben.present)
            ben.present.clear()
            await ben.send(QueryAwareness())
            await ben.until(lambda: ben.present)
            (state,) = ben.present.values()
            assert state.value == {"cursor": 1, "user": {"id": "ann", "name": "앤"}}
