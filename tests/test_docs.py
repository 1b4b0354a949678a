"""What the documentation says is so: examples run, tables and code agree, links lead somewhere."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import tomllib
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
from pycrdt import Doc, Map, Text

from benchmarks.rig.rows import ROWS
from crdt_calendar.errors import CalendarError
from crdt_calendar.limits import Limits
from crdt_calendar.model.calendar import SCHEMA, Calendar
from crdt_calendar.model.event import Event
from crdt_calendar.model.fields import BOOKKEEPING, Fields, normal_value
from crdt_calendar.model.properties import PropertyFields
from crdt_calendar.protocol import messages
from server.auth.grants import Role
from server.cli import main
from server.metrics import Metrics
from tests.support.node import FOLDER

ROOT = Path(__file__).parents[1]
DOCUMENT, PROTOCOL = ROOT / "docs" / "document.md", ROOT / "docs" / "protocol.md"
FANOUT, README = ROOT / "docs" / "topics" / "fanout.md", ROOT / "README.md"
DEPENDENCIES = ROOT / "docs" / "decisions" / "0002-dependencies.md"
PAGE_DEPENDENCIES = ROOT / "docs" / "decisions" / "0010-dependencies-of-the-page.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks/README.md"])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))

LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Whoever plays the provider's part hears nothing and says nothing: these examples are of documents.
HARNESS = """\
import {{ webcrypto }} from 'node:crypto'
globalThis.crypto ??= webcrypto
class WebsocketProvider {{}}
{example}
console.log(Buffer.from(Y.encodeStateAsUpdate(doc)).toString('base64'))
"""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return BLOCK.sub("", page.read_text())


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(page.read_text()) if kind == language]


def section(page: Path, title: str) -> str:
    """What is below a heading, up to the next one of that level."""
    parts = re.split(r"^## ", page.read_text(), flags=re.MULTILINE)
    (found,) = [part for part in parts if part.startswith(f"{title}\n")]
    return found


def rows(text: str) -> list[list[str]]:
    """The rows of every table in a text, without the headings."""
    lines = text.splitlines()
    ruled = [number for number, line in enumerate(lines) if re.fullmatch(r"\|[-|: ]+\|", line)]
    found = []
    for number in ruled:
        for line in lines[number + 1 :]:
            if not line.startswith("|"):
                break
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def code(cell: str) -> list[str]:
    """What is in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def plain(cell: str) -> str:
    (only,) = code(cell)
    return only


# Links and names


@cache
def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


def links() -> Iterator[tuple[str, str, str]]:
    for page in PAGES:
        for text, target in LINK.findall(prose(page)):
            if "://" not in target:
                yield name_of(page), " ".join(text.split()), target


@pytest.mark.parametrize(("page", "text", "target"), list(links()))
def test_links_lead_somewhere(page: str, text: str, target: str) -> None:
    path, _, anchor = target.partition("#")
    found = ((ROOT / page).parent / path).resolve() if path else ROOT / page
    assert found.is_relative_to(ROOT)
    assert found.exists(), f"{page}: {target} is not there"
    if anchor:
        assert anchor in anchors(found), f"{page}: no heading for {target}"
    if found.suffix == ".py" and re.fullmatch(r"`[\w.]+`", text):
        known = defined(found) | {found.name}
        assert plain(text).rpartition(".")[2] in known or plain(text) in known, f"{page}: {text}"


@cache
def defined(path: Path) -> set[str]:
    """The names of functions and classes in a file."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


@cache
def all_tests() -> set[str]:
    files = [*(ROOT / "tests").rglob("*.py")]
    return {name for path in files if "node_modules" not in path.parts for name in defined(path)}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_tests_that_are_named_exist(page: Path) -> None:
    named = set(re.findall(r"`(test_\w+)`", page.read_text()))
    assert named - all_tests() == set()


def test_every_page_of_the_documentation_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [README]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        targets = [target.partition("#")[0] for _, target in LINK.findall(prose(page))]
        found = {(page.parent / target).resolve() for target in targets if target.endswith(".md")}
        waiting += found - reached - set(waiting)
    listed = {path for path in PAGES if path not in DECISIONS}
    assert listed - reached == set()


def test_decisions_are_numbered_and_short() -> None:
    numbers = [int(path.name[:4]) for path in DECISIONS]
    assert numbers == list(range(1, len(DECISIONS) + 1))
    for path, number in zip(DECISIONS, numbers, strict=True):
        text = path.read_text()
        assert text.startswith(f"# {number}. ")
        prose = [line for line in text.splitlines() if not line.startswith("|")]
        assert len(prose) < 30
        for part in ("**Context.**", "**Decision.**", "**Consequences.**"):
            assert part in text


def test_the_picture_is_well_formed() -> None:
    tree = ElementTree.parse(ROOT / "docs" / "path-of-an-update.svg")
    assert tree.getroot().tag == "{http://www.w3.org/2000/svg}svg"


def constants() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for cells in rows(page.read_text()):
            if re.fullmatch(r"`(crdt_calendar|server)[\w.]+\.[A-Z_]+`", cells[0]):
                yield plain(cells[0]), plain(cells[1])


@pytest.mark.parametrize(("name", "value"), list(constants()))
def test_constants_are_as_written(name: str, value: str) -> None:
    module, _, constant = name.rpartition(".")
    assert getattr(import_module(module), constant) == ast.literal_eval(value)


# Commands


def commands() -> Iterator[str]:
    for page in PAGES:
        for block in blocks(page, "sh"):
            for line in block.splitlines():
                yield line.partition("#")[0].strip()


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_commands_can_be_typed(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, *words = shlex.split(line.partition(" > ")[0])
    if program == "make":
        assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return
    assert program in ("crdt-calendar", ".venv/bin/crdt-calendar")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "holidays.ics").touch()
    command: click.Command = main
    context = click.Context(main, info_name="crdt-calendar", **main.context_settings)
    while isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found is not None
        command = found
    command.make_context(command.name, words, parent=context).close()


# The document


def calendar_of(doc: Doc[Map[object]]) -> Calendar:
    return Calendar(doc, clock=lambda: datetime.now(UTC), new_id=str, user="reader")


def event_map(values: dict[str, object]) -> Map[object]:
    text = {key: Text(str(value)) for key, value in values.items() if key == "description"}
    return Map({**values, **text})


def filled_in(key: str) -> str:
    """A key with something in the place of what stands for it."""
    return key.replace("<recurrence-id>", "2026-03-03T09:00:00").replace("<address>", "b@x.org")


@pytest.mark.parametrize("text", blocks(DOCUMENT, "json"))
def test_the_example_of_a_document_has_no_problems(text: str) -> None:
    example = json.loads(text)
    doc: Doc[Map[object]] = Doc()
    doc["calendar"] = Map(example["calendar"])
    doc["events"] = Map({key: event_map(value) for key, value in example["events"].items()})
    calendar = calendar_of(doc)
    assert calendar.problems() == []
    assert len(calendar) == len(example["events"]) > 0
    for event in example["events"].values():
        for key, value in event.items():
            if key not in BOOKKEEPING:
                assert normal_value(key, value) == value, "written in the form we write"


def test_the_keys_of_an_event_are_these() -> None:
    listed = {plain(cells[0]): plain(cells[1]) for cells in rows(section(DOCUMENT, "An event map"))}
    families = {"attendees": "attendee/<address>", "alarms": "alarm/<id>", "ics": "ics/<name>"}
    families["overrides"] = "override/<recurrence-id>"
    fields = {families.get(name, name) for name in Fields.__annotations__}
    assert set(listed) == fields | BOOKKEEPING | {"deleted"}
    values = {filled_in(key): value for key, value in listed.items()}
    assert values.pop("description") == "Y.Text"
    event = Event.read("e", {key: json.loads(value) for key, value in values.items()})
    assert event.problems == ()
    assert event.deleted and event.overrides and event.attendees and event.alarms and event.ics


def test_the_properties_of_a_calendar_are_these() -> None:
    table = rows(section(DOCUMENT, "The calendar map"))
    listed = {plain(cells[0]): json.loads(plain(cells[1])) for cells in table}
    keys = {"conflict_strategy": "conflictStrategy", "ics": "ics/<name>"}
    keys = {name: keys.get(name, name) for name in PropertyFields.__annotations__}
    assert set(listed) == {*keys.values(), "schema"}
    assert listed.pop("schema") == SCHEMA
    doc: Doc[Map[object]] = Doc()
    doc["calendar"] = Map({key.replace("<name>", "X"): value for key, value in listed.items()})
    properties = calendar_of(doc).properties()
    assert properties.problems == ()
    kept = {"ics": {"X": listed[keys["ics"]]}}
    for name, key in keys.items():
        assert getattr(properties, name) == kept.get(name, listed[key])


@pytest.mark.node
@pytest.mark.parametrize("page", [DOCUMENT, README], ids=name_of)
def test_the_examples_in_javascript_make_calendars(page: Path) -> None:
    example = "\n".join(blocks(page, "js"))
    example = re.sub(r"^import .* from 'y-websocket'$", "", example, flags=re.MULTILINE)
    run = subprocess.run(
        ["node", "--input-type=module", "-"],
        input=HARNESS.format(example=example).encode(),
        cwd=FOLDER,
        capture_output=True,
        timeout=20,
    )
    assert run.returncode == 0, run.stderr.decode()
    doc: Doc[Map[object]] = Doc()
    doc.apply_update(b64decode(run.stdout.splitlines()[-1]))
    calendar = calendar_of(doc)
    assert calendar.problems() == []
    (event,) = calendar.events()
    assert (event.title, event.description[-13:]) == ("Stand-up", "Bring coffee.")
    march = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 16, tzinfo=UTC)
    days = [instance.starts_at.day for instance in calendar.between(*march)]
    if page == README:
        assert days == [2]
        return
    assert days == [2, 4, 11]  # 2026-03-09 is cancelled
    assert (event.location, event.sequence, event.alarms[0].before_seconds) == ("Room 4", 4, 600)
    (deleted,) = calendar.deleted()
    assert (deleted.title, deleted.sequence) == ("Lunch", 3)


# The protocol


def test_messages_have_these_numbers() -> None:
    values: dict[str, messages.Message] = {
        "SyncStep1": messages.SyncStep1(b""),
        "SyncStep2": messages.SyncStep2(b""),
        "Update": messages.Update(b""),
        "Awareness": messages.Awareness(b""),
        "PermissionDenied": messages.PermissionDenied(""),
        "QueryAwareness": messages.QueryAwareness(),
        "SyncStatus": messages.SyncStatus(b""),
    }
    table = rows(section(PROTOCOL, "Messages"))
    assert [cells[2] for cells in table] == list(values)
    for kind, subtype, name, body in table:
        numbers = [int(number) for number in (kind, subtype) if number]
        length = [] if body == "nothing" else [0]
        assert list(messages.encode(values[name])) == [*numbers, *length]


def test_roles_are_these() -> None:
    listed = [code(cells[0])[0] for cells in rows(section(PROTOCOL, "Who you are"))]
    roles = [role.name.lower() for role in Role]
    assert listed[-len(roles) :] == roles


def errors(root: type[CalendarError] = CalendarError) -> Iterator[type[CalendarError]]:
    yield root
    for branch in root.__subclasses__():
        yield from errors(branch)


def test_close_codes_are_these() -> None:
    listed = {
        int(cells[0]): set(code(cells[1])) for cells in rows(section(PROTOCOL, "Close codes"))
    }
    actual: dict[int, set[str]] = {}
    for error in errors():
        actual.setdefault(error.close_code, set()).add(error.slug)
    assert listed == actual
    assert all(before < after for before, after in pairwise(listed))


def test_limits_are_these() -> None:
    table = rows(section(PROTOCOL, "Limits"))
    listed = {plain(cells[0]): ast.literal_eval(plain(cells[1])) for cells in table}
    limits = Limits()
    assert listed == {name: getattr(limits, name) for name in Limits.__dataclass_fields__}


def test_metrics_are_these() -> None:
    table = [cells for cells in rows(section(PROTOCOL, "Health")) if "crdt_calendar_" in cells[0]]
    assert [len(cells) for cells in table] == [3] * len(table)
    families = list(Metrics().collect())
    suffixes = {"counter": "_total"}
    actual = {family.name + suffixes.get(family.type, "") for family in families}
    assert {plain(cells[0]) for cells in table} == actual
    labels = {plain(cells[0]): code(cells[1]) for cells in table}
    for family in families:
        own = list(getattr(family, "_labelnames", ()))
        assert labels[family.name + suffixes.get(family.type, "")] == own


# The rest


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [re.split(r"[><=;~! ]", line)[0] for line in project["dependencies"]]
    table = rows(DEPENDENCIES.read_text())
    assert [plain(cells[0]) for cells in table] == declared
    assert all(cells[1] for cells in table)


def test_every_package_of_the_page_has_its_reason() -> None:
    declared = json.loads((ROOT / "server" / "web" / "package.json").read_text())["dependencies"]
    table = rows(PAGE_DEPENDENCIES.read_text())
    assert sorted(name for cells in table for name in code(cells[0])) == sorted(declared)
    assert all(cells[1] for cells in table)


def test_the_loads_are_those_that_are_measured() -> None:
    table = rows(section(FANOUT, "Measured"))
    assert [(cells[0], cells[1]) for cells in table] == [
        (row.key, row.title) for row in ROWS.values()
    ]
