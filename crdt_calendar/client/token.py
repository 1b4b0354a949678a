"""Tokens: where they come from, and whose they are."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import anyio

from crdt_calendar.client.connection import Ending
from crdt_calendar.client.transports import LineLost
from crdt_calendar.errors import Unauthenticated

Tokens: TypeAlias = str | Callable[[bool], Awaitable[str]]
"""A token, or who gives one out. ``refused`` is true when the last one was (4401).

Raise `Unauthenticated` when there will be none; after any other failure it is asked again later.
"""


class TokenSource:
    """Gives a token for each line."""

    def __init__(self, tokens: Tokens, seconds: float) -> None:
        self._tokens = tokens
        self._seconds = seconds

    @property
    def renewable(self) -> bool:
        """Whether there may be another token after one was refused."""
        return not isinstance(self._tokens, str)

    async def get(self, refused: bool) -> str:
        """A token. Raises `LineLost` when there is none, now or at all."""
        if isinstance(self._tokens, str):
            return self._tokens
        try:
            with anyio.fail_after(self._seconds):
                return await self._tokens(refused)
        except Unauthenticated as error:
            raise LineLost(Ending(Unauthenticated.close_code, str(error))) from error
        except Exception as error:  # whoever gives out tokens may be as far away as the server
            reason = f"no token: {error or type(error).__name__}"
            raise LineLost(Ending(reason=reason, tried=False)) from error


def user_of(token: str) -> str:
    """The user that a token names, unverified: the server will see to that. "" if it names none."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims.get("sub", ""))
    except (ValueError, IndexError, AttributeError):
        return ""
