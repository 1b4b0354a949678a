"""Listeners: they hear of whole commits, in order, from the one after they came."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import pytest
from pycrdt import Map

from crdt_calendar.errors import CalendarError, ServiceRestart, Unauthenticated
from crdt_calendar.limits import Limits
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.changes import CalendarChanged, Created, Deleted, Restored, Updated
from crdt_calendar.protocol.messages import Update
from crdt_calendar.protocol.presence import read_presence
from server.auth.grants import Grant, Role
from server.rooms.listener import Listener
from server.rooms.news import Heard, News, Opened, Shown
from server.rooms.room import Room
from server.storage.memory import MemoryLog
from server.storage.sqlite import open_store
from tests.rooms.house import House, house, settled

pytestmark = pytest.mark.anyio

ANN = Grant("ann", "demo", Role.EDITOR)


class Ear:
    """A listener that keeps what it hears."""

    def __init__(self, room: Room, listener: Listener, heard: list[Heard]) -> None:
        self.room = room
        self.listener = listener
        self.heard = heard

    @property
    def opened(self) -> Opened:
        first = self.heard[0]
        assert isinstance(first, Opened)
        return first

    @property
    def news(self) -> list[News]:
        return [what for what in self.heard if isinstance(what, News)]

    @property
    def shown(self) -> list[Shown]:
        return [what for what in self.heard if isinstance(what, Shown)]


def titles(calendar: Calendar) -> dict[str, str]:
    return {event.id: event.title for event in calendar.events()}


async def keep(grant: Grant) -> Grant:
    return grant


@asynccontextmanager
async def listening(
    home: House, since: int | None = None, *, user: str = "lea", expires: float | None = None
) -> AsyncIterator[Ear]:
    heard: list[Heard] = []
    async with home.registry.visit("demo", user) as room:
        if since is not None:
            await room.audience.recollect(since)
        listener = Listener(
            Grant(user, "demo", Role.VIEWER, expires=expires),
            Limits(),
            now=anyio.current_time(),
            heard=heard.append,
            ended=lambda: None,
            reconsider=keep,
            look=titles,
            since=since,
        )
        with room.audience.attended(listener):
            yield Ear(room, listener, heard)


async def test_a_listener_is_told_what_there_is_and_then_what_becomes_of_it() -> None:
    async with house() as home, listening(home) as lea:
        room = lea.room
        await room.edit(ANN, lambda calendar: calendar.create(event_id="e", title="first"))
        await room.edit(ANN, lambda calendar: calendar.update("e", title="then", location="here"))
        await room.edit(ANN, lambda calendar: calendar.delete("e"))
        await room.edit(ANN, lambda calendar: calendar.restore("e"))
        await room.edit(ANN, lambda calendar: calendar.set_properties(name="ours"))
    assert lea.opened == Opened(0, {}, ())
    assert [news.changes for news in lea.news] == [
        (Created("e"),),
        (Updated("e", frozenset({"title", "location"})),),
        (Deleted("e"),),
        (Restored("e"),),
        (CalendarChanged(frozenset({"name"})),),
    ]
    assert [news.events["e"].title for news in lea.news[:-1]] == ["first", "then", "then", "then"]
    assert [news.position for news in lea.news] == [1, 2, 3, 4, 5]
    assert {news.authors for news in lea.news} == {frozenset({"ann"})}


async def test_nobody_hears_what_is_not_on_disk() -> None:
    log = MemoryLog()
    async with house(log=log) as home, listening(home) as lea:
        await settled()
        async with anyio.create_task_group() as tasks:
            with log.held():
                tasks.start_soon(lea.room.edit, ANN, lambda c: c.create(event_id="e", title="t"))
                await settled()
                assert len(lea.room.read()) == 1  # the document has it
                assert lea.heard == [lea.opened]
            tasks.start_soon(settled)
        assert [list(news.events) for news in lea.news] == [["e"]]


async def test_who_comes_while_an_edit_is_on_its_way_hears_of_it_once() -> None:
    log = MemoryLog()
    async with (
        house(log=log) as home,
        anyio.create_task_group() as tasks,
        AsyncExitStack() as stack,
    ):
        room = await stack.enter_async_context(home.registry.room("demo"))
        with log.held():
            tasks.start_soon(room.edit, ANN, lambda c: c.create(event_id="a", title="flying"))
            await settled()
            tasks.start_soon(room.edit, ANN, lambda c: c.create(event_id="b", title="waiting"))
            await settled()
            lea = await stack.enter_async_context(listening(home))
            tasks.start_soon(room.edit, ANN, lambda c: c.create(event_id="c", title="new"))
            await settled()
            assert lea.heard == []
        await room.committed()
        await room.edit(ANN, lambda calendar: calendar.create(event_id="d", title="later"))
        seen = dict(lea.opened.value)
        for news in lea.news:
            assert news.position > lea.opened.position
            assert seen.keys().isdisjoint(news.events)
            seen |= {event.id: event.title for event in news.events.values()}
        assert seen == {"a": "flying", "b": "waiting", "c": "new", "d": "later"}


async def test_a_view_shows_whole_commits_and_says_up_to_where() -> None:
    log = MemoryLog()
    async with house(log=log) as home, anyio.create_task_group() as tasks:
        async with home.registry.room("demo") as room:
            await room.edit(ANN, lambda calendar: calendar.create(event_id="a"))
            assert (await room.view(len)).position == 1
            views = []

            async def view() -> None:
                views.append(await room.view(len))

            with log.held():
                tasks.start_soon(room.edit, ANN, lambda calendar: calendar.create(event_id="b"))
                await settled()
                tasks.start_soon(view)
                await settled()
                assert views == []
            await settled()
            assert [(one.position, one.value) for one in views] == [(2, 2)]


async def test_a_view_that_fails_fails_for_whoever_asked() -> None:
    def fail(calendar: Calendar) -> None:
        calendar.get("nothing")

    async with house() as home, home.registry.room("demo") as room:
        with pytest.raises(CalendarError, match="no event nothing"):
            await room.view(fail)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(room.edit, ANN, lambda calendar: calendar.create(event_id="a"))
            await anyio.lowlevel.checkpoint()
            with pytest.raises(CalendarError, match="no event nothing"):
                await room.view(fail)
        assert (await room.view(len)).value == 1


async def test_who_comes_back_hears_what_was_missed_and_nothing_twice() -> None:
    async with house() as home:
        async with listening(home) as lea:
            await lea.room.edit(ANN, lambda calendar: calendar.create(event_id="a", title="1"))
        async with home.registry.room("demo") as room:
            await room.edit(ANN, lambda calendar: calendar.update("a", title="2"))
            await room.edit(ANN, lambda calendar: calendar.create(event_id="b"))
        async with listening(home, since=lea.news[-1].position) as back:
            await back.room.edit(ANN, lambda calendar: calendar.delete("a"))
        missed = back.opened.missed
        assert missed is not None
        assert [news.changes for news in (*missed, *back.news)] == [
            (Updated("a", frozenset({"title"})),),
            (Created("b"),),
            (Deleted("a"),),
        ]


async def test_what_memory_forgot_is_found_in_the_log(tmp_path: Path) -> None:
    async with open_store(tmp_path / "calendar.db") as store:
        await store.catalog.create_project("demo")
        async with house(log=store.log) as home, home.registry.room("demo") as room:
            await room.edit(ANN, lambda calendar: calendar.create(event_id="a", title="1"))
            await room.edit(ANN, lambda calendar: calendar.create(event_id="z", title="1"))
            seen = room.position
            await room.edit(ANN, lambda calendar: calendar.update("a", title="2"))
            await room.edit(ANN, lambda calendar: calendar.delete("z"))
            await room.edit(ANN, lambda calendar: calendar.create(event_id="b"))
        async with house(log=store.log) as home:  # the same data, another process
            async with listening(home, since=seen) as lea:
                await lea.room.edit(ANN, lambda calendar: calendar.update("b", title="now"))
            [missed] = lea.opened.missed or ()
            assert set(missed.changes) == {
                Updated("a", frozenset({"title"})),
                Deleted("z"),
                Created("b"),
            }
            assert missed.events["a"].title == "2"
            assert missed.authors == {"ann"}
            assert [news.changes for news in lea.news] == [(Updated("b", frozenset({"title"})),)]
            async with listening(home, since=lea.room.position) as again:
                pass
            assert again.opened.missed == ()


async def test_no_sweep_takes_away_what_somebody_is_about_to_ask_for() -> None:
    async with house() as home, home.registry.room("demo") as room:
        await room.edit(ANN, lambda calendar: calendar.create(event_id="a"))
        await room.audience.recollect(0)
        room.sweep(anyio.current_time())
        heard: list[Heard] = []
        listener = Listener(
            ANN, Limits(), now=0.0, heard=heard.append, ended=list, reconsider=keep, since=0
        )
        with room.audience.attended(listener):
            [opened] = heard
        assert isinstance(opened, Opened) and opened.missed is not None
        assert [news.changes for news in opened.missed] == [(Created("a"),)]


async def test_a_position_that_was_never_reached_is_no_place_to_go_on_from() -> None:
    async with house() as home, listening(home, since=7) as lea:
        await lea.room.edit(ANN, lambda calendar: calendar.create(event_id="a"))
    assert lea.opened == Opened(0, {}, None)


async def test_presence_is_one_for_listeners_and_yjs_clients() -> None:
    async with house() as home, listening(home) as lea, home.visit("bob") as bob:
        await settled()
        lea.room.audience.show(lea.listener, {"user": {"name": "mallory"}, "cursor": {"x": 1}})
        await settled()
        [state] = [
            one.value
            for message in bob.heard()
            if hasattr(message, "body")
            for one in read_presence(message.body, Limits())
        ]
        assert state == {"user": {"id": "lea", "name": "lea"}, "cursor": {"x": 1}}
        async with listening(home, user="kim") as kim:
            kim.room.audience.show(kim.listener, {"here": True})
            await settled()
        await settled()
        client = kim.listener.client
        assert {k for shown in lea.shown for k in shown.states} >= {client}
        assert lea.shown[-1].left == {client: "kim"}


async def test_presence_of_a_listener_does_not_expire() -> None:
    async with house() as home, listening(home) as lea:
        lea.room.audience.show(lea.listener, {"here": True})
        now = anyio.current_time()
        for seconds in (16, 32, 48):
            lea.listener.shown_at -= 16
            lea.room.sweep(now + seconds)
        assert lea.listener.client in lea.room.presence.states()


async def test_a_listener_leaves_like_any_peer() -> None:
    async with house() as home:
        async with listening(home, expires=1.0) as lea:
            lea.room.sweep(anyio.current_time())
            assert isinstance(lea.listener.error, Unauthenticated)
        async with listening(home) as lea:
            await home.registry.stop()
            assert isinstance(lea.listener.error, ServiceRestart)


async def test_one_listener_that_fails_harms_nobody() -> None:
    def fail(what: Heard) -> None:
        raise RuntimeError("a mistake")

    async with house() as home, listening(home) as lea:
        bad = Listener(
            ANN, Limits(), now=0.0, heard=fail, ended=lambda: None, reconsider=keep, look=len
        )
        with lea.room.audience.attended(bad):
            await lea.room.edit(ANN, lambda calendar: calendar.create(event_id="e"))
            assert bad.error is not None
        assert len(lea.news) == 1


async def test_the_fields_written_since_a_version_are_known_while_they_are_remembered() -> None:
    async with house() as home, listening(home) as lea:
        room = lea.room
        await room.edit(ANN, lambda calendar: calendar.create(event_id="e", title="a"))
        await room.edit(ANN, lambda calendar: calendar.update("e", title="b"))
        await room.edit(ANN, lambda calendar: calendar.update("e", location="c"))
        assert room.audience.changed_since("e", 0) == frozenset({"title", "location"})
        assert room.audience.changed_since("e", 1) == frozenset({"location"})
        assert room.audience.changed_since("e", 2) == frozenset()
        assert room.audience.changed_since("f", 0) is None


async def test_an_editor_that_keeps_no_books_is_heard_as_well() -> None:
    async with house() as home, listening(home) as lea, home.visit("bob") as bob:
        before = bob.doc.get_state()
        bob.events["e"] = Map({"title": "by hand"})
        await bob.say(Update(bob.doc.get_update(before)))
        await settled()
        assert [news.changes for news in lea.news] == [(Created("e"),)]
        assert lea.news[0].authors == {"bob"}


async def test_a_room_that_was_listened_to_is_freed() -> None:
    async with house(idle_seconds=0.0) as home:
        async with listening(home) as lea:
            await lea.room.edit(ANN, lambda calendar: calendar.create(event_id="e"))
        with anyio.fail_after(5):
            while home.registry.loaded("demo") is not None:  # noqa: ASYNC110  # swept each second
                await anyio.sleep(0.05)
