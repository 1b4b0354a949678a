"""What can be done to a server below the messages: frames, fragments, halves, floods."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import anyio
import pytest
from pycrdt import Map

from crdt_calendar.protocol.messages import SyncStep1, write_state_vector
from tests.support import forged
from tests.support.client import Client, connected
from tests.support.server import ServerProcess, running
from tests.support.wire import CONTINUATION, TEXT, Wire, frame, header, upgraded, wire

pytestmark = pytest.mark.anyio

MIB = 1 << 20
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
QUERY_AWARENESS = b"\x03"


async def echo_seconds(client: Client) -> float:
    """How long an edit takes to the disk and back."""
    before = len(client.updates)
    started = time.perf_counter()
    await client.edit(lambda calendar: calendar.create())
    await client.until(lambda: len(client.updates) > before)
    return time.perf_counter() - started


@pytest.mark.parametrize(
    ("name", "sent", "code"),
    [
        ("a header that announces a gigabyte", b"\x82" + header(1 << 30), 1009),
        ("a header that announces 2^63 bytes", b"\x82" + header(1 << 63), 1009),
        ("a text", frame(b"hello", TEXT), 1008),
        ("a frame without a mask", frame(b"\x03", masked=False), 1008),
        ("a frame with a reserved bit", frame(b"\x03", rsv=0x40), 1008),
        ("a frame of an unknown kind", frame(b"\x03", 7), 1008),
        ("a continuation of nothing", frame(b"\x03", CONTINUATION), 1008),
        ("an endless ping", frame(bytes(200), 9), 1008),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_forbidden_frame_ends_its_own_connection(
    server: ServerProcess, project: str, name: str, sent: bytes, code: int, record_property: Any
) -> None:
    token = server.token("mallory", project)
    hostile = server.metric("hostile_frames_total")
    said = len(server.said())
    async with (
        connected(server.url, server.token("alice", project), project) as alice,
        upgraded(server, token, project) as (mallory, _),
    ):
        await alice.until_synced()
        started = time.perf_counter()
        await mallory.send(sent)
        assert (await mallory.read_close())[0] == code
        record_property("closed_after_ms", round((time.perf_counter() - started) * 1000, 1))
        assert await echo_seconds(alice) < 0.25
    assert server.metric("hostile_frames_total") == hostile + 1
    (line,) = [line for line in server.said()[said:].splitlines() if "user=mallory" in line]
    assert f"code={code}" in line


async def test_a_message_in_fragments_is_bounded_as_a_whole(
    server: ServerProcess, project: str
) -> None:
    before = server.resident_bytes()
    async with upgraded(server, server.token("mallory", project), project) as (mallory, _):
        piece = frame(bytes(MIB), CONTINUATION, final=False)
        await mallory.send(frame(b"\x00", final=False))
        for _ in range(33):
            await mallory.send(piece)
        code, reason = await mallory.read_close()
        assert (code, "bytes" in reason) == (1009, True)
        assert server.resident_bytes() - before < 100 * MIB


async def test_deflate_is_not_negotiated_and_a_deflated_bomb_is_not_inflated(
    server: ServerProcess, project: str
) -> None:
    before = server.resident_bytes()
    token = server.token("mallory", project)
    async with upgraded(server, token, project, DEFLATE) as (mallory, head):
        assert "101" in head.splitlines()[0]
        assert "permessage-deflate" not in head
        bomb = zlib.compress(bytes(64 * MIB), 9)
        await mallory.send(frame(bomb, rsv=0x40))
        assert (await mallory.read_close())[0] == 1008
    assert server.resident_bytes() - before < 32 * MIB


async def test_an_edit_may_come_before_any_sync_and_a_sync_in_the_middle_of_edits(
    server: ServerProcess, project: str
) -> None:
    async with upgraded(server, server.token("eager", project), project) as (eager, _):
        for clock in range(3):
            entry = forged.entry(f"key{clock}", forged.ANY, b"\x01" + forged.NULL)
            await eager.send(frame(forged.update(forged.section(5, clock, entry))))
            await eager.send(frame(forged.frame(forged.SYNC_STEP_1, b"\x00")))
        async with connected(server.url, server.token("alice", project), project) as alice:
            await alice.until_synced()
            await alice.until(lambda: len(alice.doc.get("events", type=Map)) == 3)


async def test_halves_of_frames_and_of_handshakes_hold_up_nobody(
    server: ServerProcess, project: str, record_property: Any
) -> None:
    token, lines = server.token("mallory", project), 100
    whole = frame(forged.update())
    async with AsyncExitStack() as stack:
        alice = await stack.enter_async_context(
            connected(server.url, server.token("alice", project), project)
        )
        await alice.until_synced()
        frames: list[Wire] = []
        handshakes: list[Wire] = []
        for _ in range(lines):
            line, _ = await stack.enter_async_context(upgraded(server, token, project))
            await line.send(whole[:3])
            frames.append(line)
            half = await stack.enter_async_context(wire(server))
            await half.send(b"GET /yjs/demo HTTP/1.1\r\nHost: ")
            handshakes.append(half)
        slowest = max([await echo_seconds(alice) for _ in range(50)])
        assert slowest < 0.25
        record_property("slowest_echo_ms", round(slowest * 1000, 1))
        for line in frames:  # who goes on where they stopped is served
            await line.send(whole[3:])
            await line.send(frame(forged.frame(forged.SYNC_STEP_1, b"\x00")))
        for line in frames:
            with anyio.fail_after(5):
                while (await line.read_frame())[1][:2] != forged.SYNC_STEP_2:
                    pass
        await handshakes[0].read_end(15)  # who never finishes a request is not waited for


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that allows little."""
    limits = {"MESSAGES_BURST": "200", "MESSAGES_PER_SECOND": "400", "CONNECTIONS_PER_USER": "3"}
    limits |= {"BYTES_BURST": str(2 * MIB), "BYTES_PER_SECOND": "20000"}
    environment = {f"CRDT_CALENDAR_LIMIT_{key}": value for key, value in limits.items()}
    with running(tmp_path_factory.mktemp("tight") / "data", **environment) as server:
        yield server


async def test_a_flood_is_held_back_and_hurts_nobody_else(
    tight: ServerProcess, record_property: Any
) -> None:
    url = tight.url
    async with (
        connected(url, tight.token("alice")) as alice,
        connected(url, tight.token("flood")) as flood,
    ):
        await alice.until_synced()
        await flood.until_synced()
        for _ in range(600):
            await flood.send(QUERY_AWARENESS)
        slowest = max([await echo_seconds(alice) for _ in range(20)])
        assert slowest < 0.25
        assert tight.metric("messages_received_total", kind="QueryAwareness") < 600
        await flood.edit(lambda calendar: calendar.create(event_id="late"))
        await alice.until(lambda: "late" in alice.calendar)  # held, not lost
        assert flood.closed is None
    record_property("slowest_echo_ms", round(slowest * 1000, 1))


async def test_who_sends_far_too_much_is_told_to_come_back_later(tight: ServerProcess) -> None:
    async with connected(tight.url, tight.token("heavy")) as heavy:
        await heavy.until_synced()
        clocks = dict.fromkeys(range(1 << 32, (1 << 32) + 150_000), 1)
        question = SyncStep1(write_state_vector(clocks))  # a large one that is nothing but large
        for _ in range(3):
            await heavy.send(question)
        assert (await heavy.until_closed())[0] == 1013
    assert tight.metric("messages_refused_total", reason="rate") == 1


async def test_a_user_has_only_so_many_connections(tight: ServerProcess) -> None:
    token = tight.token("many")
    async with AsyncExitStack() as stack:
        for _ in range(3):
            one = await stack.enter_async_context(connected(tight.url, token))
            await one.until_synced()
        fourth = await stack.enter_async_context(connected(tight.url, token))
        assert (await fourth.until_closed())[0] == 1013
    assert tight.metric("messages_refused_total", reason="connections") == 1
