"""Tokens: ours, an identity provider's, and those of people who would like to come in."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt_calendar.errors import InvalidValue, OverloadError, Unauthenticated
from server.auth.grants import Role
from server.auth.jwks import KeySet
from server.auth.tokens import EVERY_PROJECT, ISSUER, Claims, Keyring

NOW = 1_800_000_000.25
SECRET = bytes(range(32))
pytestmark = pytest.mark.anyio

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
PRIVATE: dict[str, RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey] = {
    "RS256": RSA,
    "ES256": EC,
    "EdDSA": ED,
}
CLAIMS: Mapping[str, object] = {
    "iss": "https://idp.example",
    "aud": "calendar",
    "sub": "ann",
    "exp": int(NOW) + 60,
    "projects": {"team": "editor"},
}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


def jwks() -> dict[str, list[dict[str, object]]]:
    algorithms = jwt.algorithms.get_default_algorithms()
    keys = []
    for name, private in PRIVATE.items():
        entry: dict[str, object] = json.loads(algorithms[name].to_jwk(private.public_key()))
        keys.append(entry | {"kid": name, "use": "sig"})
    return {"keys": keys}


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keyring(clock: Clock) -> Keyring:
    """Knows our own tokens only."""
    return Keyring(SECRET, clock=clock)


@pytest.fixture
def federated(tmp_path: Path, clock: Clock) -> Keyring:
    """Knows an identity provider too, and demands its issuer and our audience."""
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(jwks()))
    return Keyring(
        SECRET, KeySet(str(path)), issuer="https://idp.example", audience="calendar", clock=clock
    )


def signed(algorithm: str, kid: str | None, changes: Mapping[str, object]) -> str:
    """A token of the identity provider; a change to None leaves the claim out."""
    present = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(present, PRIVATE[algorithm], algorithm=algorithm, headers=headers)


def foreign(**changes: object) -> str:
    return signed("RS256", "RS256", changes)


def ours(secret: bytes = SECRET, **claims: object) -> str:
    payload: dict[str, object] = {"iss": ISSUER, "sub": "ann", "iat": NOW, "jti": "1"}
    return jwt.encode(payload | claims, secret, algorithm="HS256")


def by_hand(
    header: Mapping[str, object], payload: Mapping[str, object], secret: bytes = b""
) -> str:
    """A token no honest library would make, signed by HMAC when there is a secret."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in (header, payload)
    ]
    signature = hmac.digest(secret, b".".join(parts), hashlib.sha256) if secret else b""
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


async def refusal(keyring: Keyring, token: str) -> str:
    """Why the token is refused; checks that the reason can be shown to anybody."""
    with pytest.raises(Unauthenticated) as caught:
        await keyring.verify(token)
    reason = str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert len(reason.encode()) <= 123  # RFC 6455 section 5.5: what a close frame holds
    for part in token.split("."):
        assert len(part) < 8 or part not in reason
    return reason


# Our own


async def test_what_is_issued_is_what_is_verified(keyring: Keyring) -> None:
    claims = await keyring.verify(keyring.issue("ann", "team", "editor", "안나", 60))
    assert claims == Claims(
        user="ann",
        name="안나",
        projects={"team": Role.EDITOR},
        issued_at=NOW,
        expires=NOW + 60,
        jti=claims.jti,
        local=True,
    )
    assert claims.jti
    assert (claims.role("team"), claims.role("other")) == (Role.EDITOR, None)


async def test_no_two_tokens_are_the_same(keyring: Keyring) -> None:
    tokens = [keyring.issue("ann", "team", Role.OWNER) for _ in range(2)]
    assert len({(await keyring.verify(token)).jti for token in tokens}) == 2


async def test_a_token_of_every_project_yields_to_the_named_one(keyring: Keyring) -> None:
    everywhere = await keyring.verify(keyring.issue("ann", EVERY_PROJECT, Role.OWNER))
    assert everywhere.role("whatever") is Role.OWNER
    token = ours(projects={"*": "owner", "team": "viewer"})
    assert (await keyring.verify(token)).role("team") is Role.VIEWER


async def test_without_an_expiry_a_token_stays_good(keyring: Keyring, clock: Clock) -> None:
    token = keyring.issue("ann", "team", Role.VIEWER)
    clock.now += 1e9
    assert (await keyring.verify(token)).expires is None


async def test_expires_to_the_fraction_of_a_second(keyring: Keyring, clock: Clock) -> None:
    token = keyring.issue("ann", "team", Role.VIEWER, expires_seconds=1.5)
    clock.now = NOW + 1.49
    await keyring.verify(token)
    clock.now = NOW + 1.5
    assert await refusal(keyring, token) == "the token has expired"


async def test_a_clock_set_back_does_not_put_tokens_into_the_future(
    keyring: Keyring, clock: Clock
) -> None:
    token = keyring.issue("ann", "team", Role.VIEWER)
    clock.now -= 3600
    assert (await keyring.verify(token)).issued_at == clock.now


@pytest.mark.parametrize("user", ["", "x" * 256, "a\nb", "a\x1b[2J", "\ud800"], ids=ascii)
async def test_impossible_users_are_neither_issued_nor_believed(
    keyring: Keyring, user: str
) -> None:
    with pytest.raises(InvalidValue, match="user: 1 to 255"):
        keyring.issue(user, "team", Role.VIEWER)
    assert "names no user" in await refusal(keyring, ours(sub=user))


async def test_an_unknown_role_is_not_issued(keyring: Keyring) -> None:
    with pytest.raises(ValueError, match="one of viewer, editor, owner"):
        keyring.issue("ann", "team", "boss")


async def test_another_servers_token_is_refused(keyring: Keyring) -> None:
    assert await refusal(keyring, ours(bytes(32))) == "the token's signature does not verify"


async def test_our_secret_signs_for_no_other_issuer(keyring: Keyring) -> None:
    assert await refusal(keyring, ours(iss="somebody")) == "the token is from another issuer"


async def test_the_command_line_and_the_server_share_the_secret(tmp_path: Path) -> None:
    token = Keyring.open(tmp_path / "secret").issue("ann", "team", Role.VIEWER)
    assert (await Keyring.open(tmp_path / "secret").verify(token)).user == "ann"


# An identity provider's


@pytest.mark.parametrize("algorithm", PRIVATE)
async def test_an_identity_providers_token(federated: Keyring, algorithm: str) -> None:
    token = signed(
        algorithm, algorithm, {"preferred_username": "Ann", "iat": int(NOW) - 5, "jti": "j"}
    )
    assert await federated.verify(token) == Claims(
        user="ann",
        name="Ann",
        projects={"team": Role.EDITOR},
        issued_at=float(int(NOW) - 5),
        expires=int(NOW) + 70.0,  # ten seconds of leeway for its clock
        jti="j",
        local=False,
    )


async def test_without_a_kid_any_key_of_the_algorithm_will_do(federated: Keyring) -> None:
    assert (await federated.verify(signed("ES256", None, {}))).user == "ann"


async def test_projects_may_be_a_list(federated: Keyring) -> None:
    token = foreign(projects=["team:editor", "other:viewer", "*:viewer", 7, "nonsense", "x:boss"])
    claims = await federated.verify(token)
    assert claims.projects == {"team": Role.EDITOR, "other": Role.VIEWER, "*": Role.VIEWER}


@pytest.mark.parametrize("projects", [None, "team:editor", 7, {"team": 7}, {"team": ["editor"]}])
async def test_other_shapes_of_projects_give_no_access(
    federated: Keyring, projects: object
) -> None:
    assert (await federated.verify(foreign(projects=projects))).projects == {}


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://evil.example"}, "the token is from another issuer"),
        ({"iss": None}, "the token lacks its issuer or audience"),
        ({"aud": "billing"}, "the token is for another audience"),
        ({"aud": ["billing", "mail"]}, "the token is for another audience"),
        ({"aud": None}, "the token lacks its issuer or audience"),
        ({"exp": NOW - 10}, "the token has expired"),
        ({"nbf": NOW + 11}, "the token is not valid yet"),
        ({"exp": float("nan")}, "the token's exp is no time"),
        ({"exp": float("inf")}, "the token's exp is no time"),
        ({"exp": 10**30}, "the token's exp is no time"),
        ({"exp": True}, "the token's exp is no time"),
        ({"exp": "tomorrow"}, "the token's exp is no time"),
        ({"nbf": []}, "the token's nbf is no time"),
        ({"sub": None}, "the token names no user (sub) that could be one"),
    ],
)
async def test_claims_that_are_refused(
    federated: Keyring, claims: dict[str, object], reason: str
) -> None:
    assert (await refusal(federated, foreign(**claims))).startswith(reason)


@pytest.mark.parametrize(
    "claims",
    [{"exp": NOW - 9}, {"nbf": NOW + 9}, {"aud": ["mail", "calendar"]}, {"exp": None}],
)
async def test_claims_that_just_pass(federated: Keyring, claims: dict[str, object]) -> None:
    assert (await federated.verify(foreign(**claims))).user == "ann"


async def test_names_are_cut_to_what_can_be_shown(federated: Keyring) -> None:
    claims = await federated.verify(foreign(name=" A\x1b[2Jn\nn " + "a" * 300))
    assert claims.name == "A[2Jnn " + "a" * 247


async def test_what_is_not_configured_is_not_demanded(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(jwks()))
    keyring = Keyring(SECRET, KeySet(str(path)), clock=clock)
    assert (await keyring.verify(foreign(iss="anyone", aud="anything"))).user == "ann"
    assert "set an audience" in caplog.text


# People who would like to come in


async def test_alg_none_is_refused(federated: Keyring) -> None:
    payload = {"iss": ISSUER, "sub": "ann", "iat": NOW, "projects": {"*": "owner"}}
    names: list[object] = ["none", "None", "NONE", "", None, ["HS256"], {}]
    for name in names:
        token = by_hand({"alg": name, "kid": "RS256"}, payload)
        assert await refusal(federated, token) == "the token's algorithm is not accepted here"
    assert "algorithm" in await refusal(federated, by_hand({"typ": "JWT"}, payload))


async def test_a_public_key_is_no_shared_secret(federated: Keyring) -> None:
    """RFC 8725 section 2.1: HS256 keyed with the bytes of a public RSA key."""
    public = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for issuer in (ISSUER, "https://idp.example"):
        payload = {"iss": issuer, "aud": "calendar", "sub": "ann", "iat": NOW}
        token = by_hand({"alg": "HS256", "kid": "RS256"}, payload, public)
        assert await refusal(federated, token) == "the token's signature does not verify"


async def test_other_hmacs_and_unasked_asymmetric_ones_are_refused(keyring: Keyring) -> None:
    token = jwt.encode({"iss": ISSUER, "sub": "ann"}, SECRET * 2, algorithm="HS512")
    assert "algorithm is not accepted" in await refusal(keyring, token)
    assert "algorithm is not accepted" in await refusal(keyring, foreign())


async def test_a_key_verifies_its_own_algorithm_only(federated: Keyring) -> None:
    token = signed("ES256", "RS256", {})
    assert await refusal(federated, token) == "the token is signed by a key we do not know"


async def test_a_foreign_key_under_a_known_kid_is_refused(federated: Keyring) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    token = jwt.encode({"sub": "ann"}, other, algorithm="ES256", headers={"kid": "ES256"})
    assert await refusal(federated, token) == "the token's signature does not verify"


async def test_a_weak_key_is_not_trusted(tmp_path: Path, clock: Clock) -> None:
    """RFC 7518 section 3.3: a key of size 2048 bits or larger MUST be used."""
    weak = rsa.generate_private_key(65537, 1024)
    path = tmp_path / "jwks.json"
    entry: dict[str, object] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(weak.public_key()))
    path.write_text(json.dumps({"keys": [entry]}))
    keyring = Keyring(SECRET, KeySet(str(path)), clock=clock)
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = jwt.encode({"sub": "ann"}, weak, algorithm="RS256")
    assert await refusal(keyring, token) == "the token's key is too weak"


async def test_a_header_that_demands_an_unknown_extension_is_refused(keyring: Keyring) -> None:
    """RFC 7515 section 4.1.11: extensions listed in "crit" MUST be understood."""
    payload = {"iss": ISSUER, "sub": "ann", "iat": NOW}
    for header in ({"crit": ["x"], "x": 1}, {"b64": False, "crit": ["b64"]}):
        token = by_hand({"alg": "HS256", **header}, payload, SECRET)
        await refusal(keyring, token)


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b.c", "\ud800.x.y", "ey" * 4000 + ".e30.", "안.녕.하", "e30.e30.e30"],
    ids=range(8),
)
async def test_what_is_no_token_is_refused(federated: Keyring, token: str) -> None:
    await refusal(federated, token)


async def test_too_long_a_token_is_refused_unread(federated: Keyring) -> None:
    claims = {str(n): "owner" for n in range(1000)}
    for token in (ours(projects=claims), foreign(projects=claims)):
        assert await refusal(federated, token) == "the token is too long; 8192 bytes at most"


async def test_a_deep_payload_is_refused(keyring: Keyring) -> None:
    deep = b"[" * 5000
    parts = [base64.urlsafe_b64encode(b'{"alg":"HS256"}').rstrip(b"=")]
    parts.append(base64.urlsafe_b64encode(deep).rstrip(b"="))
    signature = hmac.digest(SECRET, b".".join(parts), hashlib.sha256)
    parts.append(base64.urlsafe_b64encode(signature).rstrip(b"="))
    assert await refusal(keyring, b".".join(parts).decode()) == "the token does not verify"


async def test_without_the_providers_keys_nobody_is_told_to_give_up(
    tmp_path: Path, clock: Clock
) -> None:
    """4401 means "do not retry"; a provider that is down for a minute deserves better."""
    keyring = Keyring(SECRET, KeySet(str(tmp_path / "missing.json")), clock=clock)
    with pytest.raises(OverloadError, match="try again later"):
        await keyring.verify(foreign())
    assert (await keyring.verify(keyring.issue("ann", "team", Role.VIEWER))).local


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.data())
def test_no_change_to_a_token_goes_unnoticed(data: st.DataObject) -> None:
    """Every character counts, but for the bits of the last one that base64 leaves over."""
    keyring = Keyring(SECRET, clock=lambda: NOW)
    token = ours()
    place = data.draw(st.integers(0, len(token) - 2))
    other = data.draw(st.characters(codec="utf-8").filter(lambda c: c != token[place]))
    changed = token[:place] + other + token[place + 1 :]
    with pytest.raises(Unauthenticated):
        asyncio.run(keyring.verify(changed))
