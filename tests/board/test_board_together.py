"""The board with stock socket.io clients: everybody sees what anybody does."""

from __future__ import annotations

import pytest

from tests.board.rig import POLLING, WEBSOCKET, Sockets, yjs_client
from tests.support.server import ServerProcess

pytestmark = [pytest.mark.anyio, pytest.mark.node]


@pytest.mark.parametrize("transports", [WEBSOCKET, POLLING, [*POLLING, *WEBSOCKET]])
async def test_an_edit_of_anybody_reaches_everybody(
    server: ServerProcess, clients: Sockets, retreat: str, transports: list[str]
) -> None:
    async with yjs_client(server, "root", retreat) as yjs:
        await yjs.edit(lambda board: board.create({"name": "Kim"}, lineup_id="7"))
        ann = await clients.connected("ann", retreat, transports=transports)
        bob = await clients.connected("bob", retreat, transports=transports)
        board = await ann.join(retreat)
        assert [(line["id"], line["name"], line["gbsNumber"]) for line in board] == [
            (7, "Kim", None)
        ]
        await bob.join(retreat)
        line = await ann.ask("update-gbs-number", {"lineupId": 7, "gbsNumber": 3})
        assert (line["id"], line["gbsNumber"], line["updatedBy"]) == (7, 3, "ann")
        for socket in (ann, bob):
            assert (await socket.next("lineup-updated"))["gbsNumber"] == 3
        await yjs.until(lambda: yjs.board.get("7").gbs_number == 3)
        await yjs.edit(lambda board: board.set_number("7", 4))
        for socket in (ann, bob):
            assert (await socket.next("lineup-updated"))["gbsNumber"] == 4
        expected = transports[-1]
        await ann.until(lambda status: status["transport"] == expected)
