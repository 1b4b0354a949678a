"""Who may say what: everybody times every kind of message. And permission is live."""

from __future__ import annotations

from functools import partial
from uuid import uuid4

import anyio
import pytest
import websockets
from anyio.to_thread import run_sync

from crdt_calendar.shapes.messages import BOARD, KINDS, Kind
from tests.board.rig import new_board, yjs_client
from tests.events.talker import Message, Talker, subscribed, talking
from tests.support.server import ServerProcess

pytestmark = pytest.mark.anyio

NINE = {"startDate": "2026-03-02T09:00:00Z", "endDate": "2026-03-02T10:00:00Z"}
WHO = (
    "nobody",
    "expired",
    "other project",
    "viewer",
    "editor",
    "owner",
    "revoked",
    "downgraded",
)
OK = "ok"
# By kind: what comes of it, for whom it is not what `USUAL` says.
USUAL: dict[str, object] = {"expired": 4401, "revoked": 4403}
ANYONE = dict.fromkeys(WHO, OK) | USUAL
READER = (
    dict.fromkeys(WHO, OK) | {"nobody": "unauthenticated", "other project": "forbidden"} | USUAL
)
WRITER = READER | {"viewer": "forbidden", "downgraded": "forbidden"}
SUBSCRIBER = READER | {"other project": "invalid-value"}  # one has to subscribe first
EXPECTED: dict[str, dict[str, object]] = {
    "auth": ANYONE,
    "ping": ANYONE,
    "pong": ANYONE,
    "ack": ANYONE,
    "options": ANYONE,
    "subscribe": READER,
    "unsubscribe": SUBSCRIBER,
    "create": WRITER,
    "update": WRITER,
    "delete": WRITER,
    "restore": WRITER,
    "project": WRITER,
    "resolve": WRITER | {"editor": "no-such-conflict", "owner": "no-such-conflict"},
    "number": WRITER,
    "pin": WRITER,
    "reword": WRITER,
    "unpin": WRITER,
    "cursor": SUBSCRIBER,
    "select": SUBSCRIBER,
    "typing": SUBSCRIBER,
}


def sample(kind: str, project: str, event: str, token: str) -> object:
    """A payload of that kind that is in order."""
    there = {"projectId": project}
    return {
        "auth": {"token": token},
        "options": {"compress": False},
        "subscribe": there,
        "unsubscribe": there,
        "create": {**there, "title": "new", **NINE},
        "update": {**there, "id": event, "title": str(uuid4())},
        "delete": {**there, "id": event},
        "restore": {**there, "id": event},
        "project": {**there, "description": str(uuid4())},
        "resolve": {**there, "conflictId": "none", "index": 0},
        "number": {**there, "lineupId": 7, "gbsNumber": 3},
        "pin": {**there, "lineupId": 7, "memo": "new"},
        "reword": {**there, "memoId": event, "memo": str(uuid4())},
        "unpin": {**there, "memoId": event},
        "cursor": {**there, "x": 1, "y": 2},
        "select": {**there, "elementId": "e", "selection": {"from": 1}},
        "typing": {**there, "elementId": "e", "isTyping": True},
    }.get(kind, {})


def test_every_kind_has_its_expectation() -> None:
    assert set(EXPECTED) == {kind.key for kind in KINDS}
    assert all(set(row) == set(WHO) for row in EXPECTED.values())


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.project != BOARD], ids=lambda kind: kind.key
)
async def test_who_may_say_what(
    server: ServerProcess, project: str, who: str, kind: object
) -> None:
    key, names = kind.key, list(kind.names)  # type: ignore[attr-defined]
    async with subscribed(server, project, "keeper", "owner") as keeper:
        event = (await keeper.done("event:create", {"title": "held", **NINE}))["id"]
        token = token_of(server, project, who)
        async with talking(server, token) as talker:
            await prepare(server, project, who, talker)
            payload = sample(key, project, event, token or server.token("late", project))
            outcomes = {name: await outcome(talker, name, payload) for name in names}
            # Deleting twice is an error of another kind; all names mean the same otherwise.
            first, *others = outcomes.values()
            assert first == EXPECTED[key][who]
            assert set(others) <= {first, "no-such-event", "invalid-value"}
        if EXPECTED[key][who] != OK and key != "resolve":
            assert keeper.mirror(project).titles() == {event: "held"} | changed(keeper, who)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.project == BOARD], ids=lambda kind: kind.key
)
async def test_who_may_say_what_at_a_board(server: ServerProcess, who: str, kind: Kind) -> None:
    board = new_board(server, f"board-{uuid4()}")
    async with yjs_client(server, "keeper", board, "owner") as keeper:
        await keeper.put("7", name="Kim")
        await keeper.edit(lambda board: board.add_memo("7", "held", memo_id="memo"))
        token = token_of(server, board, who)
        async with talking(server, token) as talker:
            tried = ("update-gbs-number", sample("number", board, "", ""))
            await prepare(server, board, who, talker, tried)
            payload = sample(kind.key, board, "memo", "")
            first, *others = [await outcome(talker, name, payload) for name in kind.names]
            assert first == EXPECTED[kind.key][who]
            assert set(others) <= {first, "no-such-memo"}
        if first != OK:
            await keeper.number("7", 5)  # all that was written before is here by now
            assert [memo.text for memo in keeper.board.get("7").memos] == ["held"]


def changed(keeper: Talker, who: str) -> dict[str, str]:
    """What is there because the downgraded one tried until it was refused."""
    titles = {m["payload"]["id"]: "tried" for m in keeper.all("event:created")[1:]}
    return titles if who == "downgraded" else {}


def token_of(server: ServerProcess, project: str, who: str) -> str | None:
    match who:
        case "nobody":
            return None
        case "expired":
            return server.token("eve", project, expires_seconds=-5)
        case "other project":
            return server.token("eve", "demo", "owner")
        case "viewer" | "owner":
            return server.token("eve", project, who)
        case _:
            return server.token("eve", project)


async def prepare(
    server: ServerProcess,
    project: str,
    who: str,
    talker: Talker,
    tried: tuple[str, object] = ("event:create", {"title": "tried", **NINE}),
) -> None:
    """Whoever may subscribes; then the membership of some is changed."""
    if who in ("nobody", "expired", "other project"):
        return
    await talker.done("subscribe", {"projectId": project})
    if who == "revoked":
        await run_sync(partial(server.admin, "members.remove", project=project, user="eve"))
        await talker.until_closed()
    if who == "downgraded":
        add = partial(server.admin, project=project, user="eve", role="viewer")
        await run_sync(partial(add, "members.add"))
        with anyio.fail_after(10):
            while await outcome(talker, *tried) == OK:
                pass


async def outcome(talker: Talker, name: str, payload: object) -> object:
    """``ok``, the code of an error, or the code of a close frame."""
    if talker.closed is not None:
        return talker.closed[0]
    answered: list[Message] = []
    try:
        await talker.say(name, payload, id=(id_ := str(uuid4())), requireAck=True)
        marker = await talker.say("ping")
        await talker.until(lambda m: m["type"] == "pong" and m["id"] == marker)
        answered = [m for m in talker.heard if m["id"] == id_ and m["type"] == "error"]
        if not answered and name.lower() not in ("ack", "pong"):
            answered = [await talker.answer(id_)]
    except (AssertionError, OSError, websockets.ConnectionClosed) as error:  # closed meanwhile
        code = await talker.until_closed()
        assert code, error
        return code
    if answered and answered[0]["type"] == "error":
        return answered[0]["payload"]["code"]
    return OK


async def test_one_project_is_lost_and_others_stay(server: ServerProcess) -> None:
    server.create("lost", "kept")
    for project in ("lost", "kept"):
        server.admin("members.add", project=project, user="mia", role="editor")
    async with talking(server, server.token("mia", "nothing")) as mia:
        await mia.done("subscribe", {"projectId": "lost"})
        await mia.done("subscribe", {"projectId": "kept"})
        await run_sync(partial(server.admin, "members.remove", project="lost", user="mia"))
        error = await mia.told("error")
        assert (error["payload"]["code"], error["payload"]["projectId"]) == ("forbidden", "lost")
        refused = await mia.ask("event:create", {"projectId": "lost", "title": "no", **NINE})
        assert refused["payload"]["code"] == "forbidden"
        await mia.done("event:create", {"projectId": "kept", "title": "yes", **NINE})
        await run_sync(partial(server.admin, "members.remove", project="kept", user="mia"))
        assert await mia.until_closed() == 4403


async def test_a_revoked_token_closes_the_connection(server: ServerProcess, project: str) -> None:
    subscribed_token, idle_token = server.token("mia", project), server.token("mia", project)
    async with talking(server, subscribed_token) as mia, talking(server, idle_token) as idle:
        await mia.done("subscribe", {"projectId": project})
        await idle.ask("ping")
        for token in (subscribed_token, idle_token):
            await run_sync(partial(server.admin, "tokens.revoke", token.encode()))
        assert await mia.until_closed() == 4401
        assert await idle.until_closed() == 4401


async def test_a_token_that_expires_closes_the_connection(
    server: ServerProcess, project: str
) -> None:
    token = server.token("mia", project, expires_seconds=1.2)
    async with talking(server, token) as mia, talking(server, token) as idle:
        await mia.done("subscribe", {"projectId": project})
        assert await mia.until_closed() == 4401
        assert await idle.until_closed() == 4401


async def test_a_project_that_is_not_there(server: ServerProcess) -> None:
    async with talking(server, server.token("mia", "*")) as mia:
        answer = await mia.ask("subscribe", {"projectId": "nowhere"})
        assert answer["payload"]["code"] == "no-such-project"
        answer = await mia.ask("event:create", {"projectId": "nowhere", "title": "x", **NINE})
        assert answer["payload"]["code"] == "no-such-project"
