"""The same application on uvicorn: every promise but speed holds on any ASGI server."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest
from anyio.to_thread import run_sync

from tests.support.client import connected
from tests.support.node import NodeClient, node
from tests.support.server import ServerProcess, UvicornProcess, started

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def uvicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The portable line, served by uvicorn."""
    with started(UvicornProcess(tmp_path_factory.mktemp("uvicorn") / "data")) as server:
        server.create("durable", "closes")
        yield server


@pytest.mark.node
async def test_y_websocket_clients_converge_and_see_each_other(uvicorn: ServerProcess) -> None:
    async with node() as clients:
        alice = await clients.synced(uvicorn.url, uvicorn.token("alice"))
        bob = await clients.synced(uvicorn.url, uvicorn.token("bob"))
        await alice.create("회의", title="주간 회의", description="안건")
        await bob.until_event("회의", title="주간 회의", description="안건")
        await bob.insert("회의", 0, "오늘의 ")
        await alice.until_event("회의", description="오늘의 안건")
        await alice.show(user={"name": "mallory"})
        mine = (await alice.status())["id"]

        async def sees_alice(client: NodeClient) -> bool:
            state = (await client.present()).get(mine, {})
            return bool(state.get("user") == {"id": "alice", "name": "alice"})

        async def misses_alice(client: NodeClient) -> bool:
            return mine not in await client.present()

        await bob.until(sees_alice)
        await alice.do("cut")
        await bob.until(misses_alice, 1.0)


async def test_an_echo_is_an_ack(uvicorn: ServerProcess) -> None:
    async with connected(uvicorn.url, uvicorn.token("ann", "durable"), "durable") as ann:
        await ann.until_synced()
        await ann.edit(lambda calendar: calendar.create(event_id="kept", title="저장"))
        await ann.until(lambda: any(b"kept" in update for update in ann.updates))
        await run_sync(uvicorn.kill)
    await run_sync(uvicorn.start)
    async with connected(uvicorn.url, uvicorn.token("ben", "durable"), "durable") as ben:
        await ben.until_synced()
        assert "kept" in ben.calendar


@pytest.mark.node
async def test_refusals_have_codes_that_clients_see(uvicorn: ServerProcess) -> None:
    async with node() as clients:
        cases = {
            4401: ("nonsense", "closes"),
            4403: (uvicorn.token("eve", "demo"), "closes"),
            4404: (uvicorn.token("eve", "*"), "never-made"),
        }
        for code, (token, room) in cases.items():
            client = await clients.open(uvicorn.url, token, room)

            async def refused(client: NodeClient) -> bool:
                return (await client.status())["final"] is not None

            await client.until(refused)
            assert (await client.status())["final"][0] == code


async def test_a_hostile_frame_ends_one_connection_with_a_reason(uvicorn: ServerProcess) -> None:
    url, token = uvicorn.url, uvicorn.token("mallory", "closes")
    async with connected(url, token, "closes") as bad, connected(url, token, "closes") as good:
        await good.until_synced()
        await bad.send(b"\xff" * 80_000)
        code, reason = await bad.until_closed()
        assert code == 1008
        assert reason != ""
        await good.edit(lambda calendar: calendar.create(event_id="on", title="it goes"))
        await good.until(lambda: good.updates)
        await anyio.lowlevel.checkpoint()
    assert uvicorn.metric("messages_refused_total", reason="malformed") == 1


async def test_no_token_is_in_what_it_logs(uvicorn: ServerProcess) -> None:
    async with connected(uvicorn.url, uvicorn.token("ann")) as ann:
        await ann.until_synced()
    assert uvicorn.told() == []
