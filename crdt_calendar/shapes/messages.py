"""The messages of the events door: their names in every style, and what clients say in them.

Clients speak in one of two styles, ``EVENT_CREATE`` or ``event:create``, and are answered in the
style they ask in. There is a third for those who want one message a commit, ``calendar:update``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from crdt_calendar.shapes.boards import CreateMemo, DeleteMemo, UpdateMemo, UpdateNumber
from crdt_calendar.shapes.calendars import PropertiesFields
from crdt_calendar.shapes.events import EventFields

Id = Annotated[str, Meta(min_length=1, max_length=1024)]
Element = Annotated[str, Meta(max_length=1024)]
Moment = Annotated[str, Meta(max_length=64)]
Pixels = Annotated[float, Meta(ge=-1e9, le=1e9)]
Version = Annotated[int, Meta(ge=0, le=1 << 53)]

CALENDAR, BOARD = "calendar", "lineup"  # kinds of projects


class Style(Enum):
    """How messages are named."""

    UPPER = "upper"
    COLON = "colon"
    UPDATE = "update"


class Needs(Enum):
    """What somebody must be to say something."""

    NOTHING = "nothing"
    USER = "user"
    VIEWER = "viewer"
    EDITOR = "editor"


class AuthPayload(Struct, rename="camel"):
    """Who somebody is, or still is."""

    token: Annotated[str, Meta(max_length=16384)]


class BatchWish(Struct, rename="camel"):
    """How to collect what goes out: so many messages at most, for so many milliseconds."""

    size: Annotated[int, Meta(ge=1, le=10)] = 10
    delay: Annotated[int, Meta(ge=0, le=100)] = 100


class OptionsPayload(Struct, rename="camel"):
    """What a client would like of this connection; what is left out stays as it is."""

    batch: bool | BatchWish | UnsetType = UNSET
    compress: bool | UnsetType = UNSET


class Range(Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """A span of time, from the instant ``from`` to before the instant ``to``."""

    start: Moment
    end: Moment


class ScopeFields(Struct, rename="camel", kw_only=True):
    """A project, or a part of it: a range, or one event. ``name`` is for replacing it later."""

    project_id: Id
    range: Range | None = None
    event_id: Id | None = None
    name: Element | None = None


class SubscribePayload(ScopeFields, rename="camel", kw_only=True):
    """What to hear of. ``since`` is a position from which to be told what was missed."""

    since: Version | None = None
    style: Style | None = None
    snapshot: bool = True
    presence: bool = True


class CreatePayload(EventFields, frozen=True, rename="camel", kw_only=True):
    """An event: its fields, or all of them in ``event``."""

    project_id: Id | None = None
    id: Id | None = None
    event: EventFields | None = None


class UpdatePayload(EventFields, frozen=True, rename="camel", kw_only=True):
    """Changed fields of an event, here, in ``changes`` or in ``event``."""

    project_id: Id | None = None
    id: Id | None = None
    event_id: Id | None = None
    version: Version | None = None
    changes: EventFields | None = None
    event: EventFields | None = None


class TargetPayload(Struct, rename="camel", kw_only=True):
    """An event."""

    project_id: Id | None = None
    id: Id | None = None
    event_id: Id | None = None
    version: Version | None = None


class ProjectPayload(PropertiesFields, frozen=True, rename="camel", kw_only=True):
    """Changed properties of a calendar."""

    project_id: Id | None = None
    id: Id | None = None


class ResolvePayload(Struct, rename="camel", kw_only=True):
    """Which of the values of a conflict is to stand, by its number."""

    conflict_id: Id
    index: Annotated[int, Meta(ge=0)]
    project_id: Id | None = None


class CursorPayload(Struct, rename="camel", kw_only=True):
    """Where somebody points."""

    x: Pixels
    y: Pixels
    element_id: Element | None = None
    project_id: Id | None = None


class SelectPayload(Struct, rename="camel", kw_only=True):
    """What somebody has selected; null: nothing."""

    element_id: Element | None = None
    selection: Any = None
    project_id: Id | None = None


class TypingPayload(Struct, rename="camel", kw_only=True):
    """Where somebody types, or no longer."""

    element_id: Element
    is_typing: bool = True
    project_id: Id | None = None


class NumberPayload(UpdateNumber, frozen=True, rename="camel", kw_only=True):
    """Who is to be in which group."""

    project_id: Id | None = None


class NewMemoPayload(CreateMemo, frozen=True, rename="camel", kw_only=True):
    """A memo for a line-up."""

    project_id: Id | None = None


class MemoPayload(UpdateMemo, frozen=True, rename="camel", kw_only=True):
    """Another text for a memo."""

    project_id: Id | None = None


class MemoTargetPayload(DeleteMemo, frozen=True, rename="camel", kw_only=True):
    """A memo."""

    project_id: Id | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that clients may say.

    ``names`` are its names, in the style that they are of. ``acked`` says whether it is
    acknowledged where the client does not say. ``project`` is the kind of projects that it can be
    said in, empty for any.
    """

    key: str
    names: Mapping[str, Style]
    needs: Needs
    payload: Any = Raw
    acked: bool = True
    project: str = ""


def _kind(key: str, upper: str, colon: str, needs: Needs, payload: Any, acked: bool = True) -> Kind:
    names = dict.fromkeys(upper.split(), Style.UPPER) | {colon: Style.COLON}
    return Kind(key, names, needs, payload, acked)


def _edit(project: str, key: str, upper: str, colon: str, payload: Any) -> Kind:
    return replace(_kind(key, upper, colon, Needs.EDITOR, payload), project=project)


KINDS: Final = (
    _kind("auth", "AUTH", "auth", Needs.NOTHING, AuthPayload),
    _kind("ping", "PING", "ping", Needs.NOTHING, Raw, acked=False),
    _kind("pong", "PONG", "pong", Needs.NOTHING, Raw, acked=False),
    _kind("ack", "ACK", "ack", Needs.NOTHING, Raw, acked=False),
    _kind("options", "OPTIONS", "options", Needs.NOTHING, OptionsPayload),
    _kind("subscribe", "SUBSCRIBE_PROJECT SUBSCRIBE", "subscribe", Needs.VIEWER, SubscribePayload),
    _kind("unsubscribe", "UNSUBSCRIBE_PROJECT UNSUBSCRIBE", "unsubscribe", Needs.USER, ScopeFields),
    _edit(CALENDAR, "create", "EVENT_CREATE CREATE_EVENT", "event:create", CreatePayload),
    _edit(CALENDAR, "update", "EVENT_UPDATE UPDATE_EVENT", "event:update", UpdatePayload),
    _edit(CALENDAR, "delete", "EVENT_DELETE DELETE_EVENT", "event:delete", str | TargetPayload),
    _edit(CALENDAR, "restore", "EVENT_RESTORE RESTORE_EVENT", "event:restore", str | TargetPayload),
    _edit(CALENDAR, "project", "PROJECT_UPDATE", "project:update", ProjectPayload),
    _edit(CALENDAR, "resolve", "CONFLICT_RESOLVE", "conflict:resolve", ResolvePayload),
    _edit(BOARD, "number", "UPDATE_GBS_NUMBER", "update-gbs-number", NumberPayload),
    _edit(BOARD, "pin", "CREATE_LINEUP_MEMO", "create-lineup-memo", NewMemoPayload),
    _edit(BOARD, "reword", "UPDATE_LINEUP_MEMO", "update-lineup-memo", MemoPayload),
    _edit(BOARD, "unpin", "DELETE_LINEUP_MEMO", "delete-lineup-memo", MemoTargetPayload),
    _kind("cursor", "CURSOR_MOVE", "user:cursor", Needs.VIEWER, CursorPayload, acked=False),
    _kind("select", "ELEMENT_SELECT", "element:select", Needs.VIEWER, SelectPayload, acked=False),
    _kind("typing", "USER_TYPING", "user:typing", Needs.VIEWER, TypingPayload, acked=False),
)

SPOKEN: Final[Mapping[str, tuple[Kind, Style]]] = {
    name: (kind, style) for kind in KINDS for name, style in kind.names.items()
}
"""By the name of a message: what it is, and its style."""

TOLD: Final[Mapping[str, tuple[str, str, str]]] = {
    # what: (upper, colon, update)
    "created": ("EVENT_CREATED", "event:created", "calendar:update"),
    "updated": ("EVENT_UPDATED", "event:updated", "calendar:update"),
    "deleted": ("EVENT_DELETED", "event:deleted", "calendar:update"),
    "project": ("PROJECT_UPDATED", "project:update", "project:update"),
    "lineup": ("LINEUP_UPDATED", "lineup:updated", "lineup:updated"),
    "lineup removed": ("LINEUP_REMOVED", "lineup:removed", "lineup:removed"),
    "conflict": ("CONFLICT_DETECTED", "conflict:detected", "conflict:detected"),
    "joined": ("USER_JOINED_PROJECT", "user:joined", "user:joined"),
    "left": ("USER_LEFT_PROJECT", "user:left", "user:left"),
    "cursor": ("CURSOR_UPDATE", "user:cursor", "user:cursor"),
    "selected": ("ELEMENT_SELECTED", "element:selected", "element:selected"),
    "typing": ("USER_TYPING", "user:typing", "user:typing"),
    "snapshot": ("SNAPSHOT", "snapshot", "snapshot"),
    "pong": ("PONG", "pong", "pong"),
    "ack": ("ack", "ack", "ack"),
    "error": ("error", "error", "error"),
}
"""What clients are told, and how it is named in each style."""


def name_of(what: str, style: Style) -> str:
    """How something that clients are told is named in a style."""
    upper, colon, update = TOLD[what]
    return {Style.UPPER: upper, Style.COLON: colon, Style.UPDATE: update}[style]
