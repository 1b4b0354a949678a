"""The authority: who may do what, decided from the token and the members table together.

Both may say something about a user in a project; the latest word counts:

* A row of the members table beats a token of an identity provider, always.
* A row beats our own token unless that was issued after the row changed.
* A row that says "removed" is a word like any other: it shuts out until the user is given a role
  again, by a new row or by a new token of ours.

Who is not known gets `Unauthenticated`, whatever they ask for. To the others, a project that does
not exist is `NoSuchProject`, and one they may not enter `Forbidden`: a project's id is part of its
address and no secret; what is in it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from crdt_calendar.errors import Forbidden, NoSuchProject, Unauthenticated
from server.auth.grants import Grant, Role
from server.auth.tokens import Claims, Keyring


class Membership(Protocol):
    """A row of the members table. ``changed_at_ms`` is wall clock, since the epoch."""

    @property
    def role(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def changed_at_ms(self) -> int: ...
    @property
    def revoked(self) -> bool: ...


class Members(Protocol):
    """What the authority asks of whoever keeps projects, members and revoked tokens."""

    async def project(self, project: str, /) -> object | None:
        """The project of that id; None if there is none."""

    async def member(self, project: str, user: str, /) -> Membership | None:
        """What the table says about that user there; None if nothing."""

    async def revoked(self, jti: str, /) -> bool:
        """Whether the token of that id has been revoked."""


class Authority:
    """Turns tokens into grants. `clock` gives seconds since the epoch."""

    def __init__(
        self, keyring: Keyring, members: Members, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._keyring = keyring
        self._members = members
        self._clock = clock

    async def grant(self, token: str | None, project: str) -> Grant:
        """What the bearer of `token` may do in `project`: `identify`, then `admit`."""
        return await self.admit(await self.identify(token), project)

    async def identify(self, token: str | None) -> Claims:
        """Who the bearer of `token` is. Raises `Unauthenticated`."""
        if not token:
            raise Unauthenticated("no token; send one as bearer, as ?token= or as subprotocol")
        claims = await self._keyring.verify(token)
        await self._check_token(claims)
        return claims

    async def renew(self, token: str | None) -> str:
        """That token with a later end. Raises `Unauthenticated` and `Forbidden`."""
        await self.identify(token)
        return await self._keyring.renew(token or "")

    async def admit(self, claims: Claims, project: str) -> Grant:
        """What the user of `claims` may do in `project`.

        Raises `NoSuchProject` and `Forbidden`.
        """
        if await self._members.project(project) is None:
            raise NoSuchProject(f"no project {project!r}")
        return decide(claims, project, await self._members.member(project, claims.user))

    async def regrant(self, grant: Grant, claims: Claims) -> Grant:
        """What a connection let in by `claims` may do now; `grant` itself if that did not change.

        Raises like `grant`, when the answer is: nothing any more.
        """
        if claims.expires is not None and self._clock() >= claims.expires:
            raise Unauthenticated("the token has expired")
        await self._check_token(claims)
        now = await self.admit(claims, grant.project)
        return grant if now == grant else now

    async def _check_token(self, claims: Claims) -> None:
        if claims.jti and await self._members.revoked(claims.jti):
            raise Unauthenticated("the token has been revoked")


def decide(claims: Claims, project: str, row: Membership | None) -> Grant:
    """The grant by the rule above. Raises `Forbidden` when it comes to none."""
    role = claims.role(project)
    name = claims.name
    if row is not None and (role is None or not _issued_after(claims, row)):
        if row.revoked:
            raise Forbidden(f"{claims.user} is no longer a member of project {project}")
        role = Role.parse(row.role)
        name = row.name or claims.name
    if role is None:
        raise Forbidden(f"{claims.user} is no member of project {project}")
    return Grant(claims.user, project, role, name, claims.expires)


def _issued_after(claims: Claims, row: Membership) -> bool:
    # Within one millisecond nobody knows what was first; the row, which may be a removal, counts.
    return claims.local and int(claims.issued_at * 1000) > row.changed_at_ms
