"""The conversations of docs/protocol.md, byte by byte."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
import websockets

from tests.support.server import HOST, ServerProcess

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"


def lines(kind: str) -> list[tuple[str, str]]:
    """Who says what: lines that begin with neither arrow go on with the one before."""
    [block] = re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    said: list[tuple[str, str]] = []
    for line in block.splitlines():
        if line[0] in "<>":
            said.append((line[0], line[2:]))
        else:
            who, before = said[-1]
            said[-1] = (who, f"{before} {line.strip()}")
    return said


def leading_bytes(text: str) -> bytes:
    """The bytes at the beginning; comments follow them."""
    words = []
    for word in text.split():
        if not re.fullmatch(r"[0-9a-f]{2}", word):
            break
        words.append(word)
    return bytes.fromhex("".join(words))


async def test_the_conversation_over_websocket(server: ServerProcess, project: str) -> None:
    said = lines("yjs")
    assert len(said) == 10
    address = f"{server.url}/{project}?token={server.token('ann', project)}"
    async with websockets.connect(address) as socket:
        for who, text in said:
            if who == ">":
                await socket.send(leading_bytes(text))
            else:
                assert await socket.recv() == leading_bytes(text), text


async def test_the_conversation_over_polling(server: ServerProcess, project: str) -> None:
    said = iter(lines("polling"))
    session = ""
    headers = {"authorization": f"Bearer {server.token('ann', project)}"}
    base = f"http://{HOST}:{server.port}"
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=20) as http:
        for (_, asked), (_, answered) in zip(said, said, strict=True):
            method, address, *body = asked.split(None, 2)
            url = address.replace("{project}", project).replace("ID", session)
            answer = await http.request(method, url, content=leading_bytes("".join(body)))
            session = answer.headers.get("sync-session", session)
            status, *told = answered.split(None, 1)
            assert answer.status_code == int(status)
            assert answer.content == leading_bytes("".join(told)), asked
