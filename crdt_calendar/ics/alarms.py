"""VALARM (RFC 5545 section 3.6.6) and the alarms of the model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

from crdt_calendar.errors import InvalidValue
from crdt_calendar.ics.components import Component
from crdt_calendar.ics.kept import entries, keep, render_kept
from crdt_calendar.ics.lines import Line, Parameters, escape, render
from crdt_calendar.ics.values import read_duration, read_moment, write_duration
from crdt_calendar.model.details import Alarm
from crdt_calendar.model.when import When, at_midnight

# Whole days and floating times have no zone; reading and writing only have to agree on one.
_NO_ZONE = ZoneInfo("UTC")
_OWN = frozenset({"ACTION", "UID"})
# What an alarm must have by RFC 5545 and the model has no use for.
_NEEDED = {"DESCRIPTION": ("display", "email"), "SUMMARY": ("email",)}
_REMINDER = "Reminder"


def read_alarm(component: Component, when: When) -> Alarm:
    """An alarm of an event that takes place then. Raises `InvalidValue`.

    A TRIGGER that is more than a time before the start is kept beside that time, so that it can
    be written again as long as it still means the same.
    """
    trigger = component.first("TRIGGER")
    if trigger is None:
        raise InvalidValue("an alarm without TRIGGER")
    before = _seconds_before(trigger.value, trigger.params, when)
    action = component.first("ACTION")
    word = (action.value.strip().lower() if action else "") or "display"
    uid = component.first("UID")
    kept = dict(_kept(component))
    alarm_id = uid.text.strip() if uid else _derived_id(before, word, kept)
    return Alarm(alarm_id, before, word, kept)


def _kept(component: Component) -> Iterator[tuple[str, object]]:
    for name in dict.fromkeys(line.name for line in component.lines):
        lines = component.all(name)
        if name not in _OWN and not all(_goes_without_saying(line) for line in lines):
            yield name, keep(lines)


def _goes_without_saying(line: Line) -> bool:
    """Whether `write_alarm` writes the same, or as good, on its own."""
    if line.name == "TRIGGER":
        return not line.params and "P" in line.value.upper()
    return line.name in _NEEDED and line.value == _REMINDER and not line.params


def _derived_id(*content: object) -> str:
    """An id that the same alarm gets again when it is read again."""
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def distinct(alarms: Iterable[Alarm]) -> list[Alarm]:
    """The alarms, one of each id: of twins that say the same one is enough, others get an id."""
    made: dict[str, Alarm] = {}
    for alarm in alarms:
        if made.get(alarm.id, alarm) != alarm:
            alarm = replace(alarm, id=_derived_id(alarm.id, alarm.to_value()))
        made[alarm.id] = alarm
    return list(made.values())


def _seconds_before(value: str, params: Parameters, when: When) -> int:
    """How long before the start of the event a TRIGGER goes off. Raises `InvalidValue`."""
    start, end = when.instants(_NO_ZONE)
    if params.get("VALUE") != "DATE-TIME" and "P" in value.upper():
        after = int(read_duration(value).total.total_seconds())
        from_end = str(params.get("RELATED", "")).upper() == "END"
        return -after - (int((end - start).total_seconds()) if from_end else 0)
    moment, in_utc = read_moment(value)
    zone = UTC if in_utc else when.zone(_NO_ZONE)
    local = moment if isinstance(moment, datetime) else at_midnight(moment)
    return int((start - local.replace(tzinfo=zone)).total_seconds())


def write_alarm(alarm: Alarm, when: When) -> Iterator[bytes]:
    """The lines of a VALARM."""
    yield render("BEGIN", "VALARM")
    yield render("UID", escape(alarm.id))  # RFC 9074 section 4
    yield render("ACTION", escape(alarm.action).upper())
    yield _write_trigger(alarm, when)
    for name, kept in sorted(alarm.ics.items()):  # yrs gives objects back in any order
        if name not in (*_OWN, "TRIGGER"):
            yield from render_kept(name, kept)
    for name in _NEEDED:
        # "When the action is "DISPLAY", the alarm MUST also include a "DESCRIPTION" property"
        # (section 3.6.6); for "EMAIL" both texts.
        if name not in alarm.ics and alarm.action in _NEEDED[name]:
            yield render(name, _REMINDER)
    yield render("END", "VALARM")


def _write_trigger(alarm: Alarm, when: When) -> bytes:
    for value, params in entries(alarm.ics.get("TRIGGER")):
        try:
            if _seconds_before(value, params, when) == alarm.before_seconds:
                return render("TRIGGER", value, params)
        except (InvalidValue, OverflowError):
            break
    return render("TRIGGER", write_duration(-alarm.before_seconds))
