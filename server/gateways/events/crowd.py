"""The crowd: who is in one room and what they show, told as messages to all connections there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import Any

from crdt_calendar.protocol.presence import Json
from crdt_calendar.shapes import presence
from crdt_calendar.shapes.envelopes import Outgoing
from crdt_calendar.shapes.messages import Style, name_of
from crdt_calendar.shapes.presence import PersonShape
from crdt_calendar.shapes.times import format_instant
from server.gateways.events.voice import Voice
from server.rooms.frame import Bundle, Frame
from server.rooms.news import Shown

State = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Sight:
    """Something that is told of somebody; ``client`` shows it, and need not hear of it."""

    what: str
    client: int
    user: str
    payload: Any


class Sights:
    """What one change of presence says, encoded once in each voice and style."""

    def __init__(self, project: str, sights: list[Sight], number: int) -> None:
        self._project = project
        self._sights = sights
        self._number = number
        self._clients = {sight.client for sight in sights}
        self._made: dict[tuple[Voice, Style], list[tuple[int, Frame]]] = {}
        self._whole: dict[tuple[Voice, Style], Frame] = {}

    def frame(self, voice: Voice, style: Style, own: int) -> Frame | None:
        """The messages, without what the client `own` shows itself."""
        if not self._sights:
            return None
        key = (voice, style)
        if own in self._clients:
            frames = [frame for client, frame in self._frames(*key) if client != own]
            return Bundle(frames, droppable=True) if frames else None
        if key not in self._whole:
            self._whole[key] = Bundle([frame for _, frame in self._frames(*key)], droppable=True)
        return self._whole[key]

    def _frames(self, voice: Voice, style: Style) -> list[tuple[int, Frame]]:
        key = (voice, style)
        if key not in self._made:
            at_ms = int(time() * 1000)
            self._made[key] = [
                (
                    sight.client,
                    voice.frame(
                        Outgoing(
                            type=name_of(sight.what, style),
                            payload=_payload(sight, style, self._project),
                            timestamp=at_ms,
                            id=f"{self._project}:seen:{self._number}:{place}",
                            user_id=sight.user or None,
                            project_id=self._project,
                        ),
                        droppable=True,
                    ),
                )
                for place, sight in enumerate(self._sights)
            ]
        return self._made[key]


class Crowd:
    """What is known of everybody's presence. Fed by whichever listener hears first."""

    def __init__(self, project: str, states: Mapping[int, State], users: Mapping[int, str]) -> None:
        self._project = project
        self._states: dict[int, State] = dict(states)
        self._users: dict[int, str] = dict(users)
        self._clients = Counter(self._users.values())  # of each user
        self._last: Shown | None = None
        self._sights = Sights(project, [], 0)
        self._number = 0

    def see(self, shown: Shown) -> Sights:
        """What that change says; the same for all who hear of it."""
        if shown is not self._last:
            self._last = shown
            self._number += 1
            self._sights = Sights(self._project, self._compare(shown), self._number)
        return self._sights

    def everybody(self) -> Sights:
        """All that is shown now, for a newcomer."""
        self._number += 1
        sights: list[Sight] = []
        known: set[str] = set()
        for client, state in self._states.items():
            user = self._users[client]
            if user not in known:
                known.add(user)
                sights.append(self._joined(client, user, state))
            sights += self._moved(client, user, {}, state)
        return Sights(self._project, sights, self._number)

    def people(self) -> list[PersonShape]:
        """Who is here, each of them once."""
        found = {user: (client, user) for client, user in self._users.items()}
        return [self._person(self._states[client], user) for client, user in found.values()]

    def _compare(self, shown: Shown) -> list[Sight]:
        sights: list[Sight] = []
        for client, state in shown.states.items():
            user = _user(state)
            before = self._states.get(client)
            if not self._clients[user]:
                sights.append(self._joined(client, user, state))
            if before is None:
                self._clients[user] += 1
            self._states[client], self._users[client] = state, user
            sights += self._moved(client, user, before or {}, state)
        for client in shown.left:
            if client not in self._states:
                continue
            state, user = self._states.pop(client), self._users.pop(client)
            sights += self._moved(client, user, state, {})
            self._clients[user] -= 1
            if not self._clients[user]:
                del self._clients[user]
                name = _name(state, user)
                sights.append(Sight("left", client, user, {"id": user, "name": name}))
        return sights

    def _joined(self, client: int, user: str, state: State) -> Sight:
        return Sight("joined", client, user, self._person(state, user))

    def _person(self, state: State, user: str) -> PersonShape:
        now = time()
        return presence.person(user, state, seen_at=_instant(now), at_ms=int(now * 1000))

    def _moved(self, client: int, user: str, before: State, state: State) -> list[Sight]:
        sights = []
        if state.get("pointer") != before.get("pointer"):
            cursor = presence.cursor(user, state, int(time() * 1000))
            if cursor is not None:
                sights.append(Sight("cursor", client, user, cursor))
        if state.get("selected") != before.get("selected"):
            sights.append(Sight("selected", client, user, presence.selection(user, state)))
        was, now = presence.typed_in(before), presence.typed_in(state)
        for element, is_typing in ((was, False), (now, True)):
            if was != now and element is not None:
                told = presence.TypingShape(user_id=user, element_id=element, is_typing=is_typing)
                sights.append(Sight("typing", client, user, told))
        return sights


def _payload(sight: Sight, style: Style, project: str) -> object:
    """Clients of the one style are told of a user in a project, those of the other of a user."""
    if sight.what == "joined" and style is Style.UPPER:
        return {"projectId": project, "user": sight.payload}
    if sight.what == "left":
        return {"projectId": project, "user": sight.payload} if style is Style.UPPER else sight.user
    return sight.payload


def _user(state: State) -> str:
    told = state.get("user")
    user = told.get("id") if isinstance(told, dict) else None
    return user if isinstance(user, str) else ""


def _name(state: State, user: str) -> str:
    told = state.get("user")
    name = told.get("name") if isinstance(told, dict) else None
    return name if isinstance(name, str) and name else user


def _instant(seconds: float) -> str:
    return format_instant(datetime.fromtimestamp(seconds, UTC))
