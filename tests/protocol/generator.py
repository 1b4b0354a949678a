"""Makes updates up: every content, valid and nearly valid, with references all over the place.

`Generator.update` writes one update for a document whose state vector it is given. Most of what it
writes could have come from a client; the rest is what no client would send: references into other
containers, to the middle of things, to what is not there, false counts, bytes turned over.
Everything comes from one `random.Random`, so a seed is a whole run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from random import Random

from crdt_calendar.protocol.content import (
    ANY,
    BINARY,
    DELETED,
    EMBED,
    FORMAT,
    GC,
    SKIP,
    STRING,
    TYPE,
)
from crdt_calendar.protocol.lib0 import Value, Writer
from crdt_calendar.protocol.update import HAS_KEY, HAS_LEFT, HAS_RIGHT, Id

ROOTS = ("map", "text", "array", "xml", "문서")
TEXTS = ("a", "hello", "회의", "😀", "a😀b", "👨‍👩‍👧 family", "x" * 40, "�", "é\n")
KEYS = ("title", "when", "제목", "", "attendee/a@example.org")
VALUES: tuple[Value, ...] = (
    None,
    True,
    0,
    -7,
    1 << 40,
    1.5,
    "text",
    "😀",
    b"\x00\xff",
    [1, [2, [3]]],
    {"start": "2026-01-01", "nested": {"a": [None]}},
    1 << 60,
)
JSON_TEXTS = ("true", "null", '"#ff0000"', '{"image":"x.png"}', "[[1],[2]]", "{broken", '"\\ud800"')

_KEYED = (ANY, ANY, BINARY, TYPE, TYPE, DELETED)
_LISTED = (STRING, STRING, STRING, ANY, ANY, BINARY, EMBED, FORMAT, TYPE, TYPE, DELETED)

Content = Callable[[Writer], int]
"""Writes a content; returns its length in clocks."""


class Generator:
    """Updates from one random source, over a dozen client ids of four users."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.clients = [1, 2, 3, 7, 127, 128, 70_000, (1 << 31) + 5, (1 << 32) + 5, (1 << 53) - 1]
        self._types: list[Id] = []
        self._items: dict[tuple[str | Id, str | None], list[Id]] = {}  # by parent and key
        self._clocks: dict[int, int] = {}
        self._contents: dict[int, Content] = {
            DELETED: self._deleted,
            BINARY: self._binary,
            STRING: self._string,
            EMBED: self._embed,
            FORMAT: self._format,
            TYPE: self._type,
            ANY: self._any,
        }

    def user_of(self, client: int) -> str:
        """The user who writes under a client id."""
        return f"user {self.clients.index(client) % 4}"

    def update(self, state: Mapping[int, int], *, strange: float = 0.2) -> tuple[int, bytes]:
        """An update and one of its authors; `strange` is the share of what is not honest."""
        self._clocks = dict(state)
        self._forget_unknown(state)
        self._strange = strange
        random = self.random
        authors = [random.choice(self.clients)]
        if random.random() < 0.2:
            mine = [c for c in self.clients if self.user_of(c) == self.user_of(authors[0])]
            authors = random.sample(mine, random.randint(1, len(mine)))
        if self._odd(0.1):
            authors.append(random.choice(self.clients))
        writer = Writer()
        writer.write_uint(len(authors))
        for client in sorted(authors, reverse=True):
            self._section(writer, client)
        self._deletes(writer)
        update = writer.take()
        if self._odd(0.2):
            update = self._mutated(update)
        return authors[0], update

    def _forget_unknown(self, state: Mapping[int, int]) -> None:
        """What was refused is not there to build on; a little is kept, to build on it anyway."""

        def stays(id_: Id) -> bool:
            return id_[1] < state.get(id_[0], 0) or self._odd(0.2)

        self._types = [id_ for id_ in self._types if stays(id_)]
        items = {place: list(filter(stays, ids)) for place, ids in self._items.items()}
        self._items = {place: ids for place, ids in items.items() if ids}

    def _odd(self, share: float = 1.0) -> bool:
        return self.random.random() < self._strange * share

    def _section(self, writer: Writer, client: int) -> None:
        random = self.random
        count = random.choice((1, 1, 1, 2, 3, 8))
        clock = self._clocks.get(client, 0)
        if self._odd(0.3):
            clock = max(0, clock + random.randint(-6, 3))
        writer.write_uint(count + random.choice((-1, 1, 1 << 30)) if self._odd(0.02) else count)
        writer.write_uint(client)
        writer.write_uint(clock)
        for _ in range(count):
            clock += self._struct(writer, (client, clock))
        self._clocks[client] = max(clock, self._clocks.get(client, 0))

    def _struct(self, writer: Writer, id_: Id) -> int:
        random = self.random
        if self._odd(0.2):
            writer.write_uint8(random.choice((GC, SKIP)))
            length = random.choice((1, 1, 2, 9, 0, 1 << 20, (1 << 32) - 1))
            writer.write_uint(length)
            return length
        parent, key = self._place()
        kinds: tuple[int, ...] = _KEYED if key is not None else _LISTED
        if self._odd(0.1):
            kinds = tuple(self._contents)
        kind = random.choice(kinds)
        if self._odd(0.02):
            kind = random.choice((0, 2, 9, 10, 11, 12, 15, 20))
        if kind == TYPE:
            self._types.append(id_)
        self._head(writer, kind, parent, key)
        length = self._contents.get(kind, self._string)(writer)
        offset = random.randrange(length) if length else 0
        self._items.setdefault((parent, key), []).append((id_[0], id_[1] + offset))
        return length

    def _place(self) -> tuple[str | Id, str | None]:
        """A parent and a key, often where something is already."""
        random = self.random
        if self._items and random.random() < 0.6:
            return random.choice(list(self._items))
        parent: str | Id = random.choice(ROOTS)
        if self._types and random.random() < 0.7:
            parent = random.choice(self._types)
        elif self._odd(0.1):
            parent = self._id() or parent
        return parent, random.choice(KEYS) if random.random() < 0.4 else None

    def _head(self, writer: Writer, kind: int, parent: str | Id, key: str | None) -> None:
        random = self.random
        around = self._items.get((parent, key), [])
        left = random.choice(around) if around and random.random() < 0.7 else None
        right = random.choice(around) if around and random.random() < 0.4 else None
        if self._odd(0.1):
            left = self._id()
        if self._odd(0.1):
            right = self._id()
        info = kind | (HAS_LEFT if left else 0) | (HAS_RIGHT if right else 0)
        writer.write_uint8(info | (0 if key is None else HAS_KEY))
        for origin in (left, right):
            if origin:
                self._write_id(writer, origin)
        if left or right:
            return
        if isinstance(parent, str):
            writer.write_uint(1)
            writer.write_string(parent)
        else:
            writer.write_uint(0)
            self._write_id(writer, parent)
        if key is not None:
            writer.write_string(key)

    def _id(self) -> Id | None:
        """The name of something written already, mostly."""
        random = self.random
        if self._odd(0.05):
            return random.choice(self.clients), random.randint(0, 1 << 33)
        if not self._clocks:
            return None
        client = random.choice(list(self._clocks))
        end = self._clocks[client]
        near = random.random() < 0.5
        return client, random.randint(max(0, end - 8) if near else 0, max(0, end - 1))

    def _write_id(self, writer: Writer, id_: Id) -> None:
        writer.write_uint(id_[0])
        writer.write_uint(id_[1])

    def _deletes(self, writer: Writer) -> None:
        random = self.random
        clients = random.sample(list(self._clocks), random.randint(0, min(3, len(self._clocks))))
        if random.random() < 0.6:
            clients = []
        writer.write_uint(len(clients))
        for client in clients:
            self._ranges(writer, client)

    def _ranges(self, writer: Writer, client: int) -> None:
        random = self.random
        end = self._clocks[client] + (5 if self._odd(0.2) else 0)
        points = sorted(random.sample(range(end + 1), min(end + 1, 2 * random.randint(1, 3))))
        ranges = list(zip(points[::2], points[1::2], strict=False))
        if self._odd(0.05):
            ranges.reverse()
        writer.write_uint(client)
        writer.write_uint(len(ranges))
        for start, stop in ranges:
            writer.write_uint(start)
            writer.write_uint(1 << 32 if self._odd(0.02) else stop - start)

    def _mutated(self, update: bytes) -> bytes:
        random = self.random
        data = bytearray(update)
        for _ in range(random.randint(1, 3)):
            position = random.randrange(len(data))
            match random.randrange(4):
                case 0:
                    data[position] = random.randrange(256)
                case 1:
                    data[position] ^= 1 << random.randrange(8)
                case 2:
                    data.insert(position, random.choice((0, 1, 127, 128, 255)))
                case _:
                    del data[position:]
                    data.append(random.randrange(128))
        return bytes(data)

    def _deleted(self, writer: Writer) -> int:
        length = self.random.choice((1, 2, 5, 30))
        writer.write_uint(length)
        return length

    def _binary(self, writer: Writer) -> int:
        writer.write_bytes(self.random.randbytes(self.random.randint(0, 9)))
        return 1

    def _string(self, writer: Writer) -> int:
        text = self.random.choice(TEXTS)
        writer.write_string(text)
        return len(text.encode("utf-16-le")) // 2

    def _embed(self, writer: Writer) -> int:
        writer.write_string(self._json())
        return 1

    def _format(self, writer: Writer) -> int:
        writer.write_string(self.random.choice(("bold", "color", "link")))
        writer.write_string(self._json())
        return 1

    def _json(self) -> str:
        if self._odd(0.1):
            return self.random.choice(JSON_TEXTS)
        return json.dumps(self.random.choice((True, None, "red", {"a": 1}, [1, 2], 3.5)))

    def _type(self, writer: Writer) -> int:
        ref = self.random.choice((0, 1, 2, 3, 4, 6))
        if self._odd(0.02):
            ref = self.random.choice((5, 7, 9, 15))
        writer.write_uint(ref)
        if ref == 3:
            writer.write_string(self.random.choice(("p", "heading", "br")))
        return 1

    def _any(self, writer: Writer) -> int:
        values = [self.random.choice(VALUES) for _ in range(self.random.choice((1, 1, 1, 1, 2, 6)))]
        writer.write_uint(len(values))
        for value in values:
            writer.write_any(value)
        return len(values)
