"""With a server: edits arrive, are heard, and are known to be saved."""

from __future__ import annotations

import anyio
import pytest

from crdt_calendar.client import Change, EditsRejected, Kind, Progress, Status, Way
from crdt_calendar.errors import InvalidValue
from tests.client.conftest import Site
from tests.client.rig import saved, timing, titles, until, until_status, until_synced

pytestmark = pytest.mark.anyio


async def test_what_one_writes_another_reads(site: Site) -> None:
    async with site.client("ann") as ann, site.client("bob") as bob:
        made = ann.create(title="점심")
        assert [edit.events for edit in ann.pending] == [{made}]
        await saved(ann)
        assert ann.pending == ()
        await until(lambda: made in bob)
        bob.update(made, location="Room 4")
        await until(lambda: ann.get(made).location == "Room 4")
        stamp = ann.get(made).updated
        assert stamp is not None and stamp.by == "bob"
        assert (ann.client.state.status, ann.client.state.way) == (Status.CONNECTED, Way.WEBSOCKET)


async def test_saved_edits_survive_kill_9_of_the_server(own_site: Site) -> None:
    async with own_site.client("ann") as ann:
        made = [ann.create(title=f"event {number}") for number in range(20)]
        ann.delete(made[0])
        await saved(ann)
        own_site.server.kill()
    own_site.server.start()
    async with own_site.client("bob") as bob:
        await until_synced(bob)
        assert {event.id for event in bob.events()} == set(made[1:])
        assert [event.id for event in bob.deleted()] == made[:1]


async def test_leaving_lets_what_is_under_way_arrive(site: Site) -> None:
    async with site.client("ann") as ann:
        await until_synced(ann)
        ann.create(title="last words")
    async with site.client("bob") as bob:
        await until_synced(bob)
        assert titles(bob) == {"last words"}


async def test_a_batch_is_one_edit_and_one_change(site: Site) -> None:
    async with site.client("ann") as ann, site.client("bob") as bob:
        await until_synced(bob)
        heard = bob.changes()
        with ann.batch():
            made = ann.create(title="one")
            ann.update(made, location="two")
        assert len(ann.pending) == 1
        with anyio.fail_after(5):
            change = await anext(heard)
        assert (change.kind, change.id) == (Kind.CREATED, made)


async def test_changes_say_what_who_and_when(site: Site) -> None:
    async with site.client("ann") as ann, site.client("bob") as bob:
        await until_synced(ann)
        await until_synced(bob)
        here, there = ann.changes(), bob.changes()
        made = ann.create(title="one")
        both = [await _next(here), await _next(there)]
        assert [change.local for change in both] == [True, False]
        for change in both:
            assert (change.kind, change.id, change.by) == (Kind.CREATED, made, "ann")
            assert change.at is not None
        bob.update(made, title="two", location="here")
        change = await _next(here)
        assert change.kind is Kind.UPDATED
        assert change.fields == {"title", "location"}
        assert (change.by, change.local) == ("bob", False)
        ann.delete(made)
        gone = await _next(here)
        assert (gone.kind, gone.by, gone.local) == (Kind.DELETED, "ann", True)
        kinds = [(await _next(there)).kind for _ in range(2)]
        ann.restore(made)
        kinds.append((await _next(there)).kind)
        ann.set_properties(name="ours")
        kinds.append((await _next(there)).kind)
        assert kinds == [Kind.UPDATED, Kind.DELETED, Kind.RESTORED, Kind.CALENDAR]


async def _next(stream: object) -> Change:
    with anyio.fail_after(5):
        change = await anext(stream)  # type: ignore[call-overload]
        assert isinstance(change, Change)
        return change


async def test_a_viewers_edits_come_back_and_arrive_when_they_become_an_editor(site: Site) -> None:
    heard: list[EditsRejected] = []
    site.server.admin("members.add", project=site.project, user="ann", role="viewer")
    token = site.server.token("ann", site.project, "viewer")
    async with site.client("ann", token=token, on_rejected=heard.append) as ann:
        await until_synced(ann)
        made = ann.create(title="mine")
        with pytest.raises(EditsRejected) as caught:
            await saved(ann)
        assert caught.value.events == {made}
        assert caught.value.code is None
        await until(lambda: heard)
        assert [error.events for error in heard] == [{made}]
        assert ann.client.read_only
        assert ann.client.state.status is Status.CONNECTED
        with pytest.raises(EditsRejected):
            await saved(ann)
        assert [edit.events for edit in ann.pending] == [{made}], "it is not dropped"
        site.server.admin("members.add", project=site.project, user="ann", role="editor")
        await until(lambda: not ann.pending)
        await saved(ann)
    async with site.client("bob") as bob:
        await until_synced(bob)
        assert titles(bob) == {"mine"}


async def test_a_viewers_edits_made_offline_come_back_as_well(site: Site) -> None:
    site.proxy.down()
    heard: list[EditsRejected] = []
    async with site.client("eve", "viewer", on_rejected=heard.append) as eve:
        made = eve.create(title="mine")
        site.proxy.accept()
        with pytest.raises(EditsRejected):
            await saved(eve)
        later = eve.create(title="another")
        await until(lambda: len(heard) == 2)
        assert [error.events for error in heard] == [{made}, {later}]


@pytest.mark.parametrize(("role", "code"), [("removed", 4403), ("nobody", 4404), ("forged", 4401)])
async def test_final_refusals_end_in_an_error_that_names_the_edits(
    site: Site, role: str, code: int
) -> None:
    token = site.token("ann")
    if role == "removed":
        site.server.admin("members.add", project=site.project, user="ann", role="editor")
        site.server.admin("members.remove", project=site.project, user="ann")
    if role == "nobody":
        token = site.server.token("ann", "*", "editor")
        site.project = "no-such-project"
    if role == "forged":
        token = token[:-8] + "AAAAAAAA"
    async with site.client("ann", token=token) as ann:
        made = ann.create(title="mine")
        with pytest.raises(EditsRejected) as caught:
            await saved(ann)
        assert caught.value.code == code
        assert caught.value.events == {made}
        state = ann.client.state
        assert (state.status, state.code) == (Status.ERROR, code)
        before = site.proxy.connections
        await anyio.sleep(0.3)
        assert site.proxy.connections == before, "not tried again unchanged"
        ann.client.retry_now()
        await until(lambda: site.proxy.connections > before)


async def test_an_expired_token_is_replaced_once(site: Site) -> None:
    asked: list[bool] = []

    async def tokens(refused: bool) -> str:
        asked.append(refused)
        return site.token("ann") if refused else "stale"

    async with site.client(token=tokens) as ann:
        made = ann.create(title="mine")
        await saved(ann)
        assert asked == [False, True]
        assert ann.user == "ann"
        ann.update(made, title="still mine")
        assert ann.get(made).updated.by == "ann"  # type: ignore[union-attr]


async def test_a_token_that_is_refused_twice_is_an_error(site: Site) -> None:
    asked: list[bool] = []

    async def tokens(refused: bool) -> str:
        asked.append(refused)
        return "stale"

    async with site.client(token=tokens) as ann:
        await until_status(ann.client, Status.ERROR)
        assert (asked, ann.client.state.code) == ([False, True], 4401)


async def test_a_token_that_runs_out_is_replaced_and_nothing_is_lost(site: Site) -> None:
    async def tokens(refused: bool) -> str:
        seconds = None if refused else 1.0
        return site.server.token("ann", site.project, expires_seconds=seconds)

    async with site.client(token=tokens) as ann:
        await until_synced(ann)
        await until_status(ann.client, Status.RECONNECTING)
        ann.create(title="while it was away")
        await saved(ann)
        assert ann.client.state.status is Status.CONNECTED


async def test_who_gives_out_no_tokens_for_a_while_is_asked_again(site: Site) -> None:
    asked = 0

    async def tokens(refused: bool) -> str:
        nonlocal asked
        asked += 1
        if asked < 4:
            raise ConnectionError("the network is down")
        return site.token("ann")

    async with site.client(token=tokens) as ann:
        ann.create(title="mine")
        await saved(ann)
        assert ann.client.state.way is Way.WEBSOCKET, "a missing token blocks no WebSocket"


async def test_states_are_told_in_order(own_site: Site) -> None:
    called = []
    client = own_site.client(on_state=lambda state: called.append(state.status))
    async with client as ann:
        states = client.states()
        await until_synced(ann)
        own_site.proxy.down()
        await until_status(client, Status.RECONNECTING)
        own_site.proxy.accept()
        await until_synced(ann)
    told = [state.status async for state in states]
    assert told[:4] == [
        Status.CONNECTING,
        Status.CONNECTED,
        Status.DISCONNECTED,
        Status.RECONNECTING,
    ]
    assert told[-2:] == [Status.CONNECTED, Status.DISCONNECTED]
    assert called == told[1:]


async def test_attempts_can_be_limited(site: Site) -> None:
    site.proxy.down()
    async with site.client(timing=timing(attempts=3)) as ann:
        await until_status(ann.client, Status.ERROR)
        assert ann.client.state.failures == 3
        site.proxy.accept()
        ann.client.retry_now()
        await until_synced(ann)


async def test_a_backlog_tells_how_far_it_has_come(site: Site) -> None:
    site.proxy.down()
    told: list[Progress] = []
    async with site.client(on_progress=told.append) as ann:
        for number in range(60):
            ann.create(title=f"event {number}", description="x" * 8000)
        site.proxy.toxics.bytes_per_second = 2_000_000
        site.proxy.accept()
        await saved(ann)
    assert len(told) > 10
    assert {progress.edits for progress in told} == {60}
    assert {progress.total_bytes for progress in told} == {told[-1].sent_bytes}
    assert [one.sent_bytes for one in told] == sorted(one.sent_bytes for one in told)
    assert told[0].sent_bytes < told[-1].sent_bytes / 10


async def test_too_large_an_edit_is_rejected_by_name(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    from tests.support.server import running
    from tests.support.toxic import toxic

    folder = tmp_path_factory.mktemp("limit")
    limit = {"CRDT_CALENDAR_LIMIT_FRAME_BYTES": "20000"}
    with running(folder / "data", **limit) as server, toxic(server.port) as proxy:
        site = Site(server, proxy, "demo", folder)
        async with site.client() as ann:
            await until_synced(ann)
            large = ann.create(title="x" * 30_000)
            with pytest.raises(EditsRejected) as caught:
                await saved(ann)
            assert caught.value.code == 1009
            assert caught.value.events == {large}
            assert ann.client.state.status is Status.ERROR


@pytest.mark.parametrize("url", ["example.org", "ftp://example.org", "http://", "http://h:x"])
async def test_a_url_that_is_none_is_refused_at_once(site: Site, url: str) -> None:
    from crdt_calendar.client import CalendarClient

    with pytest.raises(InvalidValue, match="url"):
        CalendarClient(url, site.project, "token")


async def test_what_the_block_raises_comes_out_as_it_is(site: Site) -> None:
    with pytest.raises(KeyError):
        async with site.client():
            raise KeyError("not in a group")
