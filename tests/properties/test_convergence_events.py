"""JSON, MessagePack and Yjs clients edit at random and lose their lines: all end with the same."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random, randrange
from typing import Any, Final

import anyio
import pytest

from tests.events.talker import JSON, MSGPACK, Mirror, Talker, talking
from tests.support.client import Client, connected
from tests.support.server import ServerProcess, running

pytestmark = pytest.mark.anyio

SEED: Final = os.environ.get("CONVERGENCE_SEED") or str(randrange(1 << 32))
WEIGHTS: Final = {"create": 25, "update": 45, "delete": 8, "restore": 4, "leave": 6, "batch": 12}
EVENTS: Final = 40


class Person:
    """Somebody who edits over several connections, each of which goes on where the last was."""

    def __init__(self, name: str, protocol: str, seed: str, *, upper: bool) -> None:
        self.name = name
        self.protocol = protocol
        self.upper = upper
        self.chance = Random(seed)
        self.mirror = Mirror()
        self.known: list[str] = []
        self.told: list[str] = []  # ids of messages, to find what is told twice
        self.resumed = 0

    async def live(self, server: ServerProcess, token: str, steps: int) -> None:
        """That many edits, over several connections."""
        while steps > 0:
            async with talking(server, token, protocol=self.protocol) as talker:
                await self.come(talker)
                for _ in range(self.chance.randint(3, 25)):
                    steps -= 1
                    if await self.step(talker) == "leave":
                        break
                await talker.ask("ping")
                if self.chance.random() < 0.5:
                    await anyio.sleep(self.chance.random() * 0.02)

    async def come(self, talker: Talker) -> None:
        """Subscribe, from where it was."""
        talker.mirrors["demo"] = self.mirror
        wish: dict[str, object] = {"projectId": "demo"}
        if self.mirror.position is not None:
            wish["since"] = self.mirror.position
        answer = await talker.done("SUBSCRIBE" if self.upper else "subscribe", wish)
        self.resumed += answer["resumed"]
        if not answer["resumed"]:
            await talker.until(lambda m: m["type"].lower() == "snapshot" and m["payload"]["last"])

    async def step(self, talker: Talker) -> str:
        """One edit at random; what it was."""
        what = self.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        match what:
            case "leave":
                pass
            case "batch":
                await talker.send([self.message(self.draw()) for _ in range(5)])
            case _:
                await talker.send(self.message(what))
        if self.chance.random() < 0.3:
            await talker.ask("ping")
        return what

    def draw(self) -> str:
        return self.chance.choice(["create", "update", "update", "delete"])

    def message(self, what: str) -> dict[str, Any]:
        event = f"event-{self.chance.randrange(EVENTS)}"
        payload: dict[str, object] = {"projectId": "demo", "id": event}
        if what in ("create", "update"):
            payload["title"] = f"{self.name} {self.chance.random()}"
        if self.chance.random() < 0.3:
            payload["location"] = str(self.chance.random())
        type_ = f"EVENT_{what.upper()}" if self.upper else f"event:{what}"
        message: dict[str, Any] = {
            "type": type_,
            "id": str(self.chance.random()),
            "payload": payload,
        }
        held = self.mirror.events.get(event)
        if what == "update" and held is not None and self.chance.random() < 0.5:
            message["version"] = held["version"]
        return message


async def edit_by_yjs(server: ServerProcess, token: str, chance: Random, steps: int) -> None:
    """The same by a Yjs client, over several connections."""
    doc = None
    while steps > 0:
        async with connected(server.url, token, doc=doc) as client:
            doc = client.doc
            await client.until_synced()
            for _ in range(chance.randint(5, 20)):
                steps -= 1
                await edit_once(client, f"event-{chance.randrange(EVENTS)}", str(chance.random()))
                await anyio.sleep(chance.random() * 0.01)


async def edit_once(client: Client, event: str, title: str) -> None:
    def change(calendar: Any) -> None:
        if event in calendar:
            calendar.update(event, title=f"yjs {title}")
        elif calendar.find(event) is None:
            calendar.create(event_id=event, title=f"yjs {title}")

    await client.edit(change)


@pytest.mark.parametrize("steps", [150, pytest.param(1_500, marks=pytest.mark.torture)])
async def test_every_clients_replay_equals_the_document(
    tmp_path: Path, steps: int, record_property: Any
) -> None:
    print(f"CONVERGENCE_SEED={SEED}")  # noqa: T201  # shown when the test fails
    people = [
        Person("jo", JSON, f"{SEED}:jo", upper=False),
        Person("ji", JSON, f"{SEED}:ji", upper=True),
        Person("mo", MSGPACK, f"{SEED}:mo", upper=False),
    ]
    with running(tmp_path / "data") as server:
        tokens = {one.name: server.token(one.name) for one in people}
        async with anyio.create_task_group() as tasks:
            for one in people:
                tasks.start_soon(one.live, server, tokens[one.name], steps)
            tasks.start_soon(edit_by_yjs, server, server.token("yu"), Random(f"{SEED}:yu"), steps)
        async with connected(server.url, server.token("judge")) as judge:
            await judge.until_synced()
            truth = {event.id: event for event in judge.calendar.events()}
            for one in people:
                async with talking(server, tokens[one.name], protocol=one.protocol) as talker:
                    await one.come(talker)
                    await talker.ask("ping")
                    await talker.so(lambda one=one: same(one.mirror, truth))  # type: ignore[misc]
        assert sum(one.resumed for one in people) > 3
    record_property("convergence_events", f"{steps * 4} steps, CONVERGENCE_SEED={SEED}")


def same(mirror: Mirror, truth: dict[str, Any]) -> bool:
    told = {
        key: (event["title"], event["location"], event["version"])
        for key, event in mirror.events.items()
    }
    return told == {
        key: (event.title, event.location, event.sequence) for key, event in truth.items()
    }
