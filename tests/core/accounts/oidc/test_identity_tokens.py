"""Identity tokens that are signed rightly, or nearly so, and say what no honest one says."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from core.accounts.oidc.claims import EmailClaimPolicy, IdentityRefused, proven
from core.accounts.oidc.provider import OidcWishes, OpenIdConnect
from core.accounts.store import AccountStore
from core.clock import SystemClock
from core.storage.client import Database

ISSUER = "https://id.example.com"
THEIRS, STRANGERS = (RSAKey.generate_key(2048, {"kid": "a"}) for _ in range(2))
KEYS = {"keys": [THEIRS.as_dict(private=False)]}
NOW = int(SystemClock().now().timestamp())
HEAD = {"alg": "RS256", "kid": "a"}
GOOD = {"iss": ISSUER, "aud": "desk", "exp": NOW + 86_400, "iat": NOW, "sub": "mina", "nonce": "n"}


def part(content: object) -> str:
    """A part of a token."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(claims: object, *, head: object = HEAD, key: RSAKey = THEIRS) -> str:
    """A token with any head and any claims, signed by this key."""
    told = f"{part(head)}.{part(claims)}"
    private = key.private_key
    assert isinstance(private, RSAPrivateKey)
    return f"{told}.{part(private.sign(told.encode(), padding.PKCS1v15(), SHA256()))}"


@pytest.fixture
def party(db: Database) -> OpenIdConnect:
    return OpenIdConnect(
        OidcWishes(issuer=ISSUER, client_id="desk"),
        store=AccountStore(db),
        redirect_uri=lambda: "",
        keys=("a key that every process has",),
        clock=SystemClock(),
    )


def test_an_honest_one_is_taken(party: OpenIdConnect) -> None:
    for more in ({}, {"aud": ["desk"]}, {"azp": "desk"}, {"aud": ["desk", "x"], "azp": "desk"}):
        assert party.verified(signed({**GOOD, **more}), KEYS, nonce="n")["sub"] == "mina"


@pytest.mark.parametrize(
    "said",
    [
        {"sub": ""}, {"sub": None}, {"sub": ["mina"]}, {"sub": 5}, {"sub": {"$ne": ""}},
        {"aud": ["desk", "x"]}, {"aud": ["desk", "x"], "azp": "x"}, {"azp": "x"}, {"azp": None},
        {"aud": ["desk"], "azp": "x"}, {"azp": ["desk"]}, {"aud": {"desk": 1}}, {"aud": "desk2"},
        {"aud": "desk x"}, {"aud": None}, {"aud": "DESK"}, {"aud": []}, {"iss": f"{ISSUER}/"},
        {"iss": [ISSUER]}, {"iss": ISSUER.upper()}, {"iss": None}, {"exp": NOW - 100},
        {"exp": "tomorrow"}, {"exp": None}, {"exp": True}, {"exp": -1}, {"iat": NOW + 5_000},
        {"iat": "x"}, {"nbf": NOW + 5_000}, {"nonce": None}, {"nonce": ["n"]}, {"nonce": {"n": 1}},
        {"nonce": ""}, {"nonce": "N"},
    ],
    ids=range(34),
)  # fmt: skip
def test_what_is_not_meant_for_us_now_is_refused(party: OpenIdConnect, said: Any) -> None:
    with pytest.raises((JoseError, ValueError)):
        party.verified(signed({**GOOD, **said}), KEYS, nonce="n")


@pytest.mark.parametrize("left_out", list(GOOD))
def test_nothing_may_be_left_out(party: OpenIdConnect, left_out: str) -> None:
    claims = {name: value for name, value in GOOD.items() if name != left_out}
    with pytest.raises((JoseError, ValueError)):
        party.verified(signed(claims), KEYS, nonce="n")


def test_no_key_of_the_tokens_own_is_believed(party: OpenIdConnect) -> None:
    own = STRANGERS.as_dict(private=False)
    heads: list[dict[str, object]] = [
        {}, {"jwk": own}, {"jku": "https://evil.example"}, {"x5u": "https://evil.example"},
        {"x5c": ["a"]}, {"kid": None}, {"kid": "../../dev/null"}, {"kid": ["a"]}, {"kid": "b"},
        {"crit": ["exp"]}, {"b64": False, "crit": ["b64"]}, {"alg": None}, {"alg": ["RS256"]},
    ]  # fmt: skip
    made = [signed(GOOD, head={**HEAD, **more}, key=STRANGERS) for more in heads]
    made += [f"{part({'alg': name})}.{part(GOOD)}." for name in ("none", "None", "NONE", "")]
    told = f"{part({'alg': 'HS256', 'kid': 'a'})}.{part(GOOD)}"
    secret = THEIRS.as_pem(private=False)
    made.append(f"{told}.{part(hmac.digest(secret, told.encode(), 'sha256'))}")
    made += [signed(said) for said in (b"[" * 100_000, b"[1]", b'"a"', b"5", b"", b"\xff")]
    made += [f"{part(b'[' * 100_000)}.e30.aa", "a.b.c.d.e", "a" * 1_000_000, "é.é.é", "..", ""]
    for token in made:
        with pytest.raises((JoseError, ValueError)):
            party.verified(token, KEYS, nonce="n")


@pytest.mark.parametrize(
    "keys",
    [
        {}, {"keys": None}, {"keys": 5}, {"keys": "a"}, {"keys": [5]}, {"keys": [{}]},
        {"keys": {"a": 1}}, {"keys": [{"kty": "oct", "k": "AAAA"}]}, {"keys": [{"kty": "RSA"}]},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Key size should be")
def test_keys_that_are_none_are_a_refusal_and_no_breakdown(
    party: OpenIdConnect, keys: dict[str, Any]
) -> None:
    with pytest.raises((JoseError, ValueError)):
        party.verified(signed(GOOD), keys, nonce="n")


@pytest.mark.parametrize("around", ["{} ", " {}", "{}\n", "{}\t", "\u3000{}", "{}\x00", "{}\u00ad"])
def test_a_verified_address_is_taken_as_it_stands(around: str) -> None:
    claims = {"email": around.format("admin@example.com"), "email_verified": True}
    with pytest.raises(IdentityRefused):
        proven([claims], EmailClaimPolicy())
