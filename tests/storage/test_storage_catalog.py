"""Projects, members and revoked tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from crdt_calendar.errors import InvalidValue, NoSuchProject
from server.auth.authority import Members
from server.storage.catalog import (
    Catalog,
    Change,
    Member,
    MemberChanged,
    Project,
    ProjectDeleted,
    TokenRevoked,
    project_id,
)
from server.storage.sqlite import open_store
from tests.storage.histories import edits, entries

pytestmark = pytest.mark.anyio


class Clock:
    """A wall clock that is set by hand."""

    def __init__(self) -> None:
        self.ms = 1_000

    def __call__(self) -> int:
        """The time."""
        return self.ms


@pytest.fixture
def clock() -> Clock:
    """One that says 1,000."""
    return Clock()


@pytest.fixture
async def catalog(database: Path, clock: Clock) -> AsyncIterator[Catalog]:
    """That of a fresh file, with a project "team"."""
    async with open_store(database, clock_ms=clock) as store:
        await store.catalog.create_project("team")
        yield store.catalog


@pytest.mark.parametrize("text", ["a", "Team-1", "2026.budget~v2_x", "x" * 128])
def test_these_are_project_ids(text: str) -> None:
    assert project_id(text) == text


@pytest.mark.parametrize(
    "text", ["", ".", "..", "-a", "a/b", "a b", "a\n", "ä", "x" * 129, "a%2e", "\x00", "_a"]
)
def test_these_are_none(text: str) -> None:
    with pytest.raises(NoSuchProject):
        project_id(text)


async def test_projects_are_made_listed_and_found(catalog: Catalog, clock: Clock) -> None:
    clock.ms = 2_000
    board = await catalog.create_project("board", kind="lineup", name="Aufstellung")
    assert board == Project("board", "lineup", "Aufstellung", 2_000)
    assert await catalog.project("board") == board
    assert await catalog.project("nothing") is None
    assert [project.id for project in await catalog.projects()] == ["board", "team"]
    assert (await catalog.projects())[1].name == "team"


async def test_a_project_is_made_once_and_of_a_known_kind(catalog: Catalog) -> None:
    with pytest.raises(InvalidValue, match="exists"):
        await catalog.create_project("team")
    with pytest.raises(InvalidValue, match="kind"):
        await catalog.create_project("other", kind="diary")
    with pytest.raises(NoSuchProject):
        await catalog.create_project("no/way")
    assert len(await catalog.projects()) == 1


async def test_members_come_change_and_go(catalog: Catalog, clock: Clock) -> None:
    added = await catalog.set_member("team", "ada", "viewer", "Ada")
    assert added == Member("team", "ada", "viewer", "Ada", 1_000, revoked=False)
    clock.ms = 2_000
    await catalog.set_member("team", "ada", "owner")
    assert await catalog.member("team", "ada") == Member(
        "team", "ada", "owner", "Ada", 2_000, revoked=False
    )
    clock.ms = 3_000
    removed = await catalog.remove_member("team", "ada")
    assert removed == Member("team", "ada", "owner", "Ada", 3_000, revoked=True)
    assert await catalog.member("team", "ada") == removed
    clock.ms = 4_000
    await catalog.set_member("team", "ada", "editor")
    await catalog.set_member("team", "Zoë", "viewer")
    assert [(m.user, m.role, m.revoked) for m in await catalog.members("team")] == [
        ("Zoë", "viewer", False),
        ("ada", "editor", False),
    ]


async def test_somebody_who_was_never_a_member_can_be_shut_out(catalog: Catalog) -> None:
    removed = await catalog.remove_member("team", "mallory")
    assert removed.revoked
    assert await catalog.member("team", "mallory") == removed
    assert await catalog.member("team", "nobody") is None


async def test_a_clock_set_back_makes_no_change_older_than_the_last(
    catalog: Catalog, clock: Clock
) -> None:
    await catalog.set_member("team", "ada", "owner")
    clock.ms = 10
    removed = await catalog.remove_member("team", "ada")
    assert removed.changed_at_ms == 1_001


async def test_impossible_members_are_refused(catalog: Catalog) -> None:
    with pytest.raises(InvalidValue, match="role"):
        await catalog.set_member("team", "ada", "admin")
    with pytest.raises(InvalidValue, match="user"):
        await catalog.set_member("team", "", "viewer")
    for call in (
        catalog.set_member("nothing", "ada", "viewer"),
        catalog.remove_member("nothing", "ada"),
        catalog.members("nothing"),
        catalog.delete_project("nothing"),
    ):
        with pytest.raises(NoSuchProject, match="nothing"):
            await call


async def test_tokens_are_revoked_for_good(catalog: Catalog) -> None:
    assert not await catalog.revoked("t1")
    await catalog.revoke_token("t1")
    await catalog.revoke_token("t1")
    assert await catalog.revoked("t1")
    assert not await catalog.revoked("t2")


async def test_a_change_is_told_after_it_is_stored(catalog: Catalog) -> None:
    heard: list[Change] = []
    catalog.changes.append(heard.append)
    ada = await catalog.set_member("team", "ada", "editor")
    gone = await catalog.remove_member("team", "ada")
    await catalog.revoke_token("t1")
    with pytest.raises(InvalidValue):
        await catalog.set_member("team", "ada", "admin")
    await catalog.delete_project("team")
    assert heard == [
        MemberChanged(ada),
        MemberChanged(gone),
        TokenRevoked("t1"),
        ProjectDeleted("team"),
    ]


@pytest.mark.parametrize("change", ["remove", "revoke", "delete"])
async def test_a_change_is_told_even_when_its_caller_gives_up(
    catalog: Catalog, change: str
) -> None:
    heard: list[Change] = []
    catalog.changes.append(heard.append)
    with anyio.CancelScope() as scope:
        scope.cancel()
        match change:
            case "remove":
                await catalog.remove_member("team", "ada")
            case "revoke":
                await catalog.revoke_token("t1")
            case _:
                await catalog.delete_project("team")
    assert len(heard) == 1


async def test_a_deleted_project_takes_its_members_and_its_document_along(database: Path) -> None:
    async with open_store(database) as store:
        await store.catalog.create_project("team")
        await store.catalog.set_member("team", "ada", "owner")
        await store.log.append(entries(edits(5), room="team"))
        await store.log.set_recovering("team", True)
        await store.compaction.compact("team")
        await store.catalog.delete_project("team")
        await store.catalog.create_project("team")
        stored = await store.log.load("team")
        assert (stored.update, dict(stored.bindings), stored.recovering) == (b"", {}, False)
        assert await store.catalog.members("team") == []
        (number,) = await store.log.append(entries(edits(1), room="team"))
        assert number == 6
        assert (await store.compaction.sweep(0)).removed_rows == 5
        assert len(await store.log.history("team")) == 1


async def test_it_is_what_the_authority_asks(catalog: Catalog) -> None:
    members: Members = catalog  # mypy is the test
    assert await members.project("team")
