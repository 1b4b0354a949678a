"""The OpenAPI 3.1 document, made of the table and of the structs that requests are decoded by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from server.gateways.rest.operation import Foreign, May, Media, Operation
from server.gateways.rest.prefix import PREFIX

REF = "#/components/schemas/{name}"
JSON = "application/json"
ANYTHING = {"description": "any value of JSON"}
PROBLEM = "application/problem+json"
PATCH = "application/merge-patch+json"
ABOUT = """\
The calendar of each project is one document that many people edit at once, by many protocols. What
is written here is on disk when the answer comes, and everybody sees it.

Send a token as `Authorization: Bearer`. Errors are problem details (RFC 9457); `field` names what
was wrong. Lists have pages: give back `next` as `cursor`. `If-Match` with the ETag of an event
refuses to write over what you have not seen. A POST with an `Idempotency-Key` may be sent again.\
"""

# What may go wrong, and when.
REFUSALS = {
    400: "the request does not decode",
    401: "no token, or one that does not count (any more)",
    403: "not with this role",
    404: "nothing is there",
    409: "it contradicts what is there",
    412: "it has changed since the version that If-Match names",
    413: "the body is too large",
    415: "the body is no JSON",
    422: "a value is not of its form, or the idempotency key came with another request",
    503: "the disk does not keep up, or the server stops; come back in a moment",
}

PARTS = {
    "project": "project id",
    "event": "event id, percent-encoded",
    "instance": "recurrence id: the start that the series gives the instance",
    "user": "user id, the subject of tokens",
    "conflict": "conflict id",
    "lineup": "line-up id",
    "memo": "memo id",
    "webhook": "webhook id",
    "feed": "id of the feed link, not its secret",
}


class Problem(Struct, frozen=True):
    """What went wrong (RFC 9457). ``slug`` is the kind of error, ``code`` the close code that a
    WebSocket would have got, ``field`` what was not of its form."""

    type: str
    title: str
    status: int
    detail: str
    slug: str
    code: int
    field: str | UnsetType = UNSET


def describe(operations: Sequence[Operation]) -> dict[str, Any]:
    """The document."""
    kinds = [kind for one in operations for kind in (one.query, one.body, one.gives) if kind]
    schemas, components = msgspec.json.schema_components(
        [*kinds, Problem], schema_hook=lambda kind: ANYTHING, ref_template=REF
    )
    schema_of = dict(zip(map(id, kinds), schemas, strict=False))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        described = _operation(operation, components, lambda kind: schema_of[id(kind)])
        paths.setdefault(PREFIX + operation.path, {})[operation.method.lower()] = described
    queries = {kind.__name__ for one in operations if (kind := one.query)}
    tags = dict.fromkeys(operation.tag for operation in operations)
    return {
        "openapi": "3.1.0",
        "info": {"title": "crdt-calendar", "version": "1", "description": ABOUT},
        "tags": [{"name": tag} for tag in tags],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in queries},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation, components: Mapping[str, Any], schema_of: Any) -> Any:
    summary, _, more = operation.description.partition("\n\n")
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": " ".join(summary.split()).rstrip("."),
        "description": f"{more}\n\nFor {operation.may.value}.".strip(),
        "parameters": [*_parameters(operation, components)],
        "responses": dict(_responses(operation, schema_of)),
    }
    if operation.may is May.ANYBODY:
        described["security"] = []
    if isinstance(operation.does, Foreign):
        if (takes := operation.does.takes) is not None:
            content = {takes.type: {"schema": takes.schema}}
            # What is wrong with a file is said in the lines of the answer.
            described["requestBody"] = {"required": takes.type == JSON, "content": content}
    elif operation.body is not None:
        schema = {"schema": schema_of(operation.body)}
        types = (JSON, PATCH) if operation.method == "PATCH" else (JSON,)
        content = dict.fromkeys(types, schema)
        described["requestBody"] = {"required": True, "content": content}
    return described


def _parameters(operation: Operation, components: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for part in operation.parts:
        schema = {"type": "string", "minLength": 1}
        yield _parameter(part, "path", schema, PARTS[part], required=True)
    if isinstance(operation.does, Foreign):
        for name, said in operation.does.query.items():
            yield _parameter(name, "query", {"type": "string"}, said)
    elif operation.query is not None:
        struct = components[operation.query.__name__]
        for name, schema in struct["properties"].items():
            required = name in struct.get("required", ())
            plain = {key: value for key, value in schema.items() if key != "description"}
            yield _parameter(name, "query", plain, schema.get("description"), required=required)
    if operation.tagged:
        yield _parameter("If-Match", "header", {"type": "string"}, "an ETag, or a bare version")
    if operation.once:
        schema = {"type": "string", "maxLength": 255}
        yield _parameter("Idempotency-Key", "header", schema, "any text of your own")


def _parameter(
    name: str, place: str, schema: object, said: str | None, *, required: bool = False
) -> dict[str, Any]:
    parameter = {"name": name, "in": place, "required": required, "schema": schema}
    return parameter | ({"description": said} if said else {})


def _responses(operation: Operation, schema_of: Any) -> Iterator[tuple[str, Any]]:
    success = {status for status in (operation.status, *operation.refusals) if status < 300}
    for status in sorted(success):
        yield str(status), _success(operation, schema_of)
    if operation.method == "GET":
        yield "304", {"description": "what If-None-Match names is still what there is"}
    problem = {PROBLEM: {"schema": {"$ref": REF.format(name="Problem")}}}
    for status in sorted(_refusals(operation)):
        yield str(status), {"description": REFUSALS[status], "content": problem}


def _success(operation: Operation, schema_of: Any) -> dict[str, Any]:
    media: Media | None = None
    if isinstance(operation.does, Foreign):
        media = operation.does.gives
    elif operation.gives is not None:
        media = Media(JSON, schema_of(operation.gives))
    if media is None:
        return {"description": "done"}
    return {"description": "done", "content": {media.type: {"schema": media.schema}}}


def _refusals(operation: Operation) -> set[int]:
    found = {400, 413, 422, 503, *(one for one in operation.refusals if one >= 400)}
    if operation.may is not May.ANYBODY:
        found |= {401, 403}
    if operation.parts:
        found |= {403, 404}
    if operation.body is not None:
        found |= {415}
    if operation.tagged:
        found |= {412}
    if operation.once:
        found |= {409}
    return found
