"""Subscriptions: what is told, in which order, and from where."""

from __future__ import annotations

import json
from functools import partial
from itertools import pairwise
from typing import Any

import anyio
import pytest

from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.when import When
from tests.graphql.rig import Failed, Line, Operation, Person, connected
from tests.support.client import Client
from tests.support.client import connected as yjs
from tests.support.server import ServerProcess

pytestmark = pytest.mark.anyio

FOLLOW = """
  subscription ($p: ID!, $since: SafeInt) {
    projectEvents(projectId: $p, since: $since) {
      position resync authors
      calendar { name timezone }
      changes { kind key eventId fields by event { id title version startDate deletedAt } }
    }
  }
"""
RANGE = """
  subscription ($p: ID!, $from: String!, $to: String!, $zone: String) {
    eventsInRange(projectId: $p, from: $from, to: $to, timeZone: $zone) {
      position reset left
      entered { id eventId recurrenceId title startDate }
      changed { id title startDate version }
    }
  }
"""
PRESENCE = """
  subscription ($p: ID!, $show: JSON) {
    presence(projectId: $p, show: $show) { reset left present { id userId name state } }
  }
"""
CONFLICTS = """
  subscription ($p: ID!, $since: SafeInt) {
    conflicts(projectId: $p, since: $since) {
      position resync conflicts { conflictId eventId field state stands values { value by } }
    }
  }
"""
UPDATE = """
  mutation ($p: ID!, $e: ID!, $input: EventInput!) {
    updateEvent(projectId: $p, eventId: $e, input: $input) { id title version }
  }
"""
CREATE = """
  mutation ($p: ID!, $e: ID, $input: EventInput!) {
    createEvent(projectId: $p, eventId: $e, input: $input) { id title version }
  }
"""
WEEK = {"from": "2026-03-02T00:00:00Z", "to": "2026-03-09T00:00:00Z"}


async def follow(line: Line, project: str, since: int | None = None) -> Operation:
    """A subscription that has had its first answer, unless it came with something to tell."""
    operation = await line.subscribe(FOLLOW, p=project, since=since)
    if since is None:
        first = (await operation.next())["projectEvents"]
        assert (first["changes"], first["resync"]) == ([], False)
    return operation


async def news(operation: Operation) -> dict[str, Any]:
    """The next answer of a subscription with one field."""
    (found,) = (await operation.next()).values()
    assert isinstance(found, dict)
    return found


async def test_a_yjs_edit_is_told_with_who_made_it_and_what_it_wrote(
    server: ServerProcess, project: str, line: Line
) -> None:
    following = await follow(line, project)
    async with yjs(server.url, server.token("yuna", project), project) as yuna:
        await yuna.until_synced()
        await yuna.edit(partial(Calendar.create, event_id="a/b", title="회의"))
        told = await news(following)
        (change,) = told["changes"]
        assert (change["kind"], change["key"], change["eventId"]) == (
            "CREATED",
            f"{project}/a/b",
            "a/b",
        )
        assert (change["by"], told["authors"]) == ("yuna", ["yuna"])
        assert change["event"]["id"] == change["key"]
        await yuna.edit(lambda calendar: calendar.update("a/b", location="4F"))
        told = await news(following)
        assert [(one["kind"], one["fields"]) for one in told["changes"]] == [
            ("UPDATED", ["location"])
        ]
        await yuna.edit(lambda calendar: calendar.delete("a/b"))
        assert (await news(following))["changes"][0]["event"]["deletedAt"]
        await yuna.edit(lambda calendar: calendar.restore("a/b"))
        assert (await news(following))["changes"][0]["kind"] == "RESTORED"
        await yuna.edit(lambda calendar: calendar.set_properties(name="팀"))
        assert (await news(following))["calendar"] == {"name": "팀", "timezone": ""}
        await yuna.edit(lambda calendar: calendar._events.__delitem__("a/b"))
        (change,) = (await news(following))["changes"]
        assert (change["kind"], change["event"]) == ("DELETED", None)


async def test_an_edit_through_graphql_is_seen_by_a_yjs_client(
    server: ServerProcess, project: str, alice: Person
) -> None:
    async with yjs(server.url, server.token("yuna", project), project) as yuna:
        await yuna.until_synced()
        words = {"title": "점심", "start": "2026-03-02T12:00:00", "timeZone": "Asia/Seoul"}
        await alice.ask(CREATE, p=project, e="lunch", input=words)
        await yuna.until(lambda: "lunch" in yuna.calendar)
        event = yuna.calendar.get("lunch")
        assert (event.title, event.created and event.created.by) == ("점심", "alice")
        assert event.when == When.from_value(
            {"start": "2026-03-02T12:00:00", "end": "2026-03-02T13:00:00", "tz": "Asia/Seoul"}
        )


async def test_it_goes_on_from_a_position_without_a_gap_or_a_repeat(
    server: ServerProcess, project: str, line: Line, alice: Person
) -> None:
    following = await follow(line, project)
    for number in range(3):
        await alice.ask(CREATE, p=project, e=f"e{number}", input={})
    seen = [await news(following) for _ in range(3)]
    assert [one["changes"][0]["eventId"] for one in seen] == ["e0", "e1", "e2"]
    positions = [one["position"] for one in seen]
    assert positions == sorted(set(positions))
    await following.stop()
    again = await follow(line, project, since=positions[0])
    assert [(await news(again))["changes"][0]["eventId"] for _ in range(2)] == ["e1", "e2"]
    await alice.ask(CREATE, p=project, e="e3", input={})
    assert (await news(again))["changes"][0]["eventId"] == "e3"
    # Who has everything is told so at once.
    latest = await follow(line, project, since=positions[2])
    assert (await news(latest))["changes"][0]["eventId"] == "e3"


async def test_a_position_that_nobody_has_reached_asks_for_a_new_beginning(
    project: str, line: Line, alice: Person
) -> None:
    ahead = await follow(line, project, since=10**9)
    assert (await news(ahead))["resync"]
    assert (await news(ahead))["changes"] == []  # now it is where the project is
    await alice.ask(CREATE, p=project, e="new", input={})
    assert (await news(ahead))["changes"][0]["eventId"] == "new"
    with pytest.raises(Failed) as refused:
        await news(await follow(line, project, since=-1))
    assert (refused.value.code, refused.value.field) == ("invalid-value", "since")


async def test_what_one_socket_is_told_never_goes_back(
    server: ServerProcess, project: str, line: Line
) -> None:
    """Neither answers nor news, however many people write the same event at once."""
    await line.ask(CREATE, p=project, e="busy", input={"title": "0"})
    for _ in range(5):
        await follow(line, project)
    async with yjs(server.url, server.token("yuna", project), project) as yuna:
        await yuna.until_synced()
        await yuna.until(lambda: "busy" in yuna.calendar)

        async def write() -> None:
            for number in range(30):
                zone = "Asia/Seoul" if number % 2 else "Europe/Berlin"

                def change(calendar: Calendar, zone: str = zone, number: int = number) -> None:
                    calendar.update("busy", location=str(number))
                    calendar.set_properties(timezone=zone)

                await yuna.edit(change)
                await anyio.sleep(0.001)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            for number in range(30):
                words = {"p": project, "e": "busy", "input": {"title": str(number)}}
                tasks.start_soon(partial(line.ask, UPDATE, **words))
                await anyio.sleep(0.004)
    told = list(versions(line, project))
    back = [(one, two) for one, two in pairwise(told) if two < one]
    assert back == []


def versions(line: Line, project: str) -> Any:
    """The versions of the event in everything that one socket was told, in order."""
    for message in line.messages:
        data = message.get("payload", {}).get("data") if message["type"] == "next" else None
        if data and "updateEvent" in data:
            yield data["updateEvent"]["version"]
        for change in (data or {}).get("projectEvents", {}).get("changes", ()):
            yield change["event"]["version"]


async def test_a_mutation_is_answered_on_its_socket_after_the_news_of_its_commit(
    project: str, line: Line
) -> None:
    await line.ask(CREATE, p=project, e="one", input={"title": "0"})
    following = await follow(line, project)
    for number in range(1, 11):
        words = {"p": project, "e": "one", "input": {"title": str(number)}}
        made = (await line.ask(UPDATE, **words))["updateEvent"]
        assert following.heard, "the news came first"
        (change,) = (await news(following))["changes"]
        told = {key: change["event"][key] for key in made}
        assert told == made, "they say the same"


async def test_a_range_tells_what_enters_changes_and_leaves(
    server: ServerProcess, project: str, line: Line, alice: Person
) -> None:
    daily = {"start": "2026-03-01T09:00:00Z", "recurrence": {"rrule": "FREQ=DAILY;COUNT=4"}}
    await alice.ask(CREATE, p=project, e="daily", input={"title": "Daily", **daily})
    watching = await line.subscribe(RANGE, p=project, **WEEK)
    first = await news(watching)
    assert first["reset"]
    ids = [f"{project}/daily/2026-03-0{day}T09:00:00" for day in (2, 3, 4)]
    assert [one["id"] for one in first["entered"]] == ids

    await alice.ask(CREATE, p=project, e="far", input={"start": "2026-05-01"})  # is not told
    await alice.ask(CREATE, p=project, e="near", input={"start": "2026-03-04"})
    told = await news(watching)
    assert [one["id"] for one in told["entered"]] == [f"{project}/near/"]
    assert (told["changed"], told["left"], told["reset"]) == ([], [], False)

    await alice.ask(UPDATE, p=project, e="near", input={"title": "Near"})
    assert [one["title"] for one in (await news(watching))["changed"]] == ["Near"]
    await alice.ask(UPDATE, p=project, e="near", input={"start": "2026-06-01"})
    assert (await news(watching))["left"] == [f"{project}/near/"]
    await alice.ask(UPDATE, p=project, e="far", input={"start": "2026-03-05"})
    assert [one["eventId"] for one in (await news(watching))["entered"]] == ["far"]

    async with yjs(server.url, server.token("yuna", project), project) as yuna:
        await yuna.until(lambda: "daily" in yuna.calendar)
        await yuna.edit(lambda calendar: calendar.cancel_instance("daily", "2026-03-03T09:00:00"))
        told = await news(watching)
        assert told["left"] == [ids[1]]
        assert {one["id"] for one in told["changed"]} == {ids[0], ids[2]}, "a newer version"
        await yuna.edit(lambda calendar: calendar.delete("daily"))
        assert set((await news(watching))["left"]) == {ids[0], ids[2]}


async def test_a_range_is_taken_anew_when_the_calendar_moves_to_another_zone(
    project: str, line: Line, alice: Person
) -> None:
    await alice.ask(CREATE, p=project, e="day", input={"start": "2026-03-09"})
    watching = await line.subscribe(RANGE, p=project, **WEEK)
    assert (await news(watching))["entered"] == []
    update = (
        "mutation ($p: ID!, $i: CalendarInput!) { updateCalendar(projectId: $p, input: $i) { id } }"
    )
    await alice.ask(update, p=project, i={"timezone": "Asia/Seoul"})
    told = await news(watching)  # midnight in Seoul is still the week before in UTC
    assert [one["startDate"] for one in told["entered"]] == ["2026-03-08T15:00:00.000Z"]
    assert not told["reset"]
    fixed = await line.subscribe(RANGE, p=project, zone="UTC", **WEEK)
    assert (await news(fixed))["entered"] == []


async def test_a_range_has_bounds(project: str, line: Line, alice: Person) -> None:
    always = {"start": "2026-03-01T09:00:00Z", "recurrence": {"rrule": "FREQ=MINUTELY"}}
    watching = await line.subscribe(RANGE, p=project, **WEEK)
    await news(watching)
    await alice.ask(CREATE, p=project, e="always", input=always)
    with pytest.raises(Failed) as refused:
        await news(watching)
    assert (refused.value.code, line.closed) == ("too-large", None)
    for words, field in [
        ({"from": "2026-03-02", "to": WEEK["to"]}, "from"),
        ({"from": WEEK["to"], "to": WEEK["from"]}, "to"),
        ({"from": WEEK["from"], "to": "2036-01-01T00:00:00Z"}, "to"),
        ({**WEEK, "zone": "Mars/Olympus"}, "timeZone"),
    ]:
        with pytest.raises(Failed) as refused:
            await news(await line.subscribe(RANGE, p=project, **words))
        assert (refused.value.code, refused.value.field) == ("invalid-value", field)


async def test_presence_is_one_and_the_same_here_and_for_yjs_clients(
    server: ServerProcess, project: str, line: Line
) -> None:
    async with yjs(server.url, server.token("yuna", project, name="유나"), project) as yuna:
        await yuna.until_synced()
        await yuna.show(cursor=1, user={"id": "somebody else", "color": "#123456"})
        watching = await line.subscribe(PRESENCE, p=project, show={"editing": "lunch"})
        first = await news(watching)
        assert first["reset"]
        states = {one["userId"]: one for one in first["present"]}
        assert states["lina"]["state"]["editing"] == "lunch"
        while "yuna" not in states:
            states |= {one["userId"]: one for one in (await news(watching))["present"]}
        assert (states["yuna"]["name"], states["yuna"]["state"]["cursor"]) == ("유나", 1)
        await yuna.until(lambda: any(one.user == "lina" for one in yuna.present.values()))
        present = {one["userId"]: one["id"] for one in await everybody(line, project)}
        assert present == {name: one["id"] for name, one in states.items()}
        await watching.stop()
        await yuna.until(lambda: all(one.user != "lina" for one in yuna.present.values()))
        watching = await line.subscribe(PRESENCE, p=project)
        assert [one["userId"] for one in (await news(watching))["present"]] == ["yuna"]
    assert (await news(watching))["left"] == [states["yuna"]["id"]]


@pytest.mark.parametrize(
    ("show", "code"),
    [
        (5, "invalid-value"),
        ({"large": "x" * 100_000}, "too-large"),
        (json.loads('{"a":' * 200 + "1" + "}" * 200), "hostile"),
    ],
    ids=["no object", "large", "deep"],
)
async def test_what_cannot_be_shown_is_refused(
    project: str, line: Line, show: Any, code: str
) -> None:
    with pytest.raises(Failed) as refused:
        await news(await line.subscribe(PRESENCE, p=project, show=show))
    assert refused.value.code == code
    assert await everybody(line, project) == []


async def everybody(line: Line, project: str) -> Any:
    query = "query ($p: ID!) { presence(projectId: $p) { id userId } }"
    return (await line.ask(query, p=project))["presence"]


async def test_a_conflict_is_told_and_so_is_its_decision(
    server: ServerProcess, project: str, line: Line, alice: Person
) -> None:
    await alice.ask(CREATE, p=project, e="lunch", input={"title": "Lunch"})
    watching = await line.subscribe(CONFLICTS, p=project)
    assert (await news(watching))["conflicts"] == []
    async with (
        yjs(server.url, server.token("yuna", project), project, user="yuna") as yuna,
        yjs(server.url, server.token("yann", project), project, user="yann") as yann,
    ):
        await yuna.until(lambda: "lunch" in yuna.calendar)
        await yann.until(lambda: "lunch" in yann.calendar)
        await at_once(yuna, yann)
        (conflict,) = (await news(watching))["conflicts"]
    assert (conflict["eventId"], conflict["field"], conflict["state"]) == ("lunch", "title", "open")
    assert {one["value"] for one in conflict["values"]} == {"Brunch", "Dinner"}
    resolve = """
      mutation ($p: ID!, $c: ID!, $i: Int!) {
        resolveConflict(projectId: $p, conflictId: $c, index: $i) { id state stands resolvedBy }
      }
    """
    other = 1 - conflict["stands"]
    words = {"p": project, "c": conflict["conflictId"], "i": other}
    made = (await alice.ask(resolve, **words))["resolveConflict"]
    assert (made["state"], made["stands"], made["resolvedBy"]) == ("resolved", other, "alice")
    (decided,) = (await news(watching))["conflicts"]
    assert (decided["state"], decided["stands"]) == ("resolved", other)
    query = """
      query ($p: ID!, $s: ConflictState!) { conflicts(projectId: $p, state: $s) { items { id } } }
    """
    assert (await alice.ask(query, p=project, s="OPEN"))["conflicts"]["items"] == []
    for state in ("RESOLVED", "ALL"):
        found = (await alice.ask(query, p=project, s=state))["conflicts"]["items"]
        assert [one["id"] for one in found] == [f"{project}/{conflict['conflictId']}"]
    with pytest.raises(Failed) as refused:
        await alice.ask(resolve, **{**words, "i": 2})
    assert (refused.value.code, refused.value.field) == ("invalid-value", "index")


async def at_once(yuna: Client, yann: Client) -> None:
    """Both write the title, and neither has heard of the other."""
    emitted: list[bytes] = []
    subscription = yann.doc.observe(lambda event: emitted.append(event.update))
    yann.calendar.update("lunch", title="Dinner")
    yann.doc.unobserve(subscription)
    from crdt_calendar.protocol.messages import Update

    await yuna.edit(lambda calendar: calendar.update("lunch", title="Brunch"))
    await yuna.until(lambda: len(yuna.updates) > 1)
    for update in emitted:
        await yann.send(Update(update))


async def test_many_on_one_socket_and_each_hears_its_own(
    server: ServerProcess, project: str, line: Line, alice: Person
) -> None:
    other = f"{project}-2"
    server.create(other)
    async with connected(server, server.token("lina", "*")) as line:
        here, there = await follow(line, project), await follow(line, other)
        await alice.ask(CREATE, p=project, e="here", input={})
        async with yjs(server.url, server.token("yuna", other), other) as yuna:
            await yuna.until_synced()
            await yuna.edit(
                partial(
                    Calendar.create,
                    event_id="here",
                    when=When.from_value({"start": "2026-03-02", "end": "2026-03-03", "tz": None}),
                    recurrence=Recurrence.from_value({"rrule": "FREQ=DAILY"}),
                )
            )
        keys = [(await news(one))["changes"][0]["key"] for one in (here, there)]
        assert keys == [f"{project}/here", f"{other}/here"], "one event id, two ids in a cache"
        await here.stop()
        await alice.ask(CREATE, p=project, e="unheard", input={})
        await line.ask("{ projects { id } }")
        assert here.heard == []
