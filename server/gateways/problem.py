"""An error as an answer over HTTP: problem details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import JSONResponse

from crdt_calendar.errors import CalendarError, OverloadError

RETRY_SECONDS = "2"
NEVER_STORED = {"cache-control": "no-store"}


def describe(error: CalendarError) -> dict[str, object]:
    """The members of the problem; ``code`` is the close code a socket would get."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(error.http_status).phrase,
        "status": error.http_status,
        "detail": str(error),
        "slug": error.slug,
        "code": error.close_code,
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
