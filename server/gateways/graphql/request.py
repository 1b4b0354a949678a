"""A request for an operation, over HTTP or in a ``subscribe`` message, and its answers."""

from __future__ import annotations

from typing import Any

import msgspec
from graphql import GraphQLError
from msgspec import Struct
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult

from crdt_calendar.errors import FrameTooLarge, MalformedFrame
from server.gateways.graphql.errors import told

# A description of a few hundred pages fits; calendars come in by import.
MOST_BODY_BYTES = 1024 * 1024
# Of the query alone. Pages send a few KiB; values belong into variables.
MOST_QUERY_CHARACTERS = 64 * 1024

# What strawberry raises, and does not answer, when there is no such operation to run.
NO_OPERATION = (GraphQLError, CannotGetOperationTypeError, InvalidOperationTypeError)


class Asking(Struct, frozen=True, rename="camel"):
    """What is to be run. ``extensions`` may say anything and nobody looks."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None

    def check(self) -> None:
        """Raises `FrameTooLarge` and `MalformedFrame`."""
        if len(self.query) > MOST_QUERY_CHARACTERS:
            most = MOST_QUERY_CHARACTERS
            raise FrameTooLarge(f"query: more than {most} characters; values go into variables")
        if not self.query.strip():
            raise MalformedFrame("query: empty")


def read(body: bytes) -> Asking:
    """The request in a body of JSON. Raises `MalformedFrame` naming what is wrong."""
    try:
        asking = msgspec.json.decode(body, type=Asking)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        message, _, path = str(error).partition(" - at `$.")
        where = f"{path.rstrip('`')}: " if path else ""
        raise MalformedFrame(f"{where}{message}"[:300]) from None
    asking.check()
    return asking


def answer(result: ExecutionResult) -> dict[str, Any]:
    """What is told of a result."""
    errors = [told(error) for error in result.errors or ()]
    return {**({"errors": errors} if errors else {}), "data": result.data}


def refusal(error: Exception) -> GraphQLError:
    """What could not be run, as GraphQL's own errors are told."""
    return error if isinstance(error, GraphQLError) else GraphQLError(_reason(error))


def _reason(error: Exception) -> str:
    if isinstance(error, CannotGetOperationTypeError):
        return error.as_http_error_reason()
    return "this kind of operation cannot be run here; subscriptions need a WebSocket"
