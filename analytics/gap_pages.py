"""Missing answers on the console: found, written, published, asked again."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from pydantic import BaseModel, Field

from analytics.gaps import Gaps
from analytics.service import Analytics
from core.accounts.rules import Action
from core.errors import BadInput
from core.rag.knowledge import Knowledge
from core.rag.passages import Article
from core.web.answers import json_answer
from core.web.pages import Pages
from core.web.routing import Access, Fields, Route, Strict, body_of, current_user, query_of

GAP_DAYS = 30


class GapQuery(Fields):
    """How far back."""

    days: int = Field(default=GAP_DAYS, ge=1, le=365)


class NewAnswer(Strict):
    """An answer that was missing, as an article."""

    title: str = Field(min_length=1, max_length=300)
    text: str = Field(min_length=1, max_length=20_000)
    questions: list[str] = Field(default_factory=list, max_length=20)
    topic: str = Field(default="", max_length=100)
    locale: str = Field(default="en", pattern="^(en|ko)$")


class Answered(BaseModel):
    """What the question finds now."""

    article_id: str
    found: bool
    title: str
    text: str
    score: float


class GapPages:
    """`/console/dashboard/gaps`."""

    def __init__(
        self,
        analytics: Analytics,
        *,
        gaps: Gaps,
        knowledge: Callable[[], Awaitable[Knowledge]],
        pages: Pages,
    ) -> None:
        self._analytics = analytics
        self._gaps = gaps
        self._knowledge = knowledge
        self._pages = pages

    def routes(self) -> Sequence[Route]:
        """The page, and what its form sends."""
        return (
            Route(
                method="GET",
                path="/console/dashboard/gaps",
                handler=self.gaps,
                access=Access.SUPERVISOR,
                action=Action.LEARNING_CONFIRM,
                summary="Missing answers",
                page=True,
                query=GapQuery,
            ),
            Route(
                method="POST",
                path="/api/dashboard/gaps",
                handler=self.publish,
                access=Access.SUPERVISOR,
                action=Action.LEARNING_CONFIRM,
                summary="Publish an answer that was missing",
                body=NewAnswer,
                responses={201: Answered, 422: None},
            ),
        )

    async def gaps(self, request: web.Request) -> web.StreamResponse:
        """GET /console/dashboard/gaps."""
        days = query_of(request, GapQuery).days
        period = self._analytics.period(None, None, days=days)
        found = await self._gaps.find(period)
        return self._pages.render(request, "analytics/gaps.html", {"gaps": found, "days": days})

    async def publish(self, request: web.Request) -> web.StreamResponse:
        """POST /api/dashboard/gaps."""
        wish, knowledge = body_of(request, NewAnswer), await self._knowledge()
        title, text = wish.title.strip(), wish.text.strip()
        if not title or not text:
            raise BadInput("An article needs a title and a text.")
        name = hashlib.blake2b(title.casefold().encode(), digest_size=6).hexdigest()
        questions = tuple(dict.fromkeys(q.strip() for q in (title, *wish.questions) if q.strip()))
        article = Article(
            id=f"answer-{name}",
            title=title,
            text=text,
            topic=wish.topic.strip(),
            locale=wish.locale,
            source=current_user(request).email,
            questions=questions,
        )
        await knowledge.add_article(article, by=current_user(request).email)
        hits = (await knowledge.search(questions[-1], limit=1)).hits
        top = hits[0] if hits else None
        return json_answer(
            Answered(
                article_id=article.id,
                found=top is not None and top.passage.article_id == article.id,
                title=top.passage.title if top else "",
                text=top.passage.text if top else "",
                score=float(top.score) if top else 0.0,
            ),
            status=201,
        )
