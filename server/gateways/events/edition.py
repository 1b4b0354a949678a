"""Editions: the news of one commit in one voice and one style, encoded once for all who hear it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import time
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct, UnsetType

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.changes import CalendarChanged, Change, Created, Deleted, Restored, Updated
from crdt_calendar.model.conflicts import DELETION, MERGE, Conflict
from crdt_calendar.model.event import Event
from crdt_calendar.model.properties import Properties
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.row import Row
from crdt_calendar.model.when import When
from crdt_calendar.shapes.calendars import ProjectShape
from crdt_calendar.shapes.conflicts import ConflictShape
from crdt_calendar.shapes.envelopes import Outgoing
from crdt_calendar.shapes.events import TEXTS, EventShape
from crdt_calendar.shapes.lineups import LineupShape, natural_id
from crdt_calendar.shapes.messages import Style, name_of
from server.gateways.events.voice import Voice
from server.rooms.frame import Bundle, Frame
from server.rooms.news import News

NONE: frozenset[int] = frozenset()

Find: TypeAlias = Callable[[str], Event | None]


@dataclass(frozen=True, slots=True)
class ChangedLineup:
    """A line-up that has changed, as it is now; ``is_there`` is False when it was removed."""

    id: str
    row: Row | None
    is_there: bool


Item: TypeAlias = Change | Conflict | ChangedLineup


class ChangedEvent(EventShape, frozen=True, kw_only=True, rename="camel"):
    """An event that has changed: which fields of its map were written; whether it was restored."""

    fields: list[str] | UnsetType = UNSET
    restored: bool | UnsetType = UNSET


class ChangedProject(ProjectShape, frozen=True, kw_only=True, rename="camel"):
    """A calendar that has changed: which of its properties."""

    fields: list[str] = []


class ChangeShape(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One change of a commit, where a commit is one message."""

    action: str
    id: str
    event: EventShape | None = None
    fields: list[str] | None = None


class ConflictTold(Struct, frozen=True, kw_only=True, rename="camel"):
    """A conflict, and the event as each of the two would have it.

    ``local`` is what whoever hears of it wrote, where they are one of the two; else what came in
    later. ``strategy`` says which of them stands, or that both were merged.
    """

    conflict: ConflictShape
    event_id: str
    field: str
    local_version: EventShape | None
    remote_version: EventShape | None
    strategy: str


class Edition:
    """What one commit says, as messages. ``items`` are what there is to tell, in order."""

    def __init__(
        self,
        news: News,
        items: tuple[Item, ...],
        project: str,
        zone: ZoneInfo,
        find: Find,
        voice: Voice,
        style: Style,
    ) -> None:
        self.news = news
        self.items = items
        self._project = project
        self._zone = zone
        self._find = find
        self._voice = voice
        self._style = style
        self._at_ms = int(time() * 1000)
        self._frames: dict[tuple[int, bool, bool], Frame] = {}
        self._bundles: dict[tuple[tuple[int, ...], bool, frozenset[int]], Frame] = {}

    def mirrored(self, user: str) -> frozenset[int]:
        """Which conflicts that user is told of the other way round: theirs was there first."""
        found = [
            isinstance(item, Conflict) and item.claims[0].by == user != item.claims[-1].by
            for item in self.items
        ]
        return frozenset(index for index, is_mirrored in enumerate(found) if is_mirrored)

    def frame(self, chosen: tuple[int, ...], user: str, *, settled: bool) -> Frame | None:
        """The messages of the chosen items. ``settled``: the last of them says the position."""
        if not chosen:
            return None
        mirrored = self.mirrored(user) if self.news.conflicts else NONE
        key = (chosen, settled, mirrored)
        if key not in self._bundles:
            self._bundles[key] = self._bundle(chosen, mirrored, settled=settled)
        return self._bundles[key]

    def _bundle(self, chosen: tuple[int, ...], mirrored: frozenset[int], *, settled: bool) -> Frame:
        frames = []
        if self._style is Style.UPDATE:
            changes, chosen = self._split(chosen)
            if changes:
                frames.append(self._told(self._commit(changes, settled and not chosen)))
        for index in chosen:
            last = settled and index == chosen[-1]
            frames.append(self._frame(index, last, index in mirrored))
        return frames[0] if len(frames) == 1 else Bundle(frames, droppable=True)

    def _split(self, chosen: tuple[int, ...]) -> tuple[list[Change], tuple[int, ...]]:
        items = self.items
        changes: list[Change] = []
        rest = []
        for index in chosen:
            item = items[index]
            if isinstance(item, CalendarChanged | Conflict | ChangedLineup):
                rest.append(index)
            else:
                changes.append(item)
        return changes, tuple(rest)

    def _frame(self, index: int, last: bool, mirrored: bool) -> Frame:
        key = (index, last, mirrored)
        if key not in self._frames:
            item = self.items[index]
            told = self._message(item, index, mirrored)
            told.position = self.news.position if last else None
            self._frames[key] = self._told(told)
        return self._frames[key]

    def _told(self, told: Outgoing) -> Frame:
        return self._voice.frame(told, droppable=True)

    def _message(self, item: Item, index: int, mirrored: bool) -> Outgoing:
        match item:
            case Conflict():
                payload = conflict_payload(item, self._project, self._zone, self._event, mirrored)
                return self._outgoing("conflict", index, payload, item.claims[-1].by)
            case ChangedLineup():
                return self._lineup(item, index)
            case CalendarChanged(fields):
                return self._outgoing("project", index, self._properties(fields), self._author())
            case Deleted(id):
                event = self.news.events.get(id)
                by = event.deleted.by if event and event.deleted else self._author()
                told = self._outgoing("deleted", index, id, by)
                told.version = event.sequence if event else None
                return told
            case _:
                return self._changed(item, index)

    def _changed(self, change: Created | Updated | Restored, index: int) -> Outgoing:
        event = self.news.events[change.id]
        shape = changed_event(change, event, self._project, self._zone)
        what = "updated" if isinstance(change, Updated) else "created"
        told = self._outgoing(what, index, shape, event.updated.by if event.updated else None)
        told.version = event.sequence
        return told

    def _lineup(self, item: ChangedLineup, index: int) -> Outgoing:
        row = item.row
        if row is None or not item.is_there:
            by = row.deleted.by if row and row.deleted else self._author()
            told = self._outgoing("lineup removed", index, natural_id(item.id), by)
        else:
            by = row.updated.by if row.updated else None
            told = self._outgoing("lineup", index, LineupShape.of(row).to_plain(), by)
        told.version = row.sequence if row else None
        return told

    def _commit(self, changes: list[Change], last: bool) -> Outgoing:
        told = [
            self._change(change) for change in changes if not isinstance(change, CalendarChanged)
        ]
        payload = {"projectId": self._project, "changes": told}
        outgoing = self._outgoing("updated", 0, payload, self._author())
        outgoing.position = self.news.position if last else None
        return outgoing

    def _change(self, change: Created | Updated | Deleted | Restored) -> ChangeShape:
        event = self.news.events.get(change.id)
        action = type(change).__name__.lower()
        if isinstance(change, Deleted) or event is None:
            return ChangeShape(action=action, id=change.id)
        fields = sorted(change.fields) if isinstance(change, Updated) else None
        shape = EventShape.of(event, self._project, self._zone)
        return ChangeShape(action=action, id=change.id, event=shape, fields=fields)

    def _outgoing(self, what: str, index: int, payload: object, user: str | None) -> Outgoing:
        return Outgoing(
            type=name_of(what, self._style),
            payload=payload,
            timestamp=self._at_ms,
            id=f"{self._project}:{self.news.position}:{index}",
            user_id=user or None,
            project_id=self._project,
        )

    def _author(self) -> str | None:
        people = [user for user in self.news.authors if user]
        return people[0] if len(people) == 1 else None

    def _properties(self, fields: frozenset[str]) -> ChangedProject:
        told = self.news.properties or Properties()
        shape = ProjectShape.of(told, self._project, name=self._project)
        return ChangedProject(**_values(shape), fields=sorted(fields))

    def _event(self, event_id: str) -> Event | None:
        return self.news.events.get(event_id) or self._find(event_id)


def told_of(news: News, *, is_board: bool) -> tuple[Item, ...]:
    """What there is to tell, in order: of a board its line-ups, of a calendar all the rest."""
    if not is_board:
        return (*news.changes, *news.conflicts)
    changes = [one for one in news.lineups if not isinstance(one, CalendarChanged)]
    return tuple(
        ChangedLineup(one.id, news.rows.get(one.id), not isinstance(one, Deleted))
        for one in changes
    )


def changed_event(change: Change, event: Event, project: str, zone: ZoneInfo) -> ChangedEvent:
    """The event after a change, with what the change says."""
    return ChangedEvent(
        **_values(EventShape.of(event, project, zone)),
        fields=sorted(change.fields) if isinstance(change, Updated) else UNSET,
        restored=True if isinstance(change, Restored) else UNSET,
    )


def conflict_payload(
    conflict: Conflict, project: str, zone: ZoneInfo, find: Find, mirrored: bool
) -> ConflictTold:
    """What is told of a conflict."""
    event = find(conflict.event)
    first, last = (
        None if event is None else EventShape.of(_claimed(event, conflict, n), project, zone)
        for n in (0, len(conflict.claims) - 1)
    )
    local, remote = (first, last) if mirrored else (last, first)
    local_stands = (conflict.stands == 0) == mirrored
    strategy = "merge" if conflict.strategy == MERGE else "local" if local_stands else "remote"
    return ConflictTold(
        conflict=ConflictShape.of(conflict, project),
        event_id=conflict.event,
        field=conflict.field,
        local_version=local,
        remote_version=remote,
        strategy=strategy,
    )


def _claimed(event: Event, conflict: Conflict, index: int) -> Event:
    """The event as one of the two would have it, as far as that is one field."""
    value, field = conflict.claims[index].value, conflict.field
    if conflict.kind == DELETION:
        return replace(event, deleted=None) if value is None else event
    changed: dict[str, Any] = {}
    try:
        if field in TEXTS:
            changed[field] = value if isinstance(value, str) else ""
        elif field in _PARSED:
            changed[field] = None if value is None else _PARSED[field](value)
    except InvalidValue:
        return event
    return replace(event, **changed)


_PARSED: Mapping[str, Callable[[object], Any]] = {
    "when": When.from_value,
    "recurrence": Recurrence.from_value,
}


def _values(shape: Struct) -> dict[str, Any]:
    return {name: getattr(shape, name) for name in shape.__struct_fields__}
