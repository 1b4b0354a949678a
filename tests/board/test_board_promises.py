"""What an acknowledgement is worth, and what becomes of sockets when the server goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.board.rig import POLLING, WEBSOCKET, new_board, sockets, yjs_client
from tests.support.server import ServerProcess, started

pytestmark = [pytest.mark.anyio, pytest.mark.node]


async def test_what_was_acknowledged_or_heard_survives_a_kill(tmp_path: Path) -> None:
    with started(ServerProcess(tmp_path / "data")) as server:
        retreat = new_board(server, "retreat")
        async with yjs_client(server, "root", retreat) as yjs:
            await yjs.put("kim", name="Kim")
        async with sockets(server) as clients:
            ann = await clients.connected("ann", retreat)
            await ann.join(retreat)
            for number in range(1, 31):
                await ann.emit("update-gbs-number", {"lineupId": "kim", "gbsNumber": number})
            told = await ann.ask("create-lineup-memo", {"lineupId": "kim", "memo": "late"})
            server.kill()
            await ann.next("disconnect")
            heard = [data[0] for name, *data in await ann.heard() if name == "lineup-updated"]
            server.start()
            await ann.next("connect")
            (line,) = await ann.join(retreat)
            assert line["version"] >= max(told["version"], *(one["version"] for one in heard))
            assert [memo["text"] for memo in line["memos"]] == ["late"]


@pytest.mark.parametrize("transports", [WEBSOCKET, POLLING])
async def test_sockets_come_back_by_themselves_after_a_restart(
    tmp_path: Path, transports: list[str]
) -> None:
    with started(ServerProcess(tmp_path / "data")) as server:
        retreat = new_board(server, "retreat")
        async with sockets(server) as clients:
            ann = await clients.connected("ann", retreat, transports=transports)
            await ann.join(retreat)
            assert server.terminate() == 0
            assert await ann.next("disconnect") != "io server disconnect"
            server.start()
            await ann.next("connect")
            assert await ann.join(retreat) == []
            assert "Traceback" not in server.said()
