"""Presence: who is in a project, and what they show of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import strawberry

from crdt_calendar.protocol.presence import Json
from server.gateways.graphql.scalars import JSON


@strawberry.type(description="One client of somebody who is there.")
class Presence:
    id: strawberry.ID = strawberry.field(description="Unique among those of all projects.")
    project_id: strawberry.ID
    client_id: strawberry.ID
    user_id: str = strawberry.field(description="As the server knows it.")
    name: str
    state: JSON = strawberry.field(description="All that the client shows.")

    @classmethod
    def of(cls, project: str, client: int, state: Mapping[str, Json]) -> Presence:
        """What that client shows; the server has seen to who it is."""
        user = state.get("user")
        who = user if isinstance(user, dict) else {}
        return cls(
            id=presence_key(project, client),
            project_id=strawberry.ID(project),
            client_id=strawberry.ID(str(client)),
            user_id=str(who.get("id") or ""),
            name=str(who.get("name") or ""),
            state=JSON(dict(state)),
        )


@strawberry.type(description="Presence that changed, the latest of each client.")
class PresenceNews:
    reset: bool = strawberry.field(
        description="Whether `present` is everybody, and what was told before is void."
    )
    present: list[Presence]
    left: list[strawberry.ID]


def presence_news(
    project: str, states: Mapping[int, Mapping[str, Json]], left: Sequence[int]
) -> PresenceNews:
    """What those clients show now, and who has left."""
    return PresenceNews(
        reset=False,
        present=[Presence.of(project, client, state) for client, state in states.items()],
        left=[presence_key(project, client) for client in left],
    )


def presence_key(project: str, client: int) -> strawberry.ID:
    """The id of a client's presence."""
    return strawberry.ID(f"{project}/{client}")
