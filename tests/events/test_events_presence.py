"""Presence here and in Yjs awareness is one and the same."""

from __future__ import annotations

import pytest

from crdt_calendar.protocol.presence import Json
from crdt_calendar.shapes.presence import color_of
from tests.events.talker import Message, subscribed
from tests.support.client import Client, connected
from tests.support.server import ServerProcess

pytestmark = pytest.mark.anyio


def shown(client: Client, user: str) -> dict[str, object]:
    """What a Yjs client sees of a user."""
    for state in client.present.values():
        if state.user == user and state.value is not None:
            return dict(state.value)
    return {}


async def test_what_is_shown_here_is_seen_in_yjs(server: ServerProcess, project: str) -> None:
    async with connected(server.url, server.token("yas", project), project) as yas:
        await yas.until_synced()
        async with subscribed(server, project, "ann") as ann:
            await yas.until(lambda: shown(yas, "ann"))
            assert shown(yas, "ann")["user"] == {"id": "ann", "name": "ann"}
            await ann.say("CURSOR_MOVE", {"x": 0.25, "y": 0.5, "elementId": "grid"})
            await ann.say("ELEMENT_SELECT", {"elementId": "event-1", "selection": {"from": 2}})
            await ann.say("USER_TYPING", {"elementId": "event-1", "isTyping": True})
            await yas.until(lambda: shown(yas, "ann").get("typing") == "event-1")
            state = shown(yas, "ann")
            assert state["pointer"] == {"x": 0.25, "y": 0.5, "elementId": "grid"}
            assert state["selected"] == {
                "event": "event-1",
                "recurrenceId": None,
                "selection": {"from": 2},
            }
            await ann.say("USER_TYPING", {"elementId": "event-1", "isTyping": False})
            await ann.say("ELEMENT_SELECT", {"elementId": None})
            await yas.until(lambda: shown(yas, "ann").get("selected", 1) is None)
            assert shown(yas, "ann")["typing"] is None
        await yas.until(lambda: not shown(yas, "ann"))


async def test_what_is_shown_in_yjs_is_told_here(server: ServerProcess, project: str) -> None:
    async with (
        subscribed(server, project, "ann") as ann,
        subscribed(server, project, "bob", upper=True) as bob,
    ):
        async with connected(server.url, server.token("yas", project), project) as yas:
            await yas.until_synced()
            color: Json = {"name": "not believed", "color": "#112233"}
            await yas.show(user=color)
            joined = await ann.until(lambda m: m["type"] == "user:joined" and "yas" in str(m))
            assert {key: joined["payload"][key] for key in ("id", "name", "color")} == {
                "id": "yas",
                "name": "yas",
                "color": "#112233",
            }
            upper = await bob.until(
                lambda m: m["type"] == "USER_JOINED_PROJECT" and "yas" in str(m)
            )
            assert upper["payload"]["projectId"] == project
            assert upper["payload"]["user"]["id"] == "yas"
            selected: Json = {"event": "e1", "recurrenceId": None}
            await yas.show(user=color, pointer={"x": 0.1, "y": 0.2}, selected=selected, typing="e1")
            cursor = await ann.told("user:cursor")
            assert cursor["payload"]["timestamp"] > 0
            assert (cursor["payload"]["userId"], cursor["payload"]["x"]) == ("yas", 0.1)
            assert (await bob.told("CURSOR_UPDATE"))["payload"]["y"] == 0.2
            assert (await bob.told("ELEMENT_SELECTED"))["payload"]["elementId"] == "e1"
            typing = (await bob.told("USER_TYPING"))["payload"]
            assert typing == {"userId": "yas", "elementId": "e1", "isTyping": True}
        left = await ann.told("user:left")
        assert left["payload"] == "yas"
        assert (await bob.told("USER_LEFT_PROJECT"))["payload"]["user"]["id"] == "yas"
        stopped = [m["payload"]["isTyping"] for m in bob.all("USER_TYPING")]
        assert stopped == [True, False]


async def test_a_newcomer_is_told_who_is_here_and_nobody_of_themselves(
    server: ServerProcess, project: str
) -> None:
    async with subscribed(server, project, "ann") as ann:
        await ann.say("user:cursor", {"x": 5, "y": 6})
        async with subscribed(server, project, "bob") as bob:
            joined = await bob.until(lambda m: m["type"] == "user:joined")
            assert joined["payload"]["id"] == "ann"
            assert joined["payload"]["color"] == color_of("ann")
            cursor = await bob.told("user:cursor")
            assert cursor["payload"]["x"] == 5
            await ann.until(lambda m: m["type"] == "user:joined" and m["payload"]["id"] == "bob")
            await bob.say("user:cursor", {"x": 7, "y": 8})
            await ann.until(lambda m: m["type"] == "user:cursor" and m["payload"]["x"] == 7)
            own = [m for m in ann.heard if is_of(m, "ann")]
            assert own == []
        await ann.told("user:left")


def is_of(message: Message, user: str) -> bool:
    return str(message["type"]).startswith("user:") and message["userId"] == user


async def test_who_does_not_want_to_be_seen_is_not(server: ServerProcess, project: str) -> None:
    async with subscribed(server, project, "ann") as ann:
        async with subscribed(server, project, "bob", presence=False) as bob:
            await bob.done("event:create", {"title": "x", "start": "2026-03-02"})
        async with subscribed(server, project, "cy"):
            await ann.until(lambda m: m["type"] == "user:joined")
        assert [m["payload"]["id"] for m in ann.all("user:joined")] == ["cy"]


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"x": "left", "y": 0}, "payload.x"),
        ({"x": 0}, "payload.y"),
        ({"x": 1e300, "y": 0}, "payload.x"),
    ],
)
async def test_a_cursor_that_is_none(
    server: ServerProcess, project: str, payload: object, field: str
) -> None:
    async with subscribed(server, project) as ann:
        assert (await ann.ask("user:cursor", payload))["payload"]["field"] == field


async def test_too_much_presence_is_refused_and_not_kept(
    server: ServerProcess, project: str
) -> None:
    async with subscribed(server, project, "ann") as ann, subscribed(server, project, "bob") as bob:
        deep: object = 1
        for _ in range(100):
            deep = [deep]
        for selection in (deep, "x" * 100_000):
            answer = await ann.ask("element:select", {"elementId": "e", "selection": selection})
            assert answer["payload"]["code"] == "invalid-value"
        await ann.say("user:cursor", {"x": 1, "y": 2})
        await bob.told("user:cursor")
