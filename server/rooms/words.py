"""The words of a room's events, to be searched: an FTS5 table of SQLite in memory.

What it is asked about comes with each question: events that are not the same objects as last time
are written anew before it answers, so an answer is never stale and nothing is kept up on the way
to the disk. The trigram tokenizer finds any part of a word, which is what Korean, Chinese and
Japanese need, whose words are not told apart by spaces. What is too short for it, as many Korean
words are, is looked for in the same table without the index.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from unicodedata import normalize

import anyio
from anyio.to_thread import run_sync

from crdt_calendar.model.event import Event

GRAM = 3  # characters in a token
MOST_TERMS = 16
# An event may hold megabytes; what is beyond this is found by nobody.
MOST_CHARACTERS = 64 * 1024

_TERM = re.compile(r'"([^"]*)"?|([^\s"]+)')
_UNSEEN = re.compile(r"[\s\x00-\x1f\x7f]+")


def fold(text: str) -> str:
    """The text as it is compared: composed, without case, runs of space as one."""
    return _UNSEEN.sub(" ", normalize("NFKC", text[:MOST_CHARACTERS]).casefold()).strip()


def terms(query: str) -> list[str]:
    """What has to be found, all of it: words, parts of words, and phrases in quotes.

    No character is an error; a ``*`` at the end of a word is what it always is here.
    """
    found = (phrase or word.rstrip("*") for phrase, word in _TERM.findall(query))
    return [term for term in map(fold, found) if term][:MOST_TERMS]


class Words:
    """The texts of the events of one room, and which of them hold certain words."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        self._connection.execute(
            "CREATE VIRTUAL TABLE words USING fts5(text, tokenize = 'trigram case_sensitive 1')"
        )
        self._held: dict[str, tuple[int, Event]] = {}
        self._next = 1
        self._turn = anyio.Lock()

    async def find(self, events: Mapping[str, Event], query: str) -> set[str]:
        """The ids of those of `events` in which every term of the query is. No term: all of them.

        Texts are title, description, place, address and people, of instances that differ as well.
        """
        wanted = terms(query)
        if not wanted:
            return set(events)
        async with self._turn:
            changed = list(self._changed(events))
            gone = [self._held.pop(id)[0] for id in self._held.keys() - events.keys()]
            try:
                numbers = await run_sync(self._ask, changed, gone, wanted)
            except BaseException:
                self._held.clear()  # what the table has of them nobody knows
                raise
            return {id for id, (number, _) in self._held.items() if number in numbers}

    def _changed(self, events: Mapping[str, Event]) -> Iterator[tuple[int, Event]]:
        for id, event in events.items():
            number, held = self._held.get(id, (0, None))
            if held is not event:
                number = number or self._next
                self._next = max(self._next, number + 1)
                self._held[id] = number, event
                yield number, event

    def _ask(
        self, changed: list[tuple[int, Event]], gone: list[int], wanted: list[str]
    ) -> set[int]:
        """Runs on a thread of its own; one at a time."""
        rows = ((number, _text(event)) for number, event in changed)
        with self._connection as table:
            table.executemany("DELETE FROM words WHERE rowid = ?", ((id,) for id in gone))
            table.executemany("INSERT OR REPLACE INTO words (rowid, text) VALUES (?, ?)", rows)
        clauses, values = [], []
        if grams := [term for term in wanted if len(term) >= GRAM]:
            clauses.append("words MATCH ?")
            values.append(" AND ".join('"' + term.replace('"', '""') + '"' for term in grams))
        for term in wanted:
            if len(term) < GRAM:
                clauses.append("instr(text, ?) > 0")
                values.append(term)
        found = self._connection.execute(
            f"SELECT rowid FROM words WHERE {' AND '.join(clauses)}", values
        )
        return {number for (number,) in found}


def _text(event: Event) -> str:
    shown = [event, *(one.event for one in event.overrides.values() if one.event is not None)]
    texts = (
        text
        for one in shown
        for text in (
            *(one.title, one.location, one.url, one.description),
            *(f"{who.name} {who.address}" for who in one.attendees),
        )
        if text
    )
    return "\n".join(dict.fromkeys(map(fold, texts)))
