"""Permission is live: what changes in the members table, a token or the clock reaches sockets."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from uuid import uuid4

import anyio
import pytest
from anyio.to_thread import run_sync

from crdt_calendar.model.calendar import Calendar
from tests.e2e.conftest import FRIEND
from tests.support.client import Client, connected
from tests.support.server import ServerProcess, running
from tests.support.wire import upgraded

pytestmark = pytest.mark.anyio

STOP_SECONDS = 5.0


async def edited(client: Client, event: str) -> bool:
    """Try an edit; whether it was accepted. A refusal is said, not shown by silence."""
    denied = len(client.denied)
    await client.edit(partial(Calendar.create, event_id=event))
    sign = event.encode()
    await client.until(
        lambda: len(client.denied) > denied or any(sign in update for update in client.updates)
    )
    return len(client.denied) == denied


async def test_who_is_removed_is_out_within_a_second(server: ServerProcess, project: str) -> None:
    token = server.token("alice", project)
    async with (
        connected(server.url, token, project) as alice,
        connected(server.url, server.token("bob", project), project) as bob,
    ):
        await alice.until_synced()
        await bob.until_synced()
        await run_sync(server.run, "projects", "members", "remove", project, "alice")
        code, reason = await alice.until_closed(1.0)
        assert (code, "alice" in reason) == (4403, True)
        assert await edited(bob, "unhurt")
    async with connected(server.url, token, project) as again:
        assert (await again.until_closed())[0] == 4403


async def test_a_downgrade_makes_a_viewer_and_an_upgrade_an_editor_of_a_live_connection(
    server: ServerProcess, project: str
) -> None:
    async with (
        connected(server.url, server.token("alice", project), project) as alice,
        connected(server.url, server.token("bob", project), project) as bob,
    ):
        await alice.until_synced()
        assert await edited(alice, "first")
        await set_role(server, project, "alice", "viewer")
        await until_edits_are(alice, accepted=False)
        assert not await edited(alice, "second")
        assert await edited(bob, "third")
        await alice.until(lambda: "third" in alice.calendar)  # still reads
        assert "second" not in bob.calendar
        await set_role(server, project, "alice", "editor")
        await until_edits_are(alice, accepted=True)
        # She kept what was refused; now that she may, she is asked for it.
        await bob.until(lambda: "second" in bob.calendar)
        assert await edited(alice, "fourth")


async def until_edits_are(client: Client, *, accepted: bool) -> None:
    """Live means: within a second."""
    with anyio.fail_after(1.0):
        while await edited(client, str(uuid4())) != accepted:
            pass


async def set_role(server: ServerProcess, project: str, user: str, role: str) -> None:
    add = partial(server.admin, project=project, user=user, role=role)
    await run_sync(add, "members.add")


@pytest.mark.parametrize(
    ("role", "may_enter", "may_edit"),
    [
        (None, False, False),
        ("viewer", True, False),
        ("editor", True, True),
        ("owner", True, True),
    ],
)
async def test_the_members_table_decides_for_each_role(
    server: ServerProcess, project: str, role: str | None, may_enter: bool, may_edit: bool
) -> None:
    token = server.token("mia", "some-other-project")  # says who she is, and nothing about here
    if role is not None:
        await set_role(server, project, "mia", role)
    async with connected(server.url, token, project) as mia:
        if may_enter:
            await mia.until_synced()
            assert await edited(mia, "event") == may_edit
        else:
            assert (await mia.until_closed())[0] == 4403


async def test_a_revoked_token_closes_what_it_opened(server: ServerProcess, project: str) -> None:
    token, other = server.token("alice", project), server.token("alice", project)
    async with (
        connected(server.url, token, project) as revoked,
        connected(server.url, other, project) as kept,
    ):
        await revoked.until_synced()
        await kept.until_synced()
        await run_sync(partial(server.admin, "tokens.revoke", token.encode()))
        assert (await revoked.until_closed(1.0))[0] == 4401
        assert await edited(kept, "event")


async def test_a_token_that_expires_closes_the_connection(
    server: ServerProcess, project: str
) -> None:
    token = server.token("alice", project, expires_seconds=1.0)
    began = time.time()
    async with connected(server.url, token, project) as alice:
        await alice.until_synced()
        assert await edited(alice, "event")
        code, reason = await alice.until_closed()
        assert (code, "expired" in reason) == (4401, True)
    assert 0.9 < time.time() - began < 3.5
    async with connected(server.url, token, project) as again:
        assert (await again.until_closed())[0] == 4401


@pytest.mark.parametrize(
    ("origin", "let_in"),
    [
        (None, True),
        ("own", True),
        (FRIEND, True),
        ("https://evil.example.org", False),
        ("null", False),
    ],
)
async def test_pages_of_foreign_origins_may_not_connect(
    server: ServerProcess, project: str, origin: str | None, let_in: bool
) -> None:
    own = f"http://127.0.0.1:{server.port}"
    token = server.token("alice", project)
    sent = own if origin == "own" else origin
    async with connected(server.url, token, project, origin=sent) as alice:
        if let_in:
            await alice.until_synced()
        else:
            assert (await alice.until_closed())[0] == 4403


async def test_sigterm_sends_everybody_away_with_everything_on_disk(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        url = server.url
        async with (
            connected(url, server.token("alice")) as alice,
            connected(url, server.token("bob")) as bob,
            upgraded(server, server.token("deaf"), "demo", receive_bytes=4096),
        ):
            await alice.until_synced()
            await bob.until_synced()
            for number in range(100):
                await alice.edit(partial(Calendar.create, event_id=f"event{number}"))
            await bob.until(lambda: "event99" in bob.calendar)
            began = time.perf_counter()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(stops_cleanly, server)
                assert (await alice.until_closed())[0] == 1012
                assert (await bob.until_closed())[0] == 1012
            assert time.perf_counter() - began < STOP_SECONDS
        await run_sync(server.start)
        async with connected(url, server.token("carol")) as carol:
            await carol.until_synced()
            assert len(carol.calendar) == 100


async def stops_cleanly(server: ServerProcess) -> None:
    assert await run_sync(server.terminate) == 0
