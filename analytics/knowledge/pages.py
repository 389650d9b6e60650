"""The console page `/console/knowledge/review`: what of the knowledge deserves a look."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from pydantic import Field

from analytics.knowledge.review import DAYS, Review
from core.accounts.roles import Action
from core.web.http.routing import (
    Fields,
    Route,
    body_of,
    current_user,
    form_route,
    page_route,
    query_of,
)
from core.web.pages import Pages

PATH = "/console/knowledge/review"


class ReviewQuery(Fields):
    """The number of days whose customers are counted."""

    days: int = Field(default=DAYS, ge=1, le=365)


class TeachForm(Fields):
    """A question that an article is to be known to answer."""

    article: str = Field(min_length=1, max_length=300)
    question: str = Field(min_length=1, max_length=500)
    conversation: str = Field(min_length=1, max_length=100)


class ReviewPages:
    """Draws the page, and takes its form."""

    def __init__(self, review: Review, *, pages: Pages) -> None:
        self._review = review
        self._pages = pages

    def routes(self) -> Sequence[Route]:
        """The page, and what its buttons send."""
        confirm = Action.LEARNING_CONFIRM
        return (
            page_route(
                PATH,
                self.show,
                "A look at what is known",
                action=confirm,
                query=ReviewQuery,
                dear=True,
            ).in_menu("knowledge.review.nav", 78),
            form_route(
                PATH, self.teach, "Teach an article a question", action=confirm, body=TeachForm
            ),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        """GET /console/knowledge/review."""
        user, query = current_user(request), query_of(request, ReviewQuery)
        look = await self._review.look(user, days=query.days)
        return self._pages.render(
            request,
            "analytics/review.html",
            {"look": look, "may_read": user.may(Action.KNOWLEDGE_READ)},
        )

    async def teach(self, request: web.Request) -> web.StreamResponse:
        """POST /console/knowledge/review."""
        form = body_of(request, TeachForm)
        await self._review.teach(
            current_user(request),
            article_id=form.article,
            question=form.question,
            conversation_id=form.conversation,
        )
        return web.Response(status=303, headers={"Location": f"{PATH}#untaught"})
