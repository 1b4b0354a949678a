"""The table of operations: every method of every path of ``/api/v1``.

It is what requests are taken by and what the OpenAPI document is made of; there is no other list.
"""

from __future__ import annotations

from typing import Any

from server.gateways.rest import (
    conflicts,
    events,
    feeds,
    freebusy,
    instances,
    lineups,
    members,
    presence,
    projects,
    webhooks,
)
from server.gateways.rest.operation import Foreign, May, Media, Operation
from server.gateways.rest.prefix import PREFIX

PROJECT = "/projects/{project}"
EVENT = f"{PROJECT}/events/{{event}}"
INSTANCE = f"{EVENT}/instances/{{instance}}"
LINEUP = f"{PROJECT}/lineups/{{lineup}}"
MEMO = f"{LINEUP}/memos/{{memo}}"
HOOK = f"{PROJECT}/webhooks/{{webhook}}"

SESSION: dict[str, Any] = {
    "type": "object",
    "properties": {
        "user": {
            "type": "object",
            "properties": {"id": {"type": "string"}, "name": {"type": "string"}},
        },
        "expires": {"type": ["number", "null"], "description": "seconds since 1970; null: never"},
        "renewable": {"type": "boolean"},
        "projects": {"type": "array", "items": {"type": "object"}},
    },
}
TOKEN: dict[str, Any] = {
    "type": "object",
    "properties": {"token": {"type": "string"}},
    "required": ["token"],
}
FILE: dict[str, Any] = {"type": "string", "description": "an iCalendar file (RFC 5545)"}

SHOWN = Media("application/json", SESSION)
ICS = Media("text/calendar", FILE)
LINES = Media("application/x-ndjson", {"type": "string", "description": "a JSON object a line"})


def operations() -> list[Operation]:
    """All of them, in the order of the documentation."""
    return [
        *_projects(),
        *_events(),
        *_instances(),
        *_others(),
        *_lineups(),
        *_webhooks(),
        *_foreign(),
    ]


def _projects() -> list[Operation]:
    member = f"{PROJECT}/members/{{user}}"
    return [
        Operation("GET", "/projects", projects.list_projects, May.KNOWN),
        Operation(
            "POST", "/projects", projects.create_project, May.KNOWN, 201, (403, 409), once=True
        ),
        Operation("GET", PROJECT, projects.get_project, May.VIEWER),
        Operation("PATCH", PROJECT, projects.patch_project, May.EDITOR, tagged=True),
        Operation("DELETE", PROJECT, projects.delete_project, May.OWNER, 204),
        Operation("GET", f"{PROJECT}/members", members.list_members, May.VIEWER),
        Operation("GET", member, members.get_member, May.VIEWER),
        Operation("PUT", member, members.put_member, May.OWNER, 200, (201, 409)),
        Operation("DELETE", member, members.remove_member, May.OWNER, 204, (409,)),
    ]


def _events() -> list[Operation]:
    return [
        Operation("GET", f"{PROJECT}/events", events.list_events, May.VIEWER),
        Operation("POST", f"{PROJECT}/events", events.create_event, May.EDITOR, 201, once=True),
        Operation("GET", EVENT, events.get_event, May.VIEWER),
        Operation("PATCH", EVENT, events.patch_event, May.EDITOR, tagged=True),
        Operation("DELETE", EVENT, events.delete_event, May.EDITOR, 204, tagged=True),
        Operation("POST", f"{EVENT}/restore", events.restore_event, May.EDITOR, once=True),
    ]


def _instances() -> list[Operation]:
    following, reset = instances.patch_following, instances.reset_instance
    return [
        Operation("GET", f"{PROJECT}/instances", instances.list_instances, May.VIEWER),
        Operation("GET", f"{EVENT}/instances", instances.list_event_instances, May.VIEWER),
        Operation("GET", INSTANCE, instances.get_instance, May.VIEWER),
        Operation("PATCH", INSTANCE, instances.patch_instance, May.EDITOR, tagged=True),
        Operation("DELETE", INSTANCE, instances.cancel_instance, May.EDITOR, 204, tagged=True),
        Operation("POST", f"{INSTANCE}/reset", reset, May.EDITOR, once=True, tagged=True),
        Operation("PATCH", f"{INSTANCE}/following", following, May.EDITOR, tagged=True),
    ]


def _others() -> list[Operation]:
    conflict = f"{PROJECT}/conflicts/{{conflict}}"
    feed = f"{PROJECT}/feeds/{{feed}}"
    return [
        Operation("GET", f"{PROJECT}/free-busy", freebusy.get_free_busy, May.VIEWER),
        Operation("POST", "/free-busy", freebusy.ask_free_busy, May.KNOWN, 200, (403,)),
        Operation("GET", f"{PROJECT}/conflicts", conflicts.list_conflicts, May.VIEWER),
        Operation("GET", conflict, conflicts.get_conflict, May.VIEWER),
        Operation("POST", f"{conflict}/resolve", conflicts.resolve_conflict, May.EDITOR, once=True),
        Operation("GET", f"{PROJECT}/presence", presence.list_presence, May.VIEWER),
        Operation("GET", f"{PROJECT}/feeds", feeds.list_feeds, May.OWNER),
        Operation("POST", f"{PROJECT}/feeds", feeds.create_feed, May.OWNER, 201, (409,)),
        Operation("DELETE", feed, feeds.revoke_feed, May.OWNER, 204),
    ]


def _lineups() -> list[Operation]:
    board = f"{PROJECT}/lineups"
    return [
        Operation("GET", board, lineups.list_lineups, May.VIEWER),
        Operation("POST", board, lineups.create_lineup, May.EDITOR, 201, once=True),
        Operation("GET", LINEUP, lineups.get_lineup, May.VIEWER),
        Operation("PATCH", LINEUP, lineups.patch_lineup, May.EDITOR, tagged=True),
        Operation("DELETE", LINEUP, lineups.delete_lineup, May.EDITOR, 204, tagged=True),
        Operation("POST", f"{LINEUP}/restore", lineups.restore_lineup, May.EDITOR, once=True),
        Operation(
            "POST", f"{LINEUP}/memos", lineups.create_memo, May.EDITOR, 201, once=True, tagged=True
        ),
        Operation("PATCH", MEMO, lineups.patch_memo, May.EDITOR, tagged=True),
        Operation("DELETE", MEMO, lineups.delete_memo, May.EDITOR, 204, tagged=True),
    ]


def _webhooks() -> list[Operation]:
    hooks, create = f"{PROJECT}/webhooks", webhooks.create_webhook
    return [
        Operation("GET", hooks, webhooks.list_webhooks, May.OWNER),
        Operation("POST", hooks, create, May.OWNER, 201, (409,), once=True),
        Operation("GET", HOOK, webhooks.get_webhook, May.OWNER),
        Operation("PATCH", HOOK, webhooks.patch_webhook, May.OWNER),
        Operation("DELETE", HOOK, webhooks.delete_webhook, May.OWNER, 204),
        Operation("POST", f"{HOOK}/ping", webhooks.ping_webhook, May.OWNER, 204, (409,)),
        Operation("GET", f"{HOOK}/deliveries", webhooks.list_deliveries, May.OWNER),
    ]


def _foreign() -> list[Operation]:
    """What other gateways serve below the same address."""
    session, token = "/session", Media("application/json", TOKEN)

    def at(method: str, path: str, may: May, does: Foreign, status: int = 200) -> Operation:
        return Operation(method, path, does, may, status)

    show = Foreign("showSession", "Who the credentials are, and the projects.", "session")
    sign_in = Foreign("signIn", "Take a token into a cookie.", "session", token, SHOWN)
    renew = Foreign("renewSession", "The same token with a later end.", "session", None, SHOWN)
    sign_out = Foreign("signOut", "Forget the cookie.", "session")
    bring = Foreign(
        "importCalendar",
        "Bring the events of a file; doing it again changes nothing. Answers line by line, as it "
        'goes: `{"progress": ...}`, at the end `{"result": ...}` or `{"error": ...}`.',
        *("files", ICS, LINES),
    )
    take = Foreign(
        "exportCalendar",
        "The calendar as a file. With the secret of a feed link no token is needed.",
        *("files", None, ICS),
        {"feed": "the secret of a feed link"},
    )
    openapi = Foreign(
        "openapi", "This description.", "about", None, Media("application/json", {"type": "object"})
    )
    return [
        at("POST", f"{PROJECT}/import", May.EDITOR, bring),
        at("GET", f"{PROJECT}/calendar.ics", May.VIEWER, take),
        at("GET", session, May.KNOWN, show._replace(gives=SHOWN)),
        Operation("POST", session, sign_in, May.ANYBODY, 200, (401, 403)),
        at("DELETE", session, May.ANYBODY, sign_out, 204),
        at("POST", f"{session}/renew", May.KNOWN, renew),
        at("GET", "/openapi.json", May.ANYBODY, openapi),
    ]


__all__ = ["PREFIX", "operations"]
