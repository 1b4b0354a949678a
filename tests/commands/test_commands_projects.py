"""``projects``, ``token`` and ``revoke``, on a stopped server's data and on a running one's."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import httpx
import pytest
import websockets

from server.auth.grants import Role
from server.auth.tokens import Claims, Keyring
from tests.commands.rig import Data, opened


@pytest.fixture(scope="module", params=["stopped", "running"])
def data(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Data]:
    path = tmp_path_factory.mktemp(request.param)
    with opened(path, request.param) as data:
        data.run("projects", "create", "team", "--name", "여행 팀")
        yield data


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Data]:
    with opened(tmp_path_factory.mktemp("running"), "running") as data:
        data.run("projects", "create", "first", "--kind", "lineup")
        yield data


def claims(data: Data, token: str) -> Claims:
    keyring = Keyring.open(data.path / "token-secret")
    return anyio.run(keyring.verify, token)


def test_a_project_is_made_once_and_listed(data: Data) -> None:
    listed = {each["id"]: each for each in data.json("projects", "list")}
    assert listed["team"]["name"] == "여행 팀"
    assert listed["team"]["kind"] == "calendar"
    assert listed["team"]["connections"] == 0
    assert "exists already" in data.fails("projects", "create", "team")


def test_members_come_and_go(data: Data) -> None:
    members = ("projects", "members")
    data.run(*members, "add", "team", "alice", "--role", "viewer", "--name", "Alice")
    said = data.run(*members, "add", "team", "alice", "--role", "owner").stdout
    assert said == "alice is owner in team\n"
    assert data.run(*members, "remove", "team", "bob").stdout == "bob is out of team\n"
    alice, bob = data.json(*members, "list", "team")
    assert (alice["user"], alice["role"], alice["name"]) == ("alice", "owner", "Alice")
    assert (bob["user"], bob["removed"]) == ("bob", True)


def test_lists_are_for_people_as_well(running: Data) -> None:
    running.run("projects", "members", "add", "first", "alice", "--role", "viewer")
    running.run("projects", "members", "remove", "first", "bob")
    lines = running.run("projects", "members", "list", "first").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["USER", "ROLE"],
        ["alice", "viewer"],
        ["bob", "removed"],
    ]
    head, *projects = running.run("projects", "list").stdout.splitlines()
    assert head.split() == ["PROJECT", "KIND", "NAME", "CREATED", "CONNECTIONS"]
    assert ["first", "lineup", "first"] in [line.split()[:3] for line in projects]
    assert "no project 'nope'" in running.fails("projects", "members", "remove", "nope", "bob")
    assert "no project can be called" in running.fails("projects", "create", "../etc")


def test_a_token_is_all_that_is_printed_and_makes_its_project(data: Data) -> None:
    words = ("--user", "ada", "--project", "new", "--role")
    done = data.run("token", *words, "editor")
    assert done.stderr == "made the project new\n"
    said = claims(data, done.stdout.strip())
    assert (said.user, said.projects, said.expires) == ("ada", {"new": Role.EDITOR}, None)
    done = data.run("token", *words, "viewer", "--name", "Ada 이", "--expires", "60")
    assert done.stderr == ""
    said = claims(data, done.stdout.strip())
    assert said.name == "Ada 이"
    assert said.expires is not None and said.expires - said.issued_at == pytest.approx(60)
    token = data.run("token", "--user", "root", "--project", "*", "--role", "owner").stdout.strip()
    assert claims(data, token).role("anything") is Role.OWNER
    listed = [each["id"] for each in data.json("projects", "list")]
    assert "new" in listed and "*" not in listed


@pytest.mark.parametrize(
    "words",
    [
        ("token", "--user", "ada", "--project", "new", "--role", "king"),
        ("token", "--user", "ada", "--project", "new", "--role", "viewer", "--expires", "0"),
        ("projects", "create"),
        ("projects", "destroy", "team"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_wrong_command_line_is_a_usage_error(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert "Usage: " in Data(tmp_path).run(*words, code=2).stderr


def test_revoke_takes_a_token_and_nothing_else(data: Data) -> None:
    token = data.run("token", "--user", "eve", "--project", "p", "--role", "viewer").stdout
    assert data.run("revoke", stdin=token.encode()).stdout == "revoked a token of eve\n"
    assert "does not decode" in data.fails("revoke", "nonsense")


@pytest.mark.anyio
async def test_a_removed_member_is_out_within_a_second(running: Data) -> None:
    assert await _closed_by(running, "projects", "members", "remove", "live", "mallory") == 4403


@pytest.mark.anyio
async def test_a_revoked_token_is_out_within_a_second(running: Data) -> None:
    assert await _closed_by(running, "revoke") == 4401


async def _closed_by(data: Data, *words: str) -> int | None:
    """Connect by a token, run the command (the token on its stdin); the code of the close."""
    token = data.run("token", "--user", "mallory", "--project", "live", "--role", "editor").stdout
    url = data.url.replace("http", "ws", 1)
    async with websockets.connect(f"{url}/yjs/live?token={token.strip()}") as socket:
        await socket.recv()
        assert _connections(data) == {"live": 1}
        await anyio.to_thread.run_sync(lambda: data.run(*words, stdin=token.encode()))
        with anyio.fail_after(1), pytest.raises(websockets.ConnectionClosed) as closed:
            while True:
                await socket.recv()
    return closed.value.rcvd.code if closed.value.rcvd else None


def _connections(data: Data) -> dict[str, int]:
    listed = data.json("projects", "list")
    return {each["id"]: each["connections"] for each in listed if each["connections"]}


def test_many_commands_at_once_wait_for_one_another(tmp_path: Path) -> None:
    data = Data(tmp_path)
    names = [f"at-once-{n}" for n in range(3)]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: data.run("projects", "create", name), names))
    assert set(names) <= {each["id"] for each in data.json("projects", "list")}


def test_the_page_knows_the_project_made_meanwhile(running: Data) -> None:
    words = ("--user", "a", "--project", "fresh", "--role", "owner")
    token = running.run("token", *words).stdout.strip()
    answer = httpx.get(
        f"{running.url}/api/v1/session", headers={"authorization": f"Bearer {token}"}
    )
    assert [entry["id"] for entry in answer.json()["projects"]] == ["fresh"]


def test_a_directory_without_data_is_not_made_by_looking(tmp_path: Path) -> None:
    nowhere = Data(tmp_path / "nowhere")
    assert "no calendar data in" in nowhere.fails("projects", "list")
    assert not nowhere.path.exists()
