"""What `append` has returned for survives `kill -9`, also in the middle of compaction."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pycrdt import Doc, Map

from server.storage.maintenance import inspect, verify
from server.storage.sqlite import open_store

ROUNDS = int(os.environ.get("KILL_ROUNDS", "20"))


def run_and_kill(database: Path, seconds: float) -> list[str]:
    """What an appender printed until it was killed, that long after its first line."""
    command = [sys.executable, "-m", "tests.storage.appender", str(database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        return (first + child.stdout.read()).decode().split()


@pytest.mark.anyio
async def test_everything_acknowledged_survives_kills(database: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  # shown when the test fails
    chance = random.Random(seed)
    acknowledged = run_and_kill(database, 0.1)
    assert verify(database).sound  # with the log still beside it
    for _ in range(ROUNDS):
        acknowledged += run_and_kill(database, chance.random() * 0.15)
        async with open_store(database) as store:
            stored = await store.log.load("room")
        doc: Doc[Map[int]] = Doc()
        doc.apply_update(stored.update)
        assert set(acknowledged) <= set(doc.get("events", type=Map).to_py() or {})
    assert len(acknowledged) > ROUNDS * 5
    assert verify(database).sound
    facts = inspect(database, "room")
    assert facts.snapshot_seq > 0  # it was compacted
    assert facts.rows < len(acknowledged)  # and thinned
