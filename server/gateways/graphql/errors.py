"""Errors as GraphQL tells them: a message for people, and `extensions` for programs."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from graphql import GraphQLError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from crdt_calendar.errors import (
    CalendarError,
    ContentError,
    OverloadError,
    TooManyConnections,
    Unauthenticated,
)

INVALID_QUERY = "invalid-query"
# Our own messages about a value begin with the name of its field.
_FIELD = re.compile(r"([\w./@-]{1,200}(?:\[\d+\])?): ")
_VARIABLE = re.compile(r"Variable '\$(\w+)' has invalid value(?: at \.([\w.\[\]]+))?")
_MEMBER = re.compile(
    r"(?:required|unknown) field '(\w+)'|field named '(\w+)'|undefined field '(\w+)'"
)

_NO_OPERATION = CannotGetOperationTypeError | InvalidOperationTypeError

log = logging.getLogger(__name__)


def told(error: GraphQLError) -> dict[str, Any]:
    """The error for whoever asked. What nobody expected is in the log, and not in here."""
    cause = cause_of(error)
    if cause is None:
        extensions = _extensions(INVALID_QUERY, HTTPStatus.BAD_REQUEST, _variable(error.message))
        return {**_placed(error), "message": error.message, "extensions": extensions}
    if not isinstance(cause, CalendarError):
        cause = CalendarError("something went wrong here; see the server's log")
    return {**_placed(error), **describe(cause)}


def describe(error: CalendarError) -> dict[str, Any]:
    """One of our own errors."""
    found = _FIELD.match(str(error)) if isinstance(error, ContentError) else None
    # A time is one value in the document, and a start and an end outside.
    field = found.group(1).removeprefix("when.") if found else None
    extensions = _extensions(error.slug, error.http_status, field)
    return {"message": str(error), "extensions": extensions}


def cause_of(error: GraphQLError) -> Exception | None:
    """What was raised; None for what the GraphQL library itself has against a request."""
    cause: object = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if isinstance(cause, _NO_OPERATION | RecursionError):  # the parser follows what is nested
        return None
    return cause if isinstance(cause, Exception) else None


def ends_socket(errors: Sequence[GraphQLError]) -> CalendarError | None:
    """What a whole connection ends by: its token does not count any more, or it should come back
    in a moment."""
    for error in errors:
        cause = cause_of(error)
        if isinstance(cause, Unauthenticated | OverloadError):
            return None if isinstance(cause, TooManyConnections) else cause
    return None


def report(errors: Sequence[GraphQLError]) -> None:
    """Log what nobody expected."""
    for error in errors:
        cause = cause_of(error)
        if cause is not None and not isinstance(cause, CalendarError):
            log.error("a GraphQL request failed path=%s", error.path, exc_info=cause)


def _extensions(code: str, status: int, field: str | None) -> dict[str, object]:
    named = {} if field is None else {"field": field}
    return {"code": code, "status": int(status), **named}


def _placed(error: GraphQLError) -> dict[str, Any]:
    formatted = error.formatted
    return {key: formatted[key] for key in ("locations", "path") if key in formatted}


def _variable(message: str) -> str | None:
    """The field of a variable that does not fit the schema."""
    if (found := _VARIABLE.match(message)) is None:
        return None
    place = found.group(2) or ""
    if member := _MEMBER.search(message):
        place += "." + next(filter(None, member.groups()))
    return place.strip(".") or found.group(1)
