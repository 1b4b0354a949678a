"""The log in memory, by the suite of every log, and what only it can do."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

pytest.register_assert_rewrite("tests.contracts.log")

from crdt_calendar.errors import CommitFailed  # noqa: E402  # after the line above
from server.storage.memory import MemoryLog  # noqa: E402
from tests.contracts.log import LogContract  # noqa: E402
from tests.storage.histories import edits, entries  # noqa: E402


class TestMemoryLog(LogContract):
    """The suite."""

    @pytest.fixture
    def log(self) -> MemoryLog:
        """A fresh one."""
        return MemoryLog()


@pytest.mark.anyio
async def test_it_fails_as_often_as_told_and_stores_nothing_then() -> None:
    log = MemoryLog()
    log.fail_next(2)
    for _ in range(2):
        with pytest.raises(CommitFailed):
            await log.append(entries(edits(1)))
    assert list(await log.history("room")) == []
    await log.append(entries(edits(1)))
    assert len(await log.history("room")) == 1


@pytest.mark.anyio
async def test_held_appends_wait() -> None:
    log = MemoryLog()
    async with anyio.create_task_group() as tasks:
        with log.held():
            tasks.start_soon(log.append, entries(edits(1)))
            await anyio.wait_all_tasks_blocked()
            assert list(await log.history("room")) == []
    assert len(await log.history("room")) == 1
