"""iCalendar files over HTTP: in line by line beside those who edit, and out again the same."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from anyio.to_thread import run_sync

from crdt_calendar.model.when import When
from server.auth.middleware import SESSION_COOKIE
from server.gateways.calendars import MOST_BODY_BYTES
from tests.ics.samples import vcalendar, vevent
from tests.serving.polling import bearer, site
from tests.support.client import connected
from tests.support.server import ServerProcess, running

pytestmark = pytest.mark.anyio

MEETING = vevent("SUMMARY:주간 회의", "RRULE:FREQ=WEEKLY;COUNT=10", "X-OURS;X-P=1:kept", uid="m@x")
FILE = vcalendar("X-WR-CALNAME:팀 달력", MEETING, vevent("SUMMARY:Lunch", uid="l@x")).encode()
COUNTS = {"created": 0, "updated": 0, "unchanged": 0, "skipped": 0, "problems": []}


class Desk:
    """Somebody who brings files to one project and takes them out."""

    def __init__(self, http: httpx.AsyncClient, token: str, project: str) -> None:
        self.http = http
        self.headers = bearer(token)
        self.path = f"/api/v1/projects/{project}"

    async def bring(self, file: bytes | AsyncIterator[bytes]) -> httpx.Response:
        """Send a file."""
        path = f"{self.path}/import"
        return await self.http.post(path, headers=self.headers, content=file)

    async def result(self, file: bytes) -> Any:
        """What bringing a file comes to, at the end."""
        answer = await self.bring(file)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/x-ndjson"
        *progress, last = lines(answer)
        assert all(list(line) == ["progress"] for line in progress)
        return last.get("result", last)

    async def take(self) -> bytes:
        """The calendar as a file."""
        answer = await self.http.get(f"{self.path}/calendar.ics", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.content


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.text.splitlines()]


def many(count: int) -> bytes:
    """A file of so many events."""
    return vcalendar(*(vevent(f"SUMMARY:No {n}", uid=f"{n}@x") for n in range(count))).encode()


@pytest.fixture
def desk(server: ServerProcess, project: str, http: httpx.AsyncClient) -> Desk:
    """An editor's desk."""
    return Desk(http, server.token("alice", project), project)


async def test_an_import_tells_how_far_it_is_and_what_it_did(desk: Desk) -> None:
    answer = await desk.bring(many(450))
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["cache-control"] == "no-store"
    *progress, last = lines(answer)
    told = [line["progress"] for line in progress]
    assert [each["done"] for each in told] == [200, 400, 450]
    assert {each["total"] for each in told} == {450}
    assert last == {"result": {**COUNTS, "created": 450}}


async def test_progress_comes_while_the_import_goes_on(
    server: ServerProcess, project: str, desk: Desk
) -> None:
    path = f"{desk.path}/import"
    async with (
        connected(server.url, server.token("bob", project), project) as bob,
        desk.http.stream("POST", path, headers=desk.headers, content=many(3000)) as answer,
    ):
        came = answer.aiter_lines()
        first = json.loads(await anext(came))
        assert first == {"progress": {"done": 200, "total": 3000}}
        await bob.until(lambda: len(bob.calendar) >= 200)
        rest = [json.loads(line) async for line in came]
        assert len(rest) == 15
        assert rest[-1] == {"result": {**COUNTS, "created": 3000}}
        await bob.until(lambda: len(bob.calendar) == 3000)


async def test_the_second_import_of_a_file_changes_nothing(
    server: ServerProcess, project: str, desk: Desk
) -> None:
    assert await desk.result(FILE) == {**COUNTS, "created": 2}
    async with connected(server.url, server.token("bob", project), project) as bob:
        await bob.until_synced()
        before = list(bob.updates)
        assert await desk.result(FILE) == {**COUNTS, "unchanged": 2}
        await bob.edit(lambda calendar: calendar.create(event_id="after"))
        await bob.until(lambda: len(bob.updates) > len(before))
        assert b"after" in bob.updates[len(before)], "nothing was said in between"
        assert len(bob.calendar) == 3


async def test_who_is_in_the_room_sees_what_is_imported_live_and_as_whose(
    server: ServerProcess, project: str, desk: Desk
) -> None:
    async with connected(server.url, server.token("bob", project), project) as bob:
        await bob.until_synced()
        await desk.result(FILE)
        await bob.until(lambda: len(bob.calendar) == 2)
        meeting = bob.calendar.get("m@x")
        assert (meeting.title, meeting.recurrence is not None) == ("주간 회의", True)
        assert meeting.created is not None
        assert meeting.created.by == "alice"
        assert bob.calendar.properties().name == "팀 달력"
        await bob.edit(lambda calendar: calendar.update("m@x", title="mine"))
        await bob.until(lambda: any(b"mine" in update for update in bob.updates))
        assert (await desk.result(FILE))["updated"] == 0
        assert bob.calendar.get("m@x").title == "mine"


async def test_what_is_reported_as_done_survives_a_kill(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        token = server.token("alice")
        async with site(server.port) as http:
            assert (await Desk(http, token, "demo").result(FILE))["created"] == 2
        await run_sync(server.kill)
        await run_sync(server.start)
        async with connected(server.url, token) as alice:
            await alice.until_synced()
            assert "m@x" in alice.calendar
            assert "l@x" in alice.calendar


NO_CALENDARS = [b"hello", b"\x00\xff\xfe", b"BEGIN:VCARD\r\nEND:VCARD\r\n", b"{}", b"PK\x03\x04"]


@pytest.mark.parametrize("file", NO_CALENDARS)
async def test_what_is_no_calendar_changes_nothing_and_is_said_to_be_none(
    server: ServerProcess, project: str, desk: Desk, file: bytes
) -> None:
    await desk.result(FILE)
    async with connected(server.url, server.token("bob", project), project) as bob:
        await bob.until_synced()
        before, heard = await desk.take(), len(bob.updates)
        (last,) = lines(await desk.bring(file))
        assert "no calendar in it" in last["error"]["detail"]
        assert await desk.take() == before
        assert len(bob.updates) == heard


@pytest.mark.parametrize("file", [b"", *NO_CALENDARS])
async def test_what_is_no_calendar_is_an_error(desk: Desk, file: bytes) -> None:
    (last,) = lines(await desk.bring(file))
    assert last["error"]["slug"] == "invalid-value"
    assert last["error"]["detail"].endswith(
        "give an iCalendar file (.ics), unpacked if it came in an archive"
    )


@pytest.mark.parametrize(
    ("file", "created"),
    [
        (vcalendar(), 0),
        ("begin:vcalendar\nend:vcalendar\n", 0),
        ("BEGIN:VCALENDAR\n", 0),
        (vcalendar("BEGIN:VTODO", "SUMMARY:not an event", "END:VTODO"), 0),
        (MEETING, 1),
    ],
    ids=["empty", "in lower case", "cut off", "without events", "an event alone"],
)
async def test_a_calendar_may_have_little_in_it(desk: Desk, file: str, created: int) -> None:
    assert (await desk.result(file.encode()))["created"] == created


async def test_a_command_makes_no_project_of_what_is_no_calendar(server: ServerProcess) -> None:
    name = f"project-{uuid4()}"
    bring = partial(server.admin, "import", project=name, user="ada", create="yes")
    with pytest.raises(AssertionError, match="no calendar in it"):
        await run_sync(bring, b"hello")
    projects = await run_sync(server.admin, "projects.list")
    assert name not in [project["id"] for project in projects]


async def test_a_file_with_a_broken_event_says_in_which_line(desk: Desk) -> None:
    broken = vevent("SUMMARY:broken", uid="b@x", start="DTSTART:tomorrow")
    text = vcalendar(vevent("SUMMARY:whole", uid="w@x"), broken)
    line = text.splitlines().index("DTSTART:tomorrow") + 1
    result = await desk.result(text.encode())
    assert result["created"] == 1
    assert any(told.startswith(f"line {line}: ") for told in result["problems"])
    taken = await desk.take()
    assert b"SUMMARY:whole" in taken
    assert b"SUMMARY:broken" not in taken


async def test_a_file_that_is_too_large_is_refused(desk: Desk) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield FILE
        for _ in range(MOST_BODY_BYTES >> 20):
            yield bytes(1 << 20)

    answer = await desk.bring(endless())
    assert (answer.status_code, answer.json()["slug"]) == (413, "too-large")
    assert "64 MiB at most" in answer.json()["detail"]
    assert b"VEVENT" not in await desk.take()


async def test_a_viewer_takes_files_and_brings_none(
    server: ServerProcess, project: str, desk: Desk
) -> None:
    await desk.result(FILE)
    viewer = Desk(desk.http, server.token("eve", project, "viewer"), project)
    answer = await viewer.bring(many(3))
    assert (answer.status_code, answer.json()["code"]) == (403, 4403)
    assert "editor needed" in answer.json()["detail"]
    taken = await viewer.take()
    assert taken == await desk.take()
    assert taken.count(b"BEGIN:VEVENT") == 2


async def test_a_file_taken_out_comes_in_again_as_the_same(
    server: ServerProcess, desk: Desk
) -> None:
    await desk.result(FILE)
    answer = await desk.http.get(f"{desk.path}/calendar.ics", headers=desk.headers)
    assert answer.headers["content-type"].partition(";")[0] == "text/calendar"
    name = desk.path.rpartition("/")[2]
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}.ics"'
    assert answer.headers["cache-control"] == "no-store"
    assert "X-OURS;X-P=1:kept\r\n" in answer.text
    assert await desk.result(answer.content) == {**COUNTS, "unchanged": 2}

    other = f"project-{uuid4()}"
    await run_sync(server.create, other)
    elsewhere = Desk(desk.http, server.token("alice", other), other)
    assert await elsewhere.result(answer.content) == {**COUNTS, "created": 2}
    assert stable(await elsewhere.take()) == stable(answer.content)


def stable(file: bytes) -> list[bytes]:
    """The lines of a file, without the moments at which it was written."""
    stamps = (b"DTSTAMP", b"CREATED", b"LAST-MODIFIED")
    return [line for line in file.split(b"\r\n") if not line.startswith(stamps)]


async def test_an_edit_that_was_echoed_is_in_the_file(
    server: ServerProcess, project: str, desk: Desk
) -> None:
    async with connected(server.url, server.token("bob", project), project) as bob:
        when = When(date(2026, 3, 5), date(2026, 3, 6))
        await bob.edit(lambda calendar: calendar.create(title="한글, 쉼표", when=when))
        await bob.until(lambda: any("한글".encode() in update for update in bob.updates))
        assert "SUMMARY:한글\\, 쉼표\r\n" in (await desk.take()).decode()


@pytest.mark.parametrize("operation", ["bring", "take"])
@pytest.mark.parametrize(
    ("token", "project", "status"), [("bad", "demo", 401), ("eve", "demo", 403), ("eve", "no", 404)]
)
async def test_who_may_not_enter_a_project_has_none_of_its_files(
    server: ServerProcess,
    http: httpx.AsyncClient,
    operation: str,
    token: str,
    project: str,
    status: int,
) -> None:
    credentials = server.token("eve", "elsewhere") if token == "eve" else "a.b.c"
    path = f"/api/v1/projects/{project}"
    if operation == "bring":
        answer = await http.post(f"{path}/import", headers=bearer(credentials), content=FILE)
    else:
        answer = await http.get(f"{path}/calendar.ics", headers=bearer(credentials))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_no_other_page_brings_a_file_by_the_cookie(
    server: ServerProcess, project: str, desk: Desk
) -> None:
    desk.http.cookies.set(SESSION_COOKIE, server.token("alice", project))
    for origin, status in (("https://elsewhere.example", 403), ("own", 200)):
        own = f"http://127.0.0.1:{server.port}"
        desk.headers = {"origin": own if origin == "own" else origin}
        assert (await desk.bring(FILE)).status_code == status


async def test_only_a_calendar_takes_and_gives_files(
    server: ServerProcess, http: httpx.AsyncClient
) -> None:
    name = f"lineup-{uuid4()}"
    await run_sync(lambda: server.admin("projects.create", project=name, kind="lineup"))
    desk = Desk(http, server.token("alice", name), name)
    taken = await http.get(f"{desk.path}/calendar.ics", headers=desk.headers)
    for answer in (await desk.bring(FILE), taken):
        assert (answer.status_code, answer.json()["slug"]) == (422, "invalid-value")
        assert f"{name} is a lineup" in answer.json()["detail"]
