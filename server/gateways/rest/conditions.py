"""Conditional requests (RFC 9110 section 13): entity tags made of versions, and their checks."""

from __future__ import annotations

from hashlib import sha256

import msgspec

from crdt_calendar.errors import PreconditionFailed


def tag_of(version: int, value: object) -> str:
    """The strong tag of a representation: its version, and what tells it from another of that.

    Two people may have made version 3 of an event at the same time; merged, it is yet another.
    """
    return f'"{version}-{_digest(msgspec.json.encode(value))}"'


def weak_tag(body: bytes) -> str:
    """A tag for what has no version."""
    return f'W/"{_digest(body)}"'


def check_match(expected: str | None, version: int, value: object) -> None:
    """Raise `PreconditionFailed` unless If-Match, if there is one, names what is there now.

    It does by the tag that was answered, by the bare version (``"3"``), and by ``*``.
    """
    if expected is None or expected.strip() == "*":
        return
    wanted = [one.strip() for one in expected.split(",")]
    if tag_of(version, value) not in wanted and f'"{version}"' not in wanted:
        raise PreconditionFailed(
            f"it is at version {version} by now, and not what If-Match names; read it again"
        )


def is_held(tag: str, header: str | None) -> bool:
    """Whether If-None-Match names that tag; compared weakly (section 13.1.2)."""
    if header is None:
        return False
    bare = tag.removeprefix("W/")
    held = [one.strip().removeprefix("W/") for one in header.split(",")]
    return held == ["*"] or bare in held


def _digest(body: bytes) -> str:
    return sha256(body).hexdigest()[:16]
