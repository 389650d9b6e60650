"""All API tokens, for admins: `/api/tokens` and the page `/console/tokens`."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from pydantic import BaseModel, Field

from core.accounts.roles import Action
from core.accounts.tokens import ListedToken, Tokens
from core.console.me import TokenView, token_view
from core.web.http.responses import json_answer, read_cursor, write_cursor
from core.web.http.routing import (
    Fields,
    Route,
    address_of,
    current_user,
    page_route,
    query_of,
)
from core.web.pages import Pages


class TokensQuery(Fields):
    """A page of the list of tokens."""

    cursor: str | None = Field(default=None, max_length=400)
    limit: int = Field(default=50, ge=1, le=200)


class OwnedTokenView(TokenView):
    """An API token with whose it is."""

    email: str
    through: list[str] = Field(
        description="Others in whose hands the way to it was: who made the link, which token."
    )


class AllTokensView(BaseModel):
    """Tokens by their owners' e-mail addresses."""

    items: list[OwnedTokenView]
    next: str | None


class TokenRoutes:
    """The handlers."""

    def __init__(self, tokens: Tokens, *, pages: Pages) -> None:
        self._tokens = tokens
        self._pages = pages

    def routes(self) -> Sequence[Route]:
        """The list, its page, and the end of a token."""
        return (
            Route(
                method="GET",
                path="/api/tokens",
                handler=self.list_tokens,
                action=Action.TOKENS_READ,
                summary="List everybody's API tokens",
                query=TokensQuery,
                responses={200: AllTokensView},
            ),
            Route(
                method="DELETE",
                path="/api/tokens/{token_id}",
                handler=self.withdraw,
                action=Action.TOKENS_CHANGE,
                summary="Withdraw anybody's API token",
                responses={204: None},
            ),
            page_route(
                "/console/tokens",
                self.page,
                "API tokens",
                action=Action.TOKENS_READ,
            ).in_menu("console.tokens.title", 100),
        )

    async def list_tokens(self, request: web.Request) -> web.StreamResponse:
        """GET /api/tokens."""
        query = query_of(request, TokensQuery)
        tokens = sorted(await self._tokens.all(current_user(request)), key=_place)
        if query.cursor:
            email, token_id = read_cursor(query.cursor, str, str)
            tokens = [one for one in tokens if _place(one) > (email, token_id)]
        page = tokens[: query.limit]
        more = len(tokens) > len(page)
        return json_answer(
            {
                "items": [
                    {**token_view(one.token), "email": one.owner.email, "through": one.through}
                    for one in page
                ],
                "next": write_cursor(*_place(page[-1])) if more else None,
            }
        )

    async def withdraw(self, request: web.Request) -> web.StreamResponse:
        """DELETE /api/tokens/{token_id}."""
        await self._tokens.withdraw(
            current_user(request),
            request.match_info["token_id"],
            own=False,
            address=address_of(request),
        )
        return web.Response(status=204)

    async def page(self, request: web.Request) -> web.StreamResponse:
        """GET /console/tokens."""
        tokens = await self._tokens.all(current_user(request))
        return self._pages.render(request, "tokens.html", {"tokens": tokens})


def _place(one: ListedToken) -> tuple[str, str]:
    return one.owner.email, one.token.id
