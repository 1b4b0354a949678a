"""Scalars that GraphQL itself does not have, and ids under which a cache keeps things apart."""

from __future__ import annotations

from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition

LARGEST = 2**53 - 1  # what JavaScript counts exactly

SafeInt = NewType("SafeInt", int)
"""GraphQL's own Int ends at 2^31."""


def _safe_int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST:
        raise GraphQLError("SafeInt: a whole number up to 2^53 is needed")
    return value


_SAFE_INT: ScalarDefinition = strawberry.scalar(
    name="SafeInt",
    description="A whole number that JavaScript counts exactly: up to 2^53.",
    serialize=_safe_int,
    parse_value=_safe_int,
)

_SCALARS: dict[object, Any] = {SafeInt: _SAFE_INT}


def config() -> StrawberryConfig:
    """The schema's configuration."""
    return StrawberryConfig(scalar_map=_SCALARS)


def event_key(project: str, event_id: str) -> strawberry.ID:
    """The id of an event among those of all projects; a project's id has no slash."""
    return strawberry.ID(f"{project}/{event_id}")


def instance_key(project: str, event_id: str, recurrence_id: str | None) -> strawberry.ID:
    """The id of an instance; a recurrence id has no slash."""
    return strawberry.ID(f"{project}/{event_id}/{recurrence_id or ''}")


__all__ = ["JSON", "LARGEST", "SafeInt", "config", "event_key", "instance_key"]
