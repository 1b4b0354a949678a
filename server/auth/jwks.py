"""The public keys of an identity provider, from a JWKS file or URL (RFC 7517), cached."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import urlsplit

import anyio
import httpx
import jwt
from anyio import to_thread

from crdt_calendar.errors import OverloadError

ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")
"""Signatures accepted from an identity provider: asymmetric ones only (RFC 8725 section 3.1)."""

# A provider publishes two or three keys of about 1 KiB each.
_MOST_BYTES: Final = 256 * 1024
_MOST_KEYS: Final = 64
# A login waits for the provider at most that long, and only if its key is not known yet.
_FETCH_SECONDS: Final = 5.0

# RFC 7518 section 6: the members of a private or symmetric key. We need none and keep none.
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

# What a source that is down, or serves something else than keys, ends in.
_FAILURES: Final = (OSError, ValueError, RecursionError, httpx.HTTPError, httpx.InvalidURL)
# What an entry that is no key we know ends in, by PyJWT's reading of it.
_MISFITS: Final = (jwt.PyJWTError, LookupError, TypeError, ValueError, AttributeError)

_log = logging.getLogger(__name__)


class KeySet:
    """The keys at `source`, an http(s) URL or a file path.

    They are fetched in a thread, when a token names a key that is not known, at most once in
    `retry_seconds`, and every `refresh_seconds` while `follow` runs. What was fetched once stays
    good until the source says otherwise: one that is down takes no known key away.
    """

    def __init__(
        self,
        source: str,
        *,
        refresh_seconds: float = 300.0,
        retry_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._refresh_seconds = refresh_seconds
        self._retry_seconds = retry_seconds
        self._clock = clock
        self._keys: Sequence[jwt.PyJWK] = ()
        self._tried_at = float("-inf")
        self._fetching = anyio.Lock()

    async def find(self, kid: str | None, algorithm: str) -> Sequence[jwt.PyJWK]:
        """The keys for a token that names `kid` and `algorithm`; none if there is no such key.

        A token without `kid` may be signed by any key of the algorithm. Raises `OverloadError` when
        the source could never be read.
        """
        found = self._matching(kid, algorithm)
        if not found:
            await self._refetch()
            found = self._matching(kid, algorithm)
        if not self._keys:
            raise OverloadError("the identity provider's keys are not available; try again later")
        return found

    async def refresh(self) -> bool:
        """Read the source now; whether that worked. If not, say so in the log, keep the keys."""
        self._tried_at = self._clock()
        try:
            # A stop of the server does not wait for somebody else's.
            keys = await to_thread.run_sync(_fetch, self._source, abandon_on_cancel=True)
        except _FAILURES as error:
            _log.warning(
                "keys of the identity provider not read; going on with those there are",
                extra={"keys": len(self._keys), "why": f"{type(error).__name__}: {error}"},
            )
            return False
        self._keys = keys
        return True

    async def follow(self) -> NoReturn:
        """Read the source now and then, for ever: a key withdrawn there is soon refused here."""
        while True:
            async with self._fetching:
                await self.refresh()
            await anyio.sleep(self._refresh_seconds)

    async def _refetch(self) -> None:
        async with self._fetching:  # those who wait here find what the first of them fetched
            if self._clock() - self._tried_at >= self._retry_seconds:
                await self.refresh()

    def _matching(self, kid: str | None, algorithm: str) -> list[jwt.PyJWK]:
        return [
            key
            for key in self._keys
            if key.algorithm_name == algorithm and kid in (None, key.key_id)
        ]


def _fetch(source: str) -> Sequence[jwt.PyJWK]:
    if urlsplit(source).scheme in ("http", "https"):
        return _parse(_download(source))
    with Path(source).expanduser().open("rb") as file:
        return _parse(file.read(_MOST_BYTES + 1))


def _download(url: str) -> bytes:
    body = b""
    deadline = time.monotonic() + _FETCH_SECONDS  # httpx bounds each read, not their sum
    with httpx.stream("GET", url, timeout=_FETCH_SECONDS) as response:
        if response.status_code != httpx.codes.OK:
            raise ValueError(f"answered with status {response.status_code}")
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > _MOST_BYTES or time.monotonic() > deadline:
                raise ValueError("answers with too much, or too slowly")
    return body


def _parse(text: bytes) -> Sequence[jwt.PyJWK]:
    if len(text) > _MOST_BYTES:
        raise ValueError(f"more than {_MOST_BYTES} bytes of keys")
    document = json.loads(text)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("no JWKS: an object with a list of keys is needed")
    keys = [key for entry in entries[:_MOST_KEYS] if (key := _key(entry)) is not None]
    if not keys:
        raise ValueError(f"no key for {', '.join(ALGORITHMS)} among {len(entries)}")
    return keys


def _key(entry: object) -> jwt.PyJWK | None:
    """The public key of one entry, if it verifies signatures of ours.

    RFC 7517 section 5: "Implementations SHOULD ignore JWKs within a JWK Set that use "kty" values
    that are not understood by them, that are missing required members, or for which values are out
    of the supported ranges."
    """
    if not isinstance(entry, dict):
        return None
    try:
        key = jwt.PyJWK({name: value for name, value in entry.items() if name not in _PRIVATE})
    except _MISFITS:
        return None
    return key if key.algorithm_name in ALGORITHMS and key.public_key_use in (None, "sig") else None
