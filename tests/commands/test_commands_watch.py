"""``watch``: changes as they happen, in a terminal's lines."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.commands.rig import COMMAND, SECONDS, Data, serving


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Data]:
    path = tmp_path_factory.mktemp("running")
    with serving(path, "--quiet") as server:
        data = Data(path, server.address)
        data.run("projects", "create", "team")
        yield data


@contextmanager
def watching(data: Data, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The command, from "connected" on, until the block ends; then it ends by Ctrl-C."""
    process = subprocess.Popen(
        [COMMAND, "watch", *words, "--data", data.path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("connected to team")
        yield process
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, err
        assert "Traceback" not in err
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_changes_are_printed_as_they_happen_until_ctrl_c(running: Data, tmp_path: Path) -> None:
    place = ("--project", "team", "--store", str(tmp_path / "replica"))
    running.run("edit", "add", "before", *place)
    with watching(running, "team") as process:
        running.run("edit", "add", "Lunch\x1b[2J", "--start", "2026-03-02T12:00", *place)
        said = line(process)
        assert "+ Lunch\\x1b[2J" in said, "nothing moves the cursor"
        assert "before" not in said
        running.run("edit", "move", "Lunch\x1b[2J", "--start", "2026-03-03T12:00", *place)
        said = line(process)
        assert "~ Lunch" in said and "(when)" in said and " by " in said
        running.run("edit", "delete", "before", *place)
        assert "- before" in line(process)


def test_as_json_for_programs(running: Data, tmp_path: Path) -> None:
    place = ("--project", "team", "--store", str(tmp_path / "replica"))
    token = running.run("token", "--user", "eve", "--project", "team", "--role", "viewer").stdout
    words = ("team", "--json", "--url", running.url, "--token", token.strip())
    with watching(running, *words) as process:
        running.run("edit", "add", "점심", *place)
        told = json.loads(line(process))
        assert (told["change"], told["title"], told["fields"]) == ("created", "점심", [])
        assert told["by"] and told["at"]


def test_a_server_that_restarts_is_waited_for(tmp_path: Path) -> None:
    data = Data(tmp_path / "data")
    with serving(data.path, "--quiet") as first:
        port = first.address.rpartition(":")[2]
        data.run("projects", "create", "team")
        with watching(data, "team") as process:
            first.stop()
            assert process.stderr is not None
            assert "trying again" in process.stderr.readline()
            with serving(data.path, "--quiet", "--port", port):
                assert process.stderr.readline().startswith("connected")
                store = str(tmp_path / "replica")
                data.run("edit", "add", "Lunch", "--project", "team", "--store", store)
                assert "+ Lunch" in line(process)


def test_where_there_is_nothing_to_watch_it_says_so(running: Data, tmp_path: Path) -> None:
    assert "no project 'nowhere'" in running.fails("watch", "nowhere")
    stopped = Data(tmp_path / "data")
    stopped.run("projects", "create", "team")
    assert "no server runs here" in stopped.fails("watch", "team")
    words = ("watch", "team", "--url", running.url, "--token", "stale")
    done = running.run(*words, code=1)
    assert "refused" in done.stderr
    assert "crdt-calendar: " in done.stderr.splitlines()[-1]
