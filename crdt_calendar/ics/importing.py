"""Bringing what a file says into a calendar, such that doing it again changes nothing.

Whose word counts, event by event, when the calendar has one of that id already:

1. The contents are the same: nothing is done.
2. The file says what it said when it was last imported: nothing is done, whatever people have
   made of the event since.
3. The event was deleted: it stays so, unless the file's SEQUENCE is higher than the event's.
4. The file's SEQUENCE is higher, or nobody has changed the event since the last import, or it was
   never imported and the SEQUENCE is the same: the file's word replaces the event's fields.
5. Otherwise both were changed: the event stays as it is, and this is among the problems.

To tell, an import leaves the fingerprint of what it wrote with the event (`parsed.IMPORTED`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from crdt_calendar.errors import InvalidValue
from crdt_calendar.ics.components import Problem, Problems
from crdt_calendar.ics.parsed import IMPORTED, Content, Parsed, ParsedEvent, fields_of
from crdt_calendar.ics.series import instance_changes
from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.event import Event
from crdt_calendar.model.fields import OVERRIDE, Fields
from crdt_calendar.model.properties import PropertyFields
from crdt_calendar.model.when import format_local

# A step takes some tens of milliseconds, and its update fits a frame many times over.
BATCH_EVENTS = 200
BATCH_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did: numbers of events, and the problems of reading and importing."""

    created: int
    updated: int
    unchanged: int
    skipped: int
    problems: Sequence[Problem]


class Import:
    """An import in steps, between which others can use the calendar::

        job = Import(read(data))
        while not job.finished:
            room.edit(grant, job.step)

    ``done`` counts the events of ``total`` that are dealt with.
    """

    def __init__(self, parsed: Parsed) -> None:
        self.total = len(parsed.events)
        self.done = 0
        self._parsed = parsed
        self._problems = Problems()
        self._counts = {"created": 0, "updated": 0, "unchanged": 0, "skipped": 0}
        self._begun = False

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self._begun and self.done == self.total

    @property
    def result(self) -> ImportResult:
        """What was done so far."""
        problems = [*self._parsed.problems, *self._problems.in_order()]
        problems.sort(key=lambda problem: problem.line)
        return ImportResult(**self._counts, problems=problems)

    def step(self, calendar: Calendar) -> None:
        """Bring in a few hundred events; to be called within a transaction."""
        if not self._begun:
            self._begun = True
            _fill_in_properties(calendar, self._parsed)
        size_bytes, stop = 0, min(self.total, self.done + BATCH_EVENTS)
        while self.done < stop and size_bytes < BATCH_BYTES:
            event = self._parsed.events[self.done]
            self._counts[self._bring_in(calendar, event)] += 1
            size_bytes += event.size_bytes
            self.done += 1

    def _bring_in(self, calendar: Calendar, event: ParsedEvent) -> str:
        try:
            return self._bring_instance(calendar, event) or self._bring_event(calendar, event)
        except InvalidValue as error:
            return self._skip(event, str(error))

    def _skip(self, event: ParsedEvent, why: str) -> str:
        self._problems.add(event.line, f"{why}: not imported")
        return "skipped"

    def _bring_event(self, calendar: Calendar, event: ParsedEvent) -> str:
        held = calendar.find(event.id)
        if held is None:
            calendar.create(event_id=event.id, **_fields(event))
            return "created"
        if held.deleted and event.sequence <= held.sequence:
            return self._skip(event, "deleted here, and the file has no later revision")
        content = _fingerprint(held)
        imported = held.ics.get(IMPORTED)
        if held.deleted:
            calendar.restore(event.id)
        elif event.fingerprint in (content, imported):
            return "unchanged"
        elif not _yields(held, event, untouched=content == imported):
            return self._skip(event, "changed here as well, and the file has no later revision")
        calendar.update(event.id, **_fields(event))
        return "updated"

    def _bring_instance(self, calendar: Calendar, event: ParsedEvent) -> str | None:
        """Bring in an instance that came without its series; None if it is not here either."""
        series = calendar.find(event.series) if event.instance else None
        if series is None or series.when is None or event.instance is None:
            return None
        if series.deleted:
            return self._skip(event, "an instance of a series that was deleted here")
        start = event.instance.local_to(series.when)
        name = format_local(start)
        own = Content.of(event.fields).values
        changes = instance_changes(Content.of_event(series).values, start, own)
        held = fields_of(series)["overrides"].get(name)
        if held == changes or (held is None and not changes):
            return "unchanged"
        if event.sequence < series.sequence:
            return self._skip(
                event, "the series was changed here, and the file has no later revision"
            )
        calendar.patch(series.id, {OVERRIDE + name: changes or None})
        return "updated"


def import_into(
    calendar: Calendar,
    parsed: Parsed,
    progress: Callable[[int, int], None] | None = None,
    *,
    transaction: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> ImportResult:
    """Bring what a file says into a calendar, telling `progress` how many of how many are done.

    ``transaction`` is the document's (`Doc.transaction`), to write in batches; without it every
    event is a transaction of its own. When the file was imported before and has not changed,
    nothing is written at all.
    """
    job = Import(parsed)
    while not job.finished:
        with transaction():
            job.step(calendar)
        if progress:
            progress(job.done, job.total)
    return job.result


def _yields(held: Event, event: ParsedEvent, *, untouched: bool) -> bool:
    """Whether the event in the calendar gives way to the one in the file."""
    if event.sequence > held.sequence or untouched:
        return True
    return IMPORTED not in held.ics and event.sequence == held.sequence


def _fingerprint(event: Event) -> str:
    try:
        return Content.of_event(event).fingerprint
    except InvalidValue:  # a foreign client's doing; no file says the same
        return ""


def _fields(event: ParsedEvent) -> Fields:
    ics = {**event.fields["ics"], IMPORTED: event.fingerprint}
    return {**event.fields, "ics": ics, "sequence": event.sequence}


def _fill_in_properties(calendar: Calendar, parsed: Parsed) -> None:
    """Take over what the file says of the calendar where the calendar says nothing itself."""
    held = calendar.properties()
    given = PropertyFields()
    if not held.name and parsed.name:
        given["name"] = parsed.name
    if not held.timezone and parsed.timezone:
        given["timezone"] = parsed.timezone
    if not held.color and parsed.color:
        given["color"] = parsed.color
    if not held.description and parsed.description:
        given["description"] = parsed.description
    calendar.set_properties(**given)
