"""Signing in by OpenID Connect: the provider proves an e-mail address, we know whose it is."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from core.accounts.rules import User
from core.accounts.secrets import new_token, same
from core.accounts.service import clean_email
from core.accounts.sign_in import SignInRefused
from core.accounts.store import AccountStore
from core.clock import Clock
from core.errors import BadInput, ContactCenterError

log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
UNDER_WAY = timedelta(minutes=10)  #: for a person to sign in over there
MOST_UNDER_WAY = 10_000
LEEWAY = 60  #: seconds by which two clocks may differ
TIMEOUT = 10.0


class ProviderUnavailable(ContactCenterError):
    """The sign-in provider does not answer as it should; try again, or sign in another way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcWishes:
    """What we are at the provider."""

    issuer: str
    client_id: str
    client_secret: str = ""
    scopes: str = "openid email profile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Where to send the browser, and what it must bring back (in a cookie of ours, too)."""

    url: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    nonce: str
    verifier: str
    target: str
    ends_at: datetime


class OpenIdConnect:
    """Authorization code with PKCE, state and nonce, each good once.

    Only those come in who are staff here already, by an address that the provider has verified.
    """

    def __init__(
        self,
        wishes: OidcWishes,
        *,
        store: AccountStore,
        redirect_uri: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._wishes = wishes
        self._store = store
        self._redirect_uri = redirect_uri
        self._clock = clock
        self._attempts: OrderedDict[str, _Attempt] = OrderedDict()

    async def begin(self, *, target: str) -> Begun:
        """A new attempt; `target` is where the person wanted to go. Raises ProviderUnavailable."""
        async with self._client() as client:
            provider = await self._provider(client)
            attempt = _Attempt(
                nonce=new_token(),
                verifier=new_token() + new_token(),
                target=target,
                ends_at=self._clock.now() + UNDER_WAY,
            )
            url, state = client.create_authorization_url(
                provider["authorization_endpoint"],
                state=new_token(),
                nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )
        self._attempts[state] = attempt
        while len(self._attempts) > MOST_UNDER_WAY:
            self._attempts.popitem(last=False)
        return Begun(url=str(url), state=str(state))

    async def finish(self, *, state: str, own_state: str, code: str) -> tuple[User, str]:
        """Who has signed in, and where he wanted to go.

        `own_state` is what the browser kept: somebody else's attempt signs nobody in. Raises
        SignInRefused, ProviderUnavailable.
        """
        attempt = self._attempts.pop(state, None)
        if attempt is None or not same(state, own_state) or not code:
            raise SignInRefused
        if attempt.ends_at <= self._clock.now():
            raise SignInRefused
        async with self._client() as client:
            provider = await self._provider(client)
            token = await self._exchange(client, provider, code, attempt)
            try:
                keys = await self._fetch(client, provider["jwks_uri"])
                claims = self.verified(str(token.get("id_token", "")), keys, nonce=attempt.nonce)
                if "email" not in claims:
                    claims = await self._more(client, provider, claims)
            except (JoseError, ValueError) as error:
                log.warning("an identity token was refused: %s", type(error).__name__)
                raise SignInRefused from error
        return await self._member(claims), attempt.target

    def verified(self, id_token: str, keys: Mapping[str, Any], *, nonce: str) -> Mapping[str, Any]:
        """The token's claims. Raises ValueError or JoseError unless it is meant for us, now."""
        key_set = KeySet.import_key_set({"keys": list(keys.get("keys", ()))})
        decoded = jwt.decode(id_token, key_set, algorithms=list(ALGORITHMS))
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(self._clock.now().timestamp()),
            leeway=LEEWAY,
            iss={"essential": True, "value": self._wishes.issuer},
            aud={"essential": True, "value": self._wishes.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )
        registry.validate(decoded.claims)
        claims: Mapping[str, Any] = decoded.claims
        audience = claims["aud"]
        several = not isinstance(audience, str) and len(audience) > 1
        if several and claims.get("azp") != self._wishes.client_id:
            raise ValueError("azp")
        if not same(str(claims.get("nonce", "")), nonce):
            raise ValueError("nonce")
        return claims

    async def _exchange(
        self, client: AsyncOAuth2Client, provider: Mapping[str, Any], code: str, attempt: _Attempt
    ) -> Mapping[str, Any]:
        try:
            token: Mapping[str, Any] = await client.fetch_token(
                provider["token_endpoint"], code=code, code_verifier=attempt.verifier
            )
        except AuthlibBaseError as error:
            raise SignInRefused from error
        except (httpx.HTTPError, ValueError) as error:
            raise ProviderUnavailable from error
        return token

    async def _more(
        self, client: AsyncOAuth2Client, provider: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        if "userinfo_endpoint" not in provider:
            raise ValueError("email")
        more = await self._fetch(client, provider["userinfo_endpoint"], signed=True)
        if more.get("sub") != claims["sub"]:
            raise ValueError("sub")
        return {**more, **claims}

    async def _member(self, claims: Mapping[str, Any]) -> User:
        if claims.get("email_verified") is not True:
            raise SignInRefused
        try:
            email = clean_email(str(claims.get("email", "")))
        except BadInput:
            raise SignInRefused from None
        account = await self._store.account_by_email(email)
        if account is None:
            raise SignInRefused
        return account.user

    async def _provider(self, client: AsyncOAuth2Client) -> Mapping[str, Any]:
        where = self._wishes.issuer.rstrip("/") + "/.well-known/openid-configuration"
        found = await self._fetch(client, where)
        if found.get("issuer") != self._wishes.issuer:
            log.error("OIDC_ISSUER: the provider calls itself %s", found.get("issuer"))
            raise ProviderUnavailable
        return found

    async def _fetch(
        self, client: AsyncOAuth2Client, url: str, *, signed: bool = False
    ) -> Mapping[str, Any]:
        try:
            answer = await client.request("GET", url, withhold_token=not signed)
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, AuthlibBaseError, ValueError) as error:
            log.warning("the sign-in provider failed: %s", type(error).__name__)
            raise ProviderUnavailable from error
        if not isinstance(found, dict):
            raise ProviderUnavailable
        return found

    def _client(self) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            client_id=self._wishes.client_id,
            client_secret=self._wishes.client_secret or None,
            token_endpoint_auth_method=(
                "client_secret_basic" if self._wishes.client_secret else "none"
            ),
            scope=self._wishes.scopes,
            redirect_uri=self._redirect_uri(),
            code_challenge_method="S256",
            timeout=TIMEOUT,
        )
