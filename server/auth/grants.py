"""A grant: who somebody is and what they may do in one project.

Grants are immutable. When a membership changes, the peers concerned get a new grant, or none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from crdt_calendar.errors import Forbidden


class Role(IntEnum):
    """Ordered: whoever may do more may do all that a lesser role may."""

    VIEWER = 1
    EDITOR = 2
    OWNER = 3

    @classmethod
    def parse(cls, text: str) -> Role:
        """The role of that name. Raises `ValueError` naming the roles there are."""
        try:
            return cls[text.upper()]
        except KeyError:
            names = ", ".join(role.name.lower() for role in cls)
            raise ValueError(f"no role {text!r}; one of {names}") from None


@dataclass(frozen=True, slots=True)
class Grant:
    """What `user` may do in `project`, until `expires` (seconds since the epoch, None: no end)."""

    user: str
    project: str
    role: Role
    name: str = ""  # what others see; the user id when empty
    expires: float | None = None

    @property
    def may_edit(self) -> bool:
        """Whether edits of this user are accepted."""
        return self.role >= Role.EDITOR

    def require(self, role: Role) -> None:
        """Raise `Forbidden` unless this grant's role is at least `role`."""
        if self.role < role:
            wanted, held = role.name.lower(), self.role.name.lower()
            raise Forbidden(f"{wanted} needed in project {self.project}; {self.user} is {held}")
