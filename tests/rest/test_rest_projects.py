"""Projects and members over REST."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.rest.conftest import House, Person
from tests.support.client import connected
from tests.support.server import HOST, running

pytestmark = pytest.mark.anyio

PROJECTS = "/api/v1/projects"


@pytest.fixture
def founder(house: House) -> Person:
    """Somebody with a token for an owner of every project."""
    return house.person("fay", "owner", "*")


async def test_a_project_is_made_read_changed_and_deleted(house: House, founder: Person) -> None:
    words = {"id": "team", "name": "팀 달력", "timezone": "Asia/Seoul"}
    answer = await founder.ask("POST", PROJECTS, json=words)
    assert (answer.status_code, answer.headers["location"]) == (201, f"{PROJECTS}/team")
    team = house.person("fay", "owner", "team")
    made = await team.get()
    assert answer.json() == made
    assert {key: made[key] for key in words} == words
    assert (made["kind"], made["role"], made["conflictStrategy"]) == ("calendar", "owner", "")

    change = {"color": "teal", "timezone": None, "conflictStrategy": "manual", "name": "Team"}
    changed = await team.send("PATCH", "", change)
    assert (changed["color"], changed["timezone"], changed["name"]) == ("teal", "", "Team")
    listed = (await founder.get(PROJECTS))["items"]
    assert listed == [{"id": "team", "name": "Team", "kind": "calendar", "role": "owner"}]

    await team.event(id="e", title="a")
    await team.send("DELETE", status=204)
    await team.get(status=404)
    await founder.send("POST", PROJECTS, {"id": "team"}, status=201)
    assert (await team.get("/events"))["items"] == []  # another project of that name


async def test_what_is_wrong_with_a_project_is_said_before_it_is_made(founder: Person) -> None:
    await founder.send("POST", PROJECTS, {"id": "taken"}, status=201)
    for words, status in (
        ({"id": "taken"}, 409),
        ({"id": "../etc"}, 422),
        ({"id": "new", "timezone": "Mars"}, 422),
        ({"id": "new", "conflictStrategy": "luck"}, 422),
        ({"id": "new", "kind": "castle"}, 422),
        ({"id": "new", "kind": "lineup", "color": "red"}, 422),
        ({"id": "new", "owner": "me"}, 422),
    ):
        await founder.send("POST", PROJECTS, words, status=status)
    assert [one["id"] for one in (await founder.get(PROJECTS))["items"]] == ["taken"]


async def test_a_project_that_is_no_calendar_has_no_events(house: House, founder: Person) -> None:
    await founder.send("POST", PROJECTS, {"id": "board", "kind": "lineup"}, status=201)
    board = house.person("fay", "owner", "board")
    assert (await board.get())["kind"] == "lineup"
    assert (await board.get("/members"))["items"][0]["user"] == "fay"
    refused = await board.get("/events", status=422)
    assert refused["field"] == "project"


async def test_a_list_shows_the_projects_one_may_enter(house: House) -> None:
    first, second = sorted([await house.project(), await house.project()])
    await house.project()
    person = house.person("vic", "viewer", first)
    await house.service.store.catalog.set_member(second, "vic", "editor")
    items = (await person.get(PROJECTS))["items"]
    assert [(one["id"], one["role"]) for one in items] == [(first, "viewer"), (second, "editor")]
    page = await person.get(PROJECTS, limit=1)
    assert page["items"] == items[:1]
    rest = await person.get(PROJECTS, limit=1, cursor=page["next"])
    assert (rest["items"], rest["next"]) == (items[1:], None)


async def test_a_property_is_not_written_over_unseen(owner: Person) -> None:
    tag = (await owner.ask("GET")).headers["etag"]
    await owner.send("PATCH", "", {"name": "A"}, If_Match=tag)
    await owner.send("PATCH", "", {"name": "B"}, status=412, If_Match=tag)
    assert (await owner.get())["name"] == "A"


async def test_members_come_change_and_go(house: House, owner: Person) -> None:
    body = {"role": "editor", "name": "Émile"}
    made = await owner.send("PUT", "/members/emil%40x", body, status=201)
    assert (made["user"], made["role"], made["name"]) == ("emil@x", "editor", "Émile")
    assert (await owner.send("PUT", "/members/emil%40x", {"role": "viewer"}))["name"] == "Émile"
    assert (await owner.get("/members"))["items"][0]["role"] == "viewer"
    await owner.send("DELETE", "/members/emil%40x", status=204)
    await owner.send("DELETE", "/members/emil%40x", status=404)
    await owner.get("/members/emil%40x", status=404)
    assert (await owner.get("/members"))["items"] == []
    await owner.send("PUT", "/members/x", {"role": "king"}, status=422)
    await owner.send("PUT", "/members/%07", {"role": "viewer"}, status=422)


async def test_a_project_keeps_an_owner(owner: Person) -> None:
    await owner.send("PUT", "/members/olga", {"role": "owner"}, status=201)
    await owner.send("PUT", "/members/olga", {"role": "viewer"}, status=409)
    await owner.send("DELETE", "/members/olga", status=409)
    await owner.send("PUT", "/members/otto", {"role": "owner"}, status=201)
    await owner.send("DELETE", "/members/olga", status=204)
    await owner.get(status=403)


async def test_who_is_removed_or_whose_project_is_gone_is_out(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        server.create("team")
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{server.port}") as http:
            owner = Person(http, server.token("olga", "team", "owner"), "team")
            await owner.send("PUT", "/members/yves", {"role": "viewer"}, status=201)
            for path, code in (("/members/yves", 4403), ("", 4404)):
                user = "yves" if path else "zoe"
                async with connected(server.url, server.token(user, "team"), "team") as client:
                    await client.until_synced()
                    await owner.send("DELETE", path, status=204)
                    assert (await client.until_closed())[0] == code
