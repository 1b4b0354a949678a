"""Who may do what, when the token and the members table disagree."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt_calendar.errors import AccessError, Forbidden, NoSuchProject, Unauthenticated
from server.auth.authority import Authority, decide
from server.auth.grants import Grant, Role
from server.auth.tokens import EVERY_PROJECT, Claims, Keyring
from server.storage.sqlite import open_store

NOW = 1_800_000_000.5
NOW_MS = 1_800_000_000_500
pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@dataclass(frozen=True)
class Row:
    """A row of the members table, as storage has them."""

    role: str
    changed_at_ms: int
    revoked: bool = False
    name: str = ""


@dataclass
class Table:
    """Members in memory."""

    projects: set[str] = field(default_factory=lambda: {"team", "other"})
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    revocations: set[str] = field(default_factory=set)

    async def project(self, project: str, /) -> str | None:
        return project if project in self.projects else None

    async def member(self, project: str, user: str, /) -> Row | None:
        return self.rows.get((project, user))

    async def revoked(self, jti: str, /) -> bool:
        return jti in self.revocations


class House:
    """An authority with its keyring, members and clock."""

    def __init__(self) -> None:
        self.now = NOW
        self.table = Table()
        self.keyring = Keyring(bytes(32), clock=lambda: self.now)
        self.authority = Authority(self.keyring, self.table, clock=lambda: self.now)

    def issue(self, role: Role, project: str = "team", expires_seconds: float | None = None) -> str:
        return self.keyring.issue("ann", project, role, "Ann", expires_seconds)


@pytest.fixture
def house() -> House:
    return House()


def claims(
    role: Role | None, *, at: float = NOW, local: bool = True, project: str = "team"
) -> Claims:
    projects = {} if role is None else {project: role}
    return Claims("ann", "Ann", projects, at, None, "j", local)


def held(who: Claims, row: Row | None) -> Role | None:
    """The role that comes out, None for none."""
    try:
        return decide(who, "team", row).role
    except Forbidden:
        return None


# The rule: (claimed role, issued, by us), (role in the table, changed, removed) -> role

BEFORE, AFTER = NOW_MS - 1, NOW_MS + 1


@pytest.mark.parametrize(
    ("who", "row", "role"),
    [
        (claims(Role.EDITOR), None, Role.EDITOR),
        (claims(Role.EDITOR, local=False), None, Role.EDITOR),
        (claims(None), None, None),
        (claims(Role.OWNER, project="other"), None, None),
        (claims(Role.VIEWER, project=EVERY_PROJECT), None, Role.VIEWER),
        # a row only
        (claims(None), Row("viewer", BEFORE), Role.VIEWER),
        (claims(None), Row("viewer", BEFORE, revoked=True), None),
        # our token against a row: the latest wins
        (claims(Role.EDITOR), Row("viewer", AFTER), Role.VIEWER),
        (claims(Role.EDITOR), Row("viewer", BEFORE), Role.EDITOR),
        (claims(Role.VIEWER), Row("owner", BEFORE), Role.VIEWER),
        (claims(Role.VIEWER), Row("owner", AFTER), Role.OWNER),
        (claims(Role.EDITOR), Row("editor", AFTER, revoked=True), None),
        (claims(Role.EDITOR), Row("editor", BEFORE, revoked=True), Role.EDITOR),
        (claims(Role.OWNER, project="*"), Row("editor", AFTER, revoked=True), None),
        (claims(Role.OWNER, project="*"), Row("viewer", BEFORE), Role.OWNER),
        # in the same millisecond, the row
        (claims(Role.OWNER), Row("viewer", NOW_MS), Role.VIEWER),
        (claims(Role.OWNER), Row("viewer", NOW_MS, revoked=True), None),
        # a foreign token against a row: the row, whenever
        (claims(Role.OWNER, local=False), Row("viewer", BEFORE), Role.VIEWER),
        (claims(Role.OWNER, local=False), Row("viewer", BEFORE, revoked=True), None),
        (claims(Role.VIEWER, local=False), Row("owner", AFTER), Role.OWNER),
    ],
)
def test_the_latest_word_counts(who: Claims, row: Row | None, role: Role | None) -> None:
    assert held(who, row) == role


roles = st.sampled_from(Role)
instants = st.integers(NOW_MS - 3, NOW_MS + 3)


@settings(max_examples=500, derandomize=True)
@given(
    who=st.builds(
        lambda role, ms, local: claims(role, at=ms / 1000, local=local),
        st.none() | roles,
        instants,
        st.booleans(),
    ),
    row=st.none()
    | st.builds(lambda role, ms, gone: Row(role.name, ms, gone), roles, instants, st.booleans()),
)
def test_nobody_gets_a_role_that_nobody_gave(who: Claims, row: Row | None) -> None:
    role = held(who, row)
    claimed = who.role("team")
    given_by_row = None if row is None or row.revoked else Role.parse(row.role)
    assert role in {claimed, given_by_row}
    if row is not None and row.revoked and role is not None:
        assert who.local and who.issued_at * 1000 > row.changed_at_ms
    if row is not None and row.changed_at_ms > NOW_MS + 2:
        assert role == given_by_row  # nothing was issued later than that


def test_the_table_may_know_a_better_name() -> None:
    row = Row("viewer", AFTER, name="Dr. Ann")
    assert decide(claims(Role.OWNER), "team", row).name == "Dr. Ann"
    assert decide(claims(Role.OWNER), "team", Row("viewer", AFTER)).name == "Ann"


# Coming in


async def test_a_token_becomes_a_grant(house: House) -> None:
    token = house.issue(Role.EDITOR, expires_seconds=60)
    grant = await house.authority.grant(token, "team")
    assert grant == Grant("ann", "team", Role.EDITOR, "Ann", NOW + 60)


@pytest.mark.parametrize("token", [None, "", "nonsense"])
async def test_strangers_learn_nothing_about_projects(house: House, token: str | None) -> None:
    for project in ("team", "nowhere"):
        with pytest.raises(Unauthenticated) as caught:
            await house.authority.grant(token, project)
        assert project not in str(caught.value)


async def test_a_project_that_is_not_there(house: House) -> None:
    for token in (house.issue(Role.OWNER), house.issue(Role.OWNER, EVERY_PROJECT)):
        with pytest.raises(NoSuchProject, match="no project 'nowhere'"):
            await house.authority.grant(token, "nowhere")


async def test_a_project_of_others(house: House) -> None:
    with pytest.raises(Forbidden, match="ann is no member of project other"):
        await house.authority.grant(house.issue(Role.OWNER), "other")


async def test_a_revoked_token_opens_nothing(house: House) -> None:
    token, other = house.issue(Role.OWNER), house.issue(Role.OWNER)
    house.table.revocations.add((await house.authority.identify(token)).jti)
    with pytest.raises(Unauthenticated, match="the token has been revoked"):
        await house.authority.grant(token, "team")
    assert await house.authority.grant(other, "team")


# Staying in


async def test_nothing_changed_means_the_very_same_grant(house: House) -> None:
    who = await house.authority.identify(house.issue(Role.EDITOR))
    grant = await house.authority.admit(who, "team")
    assert await house.authority.regrant(grant, who) is grant


async def test_downgraded_promoted_renamed(house: House) -> None:
    who = await house.authority.identify(house.issue(Role.EDITOR))
    grant = await house.authority.admit(who, "team")
    for row in (Row("viewer", AFTER), Row("owner", AFTER), Row("owner", AFTER, name="A.")):
        house.table.rows["team", "ann"] = row
        grant = await house.authority.regrant(grant, who)
        assert (grant.role.name.lower(), grant.name) == (row.role, row.name or "Ann")


async def test_what_ends_a_stay(house: House) -> None:
    who = await house.authority.identify(house.issue(Role.EDITOR, expires_seconds=60))
    grant = await house.authority.admit(who, "team")

    async def ended() -> type[AccessError]:
        with pytest.raises(AccessError) as caught:
            await house.authority.regrant(grant, who)
        return caught.type

    house.table.rows["team", "ann"] = Row("editor", AFTER, revoked=True)
    assert await ended() is Forbidden
    house.table.rows.clear()
    house.table.projects.remove("team")
    assert await ended() is NoSuchProject
    house.table.projects.add("team")
    house.table.revocations.add(who.jti)
    assert await ended() is Unauthenticated
    house.table.revocations.clear()
    house.now += 59.9
    assert await house.authority.regrant(grant, who) is grant
    house.now += 0.1
    assert await ended() is Unauthenticated


async def test_a_removed_user_comes_back_by_a_new_token_only(house: House) -> None:
    old = house.issue(Role.EDITOR)
    house.now += 1
    house.table.rows["team", "ann"] = Row("editor", int(house.now * 1000), revoked=True)
    house.now += 1
    with pytest.raises(Forbidden, match="no longer a member"):
        await house.authority.grant(old, "team")
    assert await house.authority.grant(house.issue(Role.EDITOR), "team")


# With the members that are really there


async def test_the_catalog_is_what_the_authority_asks(tmp_path: Path) -> None:
    keyring = Keyring(bytes(32))
    async with open_store(tmp_path / "calendar.db") as store:
        catalog, authority = store.catalog, Authority(keyring, store.catalog)
        await catalog.create_project("team")
        await catalog.set_member("team", "bob", "viewer", "Bob")
        bob = await authority.identify(keyring.issue("bob", "none", Role.OWNER))
        grant = await authority.admit(bob, "team")
        assert grant == Grant("bob", "team", Role.VIEWER, "Bob")
        await catalog.set_member("team", "bob", "owner")
        grant = await authority.regrant(grant, bob)
        assert grant.role is Role.OWNER
        await catalog.remove_member("team", "bob")
        with pytest.raises(Forbidden, match="no longer a member"):
            await authority.regrant(grant, bob)
        # Somebody the table has never heard of can be shut out as well.
        ann = await authority.identify(keyring.issue("ann", EVERY_PROJECT, Role.OWNER))
        grant = await authority.admit(ann, "team")
        await catalog.remove_member("team", "ann")
        with pytest.raises(Forbidden):
            await authority.regrant(grant, ann)
        await catalog.revoke_token(ann.jti)
        with pytest.raises(Unauthenticated):
            await authority.regrant(grant, ann)
        for project in ("nowhere", "", "../team", "x" * 1000, "\0", "안"):
            with pytest.raises(NoSuchProject):
                await authority.admit(ann, project)
