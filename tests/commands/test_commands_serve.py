"""``serve``: how it starts, what it prints, how it stops."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic

import httpx
import pytest
import websockets.sync.client
from pycrdt import Doc, Map, create_update_message

from server.storage.directory import DataDirectory
from tests.commands.rig import COMMAND, SECONDS, Data, Server, serving


def test_the_first_start_makes_what_is_needed_and_prints_one_url(tmp_path: Path) -> None:
    path = tmp_path / "new" / "data"
    with serving(path) as server:
        (url,) = [line for line in server.printed if "http://" in line]
        assert "?token=ey" in url
        assert any("crdt-calendar" in line and str(path) in line for line in server.printed)
        assert "  port = 0" in server.printed, "what was chosen is shown"
        assert not any("retention_days" in line for line in server.printed), "and nothing else"
        with httpx.Client(follow_redirects=True) as browser:
            assert browser.get(url).status_code == 200
            session = browser.get(f"{server.address}/api/v1/session").json()
            assert [entry["id"] for entry in session["projects"]] == ["demo"]
            file = browser.get(f"{server.address}/api/v1/projects/demo/calendar.ics").text
            assert file.count("BEGIN:VEVENT") > 50, "there is something to try it on"
        running = DataDirectory(path).running()
        assert running and (running.pid, running.url) == (server.process.pid, server.address)
        asked = monotonic()
        assert server.stop() == 0
        assert monotonic() - asked < 5
    assert not (path / "server.json").exists()
    assert DataDirectory(path).running() is None
    assert path.stat().st_mode & 0o077 == 0
    assert [each["id"] for each in Data(path).json("projects", "list")] == ["demo"]


def test_a_project_there_is_keeps_the_demo_away(tmp_path: Path) -> None:
    data = Data(tmp_path)
    data.run("projects", "create", "team")
    with serving(tmp_path, "--quiet", "--no-token") as server:
        assert server.printed == [f"{server.address}/"]
        assert server.stop(signal.SIGINT) == 0
    assert [each["id"] for each in data.json("projects", "list")] == ["team"]


def test_a_taken_port_and_a_taken_directory_are_one_sentence_each(tmp_path: Path) -> None:
    with serving(tmp_path, "--quiet") as server:
        port = server.address.rpartition(":")[2]
        said = Data(tmp_path / "other").fails("serve", "--port", port)
        assert f"port {port}: " in said and "--port 0" in said
        assert not (tmp_path / "other").exists()
        said = Data(tmp_path).fails("serve", "--port", "0", code=4)
        assert f"process {server.process.pid}" in said and server.address in said
        assert httpx.get(f"{server.address}/readyz").json()["ready"]


def test_a_setting_out_of_its_form_is_a_usage_error(tmp_path: Path) -> None:
    done = Data(tmp_path).run("serve", "--port", "70000", code=2)
    assert "port: a number from 0 to 65535 needed" in done.stderr


def test_commands_find_a_server_on_another_address_of_this_machine(tmp_path: Path) -> None:
    host = _own_address()
    if host is None:
        pytest.skip("this machine has no address but the loopback's")
    with serving(tmp_path, "--host", host, "--no-token") as server:
        assert server.address.startswith(f"http://{host}:")
        data = Data(tmp_path)
        assert [each["id"] for each in data.json("projects", "list")] == ["demo"]
        secret = DataDirectory(tmp_path).admin_secret()
        bearer = {"authorization": f"Bearer {secret}"}
        refused = httpx.post(f"{server.address}/admin/projects.list", headers=bearer)
        assert refused.status_code == 404, "the door opens to the loopback only"


def _own_address() -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # RFC 5737: nobody; nothing is sent by this
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if address.startswith("127.") else address


@contextmanager
def stuck(path: Path) -> Iterator[Server]:
    """A server with an edit that cannot be committed, told to stop."""
    with serving(path, "--quiet") as server:
        with closing(sqlite3.connect(path / "calendar.db", isolation_level=None)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            url = server.printed[-1].replace("http", "ws", 1).replace("/?", "/yjs/demo?")
            with websockets.sync.client.connect(url) as socket:
                doc: Doc[Map[object]] = Doc()
                doc.get("calendar", type=Map)["name"] = "x"
                socket.send(create_update_message(doc.get_update()))
                while not httpx.get(f"{server.address}/readyz").json()["backlog_bytes"]:
                    pass
                server.process.terminate()
                yield server


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with stuck(tmp_path) as server:
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(0.5)
        assert server.stop() == 1
        assert server.process.stderr is not None
        assert "stopped at once by SIGTERM" in server.process.stderr.read()


def test_it_does_not_wait_for_ever_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRDT_CALENDAR_STOP_SECONDS", "0.5")
    with stuck(tmp_path) as server:
        assert server.process.wait(SECONDS) == 1
        assert server.process.stderr is not None
        assert "could not stop within 0.5 s" in server.process.stderr.read()


def test_it_runs_as_a_module_too() -> None:
    python = COMMAND.with_name("python")
    done = subprocess.run([python, "-m", "server", "--version"], capture_output=True, text=True)
    assert done.stdout.startswith("crdt-calendar 0.")
