"""An error as an answer over HTTP: problem details (RFC 9457)."""

from __future__ import annotations

import re
from http import HTTPStatus

from starlette.responses import JSONResponse

from crdt_calendar.errors import CalendarError, InvalidValue, OverloadError

RETRY_SECONDS = "2"
# Errors about a value begin with its name.
_FIELD = re.compile(r"(?P<name>[\w./@\[\]-]{1,160}): ")
NEVER_STORED = {"cache-control": "no-store"}


def describe(error: CalendarError) -> dict[str, object]:
    """The members of the problem; ``code`` is the close code a socket would get.

    ``field`` names what was not of its form, where the error is about one.
    """
    field = _FIELD.match(str(error)) if isinstance(error, InvalidValue) else None
    return {
        "type": "about:blank",
        "title": HTTPStatus(error.http_status).phrase,
        "status": error.http_status,
        "detail": str(error),
        "slug": error.slug,
        "code": error.close_code,
        **({"field": field["name"]} if field else {}),
    }


def problem(error: CalendarError) -> JSONResponse:
    """The answer that says so."""
    headers = dict(NEVER_STORED)
    if isinstance(error, OverloadError):
        headers["retry-after"] = RETRY_SECONDS
    if error.http_status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    return JSONResponse(
        describe(error), error.http_status, headers, media_type="application/problem+json"
    )
