"""Questions and edits over HTTP: what is asked, what is answered, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graphql.rig import Failed, Person
from tests.support.server import ServerProcess

pytestmark = pytest.mark.anyio

EVENT = """
  fragment Whole on Event {
    id eventId projectId title description start end timeZone allDay startDate endDate version
    recurrence { rrule rdate } overrides { recurrenceId cancelled changes }
    attendees { address name status } alarms { alarmId before action }
    createdBy updatedBy deletedAt deletedBy
  }
"""
CREATE = f"""
  mutation ($p: ID!, $e: ID, $input: EventInput!) {{
    createEvent(projectId: $p, eventId: $e, input: $input) {{ ...Whole }}
  }} {EVENT}
"""
UPDATE = f"""
  mutation ($p: ID!, $e: ID!, $input: EventInput!) {{
    updateEvent(projectId: $p, eventId: $e, input: $input) {{ ...Whole }}
  }} {EVENT}
"""
READ = f"query ($p: ID!, $e: ID!) {{ event(projectId: $p, eventId: $e) {{ ...Whole }} }} {EVENT}"
LIST = """
  query ($p: ID!, $limit: Int! = 100, $cursor: String, $deleted: Boolean! = false, $who: String) {
    events(projectId: $p, limit: $limit, cursor: $cursor, deleted: $deleted, attendee: $who) {
      position next items { eventId title }
    }
  }
"""
INSTANCES = """
  query ($p: ID!, $from: String!, $to: String!, $limit: Int! = 100, $cursor: String) {
    instances(projectId: $p, from: $from, to: $to, limit: $limit, cursor: $cursor) {
      next cut items { id eventId recurrenceId title startDate overridden }
    }
  }
"""
WEEK = {"from": "2026-03-02T00:00:00Z", "to": "2026-03-09T00:00:00Z"}
DAILY = {
    "title": "Daily",
    "start": "2026-03-02T09:00:00",
    "end": "2026-03-02T09:30:00",
    "timeZone": "Asia/Seoul",
    "recurrence": {"rrule": "FREQ=DAILY;COUNT=10"},
}


def instance(name: str, more: str = "", call: str = "") -> str:
    """A mutation of one instance."""
    words, told = ", $input: EventInput!" if more else "", call or "{ ...Whole }"
    return f"""
      mutation ($p: ID!, $e: ID!, $r: String!{words}) {{
        {name}(projectId: $p, eventId: $e, recurrenceId: $r{more}) {told}
      }} {EVENT}
    """


async def test_an_event_is_made_read_changed_deleted_and_restored(
    alice: Person, project: str
) -> None:
    words = {
        "title": "점심",
        "start": "2026-03-02T12:00:00",
        "timeZone": "Asia/Seoul",
        "attendees": [{"address": "bob@example.org", "name": "Bob"}],
        "alarms": [{"before": 600}, {"before": 60, "alarmId": "soon"}],
    }
    made = (await alice.ask(CREATE, p=project, e="lunch", input=words))["createEvent"]
    assert (made["id"], made["eventId"], made["projectId"]) == (
        f"{project}/lunch",
        "lunch",
        project,
    )
    assert (made["title"], made["version"], made["createdBy"]) == ("점심", 0, "alice")
    assert (made["end"], made["startDate"]) == ("2026-03-02T13:00:00", "2026-03-02T03:00:00.000Z")
    assert made["attendees"] == [{"address": "bob@example.org", "name": "Bob", "status": ""}]
    assert [one["alarmId"] for one in made["alarms"]] == ["alarm-1", "soon"]
    assert (await alice.ask(READ, p=project, e="lunch"))["event"] == made

    change = {"title": None, "description": "Bibimbap", "start": "2026-03-03T12:00:00"}
    updated = (await alice.ask(UPDATE, p=project, e="lunch", input=change))["updateEvent"]
    assert (updated["title"], updated["description"], updated["version"]) == ("", "Bibimbap", 1)
    assert updated["end"] == "2026-03-03T13:00:00", "it moved as a whole"
    assert updated["attendees"] == made["attendees"], "what is left out stays"
    again = (await alice.ask(UPDATE, p=project, e="lunch", input=change))["updateEvent"]
    assert again["version"] == 1, "nothing differs, nothing is written"

    act = f"mutation ($p: ID!, $e: ID!) {{ %s(projectId: $p, eventId: $e) {{ ...Whole }} }} {EVENT}"
    deleted = (await alice.ask(act % "deleteEvent", p=project, e="lunch"))["deleteEvent"]
    assert deleted["deletedBy"] == "alice" and deleted["deletedAt"]
    assert (await alice.ask(READ, p=project, e="lunch"))["event"] == deleted
    assert (await alice.ask(LIST, p=project))["events"]["items"] == []
    found = (await alice.ask(LIST, p=project, deleted=True))["events"]["items"]
    assert [one["eventId"] for one in found] == ["lunch"]
    with pytest.raises(Failed) as refused:
        await alice.ask(UPDATE, p=project, e="lunch", input={"title": "x"})
    assert refused.value.code == "no-such-event"
    restored = (await alice.ask(act % "restoreEvent", p=project, e="lunch"))["restoreEvent"]
    assert restored["deletedAt"] is None and restored["description"] == "Bibimbap"
    assert (await alice.ask(READ, p=project, e="nowhere"))["event"] is None


async def test_a_series_is_changed_in_one_instance_and_from_one_on(
    alice: Person, project: str
) -> None:
    await alice.ask(CREATE, p=project, e="daily", input=DAILY)
    third, fourth = "2026-03-04T09:00:00", "2026-03-05T09:00:00"
    words = {"p": project, "e": "daily"}

    override = instance("overrideInstance", ", input: $input")
    late = {"title": "Late", "start": "2026-03-04T18:00:00"}
    told = (await alice.ask(override, **words, r=third, input=late))["overrideInstance"]
    (differs,) = told["overrides"]
    assert (differs["recurrenceId"], differs["changes"]["title"]) == (third, "Late")
    assert differs["changes"]["when"]["end"] == "2026-03-04T18:30:00", "as long as the others"
    shown = (await alice.ask(INSTANCES, p=project, **WEEK))["instances"]["items"]
    assert [one["title"] for one in shown] == ["Daily", "Daily", "Late", *["Daily"] * 4]
    assert shown[2]["id"] == f"{project}/daily/{third}" and shown[2]["overridden"]

    await alice.ask(instance("cancelInstance"), **words, r=fourth)
    shown = (await alice.ask(INSTANCES, p=project, **WEEK))["instances"]["items"]
    assert fourth not in [one["recurrenceId"] for one in shown]
    told = (await alice.ask(instance("resetInstance"), **words, r=fourth))["resetInstance"]
    assert [one["recurrenceId"] for one in told["overrides"]] == [third]

    following = instance(
        "updateFollowing", ", input: $input", "{ event { ...Whole } following { ...Whole } }"
    )
    split = await alice.ask(following, **words, r=fourth, input={"title": "After"})
    before, after = (split["updateFollowing"][name] for name in ("event", "following"))
    assert (before["title"], after["title"]) == ("Daily", "After")
    assert (before["id"] != after["id"], after["start"]) == (True, fourth)
    shown = (await alice.ask(INSTANCES, p=project, **WEEK))["instances"]["items"]
    assert [one["title"] for one in shown][3:] == ["After"] * 4

    with pytest.raises(Failed) as refused:
        await alice.ask(instance("cancelInstance"), **words, r="2026-03-04T09:01:00")
    assert refused.value.code == "invalid-value"


async def test_lists_come_in_pages_that_neither_repeat_nor_skip(
    alice: Person, project: str
) -> None:
    guests = [{"address": "bob@example.org"}]
    for number in range(7):
        words = {"title": str(number), "attendees": guests if number % 2 else []}
        await alice.ask(CREATE, p=project, e=f"e{number}", input=words)
    first = (await alice.ask(LIST, p=project, limit=3))["events"]
    assert [one["eventId"] for one in first["items"]] == ["e0", "e1", "e2"]
    await alice.ask(CREATE, p=project, e="e1b", input={})  # before the cursor: not seen any more
    await alice.ask(CREATE, p=project, e="e2b", input={})
    seen, cursor = [], first["next"]
    while cursor:
        page = (await alice.ask(LIST, p=project, limit=3, cursor=cursor))["events"]
        seen += [one["eventId"] for one in page["items"]]
        cursor = page["next"]
    assert seen == ["e2b", "e3", "e4", "e5", "e6"]
    found = (await alice.ask(LIST, p=project, who="bob@example.org"))["events"]["items"]
    assert [one["eventId"] for one in found] == ["e1", "e3", "e5"]

    await alice.ask(CREATE, p=project, e="daily", input=DAILY)
    seen, cursor = [], None
    while cursor is not None or not seen:
        page = (await alice.ask(INSTANCES, p=project, **WEEK, limit=2, cursor=cursor))["instances"]
        seen += [one["recurrenceId"] for one in page["items"]]
        cursor = page["next"]
    assert seen == [f"2026-03-0{day}T09:00:00" for day in range(2, 9)]
    refusals: list[tuple[dict[str, object], str]] = [
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
        ({"cursor": "?"}, "cursor"),
        ({"cursor": "bnVsbA"}, "cursor"),
    ]
    for wrong, field in refusals:
        with pytest.raises(Failed) as refused:
            await alice.ask(LIST, p=project, **wrong)
        assert (refused.value.code, refused.value.field) == ("invalid-value", field)


async def test_events_are_found_by_parts_of_words(alice: Person, project: str) -> None:
    for name, title in {"a": "주간 회의", "b": "Quarterly review", "c": "Lunch"}.items():
        await alice.ask(CREATE, p=project, e=name, input={"title": title})
    query = """
      query ($p: ID!, $q: String!) { events(projectId: $p, search: $q) { items { eventId } } }
    """
    for words, ids in [
        ("회의", ["a"]),
        ("view quarter", ["b"]),
        ("nothing", []),
        (" ", ["a", "b", "c"]),
    ]:
        found = (await alice.ask(query, p=project, q=words))["events"]["items"]
        assert [one["eventId"] for one in found] == ids


async def test_projects_calendars_and_members(
    server: ServerProcess, alice: Person, project: str
) -> None:
    update = """
      mutation ($p: ID!, $input: CalendarInput!) {
        updateCalendar(projectId: $p, input: $input) { id name timezone color description }
      }
    """
    words = {"name": "팀", "timezone": "Asia/Seoul", "color": "#0a0"}
    told = (await alice.ask(update, p=project, input=words))["updateCalendar"]
    assert told == {"id": project, **words, "description": ""}
    query = """
      query ($p: ID!) {
        projects { id name kind role }
        project(projectId: $p) { id role createdAt calendar { name timezone conflictStrategy } }
        members(projectId: $p) { id userId name role }
      }
    """
    server.admin("members.add", project=project, user="bob", role="viewer", name="Bob")
    server.admin("members.add", project=project, user="eve", role="viewer")
    server.admin("members.remove", project=project, user="eve")
    told = await alice.ask(query, p=project)
    one = {"id": project, "name": project, "kind": "calendar", "role": "editor"}
    assert told["projects"] == [one]
    assert told["project"]["calendar"] == {
        "name": "팀", "timezone": "Asia/Seoul", "conflictStrategy": "",
    }  # fmt: skip
    assert told["members"] == [
        {"id": f"{project}/bob", "userId": "bob", "name": "Bob", "role": "viewer"}
    ]
    for wrong, field in [
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"conflictStrategy": "fight"}, "conflictStrategy"),
    ]:
        with pytest.raises(Failed) as refused:
            await alice.ask(update, p=project, input=wrong)
        assert (refused.value.code, refused.value.field) == ("invalid-value", field)


async def test_a_line_up_has_no_events(server: ServerProcess) -> None:
    server.admin("projects.create", project="retreat", kind="lineup")
    from tests.graphql.rig import person

    async with person(server, server.token("alice", "retreat")) as alice:
        query = '{ project(projectId: "retreat") { kind calendar { name } } }'
        assert (await alice.ask(query))["project"] == {"kind": "lineup", "calendar": None}
        with pytest.raises(Failed) as refused:
            await alice.ask(LIST, p="retreat")
        assert (refused.value.code, refused.value.field) == ("invalid-value", "projectId")


# Refusals


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"title": 5}, "title"),
        ({"start": "yesterday"}, "start"),
        ({"start": None}, "start"),
        ({"end": "2026-03-02"}, "start"),
        ({"start": "2026-03-02", "startDate": "2026-03-02"}, "startDate"),
        ({"start": "2026-03-02", "end": "2026-03-01"}, "end"),
        ({"start": "2026-03-02T09:00:00", "timeZone": "Mars/Olympus"}, "timeZone"),
        ({"status": "perhaps"}, "status"),
        ({"recurrence": {"rrule": "FREQ=SOMETIMES"}}, "recurrence.rrule"),
        ({"attendees": [{"name": "Bob"}]}, "attendees[0].address"),
        ({"alarms": [{"before": "soon"}]}, "alarms[0].before"),
        ({"alarms": [{"before": 2**60}]}, "alarms[0].before"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
async def test_a_wrong_value_is_refused_by_the_name_of_its_field(
    alice: Person, project: str, words: dict[str, Any], field: str
) -> None:
    with pytest.raises(Failed) as refused:
        await alice.ask(CREATE, p=project, e="e", input=words)
    assert refused.value.code in ("invalid-value", "invalid-query")
    assert refused.value.field == field, refused.value.errors
    assert (await alice.ask(READ, p=project, e="e"))["event"] is None, "nothing half done"


async def test_an_id_is_given_once(alice: Person, project: str) -> None:
    await alice.ask(CREATE, p=project, e="e", input={"title": "first"})
    with pytest.raises(Failed) as refused:
        await alice.ask(CREATE, p=project, e="e", input={"title": "second"})
    assert refused.value.errors[0]["path"] == ["createEvent"]
    assert refused.value.code == "invalid-value"
    assert (await alice.ask(READ, p=project, e="e"))["event"]["title"] == "first"


async def test_a_refusal_says_what_it_is_and_shows_no_insides(alice: Person, project: str) -> None:
    for query, status in [("{", 400), ("{ nonsense }", 400), ("query A { projects { id } }", 200)]:
        body = {"query": query, "operationName": None}
        for accept, expected in [("application/json", 200), (OWN, status)]:
            answer = await alice.post(body, accept=accept)
            assert answer.status_code == expected
            assert answer.headers["content-type"] == accept
            assert answer.headers["cache-control"] == "no-store"
            for error in answer.json().get("errors", ()):
                assert error["extensions"] == {"code": "invalid-query", "status": 400}
                assert error["locations"]
    subscription = f'subscription {{ projectEvents(projectId: "{project}") {{ position }} }}'
    answer = (await alice.post({"query": subscription})).json()
    assert "WebSocket" in answer["errors"][0]["message"]


OWN = "application/graphql-response+json"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'"x"', b'{"query": 5}', b'{"query": ""}', b"\xff",
        b"[" * 100_000,
        b'{"query": "{ projects { id } }", "variables": []}', b'[{"query": "{ projects { id } }"}]',
        b'{"query": "{ projects { id } }", "variables": {"a": ' + b"[" * 100_000 + b"}}",
    ],
    ids=lambda body: str(body[:50]),
)  # fmt: skip
async def test_a_body_that_is_no_request_is_refused(alice: Person, body: bytes) -> None:
    answer = await alice.post(body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "malformed"


async def test_only_post_is_answered(alice: Person) -> None:
    answer = await alice.http.get("/graphql?query={projects{id}}")
    assert answer.status_code == 405
    assert "<html" not in answer.text, "no page, and none from elsewhere"


# Bounds


async def test_a_request_has_bounds(alice: Person, project: str) -> None:
    deep = "{ project(projectId: $p) " + "{ a " * 3 + "}" * 4
    cycles = "{ __schema { types { " + "fields { type { " * 4 + "name" + " } }" * 4 + " } } }"
    aliases = " ".join(f"a{number}: __typename" for number in range(40))
    tokens = " ".join("__typename" for _ in range(3000))
    nested = "{a" * 600 + "}" * 600
    values = "{ project(projectId: " + "[" * 900 + "]" * 900 + ") { id } }"
    spreads = "query { projects { ...A } } fragment A on Project { id ...A }"
    for query in (
        *(deep, cycles, nested, values, spreads),
        *(f"{{ {aliases} }}", f"{{ {tokens} }}"),
    ):
        with pytest.raises(Failed) as refused:
            await alice.ask(query)
        assert refused.value.code == "invalid-query"
    for body in ({"query": "#" * 70_000 + "\n{ projects { id } }"}, {"query": "x" * 2_000_000}):
        answer = await alice.post(body)
        assert answer.status_code == 413
    lists = " ".join(
        f'a{number}: events(projectId: "{project}", limit: 500) {{ next }}' for number in range(5)
    )
    with pytest.raises(Failed) as refused:
        await alice.ask(f"{{ {lists} }}")
    assert (refused.value.code, refused.value.errors[0]["path"]) == ("too-large", ["a4"])
