"""Stock Yjs clients in a Node process: yjs and y-websocket, driven from Python.

``tests/interop/node/clients.mjs`` is the other side of every call here.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

FOLDER = Path(__file__).parent.parent / "interop" / "node"
MOST_BYTES = 64 * 1024 * 1024
POLL_SECONDS = 0.005


def missing() -> str:
    """Why there can be no Node clients on this machine; "" if there can."""
    if shutil.which("node") is None:
        return "Node.js is not installed"
    if not (FOLDER / "node_modules").is_dir():
        return "no node_modules: make test installs them, or npm ci --prefix tests/interop/node"
    return ""


class Node:
    """One Node process with any number of clients in it."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._requests = process.stdin
        self._answers = BufferedByteReceiveStream(process.stdout)
        self._turn = anyio.Lock()
        self._count = 0

    async def ask(self, do: str, **words: object) -> Any:
        """Have something done, and return what it returns."""
        line = json.dumps({"do": do, **words}, ensure_ascii=False).encode() + b"\n"
        async with self._turn:
            with anyio.CancelScope(shield=True):  # an answer must not be left for the next one
                await self._requests.send(line)
                answer = json.loads(await self._answers.receive_until(b"\n", MOST_BYTES))
        assert "ok" in answer, f"{do}: {answer['error']}"
        return answer["ok"]

    async def open(
        self,
        url: str,
        token: str = "",
        room: str = "demo",
        *,
        protocols: list[str] | None = None,
        seed: int = 0,
    ) -> NodeClient:
        """A client that connects, with its token as a parameter, or with these subprotocols."""
        self._count += 1
        name = f"client{self._count}"
        params = {"token": token} if token else {}
        words = {"params": params, "protocols": protocols or [], "seed": seed}
        await self.ask("open", client=name, url=url, room=room, **words)
        return NodeClient(self, name)

    async def synced(self, url: str, token: str, room: str = "demo", **words: Any) -> NodeClient:
        """A client that has heard everything there is."""
        client = await self.open(url, token, room, **words)
        await client.until_synced()
        return client

    async def warnings(self) -> list[str]:
        """What the clients have written to the console."""
        warnings: list[str] = await self.ask("warnings")
        return warnings


class NodeClient:
    """One client in the Node process; every method is one of the same name there."""

    def __init__(self, node: Node, name: str) -> None:
        self.node = node
        self.name = name

    async def do(self, do: str, **words: object) -> Any:
        """Have this client do something."""
        return await self.node.ask(do, client=self.name, **words)

    async def create(self, id: str, **fields: object) -> None:
        """Make an event: title, and perhaps description and when."""
        await self.do("create", id=id, **fields)

    async def set(self, id: str, key: str, value: object) -> None:
        """Write one field of an event."""
        await self.do("set", id=id, key=key, value=value)

    async def insert(self, id: str, index: int, text: str) -> None:
        """Type into an event's description, at a UTF-16 index."""
        await self.do("insert", id=id, index=index, text=text)

    async def show(self, **state: object) -> None:
        """Show presence."""
        await self.do("show", state=state)

    async def events(self) -> dict[str, dict[str, Any]]:
        """All events, as JSON."""
        events: dict[str, dict[str, Any]] = await self.do("read")
        return events

    async def present(self) -> dict[int, dict[str, Any]]:
        """What the clients here show, by client id."""
        return {int(client): state for client, state in (await self.do("present")).items()}

    async def status(self) -> dict[str, Any]:
        """synced, connected, closes, final, opens, frames and the client id."""
        status: dict[str, Any] = await self.do("status")
        return status

    async def until(
        self, holds: Callable[[NodeClient], Awaitable[object]], seconds: float = 10.0
    ) -> None:
        """Ask again and again until the condition holds. Raises `TimeoutError`."""
        with anyio.fail_after(seconds):
            while not await holds(self):  # noqa: ASYNC110  # the other process knows
                await anyio.sleep(POLL_SECONDS)

    async def until_synced(self, seconds: float = 10.0) -> None:
        """Wait until the client is connected and has heard everything."""

        async def synced(client: NodeClient) -> bool:
            return bool((await client.status())["synced"])

        await self.until(synced, seconds)

    async def until_event(self, id: str, seconds: float = 10.0, **fields: object) -> None:
        """Wait until an event is there, with these fields."""

        async def there(client: NodeClient) -> bool:
            found = (await client.events()).get(id)
            return found is not None and fields.items() <= found.items()

        await self.until(there, seconds)


@asynccontextmanager
async def node(script: str = "clients.mjs") -> AsyncIterator[Node]:
    """A Node process until the block ends."""
    async with await anyio.open_process(
        ["node", str(FOLDER / script)], stdin=PIPE, stdout=PIPE, stderr=None
    ) as process:
        try:
            yield Node(process)
        finally:
            process.kill()
