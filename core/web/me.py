"""Everybody's own account: who I am, my password, my API tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, Field

from core.accounts.rules import Action, Role
from core.accounts.service import AccountsService
from core.clock import Clock
from core.errors import Forbidden
from core.web.answers import iso, json_answer
from core.web.routing import (
    Access,
    Route,
    Strict,
    Whole,
    address_of,
    body_of,
    current_user,
    session_of,
)
from core.web.users import Name


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


class MeView(BaseModel):
    """Who I am."""

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
        """All routes about the caller himself."""
        return (
            Route(
                method="GET",
                path="/api/me",
                handler=self.me,
                access=Access.STAFF,
                action=Action.ACCOUNT_OWN,
                summary="Who I am",
                responses={200: MeView, 503: None},
            ),
            Route(
                method="POST",
                path="/api/me/activity",
                handler=self.stay,
                access=Access.STAFF,
                action=Action.ACCOUNT_OWN,
                summary="Keep my session alive",
                responses={204: None, 503: None},
            ),
            Route(
                method="POST",
                path="/api/me/password",
                handler=self.set_password,
                access=Access.STAFF,
                action=Action.ACCOUNT_OWN,
                summary="Set my password",
                body=NewPassword,
                responses={204: None, 503: None},
            ),
            Route(
                method="GET",
                path="/api/me/tokens",
                handler=self.list_tokens,
                access=Access.STAFF,
                action=Action.ACCOUNT_OWN,
                summary="List my API tokens",
                responses={200: TokenListView, 503: None},
            ),
            Route(
                method="POST",
                path="/api/me/tokens",
                handler=self.make_token,
                access=Access.STAFF,
                action=Action.ACCOUNT_OWN,
                summary="Make an API token",
                body=NewToken,
                responses={201: MadeTokenView, 503: None},
            ),
            Route(
                method="DELETE",
                path="/api/me/tokens/{token_id}",
                handler=self.withdraw_token,
                access=Access.STAFF,
                action=Action.ACCOUNT_OWN,
                summary="Withdraw an API token",
                responses={204: None, 404: None, 503: None},
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
        password = body_of(request, NewPassword).password
        await self._accounts.set_password(
            current_user(request), password, address=address_of(request), session_id=session.id
        )
        return web.Response(status=204)

    async def list_tokens(self, request: web.Request) -> web.StreamResponse:
        """GET /api/me/tokens."""
        tokens = await self._accounts.tokens(current_user(request))
        items = [
            {
                "id": token.id,
                "name": token.name,
                "scope": token.scope.value if token.scope else None,
                "created_at": iso(token.created_at),
                "expires_at": iso(token.expires_at) if token.expires_at else None,
            }
            for token in tokens
        ]
        return json_answer({"items": items, "next": None})

    async def make_token(self, request: web.Request) -> web.StreamResponse:
        """POST /api/me/tokens."""
        body = body_of(request, NewToken)
        user = current_user(request)
        # A token made with a lesser token must not become more than that one.
        scope = body.scope if body.scope and user.role.includes(body.scope) else user.role
        token = await self._accounts.issue_token(
            user,
            actor=user,
            name=body.name,
            scope=scope,
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
