"""OpenID Connect sign-in: authorization code with PKCE, state and nonce."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from core.accounts.oidc.attempt import Attempt, AttemptSeal
from core.accounts.oidc.claims import Claims, EmailClaimPolicy, IdentityRefused, needs_more, proven
from core.accounts.roles import User
from core.accounts.secrets import new_token, same, token_hash
from core.accounts.store import AccountStore
from core.clock import Clock
from core.errors import ContactCenterError

log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
UNDER_WAY = timedelta(minutes=10)  #: for a person to sign in over there
LEEWAY = 60  #: seconds by which two clocks may differ
TIMEOUT = 10.0
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class ProviderUnavailable(ContactCenterError):
    """The sign-in provider does not answer as it should; try again, or sign in another way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcWishes:
    """The settings of our client registration at the provider."""

    issuer: str
    client_id: str
    client_secret: str = ""
    scopes: str = "openid email profile"
    trust: EmailClaimPolicy = field(default_factory=EmailClaimPolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The redirect to the provider, and what the browser must bring back beside its state."""

    url: str
    kept: str


class OpenIdConnect:
    """Authorization code with PKCE, state and nonce, each good once.

    Only those come in who are staff here already, by an address that the provider has verified, or
    that is in a domain which the operator trusts it with. By such a domain the first identity that
    shows an address is its owner's from then on, and no other: an address can be written into a
    profile, an identity cannot.
    """

    def __init__(
        self,
        wishes: OidcWishes,
        *,
        store: AccountStore,
        redirect_uri: Callable[[], str],
        keys: Sequence[str],
        clock: Clock,
    ) -> None:
        """`keys` seal what browsers keep; all processes have the same, the newest first."""
        self._wishes = wishes
        self._store = store
        self._redirect_uri = redirect_uri
        self._clock = clock
        self._seal = AttemptSeal(keys)

    async def begin(self, *, target: str) -> Begun:
        """A new attempt; `target` is where the person wanted to go. Raises ProviderUnavailable."""
        async with self._client() as client:
            provider = await self._provider(client)
            attempt = Attempt(
                state=new_token(),
                nonce=new_token(),
                verifier=new_token() + new_token(),
                target=target,
                ends_at=(self._clock.now() + UNDER_WAY).timestamp(),
            )
            url, _ = client.create_authorization_url(
                provider["authorization_endpoint"],
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )
        return Begun(url=str(url), kept=self._seal.close(attempt))

    async def finish(self, *, state: str, kept: str, code: str) -> tuple[User, str]:
        """Who has signed in, and where they wanted to go; at any process, whichever began it.

        `kept` is what the browser kept: somebody else's attempt signs nobody in. Raises
        SignInRefused, ProviderUnavailable, StoreUnavailable.
        """
        attempt = self._seal.open(kept)
        try:
            return await self._finished(attempt, state, code)
        except IdentityRefused as error:
            log.warning("a sign-in by OpenID was refused: %s", error.reason)
            raise

    async def _finished(self, attempt: Attempt | None, state: str, code: str) -> tuple[User, str]:
        if attempt is None or not same(state, attempt.state):
            raise IdentityRefused("this browser has begun no such attempt")
        if attempt.is_over(self._clock.now()):
            raise IdentityRefused("it took the person more than ten minutes")
        if not await self._store.use_state(token_hash(attempt.state), ends_at=attempt.ends):
            raise IdentityRefused("this attempt has come back before")
        if not code:
            raise IdentityRefused("the provider sent the person back without a code")
        async with self._client() as client:
            provider = await self._provider(client)
            token = await self._exchange(client, provider, code, attempt)
            try:
                keys = await self._fetch(client, provider["jwks_uri"])
                claims = self.verified(
                    str(token.get("id_token", "")),
                    keys,
                    nonce=attempt.nonce,
                    issuer=provider["issuer"],
                )
                documents = [claims]
                if needs_more(claims, self._wishes.trust) and "userinfo_endpoint" in provider:
                    documents.append(await self._more(client, provider, claims))
            except (JoseError, ValueError) as error:
                reason = f"the identity token does not hold ({type(error).__name__}: {error})"
                raise IdentityRefused(reason) from error
        return await self._member(documents, issuer=provider["issuer"]), attempt.target

    async def describe(self) -> Mapping[str, Any]:
        """What the provider says of itself. Raises ProviderUnavailable."""
        async with self._client() as client:
            return await self._provider(client)

    def verified(
        self, id_token: str, keys: Mapping[str, Any], *, nonce: str, issuer: str = ""
    ) -> Claims:
        """The token's claims; `issuer` is how the provider writes itself.

        Raises ValueError or JoseError unless the token is meant for us, now.
        """
        listed = keys.get("keys")
        if not isinstance(listed, list) or not all(isinstance(key, dict) for key in listed):
            raise ValueError("keys")
        key_set = KeySet.import_key_set({"keys": listed})
        decoded = jwt.decode(id_token, key_set, algorithms=list(ALGORITHMS))
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(self._clock.now().timestamp()),
            leeway=LEEWAY,
            iss={"essential": True, "value": issuer or self._wishes.issuer},
            aud={"essential": True, "value": self._wishes.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )
        registry.validate(decoded.claims)
        claims: Mapping[str, Any] = decoded.claims
        audience = claims["aud"]
        several = not isinstance(audience, str) and len(audience) > 1
        # Whoever is named there has asked for the token: somebody else's may be meant for us, too.
        if (several or "azp" in claims) and claims.get("azp") != self._wishes.client_id:
            raise ValueError("azp")
        if not same(str(claims.get("nonce", "")), nonce):
            raise ValueError("nonce")
        return claims

    async def _exchange(
        self, client: AsyncOAuth2Client, provider: Mapping[str, Any], code: str, attempt: Attempt
    ) -> Mapping[str, Any]:
        methods = provider.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if self._wishes.client_secret and "client_secret_basic" not in methods:
            client.token_endpoint_auth_method = "client_secret_post"  # noqa: S105 - a method's name
        try:
            token: Mapping[str, Any] = await client.fetch_token(
                provider["token_endpoint"], code=code, code_verifier=attempt.verifier
            )
        except AuthlibBaseError as error:
            raise IdentityRefused("the provider does not take the code") from error
        except (httpx.HTTPError, ValueError, RecursionError) as error:
            raise ProviderUnavailable from error
        return token

    async def _more(
        self, client: AsyncOAuth2Client, provider: Mapping[str, Any], claims: Claims
    ) -> Claims:
        more = await self._fetch(client, provider["userinfo_endpoint"], signed=True)
        if more.get("sub") != claims["sub"]:
            raise ValueError("the user information is another person's")
        return more

    async def _member(self, documents: Sequence[Claims], *, issuer: str) -> User:
        identity = proven(documents, self._wishes.trust)
        account = await self._store.account_by_email(identity.email)
        if account is None:
            raise IdentityRefused("nobody here has this address")
        # The same person has another `sub` at another provider, and for another client of it.
        place, subject = f"{issuer} {self._wishes.client_id}", str(documents[0]["sub"])
        if account.issuer == place:
            if not same(account.subject, subject):
                raise IdentityRefused("another identity of the provider is known by this address")
        elif not identity.verified and not await self._store.bind_provider(
            account.user.id, issuer=place, subject=subject, instead_of=account.issuer
        ):
            raise IdentityRefused("somebody else has just come in by this address")
        return account.user

    async def _provider(self, client: AsyncOAuth2Client) -> Mapping[str, Any]:
        where = self._wishes.issuer.rstrip("/") + "/.well-known/openid-configuration"
        found = await self._fetch(client, where)
        issuer = str(found.get("issuer") or "")
        # The setting may be written with a slash at the end or without; the identity token has to
        # name the issuer exactly as it names itself.
        if issuer.rstrip("/") != self._wishes.issuer.rstrip("/"):
            log.error("OIDC_ISSUER: %s", _strange_issuer(issuer))
            raise ProviderUnavailable(_strange_issuer(issuer))
        missing = [name for name in NEEDED if not isinstance(found.get(name), str)]
        if missing:
            log.error("OIDC_ISSUER: the provider does not name its %s", ", ".join(missing))
            raise ProviderUnavailable(f"The provider does not name its {', '.join(missing)}.")
        return found

    async def _fetch(
        self, client: AsyncOAuth2Client, url: str, *, signed: bool = False
    ) -> Mapping[str, Any]:
        try:
            answer = await client.request("GET", url, withhold_token=not signed)
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, AuthlibBaseError, ValueError, RecursionError) as error:
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


def _strange_issuer(issuer: str) -> str:
    if "{" in issuer:
        return (
            "This address is every tenant's: use your own tenant's, with its id in place of a word."
        )
    return f"The provider calls itself {issuer!r}; use that."
