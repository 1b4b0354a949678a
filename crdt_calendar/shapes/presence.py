"""Presence as programs see it: who is here, where they point, what they select and type in.

It is read from and written to awareness states as the page shows them: ``pointer``, ``selected``,
``typing``, and ``user`` with a colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from crdt_calendar.protocol.presence import Json

COLORS: Final = (
    "#b3261e",
    "#a8480a",
    "#7a5b00",
    "#4a6b00",
    "#19733c",
    "#00716b",
    "#006a94",
    "#2952cc",
    "#5b3fd1",
    "#8a34b8",
    "#a82b7d",
    "#6b5145",
)

State = Mapping[str, Json]


class CursorShape(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where somebody points; fractions of the grid's width and height, if the page said it."""

    user_id: str
    x: float
    y: float
    element_id: str | None = None
    timestamp: int | None = None


class PersonShape(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Somebody who is here."""

    id: str
    name: str
    color: str
    avatar: str | None = None
    cursor: CursorShape | None = None
    last_seen: str | None = None


class SelectionShape(Struct, frozen=True, kw_only=True, rename="camel"):
    """What somebody has selected; null: nothing any more."""

    user_id: str
    element_id: str | None
    selection: object = None


class TypingShape(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where somebody types, or has stopped."""

    user_id: str
    element_id: str
    is_typing: bool


def color_of(user: str) -> str:
    """The colour of a user: the same that every browser gives them."""
    code = 0
    for character in user:
        code = (code * 31 + ord(character)) & 0xFFFFFFFF
    return COLORS[code % len(COLORS)]


def person(user: str, state: State, *, seen_at: str, at_ms: int) -> PersonShape:
    """The person of an awareness state."""
    told = state.get("user")
    shown = told if isinstance(told, dict) else {}
    name, color, avatar = shown.get("name"), shown.get("color"), shown.get("avatar")
    return PersonShape(
        id=user,
        name=name if isinstance(name, str) and name else user,
        color=color if isinstance(color, str) and color else color_of(user),
        avatar=avatar if isinstance(avatar, str) else None,
        cursor=cursor(user, state, at_ms),
        last_seen=seen_at,
    )


def cursor(user: str, state: State, at_ms: int) -> CursorShape | None:
    """Where the state points, if anywhere."""
    pointer = state.get("pointer")
    if not isinstance(pointer, dict):
        return None
    x, y, element = pointer.get("x"), pointer.get("y"), pointer.get("elementId")
    if not isinstance(x, int | float) or not isinstance(y, int | float):
        return None
    return CursorShape(
        user_id=user,
        x=x,
        y=y,
        element_id=element if isinstance(element, str) else None,
        timestamp=at_ms,
    )


def selection(user: str, state: State) -> SelectionShape:
    """What the state has selected."""
    selected = state.get("selected")
    if not isinstance(selected, dict):
        return SelectionShape(user_id=user, element_id=None)
    element = selected.get("event")
    return SelectionShape(
        user_id=user,
        element_id=element if isinstance(element, str) else None,
        selection=selected.get("selection", selected.get("recurrenceId")),
    )


def typed_in(state: State) -> str | None:
    """The element that the state types in."""
    typing = state.get("typing")
    return typing if isinstance(typing, str) else None


def with_pointer(state: State, x: float, y: float, element: str | None) -> dict[str, Json]:
    """The state, pointing there."""
    place: dict[str, Json] = {"x": x, "y": y}
    return {**state, "pointer": {**place, "elementId": element} if element else place}


def with_selection(state: State, element: str | None, chosen: Json) -> dict[str, Json]:
    """The state with that selected."""
    if element is None:
        return {**state, "selected": None}
    selected: dict[str, Json] = {"event": element, "recurrenceId": None}
    return {**state, "selected": {**selected, **({} if chosen is None else {"selection": chosen})}}


def with_typing(state: State, element: str, *, is_typing: bool) -> dict[str, Json]:
    """The state, typing there, or no longer."""
    if not is_typing and typed_in(state) not in (None, element):
        return dict(state)
    return {**state, "typing": element if is_typing else None}
