"""The keys of an event map: what each may hold, and how a value for it is checked.

Reading and writing share these checks, so that what we write we can read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypedDict

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.details import Alarm, Attendee, Plain, as_mapping, as_plain, as_text
from crdt_calendar.model.recurrence import Recurrence
from crdt_calendar.model.when import When, format_local, parse_local

STATUSES = ("confirmed", "tentative", "cancelled")
VISIBILITIES = ("public", "private", "confidential")

ATTENDEE, ALARM, OVERRIDE, ICS = "attendee/", "alarm/", "override/", "ics/"
BOOKKEEPING = frozenset({"created", "updated", "sequence"})

# A key goes into every update that names it. iCalendar UIDs have a few hundred characters at most.
LONGEST_KEY_BYTES = 1024


class Fields(TypedDict, total=False):
    """What a caller may say about an event. None, like an empty text, takes the field away.

    ``attendees``, ``alarms``, ``ics`` and ``overrides`` stand for all there are: those not given
    are taken away. ``ics`` maps names of unknown iCalendar properties to plain values, kept under
    ``ics/<name>`` for the way back. ``overrides`` maps recurrence ids to what `normal_override`
    takes. ``sequence`` is a number the next one must not be less than.
    """

    title: str | None
    location: str | None
    url: str | None
    color: str | None
    status: str | None
    visibility: str | None
    description: str | None
    when: When | None
    recurrence: Recurrence | None
    attendees: Iterable[Attendee]
    alarms: Iterable[Alarm]
    ics: Mapping[str, object]
    overrides: Mapping[str, Plain]
    sequence: int


def parse_status(value: object) -> str:
    """One of `STATUSES`, as iCalendar's STATUS in lower case. Raises `InvalidValue`."""
    return _word(value, "status", STATUSES)


def parse_visibility(value: object) -> str:
    """One of `VISIBILITIES`, as iCalendar's CLASS in lower case. Raises `InvalidValue`."""
    return _word(value, "visibility", VISIBILITIES)


def normal_value(key: str, value: object) -> object:
    """The plain value to write under `key` of an event map; None stays None and means: take away.

    A `description` comes as text here, though the document holds a Text. Raises `InvalidValue`
    naming the key.
    """
    family, slash, name = key.partition("/")
    check = _FAMILIES.get(family + slash) if slash else None
    if check is not None:
        check_key(key)
        return None if value is None else as_plain(check(name, value), key)
    if key not in _SINGLES:
        raise InvalidValue(f"{key[:80]}: an event has no such field")
    return None if value is None else as_plain(_SINGLES[key](value), key)


def well_formed(values: Plain) -> dict[str, object]:
    """Those of `values` an event can have by the contract, as they would be written."""
    kept = {}
    for key, value in values.items():
        try:
            kept[key] = normal_value(key, value)
        except InvalidValue:  # bookkeeping, and what other clients keep there
            continue
    return kept


def normal_override(recurrence_id: str, value: object) -> dict[str, object]:
    """The plain value of one override: ``{cancelled: true}``, or changed fields by their keys.

    The keys are those of an event map but for recurrence and bookkeeping; ``description`` is plain
    text here, and None says that this instance has nothing there. Raises `InvalidValue`.
    """
    fields = as_mapping(value, f"{OVERRIDE}{recurrence_id}")
    if fields.get("cancelled") is True:
        return {"cancelled": True}
    return {name: normal_change(name, item) for name, item in fields.items()}


def normal_change(key: str, value: object) -> object:
    """The plain value of one changed field of an override. Raises `InvalidValue` naming the key."""
    if key not in _OVERRIDABLE and not key.startswith((ATTENDEE, ALARM, ICS)):
        raise InvalidValue(f"{key[:80]}: cannot differ in one instance of a series")
    if key == "when" and value is None:
        raise InvalidValue("when: cancel the instance to take its time away")
    return normal_value(key, value)


def wire_values(fields: Fields, present: Iterable[str] = ()) -> dict[str, object]:
    """The values to write for `fields`, by the keys of the event map; None takes a key away.

    ``present`` are the keys the event has, so that collections can shed what was not given.
    Raises `InvalidValue` naming the field.
    """
    values: dict[str, object] = {}
    for name, value in fields.items():
        if name in _COLLECTIONS:
            prefix, entries = _COLLECTIONS[name]
            values |= {key: None for key in present if key.startswith(prefix)}
            values |= entries(fields)
        elif name != "sequence":
            values[name] = getattr(value, "to_value", lambda value=value: value)() or None
    return {key: normal_value(key, value) for key, value in values.items()}


def check_key(key: str, name: str = "") -> None:
    """Raise `InvalidValue` unless a map can have this key; `name` says what it is the key of."""
    as_plain(key, name or key[:80])
    if not key or key.endswith("/") or len(key.encode()) > LONGEST_KEY_BYTES:
        raise InvalidValue(f"{name or key[:80]}: a name has 1 to {LONGEST_KEY_BYTES} bytes")


def _word(value: object, key: str, words: tuple[str, ...]) -> str:
    text = as_text(value, key)
    if text not in words:
        raise InvalidValue(f"{key}: {text[:40]!r} is none of {', '.join(words)}")
    return text


def _override(recurrence_id: str, value: object) -> object:
    parsed = parse_local(recurrence_id, f"{OVERRIDE}{recurrence_id[:40]}")
    return normal_override(format_local(parsed), value)


def _text(key: str) -> Callable[[object], object]:
    return lambda value: as_text(value, key)


_TEXTS = ("title", "location", "url", "color", "description")
_SINGLES: Mapping[str, Callable[[object], object]] = {
    **{key: _text(key) for key in _TEXTS},
    "status": parse_status,
    "visibility": parse_visibility,
    "when": lambda value: When.from_value(value).to_value(),
    "recurrence": lambda value: Recurrence.from_value(value).to_value(),
}
_OVERRIDABLE = frozenset(_SINGLES) - {"recurrence"}
_FAMILIES: Mapping[str, Callable[[str, object], object]] = {
    ATTENDEE: lambda address, value: Attendee.from_value(address, value).to_value(),
    ALARM: lambda alarm_id, value: Alarm.from_value(alarm_id, value).to_value(),
    OVERRIDE: _override,
    ICS: lambda name, value: value,
}
_COLLECTIONS: Mapping[str, tuple[str, Callable[[Fields], dict[str, object]]]] = {
    "attendees": (
        ATTENDEE,
        lambda fields: {ATTENDEE + one.address: one.to_value() for one in fields["attendees"]},
    ),
    "alarms": (
        ALARM,
        lambda fields: {ALARM + one.id: one.to_value() for one in fields["alarms"]},
    ),
    "ics": (ICS, lambda fields: {ICS + name: value for name, value in fields["ics"].items()}),
    "overrides": (
        OVERRIDE,
        lambda fields: {OVERRIDE + rid: value for rid, value in fields["overrides"].items()},
    ),
}
