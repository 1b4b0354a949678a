"""The description of the REST door: it is OpenAPI 3.1, it is shown, and the server keeps to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from server.gateways.rest.openapi import describe
from server.gateways.rest.table import operations
from tests.rest.conftest import Person
from tests.support.server import HOST, ServerProcess, running

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
PROJECT, BOARD = "schema", "board"
# They would take away from the others what they are about; what is wrong with a file, whatever
# it is, is said in the lines of the answer.
SPARED = ["deleteProject", "signOut", "importCalendar"]

schema = schemathesis.openapi.from_dict(describe(operations()))


KNOWN = {"project": PROJECT, "event": "s", "instance": "2026-03-03T09:00:00", "user": "vera"}
AT_BOARD = {"project": BOARD, "lineup": "l", "memo": "m"}


def furnish(case: Any) -> None:
    """Have the address name what is there: always the project, mostly the rest."""
    known = AT_BOARD if "/lineups" in case.path else KNOWN
    for number, (name, text) in enumerate((case.path_parameters or {}).items()):
        if name in known and (name == "project" or len(str(text)) % 3 != number):
            case.path_parameters[name] = known[name]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with a project in it, and a series in that; and a board with somebody on it."""
    with running(tmp_path_factory.mktemp("openapi") / "data") as server:
        server.create(PROJECT)
        server.admin("members.add", project=PROJECT, user="vera", role="viewer")
        series = {
            "id": "s",
            "title": "x",
            "start": "2026-03-02T09:00:00",
            "recurrence": {"rrule": "FREQ=DAILY"},
        }
        headers = {"authorization": f"Bearer {server.token('olga', PROJECT, 'owner')}"}
        url = f"http://{HOST}:{server.port}/api/v1/projects/{PROJECT}/events"
        assert httpx.post(url, json=series, headers=headers).status_code == 201
        server.admin("projects.create", project=BOARD, kind="lineup")
        headers = {"authorization": f"Bearer {server.token('olga', BOARD, 'owner')}"}
        url = f"http://{HOST}:{server.port}/api/v1/projects/{BOARD}/lineups"
        assert httpx.post(url, json={"id": "l"}, headers=headers).status_code == 201
        yield server


@pytest.fixture(scope="module")
def token(server: ServerProcess) -> str:
    """Of somebody who may do everything."""
    return server.token("olga", "*", "owner")


@schema.exclude(operation_id=SPARED).parametrize()
@settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
def test_the_server_keeps_to_its_description(case: Any, server: ServerProcess, token: str) -> None:
    furnish(case)
    url = f"http://{HOST}:{server.port}"
    headers = {"authorization": f"Bearer {token}"}
    case.call_and_validate(base_url=url, headers=headers, checks=CHECKS)


def test_every_operation_is_described_once_and_in_full() -> None:
    described = describe(operations())
    found = {
        operation["operationId"]: operation
        for methods in described["paths"].values()
        for operation in methods.values()
    }
    assert list(found) != [] and set(found) == {operation.name for operation in operations()}
    for operation in found.values():
        assert operation["summary"] and operation["tags"] and operation["responses"]
    text = str(described)
    names = set(re.findall(r"#/components/schemas/([\w.-]+)", text))
    assert names <= described["components"]["schemas"].keys()
    assert described["openapi"] == "3.1.0"


@pytest.mark.anyio
async def test_the_page_shows_every_operation_and_needs_nothing_else(editor: Person) -> None:
    answer = await editor.http.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for operation in operations():
        assert f'id="{operation.name}"' in answer.text
    loaded = re.findall(r"<(?:script|link|img|iframe)\b|\bsrc=|@import|url\(", answer.text)
    assert loaded == []
    links = set(re.findall(r'href="(#[^"]+)"', answer.text))
    assert {link[1:] for link in links} <= set(re.findall(r'id="([^"]+)"', answer.text))
    described = await editor.http.get("/api/v1/openapi.json")
    assert described.json() == describe(operations())
