"""The application in this process, on a real SQLite file, and people at its REST door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette

from server.app import Service, open_service, routes
from server.settings import Settings


class Person:
    """Somebody with a token, at ``/api/v1/projects/{project}``."""

    def __init__(self, http: httpx.AsyncClient, token: str, project: str) -> None:
        self.http = http
        self.token = token
        self.project = project
        self.base = f"/api/v1/projects/{project}"

    async def ask(self, method: str, path: str = "", **words: Any) -> httpx.Response:
        """One request; a path that begins with ``/api`` is taken as it is."""
        url = path if path.startswith("/api") else self.base + path
        headers = {"authorization": f"Bearer {self.token}", **words.pop("headers", {})}
        return await self.http.request(method, url, headers=headers, **words)

    async def get(self, path: str = "", *, status: int = 200, **params: Any) -> Any:
        """What a GET answers."""
        answer = await self.ask("GET", path, params=params)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def send(
        self, method: str, path: str = "", json: Any = None, *, status: int = 200, **headers: str
    ) -> Any:
        """What another method answers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        words = {} if json is None else {"json": json}
        answer = await self.ask(method, path, headers=named, **words)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def event(self, **fields: Any) -> Any:
        """A new event."""
        return await self.send("POST", "/events", fields, status=201)


class House:
    """The running service: projects, tokens, people."""

    def __init__(self, service: Service, http: httpx.AsyncClient) -> None:
        self.service = service
        self.http = http

    def token(self, user: str, role: str, project: str) -> str:
        """A token of ours."""
        return self.service.keyring.issue(user, project, role)

    def person(self, user: str, role: str, project: str) -> Person:
        """Somebody with such a token."""
        return Person(self.http, self.token(user, role, project), project)

    async def project(self, *, kind: str = "calendar") -> str:
        """A project nobody has been in."""
        name = f"project-{uuid4()}"
        await self.service.store.catalog.create_project(name, kind=kind)
        return name


@asynccontextmanager
async def opened(data: Path, **settings: Any) -> AsyncIterator[House]:
    """The service on that data directory, in this process."""
    settings = {"webhooks_private": True, **settings}
    async with open_service(Settings(data=data, **settings)) as service:
        app = Starlette(routes=routes(service))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://house") as http:
            yield House(service, http)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A service of the test's own."""
    async with opened(tmp_path / "data") as house:
        yield house


@pytest.fixture
async def project(house: House) -> str:
    """A project of the test's own."""
    return await house.project()


@pytest.fixture
def editor(house: House, project: str) -> Person:
    """Somebody who may edit there."""
    return house.person("erin", "editor", project)


@pytest.fixture
def owner(house: House, project: str) -> Person:
    """Somebody who may administer there."""
    return house.person("olga", "owner", project)
