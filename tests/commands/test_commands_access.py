"""How a command finds who has the data, and what it says when that fails."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from crdt_calendar.errors import (
    CalendarError,
    DataLocked,
    InvalidValue,
    ServiceRestart,
    StorageError,
)
from server.commands import access
from server.commands.access import ask
from server.storage.directory import DataDirectory
from tests.commands.rig import Data, serving

STREAM = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@contextmanager
def answering(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives this one answer; its URL, and the requests it got."""
    requests: list[bytes] = []

    class Answer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            requests.append(self.request.recv(65536))
            self.request.sendall(answer)

    with socketserver.TCPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", requests
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def announced(path: Path, url: str) -> Iterator[DataDirectory]:
    """A data directory that this process has, with a server announced there."""
    directory = DataDirectory(path)
    directory.database.touch()
    with directory.locked(), directory.announced(url):
        yield directory


def chunk(line: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(line), line)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", ""], ids=["a server", "a command"])
def test_who_is_about_to_leave_the_data_is_waited_for(tmp_path: Path, url: str) -> None:
    held = announced(tmp_path, url)  # nobody listens on that port
    directory = held.__enter__()
    directory.database.unlink()

    def stop() -> None:
        held.__exit__(None, None, None)

    timer = threading.Timer(0.3, stop)
    timer.start()
    made = ask(tmp_path, "projects.create", make=True, project="team")
    timer.join()
    assert made["id"] == "team"


def test_a_server_that_is_never_reached_is_locked_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "PATIENCE_SECONDS", 0.2)
    with announced(tmp_path, "http://127.0.0.1:9"), pytest.raises(DataLocked) as caught:
        ask(tmp_path, "projects.list")
    assert "http://127.0.0.1:9 does not answer" in str(caught.value)


def test_a_process_that_keeps_the_data_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "PATIENCE_SECONDS", 0.2)
    with announced(tmp_path, ""), pytest.raises(DataLocked, match="process [0-9]+ is using"):
        ask(tmp_path, "projects.list")


@pytest.mark.parametrize("ending", [b"", b"0\r\n\r\n"], ids=["cut", "ended"])
def test_a_server_that_stops_halfway_is_said_so(tmp_path: Path, ending: bytes) -> None:
    heard: list[tuple[int, int]] = []
    answer = STREAM + chunk(b'{"progress": [1, 2]}\n') + ending
    with answering(answer) as (url, requests), announced(tmp_path, url):
        with pytest.raises(ServiceRestart, match="run the command again"):
            ask(tmp_path, "compact", tell=lambda done, total: heard.append((done, total)))
    assert heard == [(1, 2)]
    assert len(requests) == 1, "what may have been done is not done again unasked"


def test_the_secret_goes_along_and_absent_parameters_do_not(tmp_path: Path) -> None:
    answer = STREAM + chunk(b'{"result": [1]}\n') + b"0\r\n\r\n"
    with answering(answer) as (url, requests), announced(tmp_path, url) as directory:
        assert ask(tmp_path, "members.add", user="이 &", role=None) == [1]
        secret = directory.admin_secret().encode()
    (request,) = requests
    head = request.lower()
    assert head.startswith(b"post /admin/members.add?user=%ec%9d%b4+%26 http/1.1\r\n")
    assert b"authorization: bearer " + secret.lower() in head


def test_errors_keep_their_class(tmp_path: Path) -> None:
    answer = STREAM + chunk(b'{"error": "invalid-value", "message": "kind: no"}\n')
    with answering(answer) as (url, _), announced(tmp_path, url):
        with pytest.raises(InvalidValue, match="kind: no"):
            ask(tmp_path, "projects.create")


def test_a_server_of_another_kind_is_said_so(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nNot Found"
    with answering(answer) as (url, _), announced(tmp_path, url):
        with pytest.raises(StorageError, match="another version"):
            ask(tmp_path, "projects.list")


def test_a_refusal_is_passed_on(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 413 Too Large\r\ncontent-length: 9\r\n\r\ntoo large"
    with answering(answer) as (url, _), announced(tmp_path, url):
        with pytest.raises(CalendarError, match="too large"):
            ask(tmp_path, "import")


def test_progress_is_told_without_a_server_as_well(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    ask(tmp_path, "projects.create", make=True, project="a")
    ask(tmp_path, "projects.create", project="b")
    ask(tmp_path, "compact", tell=lambda done, total: heard.append((done, total)))
    assert heard == [(1, 2), (2, 2)]


def test_a_setting_that_is_none_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRDT_CALENDAR_PROT", "1")
    with pytest.raises(click.UsageError, match="CRDT_CALENDAR_PORT"):
        ask(tmp_path, "projects.list")


def test_a_command_runs_while_its_server_comes_and_goes(tmp_path: Path) -> None:
    """Each of them finds either the server or the directory free, whenever it looks."""
    data = Data(tmp_path)
    data.run("projects", "create", "team")
    stop = threading.Event()
    failures: list[BaseException] = []

    def keep_asking() -> None:
        while not stop.wait(0.2):
            try:
                assert "team" in data.run("projects", "list").stdout
            except BaseException as error:
                failures.append(error)

    asking = threading.Thread(target=keep_asking)
    asking.start()
    for _ in range(2):
        with serving(tmp_path) as server:
            assert server.stop() == 0
    stop.set()
    asking.join()
    assert not failures
