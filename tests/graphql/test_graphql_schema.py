"""The schema: as it is printed, as the shapes have it, and as the tools read it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from graphql import build_schema, get_introspection_query, validate_schema
from strawberry import Schema

from crdt_calendar.shapes import events
from crdt_calendar.shapes.calendars import ProjectShape, PropertiesFields
from crdt_calendar.shapes.conflicts import ClaimShape, ConflictShape
from server.gateways.graphql.schema import make_schema
from tests.graphql.rig import Person

ROOT = Path(__file__).parents[2]
PRINTED = ROOT / "docs" / "doors" / "schema.graphql"

# Types of ours, the shape each is made of, and what differs: the ids that a cache needs, a list
# in the place of a dictionary, a word that would name too much.
SAME: dict[str, tuple[type[msgspec.Struct], set[str], set[str]]] = {
    "Event": (events.EventShape, {"eventId"}, set()),
    "Instance": (events.InstanceShape, {"id"}, set()),
    "Attendee": (events.AttendeeShape, set(), set()),
    "Alarm": (events.AlarmShape, {"alarmId"}, {"id"}),
    "Recurrence": (events.RecurrenceShape, set(), set()),
    "Override": (events.OverrideShape, {"recurrenceId"}, set()),
    "EventInput": (events.EventFields, set(), set()),
    "AttendeeInput": (events.AttendeeShape, set(), set()),
    "AlarmInput": (events.AlarmShape, {"alarmId"}, {"id"}),
    "RecurrenceInput": (events.RecurrenceShape, set(), set()),
    "Conflict": (ConflictShape, {"conflictId"}, set()),
    "Claim": (ClaimShape, set(), set()),
    "CalendarInput": (PropertiesFields, set(), set()),
}


@pytest.fixture(scope="module")
def schema() -> Schema:
    return make_schema()


def fields_of(schema: Schema, name: str) -> set[str]:
    return set(build_schema(schema.as_str()).type_map[name].fields)  # type: ignore[attr-defined]


def names_of(shape: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(shape)}


def test_the_printed_schema_is_this_one(schema: Schema) -> None:
    """``python -m tests.graphql.test_graphql_schema`` prints it anew."""
    assert PRINTED.read_text() == schema.as_str() + "\n"
    assert validate_schema(build_schema(PRINTED.read_text())) == []


@pytest.mark.parametrize("name", SAME)
def test_types_have_the_fields_of_their_shapes(schema: Schema, name: str) -> None:
    shape, more, fewer = SAME[name]
    assert fields_of(schema, name) == names_of(shape) - fewer | more


def test_a_project_and_its_calendar_have_the_fields_of_their_shape(schema: Schema) -> None:
    found = fields_of(schema, "Project") | fields_of(schema, "Calendar")
    assert found == names_of(ProjectShape) | {"calendar"}


def test_whatever_a_cache_takes_for_an_entity_has_an_id_of_its_own(schema: Schema) -> None:
    """Apollo joins by type and id: an id must be unique among all projects."""
    types = build_schema(schema.as_str()).type_map
    with_id = {name for name, one in types.items() if "id" in getattr(one, "fields", {})}
    assert with_id == {
        "Event", "Instance", "Conflict", "Presence", "Project", "Calendar", "Member",
    }  # fmt: skip


@pytest.mark.anyio
async def test_the_tools_can_read_it(alice: Person) -> None:
    found: dict[str, Any] = await alice.ask(get_introspection_query())
    assert {one["name"] for one in found["__schema"]["types"]} >= SAME.keys()


def test_neither_commands_nor_the_start_of_a_server_wait_for_the_library() -> None:
    code = "import server.cli, server.app, sys; sys.exit('strawberry' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 0


if __name__ == "__main__":
    PRINTED.write_text(make_schema().as_str() + "\n")
