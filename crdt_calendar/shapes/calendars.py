"""A project and the properties of its calendar, as programs see them and as they say them."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from crdt_calendar.errors import InvalidValue
from crdt_calendar.model.conflicts import STRATEGIES
from crdt_calendar.model.properties import Properties, PropertyFields

Text = Annotated[str | None | UnsetType, Meta(description="null or empty takes it away")]
PROPERTIES = ("name", "timezone", "color", "description", "conflict_strategy")


class ProjectShape(Struct, frozen=True, kw_only=True, rename="camel"):
    """A project, and what its calendar says of itself. A text that is absent is empty.

    ``timezone`` is an IANA name. ``role`` is what whoever asked may do there.
    """

    id: str
    name: str
    kind: str = "calendar"
    role: str = ""
    timezone: str = ""
    color: str = ""
    description: str = ""
    conflict_strategy: str = ""
    created_at: str | None = None

    @classmethod
    def of(
        cls,
        properties: Properties,
        id: str,
        *,
        name: str,
        kind: str = "calendar",
        role: str = "",
        created_at: str | None = None,
    ) -> ProjectShape:
        """The calendar of that project; `name` is what it is called where its own has none."""
        texts = {key: getattr(properties, key) for key in PROPERTIES if key != "name"}
        named = properties.name or name
        return cls(id=id, name=named, kind=kind, role=role, created_at=created_at, **texts)


class PropertiesFields(Struct, frozen=True, kw_only=True, rename="camel"):
    """What somebody says about a calendar; what is left out stays as it is."""

    name: Text = UNSET
    timezone: Text = UNSET
    color: Text = UNSET
    description: Text = UNSET
    conflict_strategy: Text = UNSET

    def for_model(self) -> PropertyFields:
        """The fields for `Calendar.set_properties`. Raises `InvalidValue` naming the field."""
        fields: PropertyFields = {}
        for name in PROPERTIES:
            if (value := getattr(self, name)) is not UNSET:
                fields[name] = value  # type: ignore[literal-required]
        strategy = fields.get("conflict_strategy")
        if strategy and strategy not in STRATEGIES:
            words = ", ".join(STRATEGIES)
            raise InvalidValue(f"conflictStrategy: {strategy[:40]!r} is none of {words}")
        return fields
