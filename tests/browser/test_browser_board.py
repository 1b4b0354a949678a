"""The line-up board in the page: what anybody does is there for everybody, whatever they speak."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Take
from tests.support import node
from tests.support.browser import AXE, Person, Window
from tests.support.server import HOST, ServerProcess

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PATIENCE_SECONDS = 10.0
PEOPLE = ("강민호", "김서연", "박지훈", "이하은", "정다은", "최수아", "Hannah Lee", "Jonas Park")

Enter = Callable[..., Window]


@pytest.fixture
def project(server: ServerProcess) -> str:
    """A board with some people on it."""
    name = f"retreat-{uuid4().hex[:8]}"
    server.admin("projects.create", project=name, kind="lineup", name="2026 겨울 수련회")
    return name


@pytest.fixture
def enter(people: Callable[..., Person], server: ServerProcess, project: str) -> Enter:
    """Lets somebody to the board: ``enter("ann")``, ``enter("eve", role="viewer")``."""

    def enter(user: str, role: str = "editor", **options: object) -> Window:
        token = server.token(user, project, role, name=user.capitalize())
        window = people(**options).open(token).ready()
        expect(window.page.locator("table")).to_be_visible()
        return window

    return enter


class Socket:
    """A stock socket.io client in Node, asked without an event loop of our own."""

    def __init__(self, server: ServerProcess, user: str, project: str) -> None:
        self._process = subprocess.Popen(
            ["node", str(node.FOLDER / "sockets.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        url = f"http://{HOST}:{server.port}/gbs-lineup"
        token = server.token(user, project, name=user.capitalize())
        self.do("open", url=url, options={"auth": {"token": token}})

    def do(self, do: str, **words: object) -> Any:
        """Have the client do something; see ``sockets.mjs``."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"do": do, "client": "one", **words}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "ok" in answer, answer
        return answer["ok"]

    def ask(self, event: str, data: object) -> Any:
        """What an event is acknowledged with."""
        answer = self.do("asked", event=event, data=[data])
        assert "error" not in answer, answer
        return answer

    def until(self, event: str, holds: Callable[[Any], object]) -> None:
        """Wait until it has heard such an event."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not any(
            name == event and holds(data[0]) for name, *data in self.do("since", **{"from": 0})
        ):
            assert time.monotonic() < until, self.do("since", **{"from": 0})
            time.sleep(0.02)

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def carol(server: ServerProcess, project: str) -> Iterator[Socket]:
    """Carol, with a socket.io client."""
    if reason := node.missing():
        pytest.skip(reason)
    socket = Socket(server, "carol", project)
    yield socket
    socket.end()


def add(window: Window, name: str) -> None:
    """Add a person in the page."""
    field = window.page.get_by_label("Name of the new person")
    field.fill(name)
    field.press("Enter")
    expect(group(window, name)).to_be_visible()


def group(window: Window, name: str) -> Locator:
    """The field with somebody's group."""
    return window.page.get_by_label(f"Group of {name}")


def fill_board(window: Window) -> None:
    """People, groups and memos, by the document as any Yjs client writes it."""
    window.run(
        """
        const lineups = project.doc.getMap('lineups')
        const Map = lineups.constructor
        const colors = ['#d9a406', '#2f9e58', '#d1495b']
        const texts = ['금요일 밤 도착', 'plays the guitar', '차량 봉사']
        const at = '2026-01-02T03:04:05.000Z'
        project.doc.transact(() => argument.forEach((name, i) => {
          const memo = { text: texts[i % 3], color: colors[i % 3], by: 'ann', at }
          lineups.set(`${i + 1}`, new Map(Object.entries({
            name, grade: `${(i % 4) + 1}학년`, univ: i % 2 ? '2부' : '1부',
            ...(i % 4 === 3 ? {} : { gbsNumber: (i % 3) + 1 }),
            ...(i % 2 ? { 'memo/m': memo } : {})
          })))
        }))
        """,
        list(PEOPLE),
    )


def test_an_edit_of_anybody_is_there_for_everybody(enter: Enter, carol: Socket) -> None:
    ann, bob = enter("ann"), enter("bob")
    add(ann, "Kim")
    carol.ask("join-retreat", ann.run("return project.id"))
    carol.until("initial-data", lambda board: [line["name"] for line in board] == ["Kim"])
    # from page to page, and to the socket
    expect(group(bob, "Kim")).to_be_visible()
    group(ann, "Kim").fill("3")
    group(ann, "Kim").press("Enter")
    ann.saved("server")
    expect(group(bob, "Kim")).to_have_value("3")
    carol.until(
        "lineup-updated", lambda line: line["gbsNumber"] == 3 and line["updatedBy"] == "ann"
    )
    # from the socket to the pages
    one = bob.run("return [...project.doc.getMap('lineups').keys()][0]")
    carol.ask("create-lineup-memo", {"lineupId": one, "memo": "arrives late", "color": "#2f9e58"})
    for window in (ann, bob):
        expect(window.page.get_by_role("button", name="arrives late")).to_be_visible()
    # a memo is written over in the page
    bob.page.get_by_role("button", name="arrives late").click()
    bob.page.get_by_role("textbox", name="Memo", exact=True).fill("arrives on Friday")
    bob.page.get_by_role("radio", name="purple").click()
    bob.page.get_by_role("button", name="Save", exact=True).click()
    expect(ann.page.get_by_role("button", name="arrives on Friday")).to_be_visible()
    carol.until(
        "lineup-updated",
        lambda line: [one["text"] for one in line["memos"]] == ["arrives on Friday"],
    )


def test_one_sees_who_is_at_which_row(enter: Enter, carol: Socket) -> None:
    ann, bob = enter("ann"), enter("bob")
    add(ann, "Kim")
    one = ann.run("return [...project.doc.getMap('lineups').keys()][0]")
    carol.ask("join-retreat", ann.run("return project.id"))
    group(ann, "Kim").focus()
    expect(bob.page.get_by_text("Ann editing")).to_be_visible()
    carol.until("user-editing", lambda told: (told["lineupId"], told["userName"]) == (one, "Ann"))
    carol.ask("user-editing", {"lineupId": one})
    expect(bob.page.get_by_text("Ann, Carol editing")).to_be_visible()
    group(ann, "Kim").blur()
    expect(bob.page.get_by_text("Carol editing", exact=True)).to_be_visible()
    carol.end()
    expect(bob.page.get_by_text("editing", exact=False)).to_have_count(0)


def test_the_board_by_keyboard(enter: Enter) -> None:
    ann = enter("ann")
    fill_board(ann)
    first, second = sorted(PEOPLE, key=lambda name: name)[:2]
    group(ann, first).focus()
    ann.page.keyboard.type("12")
    ann.page.keyboard.press("Enter")
    expect(group(ann, second)).to_be_focused()
    ann.page.keyboard.press("ArrowUp")
    expect(group(ann, first)).to_be_focused()
    expect(group(ann, first)).to_have_value("12")
    ann.page.keyboard.type("x")
    expect(ann.page.get_by_role("alert")).to_have_text("A group is a whole number, from 0 on.")
    ann.page.keyboard.press("Escape")
    expect(group(ann, first)).to_have_value("12")
    group(ann, first).blur()
    ann.page.keyboard.press("Control+z")
    expect(group(ann, first)).not_to_have_value("12")


def test_a_viewer_reads_and_cannot_write(enter: Enter) -> None:
    ann = enter("ann")
    fill_board(ann)
    eve = enter("eve", role="viewer")
    expect(group(eve, PEOPLE[0])).to_be_disabled()
    expect(eve.page.get_by_label("Name of the new person")).to_have_count(0)
    expect(eve.page.get_by_role("button", name="Remove")).to_have_count(0)


def test_a_removed_person_can_be_brought_back(enter: Enter) -> None:
    ann, bob = enter("ann"), enter("bob")
    add(ann, "Kim")
    ann.page.get_by_role("button", name="Remove Kim").click()
    expect(group(bob, "Kim")).to_have_count(0)
    ann.page.locator("[data-sonner-toast]").get_by_role("button", name="Undo").click()
    expect(group(bob, "Kim")).to_be_visible()


def test_the_board_is_accessible_in_both_schemes(enter: Enter) -> None:
    for scheme in ("light", "dark"):
        ann = enter("ann", color_scheme=scheme)
        fill_board(ann)
        expect(group(ann, PEOPLE[0])).to_be_visible()
        ann.page.evaluate(AXE.read_text())
        found = ann.page.evaluate("axe.run().then(({ violations }) => violations)")
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


def test_pictures_of_the_board(enter: Enter, take: Take, tmp_path: Path) -> None:
    ann, bob = enter("ann"), enter("bob", color_scheme="dark", locale="ko-KR")
    fill_board(ann)
    bob.page.get_by_label("박지훈 님의 GBS 조").focus()
    ann.page.get_by_role("button", name="금요일 밤 도착").or_(
        ann.page.get_by_role("button", name="plays the guitar")
    ).first.click()
    take(ann, "board-light")
    take(bob, "board-dark-ko")
    for scheme in ("light", "dark"):
        phone = enter("mina", color_scheme=scheme, **PHONE)
        take(phone, f"board-phone-{scheme}")
