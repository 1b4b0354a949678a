"""Settings: where a value comes from, and what becomes of one that is wrong."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from crdt_calendar.errors import InvalidValue
from crdt_calendar.limits import Limits
from server.settings import Settings


def load(**environ: str) -> Settings:
    return Settings.load({}, {f"CRDT_CALENDAR_{key}": text for key, text in environ.items()})


def test_nothing_given_means_the_defaults() -> None:
    assert Settings.load({}, {}) == Settings()
    assert load(JWKS="", PORT=" ") == Settings()


def test_the_command_line_beats_the_environment_beats_the_default() -> None:
    environ = {"CRDT_CALENDAR_PORT": "1", "CRDT_CALENDAR_HOST": "::", "OTHER": "x"}
    chosen = {"port": 2, "log_level": None, "limit_clock": "7"}
    settings = Settings.load(chosen, environ)
    assert (settings.port, settings.host, settings.log_level) == (2, "::", "info")
    assert settings.limits.clock == 7


def test_the_process_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRDT_CALENDAR_RETENTION_DAYS", "3.5")
    assert Settings.load().retention_days == 3.5


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("HOST", " localhost ", "localhost"),
        ("PORT", "0", 0),
        ("DATA", "~/calendar", Path("~/calendar").expanduser()),
        ("JWKS", "https://idp.example/jwks", "https://idp.example/jwks"),
        ("ISSUER", "https://idp.example", "https://idp.example"),
        ("ORIGINS", "https://A.example/, http://b:1,", ("https://a.example", "http://b:1")),
        ("ORIGINS", "*", ("*",)),
        ("DATA", "/srv/calendar", Path("/srv/calendar")),
        ("RETENTION_DAYS", "0", 0.0),
        ("PING_SECONDS", "1e1", 10.0),
        ("LOG_LEVEL", "WARNING", "warning"),
        ("ACCESS_LOG", "Yes", True),
        ("ACCESS_LOG", "0", False),
    ],
)
def test_text_becomes_a_value(key: str, text: str, value: object) -> None:
    assert getattr(load(**{key: text}), key.lower()) == value
    assert getattr(Settings.load({key.lower(): text}, {}), key.lower()) == value


@pytest.mark.parametrize(
    ("key", "text", "form"),
    [
        ("PORT", "http", "a number from 0 to 65535 needed, not 'http'"),
        ("PORT", "65536", "a number from 0 to 65535"),
        ("PORT", "-1", "a number from 0 to 65535"),
        ("RETENTION_DAYS", "-1", "days, 0 or more"),
        ("RETENTION_DAYS", "nan", "days, 0 or more"),
        ("PING_SECONDS", "0", "seconds above 0"),
        ("IDLE_SECONDS", "inf", "seconds above 0"),
        ("LOG_LEVEL", "loud", "one of debug, info, warning, error, critical"),
        ("ACCESS_LOG", "maybe", "true or false"),
        ("ORIGINS", "app.example", "scheme://host[:port]"),
        ("ORIGINS", "https://app.example/page", "scheme://host[:port]"),
        ("ORIGINS", "https://app.example, null", "scheme://host[:port]"),
        ("ORIGINS", "https://[app", "scheme://host[:port]"),
        ("LIMIT_FRAME_BYTES", "1.5", "a whole number above 0"),
        ("LIMIT_FRAME_BYTES", "0", "a whole number above 0"),
        ("LIMIT_STALE_SECONDS", "-1", "a number above 0"),
    ],
)
def test_a_value_out_of_form_is_refused_by_its_name(key: str, text: str, form: str) -> None:
    with pytest.raises(InvalidValue, match=re.escape(f"CRDT_CALENDAR_{key}: {form}")):
        load(**{key: text})
    with pytest.raises(InvalidValue, match=re.escape(f"{key.lower()}: {form}")):
        Settings.load({key.lower(): text}, {})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("port", 1.0),
        ("port", True),
        ("host", 1),
        ("host", " "),
        ("issuer", ""),
        ("data", 1),
        ("origins", 1),
        ("origins", [1]),
        ("ping_seconds", True),
        ("limit_clock", False),
        ("access_log", 1),
        ("limits", Limits()),
    ],
)
def test_a_value_of_another_type_is_refused(key: str, value: object) -> None:
    with pytest.raises(InvalidValue, match=f"^{key}: "):
        Settings.load({key: value}, {})


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("CRDT_CALENDAR_PRT", "CRDT_CALENDAR_PORT"),
        ("CRDT_CALENDAR_ORIGIN", "CRDT_CALENDAR_ORIGINS"),
        ("CRDT_CALENDAR_FRAME_BYTES", "CRDT_CALENDAR_LIMIT_FRAME_BYTES"),
        ("CRDT_CALENDAR_LIMIT_FRAMES_BYTES", "CRDT_CALENDAR_LIMIT_FRAME_BYTES"),
    ],
)
def test_a_misspelt_name_is_refused_with_a_suggestion(name: str, suggestion: str) -> None:
    with pytest.raises(InvalidValue, match=f"^{name}: no such setting; did you mean {suggestion}"):
        Settings.load({}, {name: "1"})


def test_a_name_like_no_other_is_refused_too() -> None:
    with pytest.raises(InvalidValue, match="^CRDT_CALENDAR_QQQQ: no such setting$"):
        load(QQQQ="1")
    with pytest.raises(InvalidValue, match="^prt: no such setting; did you mean port"):
        Settings.load({"prt": 1}, {})


def test_every_limit_can_be_set() -> None:
    wanted = {item.name: number for number, item in enumerate(fields(Limits), 1)}
    environ = {f"LIMIT_{name.upper()}": str(number) for name, number in wanted.items()}
    assert load(**environ).limits == Limits(**wanted)


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]


def test_the_description_can_be_printed() -> None:
    settings = load(
        JWKS="https://user:hunter2@idp.example:8443/jwks?key=hunter2#f",
        ORIGINS="https://a.example,https://b.example",
        LIMIT_CLOCK="7",
    )
    lines = settings.describe().splitlines()
    assert "jwks = https://***@idp.example:8443/jwks?***#f" in lines
    assert "origins = https://a.example, https://b.example" in lines
    assert "issuer = -" in lines
    assert "hunter2" not in settings.describe()
    assert [line for line in lines if line.startswith("limit")] == ["limit_clock = 7"]
    assert {line.split(" = ")[0] for line in lines} >= {
        item.name for item in fields(Settings) if item.name != "limits"
    }


def test_a_refused_value_that_may_be_a_secret_is_not_repeated() -> None:
    with pytest.raises(InvalidValue) as caught:
        load(ORIGINS="https://user:hunter2@idp.example/x")
    assert "hunter2" not in str(caught.value)
