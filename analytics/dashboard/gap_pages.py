"""The console page of missing answers: list, write, publish, ask again."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web
from pydantic import BaseModel, Field

from analytics.queries.gaps import Asked, Gaps
from analytics.queries.service import Analytics
from config.languages import ANSWERING, DEFAULT, LANGUAGES
from core.accounts.roles import Action
from core.engine.ports import Person
from core.errors import BadInput
from core.rag.domain.model import Article
from core.rag.knowledge.origins import Origin, Part, words_of
from core.rag.knowledge_base.service import Knowledge
from core.rag.personal_data import LearnedFromPeople
from core.web.http.responses import json_answer
from core.web.http.routing import (
    Fields,
    Route,
    Strict,
    body_of,
    current_user,
    page_route,
    query_of,
)
from core.web.pages import Pages

GAP_DAYS = 30
LONGEST_DAYS = 365
TITLE_CHARS = 300


class GapQuery(Fields):
    """The number of days to look back."""

    days: int = Field(default=GAP_DAYS, ge=1, le=LONGEST_DAYS)


class NewAnswer(Strict):
    """An answer that was missing, as an article."""

    title: str = Field(min_length=1, max_length=TITLE_CHARS)
    text: str = Field(min_length=1, max_length=20_000)
    questions: list[str] = Field(default_factory=list, max_length=20)
    topic: str = Field(default="", max_length=100)
    locale: str = Field(default=DEFAULT, pattern=f"^({'|'.join(ANSWERING)})$")


class Answered(BaseModel):
    """The answer that the question finds now."""

    article_id: str
    found: bool
    title: str
    text: str
    score: float


async def _unheard(titles: Mapping[str, str]) -> None:
    """Nobody has counted anything under these titles yet."""


def origins_of(article: Article, asked: Sequence[Asked]) -> list[Origin]:
    """Whose words the title and the questions are: of those who asked just that."""
    askers: dict[str, set[str]] = {}
    for one in asked:
        # A long question is cut where the page makes a title of it.
        for text in (one.text, one.text[:TITLE_CHARS]):
            askers.setdefault(words_of(text), set()).add(one.conversation_id)
    said = [(Part.TITLE, article.title), *((Part.QUESTION, q) for q in article.questions)]
    return [
        Origin(article_id=article.id, part=part, conversation_id=asker, words=words_of(text))
        for part, text in said
        for asker in sorted(askers.get(words_of(text), ()))
    ]


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
            page_route(
                "/console/dashboard/gaps",
                self.gaps,
                "Missing answers",
                action=Action.LEARNING_CONFIRM,
                query=GapQuery,
                dear=True,
            ),
            Route(
                method="POST",
                path="/api/dashboard/gaps",
                handler=self.publish,
                action=Action.LEARNING_CONFIRM,
                summary="Publish an answer that was missing",
                body=NewAnswer,
                responses={201: Answered},
            ),
        )

    async def gaps(self, request: web.Request) -> web.StreamResponse:
        """GET /console/dashboard/gaps."""
        days = query_of(request, GapQuery).days
        period = self._analytics.period(None, None, days=days)
        found = await self._gaps.find(period)
        answering = [(code, LANGUAGES[code].name) for code in ANSWERING]
        values = {"gaps": found, "days": days, "answering": answering}
        return self._pages.render(request, "analytics/gaps.html", values)

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
        asked = await self._gaps.asked(self._analytics.period(None, None, days=LONGEST_DAYS))
        origins = origins_of(article, asked)
        await knowledge.add_article(article, by=current_user(request).email, origins=origins)
        await self._without_the_forgotten(asked, origins)
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

    async def _without_the_forgotten(
        self, asked: Sequence[Asked], origins: Sequence[Origin]
    ) -> None:
        """Whoever was forgotten while the article was taken in is not in it either."""
        theirs = {o.conversation_id for o in origins}
        gone = [
            one.conversation_id
            for one in asked
            if one.conversation_id in theirs
            and await self._gaps.again(one.conversation_id, one.seq) is None
        ]
        if gone:
            learned = LearnedFromPeople(self._knowledge, _unheard)
            await learned.erase(Person(conversation_ids=tuple(gone)))
