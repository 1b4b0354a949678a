"""The page about the REST door: its conversation is what happens."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.rest.conftest import House

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "doors" / "rest.md"
FEEDS = PAGE.with_name("feeds.md")
ANYTHING = "…"


def conversation() -> list[tuple[list[str], list[str]]]:
    """The blocks of the page: what is sent, and what is answered."""
    found = []
    for block in re.findall(r"^```http\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        sent, status, answered = re.split(r"^(?=(\d{3}) )", block, flags=re.MULTILINE)
        assert answered.startswith(status)
        found.append((sent.strip().split("\n\n"), answered.strip().split("\n\n")))
    return found


async def test_the_conversation_on_the_page_is_what_happens(house: House) -> None:
    await house.service.store.catalog.create_project("team")
    exchanges = conversation()
    assert len(exchanges) >= 8
    for sent, answered in exchanges:
        first, *lines = sent[0].splitlines()
        method, url = first.split(" ", 1)
        headers = dict(line.split(": ", 1) for line in lines)
        role = headers.pop("Authorization").removeprefix("Bearer ").lower()
        headers["Authorization"] = f"Bearer {house.token(role, role, 'team')}"
        content = sent[1].encode() if len(sent) > 1 else None
        answer = await house.http.request(method, url, headers=headers, content=content)

        first, *lines = answered[0].splitlines()
        assert f"{answer.status_code} {answer.reason_phrase}" == first, answer.text
        for name, value in (line.split(": ", 1) for line in lines):
            pattern = re.escape(value).replace(ANYTHING, ".+")
            assert re.fullmatch(pattern, answer.headers[name])
        if len(answered) > 1:
            told = answered[1].replace(f", {ANYTHING}}}", f', "{ANYTHING}": 0}}')
            compare(json.loads(told), answer.json())
        else:
            assert answer.content == b""


async def test_the_conversation_about_a_feed_is_what_happens(house: House) -> None:
    await house.service.store.catalog.create_project("team")
    owner = house.person("olga", "owner", "team")
    await owner.event(title="Stand-up", startDate="2026-03-02T09:00:00Z")
    [block] = re.findall(r"```feed\n(.*?)```", FEEDS.read_text(), re.DOTALL)
    known: dict[str, str] = {}
    for exchange in filter(None, block.split("> ")):
        asked, answered, *lines = exchange.splitlines()
        for word, value in known.items():
            asked = asked.replace(word, value)
        method, url, *more = asked.split(" ", 2)
        content = more[0] if more and more[0].startswith("{") else None
        headers = {} if content or not more else dict([more[0].split(": ", 1)])
        if "?feed=" not in url:
            headers["Authorization"] = f"Bearer {owner.token}"
        answer = await house.http.request(method, url, headers=headers, content=content)
        _, status, *rest = answered.split(" ", 2)
        assert answer.status_code == int(status), answer.text
        if rest and rest[0].startswith("{"):
            told = answer.json()
            known = {"FEED": told["id"], "SECRET": told["path"].partition("=")[2]}
            expected = {k: v for k, v in json.loads(rest[0]).items() if k != ANYTHING}
            for word, value in known.items():
                expected = {k: _put(v, word, value) for k, v in expected.items()}
            assert expected.items() <= told.items()
        elif rest:
            assert answer.headers["content-type"].startswith(rest[0])
        known |= {"ETAG": answer.headers["etag"]} if "etag" in answer.headers else {}
        assert {line.strip() for line in lines} <= set(answer.text.splitlines())


def _put(value: Any, word: str, known: str) -> Any:
    return value.replace(word, known) if isinstance(value, str) else value


def compare(told: Any, found: Any) -> None:
    """What the page tells is there; unless it says that there is more, there is no more."""
    if isinstance(told, dict):
        if told.pop(ANYTHING, None) is None:
            assert found.keys() == told.keys()
        for key, value in told.items():
            compare(value, found[key])
    elif isinstance(told, list):
        assert len(told) == len(found)
        for one, other in zip(told, found, strict=True):
            compare(one, other)
    else:
        assert found == told
