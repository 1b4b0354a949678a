"""Tokens: JSON Web Tokens (RFC 7519), our own and those of an identity provider.

The algorithm decides about the key: HS256 is our own secret and nothing else, the asymmetric ones
are the identity provider's public keys and nothing else (RFC 8725 section 2.1, algorithm
confusion). ``alg: none`` has no key.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import jwt

from crdt_calendar.errors import Forbidden, InvalidValue, Unauthenticated
from server.auth.grants import Role
from server.auth.jwks import ALGORITHMS, KeySet
from server.auth.secret import open_secret

ISSUER: Final = "crdt-calendar"
"""The ``iss`` of the tokens this server issues."""

EVERY_PROJECT: Final = "*"
"""As a project of a token: all there are."""

# A token must fit into a URL and a header; servers take 8 to 16 KiB for all of them together. It
# bounds what is in a token, too: no claim is longer, deeper or more numerous than its bytes.
_MOST_BYTES: Final = 8 * 1024
_MOST_CHARACTERS: Final = 255
# RFC 7519 section 4.1.4: "some small leeway, usually no more than a few minutes, to account for
# clock skew". Our own tokens come from our own clock and have none.
_LEEWAY_SECONDS: Final = 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says. Times are seconds since the epoch.

    ``expires`` is when we stop to honour it, leeway included; None: never. ``issued_at`` is never
    in the future, 0.0 if unknown. ``local`` says that this server issued it, ``renewable_until``
    until when it exchanges it for one that expires later.
    """

    user: str
    name: str
    projects: Mapping[str, Role]
    issued_at: float
    expires: float | None
    jti: str
    local: bool
    renewable_until: float = 0.0

    def role(self, project: str) -> Role | None:
        """The role claimed in `project`, by its own name or else by that of all."""
        return self.projects.get(project, self.projects.get(EVERY_PROJECT))


class Keyring:
    """Issues our tokens and verifies everybody's.

    `issuer` and `audience`, when given, are demanded of the identity provider's tokens. `clock`
    gives seconds since the epoch.
    """

    def __init__(
        self,
        secret: bytes,
        keys: KeySet | None = None,
        *,
        issuer: str | None = None,
        audience: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._secret = secret
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        if keys is not None and audience is None:
            _log.warning(
                "tokens that the identity provider issued for other services are accepted too; "
                "set an audience"
            )

    @classmethod
    def open(
        cls,
        secret_path: Path,
        keys: KeySet | None = None,
        *,
        issuer: str | None = None,
        audience: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> Keyring:
        """The keyring with the secret at `secret_path`, which is made if there is none."""
        secret = open_secret(secret_path)
        return cls(secret, keys, issuer=issuer, audience=audience, clock=clock)

    def issue(
        self,
        user: str,
        project: str,
        role: Role | str,
        name: str = "",
        expires_seconds: float | None = None,
        now: float | None = None,
        renew_seconds: float = 0.0,
    ) -> str:
        """A token for `user` with `role` in `project`, or in `EVERY_PROJECT`.

        `renew_seconds` is how long it may be exchanged for one that lives `expires_seconds` again.

        Raises `InvalidValue` for a user id we would not take back, `ValueError` for no such role.
        """
        if not _is_id(user):
            raise InvalidValue(f"user: 1 to {_MOST_CHARACTERS} printable characters needed")
        role = role if isinstance(role, Role) else Role.parse(role)
        now = self._clock() if now is None else now
        claims: dict[str, object] = {
            "iss": ISSUER,
            "sub": user,
            "name": name,
            "projects": {project: role.name.lower()},
            "iat": now,
            "jti": secrets.token_urlsafe(12),
        }
        if expires_seconds is not None:
            claims["exp"] = now + expires_seconds
            if renew_seconds:
                claims |= {"renew": now + renew_seconds, "life": expires_seconds}
        return jwt.encode(claims, self._secret, algorithm="HS256")

    async def renew(self, token: str) -> str:
        """The same token with a later end. Raises `Forbidden` for one that may not be renewed.

        ``iat`` and ``jti`` stay: what was said of the old one, revoking it above all, holds for the
        new one too, and a removal since is not overruled by it.
        """
        claims = await self.verify(token)
        now = self._clock()
        if not claims.local or now >= claims.renewable_until:
            raise Forbidden("this token may not be renewed; get a new one")
        payload = dict(_decode(token, self._secret, "HS256", ISSUER, None))
        life = _time(payload, "life") or 0.0
        payload["exp"] = min(now + life, claims.renewable_until)
        return jwt.encode(payload, self._secret, algorithm="HS256")

    async def verify(self, token: str) -> Claims:
        """What `token` says, if it is to be believed.

        Raises `Unauthenticated` with a reason to show to the client, which holds nothing of the
        token, and `OverloadError` while the identity provider's keys can't be had.
        """
        header = _header(token)
        algorithm = header.get("alg")
        if algorithm == "HS256":
            return self._claims(_decode(token, self._secret, "HS256", ISSUER, None), local=True)
        if self._keys is None or algorithm not in ALGORITHMS:
            raise Unauthenticated("the token's algorithm is not accepted here")
        return self._claims(await self._decode_foreign(token, header, self._keys), local=False)

    async def _decode_foreign(
        self, token: str, header: Mapping[str, object], keys: KeySet
    ) -> Mapping[str, object]:
        algorithm, kid = str(header["alg"]), header.get("kid")
        reason = Unauthenticated("the token is signed by a key we do not know")
        for key in await keys.find(kid if isinstance(kid, str) else None, algorithm):
            try:
                return _decode(token, key, algorithm, self._issuer, self._audience)
            except Unauthenticated as error:
                reason = error
        raise reason

    def _claims(self, payload: Mapping[str, object], *, local: bool) -> Claims:
        user = payload.get("sub")
        if not _is_id(user):
            raise Unauthenticated("the token names no user (sub) that could be one")
        now = self._clock()
        leeway = 0.0 if local else _LEEWAY_SECONDS
        expires, begins = _time(payload, "exp"), _time(payload, "nbf")
        if expires is not None and now >= expires + leeway:
            raise Unauthenticated("the token has expired")
        if begins is not None and now < begins - _LEEWAY_SECONDS:
            raise Unauthenticated("the token is not valid yet")
        jti = payload.get("jti")
        return Claims(
            user=str(user),
            name=_name(payload),
            projects=MappingProxyType(dict(_projects(payload.get("projects")))),
            issued_at=min(_time(payload, "iat") or 0.0, now),
            expires=None if expires is None else expires + leeway,
            jti=jti if isinstance(jti, str) else "",
            local=local,
            renewable_until=_time(payload, "renew") or 0.0 if local else 0.0,
        )


def _header(token: str) -> Mapping[str, object]:
    if len(token) > _MOST_BYTES:
        raise Unauthenticated(f"the token is too long; {_MOST_BYTES} bytes at most")
    try:
        header: Mapping[str, object] = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError):
        # Not chained: the cause may quote the token, and this may be logged.
        raise Unauthenticated("the token does not decode") from None
    return header


_REASONS: Final = (
    (jwt.InvalidSignatureError, "the token's signature does not verify"),
    (jwt.InvalidKeyError, "the token's key is too weak"),
    (jwt.InvalidIssuerError, "the token is from another issuer"),
    (jwt.InvalidAudienceError, "the token is for another audience"),
    (jwt.MissingRequiredClaimError, "the token lacks its issuer or audience"),
)


def _decode(
    token: str, key: jwt.PyJWK | bytes, algorithm: str, issuer: str | None, audience: str | None
) -> Mapping[str, object]:
    """The payload of a token signed with `key`, by `issuer` and for `audience` if they are given.

    Times are left to the caller, who has the clock.
    """
    try:
        payload: Mapping[str, object] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=issuer,
            audience=audience,
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": audience is not None,
                "enforce_minimum_key_length": True,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        reasons = (reason for kind, reason in _REASONS if isinstance(error, kind))
        # Not chained, as above.
        raise Unauthenticated(next(reasons, "the token does not verify")) from None
    return payload


def _is_id(value: object) -> bool:
    """Whether a user can be called that, in logs and databases too."""
    return isinstance(value, str) and 0 < len(value) <= _MOST_CHARACTERS and value.isprintable()


def _time(payload: Mapping[str, object], claim: str) -> float | None:
    """RFC 7519 section 2: NumericDate, seconds since the epoch, possibly with a fraction."""
    value = payload.get(claim)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
        return float(value)
    raise Unauthenticated(f"the token's {claim} is no time")


def _name(payload: Mapping[str, object]) -> str:
    name = payload.get("name") or payload.get("preferred_username")
    if not isinstance(name, str):
        return ""
    return "".join(filter(str.isprintable, name))[:_MOST_CHARACTERS].strip()


def _projects(claim: object) -> Iterator[tuple[str, Role]]:
    """The projects of ``{id: role}`` or ``["id:role"]``. What is neither gives no access."""
    if isinstance(claim, dict):
        pairs = list(claim.items())
    elif isinstance(claim, list):
        pairs = [tuple(item.split(":", 1)) for item in claim if _is_id(item) and ":" in item]
    else:
        pairs = []
    for project, role in pairs:
        try:
            yield project, Role.parse(str(role))
        except ValueError:
            continue  # an identity provider may have roles that are not ours


__all__ = ["EVERY_PROJECT", "ISSUER", "Claims", "Keyring"]
