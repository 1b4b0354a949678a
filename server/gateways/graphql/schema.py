"""The schema, and what a request may ask of it."""

from __future__ import annotations

from collections.abc import Sequence

import strawberry
from graphql import ASTValidationRule, GraphQLError, MaxIntrospectionDepthRule
from strawberry.extensions import (
    AddValidationRules,
    MaxAliasesLimiter,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    ValidationCache,
)
from strawberry.types import ExecutionContext

from server.gateways.graphql.errors import report
from server.gateways.graphql.mutation import Mutation
from server.gateways.graphql.query import Query
from server.gateways.graphql.scalars import config
from server.gateways.graphql.subscription import Subscription

MOST_DEPTH = 8  # projectEvents, changes, event, attendees, name: 5
MOST_ALIASES = 30
MOST_TOKENS = 2_000  # the introspection query of the tools has 500
CACHED_REQUESTS = 64  # a page sends the same few again and again


class Schema(strawberry.Schema):
    """Logs what nobody expected, and nothing else."""

    def process_errors(
        self, errors: Sequence[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log them."""
        report(errors)


def make_schema() -> Schema:
    """The schema of this door."""
    rules: list[type[ASTValidationRule]] = [
        MaxIntrospectionDepthRule,
        *QueryDepthLimiter(MOST_DEPTH).validation_rules,
        *MaxAliasesLimiter(MOST_ALIASES).validation_rules,
    ]
    return Schema(
        Query,
        Mutation,
        Subscription,
        config=config(),
        extensions=[
            lambda: MaxTokensLimiter(MOST_TOKENS),
            lambda: AddValidationRules(rules),
            lambda: ParserCache(CACHED_REQUESTS),
            lambda: ValidationCache(CACHED_REQUESTS),
        ],
    )
