"""The knowledge API: what is known, what is added, removed and found."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from pydantic import BaseModel, Field

from core.accounts.rules import Action
from core.clock import Clock
from core.rag.articles import StoredArticle
from core.rag.chunks import language_of
from core.rag.documents import article_id
from core.rag.errors import VectorsUnavailable
from core.rag.knowledge import Knowledge
from core.rag.passages import Article, Found
from core.rag.tempering import Scorer
from core.web.answers import iso, json_answer, read_cursor, write_cursor
from core.web.problems import Problem
from core.web.routing import Access, Fields, Route, Strict, body_of, current_user, query_of

MAX_BODY = 2_000_000  #: bytes of one article


class NewArticle(Strict):
    """An article to be; with the id of an older one it takes its place."""

    id: str = Field(default="", max_length=200, pattern=r"^[^\x00-\x1f\x7f/]*$")
    title: str = Field(min_length=1, max_length=500)
    text: str = Field(min_length=1, max_length=200_000)
    topic: str = Field(default="", max_length=100)
    lang: str = Field(default="", max_length=10, description="Recognised when it is left out.")
    url: str = Field(default="", max_length=2000, pattern=r"^(https?://.*)?$")
    questions: list[str] = Field(default=[], max_length=200)


class KnowledgeList(Fields):
    """A page of the list of articles."""

    cursor: str | None = Field(default=None, max_length=400)
    limit: int = Field(default=50, ge=1, le=200)


class KnowledgeSearch(Fields):
    """What a customer might ask."""

    q: str = Field(min_length=1, max_length=2000)
    limit: int = Field(default=5, ge=1, le=20)


class ArticleSummary(BaseModel):
    """An article as it is listed."""

    id: str
    title: str
    topic: str
    lang: str
    url: str
    source: str
    known_questions: int
    ready: bool
    updated_at: str = Field(json_schema_extra={"format": "date-time"})


class ArticleView(ArticleSummary):
    """An article with all that it says."""

    text: str
    questions: list[str]


class ArticleListView(BaseModel):
    """Articles by id."""

    items: list[ArticleSummary]
    next: str | None


class HitView(BaseModel):
    """A passage that was found."""

    id: str
    article_id: str
    title: str
    heading: str
    text: str
    url: str
    score: float
    meaning: float
    words: float
    known: float
    known_question: str


class FoundView(BaseModel):
    """Passages best first, and the probability that the first one answers the question."""

    items: list[HitView]
    confidence: float


class KnowledgeRoutes:
    """The handlers behind `/api/knowledge`."""

    def __init__(self, *, knowledge: Knowledge, confidence: Scorer, clock: Clock) -> None:
        self._knowledge = knowledge
        self._confidence = confidence
        self._clock = clock

    def routes(self) -> Sequence[Route]:
        """All routes about knowledge."""
        every, one = "/api/knowledge", "/api/knowledge/{id}"
        return (
            Route(
                method="GET",
                path=every,
                handler=self.list_articles,
                access=Access.ADMIN,
                action=Action.KNOWLEDGE_READ,
                summary="List articles",
                query=KnowledgeList,
                responses={200: ArticleListView, 503: None},
            ),
            Route(
                method="POST",
                path=every,
                handler=self.add,
                access=Access.ADMIN,
                action=Action.KNOWLEDGE_CHANGE,
                summary="Add an article, or replace it",
                body=NewArticle,
                responses={201: ArticleView, 503: None},
                max_body=MAX_BODY,
            ),
            Route(
                method="GET",
                path=f"{every}/search",
                handler=self.search,
                access=Access.ADMIN,
                action=Action.KNOWLEDGE_READ,
                summary="Find what answers a question",
                query=KnowledgeSearch,
                responses={200: FoundView, 503: None},
            ),
            Route(
                method="GET",
                path=one,
                handler=self.show,
                access=Access.ADMIN,
                action=Action.KNOWLEDGE_READ,
                summary="Read an article",
                responses={200: ArticleView, 404: None, 503: None},
            ),
            Route(
                method="DELETE",
                path=one,
                handler=self.remove,
                access=Access.ADMIN,
                action=Action.KNOWLEDGE_CHANGE,
                summary="Remove an article",
                responses={204: None, 404: None, 503: None},
            ),
        )

    async def list_articles(self, request: web.Request) -> web.StreamResponse:
        """GET /api/knowledge."""
        query = query_of(request, KnowledgeList)
        current_user(request).require(Action.KNOWLEDGE_READ)
        stored = await self._knowledge.list()
        if query.cursor:
            [after] = read_cursor(query.cursor, str)
            stored = [s for s in stored if s.article.id > after]
        page = stored[: query.limit]
        more = len(stored) > len(page)
        return json_answer(
            {
                "items": [summary_of(s) for s in page],
                "next": write_cursor(page[-1].article.id) if more else None,
            }
        )

    async def add(self, request: web.Request) -> web.StreamResponse:
        """POST /api/knowledge."""
        current_user(request).require(Action.KNOWLEDGE_CHANGE)
        body = body_of(request, NewArticle)
        article = Article(
            id=body.id.strip() or article_id(body.title, self._clock.new_id()),
            title=body.title.strip(),
            text=body.text.strip(),
            topic=body.topic.strip(),
            locale=body.lang or language_of(f"{body.title} {body.text}"),
            url=body.url,
            source="console",
            questions=tuple(q.strip() for q in body.questions if q.strip()),
        )
        try:
            await self._knowledge.add_article(article, by=current_user(request).email)
        except VectorsUnavailable as error:
            raise _down(error) from error
        return json_answer(view_of(await self._knowledge.get(article.id)), status=201)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """GET /api/knowledge/{id}."""
        current_user(request).require(Action.KNOWLEDGE_READ)
        return json_answer(view_of(await self._knowledge.get(request.match_info["id"])))

    async def remove(self, request: web.Request) -> web.StreamResponse:
        """DELETE /api/knowledge/{id}."""
        current_user(request).require(Action.KNOWLEDGE_CHANGE)
        try:
            await self._knowledge.remove(request.match_info["id"], by=current_user(request).email)
        except VectorsUnavailable as error:
            raise _down(error) from error
        return web.Response(status=204)

    async def search(self, request: web.Request) -> web.StreamResponse:
        """GET /api/knowledge/search."""
        current_user(request).require(Action.KNOWLEDGE_READ)
        query = query_of(request, KnowledgeSearch)
        try:
            found = await self._knowledge.search(query.q, limit=query.limit)
        except VectorsUnavailable as error:
            raise _down(error) from error
        return json_answer(
            FoundView(items=hits_of(found), confidence=self._confidence.score(found.signals))
        )


def summary_of(stored: StoredArticle) -> ArticleSummary:
    """The article as it is listed."""
    article = stored.article
    return ArticleSummary(
        id=article.id,
        title=article.title,
        topic=article.topic,
        lang=article.locale,
        url=article.url,
        source=article.source,
        known_questions=len(article.questions),
        ready=not stored.pending,
        updated_at=iso(stored.updated_at),
    )


def view_of(stored: StoredArticle) -> ArticleView:
    """The article with all that it says."""
    return ArticleView(
        **summary_of(stored).model_dump(),
        text=stored.article.text,
        questions=list(stored.article.questions),
    )


def hits_of(found: Found) -> list[HitView]:
    """The hits as they are shown."""
    return [
        HitView(
            id=hit.passage.id,
            article_id=hit.passage.article_id,
            title=hit.passage.title,
            heading=hit.passage.heading,
            text=hit.passage.text,
            url=hit.passage.url,
            score=hit.score,
            meaning=hit.dense,
            words=hit.lexical,
            known=hit.known,
            known_question=hit.known_question,
        )
        for hit in found.hits
    ]


def _down(error: VectorsUnavailable) -> Problem:
    return Problem(503, error.detail, headers={"Retry-After": "2"})
