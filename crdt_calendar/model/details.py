"""The small values inside an event: who did what when, attendees, alarms, and problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from crdt_calendar.errors import InvalidValue

Plain = Mapping[str, object]
"""A plain value of the document that is an object: strings, numbers, booleans, None, lists."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A value in the document that is not of its form, and reads as absent.

    ``event_id`` is empty for a property of the calendar itself; ``key`` is the key in the map.
    """

    event_id: str
    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who did something, and when (aware, UTC)."""

    by: str
    at: datetime

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise InvalidValue(f"at: say in which zone {self.at} is")

    @classmethod
    def from_value(cls, value: object, key: str = "updated") -> Stamp:
        """Read ``{by, at}``. Raises `InvalidValue` naming `key`."""
        fields = as_mapping(value, key)
        by, at = as_text(fields.get("by", ""), f"{key}.by"), fields.get("at")
        try:
            moment = datetime.fromisoformat(as_text(at, f"{key}.at"))
            if moment.tzinfo is None:
                raise ValueError("it has no zone")
            return cls(by, moment.astimezone(UTC))
        except (ValueError, OverflowError) as error:
            raise InvalidValue(f"{key}.at: no instant such as 2026-03-01T08:00:00Z") from error

    def to_value(self) -> dict[str, object]:
        """The document's plain value: ``{by, at}``, to the millisecond, as JavaScript writes it."""
        at = self.at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
        return {"by": self.by, "at": f"{at}Z"}


@dataclass(frozen=True, slots=True)
class Attendee:
    """Somebody who is invited: key ``attendee/<address>``, value ``{name, role, status, ics?}``.

    ``address`` is a mail address, or a URI of another scheme. ``role`` and ``status`` are words of
    iCalendar in lower case (``req-participant``, ``accepted``), or empty. ``ics`` keeps what
    iCalendar says beyond that (parameters such as RSVP), for the way back.
    """

    address: str
    name: str = ""
    role: str = ""
    status: str = ""
    ics: Plain = field(default_factory=dict)

    @classmethod
    def from_value(cls, address: str, value: object) -> Attendee:
        """Read the plain value under ``attendee/<address>``. Raises `InvalidValue`."""
        key = f"attendee/{address}"
        _check_name(address, key)
        fields = as_mapping(value, key)
        name, role, status = (
            as_text(fields.get(part) or "", f"{key}.{part}") for part in ("name", "role", "status")
        )
        return cls(address, name, role, status, _as_foreign(fields.get("ics"), f"{key}.ics"))

    def to_value(self) -> dict[str, object]:
        """The document's plain value."""
        value: dict[str, object] = {"name": self.name, "role": self.role, "status": self.status}
        return value | ({"ics": dict(self.ics)} if self.ics else {})


@dataclass(frozen=True, slots=True)
class Alarm:
    """A reminder: key ``alarm/<id>``, value ``{before, action, ics?}``.

    ``before_seconds`` counts back from the start of the event (negative: after it); it is
    ``before`` in the document. ``action`` is a word of iCalendar in lower case (``display``,
    ``email``, ``audio``). ``ics`` keeps what iCalendar says beyond that, for the way back.
    """

    id: str
    before_seconds: int
    action: str = "display"
    ics: Plain = field(default_factory=dict)

    @classmethod
    def from_value(cls, alarm_id: str, value: object) -> Alarm:
        """Read the plain value under ``alarm/<id>``. Raises `InvalidValue`."""
        key = f"alarm/{alarm_id}"
        _check_name(alarm_id, key)
        fields = as_mapping(value, key)
        before = as_int(fields.get("before"), f"{key}.before")
        action = as_text(fields.get("action") or "display", f"{key}.action")
        return cls(alarm_id, before, action, _as_foreign(fields.get("ics"), f"{key}.ics"))

    def to_value(self) -> dict[str, object]:
        """The document's plain value."""
        value: dict[str, object] = {"before": self.before_seconds, "action": self.action}
        return value | ({"ics": dict(self.ics)} if self.ics else {})


def as_plain(value: object, key: str, levels: int = 16) -> object:
    """`value` if the document can hold it as it is: JSON without NaN, broken text or big numbers.

    Raises `InvalidValue` naming `key`, also past so many levels.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _as_unicode(value, key)
    if isinstance(value, int | float) and -LARGEST_INT <= value <= LARGEST_INT:  # NaN is not
        return value
    if levels and isinstance(value, list | tuple):
        return [as_plain(item, key, levels - 1) for item in value]
    if levels and isinstance(value, Mapping):
        return {
            _as_unicode(as_text(name, key), key): as_plain(item, key, levels - 1)
            for name, item in value.items()
        }
    raise InvalidValue(f"{key}: {type(value).__name__} is nothing a document can hold here")


def _as_foreign(value: object, key: str) -> Plain:
    """What somebody keeps beside the contract: any plain object, so that all can pass it on."""
    return as_mapping(as_plain({} if value is None else value, key), key)


def _as_unicode(text: str, key: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidValue(f"{key}: half a surrogate pair is no text") from error
    return text


def _check_name(name: str, key: str) -> None:
    if not name:
        raise InvalidValue(f"{key}: the name after the slash is missing")


# What a number of JavaScript can hold.
LARGEST_INT = 2**53


def as_text(value: object, key: str) -> str:
    """`value` if it is a string, else `InvalidValue` naming `key`."""
    if not isinstance(value, str):
        raise InvalidValue(f"{key}: not text")
    return value


def as_int(value: object, key: str) -> int:
    """`value` as a whole number, else `InvalidValue`. Yjs numbers are floats: 3.0 is 3."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValue(f"{key}: not a number")
    if not -LARGEST_INT <= value <= LARGEST_INT or value != int(
        value
    ):  # the first refuses NaN, too
        raise InvalidValue(f"{key}: not a whole number")
    return int(value)


def as_mapping(value: object, key: str) -> Plain:
    """`value` if it is an object, else `InvalidValue` naming `key`."""
    if not isinstance(value, dict | Mapping):
        raise InvalidValue(f"{key}: not an object")
    return value
