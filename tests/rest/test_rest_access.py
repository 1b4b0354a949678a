"""Who may do what: every operation of the table, for everybody there can be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from crdt_calendar.model.conflicts import Claim, Conflict, Conflicts
from crdt_calendar.model.lineup import Lineup
from server.auth.grants import Grant, Role
from server.gateways.rest.operation import Operation
from server.gateways.rest.table import operations
from tests.rest.conftest import House, opened

pytestmark = pytest.mark.anyio

ANYBODY, KNOWN, VIEWER, EDITOR, OWNER = range(5)
RANGE = {"from": "2026-03-01", "to": "2026-03-08"}
SERIES = {
    "id": "s",
    "title": "x",
    "start": "2026-03-02T09:00:00",
    "recurrence": {"rrule": "FREQ=DAILY"},
}
FILE = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"


@dataclass(frozen=True)
class Sample:
    """The least who may, and a request that is in order."""

    least: int
    json: Any = None
    params: Any = None
    content: bytes | None = None


# An operation that is not here fails the first test.
SAMPLES = {
    "listProjects": Sample(KNOWN),
    "createProject": Sample(KNOWN, {}),  # and a token for every project; see below
    "getProject": Sample(VIEWER),
    "patchProject": Sample(EDITOR, {"color": "teal"}),
    "deleteProject": Sample(OWNER),
    "listMembers": Sample(VIEWER),
    "getMember": Sample(VIEWER),
    "putMember": Sample(OWNER, {"role": "viewer"}),
    "removeMember": Sample(OWNER),
    "listEvents": Sample(VIEWER),
    "createEvent": Sample(EDITOR, {"title": "y"}),
    "getEvent": Sample(VIEWER),
    "patchEvent": Sample(EDITOR, {"title": "y"}),
    "deleteEvent": Sample(EDITOR),
    "restoreEvent": Sample(EDITOR),
    "listInstances": Sample(VIEWER, params=RANGE),
    "listEventInstances": Sample(VIEWER, params=RANGE),
    "getInstance": Sample(VIEWER),
    "patchInstance": Sample(EDITOR, {"title": "y"}),
    "cancelInstance": Sample(EDITOR),
    "resetInstance": Sample(EDITOR),
    "patchFollowing": Sample(EDITOR, {"title": "y"}),
    "getFreeBusy": Sample(VIEWER, params=RANGE),
    "askFreeBusy": Sample(VIEWER, {**RANGE, "projects": ["{project}"]}),
    "listConflicts": Sample(VIEWER),
    "getConflict": Sample(VIEWER),
    "resolveConflict": Sample(EDITOR, {"index": 1}),
    "listPresence": Sample(VIEWER),
    "listFeeds": Sample(OWNER),
    "createFeed": Sample(OWNER, {}),
    "revokeFeed": Sample(OWNER),
    "listLineups": Sample(VIEWER),
    "createLineup": Sample(EDITOR, {"name": "y"}),
    "getLineup": Sample(VIEWER),
    "patchLineup": Sample(EDITOR, {"gbsNumber": 3}),
    "deleteLineup": Sample(EDITOR),
    "restoreLineup": Sample(EDITOR),
    "createMemo": Sample(EDITOR, {"memo": "y"}),
    "patchMemo": Sample(EDITOR, {"memo": "y"}),
    "deleteMemo": Sample(EDITOR),
    "listWebhooks": Sample(OWNER),
    "createWebhook": Sample(OWNER, {"url": "http://127.0.0.1:9/"}),
    "getWebhook": Sample(OWNER),
    "patchWebhook": Sample(OWNER, {"enabled": True}),
    "deleteWebhook": Sample(OWNER),
    "pingWebhook": Sample(OWNER),
    "listDeliveries": Sample(OWNER),
    "importCalendar": Sample(EDITOR, content=FILE),
    "exportCalendar": Sample(VIEWER),
    "showSession": Sample(KNOWN),
    "signIn": Sample(KNOWN, {"token": "{token}"}),
    "signOut": Sample(ANYBODY),
    "renewSession": Sample(OWNER + 1),  # nobody here has a token that may be renewed
    "openapi": Sample(ANYBODY),
}


@dataclass(frozen=True)
class Who:
    """Somebody: what they may do in the end, or the status by which they are refused."""

    token: Callable[[House, str], Awaitable[str]]
    rank: int
    refused: int = 403


async def nobody(house: House, project: str) -> str:
    return ""


async def expired(house: House, project: str) -> str:
    return house.service.keyring.issue("u", project, "owner", expires_seconds=-1)


async def elsewhere(house: House, project: str) -> str:
    return house.token("u", "owner", "another")


def of_role(role: str) -> Callable[[House, str], Awaitable[str]]:
    async def token(house: House, project: str) -> str:
        return house.token("u", role, project)

    return token


async def removed(house: House, project: str) -> str:
    token = house.token("u", "owner", project)
    assert (await look(house, project, token)).status_code == 200
    await house.service.store.catalog.remove_member(project, "u")
    return token


async def revoked(house: House, project: str) -> str:
    token = house.token("u", "owner", project)
    assert (await look(house, project, token)).status_code == 200
    claims = await house.service.keyring.verify(token)
    await house.service.store.catalog.revoke_token(claims.jti)
    return token


async def downgraded(house: House, project: str) -> str:
    token = house.token("u", "owner", project)
    assert (await look(house, project, token)).status_code == 200
    await house.service.store.catalog.set_member(project, "u", "viewer")
    return token


async def look(house: House, project: str, token: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"}
    return await house.http.get(f"/api/v1/projects/{project}", headers=headers)


PEOPLE = {
    "nobody": Who(nobody, ANYBODY, 401),
    "expired": Who(expired, ANYBODY, 401),
    "revoked mid-session": Who(revoked, ANYBODY, 401),
    "removed mid-session": Who(removed, KNOWN),
    "other project": Who(elsewhere, KNOWN),
    "viewer": Who(of_role("viewer"), VIEWER),
    "downgraded": Who(downgraded, VIEWER),
    "editor": Who(of_role("editor"), EDITOR),
    "owner": Who(of_role("owner"), OWNER),
}


def test_every_operation_has_an_expectation() -> None:
    assert [operation.name for operation in operations()] == list(SAMPLES)


@pytest.mark.parametrize("name", PEOPLE)
async def test_everybody_may_what_they_may_and_nothing_else(name: str, tmp_path: Path) -> None:
    who = PEOPLE[name]
    async with opened(tmp_path / "data") as house:
        await house.service.store.catalog.create_project("another")
        for operation in operations():
            is_board = "/lineups" in operation.path
            project, parts = await (board(house) if is_board else furnished(house))
            token = await who.token(house, project)
            before = await state(house, project)
            answer = await request(house, operation, token, {"project": project, **parts})
            sample = SAMPLES[operation.name]
            message = f"{operation.name} by {name}: {answer.status_code} {answer.text[:200]}"
            if who.rank < sample.least or operation.name == "createProject":
                wanted = who.refused
                if operation.name == "signIn" and not token:
                    wanted = 422  # it says no token
                assert answer.status_code == wanted, message
                assert answer.headers["content-type"] == "application/problem+json"
                assert await state(house, project) == before, message
            else:
                assert answer.status_code < 300, message


async def furnished(house: House) -> tuple[str, dict[str, str]]:
    """A project with something of everything, and what the parts of addresses are there."""
    project = await house.project()
    owner = house.person("olga", "owner", project)
    await house.service.store.catalog.set_member(project, "olga", "owner")
    await house.service.store.catalog.set_member(project, "vera", "viewer")
    await owner.event(**SERIES)
    hook = await owner.send("POST", "/webhooks", {"url": "http://127.0.0.1:9/"}, status=201)
    feed = await owner.send("POST", "/feeds", {}, status=201)
    conflict = Conflict("c", "s", "title", (Claim("x", "a"), Claim("y", "b")), 0)
    async with house.service.registry.room(project) as room:
        grant = Grant("olga", project, Role.OWNER)
        await room.edit_as(Conflicts.on, grant, lambda conflicts: conflicts.record(conflict))
    return project, {
        "event": "s",
        "instance": "2026-03-03T09:00:00",
        "user": "vera",
        "conflict": "c",
        "webhook": hook["id"],
        "feed": feed["id"],
    }


async def board(house: House) -> tuple[str, dict[str, str]]:
    """The same for a line-up board."""
    project = await house.project(kind="lineup")
    grant = Grant("olga", project, Role.OWNER)
    async with house.service.registry.room(project) as room:
        await room.edit_as(Lineup, grant, lambda lineup: lineup.create(lineup_id="l"))
        await room.edit_as(Lineup, grant, lambda lineup: lineup.add_memo("l", "x", memo_id="m"))
    return project, {"lineup": "l", "memo": "m"}


async def request(
    house: House, operation: Operation, token: str, parts: dict[str, str]
) -> httpx.Response:
    """The operation's sample."""
    sample = SAMPLES[operation.name]
    path = operation.path.format(**{name: quote(text, safe="") for name, text in parts.items()})
    words: dict[str, Any] = {"params": sample.params}
    if sample.json is not None:
        words["json"] = filled(sample.json, {**parts, "token": token})
    if sample.content is not None:
        words["content"] = sample.content
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return await house.http.request(operation.method, f"/api/v1{path}", headers=headers, **words)


def filled(json: Any, parts: dict[str, str]) -> Any:
    texts = {f"{{{name}}}": text for name, text in parts.items()}
    if isinstance(json, dict):
        return {key: filled(value, parts) for key, value in json.items()}
    if isinstance(json, list):
        return [filled(value, parts) for value in json]
    return (texts.get(json) or None) if json in texts else json


async def state(house: House, project: str) -> Any:
    """All that an operation could change."""
    store = house.service.store
    async with house.service.registry.room(project) as room:
        document = (await room.view(lambda calendar: room.encode())).value
    hooks = [(hook.id, hook.disabled) for hook in await store.webhooks.of(project)]
    members = [(one.user, one.role) for one in await store.catalog.members(project)]
    projects = len(await store.catalog.projects())
    return document, hooks, await store.feeds.of(project), members, projects


async def test_only_who_owns_every_project_may_make_one(house: House) -> None:
    for role, status in (("viewer", 403), ("editor", 403), ("owner", 201)):
        person = house.person("una", role, "*")
        made = await person.send("POST", "/api/v1/projects", {"name": "New"}, status=status)
    assert (made["name"], made["role"]) == ("New", "owner")
    await house.person("una", "viewer", made["id"]).get()  # the token is newer than the row
    members = (await person.get(f"/api/v1/projects/{made['id']}/members"))["items"]
    assert [(one["user"], one["role"]) for one in members] == [("una", "owner")]
