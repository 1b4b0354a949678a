"""Logs: one line each, and no token whatever it came in."""

from __future__ import annotations

import io
import logging
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from hypercorn.config import Config
from hypercorn.logging import Logger
from hypercorn.typing import HTTPScope, ResponseSummary
from hypothesis import given, settings
from hypothesis import strategies as st

from server import logs
from server.auth.tokens import Keyring

TOKEN = Keyring(bytes(32)).issue("ann", "team", "editor", "Ann", 3600)
HEAD, PAYLOAD, SIGNATURE = TOKEN.split(".")


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """What the logs of this process say while the test runs."""
    names = ("", "hypercorn.access", "hypercorn.error", "uvicorn", "uvicorn.access", "test", "app")
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger, logger.handlers, list(logger.filters), logger.level) for logger in loggers]
    stream = io.StringIO()
    logs.configure("debug", stream)
    yield stream
    for logger, handlers, filters, level in before:
        logger.handlers, logger.filters = handlers, filters
        logger.setLevel(level)
    for handler in logging.getLogger().handlers:
        handler.filters.clear()


def assert_clean(text: str) -> None:
    assert text
    for part in (TOKEN, HEAD[:12], PAYLOAD[:12], SIGNATURE[:12], "hunter2"):
        assert part not in text


log = logging.getLogger("app")


# Masking


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("GET /yjs/team?token=hunter2&v=1 HTTP/1.1", "GET /yjs/team?token=***&v=1 HTTP/1.1"),
        ("/x?a=1&token=hunter2", "/x?a=1&token=***"),
        ("token%3Dhunter2", "token%3D***"),
        ("TOKEN=hunter2", "TOKEN=***"),
        ('{"token": "hunter2", "a": 1}', '{"token": "***", "a": 1}'),
        ("{'access_token': 'hunter2'}", "{'access_token': '***'}"),
        ("['calendar.v1.json', 'yauth-hunter2']", "['calendar.v1.json', 'yauth-***']"),
        ("sec-websocket-protocol: yauth-hunter2, x", "sec-websocket-protocol: yauth-***, x"),
        ("Authorization: Bearer hunter2", "Authorization: Bearer ***"),
        ("(b'authorization', b'bearer hunter2')", "(b'authorization', b'bearer ***')"),
        ("Bearer%20hunter2", "Bearer%20***"),
        ("cookie: a=b; crdt_calendar_session=hunter2; c=d", "a=b; crdt_calendar_session=***; c=d"),
        (f"it is {TOKEN}.", "it is ***"),
        (f"<{TOKEN}>", "<***>"),
        (f"x{HEAD}", "x***"),
        (f"{HEAD}.{PAYLOAD}", "***"),
        (TOKEN.replace(".", "%2E"), "***"),
        ("Zm9vYmFyYmF6cXV4.Zm9vYmFyYmF6cXV4.Zm9vYmFyYmF6cXV4", "***"),
    ],
)
def test_what_is_masked(text: str, masked: str) -> None:
    assert logs.mask(text).endswith(masked)
    assert_clean(logs.mask(text))


@pytest.mark.parametrize(
    "text",
    [
        "the token has expired",
        "no token; send one as bearer, as ?token= or as subprotocol",
        "server.auth.tokens KeyboardInterrupt keyboard_interrupted eyewitness",
        "2026-11-21T00:30:11.123Z 127.0.0.1:8000 10.0.0.1",
        "crdt_calendar.protocol.messages site-packages/starlette/routing.py",
        "room=team-calendar-of-the-year user=ann.example@example.org",
        "tokens=3 yauth",
    ],
)
def test_what_is_not(text: str) -> None:
    assert logs.mask(text) == text


@settings(max_examples=300, derandomize=True)
@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from(["token=", "yauth-", "bearer "]))
def test_a_token_is_masked_wherever_it_stands(before: str, after: str, how: str) -> None:
    masked = logs.mask(before + how + TOKEN + " " + after)
    for part in (HEAD, PAYLOAD, SIGNATURE):
        assert part not in masked
    assert logs.mask(logs.mask(before)) == logs.mask(before)


@pytest.mark.parametrize(
    "piece", ["a", "eyJ", "token=", "a.", "bearer ", "abcdefghijklmnopq.", '"token"   :', "%2e"]
)
def test_no_text_takes_long_to_mask(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    began = time.process_time()
    logs.mask(text)
    assert time.process_time() - began < 1


# Real calls


def test_no_call_lets_a_token_through(out: io.StringIO) -> None:
    log.info("hello %s", TOKEN)
    log.info("hello %(who)s", {"who": TOKEN})
    log.info(f"token={TOKEN}")
    log.info("scope %r", {"query_string": f"token={TOKEN}".encode(), "list": [TOKEN]})
    log.info("fields", extra={"text": TOKEN, "bytes": TOKEN.encode(), "list": [TOKEN], "n": 1})
    log.info("%d apples", TOKEN)
    log.info("too few %s %s", TOKEN)
    log.info(ValueError(TOKEN))
    log.info("where", stack_info=True)
    assert_clean(out.getvalue())
    assert len(out.getvalue().splitlines()) == 9
    assert "n=1" in out.getvalue()


def test_no_exception_lets_a_token_through(out: io.StringIO) -> None:
    try:
        try:
            raise ValueError(f"cannot decode {TOKEN}")
        except ValueError as error:
            raise RuntimeError(f"GET /?token={TOKEN}") from error
    except RuntimeError:
        log.exception("request failed: %s", TOKEN)
        log.error("again", exc_info=True)
    group = ExceptionGroup(f"of {TOKEN}", [ValueError(TOKEN)])
    log.error("group", exc_info=group)
    assert_clean(out.getvalue())
    first, second, third = out.getvalue().splitlines()
    for line in (first, second):
        assert "ValueError: cannot decode ***" in line
        assert "RuntimeError: GET /?token=***" in line
    assert "ExceptionGroup: of ***" in third


class Everything(logging.Handler):
    """Prints whatever it finds in a record, as handlers that report to services do."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        fields = {key: value for key, value in vars(record).items() if key != "exc_info"}
        self.text += f"{record.getMessage()} {fields}"
        if record.exc_info:
            self.text += "".join(traceback.format_exception(record.exc_info[1]))


def test_other_handlers_of_the_process_are_protected_too(out: io.StringIO) -> None:
    other = Everything()
    logging.getLogger().addHandler(other)
    logs.configure("info", out)
    try:
        raise ValueError(TOKEN)
    except ValueError:
        log.exception("hello %s", TOKEN, extra={"who": TOKEN})
    log.info("hello %(who)s", {"who": "ann", "with": TOKEN})
    log.info("here", stack_info=True)  # token=hunter2
    assert_clean(other.text)
    assert "hello ***" in other.text
    assert "'who': '***'" in other.text
    assert "ValueError: ***" in other.text
    assert "# token=***" in other.text


def requested() -> tuple[HTTPScope, ResponseSummary]:
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/feed",
        "query_string": f"token={TOKEN}".encode(),
        "headers": [
            (b"referer", f"http://x/?token={TOKEN}".encode()),
            (b"authorization", f"Bearer {TOKEN}".encode()),
        ],
        "client": ("127.0.0.1", 5),
    }
    return scope, {"status": 200, "headers": []}  # type: ignore[return-value]


FORMAT = '%(h)s "%(R)s" %(s)s "%(f)s" %({authorization}i)s %(q)s'


@pytest.mark.parametrize("own", [True, False])
def test_hypercorns_logs_hold_no_token(
    out: io.StringIO, own: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given our loggers, and left to make its own handlers after we set up the logs."""
    config = Config()
    config.access_log_format = FORMAT
    config.accesslog = logging.getLogger("hypercorn.access") if own else "-"
    config.errorlog = logging.getLogger("hypercorn.error") if own else "-"
    config.loglevel = "info"
    logger = Logger(config)

    async def talk() -> None:
        await logger.access(*requested(), 0.1)
        await logger.error("error in %s", f"/?token={TOKEN}")
        try:
            raise ValueError(TOKEN)
        except ValueError:
            await logger.exception("error in ASGI framework")

    anyio.run(talk)
    printed = capsys.readouterr()
    written = out.getvalue() if own else printed.out + printed.err
    assert_clean(written)
    assert '"GET /feed?token=*** 1.1"' in written.replace("\\", "")
    assert "ValueError: ***" in written


def test_uvicorns_access_log_holds_no_token(out: io.StringIO) -> None:
    from uvicorn.logging import AccessFormatter

    other = io.StringIO()
    handler = logging.StreamHandler(other)
    handler.setFormatter(AccessFormatter("%(client_addr)s %(request_line)s %(status_code)s"))
    access = logging.getLogger("uvicorn.access")
    access.addHandler(handler)
    target = f"/feed?token={TOKEN}"
    access.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:5", "GET", target, "1.1", 200)
    access.removeHandler(handler)
    for text in (out.getvalue(), other.getvalue()):
        assert_clean(text)
        assert "GET /feed?token=*** HTTP/1.1" in text


# Lines


def test_the_line_is_clean_without_the_filter_too() -> None:
    try:
        raise ValueError(TOKEN)
    except ValueError as error:
        exc_info = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("app", logging.ERROR, "", 0, "at %s", (TOKEN,), exc_info)
    line = logs.Lines().format(record)
    assert_clean(line)
    assert 'event="at ***"' in line and "ValueError: ***" in line


def test_a_record_is_one_line_of_fields(out: io.StringIO) -> None:
    log.warning("frame refused", extra={"room": "team", "user": "Ann Lee", "bytes": 7, "no": None})
    (line,) = out.getvalue().splitlines()
    stamp, rest = line.split(" ", 1)
    assert stamp.startswith("time=20") and stamp.endswith("Z") and len(stamp) == 29
    assert rest == (
        'level=warning logger=app event="frame refused" room=team user="Ann Lee" bytes=7 no=None'
    )


FIELD = re.compile(r' ?([a-z]+)=("(?:[^"\\]|\\.)*"|[^ "=]*)(?= |$)')


@pytest.mark.parametrize(
    "value",
    ["", " ", "a\nlevel=info", "\x1b[2J", 'say "hi"', "a\\nb", "a=b", "\u2028", "\x85", "\ud800"],
    ids=ascii,
)
def test_nobody_forges_a_line_by_their_name(
    out: io.StringIO, value: str, pytestconfig: pytest.Config
) -> None:
    log.info("joined", extra={"user": value})
    log.info(value)
    # What pytest has taken down of this could not be sent from one process to another.
    plugin: Any = pytestconfig.pluginmanager.get_plugin("logging-plugin")
    plugin.report_handler.reset()
    written = out.getvalue()
    assert len(written.splitlines()) == 2
    assert written.replace("\n", "").isprintable()
    joined, said = written.splitlines()
    assert FIELD.sub(r"\1 ", joined) == "time level logger event user "
    assert FIELD.sub(r"\1 ", said) == "time level logger event "


def test_other_scripts_stay_readable(out: io.StringIO) -> None:
    log.info("joined", extra={"user": "안나", "name_shown": "Åsa Öberg"})
    assert 'user=안나 name_shown="Åsa Öberg"' in out.getvalue()


def test_what_is_endless_is_cut(out: io.StringIO) -> None:
    log.info("x" * 1_000_000)
    assert len(out.getvalue()) < 20_000


def test_the_level_counts_and_libraries_are_quiet(out: io.StringIO) -> None:
    logs.configure("warning", out)
    log.info("not this")
    logging.getLogger("httpx").info("HTTP Request: GET https://user:hunter2@idp/jwks")
    log.warning("this")
    assert [line.split("event=")[1] for line in out.getvalue().splitlines()] == ["this"]


def test_to_configure_twice_is_to_log_once(out: io.StringIO) -> None:
    logs.configure("info", out)
    log.info("once")
    assert out.getvalue().count("once") == 1


def test_a_process_of_its_own_logs_to_stderr() -> None:
    code = (
        "import logging; from server import logs; logs.configure();"
        f"logging.getLogger('x').warning('token=%s', {TOKEN!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert_clean(done.stderr)
    assert 'event="token=***"' in done.stderr
    assert done.stdout == ""
