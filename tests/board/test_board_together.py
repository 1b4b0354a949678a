"""The board with stock socket.io clients: everybody sees what anybody does."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from pycrdt import Map

from tests.board.rig import POLLING, WEBSOCKET, Sockets, new_board, yjs_client
from tests.support.server import ServerProcess

pytestmark = [pytest.mark.anyio, pytest.mark.node]


@pytest.mark.parametrize("transports", [WEBSOCKET, POLLING, [*POLLING, *WEBSOCKET]])
async def test_an_edit_of_anybody_reaches_everybody(
    server: ServerProcess, clients: Sockets, retreat: str, transports: list[str]
) -> None:
    async with yjs_client(server, "root", retreat) as yjs:
        await yjs.put("7", name="Kim", grade=3)
        ann = await clients.connected("ann", retreat, transports=transports)
        bob = await clients.connected("bob", retreat, transports=transports)
        (line,) = await ann.join(retreat)
        assert (line["id"], line["name"], line["gbsNumber"], line["grade"]) == (7, "Kim", None, 3)
        await bob.join(retreat)
        line = await ann.ask("update-gbs-number", {"lineupId": 7, "gbsNumber": 3})
        assert (line["id"], line["gbsNumber"], line["updatedBy"]) == (7, 3, "ann")
        for socket in (ann, bob):
            assert (await socket.next("lineup-updated"))["gbsNumber"] == 3
        await yjs.until(lambda: yjs.board.get("7").gbs_number == 3)
        await yjs.number("7", 4)
        for socket in (ann, bob):
            assert (await socket.next("lineup-updated"))["gbsNumber"] == 4
        expected = transports[-1]
        await ann.until(lambda status: status["transport"] == expected)


async def test_every_edit_is_acknowledged_with_the_line_up_as_it_is_then(
    server: ServerProcess, clients: Sockets, retreat: str
) -> None:
    async with yjs_client(server, "root", retreat) as yjs:
        await yjs.put("kim", name="Kim")
        ann = await clients.connected("ann", retreat)
        await ann.join(retreat)
        told = await ann.ask(
            "create-lineup-memo", {"lineupId": "kim", "memo": "late", "color": "red"}
        )
        (memo,) = told["memos"]
        assert (memo["text"], memo["color"], memo["by"]) == ("late", "red", "ann")
        told = await ann.ask("update-lineup-memo", {"memoId": memo["id"], "memo": "on time"})
        assert [(one["text"], one["color"]) for one in told["memos"]] == [("on time", "red")]
        assert await ann.next("lineup-updated") == {**told, **(await first(ann))}
        await yjs.until(lambda: [m.text for m in yjs.board.get("kim").memos] == ["on time"])
        told = await ann.ask("delete-lineup-memo", {"memoId": memo["id"]})
        assert (told["id"], told["memos"], told["version"]) == ("kim", [], 3)
        told = await ann.ask("update-gbs-number", {"lineupId": "kim", "gbsNumber": None})
        assert (told["gbsNumber"], told["version"]) == (None, 3), "nothing differed"


async def first(socket: Any) -> Any:
    """The first update it heard."""
    heard = await socket.heard()
    return next(data[0] for name, *data in heard if name == "lineup-updated")


async def test_without_an_acknowledgement_events_say_it_all(
    server: ServerProcess, clients: Sockets, retreat: str
) -> None:
    async with yjs_client(server, "root", retreat) as yjs:
        await yjs.put("7", name="Kim")
        ann = await clients.connected("ann", retreat)
        await ann.emit("join-retreat", retreat)
        assert [line["id"] for line in await ann.next("initial-data")] == [7]
        await ann.emit("update-gbs-number", {"lineupId": 7, "gbsNumber": 1})
        assert (await ann.next("lineup-updated"))["gbsNumber"] == 1
        await ann.emit("delete-lineup-memo", {"memoId": "nobody's"})
        assert await ann.next("error") == {
            "message": "no memo nobody's",
            "code": "DELETE_MEMO_FAILED",
        }


async def test_an_id_comes_back_in_the_type_that_was_asked_in(
    server: ServerProcess, clients: Sockets, retreat: str
) -> None:
    async with yjs_client(server, "root", retreat) as yjs:
        for lineup_id, name in (("7", "Kim"), ("8", "Lee"), ("007", "Bond")):
            await yjs.put(lineup_id, name=name)
        ann = await clients.connected("ann", retreat)
        bob = await clients.connected("bob", retreat)
        assert [line["id"] for line in await ann.join(retreat)] == ["007", 7, 8]  # by name
        await bob.join(retreat)
        told = await ann.ask("update-gbs-number", {"lineupId": "7", "gbsNumber": 1})
        assert told["id"] == "7"
        assert (await ann.next("lineup-updated"))["id"] == "7"
        assert (await bob.next("lineup-updated"))["id"] == 7, "that is between ann and the server"
        told = await ann.ask("update-gbs-number", {"lineupId": 8, "gbsNumber": 1})
        assert told["id"] == 8
        assert (await ann.next("lineup-updated"))["id"] == 8


async def test_who_comes_and_who_goes_makes_the_board_anew(
    server: ServerProcess, clients: Sockets, retreat: str
) -> None:
    async with yjs_client(server, "root", retreat) as yjs:
        ann = await clients.connected("ann", retreat)
        assert await ann.join(retreat) == []
        await yjs.put("kim", name="Kim")
        assert [line["name"] for line in await ann.next("initial-data")] == ["Kim"]
        await yjs.edit(lambda board: board.delete("kim"))
        assert await ann.next("initial-data") == []
        answer = await ann.ask("update-gbs-number", {"lineupId": "kim", "gbsNumber": 3})
        assert answer["error"]["message"] == "no line-up kim"
        await yjs.edit(lambda board: board.restore("kim"))
        assert [line["name"] for line in await ann.next("initial-data")] == ["Kim"]


async def test_a_socket_is_at_one_board_and_hears_of_no_other(
    server: ServerProcess, clients: Sockets, retreat: str
) -> None:
    other = new_board(server, f"retreat-{uuid4()}")
    async with (
        yjs_client(server, "root", retreat) as here,
        yjs_client(server, "root", other) as there,
    ):
        await here.put("kim", name="Kim")
        await there.put("lee", name="Lee")
        ann = await clients.connected("ann", "*")
        assert [line["name"] for line in await ann.join(retreat)] == ["Kim"]
        assert [line["name"] for line in await ann.join(other)] == ["Lee"]
        await here.number("kim", 1)
        await there.number("lee", 2)
        told = await ann.next("lineup-updated")
        assert (told["id"], told["gbsNumber"]) == ("lee", 2), "and nothing of the board it left"
        answer = await ann.ask("update-gbs-number", {"lineupId": "kim", "gbsNumber": 3})
        assert answer["error"]["code"] == "UPDATE_FAILED"
        await ann.ask("leave-retreat", retreat)  # where it is not
        assert "error" not in await ann.ask(
            "update-gbs-number", {"lineupId": "lee", "gbsNumber": 3}
        )
        await ann.ask("leave-retreat", other)
        await there.number("lee", 4)
        answer = await ann.ask("update-gbs-number", {"lineupId": "lee", "gbsNumber": 3})
        assert answer["error"] == {
            "message": "Not in a retreat room; send join-retreat first",
            "code": "UPDATE_FAILED",
        }
        numbers = [d[0]["gbsNumber"] for n, *d in await ann.heard() if n == "lineup-updated"]
        assert numbers == [2, 3]


async def test_who_edits_what_is_the_presence_that_yjs_clients_have(
    server: ServerProcess, clients: Sockets, retreat: str
) -> None:
    async with yjs_client(server, "root", retreat) as yjs:
        await yjs.put("7", name="Kim")
        ann, bob = [await clients.connected(user, retreat) for user in ("ann", "bob")]
        await ann.join(retreat)
        await bob.join(retreat)
        await ann.emit("user-editing", {"lineupId": 7})
        assert await bob.next("user-editing") == {
            "lineupId": 7,
            "userId": "ann",
            "userName": "Ann",
        }

        def shown() -> list[tuple[Any, Any]]:
            states = [state.value or {} for state in yjs.client.present.values()]
            return [(state["user"], state["lineup"]) for state in states if "lineup" in state]

        await yjs.until(lambda: shown() == [({"id": "ann", "name": "Ann"}, {"id": "7"})])
        await yjs.client.show(lineup={"id": "7"}, user={"id": "bob", "name": "a liar"})
        for socket in (ann, bob):
            told = await socket.next("user-editing")
            assert (told["lineupId"], told["userId"]) == (7, "root"), "as the server knows them"
        carol = await clients.connected("carol", retreat)
        await carol.join(retreat)
        who = {(await carol.next("user-editing"))["userId"] for _ in range(2)}
        assert who == {"ann", "root"}, "who comes later is told, too"
        await ann.do("cut")
        told = await bob.next("user-editing")
        assert told == {"lineupId": None, "userId": "ann", "userName": "Ann"}
        heard = [data[0]["userId"] for name, *data in await ann.heard() if name == "user-editing"]
        assert "ann" not in heard, "nobody is told of themselves"


async def test_who_is_cut_off_comes_back_and_is_told_all(
    server: ServerProcess, clients: Sockets, retreat: str
) -> None:
    async with yjs_client(server, "root", retreat) as yjs:
        await yjs.put("7", name="Kim")
        ann = await clients.connected("ann", retreat)
        await ann.join(retreat)
        await ann.do("cut")
        await ann.next("disconnect")
        await yjs.number("7", 5)
        await ann.next("connect")
        assert [line["gbsNumber"] for line in await ann.join(retreat)] == [5]


async def test_two_who_did_not_know_of_each_other_make_no_conflict_record(
    server: ServerProcess, retreat: str
) -> None:
    async with yjs_client(server, "ann", retreat) as ann, yjs_client(server, "bob", retreat) as bob:
        await ann.put("kim", name="Kim", when="x", title="y")
        await bob.until(lambda: "kim" in bob.board)
        await bob.client.socket.close()
        await ann.edit(lambda board: board.patch("kim", {"gbsNumber": 1, "when": "a"}))
        bob.board.patch("kim", {"gbsNumber": 2, "when": "b"})
        bob.board.delete("kim")
        async with yjs_client(server, "bob", retreat, doc=bob.client.doc) as back:
            await back.until(lambda: back.board.find("kim") == ann.board.find("kim"))
            assert len(back.client.doc.get("conflicts", type=Map)) == 0
