"""Reading requests: query and body become structs, or an error that names the field."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from starlette.requests import Request

from crdt_calendar.errors import (
    CalendarError,
    FrameTooLarge,
    InvalidValue,
    MalformedRequest,
    WrongMediaType,
)

MOST_BODY_BYTES = 1024 * 1024  # an event with all its people; whole calendars come by import
CREDENTIALS = frozenset({"token", "user"})  # in any query; see `server.auth.middleware`

_JSON = re.compile(r"application/([\w.-]+\+)?json\s*(;.*)?", re.IGNORECASE)
_PLACE = re.compile(r"(?P<fault>.*?)(?: - at `\$\.?(?P<place>.*)`)?", re.DOTALL)
_NAMED = re.compile(r"Object (?:contains|missing) \w+ field `(?P<name>[^`]*)`")


def read_query(request: Request, kind: Any) -> Any:
    """The query as that struct; without one, nothing may be asked. Raises `InvalidValue`."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in given:
            raise InvalidValue(f"{name[:80]}: given twice")
        if "\x00" in name + value:
            raise InvalidValue(f"{name[:80]}: a NUL is no text")
        if name not in CREDENTIALS:
            given[name] = value
    if kind is None:
        for name in given:
            raise InvalidValue(f"{name[:80]}: nothing is asked by that name here")
        return None
    try:
        return msgspec.convert(given, type=kind, strict=False, str_keys=True)
    except msgspec.ValidationError as error:
        raise fault(error) from None


async def read_bytes(request: Request, most: int = MOST_BODY_BYTES) -> bytes:
    """The body. Raises `FrameTooLarge`."""
    declared = request.headers.get("content-length", "0")
    body = bytearray()
    if declared.isdecimal() and int(declared) <= most:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                break
        else:
            return bytes(body)
    raise FrameTooLarge(f"the body is too large; {most >> 10} KiB at most")


def read_body(request: Request, body: bytes, kind: Any) -> Any:
    """The body as that struct. Raises `WrongMediaType`, `MalformedRequest`, `InvalidValue`."""
    media = request.headers.get("content-type", "application/json")
    if not _JSON.fullmatch(media.strip()):
        raise WrongMediaType(f"send application/json, not {media[:80]!r}")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise fault(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedRequest(f"the body is no JSON: {error}") from None
    except RecursionError:
        raise MalformedRequest("the body is nested too deep") from None


def fault(error: msgspec.ValidationError) -> CalendarError:
    """The error as one of ours: the field first, then what is wrong with it."""
    match = _PLACE.fullmatch(str(error))
    assert match is not None
    place, said = match["place"] or "", match["fault"]
    if named := _NAMED.search(said):
        place = f"{place}.{named['name']}".strip(".")
    return InvalidValue(f"{place[:160] or 'body'}: {said[:1].lower()}{said[1:]}")
