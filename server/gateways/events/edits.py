"""What clients change: events, a calendar's properties, the decision of a conflict, line-ups.

Each function runs inside one edit of the room and returns what the acknowledgement says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid5

from msgspec import UNSET, Struct, UnsetType

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.event import Event
from crdt_calendar.model.fields import ALARM, ATTENDEE, Fields, wire_values
from crdt_calendar.model.lineup import Lineup
from crdt_calendar.model.merging import Foreign, Merging
from crdt_calendar.shapes.boards import CreateMemo, Edit
from crdt_calendar.shapes.conflicts import ConflictShape
from crdt_calendar.shapes.events import EventFields, EventShape
from crdt_calendar.shapes.lineups import LineupId, LineupShape, document_id, natural_id
from crdt_calendar.shapes.messages import (
    CreatePayload,
    ProjectPayload,
    ResolvePayload,
    TargetPayload,
    UpdatePayload,
)
from server.gateways.events.commons import Common

NAMES = UUID(
    "6f2b7a3e-3f0d-4a53-9f0e-6f8c2f3b7d11"
)  # of events and memos, made of the messages that make them


class Done(Struct, kw_only=True, rename="camel", omit_defaults=True):
    """What became of an edit, as the acknowledgement says it."""

    project_id: str
    id: LineupId | None = None
    version: int | None = None
    lineup: dict[str, object] | None = None
    event: EventShape | None = None
    fields: list[str] | UnsetType = UNSET
    conflicts: list[ConflictShape] | UnsetType = UNSET
    conflict: ConflictShape | None = None
    duplicate: bool = False
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Author:
    """Who edits: a user, the message's id, and the version that the envelope names."""

    user: str
    message_id: str = ""
    version: int | None = None


Work = Callable[[Merging], Done]


def create(common: Common, author: Author, payload: CreatePayload) -> Work:
    """Make an event. Its id is made of the message's, so that it is made once."""
    fields = payload if payload.event is None else payload.event

    def work(merging: Merging) -> Done:
        calendar = merging.calendar
        event_id = payload.id
        if event_id is None and author.message_id:
            event_id = _made_of(common, author)
            held = calendar.find(event_id)
            if held is not None:
                return _done(common, held, duplicate=True)
        made = calendar.create(event_id=event_id, **fields.for_model(calendar))
        return _done(common, calendar.get(made))

    return work


def update(common: Common, author: Author, payload: UpdatePayload) -> Work:
    """Write fields of an event; what others wrote since the version they know is merged."""
    fields: EventFields = payload.changes or payload.event or payload
    version = author.version if payload.version is None else payload.version

    def work(merging: Merging) -> Done:
        calendar = merging.calendar
        event_id = _id(payload.id, payload.event_id)
        is_stale = version is not None and version < calendar.version(event_id)
        held = calendar.get(event_id) if is_stale or _builds_on_more(fields) else None
        told = fields.for_model(calendar, held)
        if held is not None and is_stale:
            foreign = _foreign(common, author.user, merging, held, version or 0, told)
            conflicts = merging.update(held, told, foreign)
            written = _keys(told, held)
        else:
            conflicts = []
            written = calendar.update(event_id, **told)
        wire = wire_values(told)
        common.note_written(author.user, event_id, {key: wire.get(key) for key in written})
        done = Done(project_id=common.room.name, id=event_id, fields=sorted(written))
        done.version = calendar.version(event_id)
        if conflicts:
            done.conflicts = [ConflictShape.of(one, common.room.name) for one in conflicts]
        return done

    return work


def _builds_on_more(fields: EventFields) -> bool:
    """Whether what these fields mean depends on what the event says now."""
    names = ("start", "end", "start_date", "end_date", "time_zone", "all_day")
    given = (getattr(fields, name) for name in (*names, "attendees", "alarms"))
    return any(value is not UNSET for value in given)


def delete(common: Common, author: Author, payload: TargetPayload) -> Work:
    """Put a tombstone on an event."""
    version = author.version if payload.version is None else payload.version

    def work(merging: Merging) -> Done:
        held = merging.calendar.get(_id(payload.id, payload.event_id))
        foreign: Foreign = frozenset()
        if version is not None and version < held.sequence:
            foreign = _foreign(common, author.user, merging, held, version, None)
        conflicts = merging.delete(held, foreign)
        event = merging.calendar.find(held.id)
        done = Done(project_id=common.room.name, id=held.id)
        done.version = event.sequence if event else None
        if conflicts:
            done.conflicts = [ConflictShape.of(one, common.room.name) for one in conflicts]
        return done

    return work


def restore(common: Common, author: Author, payload: TargetPayload) -> Work:
    """Take the tombstone off an event."""

    def work(merging: Merging) -> Done:
        event_id = _id(payload.id, payload.event_id)
        merging.calendar.restore(event_id)
        return _done(common, merging.calendar.get(event_id))

    return work


def properties(common: Common, author: Author, payload: ProjectPayload) -> Work:
    """Write properties of the calendar."""

    def work(merging: Merging) -> Done:
        written = merging.calendar.set_properties(**payload.for_model())
        return Done(project_id=common.room.name, fields=sorted(written))

    return work


def resolve(common: Common, author: Author, payload: ResolvePayload) -> Work:
    """Decide a conflict."""

    def work(merging: Merging) -> Done:
        merging.conflicts.resolve(payload.conflict_id, payload.index)
        decided = merging.conflicts.get(payload.conflict_id)
        shape = ConflictShape.of(decided, common.room.name)
        return Done(project_id=common.room.name, id=decided.event, conflict=shape)

    return work


def lineup(common: Common, author: Author, payload: Edit) -> Callable[[Lineup], Done]:
    """Change a line-up. A memo's id is made of the message's, so that it is pinned on once."""

    def work(board: Lineup) -> Done:
        if isinstance(payload, CreateMemo) and author.message_id:
            memo_id = _made_of(common, author)
            held = board.find(document_id(payload.lineup_id))
            if held is not None and any(memo.id == memo_id for memo in held.memos):
                return _line(common, LineupShape.of(held), duplicate=True)
            return _line(common, payload.apply(board, memo_id))
        return _line(common, payload.apply(board))

    return work


def _line(common: Common, shape: LineupShape, *, duplicate: bool = False) -> Done:
    one = natural_id(str(shape.id))  # as the news say it, whichever way it was asked for
    told = {**shape.to_plain(), "id": one}
    done = Done(project_id=common.room.name, id=one, version=shape.version, duplicate=duplicate)
    done.lineup = told
    return done


def _made_of(common: Common, author: Author) -> str:
    """The id of what this message makes."""
    return str(uuid5(NAMES, f"{author.user}\n{common.room.name}\n{author.message_id}"))


def _keys(told: Fields, held: Event) -> frozenset[str]:
    """The keys of the event map that these fields are written to, or that they take away."""
    present = [ATTENDEE + one.address for one in held.attendees]
    return frozenset(wire_values(told, [*present, *(ALARM + one.id for one in held.alarms)]))


def _foreign(
    common: Common, user: str, merging: Merging, held: Event, version: int, told: Fields | None
) -> Foreign:
    """What others have written since that version, of what is to be written now."""
    changed = common.room.audience.changed_since(held.id, version)
    if told is None:
        concerned = changed
    else:
        keys = _keys(told, held)
        concerned = keys if changed is None else keys & changed
    if concerned is None:
        return None
    values = merging.calendar.values(held.id)
    own = (key for key in concerned if common.is_own(user, held.id, key, values.get(key)))
    return concerned - frozenset(own)


def complete(common: Common, done: Done) -> None:
    """The edit is on disk: say with it what the event is by now, as everybody was told."""
    if done.event is None and isinstance(done.id, str) and done.fields is not UNSET:
        event = common.room.audience.latest(done.id) or common.room.read().find(done.id)
        if event is not None:
            done.event = EventShape.of(event, common.room.name, common.zone)
            done.version = event.sequence
    done.position = common.room.position


def _done(common: Common, event: Event, *, duplicate: bool = False) -> Done:
    shape = EventShape.of(event, common.room.name, common.zone)
    return Done(
        project_id=common.room.name,
        id=event.id,
        version=event.sequence,
        event=shape,
        duplicate=duplicate,
    )


def _id(*given: str | None) -> str:
    found = next((one for one in given if one), None)
    if found is None:
        raise InvalidValue("payload.id: missing; which event?")
    return found
