"""A newcomer's first hour: serve, import, edit from two sides, pull the plug, find everything."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import anyio
import pytest
from anyio.to_thread import run_sync

from tests.support.node import NodeClient, node
from tests.support.server import ServerProcess, started

pytestmark = pytest.mark.anyio

README = Path(__file__).parents[2] / "README.md"
ADDRESS = "http://127.0.0.1:8000"
TOKEN = "the token of the URL that make serve printed"
CALENDAR = Path(__file__).parent.parent / "ics" / "data" / "alarm_google_future.ics"
EVENT = "79fs7pkqvht9m5igs0vjv1sfra@google.com"
TITLE = "event with alarms"


@pytest.mark.node
async def test_everything_is_there_after_the_plug_was_pulled(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data")
    with started(server):
        done = await run_sync(server.run, "import", str(CALENDAR), "--project", "demo")
        assert done.startswith("1 new")
        tokens = [await token(server, user) for user in ("alice", "bob", "carol")]
        async with node() as clients:
            alice = await clients.synced(server.url, tokens[0])
            bob = await clients.synced(server.url, tokens[1])
            await alice.until_event(EVENT, title=TITLE)
            await bob.until_event(EVENT, title=TITLE)
            await alice.set(EVENT, "title", "알람이 있는 일정")
            await bob.until_event(EVENT, title="알람이 있는 일정")
            await bob.create("party", title="잔치", description="모두 와요")
            await alice.until_event("party", title="잔치")
            before = await alice.events()
            assert before == await bob.events()

            await run_sync(server.kill)
            await alice.until(disconnected)
            await bob.insert("party", 0, "내일: ")  # nobody hears it now
            assert await run_sync(server.start) < 10
            await alice.until_event("party", description="내일: 모두 와요")
            await bob.until_synced()
            carol = await clients.synced(server.url, tokens[2])
            after = await carol.events()
            assert after == await alice.events() == await bob.events()
            assert after[EVENT] == before[EVENT]
        exported = await run_sync(server.run, "export", "--project", "demo")
        assert "SUMMARY:알람이 있는 일정" in exported
        assert "SUMMARY:잔치" not in exported  # it has no time
        assert not any(token in server.said() for token in tokens)


async def test_the_script_of_the_readme_runs_as_it_stands(tmp_path: Path) -> None:
    [script] = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    with started(ServerProcess(tmp_path / "data")) as server:
        written = {ADDRESS: f"http://127.0.0.1:{server.port}", TOKEN: await token(server, "ann")}
        for word, here in written.items():
            assert script.count(word) == 1
            script = script.replace(word, here)
        done = await anyio.run_process([sys.executable, "-c", script], cwd=tmp_path)
        assert done.stdout.decode() == "['Lunch']\n"
        await run_sync(server.kill)
        assert "events     1," in await run_sync(server.run, "inspect", "demo")


async def disconnected(client: NodeClient) -> bool:
    return not (await client.status())["connected"]


async def token(server: ServerProcess, user: str) -> str:
    """A token as a person gets it."""
    words = ("token", "--user", user, "--project", "demo", "--role", "editor")
    with anyio.fail_after(30):
        return (await run_sync(server.run, *words)).strip()
