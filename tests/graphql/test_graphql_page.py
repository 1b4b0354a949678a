"""The page about this door is true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.graphql.rig import Line, socket
from tests.support.server import running

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "doors" / "graphql.md"


async def test_the_conversation_on_the_page_goes_like_that(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```graphql-ws\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    lines = [(text[0], text[2:]) for text in block.splitlines()]
    assert len(lines) > 10
    with running(tmp_path / "data") as server:
        token = server.token("alice", "demo")
        async with socket(server) as line:
            hear_everything(line)
            for direction, text in lines:
                message = json.loads(text.replace("TOKEN", token))
                if direction == ">":
                    await line.send(message)
                    continue
                await line.until(lambda: line.messages)
                assert line.messages.pop(0) == message
            assert line.messages == []


def hear_everything(line: Line) -> None:
    """Keep all messages as they come; the operations are the page's."""

    async def take(message: object) -> None:
        assert isinstance(message, dict)
        line.messages.append(message)

    line._take = take  # type: ignore[method-assign]
