"""``edit``: one event, with a server and without."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.commands.rig import COMMAND, Data, serving

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "replica")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Data]:
    path = tmp_path_factory.mktemp("running")
    with serving(path, "--quiet") as server:
        data = Data(path, server.address)
        yield data


@pytest.fixture
def team(running: Data, request: pytest.FixtureRequest) -> str:
    """A project of the test's own."""
    project = re.sub(r"\W", "-", request.node.name)
    running.run("projects", "create", project)
    return project


def test_an_event_is_added_moved_and_deleted_on_the_servers_disk(
    running: Data, team: str, store: str
) -> None:
    place = ("--project", team, "--store", store)
    said = running.run("edit", "add", "점심", "--start", "2026-03-02T12:00", *place).stdout
    (made,) = ID.findall(said)
    assert said == f"added {made} (on the server's disk)\n"
    assert "DTSTART:20260302T120000" in running.run("export", "--project", team).stdout
    said = running.run("edit", "move", "점심", "--start", "2026-03-03T13:00", *place).stdout
    assert said == f"moved {made} (on the server's disk)\n"
    ics = running.run("export", "--project", team).stdout
    assert "DTSTART:20260303T130000" in ics
    assert "DTEND:20260303T140000" in ics
    running.run("edit", "delete", made, *place)
    assert "BEGIN:VEVENT" not in running.run("export", "--project", team).stdout


def test_without_a_server_it_is_saved_here_and_goes_up_later(tmp_path: Path, store: str) -> None:
    data = Data(tmp_path / "data")
    data.run("projects", "create", "team")
    place = ("--project", "team", "--store", store)
    said = data.run("edit", "add", "Lunch", "--start", "2026-03-02", *place).stdout
    assert "(saved here; 1 edit not on the server's disk yet)" in said
    said = data.run("edit", "move", "Lunch", "--start", "2026-03-05", *place).stdout
    assert "(saved here; 2 edits not on the server's disk yet)" in said
    assert "BEGIN:VEVENT" not in data.run("export", "--project", "team").stdout
    with serving(data.path, "--quiet"):
        done = data.json("edit", "add", "Dinner", *place)
        assert (done["saved"], done["pending"]) == ("server", 0)
        ics = data.run("export", "--project", "team").stdout
    assert "SUMMARY:Lunch" in ics
    assert "DTSTART;VALUE=DATE:20260305" in ics


def test_what_others_wrote_can_be_edited_from_a_fresh_replica(
    running: Data, team: str, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        store = ("--project", team, "--store", str(tmp_path / name))
        if name == "one":
            running.run("edit", "add", "Stand-up", "--start", "2026-03-02T09:00", *store)
        else:
            said = running.run("edit", "delete", "Stand-up", *store).stdout
            assert "on the server's disk" in said


def test_by_url_and_token(running: Data, team: str, store: str) -> None:
    token = running.run("token", "--user", "ann", "--project", team, "--role", "editor").stdout
    words = ("edit", "add", "Lunch", "--project", team, "--store", store, "--url", running.url)
    assert "on the server's disk" in running.run(*words, stdin=token.encode()).stdout
    assert "on the server's disk" in running.run(*words, "--token", token.strip()).stdout
    viewer = running.run("token", "--user", "eve", "--project", team, "--role", "viewer").stdout
    words = (*words[:-4], "--store", f"{store}-eve", "--url", running.url)
    assert running.fails(*words, "--token", viewer.strip())
    assert "project" in running.fails("edit", "add", "x", "--project", "nowhere")


def test_each_server_and_project_has_its_own_replica(
    running: Data, team: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    running.run("edit", "add", "Lunch", "--project", team)
    (found,) = tmp_path.rglob("*.replica")
    assert found.name == f"{team}.replica"
    assert found.parent.name.startswith("local-")


def test_an_event_must_be_named_clearly(running: Data, team: str, store: str) -> None:
    place = ("--project", team, "--store", store)
    for _ in range(2):
        running.run("edit", "add", "Lunch", *place)
    assert "2 events have the title 'Lunch'" in running.fails("edit", "delete", "Lunch", *place)
    assert "'Dinner'" in running.fails("edit", "delete", "Dinner", *place)
    assert "start" in running.fails("edit", "add", "x", "--start", "tomorrow", *place)


def test_edits_at_once_take_turns(running: Data, team: str, store: str) -> None:
    def add(number: int) -> subprocess.CompletedProcess[str]:
        place = ("--project", team, "--store", store)
        return running.run("edit", "add", f"event {number}", "--start", "2026-03-02", *place)

    with ThreadPoolExecutor(4) as pool:
        assert all("on the server's disk" in done.stdout for done in pool.map(add, range(4)))
    assert running.run("export", "--project", team).stdout.count("BEGIN:VEVENT") == 4


def test_a_damaged_replica_is_told_of(tmp_path: Path, store: str) -> None:
    data = Data(tmp_path / "data")
    data.run("projects", "create", "team")
    Path(store).write_bytes(b"rubbish" * 1000)
    done = data.run("edit", "add", "Lunch", "--project", "team", "--store", store, "--json")
    assert json.loads(done.stdout)["saved"] == "here"
    assert "the replica was damaged" in done.stderr


def test_a_replica_in_use_is_exit_code_4(tmp_path: Path, store: str) -> None:
    import fcntl

    data = Data(tmp_path / "data")
    data.run("projects", "create", "team")
    with Path(f"{store}.lock").open("w") as held:
        held.write("1234\n")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        words = ("edit", "add", "Lunch", "--project", "team", "--store", store)
        assert "process 1234" in data.fails(*words, code=4)


def test_token_without_url_is_a_mistake(running: Data) -> None:
    words = [str(COMMAND), "edit", "add", "x", "--project", "demo", "--token", "t"]
    done = subprocess.run([*words, "--data", str(running.path)], capture_output=True, text=True)
    assert done.returncode == 2
    assert "--url" in done.stderr
