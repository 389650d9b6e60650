"""The routes of OpenID Connect sign-in: redirect to the provider, and callback."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from core.accounts.oidc.provider import OpenIdConnect, ProviderUnavailable
from core.accounts.sign_in import SignIn, SignInRefused, TooManyAttempts
from core.console.sign_in import CALLBACK, Next, SignInRoutes, browser_of, safe_target
from core.web.http.routing import Access, Route, address_of, query_of
from core.web.identity.cookies import SIGN_IN_STATE


class Callback(BaseModel):
    """The provider's redirect back to us; providers add fields of their own."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    code: str = Field(default="", max_length=4_000)
    state: str = Field(default="", max_length=200)
    error: str = Field(default="", max_length=200)


class OidcRoutes:
    """The handlers behind the provider's button."""

    def __init__(
        self,
        *,
        provider: OpenIdConnect,
        sign_in: SignIn,
        pages: SignInRoutes,
    ) -> None:
        self._provider = provider
        self._sign_in = sign_in
        self._pages = pages

    def routes(self) -> Sequence[Route]:
        """There and back."""
        return (
            Route(
                method="GET",
                path="/login/oidc",
                handler=self.begin,
                access=Access.PUBLIC,
                summary="Sign in at the provider",
                query=Next,
                page=True,
            ),
            Route(
                method="GET",
                path=CALLBACK,
                handler=self.finish,
                access=Access.PUBLIC,
                summary="Back from the provider",
                query=Callback,
                page=True,
            ),
        )

    async def begin(self, request: web.Request) -> web.StreamResponse:
        """GET /login/oidc."""
        target = safe_target(query_of(request, Next).next, default="")
        try:
            await self._sign_in.count(address_of(request))
            begun = await self._provider.begin(target=target)
        except TooManyAttempts:
            return self._pages.form_with(request, "too_many", target=target, status=429)
        except ProviderUnavailable:
            return self._pages.form_with(request, "provider", target=target, status=502)
        response = web.Response(status=303, headers={"Location": begun.url})
        # Lax: the cookie comes along when the provider sends the browser back.
        self._pages.cookies.give(response, SIGN_IN_STATE, begun.kept, seconds=600)
        return response

    async def finish(self, request: web.Request) -> web.StreamResponse:
        """GET /login/oidc/callback."""
        given, address = query_of(request, Callback), address_of(request)
        try:
            await self._sign_in.count(address)
            user, target = await self._provider.finish(
                state=given.state,
                kept=self._pages.cookies.read(request, SIGN_IN_STATE),
                code="" if given.error else given.code,
            )
        except TooManyAttempts:
            return self._pages.form_with(request, "too_many", status=429)
        except ProviderUnavailable:
            return self._pages.form_with(request, "provider", status=502)
        except SignInRefused:
            await self._sign_in.refused("oidc", address=address)
            return self._pages.form_with(request, "refused_there", status=401)
        cookie = await self._sign_in.as_user(
            user, "oidc", address=address, browser=browser_of(request)
        )
        response = self._pages.enter(cookie, target=target)
        self._pages.cookies.take_back(response, SIGN_IN_STATE)
        return response
