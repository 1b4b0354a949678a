"""Logs: one line a record, ``key=value``, without any token in it.

Log an event in few fixed words, and what varies as fields::

    log.warning("frame refused", extra={"room": room, "user": user, "reason": error.slug})

Tokens are masked twice: by a filter on the handlers, which serves whatever formats the record, and
in the formatted line. ASGI servers log URLs, with ``?token=`` in them, by loggers and handlers of
their own; the same filter sits on those.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Final, TextIO

MASK: Final = "***"
"""What stands in a log where a token was."""

# ASGI servers write by these; a filter on the logger serves handlers that they make later.
_SERVERS: Final = ("hypercorn.access", "hypercorn.error", "uvicorn", "uvicorn.access")
# What they say of each request or callback helps nobody who runs a calendar.
_QUIET: Final = ("asyncio", "httpcore", "httpx")

# A traceback of the deepest kind still fits; what a hostile peer made us quote does not go on.
_MOST_CHARACTERS: Final = 16_000

_TOKENS: Final = re.compile(
    r"""
      (?P<keep>
        (?: token | feed ) (?: = | %3d | \\?["'] \s* : \s* \\?["'] )   # in a query, a form, JSON
      | crdt_calendar_session = ["']?
      | yauth-
      | bearer (?: \s | %20 | \+ )+
      ) [^\s"'&;,<>)\]}\\]+
    # A JWT is base64url of an object, mostly `{"...`, twice, and of a signature.
    | (?-i: eyJ ) [\w-]{8,} (?: (?: \. | %2e ) [\w-]* )*
    | (?<! [\w-] ) [\w-]{16,} (?: (?: \. | %2e ) [\w-]{16,} ){2}
    """,
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)

_STANDARD: Final = frozenset(
    {*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName", "color_message"}
)


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send the logs of the whole process to `stream` (stderr), from `level` upwards, masked.

    Every handler there is gets the filter. Call it once, at the start; again replaces the stream.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Lines())
    root = logging.getLogger()
    others = [other for other in root.handlers if not isinstance(other.formatter, Lines)]
    root.handlers = [*others, handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    protect_servers()


def protect_servers() -> None:
    """Mask tokens in what ASGI servers log by themselves, whoever configured their loggers."""
    for logger in (logging.getLogger(), *map(logging.getLogger, _SERVERS)):
        protect(logger)


def protect(logger: logging.Logger) -> None:
    """Mask tokens in what is logged by `logger`, and by whatever shares a handler with it."""
    for filterer in (logger, *logger.handlers):
        filterer.addFilter(_MASKING)


def mask(text: str) -> str:
    """The text with `MASK` in the place of everything that may be a token."""
    return _TOKENS.sub(lambda found: f"{found['keep'] or ''}{MASK}", text)


class Masking(logging.Filter):
    """Lets every record pass, and no token in it: message, fields, exception and stack."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask `record` in place, for all who will see it."""
        _mask_message(record)
        if record.exc_info:
            # As text only: whoever formats it anew would bring back what was masked.
            text = record.exc_text or logging.Formatter().formatException(record.exc_info)
            record.exc_info, record.exc_text = None, text
        record.exc_text = record.exc_text and mask(record.exc_text)
        record.stack_info = record.stack_info and mask(record.stack_info)
        for key, value in list(_fields(record)):
            if not isinstance(value, int | float | None):
                setattr(record, key, mask(str(value)))
        return True


_MASKING: Final = Masking()


def _mask_message(record: logging.LogRecord) -> None:
    if isinstance(record.args, tuple):  # uvicorn's formatter wants them one by one
        record.args = tuple(mask(arg) if isinstance(arg, str) else arg for arg in record.args)
    try:
        message = record.getMessage()
    except Exception:  # arguments that do not fit: logging itself would print them bare
        message = f"{record.msg} {record.args!r}"
        record.msg, record.args = mask(message), None
    if isinstance(record.args, Mapping) or mask(message) != message:
        record.msg, record.args = mask(message), None


class Lines(logging.Formatter):
    """A record as one line: time (UTC), level, logger, event, then its fields, then the exception.

    Values are quoted where needed, and what would break the line or move the terminal's cursor is
    escaped, so nobody can forge a line by the name they choose.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        return mask(" ".join(f"{key}={_quoted(str(value))}" for key, value in _parts(record)))

    def formatTime(  # noqa: N802  # logging's name
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        """RFC 3339, in UTC, to the millisecond."""
        seconds = time.strftime(datefmt or "%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return f"{seconds}.{int(record.msecs):03d}Z"


def _parts(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    yield "time", Lines().formatTime(record)
    yield "level", record.levelname.lower()
    yield "logger", record.name
    yield "event", record.getMessage()
    yield from _fields(record)
    if record.exc_info and not record.exc_text:
        yield "exception", logging.Formatter().formatException(record.exc_info)
    if record.exc_text:
        yield "exception", record.exc_text
    if record.stack_info:
        yield "stack", record.stack_info


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    """What the caller gave as `extra`."""
    return ((key, value) for key, value in record.__dict__.items() if key not in _STANDARD)


def _quoted(text: str) -> str:
    if len(text) > _MOST_CHARACTERS:
        text = f"{text[:_MOST_CHARACTERS]}..."
    if text and text.isprintable() and not set(text) & set(' "=\\'):
        return text
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{"".join(_printable(character) for character in text)}"'


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")
