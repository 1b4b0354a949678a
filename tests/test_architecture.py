"""The floors of the house: who may import whom, and that the page about it is true."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"

# From the ground up. A module imports from lower floors and from its own unit, never sideways.
# A name stands for a module or for a package with all that is in it.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("crdt_calendar.errors", "crdt_calendar.limits"),
    ("crdt_calendar.protocol", "crdt_calendar.model"),
    ("crdt_calendar.ics", "crdt_calendar.client", "crdt_calendar.shapes"),
    ("server.storage", "server.auth", "server.metrics", "server.settings", "server.logs"),
    ("server.rooms",),
    (
        "server.gateways.line",
        "server.gateways.problem",
        "server.gateways.outbox",
        "server.demo",
    ),
    (
        "server.gateways.yjs",
        "server.gateways.events",
        "server.gateways.polling",
        "server.gateways.session",
        "server.gateways.calendars",
        "server.gateways.board",
        "server.gateways.assets",
        "server.gateways.page",
        "server.gateways.health",
        "server.gateways.rest",
        "server.gateways.feeds",
        "server.gateways.graphql",
        "server.gateways.admin",
        "server.serving",
    ),
    ("server.app",),
    ("server.commands",),
    ("server.cli",),
    ("server.__main__",),
)

# Packages that only hold others. They import nothing, so nobody gets more than was asked for.
ROOTS = ("crdt_calendar", "server", "server.gateways")

# Where a lower floor may be seen through a narrow door only: (who, of what, only this).
DOORS = (
    # Rooms know contracts, not what keeps the promise.
    ("server.rooms", "server.storage", ("server.storage.log",)),
    ("server.rooms", "server.auth", ("server.auth.grants",)),
    ("server.rooms.room", "crdt_calendar.model", ("crdt_calendar.model.calendar",)),
    ("server.rooms.replica", "crdt_calendar.model", ("crdt_calendar.model.calendar",)),
    # Clients come in through rooms. Only those who run the service reach the file beside them.
    ("server.gateways.yjs", "server.storage", ()),
    ("server.gateways.events", "server.storage", ()),
    ("server.gateways.polling", "server.storage", ()),
    ("server.gateways.session", "server.storage", ()),
    ("server.gateways.calendars", "server.storage", ()),
    ("server.gateways.board", "server.storage", ()),
    ("server.gateways.assets", "server.storage", ()),
    ("server.gateways.page", "server.storage", ()),
    ("server.gateways.health", "server.storage", ()),
    ("server.gateways.rest", "server.storage", ("server.storage.contracts",)),
    ("server.gateways.feeds", "server.storage", ("server.storage.contracts",)),
    ("server.gateways.graphql", "server.storage", ()),
    # Serving carries bytes and knows of no document.
    ("server.serving", "crdt_calendar", ("crdt_calendar.errors",)),
    ("server.serving", "server.rooms", ("server.rooms.frame", "server.rooms.line")),
    # A client says what the protocol says, and judges no update: that is the server's.
    (
        "crdt_calendar.client",
        "crdt_calendar.protocol",
        tuple(
            f"crdt_calendar.protocol.{name}"
            for name in ("lib0", "messages", "presence", "session", "update")
        ),
    ),
    # Updates mean something to the protocol without any document, and only there.
    ("crdt_calendar.model", "crdt_calendar.limits", ()),
)

# What talks to the world outside: not from the library, but for its client.
OUTSIDE = {"anyio", "asyncio", "http", "httpx", "os", "select", "socket", "subprocess", "threading"}
CLOCKS = {"monotonic", "now", "perf_counter", "time_ns", "today", "utcnow"}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def modules() -> dict[str, Path]:
    paths = [path for top in ("crdt_calendar", "server") for path in (ROOT / top).rglob("*.py")]
    return {module_name(path): path for path in sorted(paths)}


@cache
def imports(module: str) -> frozenset[str]:
    """All that a module imports, wherever in it; modules of ours by their full name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(modules()[module].read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{module}: relative imports hide the floor"
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found.update(name if name in modules() else node.module for name in names)
    return frozenset(found)


def ours(module: str) -> list[str]:
    return sorted(imports(module) & modules().keys())


def is_in(module: str, unit: str) -> bool:
    return module == unit or module.startswith(f"{unit}.")


def home(module: str) -> tuple[int, str] | None:
    """The floor and the unit of a module."""
    for floor, units in enumerate(FLOORS):
        for unit in units:
            if is_in(module, unit):
                return floor, unit
    return None


@pytest.mark.parametrize("module", [name for name in modules() if name not in ROOTS])
def test_a_module_imports_from_lower_floors(module: str) -> None:
    own = home(module)
    assert own, f"{module} has no floor; give it one in FLOORS and in docs/architecture.md"
    for imported in ours(module):
        theirs = home(imported)
        assert theirs, f"{module} imports {imported}, which is on no floor"
        assert theirs[0] < own[0] or theirs == own, f"{module} imports {imported}, not below it"


@pytest.mark.parametrize("module", ROOTS)
def test_what_only_holds_others_imports_none_of_them(module: str) -> None:
    assert ours(module) == []


@pytest.mark.parametrize(("who", "whole", "narrow"), DOORS)
def test_some_lower_floors_are_seen_through_a_door(
    who: str, whole: str, narrow: tuple[str, ...]
) -> None:
    concerned = [module for module in modules() if is_in(module, who)]
    assert concerned
    for module in concerned:
        beyond = [name for name in ours(module) if is_in(name, whole) and name not in narrow]
        assert beyond == [], f"{module} may see of {whole} only {narrow or 'nothing'}"


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {module: ours(module) for module in modules()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)


SANS_IO = [
    name
    for name in modules()
    if is_in(name, "crdt_calendar") and not is_in(name, "crdt_calendar.client")
]


@pytest.mark.parametrize("module", SANS_IO)
def test_the_library_does_no_input_or_output(module: str) -> None:
    used = {name for name in imports(module) if name.partition(".")[0] in OUTSIDE}
    assert used <= {"os.path"}, "crdt_calendar is sans I/O: give it bytes and times"
    assert names(modules()[module]) & CLOCKS == set(), "times are given to the library"


def test_the_protocol_reads_updates_without_a_document() -> None:
    using = [module for module in modules() if "pycrdt" in imports(module)]
    assert [module for module in using if is_in(module, "crdt_calendar.protocol")] == []
    assert using != []


def test_only_settings_read_the_environment() -> None:
    reading = [name for name, path in modules().items() if "environ" in names(path)]
    assert reading == ["server.settings"]


def names(path: Path) -> set[str]:
    """The attributes and names a module uses or imports."""
    tree = ast.parse(path.read_text())
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    imported = {node.name for node in ast.walk(tree) if isinstance(node, ast.alias)}
    calls = {"getenv", "environb"} & (used | imported)
    return used | imported | ({"environ"} if calls else set())


def test_the_page_draws_these_floors() -> None:
    drawn = re.findall(r"^ *(\d+)  +(\S.*)$", section("Floors"), re.MULTILINE)
    assert [int(number) for number, _ in drawn] == list(reversed(range(len(FLOORS))))
    for number, units in drawn:
        assert tuple(units.split()) == tuple(map(short, FLOORS[int(number)]))


def short(unit: str) -> str:
    return unit.removeprefix("crdt_calendar.").removeprefix("server.")


def test_the_page_names_every_module() -> None:
    files = {path.relative_to(ROOT).as_posix() for path in modules().values()}
    assert set(listed(section("Every module"))) == {name for name in files if not is_bare(name)}


def is_bare(name: str) -> bool:
    """Whether a file is the ``__init__`` of a package and has nothing but its docstring."""
    return name.endswith("__init__.py") and len(ast.parse((ROOT / name).read_text()).body) <= 1


def section(title: str) -> str:
    _, _, rest = PAGE.read_text().partition(f"\n## {title}\n")
    assert rest, f"docs/architecture.md has no section {title!r}"
    return rest.partition("\n## ")[0]


def listed(text: str) -> Iterator[str]:
    """The files in trees drawn by indentation: folders end in a slash, words after are prose."""
    folders: list[tuple[int, str]] = []
    for indent, name in re.findall(r"^( *)([\w.]+/|\w+\.py)(?= |$)", text, re.MULTILINE):
        while folders and folders[-1][0] >= len(indent):
            folders.pop()
        if name.endswith("/"):
            folders.append((len(indent), name))
        else:
            yield "".join(folder for _, folder in folders) + name
