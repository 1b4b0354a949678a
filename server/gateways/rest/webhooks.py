"""Webhooks: who else is told of changes, and how that went."""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Literal, get_args
from uuid import uuid4

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from crdt_calendar.errors import InvalidValue, NotFound, Taken
from crdt_calendar.shapes.times import format_instant
from server.gateways.rest.call import Call, Reply
from server.gateways.rest.letters import PING, letter
from server.gateways.rest.pages import USUAL, Cursor, Limit, Page
from server.gateways.rest.prefix import PREFIX
from server.storage.contracts import Delivery, Webhook

MOST = 20  # of one project: each is told of every change by itself
SECRET = "whsec_"
SECRET_BYTES = 32

Kind = Literal[
    "event.created",
    "event.updated",
    "event.deleted",
    "event.restored",
    "calendar.updated",
    "conflict.opened",
    "conflict.resolved",
]
KINDS: tuple[str, ...] = get_args(Kind)
Url = Annotated[str, Meta(max_length=2048, description="http(s); not in a private network")]
Kinds = Annotated[list[Kind], Meta(min_length=1, max_length=len(KINDS))]


class NewWebhook(Struct, frozen=True, forbid_unknown_fields=True):
    """Where to tell, and of what; all kinds unless some are named.

    ``secret`` signs what is sent: ``whsec_`` and 24 to 64 bytes in base64. Unless given, one is
    made.
    """

    url: Url
    kinds: Kinds | UnsetType = UNSET
    secret: str | UnsetType = UNSET


class WebhookPatch(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change. ``enabled`` true has one told again that was given up."""

    url: Url | UnsetType = UNSET
    kinds: Kinds | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class WebhookShape(Struct, frozen=True, kw_only=True, rename="camel"):
    """A webhook. ``disabled`` says why it is told nothing; null while it is told.

    ``secret`` is shown once, when it is made.
    """

    id: str
    project_id: str
    url: str
    kinds: list[str]
    created_by: str
    created_at: str
    disabled: str | None = None
    secret: str | UnsetType = UNSET

    @classmethod
    def of(cls, hook: Webhook, secret: str | UnsetType = UNSET) -> WebhookShape:
        """That webhook."""
        return cls(
            id=hook.id,
            project_id=hook.project,
            url=hook.url,
            kinds=list(hook.kinds),
            created_by=hook.created_by,
            created_at=_at(hook.created_ms) or "",
            disabled=hook.disabled or None,
            secret=secret,
        )


class DeliveryShape(Struct, frozen=True, kw_only=True, rename="camel"):
    """Something a webhook was told, or is to be. ``state``: waiting, delivered, failed.

    ``status`` is that of the last answer, 0 when there was none; ``error`` says what was wrong.
    """

    id: str
    kind: str
    state: str
    attempts: int
    status: int
    error: str
    created_at: str
    tried_at: str | None
    next_at: str | None
    body: object

    @classmethod
    def of(cls, one: Delivery) -> DeliveryShape:
        """That delivery."""
        return cls(
            id=one.id,
            kind=one.kind,
            state=one.state,
            attempts=one.attempts,
            status=one.status,
            error=one.error,
            created_at=_at(one.created_ms) or "",
            tried_at=_at(one.tried_ms),
            next_at=_at(one.next_ms) if one.state == "waiting" else None,
            body=msgspec.json.decode(one.body),
        )


class DeliveryQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """How many deliveries at once."""

    limit: Limit = USUAL
    cursor: Cursor = ""


async def list_webhooks(call: Call) -> Reply[Page[WebhookShape]]:
    """List the webhooks of a project, the oldest first."""
    hooks = await call.desk.webhooks.of(call.project)
    return Reply(Page(list(map(WebhookShape.of, hooks))))


async def create_webhook(call: Call, body: NewWebhook) -> Reply[WebhookShape]:
    """Register a webhook: it is told of every change from now on.

    What is sent is signed as [Standard Webhooks](https://www.standardwebhooks.com) say, and sent
    again until it is answered with 2xx, for about a day.
    """
    await call.desk.addresses.resolve(body.url)
    if len(await call.desk.webhooks.of(call.project)) >= MOST:
        raise Taken(f"project {call.project} has {MOST} webhooks; delete one first")
    secret = _checked(body.secret) if body.secret is not UNSET else _new_secret()
    async with call.room() as room:
        position = (await room.view(lambda calendar: None)).position
    kinds = KINDS if body.kinds is UNSET else tuple(dict.fromkeys(body.kinds))
    id = str(uuid4())
    hook = await call.desk.webhooks.create(
        Webhook(id, call.project, body.url, secret, kinds, call.claims.user, 0, "", position)
    )
    call.desk.wake(hook.id)
    where = f"{PREFIX}/projects/{call.project}/webhooks/{hook.id}"
    return Reply(WebhookShape.of(hook, secret), headers={"location": where})


async def get_webhook(call: Call) -> Reply[WebhookShape]:
    """Read a webhook."""
    return Reply(WebhookShape.of(await _held(call)))


async def patch_webhook(call: Call, body: WebhookPatch) -> Reply[WebhookShape]:
    """Change a webhook, stop it, or have it told again."""
    hook = await _held(call)
    if body.url is not UNSET:
        await call.desk.addresses.resolve(body.url)
        hook = replace(hook, url=body.url)
    if body.kinds is not UNSET:
        hook = replace(hook, kinds=tuple(dict.fromkeys(body.kinds)))
    if body.enabled is not UNSET and body.enabled == bool(hook.disabled):
        hook = replace(hook, disabled="" if body.enabled else f"stopped by {call.claims.user}")
    await call.desk.webhooks.change(hook)
    call.desk.wake(hook.id)
    return Reply(WebhookShape.of(hook))


async def delete_webhook(call: Call) -> Reply[None]:
    """Delete a webhook, and what it was still to be told."""
    hook = await _held(call)
    await call.desk.webhooks.delete(hook.id)
    call.desk.wake(hook.id)
    return Reply(None)


async def ping_webhook(call: Call) -> Reply[None]:
    """Have a webhook told `webhook.ping`, to see whether it arrives; the log of deliveries says."""
    hook = await _held(call)
    if hook.disabled:
        raise Taken(f"the webhook is disabled ({hook.disabled}); enable it first")
    ping = letter(PING, datetime.now(UTC), {"projectId": hook.project})
    await call.desk.webhooks.queue(hook.id, hook.position, [ping])
    call.desk.wake(hook.id)
    return Reply(None)


async def list_deliveries(call: Call, query: DeliveryQuery) -> Reply[Page[DeliveryShape]]:
    """List what a webhook was told and is to be told, the latest first."""
    hook = await _held(call)
    if query.cursor and not query.cursor.isdecimal():
        raise InvalidValue("cursor: not one of ours; give back `next` as it came")
    before = min(int(query.cursor[:18]), 1 << 62) if query.cursor else 1 << 62
    found = await call.desk.webhooks.deliveries(hook.id, before, query.limit + 1)
    part = found[: query.limit]
    following = str(part[-1].number) if len(found) > query.limit else None
    return Reply(Page(list(map(DeliveryShape.of, part)), following))


async def _held(call: Call) -> Webhook:
    hook = await call.desk.webhooks.find(call.path["webhook"])
    if hook is None or hook.project != call.project:
        raise NotFound(f"no webhook {call.path['webhook']} in project {call.project}")
    return hook


def _new_secret() -> str:
    return SECRET + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _checked(secret: str) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if not secret.startswith(SECRET) or not 24 <= len(key) <= 64:
        raise InvalidValue(f"secret: write {SECRET} and 24 to 64 bytes in base64")
    return secret


def _at(ms: int) -> str | None:
    return format_instant(datetime.fromtimestamp(ms / 1000, UTC)) if ms else None
