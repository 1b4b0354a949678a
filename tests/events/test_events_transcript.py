"""The page about the door is true: its conversation is played, its tables are the code's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from crdt_calendar.shapes.messages import KINDS, TOLD, Style
from tests.events.talker import Talker, talking
from tests.support.server import running

PAGE = Path(__file__).parents[2] / "docs" / "doors" / "events.md"
REST = "…"


class Script:
    """Lines of a conversation, with what placeholders have turned out to be."""

    def __init__(self, tokens: dict[str, str]) -> None:
        self.bound: dict[str, Any] = dict(tokens)
        self.read: dict[str, int] = {}

    def said(self, value: Any) -> Any:
        """What is said, with placeholders filled in."""
        if isinstance(value, dict):
            return {key: self.said(item) for key, item in value.items()}
        return self.bound[value] if is_placeholder(value) else value

    def check(self, expected: Any, told: Any, at: str) -> None:
        """Whether what is told is as written."""
        if is_placeholder(expected):
            if expected not in ("<ms>", "<m>", "<t>", "<c>"):
                assert self.bound.setdefault(expected, told) == told, at
        elif isinstance(expected, dict):
            assert isinstance(told, dict), at
            keys = expected.keys() - {REST}
            assert keys <= told.keys() if REST in expected else keys == told.keys(), at
            for key in keys:
                self.check(expected[key], told[key], f"{at}.{key}")
        elif isinstance(expected, list):
            assert len(expected) == len(told), at
            for number, (one, other) in enumerate(zip(expected, told, strict=True)):
                self.check(one, other, f"{at}[{number}]")
        else:
            assert expected == told, at


def is_placeholder(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"<[^>]+>", value))


def lines() -> list[tuple[str, str, Any]]:
    found = re.search(r"^```transcript\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    parts = [line.split(" ", 2) for line in found.group(1).splitlines() if line]
    return [(who, way, json.loads(text)) for who, way, text in parts]


@pytest.mark.anyio
async def test_the_conversation_is_as_written(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        script = Script({"<token of ann>": server.token("ann")})
        async with talking(server, None) as ann, talking(server, server.token("bob")) as bob:
            people = {"ann": ann, "bob": bob}
            for who, way, expected in lines():
                if way == ">":
                    await people[who].send(script.said(expected))
                else:
                    told = await next_message(people[who], script, who)
                    script.check(expected, told, f"{who}, {expected['type']}: {told}")


async def next_message(talker: Talker, script: Script, who: str) -> Any:
    number = script.read.get(who, 0)
    script.read[who] = number + 1
    await talker.so(lambda: len(talker.heard) > number or talker.closed)
    return talker.heard[number]


def rows(title: str) -> list[list[str]]:
    section = PAGE.read_text().partition(f"\n## {title}\n")[2].partition("\n**")[0]
    section = section.partition("\n## ")[0]
    found = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return [re.findall(r"`([^`]+)`", f"{cells[0]} {cells[1]}") for cells in found]


def test_the_page_names_everything_that_can_be_said() -> None:
    listed = {frozenset(names) for names in rows("What clients say")}
    assert listed == {frozenset(kind.names) for kind in KINDS}


def test_the_page_names_everything_that_is_told() -> None:
    listed = {name for names in rows("What clients are told") for name in names}
    told = {name for names in TOLD.values() for name in names}
    assert listed == told


def test_every_kind_is_said_in_both_styles() -> None:
    for kind in KINDS:
        assert set(kind.names.values()) == {Style.UPPER, Style.COLON}
