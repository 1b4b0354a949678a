"""Settings: what whoever runs the service decides. The only module that reads the environment.

A value comes from the command line, or else from the environment, or else from the default here.
Every field is ``CRDT_CALENDAR_<FIELD>`` in the environment, every field of
`crdt_calendar.limits.Limits` is ``CRDT_CALENDAR_LIMIT_<FIELD>``; lists are separated by commas, and
an empty variable counts as none.
"""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import get_type_hints
from urllib.parse import SplitResult, urlsplit

from crdt_calendar.errors import InvalidValue
from crdt_calendar.limits import Limits

PREFIX = "CRDT_CALENDAR_"
"""What the names of our environment variables begin with."""

LIMIT = "limit_"
"""What the keys of limits begin with (in the environment after `PREFIX`, in upper case)."""

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
"""The values of `Settings.log_level`, from the most talkative down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of one server. Build it by `load`, which checks; see the comment at each."""

    # Where to listen. Port 0 lets the system choose; host 0.0.0.0 or :: lets other machines in.
    host: str = "127.0.0.1"
    port: int = 8000
    # The data directory: the database, the secret, the lock.
    data: Path = Path("data")

    # An identity provider's keys, an http(s) URL or a file, and what its tokens must say.
    jwks: str | None = None
    jwks_seconds: float = 300.0  # how often to look for new keys
    issuer: str | None = None
    audience: str | None = None
    # Web pages of other hosts that may connect, as scheme://host[:port]; * for all.
    origins: tuple[str, ...] = ()

    # Whether webhooks may be in private networks, this machine included: whoever owns a project
    # could then have this server send requests to what only it can reach.
    webhooks_private: bool = False

    # How long the history of single edits is kept; the calendar itself is kept for ever.
    retention_days: float = 30.0
    # A room without peers is freed after that long.
    idle_seconds: float = 60.0
    # How soon a dead line is noticed; stock Yjs clients give up on a silent one after 30 s.
    ping_seconds: float = 15.0
    # From SIGTERM to the exit, flush and farewells included.
    stop_seconds: float = 5.0

    log_level: str = "info"
    access_log: bool = False  # one line a request
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def load(
        cls, chosen: Mapping[str, object] | None = None, environ: Mapping[str, str] | None = None
    ) -> Settings:
        """The settings from `chosen` (the command line) over the environment over the defaults.

        Keys of `chosen` are field names and ``limit_<field>``, values of the field's type or text
        for it; None is no choice. Raises `InvalidValue` for an unknown key, with a suggestion, and
        for a value that is not of its key's form.
        """
        values: dict[str, object] = {}
        limits: dict[str, object] = {}
        for name, key, value in _given(chosen or {}, os.environ if environ is None else environ):
            target = limits if key.startswith(LIMIT) else values
            target[key.removeprefix(LIMIT)] = _read(name, key, value)
        return cls(**values, limits=Limits(**limits))  # type: ignore[arg-type]  # `_read` saw to it

    def describe(self) -> str:
        """One ``key = value`` a line, for printing at start; passwords in URLs are masked.

        Of the limits, those that differ from their default.
        """
        lines = [f"{key} = {_shown(getattr(self, key))}" for key in _names(Settings)]
        usual = Limits()
        lines += [
            f"{LIMIT}{key} = {getattr(self.limits, key)}"
            for key in _names(Limits)
            if getattr(self.limits, key) != getattr(usual, key)
        ]
        return "\n".join(lines)


def _names(cls: type[Settings] | type[Limits]) -> list[str]:
    return [item.name for item in fields(cls) if item.name != "limits"]


def _types() -> dict[str, object]:
    """Every key there is, with the type of its value."""
    own, limits = get_type_hints(Settings), get_type_hints(Limits)
    keys = {name: own[name] for name in _names(Settings)}
    return keys | {LIMIT + name: limits[name] for name in _names(Limits)}


_TYPES = _types()


def _given(
    chosen: Mapping[str, object], environ: Mapping[str, str]
) -> Iterator[tuple[str, str, object]]:
    """Every (name as the user wrote it, key, value) that was given; what comes later wins."""
    for name, text in environ.items():
        if name.startswith(PREFIX) and text.strip():
            yield name, name.removeprefix(PREFIX).lower(), text
    for key, value in chosen.items():
        if value is not None:
            yield key, key, value


def _read(name: str, key: str, value: object) -> object:
    """`value` as the type of `key`, checked. Raises `InvalidValue` naming `name`."""
    if key not in _TYPES:
        raise InvalidValue(_unknown(name, key))
    form, read = _CHECKED.get(key) or _READERS[_TYPES[key]]
    if key.startswith(LIMIT):
        form, read = f"{form} above 0", _above_zero(read)
    try:
        return read(value)
    except (ValueError, TypeError):
        raise InvalidValue(f"{name}: {form} needed, not {_repeated(value)}") from None


def _unknown(name: str, key: str) -> str:
    near = difflib.get_close_matches(key, _TYPES, n=1)
    if not near:
        return f"{name}: no such setting"
    suggestion = PREFIX + near[0].upper() if name.startswith(PREFIX) else near[0]
    return f"{name}: no such setting; did you mean {suggestion}?"


# Readers: a value of the type, or text for it, to a value; `ValueError` for anything else.
_Reader = Callable[[object], object]


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value.strip()


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError
    return int(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = _text(value).lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError


def _path(value: object) -> Path:
    return (value if isinstance(value, Path) else Path(_text(value))).expanduser()


def _list(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(_text(item) for item in value)
    return tuple(part.strip() for part in _text(value).split(",") if part.strip())


def _port(value: object) -> int:
    port = _whole(value)
    if not 0 <= port <= 65535:
        raise ValueError
    return port


def _level(value: object) -> str:
    level = _text(value).lower()
    if level not in LOG_LEVELS:
        raise ValueError
    return level


def _origins(value: object) -> tuple[str, ...]:
    origins = tuple(origin.rstrip("/").lower() for origin in _list(value))
    if not all(origin == "*" or _is_origin(urlsplit(origin)) for origin in origins):
        raise ValueError
    return origins


def _is_origin(url: SplitResult) -> bool:
    """RFC 6454 section 7: a scheme, a host, perhaps a port, and nothing else."""
    rest = (url.username, url.path, url.query, url.fragment)
    return bool(url.scheme and url.hostname) and not any(rest)


def _above_zero(read: _Reader) -> _Reader:
    def read_above_zero(value: object) -> object:
        number = read(value)
        if not isinstance(number, int | float) or number <= 0:
            raise ValueError
        return number

    return read_above_zero


def _not_negative(value: object) -> float:
    number = _number(value)
    if number < 0:
        raise ValueError
    return number


_READERS: dict[object, tuple[str, _Reader]] = {
    str: ("text", _text),
    str | None: ("text", _text),
    int: ("a whole number", _whole),
    float: ("a number", _number),
    bool: ("true or false", _switch),
    Path: ("a path", _path),
}

_SECONDS: tuple[str, _Reader] = ("seconds above 0", _above_zero(_number))

# Keys with more of a form than their type says.
_CHECKED: dict[str, tuple[str, _Reader]] = {
    "port": ("a number from 0 to 65535", _port),
    "log_level": (f"one of {', '.join(LOG_LEVELS)}", _level),
    "origins": ("scheme://host[:port], separated by commas,", _origins),
    "retention_days": ("days, 0 or more,", _not_negative),
    "jwks_seconds": _SECONDS,
    "idle_seconds": _SECONDS,
    "ping_seconds": _SECONDS,
    "stop_seconds": _SECONDS,
}


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, tuple):
        return ", ".join(value) or "-"
    return _masked(value) if isinstance(value, str) and "://" in value else str(value)


def _repeated(value: object) -> str:
    """The value for a message about it, unless there may be a password in it."""
    text = repr(value)
    return "this one" if "@" in text or "?" in text else text


def _masked(url: str) -> str:
    """The URL without what may be a password in it: user part and query."""
    parts = urlsplit(url)
    netloc = parts.netloc.rpartition("@")[2]
    user = "***@" if "@" in parts.netloc else ""
    query = "***" if parts.query else ""
    return parts._replace(netloc=user + netloc, query=query).geturl()
