"""The administrative gateway: every operation of the command line that touches the data."""

from __future__ import annotations

from server.auth.tokens import Keyring
from server.gateways.admin.calendars import Calendars
from server.gateways.admin.door import AdminDoor
from server.gateways.admin.insight import Insight
from server.gateways.admin.projects import Projects
from server.gateways.admin.upkeep import Upkeep
from server.rooms.registry import Registry
from server.settings import Settings
from server.storage.sqlite import Store


def open_door(
    store: Store, registry: Registry, keyring: Keyring, settings: Settings, secret: str
) -> AdminDoor:
    """The door over one opened data directory."""
    projects = Projects(store.catalog, keyring, registry)
    calendars = Calendars(store.catalog, store.log, registry)
    insight = Insight(store, registry)
    upkeep = Upkeep(store, registry, settings.retention_days)
    return AdminDoor(
        {
            "projects.create": projects.create,
            "projects.list": projects.list,
            "members.add": projects.add_member,
            "members.remove": projects.remove_member,
            "members.list": projects.list_members,
            "tokens.issue": projects.issue_token,
            "tokens.revoke": projects.revoke_token,
            "import": calendars.bring,
            "export": calendars.export,
            "inspect": insight.inspect,
            "compact": upkeep.compact,
            "backup": upkeep.back_up,
            "verify": upkeep.verify,
            "recovered": upkeep.end_recovery,
        },
        secret,
    )


__all__ = ["AdminDoor", "open_door"]
