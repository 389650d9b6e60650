"""The API of one's own account: profile, password, API tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, Field

from core.accounts.records import ApiToken
from core.accounts.roles import Action, Role
from core.accounts.service import AccountsService
from core.clock import Clock
from core.console.users import Name
from core.errors import Forbidden
from core.web.http.responses import iso, json_answer
from core.web.http.routing import (
    Route,
    Strict,
    Whole,
    address_of,
    body_of,
    current_user,
    session_of,
)


class NewToken(Strict):
    """An API token to be."""

    name: Name = ""
    scope: Role | None = Field(default=None, description="It acts with at most this role.")
    days: Annotated[Whole, Field(ge=1, le=3650)] | None = Field(
        default=None, description="Until it expires."
    )


class NewPassword(Strict):
    """One's own new password."""

    password: str = Field(min_length=12, max_length=256)
    old: str = Field(
        default="",
        max_length=256,
        description="The present password; needed ten minutes after signing in.",
    )
    end_tokens: bool = Field(default=False, description="Withdraw my API tokens, too.")


class MeView(BaseModel):
    """The signed-in user."""

    email: str
    name: str
    role: Role


class TokenView(BaseModel):
    """An API token as it is listed; `id` withdraws it and signs nobody in."""

    id: str
    name: str
    scope: Role | None
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    expires_at: str | None = Field(json_schema_extra={"format": "date-time"})


class TokenListView(BaseModel):
    """My tokens."""

    items: list[TokenView]
    next: str | None


class MadeTokenView(BaseModel):
    """The token, shown this once."""

    token: str


class MeRoutes:
    """The handlers behind `/api/me`."""

    def __init__(self, accounts: AccountsService, *, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock

    def routes(self) -> Sequence[Route]:
        """All routes about the caller's own account."""
        return (
            Route(
                method="GET",
                path="/api/me",
                handler=self.me,
                action=Action.ACCOUNT_OWN,
                summary="Who I am",
                responses={200: MeView},
            ),
            Route(
                method="POST",
                path="/api/me/activity",
                handler=self.stay,
                action=Action.ACCOUNT_OWN,
                summary="Keep my session alive",
                responses={204: None},
            ),
            Route(
                method="POST",
                path="/api/me/password",
                handler=self.set_password,
                action=Action.ACCOUNT_OWN,
                summary="Set my password",
                body=NewPassword,
                responses={204: None},
            ),
            Route(
                method="GET",
                path="/api/me/tokens",
                handler=self.list_tokens,
                action=Action.ACCOUNT_OWN,
                summary="List my API tokens",
                responses={200: TokenListView},
            ),
            Route(
                method="POST",
                path="/api/me/tokens",
                handler=self.make_token,
                action=Action.ACCOUNT_OWN,
                summary="Make an API token",
                body=NewToken,
                responses={201: MadeTokenView},
            ),
            Route(
                method="DELETE",
                path="/api/me/tokens/{token_id}",
                handler=self.withdraw_token,
                action=Action.ACCOUNT_OWN,
                summary="Withdraw an API token",
                responses={204: None},
            ),
        )

    async def me(self, request: web.Request) -> web.StreamResponse:
        """GET /api/me."""
        user = current_user(request)
        return json_answer({"email": user.email, "name": user.name, "role": user.role.value})

    async def stay(self, request: web.Request) -> web.StreamResponse:
        """POST /api/me/activity; the gate has renewed the session already."""
        current_user(request)
        return web.Response(status=204)

    async def set_password(self, request: web.Request) -> web.StreamResponse:
        """POST /api/me/password."""
        session = session_of(request)
        if session is None:
            # A token with a narrow scope must not become the whole user.
            raise Forbidden("Set your password in the console.")
        body = body_of(request, NewPassword)
        await self._accounts.passwords.change(
            session,
            body.password,
            old=body.old,
            end_tokens=body.end_tokens,
            address=address_of(request),
        )
        return web.Response(status=204)

    async def list_tokens(self, request: web.Request) -> web.StreamResponse:
        """GET /api/me/tokens."""
        tokens = await self._accounts.tokens(current_user(request))
        return json_answer({"items": [token_view(token) for token in tokens], "next": None})

    async def make_token(self, request: web.Request) -> web.StreamResponse:
        """POST /api/me/tokens."""
        body = body_of(request, NewToken)
        user = current_user(request)
        token = await self._accounts.issue_token(
            user,
            actor=user,
            name=body.name,
            scope=body.scope,
            expires_at=self._clock.now() + timedelta(days=body.days) if body.days else None,
            address=address_of(request),
        )
        return json_answer({"token": token}, status=201)

    async def withdraw_token(self, request: web.Request) -> web.StreamResponse:
        """DELETE /api/me/tokens/{token_id}."""
        await self._accounts.withdraw_token(
            current_user(request), request.match_info["token_id"], address=address_of(request)
        )
        return web.Response(status=204)


def token_view(token: ApiToken) -> dict[str, object]:
    """A token as the API shows it."""
    return {
        "id": token.id,
        "name": token.name,
        "scope": token.scope.value if token.scope else None,
        "created_at": iso(token.created_at),
        "expires_at": iso(token.expires_at) if token.expires_at else None,
    }
