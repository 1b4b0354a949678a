"""``import``, ``export`` and ``inspect``, on a stopped server's data and on a running one's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
import websockets
from pycrdt import Doc, Map, create_sync_message, handle_sync_message

from tests.commands.rig import Data, opened

MEETING = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//test//EN
X-WR-CALNAME:팀 달력
BEGIN:VEVENT
UID:meeting-1@example.org
DTSTAMP:20260301T000000Z
DTSTART;TZID=Asia/Seoul:20260302T090000
DTEND;TZID=Asia/Seoul:20260302T100000
SUMMARY:회의, weekly
RRULE:FREQ=WEEKLY;COUNT=10
X-UNKNOWN;X-P=1:kept
END:VEVENT
BEGIN:VEVENT
UID:day@example.org
DTSTAMP:20260301T000000Z
DTSTART;VALUE=DATE:20260305
SUMMARY:A whole day
END:VEVENT
END:VCALENDAR
"""
BROKEN = MEETING.replace("DTSTART;VALUE=DATE:20260305", "DTSTART;VALUE=DATE:tomorrow")


@pytest.fixture(scope="module", params=["stopped", "running"])
def data(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Data]:
    with opened(tmp_path_factory.mktemp(request.param), request.param) as data:
        data.run("projects", "create", "board", "--kind", "lineup")
        yield data


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Data]:
    with opened(tmp_path_factory.mktemp("running"), "running") as data:
        yield data


@pytest.fixture
def meeting(tmp_path: Path) -> str:
    path = tmp_path / "meeting.ics"
    path.write_text(MEETING)
    return str(path)


def test_what_is_imported_is_exported_again(data: Data, meeting: str, tmp_path: Path) -> None:
    words = ("import", meeting, "--project", "round")
    assert "crdt-calendar projects create round" in data.fails(*words)
    done = data.run(*words, "--create")
    assert done.stdout == "2 new, 0 updated, 0 unchanged, 0 skipped\n"
    counts = {"created": 0, "updated": 0, "unchanged": 2, "skipped": 0, "problems": []}
    assert data.json(*words) == counts, "the second time nothing changes"

    ics = data.run("export", "--project", "round").stdout
    assert "SUMMARY:회의\\, weekly" in ics
    assert "X-UNKNOWN;X-P=1:kept" in ics
    assert "X-WR-CALNAME:팀 달력" in ics
    target = tmp_path / "out.ics"
    assert data.run("export", "--project", "round", "--output", str(target)).stdout == ""
    assert target.read_bytes().decode() == ics.replace("\n", "\r\n").replace("\r\r", "\r")


def test_a_broken_file_is_imported_in_part_and_says_where(data: Data) -> None:
    done = data.run("import", "-", "--project", "broken", "--create", code=3, stdin=BROKEN.encode())
    assert done.stdout.startswith("1 new")
    line = BROKEN.splitlines().index("DTSTART;VALUE=DATE:tomorrow") + 1
    assert f"line {line}: " in done.stderr


def test_only_a_calendar_takes_a_file(data: Data, meeting: str) -> None:
    assert "is a lineup" in data.fails("import", meeting, "--project", "board")
    assert "is a lineup" in data.fails("export", "--project", "board")


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    done = Data(tmp_path).run("import", "/no.ics", "--project", "team", code=2)
    assert "No such file" in done.stderr


def test_inspect_says_what_is_there_and_who_wrote_it(data: Data, meeting: str) -> None:
    data.run("import", meeting, "--project", "seen", "--create", "--user", "ada")
    Path(meeting).write_text(MEETING.replace("A whole day", "Another title"))
    data.run("import", meeting, "--project", "seen", "--user", "bob")
    found = data.json("inspect", "seen")
    assert found["project"] == {"id": "seen", "kind": "calendar", "name": "seen"}
    assert (found["recovering"], found["connections"]) == (False, [])
    document = found["document"]
    assert (document["events"], document["deleted"], document["problems"]) == (2, 0, [])
    assert document["bytes"] > 100
    assert found["stored"]["rows"] == len(found["history"])
    assert all(client["clock"] > 0 for client in found["clients"])
    newest = found["history"][0]
    assert newest["user"] == "bob"
    assert "events/day@example.org/title" in newest["keys"]
    assert {row["user"] for row in found["history"]} == {"ada", "bob"}

    shown = data.run("inspect", "seen", "--rows", "1").stdout
    assert "events     2, and 0 deleted" in shown
    assert "bob" in shown and "ada" not in shown


def test_inspect_can_leave_the_history_out(running: Data) -> None:
    running.run("projects", "create", "empty")
    found = running.json("inspect", "empty", "--rows", "0")
    assert (found["history"], found["clients"], found["document"]["events"]) == ([], [], 0)
    assert "no project 'nope'" in running.fails("inspect", "nope")


@pytest.mark.anyio
async def test_people_in_the_project_see_an_import(running: Data, meeting: str) -> None:
    words = ("--user", "eve", "--project", "live", "--role", "viewer")
    token = running.run("token", *words).stdout.strip()
    url = running.url.replace("http", "ws", 1)
    doc: Doc[Map[object]] = Doc()
    events = doc.get("events", type=Map)
    async with websockets.connect(f"{url}/yjs/live?token={token}") as socket:
        await socket.send(create_sync_message(doc))
        found = running.json("inspect", "live")
        assert found["connections"] == [{"user": "eve", "role": "viewer"}]
        await anyio.to_thread.run_sync(lambda: running.run("import", meeting, "--project", "live"))
        with anyio.fail_after(5):
            while len(events) < 2:
                message = await socket.recv()
                assert isinstance(message, bytes)
                if message[0] == 0 and (answer := handle_sync_message(message[1:], doc)):
                    await socket.send(answer)
    assert set(events.keys()) == {"meeting-1@example.org", "day@example.org"}
