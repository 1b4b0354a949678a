"""Feeds: a file for whoever has the link, and of the busy kind nothing but times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.gateways.feeds import window
from tests.rest.conftest import House, Person
from tests.support.server import HOST, running

pytestmark = pytest.mark.anyio

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
# Every text there can be in an event; none of them may be in a busy feed.
SECRET_TEXTS: dict[str, Any] = {
    "id": "uid-4711@example.org",
    "title": "Takeover of Initech",
    "description": "Nobody may know 비밀",
    "location": "Room Mordor",
    "url": "https://example.org/secret",
    "color": "rebeccapurple",
    "visibility": "confidential",
    "attendees": [{"address": "bob@example.org", "name": "Bob Builder", "status": "accepted"}],
    "alarms": [{"id": "wakeup", "before": 4242}],
}


async def link(owner: Person, **words: Any) -> Any:
    return await owner.send("POST", "/feeds", words, status=201)


async def take(owner: Person, feed: Any, **headers: str) -> httpx.Response:
    """The file, by somebody without any credentials."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await owner.http.get(feed["path"], headers=named)


async def test_a_link_shows_the_calendar_to_whoever_has_it(owner: Person) -> None:
    await owner.event(title="회의", start=f"{TOMORROW}T09:00:00Z")
    feed = await link(owner)
    answer = await take(owner, feed)
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert "SUMMARY:회의" in answer.text
    exported = await owner.ask("GET", "/calendar.ics")
    assert exported.content == answer.content


async def test_a_feed_is_sent_once_and_again_when_it_has_changed(owner: Person) -> None:
    await owner.event(id="e", title="a", start=f"{TOMORROW}T09:00:00Z")
    for words in ({"busyOnly": False}, {"busyOnly": True}):
        feed = await link(owner, **words)
        tag = (await take(owner, feed)).headers["etag"]
        same = await take(owner, feed, If_None_Match=tag)
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        await owner.send("PATCH", "/events/e", {"title": f"new {words}"})
        after = await take(owner, feed, If_None_Match=tag)
        assert after.status_code == (304 if words["busyOnly"] else 200)
        later = "10:00" if words["busyOnly"] else "11:00"
        await owner.send("PATCH", "/events/e", {"start": f"{TOMORROW}T{later}:00Z"})
        assert (await take(owner, feed, If_None_Match=tag)).status_code == 200


async def test_when_a_feed_has_changed_is_told_in_whole_seconds(
    house: House, owner: Person
) -> None:
    await owner.event(title="a", start=f"{TOMORROW}T09:00:00Z")
    feed = await link(owner)
    # As if that had been written a while ago: a time of this second says nothing.
    await house.service.store.answers._writer.write(
        lambda connection: connection.execute("UPDATE updates SET at_ms = at_ms - 10000")
    )
    answer = await take(owner, feed)
    since = answer.headers["last-modified"]
    assert (await take(owner, feed, If_Modified_Since=since)).status_code == 304
    old = "Thu, 01 Jan 2026 00:00:00 GMT"
    assert (await take(owner, feed, If_Modified_Since=old)).status_code == 200
    assert (await take(owner, feed, If_Modified_Since="yesterday")).status_code == 200
    busy = await take(owner, await link(owner, busyOnly=True))
    assert "last-modified" not in busy.headers


async def test_a_revoked_link_opens_nothing(house: House, owner: Person) -> None:
    kept, revoked = await link(owner), await link(owner)
    await owner.send("DELETE", f"/feeds/{revoked['id']}", status=204)
    assert (await take(owner, revoked)).status_code == 404
    assert (await take(owner, kept)).status_code == 200
    listed = (await owner.get("/feeds"))["items"]
    assert [one["id"] for one in listed] == [kept["id"]]
    assert "path" not in listed[0]
    other = await house.project()
    elsewhere = kept["path"].replace(owner.project, other)
    assert (await owner.http.get(elsewhere)).status_code == 404
    for secret in ("", "x", "%00"):
        path = f"{owner.base}/calendar.ics?feed={secret}"
        assert (await owner.http.get(path)).status_code == 404
    await owner.send("DELETE", status=204)
    assert (await take(owner, kept)).status_code == 404


async def test_a_busy_feed_reveals_times_and_nothing_else(owner: Person) -> None:
    start = f"{TOMORROW}T09:00:00"
    repeats = {"rrule": "FREQ=DAILY;COUNT=3"}
    await owner.send("PATCH", "", {"name": "Project Zeus", "timezone": "Asia/Seoul"})
    await owner.event(**SECRET_TEXTS, start=start, timeZone="Asia/Seoul", recurrence=repeats)
    path = f"/events/{SECRET_TEXTS['id']}/instances/{start}"
    await owner.send("PATCH", path, {"title": "Override thing"})
    await owner.event(id="hidden", title="Called off", start=start, status="cancelled")
    await owner.event(id="maybe", title="Maybe", start=f"{TOMORROW}T20:00:00Z", status="tentative")
    feed = await link(owner, busyOnly=True)
    answer = await take(owner, feed)
    lines = answer.text.replace("\r\n ", "").splitlines()
    spans = [line for line in lines if line.startswith("DTSTART")]
    first = datetime.fromisoformat(f"{TOMORROW}T00:00:00+00:00")
    assert len(spans) == 4  # three mornings, and what is tentative
    assert spans[0] == f"DTSTART:{first:%Y%m%dT%H%M%SZ}"
    assert lines.count("STATUS:TENTATIVE") == 1

    document = await texts(owner)
    assert {"Takeover of Initech", "uid-4711@example.org", "bob@example.org", "olga"} <= document
    for text in document:
        if len(text) > 2:
            assert text not in answer.text, text
            assert text not in str(answer.headers), text
    kinds = {line.partition(":")[0] for line in lines}
    assert kinds == {
        *("BEGIN", "END", "VERSION", "PRODID", "CALSCALE"),
        *("UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "STATUS", "TRANSP"),
    }
    other = await take(owner, await link(owner, busyOnly=True))
    uids = [set(re.findall("UID:(.*)", file.text)) for file in (answer, other)]
    assert uids[0] & uids[1] == set()
    assert len(uids[0]) == 4


async def texts(owner: Person) -> set[str]:
    """Every string anywhere in the project, but for times."""
    found: set[str] = set()

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                collect(item)
                found.add(key if "@" in key else "")
        elif isinstance(value, list):
            for item in value:
                collect(item)
        elif isinstance(value, str):
            found.update({value, *value.split()})

    for path in ("/events", "/members", ""):
        collect(await owner.get(path))
    public = {"calendar", "confirmed", "tentative", "cancelled", "owner", "accepted"}
    return {text for text in found - public if not re.match(r"\d{4}-", text)}


def test_a_busy_feed_changes_by_itself_once_a_month() -> None:
    days = [datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=day) for day in range(365)]
    assert len({window(day) for day in days}) == 12
    for day in days:
        start, end = window(day)
        assert start <= day - timedelta(days=31) and end >= day + timedelta(days=300)


async def test_no_secret_is_in_a_log(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        server.create("team")
        url = f"http://{HOST}:{server.port}"
        async with httpx.AsyncClient(base_url=url, timeout=20) as http:
            owner = Person(http, server.token("olga", "team", "owner"), "team")
            feed = await link(owner)
            secret = feed["path"].partition("feed=")[2]
            assert (await http.get(feed["path"])).status_code == 200
            assert (await http.get(feed["path"].replace("team", "other"))).status_code == 404
            server.terminate()
        assert "calendar.ics" in server.said()
        assert secret not in server.said()
        database = (server.data / "calendar.db").read_bytes()
        assert secret.encode() not in database
