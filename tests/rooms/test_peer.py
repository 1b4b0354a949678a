"""A peer and its outbox: order, budget, one difference for what was dropped, patience."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
import pytest

from crdt_calendar.errors import Forbidden, TooSlow
from crdt_calendar.limits import Limits
from server.auth.grants import Grant, Role
from server.rooms.frame import Frame
from server.rooms.peer import Peer
from tests.rooms.lines import ListLine

GRANT = Grant("alice", "demo", Role.EDITOR)
LIMITS = Limits(outbox_bytes=100, stale_seconds=0.05)
BEFORE = {1: 10}
AFTER = {1: 20}

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def connected(line: ListLine) -> AsyncIterator[Peer]:
    async def keep(grant: Grant) -> Grant:
        return grant

    async with anyio.create_task_group() as tasks:
        ended = tasks.cancel_scope.cancel
        peer = Peer(line, GRANT, LIMITS, now=0.0, ended=ended, reconsider=keep)
        peer.spawn = tasks.start_soon
        yield peer
        tasks.cancel_scope.cancel()


def update(number: int, size_bytes: int = 10) -> Frame:
    return Frame(bytes([number]) * size_bytes, droppable=True)


async def test_a_line_with_room_is_written_at_once() -> None:
    line = ListLine()
    async with connected(line) as peer:
        peer.put(update(1), BEFORE)
        assert line.payloads == [bytes([1]) * 10]
        assert peer.queued_bytes == 0


async def test_what_waits_keeps_its_order() -> None:
    line = ListLine(room_frames=1)
    async with connected(line) as peer:
        for number in range(5):
            peer.put(update(number), BEFORE)
        line.read(10)
        await anyio.wait_all_tasks_blocked()
        peer.put(update(5), BEFORE)
        assert [payload[0] for payload in line.payloads] == [0, 1, 2, 3, 4, 5]
        assert peer.queued_bytes == 0


async def test_past_its_budget_the_backlog_becomes_one_difference_from_what_the_peer_had() -> None:
    line, asked = ListLine(room_frames=0), list[Mapping[int, int]]()
    async with connected(line) as peer:
        peer.catch_up = lambda peer, since: asked.append(since)
        peer.put(update(0), BEFORE)
        await anyio.wait_all_tasks_blocked()  # the pump has taken the first and waits
        for number in range(1, 40):
            peer.put(update(number), AFTER)
            assert peer.queued_bytes <= LIMITS.outbox_bytes
        assert peer.stale
        line.read(10)
        await anyio.wait_all_tasks_blocked()
        assert asked == [AFTER]  # the first frame went out, so that is what the peer has
        peer.put(update(99), AFTER)  # comes with the difference, so it is not sent before
        peer.refresh(Frame(b"difference"))
        peer.put(update(100), AFTER)
        assert line.payloads == [bytes(10), b"difference", bytes([100]) * 10]


async def test_answers_survive_when_updates_are_dropped() -> None:
    line = ListLine(room_frames=0)
    async with connected(line) as peer:
        peer.catch_up = lambda peer, since: peer.refresh(Frame(b"difference"))
        peer.put(Frame(b"first"))
        peer.put(Frame(b"answer"))
        for number in range(40):
            peer.put(update(number), BEFORE)
        line.read(10)
        await anyio.wait_all_tasks_blocked()
        assert line.payloads == [b"first", b"answer", b"difference"]


async def test_asking_again_and_again_is_answered_once_and_costs_no_memory() -> None:
    line, asked = ListLine(room_frames=0), list[Mapping[int, int]]()
    async with connected(line) as peer:
        peer.catch_up = lambda peer, since: asked.append(since)
        peer.put(update(0), BEFORE)
        for _ in range(1000):
            peer.want({7: 1})
        assert peer.queued_bytes <= 10
        line.read(10)
        await anyio.wait_all_tasks_blocked()
        assert asked == [{7: 1}]


async def test_a_flood_of_answers_that_nobody_reads_ends_the_peer() -> None:
    async with connected(ListLine(room_frames=0)) as peer:
        for _ in range(100):
            peer.put(Frame(bytes(10)))
        assert isinstance(peer.error, TooSlow)
        assert peer.queued_bytes == 0


async def test_a_peer_that_takes_nothing_for_too_long_is_ended() -> None:
    async with connected(ListLine(room_frames=0)) as peer:
        peer.put(update(0), BEFORE)
        await anyio.sleep(10)
    assert isinstance(peer.error, TooSlow)


async def test_the_first_reason_to_end_is_the_one_that_counts() -> None:
    line = ListLine()
    async with connected(line) as peer:
        peer.end(Forbidden("first"))
        peer.end(Forbidden("second"))
        assert str(peer.error) == "first"


async def test_a_regrant_changes_what_the_peer_may_do_or_ends_it() -> None:
    async def lower(grant: Grant) -> Grant:
        return Grant(grant.user, grant.project, Role.VIEWER)

    async def refuse(grant: Grant) -> Grant:
        raise Forbidden("removed")

    for decide, role in ((lower, Role.VIEWER), (refuse, Role.EDITOR)):
        line = ListLine()
        peer = Peer(line, GRANT, LIMITS, now=0.0, ended=lambda: None, reconsider=decide)
        await peer.regrant()
        assert peer.grant.role is role
    assert str(peer.error) == "removed"
