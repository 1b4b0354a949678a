"""Without a server, and when it comes back."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest

from crdt_calendar.client import CalendarClient, ConnectionState, Status, Timing, Way
from tests.client.conftest import Site
from tests.client.rig import QUICK, saved, timing, titles, until, until_status, until_synced

pytestmark = pytest.mark.anyio

WEEK_EDITS = 10_000
Record = Callable[[str, object], None]


async def test_edits_made_offline_arrive_in_a_later_session(site: Site) -> None:
    site.proxy.down()
    async with site.client(store="replica") as ann:
        made = ann.create(title="offline")
        ann.update(made, location="here")
        assert len(ann.pending) == 2
    async with site.client(store="replica") as ann:
        assert ann.get(made).location == "here", "at once, and without a server"
        assert [edit.number for edit in ann.pending] == [1, 2]
        site.proxy.accept()
        await saved(ann)
    async with site.client(store="replica") as ann:
        assert ann.pending == ()
    async with site.client("bob") as bob:
        await until_synced(bob)
        assert bob.get(made).location == "here"


async def test_an_edit_is_on_this_disk_when_the_call_returns(site: Site) -> None:
    site.proxy.down()
    async with site.client(store="replica") as ann:
        for number in range(5):
            ann.create(title=f"event {number}")
            assert _rows(site.folder / "replica") == number + 1


def _rows(path: Path) -> int:
    """How many edits another process finds in the file."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        (count,) = connection.execute("SELECT count(*) FROM pending").fetchone()
        return int(count)
    finally:
        connection.close()


SCRIPT = """
import sys, anyio, os, signal
from crdt_calendar.client import CalendarClient
async def main():
    async with CalendarClient("http://127.0.0.1:1", "demo", "", sys.argv[1]) as calendar:
        for number in range(7):
            calendar.create(title=f"event {number}")
        print(calendar.client.presence._client, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
anyio.run(main)
"""


async def test_edits_survive_kill_9_of_the_client_and_its_client_id_is_not_used_again(
    site: Site,
) -> None:
    ids = set()
    for round_ in range(1, 4):
        command = [sys.executable, "-c", SCRIPT, str(site.folder / "replica")]
        done = await anyio.run_process(command, check=False)
        assert done.returncode == -9, done.stderr
        ids.add(done.stdout)
        assert _rows(site.folder / "replica") == 7 * round_
    assert len(ids) == 3
    client = CalendarClient("http://127.0.0.1:1", "demo", "", site.folder / "replica")
    async with client as calendar:
        assert titles(calendar) == {f"event {number}" for number in range(7)}
        assert (len(calendar), len(calendar.pending)) == (21, 21)


@pytest.mark.parametrize("away_seconds", [0.3, 2.5])
async def test_back_within_three_seconds_of_the_servers_return(
    own_site: Site, away_seconds: float, record_property: Record
) -> None:
    """With the times that people have, too long for the patience of a test: a server that stays
    away for long is knocked at."""
    client = own_site.client(store="replica", timing=Timing(first=20.0, most=30.0))
    async with client as ann, own_site.client("bob", timing=Timing()) as bob:
        await until_synced(ann)
        await until_synced(bob)
        own_site.server.kill()
        own_site.proxy.down()
        await until_status(client, Status.DISCONNECTED)
        made = ann.create(title="while it was away")
        await anyio.sleep(away_seconds)
        own_site.server.start()
        own_site.proxy.accept()
        started = time.perf_counter()
        await saved(ann)
        await until(lambda: made in bob)
        seconds = time.perf_counter() - started
        record_property("seconds until reconciled", seconds)
        assert seconds < 3


async def test_a_server_that_restarts_is_back_in_a_moment(own_site: Site) -> None:
    async with own_site.client() as ann:
        await until_synced(ann)
        states = ann.client.states()
        await anyio.to_thread.run_sync(own_site.server.terminate)
        await anyio.to_thread.run_sync(own_site.server.start)
        ann.create(title="after")
        await saved(ann)
        codes = [state.code async for state in _until_connected_again(states)]
        assert 1012 in codes


async def _until_connected_again(
    states: AsyncIterator[ConnectionState],
) -> AsyncIterator[ConnectionState]:
    lost = False
    async for state in states:
        yield state
        lost = lost or state.status is Status.DISCONNECTED
        if lost and state.status is Status.CONNECTED:
            return


async def test_retry_now_does_not_wait(site: Site) -> None:
    site.proxy.toxics.block_websocket = True
    site.server.admin("projects.list")
    patient = timing(first=60.0, most=60.0, knock=60.0)
    site.proxy.down()
    async with site.client(timing=patient) as ann:
        await until_status(ann.client, Status.DISCONNECTED)
        site.proxy.toxics.block_websocket = False
        site.proxy.accept()
        ann.client.retry_now()
        await until_synced(ann, 2.0)


async def test_back_within_three_seconds_behind_a_proxy(site: Site) -> None:
    async with site.client(timing=Timing()) as ann:
        await until_synced(ann)
        site.proxy.toxics.away = True
        site.proxy.cut()
        made = ann.create(title="meanwhile")
        await until(lambda: ann.client.state.failures >= 4, 30.0)  # by now it waits for long
        site.proxy.toxics.away = False
        started = time.perf_counter()
        await saved(ann)
        assert time.perf_counter() - started < 3.0
        assert ann.client.state.way is Way.WEBSOCKET
        assert made in ann


async def test_a_proxy_that_is_no_way_for_a_websocket_is_gone_around(site: Site) -> None:
    site.proxy.toxics.block_websocket = True
    site.proxy.toxics.websocket_answer = 502
    async with site.client() as ann:
        await until_synced(ann)
        assert ann.client.state.way is Way.POLLING


async def test_retry_now_gives_up_an_attempt_that_nobody_answers(site: Site) -> None:
    site.proxy.toxics.swallow = True
    patient = timing(opening=60.0, first=60.0, most=60.0, knock=60.0)
    async with site.client(timing=patient) as ann:
        await until(lambda: site.proxy.connections == 1)
        site.proxy.toxics.swallow = False
        ann.client.retry_now()
        await until_synced(ann, 5.0)
        assert ann.client.state.failures == 0


async def test_a_line_that_swallows_everything_is_noticed(site: Site) -> None:
    quick = timing(heartbeat=0.2, answer=0.3)
    async with site.client(timing=quick) as ann:
        await until_synced(ann)
        site.proxy.toxics.swallow = True
        started = time.perf_counter()
        await until_status(ann.client, Status.DISCONNECTED)
        assert time.perf_counter() - started < 1.5
        ann.create(title="into the void")
        site.proxy.toxics.swallow = False
        await saved(ann)


async def test_an_edit_into_a_line_that_swallows_everything_is_sent_again(site: Site) -> None:
    quick = timing(heartbeat=30.0, answer=0.3)
    async with site.client(timing=quick) as ann:
        await until_synced(ann)
        site.proxy.toxics.swallow = True
        ann.create(title="into the void")
        await until_status(ann.client, Status.DISCONNECTED, 1.5)
        site.proxy.toxics.swallow = False
        await saved(ann)


async def test_leaving_a_line_that_takes_nothing_takes_no_time(site: Site) -> None:
    async with site.client() as ann:
        await until_synced(ann)
        site.proxy.toxics.swallow = True
        site.proxy.toxics.latency = 60.0
        for number in range(40):
            ann.create(title=f"{number}", description="x" * 500_000)
        await anyio.sleep(0.1)
        started = time.perf_counter()
        with pytest.raises(KeyError):
            raise KeyError
    assert time.perf_counter() - started < 4


async def test_a_silent_line_is_kept_by_heartbeats(site: Site) -> None:
    quick = timing(heartbeat=0.1, answer=0.5)
    async with site.client(timing=quick) as ann:
        await until_synced(ann)
        await anyio.sleep(1.0)
        assert site.proxy.connections == 1
        assert ann.client.state.status is Status.CONNECTED


async def test_a_late_line_is_no_dead_line(site: Site) -> None:
    site.proxy.toxics.latency = 0.15
    async with site.client("ann") as ann, site.client("bob") as bob:
        made = ann.create(title="slow but sure")
        await saved(ann)
        await until(lambda: made in bob)
        assert site.proxy.connections == 2


@pytest.mark.parametrize("blocked", [False, True], ids=["websocket", "polling"])
async def test_cuts_at_any_moment_lose_nothing(site: Site, *, blocked: bool) -> None:
    site.proxy.toxics.block_websocket = blocked
    async with site.client("ann", store="replica") as ann, site.client("bob") as bob:
        for number in range(60):
            ann.create(title=f"event {number}")
            if number % 4 == 0:
                site.proxy.cut()
            await anyio.sleep(0.01)
        await saved(ann)
        await until(lambda: len(bob) == 60)
        assert titles(ann) == titles(bob)


async def test_where_websocket_is_blocked_it_polls_and_comes_back(site: Site) -> None:
    site.proxy.toxics.block_websocket = True
    async with site.client("ann") as ann, site.client("bob") as bob:
        await until_synced(ann)
        assert ann.client.state.way is Way.POLLING
        made = ann.create(title="by polling")
        await saved(ann)
        await until(lambda: made in bob)
        bob.update(made, location="back")
        await until(lambda: ann.get(made).location == "back")
        site.proxy.toxics.block_websocket = False
        await until(lambda: ann.client.state.way is Way.WEBSOCKET)
        ann.update(made, title="by WebSocket")
        await saved(ann)
        await until(lambda: bob.get(made).title == "by WebSocket")


async def test_two_attempts_by_websocket_come_before_polling(site: Site) -> None:
    site.proxy.toxics.block_websocket = True
    async with site.client() as ann:
        states = ann.client.states()
        await until_synced(ann)
        told = []
        async for state in states:
            told.append(state.status)
            if state.status is Status.CONNECTED:
                assert state.way is Way.POLLING
                break
    failures = told.count(Status.DISCONNECTED)
    assert failures == 2


async def test_refusals_count_while_polling_too(site: Site) -> None:
    site.proxy.toxics.block_websocket = True
    token = site.token()[:-8] + "AAAAAAAA"
    async with site.client(token=token) as ann:
        await until_status(ann.client, Status.ERROR)
        assert ann.client.state.code == 4401


async def test_a_server_that_is_not_there_blocks_no_websocket(site: Site) -> None:
    site.proxy.down()
    async with site.client() as ann:
        await until(lambda: ann.client.state.failures >= 4)
        site.proxy.accept()
        await until_synced(ann)
        assert ann.client.state.way is Way.WEBSOCKET


@pytest.mark.parametrize("blocked", [False, True], ids=["websocket", "polling"])
async def test_a_week_offline_and_ten_thousand_edits(
    site: Site, record_property: Record, *, blocked: bool
) -> None:
    site.proxy.toxics.block_websocket = blocked
    async with site.client("ann", store="replica") as ann:
        with ann.batch():
            for number in range(2_000):
                ann.create(title=f"event {number}", description="from before " * 20)
        await saved(ann)
    before = site.proxy.up_bytes
    site.proxy.down()
    async with site.client("ann", store="replica") as ann:
        ids = sorted(event.id for event in ann.events())
        for number in range(WEEK_EDITS):
            ann.update(ids[number % len(ids)], location=f"room {number}")
        assert len(ann.pending) == WEEK_EDITS
    started = time.perf_counter()
    async with site.client("ann", store="replica") as ann:
        record_property("seconds to open", time.perf_counter() - started)
        assert time.perf_counter() - started < 1
        assert len(ann.pending) == WEEK_EDITS
        site.proxy.accept()
        started = time.perf_counter()
        ann.client.retry_now()
        await saved(ann)
        seconds = time.perf_counter() - started
        record_property("seconds to reconcile", seconds)
        assert seconds < (1 if not blocked else 2)
    record_property("bytes sent", site.proxy.up_bytes - before)
    async with site.client("bob") as bob:
        await until_synced(bob)
        assert sum(event.location.startswith("room") for event in bob.events()) == 2_000


async def test_only_differences_are_sent(site: Site) -> None:
    site.proxy.toxics.block_websocket = False
    async with site.client("ann", store="replica") as ann:
        with ann.batch():
            for number in range(500):
                ann.create(title=f"event {number}", description="from before " * 50)
        await saved(ann)
        (made, *_) = (event.id for event in ann.events())
        whole = site.proxy.up_bytes
        site.proxy.down()
        ann.update(made, location="one word")
        before = site.proxy.up_bytes
        site.proxy.accept()
        await saved(ann)
        assert whole > 300_000
        assert site.proxy.up_bytes - before < 3_000
    received = site.proxy.down_bytes
    async with site.client("ann", store="replica") as ann:
        await until_synced(ann)
    assert site.proxy.down_bytes - received < 3_000


def test_the_default_times_are_those_that_are_promised() -> None:
    times = Timing()
    assert (times.first, times.factor, times.most, times.attempts) == (1.0, 1.5, 30.0, None)
    assert (times.heartbeat, times.answer) == (30.0, 5.0)
    assert QUICK != times
