"""How a command reaches the data: through the server that runs on it, or by itself.

One process writes a data directory. While a server does, `ask` goes through its administrative
door; while none does, `ask` opens the directory and the same door in this process. A server or
another command that comes or goes meanwhile is waited for.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import anyio
import click

from crdt_calendar.errors import (
    CalendarError,
    DataLocked,
    InvalidValue,
    ServiceRestart,
    StorageError,
)
from server.settings import Settings
from server.storage.directory import DataDirectory, Running

if TYPE_CHECKING:
    import httpx

PATIENCE_SECONDS = 10.0  # a command has the directory for a moment, a server starts in less
PAUSE_SECONDS = 0.1
CONNECT_SECONDS = 5.0

_STOPPED = "the server stopped before it was done; run the command again"

Tell = Callable[[int, int], None]
"""Told how much is done, and of how much."""


class _NotReached(Exception):
    """Nobody answers where a server was announced: it comes, or goes."""


def load_settings(**chosen: object) -> Settings:
    """Settings from the command line over the environment. Raises `click.UsageError`."""
    try:
        return Settings.load(chosen)
    except InvalidValue as error:
        raise click.UsageError(str(error)) from error


def ask(
    data: Path | None,
    operation: str,
    *,
    body: bytes = b"",
    tell: Tell | None = None,
    make: bool = False,
    **parameters: str | None,
) -> Any:
    """What the operation answers, on the data in that directory.

    ``tell`` hears of its progress; parameters that are None are left out. A directory without data
    is refused unless ``make`` is true. Raises what the operation raises, and `DataLocked`.
    """
    settings = load_settings(data=data)
    given = {name: value for name, value in parameters.items() if value is not None}
    if not make:
        require_data(settings.data)
    question = _Question(settings, operation, given, body, tell or _silence)
    return asyncio.run(question.answered())


def require_data(path: Path) -> None:
    """Raise `StorageError` unless there is a calendar's data in that directory."""
    if not (path / "calendar.db").exists():
        raise StorageError(
            f"no calendar data in {path}; name the directory by --data, "
            f"or make one by: crdt-calendar serve --data {path}"
        )


def _silence(done: int, total: int) -> None:
    """Nobody wants to know."""


class _Question:
    def __init__(
        self,
        settings: Settings,
        operation: str,
        parameters: dict[str, str],
        body: bytes,
        tell: Tell,
    ) -> None:
        # An identity provider's keys are nothing to a command.
        self._settings = replace(settings, jwks=None)
        self._directory = DataDirectory(settings.data)
        self._operation = operation
        self._parameters = parameters
        self._body = body
        self._tell = tell

    async def answered(self) -> Any:
        """Ask whoever has the data, until somebody answers."""
        deadline = monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return await self._ask(self._directory.running())
            except (DataLocked, _NotReached) as error:
                if monotonic() > deadline:
                    raise DataLocked(str(error)) from error
            await anyio.sleep(PAUSE_SECONDS)

    async def _ask(self, running: Running | None) -> Any:
        if running is None:
            return await self._ask_here()
        if not running.url:
            raise DataLocked(
                f"process {running.pid} is using {self._directory.path}; try again when it is done"
            )
        return await self._ask_there(running.url)

    async def _ask_here(self) -> Any:
        from server.app import admin_door, open_service  # not needed while a server runs
        from server.gateways.admin.door import Call

        async def progress(done: int, total: int) -> None:
            self._tell(done, total)

        async with open_service(self._settings) as service:
            try:
                call = Call(self._parameters, self._body)
                return await admin_door(service).answer(self._operation, call, progress)
            except Exception as error:
                failure = error  # not through the service's task group, which would wrap it
        raise failure

    async def _ask_there(self, url: str) -> Any:
        import httpx

        timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
        bearer = {"authorization": f"Bearer {self._directory.admin_secret()}"}
        begun = False
        # A proxy that the environment names is for other machines.
        async with httpx.AsyncClient(timeout=timeout, trust_env=False) as client:
            try:
                async with client.stream(
                    "POST",
                    f"{url}/admin/{self._operation}",
                    params=self._parameters,
                    content=self._body,
                    headers=bearer,
                ) as response:
                    begun = True
                    return await self._read(response)
            except httpx.TransportError as error:
                if begun:
                    raise ServiceRestart(_STOPPED) from error
                raise _NotReached(
                    f"the server at {url} does not answer; stop it, or try again"
                ) from error

    async def _read(self, response: httpx.Response) -> Any:
        if response.status_code != 200:
            raise _refusal(response.status_code, await response.aread())
        async for line in response.aiter_lines():
            said = json.loads(line)
            if "progress" in said:
                self._tell(*said["progress"])
            elif "error" in said:
                raise _errors()[said["error"]](said["message"])
            else:
                return said["result"]
        raise ServiceRestart(_STOPPED)


def _refusal(status: int, body: bytes) -> CalendarError:
    if status == 404:
        return StorageError(
            "the server that runs here does not know this command; "
            "is it of another version, or behind another directory?"
        )
    return CalendarError(body.decode(errors="replace"))


def _errors() -> dict[str, type[CalendarError]]:
    """Every class of error by its slug."""
    return {error.slug: error for error in _tree(CalendarError)}


def _tree(root: type[CalendarError]) -> Iterator[type[CalendarError]]:
    yield root
    for branch in root.__subclasses__():
        yield from _tree(branch)
