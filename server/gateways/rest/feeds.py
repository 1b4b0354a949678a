"""Feed links: secret addresses of a calendar's file, for programs that cannot sign in."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

from msgspec import UNSET, Meta, Struct, UnsetType

from crdt_calendar.errors import NotFound, Taken
from crdt_calendar.shapes.times import format_instant
from server.gateways.rest.call import Call, Reply
from server.gateways.rest.pages import Page
from server.gateways.rest.prefix import PREFIX
from server.storage.contracts import Feed, digest_of

MOST = 200  # of one project
SECRET_BYTES = 32


class NewFeed(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What a link shows."""

    busy_only: Annotated[bool, Meta(description="times and nothing else")] = False


class FeedShape(Struct, frozen=True, kw_only=True, rename="camel"):
    """A link. ``path`` is the address with its secret, and shown once: when the link is made."""

    id: str
    busy_only: bool
    created_by: str
    created_at: str
    path: str | UnsetType = UNSET

    @classmethod
    def of(cls, feed: Feed, path: str | UnsetType = UNSET) -> FeedShape:
        """That link."""
        return cls(
            id=feed.id,
            busy_only=feed.busy_only,
            created_by=feed.created_by,
            created_at=format_instant(datetime.fromtimestamp(feed.created_ms / 1000, UTC)),
            path=path,
        )


async def list_feeds(call: Call) -> Reply[Page[FeedShape]]:
    """List the feed links of a project, the oldest first, without their secrets."""
    return Reply(Page(list(map(FeedShape.of, await call.desk.feeds.of(call.project)))))


async def create_feed(call: Call, body: NewFeed) -> Reply[FeedShape]:
    """Make a secret link to the calendar's file, to subscribe to.

    Whoever has it can read, until it is revoked. It cannot be shown again; only a hash is kept.
    """
    async with call.room():  # a project of another kind has no such file
        pass
    if len(await call.desk.feeds.of(call.project)) >= MOST:
        raise Taken(f"project {call.project} has {MOST} feed links; revoke one first")
    secret = secrets.token_urlsafe(SECRET_BYTES)
    feed = await call.desk.feeds.create(
        *(str(uuid4()), call.project, digest_of(secret)),
        busy_only=body.busy_only,
        user=call.claims.user,
    )
    path = f"{PREFIX}/projects/{call.project}/calendar.ics?feed={secret}"
    return Reply(FeedShape.of(feed, path))


async def revoke_feed(call: Call) -> Reply[None]:
    """Revoke a feed link: it opens nothing from now on."""
    if not await call.desk.feeds.delete(call.project, call.path["feed"]):
        raise NotFound(f"no feed link {call.path['feed']} in project {call.project}")
    return Reply(None)
