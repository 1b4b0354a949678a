"""How an event repeats: a rule and extra dates, expanded within bounds.

Everything happens in the event's own local time, so that 09:00 stays 09:00 when clocks change.
"""

from __future__ import annotations

from dataclasses import dataclass

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.details import as_mapping, as_text
from crdt_calendar.model.rule import Rule
from crdt_calendar.model.when import Local, format_local, parse_local

__all__ = ["Recurrence"]


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A rule, extra dates, or both; the document's plain value is ``{rrule, rdate?}``.

    ``rrule`` is the text of an RFC 5545 RRULE, None for extra dates alone. ``rdate`` are starts of
    further instances, written like ``when.start``: local to the event's own zone. Instances that
    do not take place are not here: they are overrides ``{cancelled: true}``.

    Raises `InvalidValue` naming the field when made of anything else.
    """

    rrule: str | None
    rdate: tuple[Local, ...] = ()

    def __post_init__(self) -> None:
        if self.rrule is None and not self.rdate:
            raise InvalidValue("recurrence: give rrule, rdate, or both")
        if self.rrule is not None:
            Rule.parse(self.rrule)

    @property
    def rule(self) -> Rule | None:
        """The rule in its parts."""
        return None if self.rrule is None else Rule.parse(self.rrule)

    @classmethod
    def from_value(cls, value: object) -> Recurrence:
        """Read the document's plain value. Raises `InvalidValue` naming the field."""
        fields = as_mapping(value, "recurrence")
        rrule, rdate = fields.get("rrule"), fields.get("rdate")
        text = None if rrule is None else as_text(rrule, "recurrence.rrule")
        if not isinstance(rdate, list | tuple | None):
            raise InvalidValue("recurrence.rdate: not a list")
        dates = {parse_local(item, "recurrence.rdate") for item in rdate or ()}
        return cls(text, tuple(sorted(dates, key=format_local)))

    def to_value(self) -> dict[str, object]:
        """The document's plain value."""
        value: dict[str, object] = {"rrule": self.rrule}
        return value | ({"rdate": [format_local(day) for day in self.rdate]} if self.rdate else {})
