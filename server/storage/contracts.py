"""What doors ask of storage beside rooms, as contracts: kept answers, feed links, webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Kept:
    """One answer. ``fingerprint`` says to which request; ``headers`` are JSON."""

    user: str
    key: str
    fingerprint: str
    status: int
    headers: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Feed:
    """One link. ``busy_only``: it shows times and nothing else."""

    id: str
    project: str
    busy_only: bool
    created_by: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class Webhook:
    """Somebody to be told. ``disabled`` says why they are not, any more; empty: they are.

    ``position`` is the project's up to which all that concerns them is queued.
    """

    id: str
    project: str
    url: str
    secret: str
    kinds: tuple[str, ...]
    created_by: str
    created_ms: int
    disabled: str
    position: int


@dataclass(frozen=True, slots=True)
class Letter:
    """Something to be told: its id, kind, and body."""

    id: str
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """A letter on its way. ``state`` is ``waiting``, ``delivered`` or ``failed``.

    ``status`` and ``error`` are of the last attempt; 0 when there was no answer.
    """

    number: int
    id: str
    webhook: str
    kind: str
    created_ms: int
    state: str
    attempts: int
    next_ms: int
    status: int
    error: str
    tried_ms: int
    body: bytes


def digest_of(secret: str) -> bytes:
    """What is kept of a feed's secret. It is long and random, and needs no salt."""
    return sha256(secret.encode()).digest()


class Answers(Protocol):
    """Keeps answers for a day; see `storage.answers`."""

    async def find(self, user: str, key: str, /) -> Kept | None: ...
    async def keep(self, kept: Kept, /) -> None: ...


class Feeds(Protocol):
    """Keeps secret links; see `storage.feeds`."""

    async def create(
        self, id: str, project: str, digest: bytes, /, *, busy_only: bool, user: str
    ) -> Feed: ...
    async def of(self, project: str, /) -> Sequence[Feed]: ...
    async def opened_by(self, digest: bytes, /) -> Feed | None: ...
    async def delete(self, project: str, id: str, /) -> bool: ...


class Webhooks(Protocol):
    """Keeps webhooks and what they are told; see `storage.webhooks`."""

    async def create(self, hook: Webhook, /) -> Webhook: ...
    async def active(self) -> Sequence[Webhook]: ...
    async def of(self, project: str, /) -> Sequence[Webhook]: ...
    async def find(self, id: str, /) -> Webhook | None: ...
    async def change(self, hook: Webhook, /) -> None: ...
    async def delete(self, id: str, /) -> None: ...
    async def queue(self, id: str, position: int, letters: Sequence[Letter], /) -> None: ...
    async def next_waiting(self, id: str, /) -> Delivery | None: ...
    async def deliveries(self, id: str, before: int, most: int, /) -> Sequence[Delivery]: ...
    async def tried(self, delivery: Delivery, /, *, state: str, wait_ms: int = 0) -> None: ...
