"""ATTENDEE (RFC 5545 section 3.8.4.1) and the attendees of the model."""

from __future__ import annotations

from crdt_calendar.errors import InvalidValue
from crdt_calendar.ics.kept import as_parameters
from crdt_calendar.ics.lines import Line, render
from crdt_calendar.model.details import Attendee

_OWN = frozenset({"CN", "ROLE", "PARTSTAT"})
_MAIL = "mailto:"


def read_attendee(line: Line) -> Attendee:
    """An attendee; parameters without a field of their own are kept. Raises `InvalidValue`."""
    address = line.value.strip()
    if address[: len(_MAIL)].lower() == _MAIL:
        address = address[len(_MAIL) :].strip()
    if not address:
        raise InvalidValue("an attendee without an address")
    kept = {
        name: value if isinstance(value, str) else list(value)
        for name, value in line.params.items()
        if name not in _OWN
    }
    return Attendee(
        address,
        name=line.param("CN"),
        role=line.param("ROLE").lower(),
        status=line.param("PARTSTAT").lower(),
        ics=kept,
    )


def write_attendee(attendee: Attendee) -> bytes:
    """The line of an attendee."""
    own = {
        "CN": attendee.name,
        "ROLE": attendee.role.upper(),
        "PARTSTAT": attendee.status.upper(),
    }
    params = {name: value for name, value in own.items() if value}
    kept = {name: value for name, value in attendee.ics.items() if name not in _OWN}
    uri = attendee.address if ":" in attendee.address else _MAIL + attendee.address
    return render("ATTENDEE", uri, {**params, **as_parameters(kept)})
