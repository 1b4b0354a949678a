"""The page about the board's door is true: its conversation is replayed, its names are ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.gateways.board import gateway
from tests.board.rig import Sockets, new_board, yjs_client
from tests.support.server import ServerProcess

PAGE = Path(__file__).parents[2] / "docs" / "doors" / "board.md"
LEFT_OUT = "…"


def lines() -> Iterator[tuple[str, Any]]:
    """Who says what in the conversation."""
    (block,) = re.findall(r"^```transcript\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    for line in block.splitlines():
        who, _, said = line.partition(" ")
        yield who, json.loads(said)


def check(wanted: Any, said: Any, names: dict[str, str]) -> None:
    """Compare what was said with the page; note down what is new."""
    if isinstance(wanted, dict):
        assert isinstance(said, dict)
        if LEFT_OUT not in wanted:
            assert wanted.keys() == said.keys()
        for key in wanted.keys() - {LEFT_OUT}:
            check(wanted[key], said[key], names)
    elif isinstance(wanted, list):
        assert len(wanted) == len(said), said
        for one, other in zip(wanted, said, strict=True):
            check(one, other, names)
    elif isinstance(wanted, str) and wanted.startswith("$") and wanted not in names:
        names[wanted] = said
    else:
        assert filled(wanted, names) == said


def filled(wanted: Any, names: dict[str, str]) -> Any:
    """What is to be said, with what has a name by now."""
    text = json.dumps(wanted)
    for name, value in names.items():
        text = text.replace(name, value)
    return json.loads(text)


@pytest.mark.anyio
@pytest.mark.node
async def test_the_conversation_is_as_the_page_tells_it(
    server: ServerProcess, clients: Sockets
) -> None:
    new_board(server, "winter")
    async with yjs_client(server, "root", "winter") as yjs:
        await yjs.put("7", name="Kim")
    ann = await clients.connected("ann", "winter")
    names: dict[str, str] = {}
    answer: Any = None
    for who, said in lines():
        if who == "C":
            answer = await ann.ask(*filled(said, names))
        elif who == "A":
            check(said, answer, names)
        else:
            check(said[1], await ann.next(said[0]), names)


def test_the_events_are_these() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| .* \| `([A-Z_]+)` \|$", PAGE.read_text(), re.MULTILINE)
    listed = dict(rows)
    codes = {event: code for event, (_, code) in gateway.EDITS.items()}
    codes |= {event: gateway.code_of(event) for event in gateway.KNOWN}
    assert listed == codes
