"""A peer that does not read costs its budget, and nobody else anything."""

from __future__ import annotations

import random
import string
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import anyio
import pytest
from pycrdt import Doc, Map

from crdt_calendar.model.calendar import Calendar
from crdt_calendar.protocol import messages
from crdt_calendar.protocol.messages import SyncStep2, Update
from tests.support import forged
from tests.support.client import LIMITS, Client, connected
from tests.support.server import running
from tests.support.wire import Wire, frame, upgraded

pytestmark = pytest.mark.anyio

MIB = 1 << 20
BUDGET_BYTES = MIB
EDIT_BYTES = 100_000
EDITS = 200  # of each of two people: 40 MB, of which a socket's buffers take 4
SLACK_BYTES = 10 * MIB


def heard(client: Client, sign: bytes) -> bool:
    return any(sign in update for update in client.updates)


async def edit_for_a_while(client: Client, event: str) -> list[float]:
    """Write large values one after another, each when the one before is echoed; seconds of each."""
    seconds = []
    for _ in range(EDITS):
        text = "".join(random.choices(string.ascii_letters, k=EDIT_BYTES))
        started = time.perf_counter()
        await client.edit(partial(Calendar.update, event_id=event, location=text))
        await client.until(partial(heard, client, text[:40].encode()))
        seconds.append(time.perf_counter() - started)
        client.updates.clear()
    return seconds


async def edit_both(alice: Client, bob: Client) -> list[float]:
    """Both at once; the seconds of all their edits."""
    seconds: list[float] = []

    async def edit(client: Client) -> None:
        seconds.extend(await edit_for_a_while(client, client.user))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(edit, alice)
        tasks.start_soon(edit, bob)
    return seconds


async def begin(alice: Client, bob: Client) -> None:
    for client in (alice, bob):
        await client.until_synced()
        await client.edit(partial(Calendar.create, event_id=client.user))
    await alice.until(lambda: "bob" in alice.calendar)
    await bob.until(lambda: "alice" in bob.calendar)


async def read_until_same(slow: Wire, alice: Client) -> int:
    """Read until the slow one has what everybody has; return how many bytes that took."""
    doc: Doc[Map[object]] = Doc()
    events, read = doc.get("events", type=Map), 0
    wanted = alice.doc.get("events", type=Map).to_py()
    with anyio.fail_after(20):
        while events.to_py() != wanted:
            first, payload = await slow.read_frame()
            if first & 0x0F != 2:
                continue  # a ping
            read += len(payload)
            message = messages.decode(payload, LIMITS)
            if isinstance(message, SyncStep2 | Update):
                doc.apply_update(message.update)
    return read


async def test_a_slow_peer_costs_its_budget_and_is_caught_up_when_it_reads(
    tmp_path: Path, record_property: Any
) -> None:
    limits = {"OUTBOX_BYTES": str(BUDGET_BYTES), "STALE_SECONDS": "60"}
    environment = {f"CRDT_CALENDAR_LIMIT_{key}": value for key, value in limits.items()}
    with running(tmp_path / "data", **environment) as server:
        url = server.url
        async with (
            connected(url, server.token("alice"), user="alice") as alice,
            connected(url, server.token("bob"), user="bob") as bob,
        ):
            await begin(alice, bob)
            alone = await edit_both(alice, bob)
            before = server.resident_bytes()
            token = server.token("slow")
            async with upgraded(server, token, "demo", receive_bytes=1 << 16) as (slow, _):
                await slow.send(frame(forged.frame(forged.SYNC_STEP_1, b"\x00")))
                with_slow = await edit_both(alice, bob)
                growth = server.resident_bytes() - before
                read = await read_until_same(slow, alice)
    assert growth < BUDGET_BYTES + SLACK_BYTES
    assert read < EDITS * EDIT_BYTES / 2, "one difference, not the backlog"
    assert median(with_slow) < 2 * median(alone) + 0.02
    assert max(with_slow) < 2.0
    shown = [f"{1000 * median(times):.0f} ms" for times in (alone, with_slow)]
    record_property(
        "slow_peer",
        f"{growth / MIB:.1f} MiB more for a budget of {BUDGET_BYTES // MIB}; "
        f"median echo of {EDIT_BYTES // 1000} KB {shown[0]} without it, {shown[1]} with it; "
        f"caught up by {read / MIB:.1f} MiB",
    )


async def test_a_peer_that_never_reads_is_sent_away(tmp_path: Path) -> None:
    limits = {"OUTBOX_BYTES": str(BUDGET_BYTES), "STALE_SECONDS": "0.5"}
    environment = {f"CRDT_CALENDAR_LIMIT_{key}": value for key, value in limits.items()}
    with running(tmp_path / "data", **environment) as server:
        url = server.url
        async with (
            connected(url, server.token("alice"), user="alice") as alice,
            connected(url, server.token("bob"), user="bob") as bob,
            upgraded(server, server.token("slow"), "demo", receive_bytes=1 << 16) as (slow, _),
        ):
            await begin(alice, bob)
            assert server.metric("room_connections", room="demo") == 3
            await edit_both(alice, bob)
            await alice.until(lambda: server.metric("room_connections", room="demo") == 2)
            assert server.metric("connections_closed_total", code="1013") == 1
            assert server.metric("messages_refused_total", reason="slow") == 1
            await alice.until(lambda: server.metric("connections") == 2)
            with anyio.fail_after(5):
                await read_to_the_end(slow)
            assert (alice.closed, bob.closed) == (None, None)


async def read_to_the_end(slow: Wire) -> None:
    try:
        while await slow.reader.read(MIB):
            pass
    except ConnectionResetError:
        return
