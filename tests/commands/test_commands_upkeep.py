"""``compact``, ``backup``, ``restore``, ``verify`` and ``recovered``."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import websockets
from pycrdt import Doc, Map, create_update_message
from websockets.sync.client import ClientConnection, connect

from tests.commands.rig import SECONDS, Data, opened
from tests.commands.test_commands_calendars import MEETING


@pytest.fixture(scope="module", params=["stopped", "running"])
def data(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Data]:
    path = tmp_path_factory.mktemp(request.param) / "data"
    with opened(path, request.param) as data:
        import_meeting(data, "team")
        yield data


def import_meeting(data: Data, project: str) -> None:
    words = ("import", "-", "--project", project, "--create")
    data.run(*words, stdin=MEETING.encode())


def test_compact_writes_a_snapshot(data: Data) -> None:
    assert data.json("inspect", "team")["stored"]["snapshot_seq"] == 0
    said = data.run("compact", "team").stdout
    assert said == "compacted 1 project, removed 0 rows past the retention\n"
    stored = data.json("inspect", "team")["stored"]
    assert stored["snapshot_seq"] == stored["last_seq"]
    assert stored["rows"] > 0, "history within the retention stays"
    assert "no project 'nope'" in data.fails("compact", "nope")


def test_a_backup_is_a_new_file(data: Data, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    assert data.run("backup", str(file)).stdout.startswith(f"{file}: ")
    assert "exists" in data.fails("backup", str(file))


def test_recovered_says_when_there_was_nothing_to_end(data: Data) -> None:
    assert data.run("recovered", "team").stdout == "team was not in the recovery state\n"


def test_a_backup_restores_into_the_recovery_state(tmp_path: Path) -> None:
    data, file = Data(tmp_path / "data"), tmp_path / "backup.db"
    import_meeting(data, "team")
    data.run("backup", str(file))
    import_meeting(data, "later")
    said = data.run("restore", str(file)).stdout
    assert "what was there is kept as calendar.db.replaced-1" in said
    with opened(data.path, "running") as running:
        found = running.json("inspect", "team")
        assert found["recovering"]
        assert found["document"]["events"] == 2
        assert "crdt-calendar recovered team" in running.run("inspect", "team").stdout
        assert [each["id"] for each in running.json("projects", "list")] == ["team"]
        with edits_by(running, "ada") as ada, edits_by(running, "bob") as bob:
            someone = Someone()
            someone.edit_through(bob)
            someone.edit_through(ada)  # the same client id, brought back by two people
            said = running.run("recovered", "team").stdout
            assert said == "team is out of the recovery state\n"
            someone.edit_through(ada)
            with pytest.raises(websockets.ConnectionClosed) as closed:
                someone.edit_through(bob)
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008
        assert not running.json("inspect", "team")["recovering"]
        assert "stop it first" in running.fails("restore", str(file), code=4)


@contextmanager
def edits_by(data: Data, user: str) -> Iterator[ClientConnection]:
    """A connection of an editor to the project team."""
    words = ("--user", user, "--project", "team", "--role", "editor")
    token = data.run("token", *words).stdout.strip()
    url = data.url.replace("http", "ws", 1)
    with connect(f"{url}/yjs/team?token={token}") as socket:
        yield socket


class Someone:
    """A client that edits by whatever connection it is given."""

    def __init__(self) -> None:
        self._doc: Doc[Map[object]] = Doc()
        self._map = self._doc.get("calendar", type=Map)
        self._edits = 0

    def edit_through(self, socket: ClientConnection) -> None:
        """Make an edit and wait for its echo."""
        seen = self._doc.get_state()
        self._edits += 1
        mark = f"edit-{self._edits}"
        self._map[mark] = mark
        socket.send(create_update_message(self._doc.get_update(seen)))
        while mark.encode() not in socket.recv(SECONDS, decode=False):
            pass


def test_restore_refuses_what_is_no_backup(tmp_path: Path) -> None:
    data = Data(tmp_path / "data")
    data.run("projects", "create", "team")
    junk = tmp_path / "junk.db"
    junk.write_bytes(b"junk" * 1000)
    assert f"{junk} cannot be restored: not a database" in data.fails("restore", str(junk))
    assert [each["id"] for each in data.json("projects", "list")] == ["team"]


def test_verify_finds_a_sound_file_sound(data: Data) -> None:
    assert data.run("verify").stdout.startswith("sound: the file, and ")
    report = data.json("verify")
    assert report["sound"]
    assert "team" in [room["project"] for room in report["rooms"]]


def test_verify_names_the_document_that_does_not_decode(tmp_path: Path) -> None:
    data = Data(tmp_path)
    import_meeting(data, "team")
    with closing(sqlite3.connect(data.path / "calendar.db")) as connection, connection:
        connection.execute("UPDATE updates SET data = x'ffffff' WHERE seq = 1")
    done = data.run("verify", code=1)
    assert "team" in done.stderr
    assert done.stdout == ""
    assert not json.loads(data.run("verify", "--json", code=1).stdout)["sound"]
