"""Every message known to end, block or corrupt a Yjs server, sent to the running one.

What each of them does to the libraries underneath is in the name. Here they end one connection,
with a code and a reason, and nobody else notices.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import anyio
import pytest
import websockets

from crdt_calendar.protocol.messages import read_state_vector
from tests.support import forged
from tests.support.client import LIMITS, Client, connected
from tests.support.forged import ANY, EMBED, GC, SKIP, STRING, TYPE
from tests.support.server import ServerProcess

pytestmark = pytest.mark.anyio

MOST_SECONDS = 0.25  # 10 ms in the server; the rest is for two busy cores and this client
OWN = 77_000_001  # a client id of mallory's


@dataclass(frozen=True)
class Killer:
    """`frames` are made for the client id of a victim and the clock of its next edit."""

    name: str
    slug: str
    frames: Callable[[int, int], Iterable[bytes]]
    code: int = 1008


def one(name: str, slug: str, frame: bytes, code: int = 1008) -> Killer:
    """A killer that is always the same frame."""
    return Killer(name, slug, lambda victim, clock: [frame], code)


def mine(*structs: bytes, deletes: bytes = forged.NO_DELETES) -> bytes:
    """An update under mallory's own client id."""
    return forged.update(forged.section(OWN, 0, *structs), deletes=deletes)


def keyed(kind: int, content: bytes) -> bytes:
    return mine(forged.entry("key", kind, content))


NESTING = [
    one("arrays 30,000 deep in one value", "hostile", keyed(ANY, forged.nested_arrays(30_000))),
    one("objects 30,000 deep in one value", "hostile", keyed(ANY, forged.nested_objects(30_000))),
    one("JSON 30,000 deep in an embed", "hostile", mine(
        forged.text(EMBED, forged.sized(b"[" * 30_000 + b"]" * 30_000)))),
    Killer("a chain of maps by small updates", "hostile",
           lambda victim, clock: forged.map_chain(OWN, 40_000)),
    one("presence 30,000 deep", "hostile",
        forged.presence((OWN, 1, b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}"))),
]  # fmt: skip
LENGTHS = [
    one("a giant GC", "hostile", mine(forged.bare(GC, 1 << 31))),
    one("a giant Skip", "hostile", mine(forged.bare(SKIP, 1 << 31))),
    one("a clock near the end of 32 bits", "hostile", forged.update(
        forged.section(OWN, (1 << 32) - 2, forged.bare(GC, 1)))),
    one("a value count beyond the bytes", "hostile", keyed(ANY, forged.uint(1 << 28))),
    one("a struct count beyond the bytes", "hostile", forged.frame(
        forged.UPDATE, b"\x01" + forged.uint(1 << 28) + forged.uint(OWN) + b"\x00")),
    one("a client count beyond the bytes", "hostile", forged.frame(
        forged.UPDATE, forged.uint(1 << 28))),
    one("a range count beyond the bytes", "hostile", forged.frame(
        forged.UPDATE, b"\x00\x01" + forged.uint(OWN) + forged.uint(1 << 28))),
    one("a state vector of 100 million entries", "malformed", forged.frame(
        forged.SYNC_STEP_1, forged.uint(100_000_000))),
    one("a clock of 2^53 in a state vector", "hostile", forged.frame(
        forged.SYNC_STEP_1, b"\x01" + forged.uint(OWN) + forged.uint((1 << 53) - 1))),
    one("presence of 100 million clients", "malformed", forged.frame(
        forged.AWARENESS, forged.uint(100_000_000))),
    one("a string longer than its frame", "malformed", keyed(STRING, forged.uint(1 << 30))),
    one("a byte array longer than its frame", "malformed", forged.UPDATE + forged.uint(1 << 40)),
    one("presence of a megabyte", "too-large", forged.presence(
        (OWN, 1, b'{"a":"' + b"x" * 1_000_000 + b'"}')), 1009),
    one("presence of a hundred clients", "too-large", forged.presence(
        *[(OWN + number, 1, b"{}") for number in range(100)]), 1009),
]  # fmt: skip
OTHERS = [
    Killer("a giant GC under another's id", "hostile", lambda victim, clock: [
        forged.update(forged.section(victim, clock, forged.bare(GC, 1 << 31)))]),
    Killer("a small GC under another's id", "foreign-client", lambda victim, clock: [
        forged.update(forged.section(victim, clock, forged.bare(GC, 5)))]),
    Killer("an edit under another's id", "foreign-client", lambda victim, clock: [
        forged.update(forged.section(victim, clock, forged.entry("k", ANY, b"\x01" + forged.NULL)))
    ]),
    Killer("presence under another's id", "foreign-client", lambda victim, clock: [
        forged.presence((victim, 1000, b'{"user":{"name":"not me"}}'))]),
    Killer("a farewell under another's id", "foreign-client", lambda victim, clock: [
        forged.presence((victim, 1000, b"null"))]),
]  # fmt: skip
GARBAGE = [
    one("80 KB of 0xFF", "malformed", b"\xff" * 80_000),
    one("80 KB of 0xFF as an update", "malformed", forged.frame(forged.UPDATE, b"\xff" * 80_000)),
    one("80 KB of 0xFF as a state vector", "malformed", forged.frame(
        forged.SYNC_STEP_1, b"\xff" * 80_000)),
    one("80 KB of 0xFF as presence", "malformed", forged.frame(
        forged.AWARENESS, b"\xff" * 80_000)),
    one("an empty frame", "malformed", b""),
    one("an unknown message", "malformed", b"\x37\x00"),
    one("an unknown sync message", "malformed", b"\x00\x09\x00"),
    one("bytes after the message", "malformed", forged.update() + b"more"),
    one("bytes after the update", "malformed", forged.frame(forged.UPDATE, b"\x00\x00more")),
    one("a text that is not UTF-8", "malformed", keyed(STRING, forged.sized(b"\xed\xa0\x80"))),
    one("presence that is no JSON", "malformed", forged.presence((OWN, 1, b"{NaN"))),
    one("one client in two sections", "hostile", forged.update(
        *[forged.section(OWN, 0, forged.entry("k", TYPE, forged.MAP))] * 2)),
    one("an item inside of a plain value", "hostile", mine(
        forged.entry("value", ANY, b"\x01" + forged.NULL),
        forged.entry("inside", ANY, b"\x01" + forged.NULL, (OWN, 0)))),
]  # fmt: skip
KILLERS = [*NESTING, *LENGTHS, *OTHERS, *GARBAGE]


@pytest.mark.parametrize("killer", KILLERS, ids=lambda killer: killer.name)
async def test_a_killer_ends_its_own_connection_and_nothing_else(
    server: ServerProcess, project: str, killer: Killer, record_property: Any
) -> None:
    pid = server.pid
    refused = server.metric("messages_refused_total", reason=killer.slug)
    hostile = server.metric("hostile_frames_total")
    said = len(server.said())
    token = server.token("mallory", project)
    async with victim(server, project) as alice, connected(server.url, token, project) as mallory:
        await mallory.until_synced()
        seconds = await attack(mallory, killer.frames(alice.doc.client_id, next_clock(alice)))
        code, reason = mallory.closed or (0, "")
        assert (code, reason != "") == (killer.code, True)
        await works(alice)
        assert seconds < MOST_SECONDS
    assert server.metric("messages_refused_total", reason=killer.slug) == refused + 1
    assert server.metric("hostile_frames_total") == hostile + 1
    (line,) = [line for line in server.said()[said:].splitlines() if "user=mallory" in line]
    assert f"code={killer.code}" in line
    assert project in line
    assert (server.process.poll(), server.pid) == (None, pid)
    record_property("refused_after_ms", round(seconds * 1000, 1))


async def test_deleting_what_another_has_yet_to_write_silences_nobody(
    server: ServerProcess, project: str
) -> None:
    token = server.token("mallory", project)
    async with victim(server, project) as alice, connected(server.url, token, project) as mallory:
        await mallory.until_synced()
        future = forged.deleted(alice.doc.client_id, (next_clock(alice), 1 << 20))
        asked = mallory.asked
        await mallory.send(forged.update(deletes=future))
        await mallory.until(lambda: mallory.asked > asked)  # asked for what such deletions build on
        await works(alice)
        await mallory.until(lambda: "after" in mallory.calendar)
        async with connected(server.url, token, project) as fresh:
            await fresh.until_synced()
            assert fresh.calendar.get("after").title == "여전히"


@asynccontextmanager
async def victim(server: ServerProcess, project: str) -> AsyncIterator[Client]:
    """Somebody honest in the same room, who has written and shown something."""
    async with connected(server.url, server.token("alice", project), project) as alice:
        await alice.until_synced()
        await alice.edit(lambda calendar: calendar.create(event_id="before", description="글"))
        await alice.show(cursor=1)
        await alice.until(lambda: alice.updates[1:] and alice.present)
        yield alice


def next_clock(client: Client) -> int:
    """The clock of the next thing that client will write."""
    return read_state_vector(client.doc.get_state(), LIMITS)[client.doc.client_id]


async def attack(mallory: Client, frames: Iterable[bytes]) -> float:
    """Send the frames until the connection ends; return how long that took, in seconds."""
    started = time.perf_counter()
    with suppress(websockets.ConnectionClosed):
        for frame in frames:
            await mallory.send(frame)
            await anyio.lowlevel.checkpoint()
    await mallory.until_closed()
    return time.perf_counter() - started


async def works(alice: Client) -> None:
    """Her edits still reach the disk, and she is still seen."""
    await alice.edit(lambda calendar: calendar.create(event_id="after", title="여전히"))
    await alice.until(lambda: any(b"after" in update for update in alice.updates))
    assert alice.present[alice.doc.client_id].value is not None
