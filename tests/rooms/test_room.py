"""The path of an update through a room: durable first, then heard, by everybody alike."""

from __future__ import annotations

import gc
import time
import weakref
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest
from pycrdt import Doc, Map, Text

from crdt_calendar.errors import (
    BacklogFull,
    CommitFailed,
    CorruptData,
    Forbidden,
    ForeignClient,
    MalformedFrame,
    OverloadError,
    RateExceeded,
    ServiceRestart,
    TooManyConnections,
    Unauthenticated,
)
from crdt_calendar.limits import Limits
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.protocol.messages import (
    Awareness,
    Message,
    PermissionDenied,
    QueryAwareness,
    SyncStatus,
    SyncStep2,
    Update,
)
from crdt_calendar.protocol.presence import PresenceState, read_presence, write_presence
from server.auth.grants import Grant, Role
from server.rooms.replica import Replica
from server.storage.memory import MemoryLog
from tests.rooms.house import Visitor, house, settled
from tests.rooms.lines import ListLine

pytestmark = pytest.mark.anyio

OWNER = Grant("olga", "demo", Role.OWNER)


def updates(heard: list[Message]) -> list[bytes]:
    return [message.update for message in heard if isinstance(message, Update)]


def kinds(heard: list[Message]) -> list[str]:
    return [type(message).__name__ for message in heard]


def shown(client: int, clock: int, **state: object) -> Awareness:
    return Awareness(write_presence([PresenceState(client, clock, "", state)]))  # type: ignore[arg-type]


def present(heard: list[Message]) -> dict[int, PresenceState]:
    return {
        state.client: state
        for message in heard
        if isinstance(message, Awareness)
        for state in read_presence(message.body, Limits())
    }


async def test_a_newcomer_is_asked_and_answered() -> None:
    async with house() as home, home.visit() as alice:
        assert kinds(alice.heard()) == ["SyncStep1"]
        await alice.sync()
        assert kinds(alice.heard()) == ["SyncStep2"]


async def test_an_edit_is_heard_by_all_its_author_included_once_it_is_on_disk() -> None:
    log = MemoryLog()
    async with house(log=log) as home, home.visit() as alice, home.visit("bob") as bob:
        alice.heard(), bob.heard()
        with log.held():
            update = await alice.edit("key", "값")
            await settled()
            assert bob.heard() == alice.heard() == []
            assert await log.history("demo") == []
        await settled()
        assert [row.user for row in await log.history("demo")] == ["alice"]
        assert updates(alice.heard()) == [update]
        bob.take_in()
        assert bob.events.to_py() == {"key": "값"}


async def test_an_answer_that_shows_an_edit_waits_for_it_to_be_on_disk() -> None:
    log = MemoryLog()
    async with house(log=log) as home, home.visit() as alice:
        with log.held():
            await alice.edit("key", 1)
            await settled()
            async with home.visit("bob") as bob:
                await bob.sync()
                await settled()
                assert "SyncStep2" not in kinds(bob.heard())
        async with home.visit("carol") as carol:
            await carol.sync()
            await settled()
            carol.take_in()
            assert carol.events.to_py() == {"key": 1}


async def test_what_comes_in_while_a_commit_is_under_way_leaves_as_one_update() -> None:
    log = MemoryLog()
    async with house(log=log) as home, home.visit() as alice, home.visit("bob") as bob:
        with log.held():
            await alice.edit("first", 0)
            await settled()
            for number in range(20):
                await alice.edit(f"key{number}", number)
        await settled()
        assert len(updates(bob.heard())) == 2
        assert len(await log.history("demo")) == 21  # history keeps each on its own


async def test_a_failed_commit_is_tried_again_and_nothing_is_heard_before_it_succeeds() -> None:
    log = MemoryLog()
    async with house(log=log) as home, home.visit() as alice, home.visit("bob") as bob:
        bob.heard()
        log.fail_next(2)
        await alice.edit("key", 1)
        await settled()
        assert isinstance(home.registry.writer.failing, CommitFailed)
        assert updates(bob.heard()) == []
        await home.registry.writer.flushed()
        assert not home.registry.writer.failing
        bob.take_in()
        assert bob.events.to_py() == {"key": 1}


async def test_while_commits_fail_what_is_safe_can_be_read() -> None:
    log = MemoryLog()
    async with house(log=log) as home, home.visit() as alice:
        await alice.edit("safe", 1)
        await settled()
        log.fail_next(6)
        await alice.edit("unsafe", 2)
        await settled()
        async with home.visit("bob") as bob:
            await bob.sync()
            await settled()
            assert home.registry.writer.failing is not None
            bob.take_in()
            assert bob.events.to_py() == {"safe": 1}
            await alice.room.committed()
            bob.take_in()
            assert bob.events.to_py() == {"safe": 1, "unsafe": 2}


async def test_past_the_backlog_edits_are_refused_and_what_was_taken_is_kept() -> None:
    log = MemoryLog()
    async with house(Limits(backlog_bytes=1000), log=log) as home, home.visit() as alice:
        with log.held():
            for number in range(100):
                if alice.peer.error is None:
                    await alice.edit(f"key{number}", "x" * 50)
            assert isinstance(alice.peer.error, BacklogFull)
            assert home.registry.writer.backlog_bytes < 1200
        await alice.room.committed()
        assert home.registry.writer.backlog_bytes == home.registry.writer.backlog_entries == 0
        assert len(await log.history("demo")) > 5


async def test_a_viewer_is_told_and_nobody_hears_the_edit() -> None:
    async with (
        house() as home,
        home.visit("vera", Role.VIEWER) as vera,
        home.visit("bob") as bob,
    ):
        vera.heard(), bob.heard()
        await vera.edit("key", 1)
        await vera.say(SyncStep2(vera.doc.get_update()))
        await settled()
        heard = vera.heard()
        assert kinds(heard) == ["PermissionDenied"] * 2
        assert isinstance(heard[0], PermissionDenied)
        assert "vera" in heard[0].reason
        assert updates(bob.heard()) == []
        assert vera.peer.error is None


async def test_a_viewer_with_nothing_new_is_no_offender() -> None:
    async with house() as home, home.visit() as alice:
        await alice.edit("key", 1)
        async with home.visit("vera", Role.VIEWER) as vera:
            await vera.sync()
            await settled()
            vera.take_in()
            await vera.say(SyncStep2(vera.doc.get_update()))
            assert "PermissionDenied" not in kinds(vera.heard())
            await vera.say(shown(7, 1, cursor=1))
            await settled()
            assert 7 in present(alice.heard())


async def test_an_update_that_builds_on_something_missing_is_answered_with_a_question() -> None:
    async with house() as home, home.visit() as alice:
        alice.events["lost"] = 1
        alice.heard()
        await alice.say(SyncStep2(b"\x00\x00"))
        await alice.edit("key", 2)
        assert kinds(alice.heard()) == ["SyncStep1"]
        await alice.say(SyncStep2(alice.doc.get_update()))
        async with home.visit("bob") as bob:
            await bob.sync()
            await settled()
            bob.take_in()
            assert bob.events.to_py() == {"lost": 1, "key": 2}


async def test_a_malformed_frame_ends_one_peer() -> None:
    async with house() as home, home.visit() as alice, home.visit("bob") as bob:
        await alice.say(b"\xff\xff\xff")
        assert isinstance(alice.peer.error, MalformedFrame)
        await bob.edit("key", 1)
        assert bob.peer.error is None


async def test_a_client_id_belongs_to_who_used_it_first() -> None:
    log = MemoryLog()
    async with house(log=log, idle_seconds=0.0) as home:
        async with home.visit() as alice:
            await alice.edit("key", 1)
        thief: Doc[Map[object]] = Doc(client_id=alice.doc.client_id)
        thief.apply_update(alice.doc.get_update())
        before = thief.get_state()
        thief.get("events", type=Map)["key"] = "stolen"
        forged = Update(thief.get_update(before))
        async with home.visit("mallory") as mallory:
            await mallory.say(forged)
            assert isinstance(mallory.peer.error, ForeignClient)
        await anyio.sleep(1.5)  # the room is let go; the binding is on disk
        assert not home.registry.rooms
        async with home.visit("mallory") as mallory:
            await mallory.say(forged)
            assert isinstance(mallory.peer.error, ForeignClient)
        async with home.visit("alice") as other_tab:
            await other_tab.say(forged)
            assert other_tab.peer.error is None


async def test_in_recovery_editors_bring_back_what_others_wrote() -> None:
    log = MemoryLog()
    async with house(log=log) as home, home.visit() as alice:
        await alice.edit("key", "from somebody who will not come back")
    await log.set_recovering("restored", True)
    async with house(log=log) as home:
        async with home.visit("vera", Role.VIEWER, project="restored") as vera:
            await vera.say(SyncStep2(alice.doc.get_update()))
            assert kinds(vera.heard())[-1] == "PermissionDenied"
        async with home.visit("bob", project="restored") as bob:
            await bob.say(SyncStep2(alice.doc.get_update()))
            assert bob.peer.error is None
        async with home.visit("carol", project="restored") as carol:
            await carol.sync()
            await settled()
            carol.take_in()
            assert carol.events.to_py() == alice.events.to_py()
            assert carol.room.recovering


async def test_presence_comes_to_newcomers_at_once_and_leaves_with_its_peer() -> None:
    async with house() as home, home.visit("bob") as bob:
        async with home.visit() as alice:
            await alice.say(shown(7, 1, user={"name": "mallory", "color": "red"}, cursor=3))
            await settled()
            state = present(bob.heard())[7]
            assert state.value == {
                "user": {"name": "alice", "color": "red", "id": "alice"},
                "cursor": 3,
            }
            async with home.visit("carol") as carol:
                assert 7 in present(carol.heard())
                await carol.say(QueryAwareness())
                assert 7 in present(carol.heard())
        await settled()
        assert present(bob.heard())[7].value is None


async def test_a_reflection_is_dropped_and_answered_with_nothing() -> None:
    async with house() as home, home.visit() as alice, home.visit("bob") as bob:
        await alice.say(shown(7, 1, cursor=1))
        await settled()
        reflected = [message for message in bob.heard() if isinstance(message, Awareness)]
        alice.heard()
        for _ in range(100):
            await bob.say(reflected[0])
        await settled()
        assert alice.heard() == bob.heard() == []
        assert bob.peer.error is None


async def test_silence_is_broken_so_that_stock_clients_stay() -> None:
    async with house() as home, home.visit() as alice:
        await settled()
        alice.heard()
        now = anyio.current_time()
        alice.room.sweep(now + 10)
        assert alice.heard() == []
        alice.room.sweep(now + 16)
        assert alice.heard() == [Awareness(b"\x00")]
        alice.room.sweep(now + 20)
        assert alice.heard() == []


async def test_a_peer_goes_when_its_token_expires() -> None:
    async with house() as home, home.visit(expires=time.time() - 1) as alice:
        alice.room.sweep(anyio.current_time())
        assert isinstance(alice.peer.error, Unauthenticated)


async def test_status_is_answered_only_after_what_came_before_it_is_on_disk() -> None:
    log = MemoryLog()
    async with house(log=log) as home, home.visit() as alice:
        with log.held():
            await alice.edit("key", 1)
            await alice.say(SyncStatus(b"7"))
            await settled()
            assert SyncStatus(b"7") not in alice.heard()
        await settled()
        assert SyncStatus(b"7") in alice.heard()


async def test_a_peer_that_reads_nothing_is_caught_up_with_one_difference() -> None:
    limits = Limits(outbox_bytes=2000)
    slow_line = ListLine(room_frames=2)
    async with (
        house(limits) as home,
        home.visit("slow", line=slow_line) as slow,
        home.visit() as alice,
        home.visit("bob") as bob,
    ):
        await slow.sync()
        for number in range(200):
            await alice.edit("key", f"{number} " + "x" * 50)
            await anyio.sleep(0.003)
            assert slow.peer.queued_bytes <= 2100
        await settled()
        bob.take_in()
        assert bob.events.to_py() == alice.events.to_py()
        slow_line.read(1000)
        await settled()
        await alice.edit("after", 1)
        await settled()
        heard = slow.take_in()
        assert len(heard) < 50
        assert slow.events.to_py() == alice.events.to_py()


async def test_far_more_messages_than_allowed_end_the_connection() -> None:
    limits = Limits(messages_per_second=1, messages_burst=3, hold_seconds=0.5)
    async with house(limits) as home, home.visit() as alice:
        for _ in range(4):
            await alice.sync()
        assert isinstance(alice.peer.error, RateExceeded)


async def test_a_connection_over_its_rate_is_held() -> None:
    limits = Limits(messages_per_second=100, messages_burst=1)
    async with house(limits) as home, home.visit() as alice:
        started = anyio.current_time()
        for _ in range(11):
            await alice.sync()
        assert anyio.current_time() - started > 0.09
        assert alice.peer.error is None


async def test_a_full_room_is_closed_to_more() -> None:
    async with house(Limits(connections_per_room=1)) as home, home.visit():
        with pytest.raises(TooManyConnections):
            async with home.visit("bob"):
                pass


async def test_a_user_with_too_many_connections_is_refused_and_others_are_not() -> None:
    async with house(Limits(connections_per_user=1)) as home:
        async with home.visit():
            with pytest.raises(TooManyConnections):
                async with home.visit(project="other"):
                    pass
            async with home.visit("bob"):
                pass
        async with home.visit():
            pass


async def test_an_edit_from_inside_returns_when_it_is_on_disk_and_everybody_hears_it() -> None:
    log = MemoryLog()
    async with house(log=log) as home, home.visit() as alice:
        event_id = await alice.room.edit(OWNER, lambda calendar: calendar.create(title="회의"))
        assert [row.user for row in await log.history("demo")] == ["olga"]
        alice.take_in()
        event = alice.events[event_id]
        assert isinstance(event, Map)
        assert event["title"] == "회의"
        with pytest.raises(Forbidden):
            await alice.room.edit(Grant("vera", "demo", Role.VIEWER), lambda calendar: None)


async def test_what_a_failing_edit_has_written_is_logged_all_the_same() -> None:
    log = MemoryLog()
    async with house(log=log) as home, home.visit() as alice:

        def half(calendar: Calendar) -> None:
            calendar.create(title="half")
            raise LookupError("the other half")

        with pytest.raises(LookupError):
            await alice.room.edit(OWNER, half)
        await alice.room.committed()
        assert len(await log.history("demo")) == 1
        alice.take_in()
        assert len(alice.events) == 1


async def test_two_who_are_first_share_one_room() -> None:
    async with house() as home:
        rooms = []

        async def come(user: str) -> None:
            async with home.visit(user) as visitor:
                rooms.append(visitor.room)
                await anyio.sleep(0.05)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(come, "alice")
            tasks.start_soon(come, "bob")
        assert rooms[0] is rooms[1]


async def test_an_idle_room_is_freed_with_its_document() -> None:
    async with house(idle_seconds=0.0) as home:
        documents = []
        for number in range(20):
            async with home.visit(project=f"project{number}") as alice:
                await alice.edit("key", number)
                await alice.room.edit(OWNER, lambda calendar: calendar.create(title="x"))
                await alice.room.browse(lambda calendar: len(calendar.everything()))
                documents.append(weakref.ref(alice.room._replica._doc))
        del alice
        await anyio.sleep(1.5)
        gc.collect()
        assert home.registry.rooms == ()
        assert [document for document in documents if document() is not None] == []


async def test_a_stop_commits_what_was_accepted_and_sends_everybody_away() -> None:
    log = MemoryLog()
    async with house(log=log) as home, home.visit() as alice:
        await alice.edit("key", 1)
        await home.registry.stop()
        assert isinstance(alice.peer.error, ServiceRestart)
        assert len(await log.history("demo")) == 1
        with pytest.raises(ServiceRestart):
            async with home.visit("bob"):
                pass


class PanicException(BaseException):
    """Named like pyo3's, which cannot be imported."""


async def test_what_yrs_panics_on_ends_one_peer_and_leaves_a_sound_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with house() as home, home.visit() as alice, home.visit("bob") as bob:
        await alice.edit("key", 1)
        await settled()
        replica, document = alice.room._replica, alice.room._replica._doc

        class Panicking:
            def __getattr__(self, name: str) -> object:
                return getattr(document, name)

            def apply_update(self, update: bytes) -> None:
                raise PanicException("index out of bounds")

        monkeypatch.setattr(replica, "_doc", Panicking())
        await bob.edit("bad", 1)
        assert bob.peer.error is not None
        assert bob.peer.error.slug == "hostile"
        await alice.edit("key", 2)
        async with home.visit("carol") as carol:
            await carol.sync()
            await settled()
            carol.take_in()
            assert carol.events.to_py() == {"key": 2}


async def test_a_document_that_is_not_sound_any_more_is_loaded_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = MemoryLog()
    async with house(log=log) as home:
        async with home.visit() as alice, home.visit("bob") as bob:
            await alice.edit("key", 1)
            await settled()

            def broken(replica: Replica) -> None:
                raise CorruptData("the document did not survive")

            def panicking(update: bytes) -> None:
                raise PanicException

            class Document:
                apply_update = staticmethod(panicking)
                unobserve = alice.room._replica._doc.unobserve

            with monkeypatch.context() as patch:
                patch.setattr(Replica, "_prove_sound", broken)
                patch.setattr(alice.room._replica, "_doc", Document())
                await bob.edit("bad", 1)
            assert isinstance(alice.peer.error, OverloadError)
            failed = alice.room
        async with home.visit("carol") as carol:
            assert carol.room is not failed
            await carol.sync()
            await settled()
            carol.take_in()
            assert carol.events.to_py() == {"key": 1}


async def test_text_in_korean_survives_concurrent_typing() -> None:
    async with (
        house() as home,
        home.visit("u0") as a,
        home.visit("u1") as b,
        home.visit("u2") as c,
    ):
        writers = [a, b, c]
        for turn in range(30):
            writer = writers[turn % 3]
            text = _memo(writer)
            before = writer.doc.get_state()
            text.insert(len(str(text)) // 2 * 3, "가나다"[turn % 3])
            await writer.say(Update(writer.doc.get_update(before)))
            if turn % 4 == 0:
                await settled()
                for each in writers:
                    each.take_in()
        await settled()
        for each in writers:
            each.take_in()
        texts = {str(_memo(each)) for each in writers}
        assert len(texts) == 1
        assert len(texts.pop()) == 30


def _memo(visitor: Visitor) -> Text:
    return cast(Text, visitor.doc.get("memo", type=cast(Any, Text)))


async def test_a_large_update_arrives_in_parts_and_others_have_their_turn() -> None:
    async with house() as home, home.visit() as alice, home.visit("bob", project="other") as bob:
        text = _memo(alice)
        text.insert(0, "x" * 40_000)
        await alice.say(Update(alice.doc.get_update()))
        with alice.doc.transaction():
            for position in range(20_000):
                del text[position]
        alice.heard()
        turns = 0

        async def edit_elsewhere() -> None:
            nonlocal turns
            while True:
                await bob.edit("key", turns)
                turns += 1
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(edit_elsewhere)
            await alice.say(SyncStep2(alice.doc.get_update()))
            tasks.cancel_scope.cancel()
        assert turns > 100
        async with home.visit("carol") as carol:
            await carol.sync()
            await alice.room.committed()
            await settled()
            carol.take_in()
            assert str(_memo(carol)) == "x" * 20_000


async def test_who_sends_what_takes_long_to_apply_is_sent_away_and_nobody_else() -> None:
    limits = Limits(apply_per_second=0.01, apply_burst=0.002, hold_seconds=0.1)
    async with house(limits) as home, home.visit("mallory") as bad, home.visit("alice") as good:
        text = bad.events["t"] = Text("x" * 20_000)
        await bad.say(Update(bad.doc.get_update()))
        before = bad.doc.get_state()
        for at in range(9_999, 0, -1):  # every other letter: ten thousand ranges
            del text[2 * at]
        await bad.say(Update(bad.doc.get_update(before)))
        await settled()
        assert isinstance(bad.peer.error, RateExceeded)
        assert good.peer.error is None
        await good.edit("e", "on it goes")
        await settled()
        assert any(isinstance(message, Update) for message in good.heard())
