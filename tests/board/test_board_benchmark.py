"""The benchmark of the board counts what it says it counts."""

from __future__ import annotations

import json

import anyio
import pytest

from benchmarks.board import BOARD_BYTES, Figures, Meter, Watch, board
from tests.support.server import HOST, ServerProcess

pytestmark = pytest.mark.anyio


def test_the_board_is_as_large_as_an_answer_was() -> None:
    size = len(json.dumps(board(), ensure_ascii=False, separators=(",", ":")).encode())
    assert abs(size - BOARD_BYTES) < 500
    assert board() == board(), "the same each time"


def test_an_edit_is_seen_once_by_each_of_the_others() -> None:
    figures = Figures("x", people=3)
    watch = Watch(figures)
    watch.sent(0, lineup=7, number=101)
    watch.sent(1, lineup=7, number=102)
    for person, lineup, number in ((0, 7, 101), (1, 7, 100), (1, 8, 101), (2, 7, None)):
        watch.saw(person, lineup, number)
    assert (figures.seen, watch.missing) == ([], 4)
    watch.saw(2, 7, 102)  # and so what came before
    watch.saw(2, 7, 102)
    assert (len(figures.seen), watch.missing) == (2, 2)


async def test_the_relay_counts_both_ways(server: ServerProcess) -> None:
    async with Meter(server.port).open() as meter:
        async with await anyio.connect_tcp(HOST, meter.port) as line:
            asked = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
            await line.send(asked)
            answered = b""
            try:
                while True:
                    answered += await line.receive()
            except anyio.EndOfStream:
                pass
        assert answered.startswith(b"HTTP/1.1 200")
        assert meter.passed == len(asked) + len(answered)
