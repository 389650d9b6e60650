"""The API of one's own inbox: saved views, and whether one takes assignments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from approvals.console.inbox_schemas import Word
from approvals.inbox.presence import PresenceStore
from approvals.inbox.views import LONGEST_NAME, SavedViews, View
from core.accounts.roles import Action, User
from core.errors import NotFound
from core.web.http.responses import json_answer
from core.web.http.routing import Route, Strict, body_of, current_user

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00-\x1f\x7f]*$")]


class ViewFilters(Strict):
    """Filters by the names that the list's address has."""

    q: Word = ""
    status: Literal["", "ai", "review", "human", "resolved"] = ""
    assignee: Word = ""
    waiting: Literal["", "true"] = ""
    snoozed: Literal["", "yes", "no"] = ""
    channel: Word = ""
    locale: Word = ""
    topic: Word = ""
    tag: Word = ""
    sort: Literal["", "newest", "oldest", "waiting"] = ""


class InboxViewBody(Strict):
    """A view to save."""

    name: Name
    filters: ViewFilters
    shared: bool = Field(default=False, description="For all colleagues.")


class InboxView(BaseModel):
    """A saved view."""

    id: str
    name: str
    filters: dict[str, str]
    shared: bool
    by: str
    mine_to_change: bool


class InboxViewsView(BaseModel):
    """One's own views and the team's, by name."""

    items: list[InboxView]
    next: None = None


class AwayBody(Strict):
    """A wish to take no assignments, or to take them again."""

    away: bool


class AwayView(BaseModel):
    """One's own presence."""

    away: bool


class InboxViewRoutes:
    """The handlers behind `/api/inbox/views` and `/api/inbox/presence`."""

    def __init__(self, views: SavedViews, *, presence: PresenceStore) -> None:
        self._views = views
        self._presence = presence

    def routes(self) -> Sequence[Route]:
        """All of them."""
        read, one = Action.CONVERSATION_READ, "/api/inbox/views/{id}"
        return (
            Route(
                method="GET",
                path="/api/inbox/views",
                handler=self.list,
                action=read,
                summary="Saved views of the inbox",
                responses={200: InboxViewsView},
            ),
            Route(
                method="POST",
                path="/api/inbox/views",
                handler=self.create,
                action=read,
                summary="Save a view of the inbox",
                body=InboxViewBody,
                responses={201: InboxView},
            ),
            Route(
                method="PUT",
                path=one,
                handler=self.change,
                action=read,
                summary="Change a saved view",
                body=InboxViewBody,
                responses={200: InboxView, 409: None},
            ),
            Route(
                method="DELETE",
                path=one,
                handler=self.remove,
                action=read,
                summary="Remove a saved view",
                responses={204: None, 409: None},
            ),
            Route(
                method="PUT",
                path="/api/inbox/presence",
                handler=self.away,
                action=Action.CONVERSATION_REPLY,
                summary="Say whether I take assignments",
                body=AwayBody,
                responses={200: AwayView},
            ),
        )

    async def list(self, request: web.Request) -> web.StreamResponse:
        """GET /api/inbox/views."""
        user = current_user(request)
        items = [self._view(user, view) for view in await self._views.all(user)]
        return json_answer(InboxViewsView(items=items))

    async def create(self, request: web.Request) -> web.StreamResponse:
        """POST /api/inbox/views."""
        return await self._save(request, "", status=201)

    async def change(self, request: web.Request) -> web.StreamResponse:
        """PUT /api/inbox/views/{id}."""
        return await self._save(request, _id(request), status=200)

    async def remove(self, request: web.Request) -> web.StreamResponse:
        """DELETE /api/inbox/views/{id}."""
        await self._views.remove(current_user(request), _id(request))
        return web.Response(status=204)

    async def away(self, request: web.Request) -> web.StreamResponse:
        """PUT /api/inbox/presence."""
        away = body_of(request, AwayBody).away
        await self._presence.set_away(current_user(request), away=away)
        return json_answer(AwayView(away=away))

    async def _save(self, request: web.Request, view_id: str, *, status: int) -> web.StreamResponse:
        body, user = body_of(request, InboxViewBody), current_user(request)
        view = await self._views.save(
            user,
            name=body.name,
            filters=body.filters.model_dump(),
            shared=body.shared,
            view_id=view_id,
        )
        return json_answer(self._view(user, view), status=status)

    def _view(self, user: User, view: View) -> InboxView:
        return InboxView(
            id=view.id,
            name=view.name,
            filters=dict(view.filters),
            shared=view.shared,
            by=view.by,
            mine_to_change=self._views.may_change(user, view),
        )


def _id(request: web.Request) -> str:
    found = request.match_info["id"]
    if not _ID.fullmatch(found):
        raise NotFound
    return found
