"""Somebody who changes a calendar at random, and keeps account of what must not be lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, cast

from pycrdt import Doc, Map, Text

from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.when import When

LETTERS = "abc 가나다라😀🎉é한글"
START = datetime(2026, 11, 23, 9)
SERIES = Recurrence("FREQ=DAILY;COUNT=30")
FIELDS = ("title", "location", "url", "color")


class Author:
    """Edits one document; every id and every piece of text is used once in the whole history."""

    def __init__(self, user: str, doc: Doc[Map[object]], chance: Random) -> None:
        self.user = user
        self.events_made: set[str] = set()
        self.keys_made: set[tuple[str, str]] = set()  # of entries that nobody takes away
        self.texts_typed: set[tuple[str, str]] = set()
        self.values_written: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._events = doc.get("events", type=Map)
        self._chance = chance
        self._count = 0
        self._calendar = Calendar(
            doc, clock=lambda: datetime(2026, 11, 21, tzinfo=UTC), new_id=self._name, user=user
        )

    def edit(self) -> None:
        """One change: mostly of what is there, now and then something new."""
        live = sorted(event.id for event in self._calendar.events())  # yrs has them in any order
        if len(live) < 2 or (len(live) < 8 and self._chance.random() < 0.05):
            self._create()
            return
        changes: list[Callable[[str], object]] = [
            *(self._set, self._set, self._type, self._type, self._erase, self._move),
            *(self._invite, self._alarm, self._override, self._cancel, self._delete, self._restore),
        ]
        self._chance.choice(changes)(self._chance.choice(live))

    def lost(self, events: Mapping[str, Any]) -> set[object]:
        """What this author has written that no one took away, and that is not in `events`."""
        there = {event for event in self.events_made if event in events}
        keys = {(event, key) for event, key in self.keys_made if key in events[event]}
        texts = {
            (event, token)
            for event, token in self.texts_typed
            if token in events[event]["description"]
        }
        return {*self.events_made - there, *self.keys_made - keys, *self.texts_typed - texts}

    def _name(self) -> str:
        self._count += 1
        return f"{self.user}-{self._count}"

    def _create(self) -> None:
        event = self._calendar.create(
            title="새 일정", description="|", when=self._when(), recurrence=SERIES
        )
        self.events_made.add(event)

    def _when(self) -> When:
        start = START + timedelta(hours=self._chance.randrange(-8, 9))
        return When(start, start + timedelta(minutes=self._chance.randint(1, 99)), "Asia/Seoul")

    def _set(self, event: str) -> None:
        field, value = self._chance.choice(FIELDS), self._name()
        self._calendar.patch(event, {field: value})
        self.values_written[event, field].add(value)

    def _text(self, event: str) -> Text:
        return cast(Text, cast("Map[object]", self._events[event])["description"])

    def _type(self, event: str) -> None:
        text = self._text(event)
        shown = str(text)
        token = f"<{self._name()}{self._chance.choice(LETTERS)}>"
        at = self._chance.randint(0, len(shown))
        while shown[:at].count("<") != shown[:at].count(">"):
            at += 1  # not into somebody's token
        text.insert(len(shown[:at].encode()), token)
        self.texts_typed.add((event, token))

    def _erase(self, event: str) -> None:
        """Take a bar away, and put two of them: deletions without a loss of anybody's words."""
        text = self._text(event)
        shown = str(text)
        at = shown.find("|")
        start = len(shown[: max(at, 0)].encode())
        if at >= 0:
            del text[start : start + 1]
        text.insert(start, "||")

    def _move(self, event: str) -> None:
        self._calendar.patch(event, {"when": self._when().to_value()})

    def _invite(self, event: str) -> None:
        address = f"{self._name()}@example.org"
        self._calendar.set_attendee(event, address, name="손님")
        self.keys_made.add((event, f"attendee/{address}"))

    def _alarm(self, event: str) -> None:
        alarm = self._calendar.set_alarm(event, 600)
        self.keys_made.add((event, f"alarm/{alarm}"))

    def _instance(self, event: str) -> str | None:
        held = self._calendar.get(event)
        if held.recurrence is None or held.when is None:
            return None
        assert isinstance(held.when.start, datetime)
        day = held.when.start + timedelta(days=self._chance.randrange(30))
        return day.isoformat()

    def _override(self, event: str) -> None:
        if instance := self._instance(event):
            self._calendar.override_instance(event, instance, title=self._name())
            self.keys_made.add((event, f"override/{instance}"))

    def _cancel(self, event: str) -> None:
        if instance := self._instance(event):
            self._calendar.cancel_instance(event, instance)
            self.keys_made.add((event, f"override/{instance}"))

    def _delete(self, event: str) -> None:
        if self._chance.random() < 0.2:
            self._calendar.delete(event)

    def _restore(self, event: str) -> None:
        for deleted in sorted(event.id for event in self._calendar.deleted())[:1]:
            self._calendar.restore(deleted)
