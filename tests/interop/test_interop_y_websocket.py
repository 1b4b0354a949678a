"""y-websocket 3 on Node, as npm has it, against the running server."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import anyio
import pytest
from anyio.to_thread import run_sync

from crdt_calendar.model.conflicts import Conflicts
from crdt_calendar.model.when import When
from tests.interop.conftest import LONE_SECONDS
from tests.support.client import connected
from tests.support.node import Node, NodeClient, node
from tests.support.server import ServerProcess, running

pytestmark = [pytest.mark.anyio, pytest.mark.node]

WHEN = {"start": "2026-11-23T09:00:00", "end": "2026-11-23T10:30:00", "tz": "Asia/Seoul"}


async def two(
    clients: Node, server: ServerProcess, project: str, **names: str
) -> tuple[NodeClient, NodeClient]:
    """Alice and Bob, both synced."""
    people = [
        await clients.synced(
            server.url, server.token(user, project, name=names.get(user, "")), project
        )
        for user in ("alice", "bob")
    ]
    return people[0], people[1]


async def test_two_clients_converge_on_a_calendar_made_in_javascript(
    server: ServerProcess, project: str
) -> None:
    async with node() as clients:
        alice, bob = await two(clients, server, project)
        await alice.create("회의", title="주간 회의", description="안건: ", when=WHEN)
        await bob.until_event("회의", title="주간 회의", description="안건: ", when=WHEN)
        # Both type at once, several characters each, in one description.
        for number, (one, other) in enumerate(zip("가나다라", "😀🎉🚀✨", strict=True)):
            await alice.insert("회의", 4 + number, one)
            await bob.insert("회의", 0, other)
        await bob.set("회의", "location", "서울")
        await alice.set("회의", "title", "월간 회의")

        async def same(_: NodeClient) -> bool:
            return await alice.events() == await bob.events()

        async def complete(client: NodeClient) -> bool:
            text = (await client.events())["회의"]["description"]
            return all(character in text for character in "가나다라😀🎉🚀✨")

        await bob.until(complete)
        await alice.until(complete)
        await alice.until(same)
        event = (await alice.events())["회의"]
        assert (event["title"], event["location"]) == ("월간 회의", "서울")


async def test_python_reads_what_javascript_wrote_and_the_other_way_round(
    server: ServerProcess, project: str
) -> None:
    async with (
        node() as clients,
        connected(server.url, server.token("pia", project), project) as pia,
    ):
        alice, _ = await two(clients, server, project)
        await alice.create("js", title="점심", description="김치찌개 🍲", when=WHEN)
        await pia.until(lambda: "js" in pia.calendar)
        event = pia.calendar.get("js")
        assert (event.title, event.description) == ("점심", "김치찌개 🍲")
        assert event.when == When.from_value(WHEN)
        assert pia.calendar.problems() == []
        await pia.edit(
            lambda calendar: calendar.create(event_id="py", title="저녁", description="냉면")
        )
        await alice.until_event("py", title="저녁", description="냉면")
        await alice.insert("py", 2, "과 만두")
        await pia.until(lambda: pia.calendar.get("py").description == "냉면과 만두")


async def test_presence_is_stamped_seen_at_once_and_gone_when_the_plug_is_pulled(
    server: ServerProcess, project: str
) -> None:
    async with node() as clients:
        alice, bob = await two(clients, server, project, alice="앨리스")
        await alice.show(user={"name": "mallory", "color": "#f00"}, cursor={"x": 1})
        mine = (await alice.status())["id"]

        async def sees_alice(client: NodeClient) -> bool:
            return (await client.present()).get(mine, {}).get("cursor") == {"x": 1}

        await bob.until(sees_alice)
        shown = (await bob.present())[mine]
        assert shown["user"] == {"id": "alice", "name": "앨리스", "color": "#f00"}
        newcomer = await clients.synced(server.url, server.token("carol", project), project)
        await newcomer.until(sees_alice, 1.0)

        async def misses_alice(client: NodeClient) -> bool:
            return mine not in await client.present()

        await alice.do("cut")
        await bob.until(misses_alice, 1.0)
        await newcomer.until(misses_alice, 1.0)


async def test_edits_made_offline_on_both_sides_survive_a_killed_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with running(tmp_path_factory.mktemp("killed") / "data") as server:
        async with node() as clients:
            alice, bob = await two(clients, server, "demo")
            await alice.create("shared", title="before", description="")
            await bob.until_event("shared", title="before")
            await run_sync(server.kill)
            await alice.create("from-alice", title="앨리스")
            await alice.insert("shared", 0, "alice ")
            await bob.create("from-bob", title="밥")
            await bob.insert("shared", 0, "bob ")
            await run_sync(server.start)

            async def whole(client: NodeClient) -> bool:
                events = await client.events()
                text = events["shared"]["description"]
                return len(events) == 3 and "alice " in text and "bob " in text

            await alice.until(whole)
            await bob.until(whole)
            assert await alice.events() == await bob.events()
            assert (await alice.status())["closes"][0][0] == 1006


async def test_two_stock_editors_back_from_offline_are_told_of_their_conflict(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with running(tmp_path_factory.mktemp("rivals") / "data") as server:
        async with node() as clients:
            alice, bob = await two(clients, server, "demo")
            await alice.create("e", title="before", location="here")
            await bob.until_event("e", title="before")
            await run_sync(server.kill)
            await alice.set("e", "title", "by alice")
            await bob.set("e", "title", "by bob")
            await bob.set("e", "location", "there")
            await run_sync(server.start)
            async with connected(server.url, server.token("carol")) as carol:
                records = Conflicts(carol.doc, carol.calendar)
                await carol.until(lambda: len(records))
                [conflict] = records
                assert (conflict.event, conflict.field) == ("e", "title")
                assert {(claim.by, claim.value) for claim in conflict.claims} == {
                    ("alice", "by alice"),
                    ("bob", "by bob"),
                }
                stands = conflict.claims[conflict.stands].value
                for client in (alice, bob):
                    await client.until_event("e", title=stands, location="there")


async def test_stock_editors_who_have_seen_one_another_are_in_no_conflict(
    server: ServerProcess, project: str
) -> None:
    """Both write at once, over and over; before each round both have seen the last one."""
    rounds = 20
    async with node() as clients:
        alice, bob = await two(clients, server, project)
        await alice.create("e", title="before")
        await bob.until_event("e", title="before")
        for number in range(rounds):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(alice.set, "e", "title", f"alice {number}")
                tasks.start_soon(bob.set, "e", "title", f"bob {number}")

            async def same(_: NodeClient) -> bool:
                return await alice.events() == await bob.events()

            await anyio.sleep(0.05)
            await alice.until(same)
        async with connected(server.url, server.token("carol", project), project) as carol:
            await carol.until_synced()
            found = [
                tuple(str(claim.value).split()[1] for claim in conflict.claims)
                for conflict in Conflicts(carol.doc, carol.calendar)
            ]
        assert found and all(one == other for one, other in found)


async def told_within(server: ServerProcess, seconds: float) -> float:
    """How many presence frames come in during that time."""
    before = server.metric("messages_received_total", kind="Awareness")
    await anyio.sleep(seconds)
    return server.metric("messages_received_total", kind="Awareness") - before


async def test_reflected_cursors_die_out(
    server: ServerProcess, project: str, record_property: Any
) -> None:
    people, moves = 20, 20
    async with node() as clients:
        names = []
        for number in range(people):
            token = server.token(f"user{number}", project)
            names.append(await clients.synced(server.url, token, project))
        received = server.metric("messages_received_total", kind="Awareness")
        sent = server.metric("messages_sent_total")
        await clients.ask(
            "wander", names=[client.name for client in names], moves=moves, pause_ms=20
        )
        await anyio.sleep(0.5)
        received = server.metric("messages_received_total", kind="Awareness") - received
        sent = server.metric("messages_sent_total") - sent
        last = await names[0].present()
        assert len(last) == people
        assert {state["cursor"]["x"] for state in last.values()} == {moves - 1}
        # Each move comes in once, each frame that went out comes back once, and that is all.
        assert received <= people * moves + sent
        assert sent <= people * people * moves
        with anyio.fail_after(10):  # clients say now and then that they are still there
            while await told_within(server, 0.5):
                pass
        record_property("frames", f"{received:.0f} in, {sent:.0f} out for {people * moves} moves")


async def test_a_viewer_sees_that_an_edit_was_refused_and_nobody_hears_of_it(
    server: ServerProcess, project: str
) -> None:
    async with node() as clients:
        viewer = await clients.synced(server.url, server.token("vera", project, "viewer"), project)
        editor = await clients.synced(server.url, server.token("edda", project), project)
        await editor.create("kept", title="mine", description="")
        await viewer.until_event("kept", title="mine")
        await viewer.set("kept", "title", "vandalised")

        async def warned(_: NodeClient) -> bool:
            return any("Permission denied" in line for line in await clients.warnings())

        await viewer.until(warned)
        assert any("vera may read" in line for line in await clients.warnings())
        await editor.set("kept", "location", "here")
        await viewer.until_event("kept", location="here")  # still connected, still served
        assert (await editor.events())["kept"]["title"] == "mine"
        fresh = await clients.synced(server.url, server.token("fred", project), project)
        assert (await fresh.events())["kept"]["title"] == "mine"


async def test_a_token_may_come_as_a_subprotocol(server: ServerProcess, project: str) -> None:
    async with node() as clients:
        protocol = f"yauth-{server.token('sub', project)}"
        client = await clients.open(server.url, room=project, protocols=[protocol])
        await client.until_synced()
        assert (await client.status())["closes"] == []


@pytest.mark.parametrize(
    ("code", "token", "room"),
    [
        (4401, "no token at all", ""),
        (4403, "elsewhere", ""),
        (4404, "here", "never-made"),
        (4404, "here", "no such project"),
    ],
)
async def test_a_refusal_has_a_code_that_the_client_sees_and_heeds(
    server: ServerProcess, project: str, code: int, token: str, room: str
) -> None:
    tokens = {"elsewhere": server.token("eve", "demo"), "here": server.token("eve", "*")}
    async with node() as clients:
        client = await clients.open(server.url, tokens.get(token, token), room or project)

        async def refused(client: NodeClient) -> bool:
            return (await client.status())["final"] is not None

        await client.until(refused)
        status = await client.status()
        assert status["final"][0] == code
        assert status["final"][1] != ""
        await anyio.sleep(0.5)  # 4400 to 4499: it would have been back after 200 ms
        assert len((await client.status())["closes"]) == 1


@pytest.mark.last
async def test_a_lone_client_stays_connected(lone: subprocess.Popen[bytes]) -> None:
    out, _ = await run_sync(lambda: lone.communicate(timeout=LONE_SECONDS + 10))
    assert json.loads(out) == {"opens": 1, "closes": [], "connected": True}
