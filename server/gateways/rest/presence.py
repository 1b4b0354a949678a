"""Presence: who is in a project's room now, by whichever door, and what they show."""

from __future__ import annotations

from msgspec import Struct

from server.gateways.rest.call import Call, Reply


class Present(Struct, frozen=True, rename="camel"):
    """One client that is here. ``user`` is as the server knows them; ``state`` what they show."""

    client: int
    user_id: str
    state: dict[str, object]


class Presence(Struct, frozen=True):
    """Everybody who is here now."""

    items: list[Present]


async def list_presence(call: Call) -> Reply[Presence]:
    """List who is here now. A person may be here with several clients."""
    async with call.room() as room:
        states = room.presence.states()
    items = [Present(one.client, one.user, dict(one.value or {})) for one in states.values()]
    return Reply(Presence(items))
