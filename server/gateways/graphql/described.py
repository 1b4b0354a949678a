"""Fields of the schema, described by the docstrings of what resolves them."""

from __future__ import annotations

from collections.abc import Callable
from inspect import getdoc
from typing import Any, TypeVar, cast

import strawberry

F = TypeVar("F", bound=Callable[..., Any])


def field(resolver: F) -> F:
    """A field of a type; ``Query`` has them too."""
    return cast("F", strawberry.field(resolver, description=_words(resolver)))


def mutation(resolver: F) -> F:
    """A field of ``Mutation``."""
    return cast("F", strawberry.mutation(resolver, description=_words(resolver)))


def subscription(resolver: F) -> F:
    """A field of ``Subscription``."""
    return cast("F", strawberry.subscription(resolver, description=_words(resolver)))


def _words(resolver: object) -> str:
    return " ".join((getdoc(resolver) or "").split())
