"""Who may ask what: every field of the schema for everybody, and what changes while they ask."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
import pytest
from anyio.to_thread import run_sync
from graphql import GraphQLObjectType, build_schema

from server.auth.middleware import SESSION_COOKIE
from tests.graphql.conftest import FRIEND
from tests.graphql.rig import Failed, Line, Operation, Person, connected, person, socket
from tests.graphql.test_graphql_schema import PRINTED
from tests.support.server import HOST, ServerProcess

pytestmark = pytest.mark.anyio

WEEK = 'from: "2026-03-02T00:00:00Z", to: "2026-03-09T00:00:00Z"'
FIRST = 'recurrenceId: "2026-03-02T09:00:00"'
EVENT = 'eventId: "daily"'

# What to ask of each field, beside the project; who may; and what they get, if not an answer.
ANYBODY, MEMBERS, EDITORS = "whoever is known", "who may enter", "who may edit"
FIELDS: dict[str, tuple[str, str, str]] = {
    "Query.projects": (ANYBODY, "", "{ id }"),
    "Query.project": (MEMBERS, "", "{ id calendar { name } }"),
    "Query.event": (MEMBERS, EVENT, "{ id }"),
    "Query.events": (MEMBERS, "", "{ next }"),
    "Query.instances": (MEMBERS, WEEK, "{ next }"),
    "Query.conflicts": (MEMBERS, "", "{ next }"),
    "Query.presence": (MEMBERS, "", "{ id }"),
    "Query.members": (MEMBERS, "", "{ id }"),
    "Mutation.createEvent": (EDITORS, 'input: {title: "x"}', "{ id }"),
    "Mutation.updateEvent": (EDITORS, f'{EVENT}, input: {{title: "x"}}', "{ id }"),
    "Mutation.deleteEvent": (EDITORS, EVENT, "{ id }"),
    "Mutation.restoreEvent": (EDITORS, EVENT, "{ id }"),
    "Mutation.overrideInstance": (EDITORS, f'{EVENT}, {FIRST}, input: {{title: "x"}}', "{ id }"),
    "Mutation.cancelInstance": (EDITORS, f"{EVENT}, {FIRST}", "{ id }"),
    "Mutation.resetInstance": (EDITORS, f"{EVENT}, {FIRST}", "{ id }"),
    "Mutation.updateFollowing": (
        EDITORS,
        f'{EVENT}, {FIRST}, input: {{title: "x"}}',
        "{ event { id } }",
    ),
    "Mutation.resolveConflict": (EDITORS, 'conflictId: "none", index: 0', "{ id }"),
    "Mutation.updateCalendar": (EDITORS, 'input: {name: "x"}', "{ id }"),
    "Subscription.projectEvents": (MEMBERS, "", "{ position }"),
    "Subscription.conflicts": (MEMBERS, "", "{ position }"),
    "Subscription.eventsInRange": (MEMBERS, WEEK, "{ position }"),
    "Subscription.presence": (MEMBERS, "", "{ reset }"),
}
# There is no such conflict: who may decide one is told so, and who may not is not.
GRANTED = {"Mutation.resolveConflict": "no-such-conflict"}

KNOWN = {ANYBODY: "", MEMBERS: "forbidden", EDITORS: "forbidden"}
READS = {ANYBODY: "", MEMBERS: "", EDITORS: "forbidden"}
EDITS = {ANYBODY: "", MEMBERS: "", EDITORS: ""}
NOTHING = dict.fromkeys(EDITS, "unauthenticated")
PEOPLE: dict[str, dict[str, str]] = {
    "nobody": NOTHING,
    "expired": NOTHING,
    "other project": KNOWN,
    "viewer": READS,
    "editor": EDITS,
    "owner": EDITS,
    "removed mid-session": KNOWN,
    "token revoked mid-session": NOTHING,
    "downgraded mid-session": READS,
}


def test_there_is_an_expectation_for_every_field() -> None:
    schema = build_schema(PRINTED.read_text())
    roots = [schema.query_type, schema.mutation_type, schema.subscription_type]
    fields = {
        f"{root.name}.{field}"
        for root in roots
        if isinstance(root, GraphQLObjectType)
        for field in root.fields
    }
    assert fields == FIELDS.keys()


def written(field: str, project: str) -> str:
    """The operation that asks for a field."""
    root, _, name = field.partition(".")
    _, arguments, selection = FIELDS[field]
    if field != "Query.projects":
        arguments = f'(projectId: "{project}", {arguments})'
    return f"{root.lower()} {{ {name}{arguments} {selection} }}"


def outcome(who: str, field: str) -> str:
    """The code of the refusal; empty for an answer."""
    return PEOPLE[who][FIELDS[field][0]] or GRANTED.get(field, "")


def token_of(server: ServerProcess, who: str, project: str) -> str | None:
    """What they have to show before anything happens to it."""
    if who == "nobody":
        return None
    elsewhere = project if who != "other project" else "another"
    role = who if who in ("viewer", "owner") else "editor"
    expires = -1.0 if who == "expired" else None
    return server.token("mia", elsewhere, role, expires_seconds=expires)


async def befall(server: ServerProcess, who: str, project: str, token: str) -> None:
    """What happens to some of them while they are connected."""
    if who == "removed mid-session":
        await admin(server, "members.remove", project=project, user="mia")
    elif who == "downgraded mid-session":
        await admin(server, "members.add", project=project, user="mia", role="viewer")
    elif who == "token revoked mid-session":
        await run_sync(partial(server.admin, "tokens.revoke", token.encode()))


async def admin(server: ServerProcess, operation: str, **words: str) -> None:
    await run_sync(partial(server.admin, operation, b"", **words))


@pytest.fixture
async def owner(server: ServerProcess, project: str) -> AsyncIterator[Person]:
    """Somebody who has made a series in the project."""
    async with person(server, server.token("olga", project, "owner")) as owner:
        series = '{start: "2026-03-01T09:00:00Z", recurrence: {rrule: "FREQ=DAILY"}}'
        create = f'createEvent(projectId: "{project}", eventId: "daily", input: {series})'
        await owner.ask(f"mutation {{ {create} {{ id }} }}")
        yield owner


@pytest.mark.parametrize("who", PEOPLE)
async def test_over_http_everybody_gets_what_they_may(
    server: ServerProcess, project: str, owner: Person, who: str
) -> None:
    token = token_of(server, who, project)
    async with person(server, token) as mia:
        await befall(server, who, project, token or "")
        got = {}
        for field in FIELDS:
            if not field.startswith("Subscription."):
                got[field] = await code_of(mia.ask(written(field, project)))
        assert got == {field: outcome(who, field) for field in got}


@pytest.mark.parametrize("who", PEOPLE)
async def test_over_a_socket_everybody_gets_what_they_may(
    server: ServerProcess, project: str, owner: Person, who: str
) -> None:
    token = token_of(server, who, project)
    got = {}
    for field in FIELDS:
        async with session(server, token) as mia:
            if mia is not None and "mid-session" in who:
                await code_of(mia.ask("{ projects { id } }"))
            got[field] = await asked(server, mia, field, who, project, token or "")
        if "mid-session" in who:
            token = token_of(server, who, project)
            await admin(server, "members.add", project=project, user="mia", role="editor")
    assert got == {field: outcome(who, field) for field in FIELDS}


async def asked(
    server: ServerProcess, mia: Line | None, field: str, who: str, project: str, token: str
) -> str:
    """What becomes of a question, or of a subscription that runs already."""
    if mia is None:
        return "unauthenticated"
    query = written(field, project)
    if not field.startswith("Subscription.") or "mid-session" not in who:
        await befall(server, who, project, token)
        return await code_of(mia.ask(query))
    operation = await mia.subscribe(query)
    await operation.next()
    await befall(server, who, project, token)
    if not outcome(who, field):
        await mia.ask("{ projects { id } }")
        return "over" if operation.over else ""
    with anyio.fail_after(1.0):  # permission is live: within a second
        return await code_of(operation.next())


@asynccontextmanager
async def session(server: ServerProcess, token: str | None) -> AsyncIterator[Line | None]:
    """A socket of theirs; None if they are not let in, which they are told by 4401."""
    async with socket(server) as line:
        await line.init(**({"token": token} if token else {}))
        await line.until(lambda: line.acknowledged or line.closed)
        if line.closed is not None:
            assert line.closed[0] == 4401
        yield None if line.closed else line


async def code_of(asking: Any) -> str:
    """The code of a refusal; empty for an answer."""
    try:
        await asking
    except Failed as failed:
        return {"4401": "unauthenticated"}.get(failed.code[1:5], failed.code)
    return ""


# How people say who they are


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
async def test_connection_init_may_carry_what_a_header_would(
    server: ServerProcess, project: str, name: str
) -> None:
    async with socket(server) as line:
        await line.init(**{name: f"Bearer {server.token('mia', project)}"})
        assert (await line.ask(f'{{ project(projectId: "{project}") {{ id }} }}'))["project"]


async def test_the_upgrade_may_carry_the_token_and_connection_init_comes_before_it(
    server: ServerProcess, project: str
) -> None:
    token = server.token("mia", project)
    query = f'{{ project(projectId: "{project}") {{ role }} }}'
    cookie = f"{SESSION_COOKIE}={token}"
    own = f"http://{HOST}:{server.port}"
    for line_of in (
        socket(server, token=token),
        socket(server, query=f"?token={token}"),
        socket(server, protocols=(f"yauth-{token}", "graphql-transport-ws")),
        socket(server, cookie=cookie, origin=own),
    ):
        async with line_of as line:
            await line.init()
            assert (await line.ask(query))["project"]["role"] == "editor"
            assert line.socket.subprotocol == "graphql-transport-ws"
    async with socket(server, token="of nobody") as line:
        await line.init(token=server.token("mia", project, "viewer"))
        assert (await line.ask(query))["project"]["role"] == "viewer"


async def test_pages_of_other_origins_may_not_use_the_cookie(
    server: ServerProcess, project: str
) -> None:
    token = server.token("mia", project)
    cookie, own = f"{SESSION_COOKIE}={token}", f"http://{HOST}:{server.port}"
    body = {"query": "{ projects { id } }"}
    async with person(server, None) as mia:
        assert (await mia.post(body, cookie=cookie, origin=own)).status_code == 200
        assert (await mia.post(body, cookie=cookie)).status_code == 403
        foreign = await mia.post(body, cookie=cookie, origin="https://elsewhere.example")
        assert foreign.status_code == 403
        assert foreign.json()["errors"][0]["extensions"]["code"] == "forbidden"
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
            # What a form can send without asking first is not read at all.
            simple = await mia.post(body, cookie=cookie, origin=own, **{"content-type": kind})
            assert simple.status_code == 415
        bearer = {"authorization": f"Bearer {token}"}
        assert (await mia.post(body, origin=FRIEND, **bearer)).status_code == 200
    async with socket(server, cookie=cookie, origin="https://elsewhere.example") as line:
        assert (await line.until_closed())[0] == 4403
    async with socket(server, token=token, origin=FRIEND) as line:
        await line.init()
        await line.until(lambda: line.acknowledged)


async def test_a_page_of_somebody_else_is_not_served_by_their_cookie(
    server: ServerProcess, project: str
) -> None:
    cookie = f"{SESSION_COOKIE}={server.token('mia', project)}"
    own = f"http://{HOST}:{server.port}"
    async with socket(server, cookie=cookie, origin=own, query="?user=nora") as line:
        await line.init()
        assert (await line.until_closed())[0] == 4401


# While they are connected


async def follow(line: Line, project: str) -> Operation:
    operation = await line.subscribe(written("Subscription.projectEvents", project))
    await operation.next()
    return operation


async def test_a_token_that_expires_ends_its_socket(server: ServerProcess, project: str) -> None:
    begun = time.monotonic()
    token = server.token("mia", project, expires_seconds=2.0)
    async with connected(server, token) as idle, connected(server, token) as line:
        await follow(line, project)
        for one in (idle, line):
            assert (await one.until_closed())[0] == 4401
        assert time.monotonic() - begun < 4.0


async def test_who_is_removed_keeps_what_they_have_elsewhere(
    server: ServerProcess, project: str, owner: Person
) -> None:
    other = f"{project}-2"
    server.create(other)
    async with connected(server, server.token("mia", "*")) as line:
        here, there = await follow(line, project), await follow(line, other)
        await befall(server, "removed mid-session", project, "")
        await here.until(lambda: here.errors)
        assert here.errors is not None
        assert here.errors[0]["extensions"] == {"code": "forbidden", "status": 403}
        assert there.errors is None
        create = f'mutation {{ createEvent(projectId: "{other}", input: {{}}) {{ id }} }}'
        await line.ask(create)
        assert await there.next()


async def test_who_is_removed_hears_nothing_that_comes_after(
    server: ServerProcess, project: str, owner: Person
) -> None:
    async with connected(server, server.token("mia", project)) as line:
        operation = await follow(line, project)
        await befall(server, "removed mid-session", project, "")
        await owner.ask(written("Mutation.createEvent", project))
        await operation.until(lambda: operation.over)
        assert operation.heard == []


async def test_a_server_that_stops_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    from tests.support.server import running

    with running(tmp_path_factory.mktemp("stopping") / "data") as server:
        token = server.token("mia", "demo")
        async with connected(server, token) as idle, connected(server, token) as line:
            await follow(line, "demo")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(run_sync, server.terminate)
                for one in (line, idle):
                    assert (await one.until_closed())[0] == 1012
