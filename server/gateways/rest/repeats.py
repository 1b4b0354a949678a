"""Requests that may come again: an idempotency key has the same answer as the first time.

The draft "The Idempotency-Key HTTP Header Field" of the IETF's HTTPAPI group has the rules: a key
is one user's; a request that differs is refused with 422; one that is still being answered, with
409. Only success is kept: what failed has done nothing and may be tried again.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from hashlib import sha256

import anyio
from starlette.responses import Response

from crdt_calendar.errors import InvalidValue, KeyReused, Taken
from server.gateways.rest.call import Call
from server.storage.contracts import Answers, Kept

LONGEST = 255
HEADERS = ("content-type", "location", "etag", "cache-control")


class Repeats:
    """Answers each request with a key once, and gives that answer again for a day."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._running: set[tuple[str, str]] = set()

    async def answer(
        self, call: Call, body: bytes, run: Callable[[], Awaitable[Response]]
    ) -> Response:
        """The answer that was given, or else what `run` makes. Raises `KeyReused` and `Taken`."""
        if len(call.key) > LONGEST or not call.key.isprintable():
            raise InvalidValue(f"Idempotency-Key: 1 to {LONGEST} printable characters")
        place = (call.claims.user, call.key)
        if place in self._running:
            raise Taken("a request with this idempotency key is being answered; wait for that")
        self._running.add(place)
        try:
            # Whoever asked may be gone: what has been done must be remembered nevertheless.
            with anyio.CancelScope(shield=True):
                answer = await self._once(call, _fingerprint(call, body), run)
        finally:
            self._running.discard(place)
        return answer

    async def _once(
        self, call: Call, fingerprint: str, run: Callable[[], Awaitable[Response]]
    ) -> Response:
        user, key = call.claims.user, call.key
        kept = await self._answers.find(user, key)
        if kept is not None:
            if kept.fingerprint != fingerprint:
                raise KeyReused("this idempotency key came with another request; take a new one")
            headers = {**json.loads(kept.headers), "idempotency-replayed": "true"}
            return Response(kept.body, kept.status, headers)
        response = await run()
        headers = {name: response.headers[name] for name in HEADERS if name in response.headers}
        told = Kept(
            *(user, key, fingerprint, response.status_code),
            *(json.dumps(headers), bytes(response.body)),
        )
        await self._answers.keep(told)
        return response


def _fingerprint(call: Call, body: bytes) -> str:
    url = call.request.url
    asked = f"{call.request.method} {url.path}?{url.query}\n".encode()
    return sha256(asked + body).hexdigest()
