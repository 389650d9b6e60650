"""The console page of the quality review: results, and the form for the conversation in turn."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from aiohttp import web
from pydantic import Field

from analytics.quality.sample import GOAL
from analytics.quality.service import QualityReview
from analytics.quality.store import Verdict
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

PATH = "/console/quality"


class WeekQuery(Fields):
    """The week that is looked at, by its Monday; by default the last one that is over."""

    week: str = Field(default="", max_length=10)
    done: str = Field(default="", max_length=300)  #: the conversation that was just reviewed


class ReviewForm(Fields):
    """One person's verdict on one conversation."""

    week: str = Field(min_length=10, max_length=10)
    conversation: str = Field(min_length=1, max_length=300)
    solved: Verdict
    correct: Verdict
    tone: Verdict
    note: str = Field(default="", max_length=500)


class BackForm(Fields):
    """A verdict that is taken back."""

    week: str = Field(min_length=10, max_length=10)
    conversation: str = Field(min_length=1, max_length=300)


class QualityPages:
    """`/console/quality`."""

    def __init__(self, quality: QualityReview, *, pages: Pages, zone: str) -> None:
        self._quality = quality
        self._pages = pages
        self._zone = zone

    def routes(self) -> Sequence[Route]:
        """The page and its forms."""
        may = Action.QUALITY_REVIEW
        return (
            page_route(
                PATH, self.page, "Quality review", action=may, query=WeekQuery, dear=True
            ).in_menu("analytics.quality.title", 56),
            form_route(PATH, self.review, "Review a conversation", action=may, body=ReviewForm),
            form_route(
                PATH + "/undo", self.take_back, "Take a review back", action=may, body=BackForm
            ),
        )

    async def page(self, request: web.Request) -> web.StreamResponse:
        """GET /console/quality."""
        user, query = current_user(request), query_of(request, WeekQuery)
        week = query.week or self._quality.weeks()[0]
        drawn = await self._quality.next(user, week)
        results = await self._quality.results(user)
        return self._pages.render(
            request,
            "analytics/quality.html",
            {
                "week": week,
                "drawn": drawn,
                "results": results,
                "this": next(one for one in results if one.week == week),
                "notes": await self._quality.notes(user, week),
                "goal": GOAL,
                "verdicts": [verdict.value for verdict in Verdict],
                "done": query.done,
                "zone": self._zone,
            },
        )

    async def review(self, request: web.Request) -> web.StreamResponse:
        """POST /console/quality."""
        form = body_of(request, ReviewForm)
        await self._quality.review(
            current_user(request),
            form.week,
            form.conversation,
            solved=form.solved,
            correct=form.correct,
            tone=form.tone,
            note=form.note,
        )
        return _back(week=form.week, done=form.conversation)

    async def take_back(self, request: web.Request) -> web.StreamResponse:
        """POST /console/quality/undo."""
        form = body_of(request, BackForm)
        await self._quality.take_back(current_user(request), form.week, form.conversation)
        return _back(week=form.week)


def _back(**query: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"{PATH}?{urlencode(query)}"})
