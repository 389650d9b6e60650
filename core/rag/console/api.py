"""The knowledge API: list, add, remove and search articles."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from pydantic import BaseModel, Field

from core.accounts.roles import Action
from core.clock import Clock
from core.nlu.language_detection import language_of
from core.rag.confidence.recalibration import Scorer
from core.rag.domain.errors import VectorsUnavailable
from core.rag.domain.model import Article, Found
from core.rag.domain.reading_outcome import article_id
from core.rag.knowledge.readings import KeptReading
from core.rag.knowledge.store import StoredArticle
from core.rag.knowledge_base.service import Knowledge
from core.web.http.problems import Problem
from core.web.http.responses import iso, json_answer, read_cursor, write_cursor
from core.web.http.routing import Fields, Route, Strict, body_of, current_user, query_of

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
    """A question to search for."""

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
    withheld: str = Field(description="Why customers do not get it; empty where they do.")
    valid_from: str | None = Field(json_schema_extra={"format": "date-time"})
    valid_until: str | None = Field(json_schema_extra={"format": "date-time"})
    updated_at: str = Field(json_schema_extra={"format": "date-time"})


class ArticleView(ArticleSummary):
    """An article with all that it says."""

    text: str
    questions: list[str]


class ArticleListView(BaseModel):
    """Articles by id."""

    items: list[ArticleSummary]
    next: str | None


class WithheldView(BaseModel):
    """Characters that stand in no article, by the reason."""

    why: str
    characters: int


class FileView(BaseModel):
    """A file as it was read last; characters without white space."""

    file: str
    characters: int
    kept: int
    left_out: list[WithheldView]
    warnings: list[str] = Field(description="Each with its row or page, where it has one.")
    read_at: str = Field(json_schema_extra={"format": "date-time"})


class FileListView(BaseModel):
    """Files, those with warnings first."""

    items: list[FileView]
    next: str | None


class CheckView(BaseModel):
    """Disagreements of the index and the articles, by ids of articles."""

    articles: int
    points: int
    missing: list[str]
    outdated: list[str]
    orphaned: list[str]
    waiting: list[str]


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
    demonstration: bool = Field(
        description="From the product's own guide, as nothing has ever been added."
    )


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
                action=Action.KNOWLEDGE_READ,
                summary="List articles",
                query=KnowledgeList,
                responses={200: ArticleListView},
            ),
            Route(
                method="POST",
                path=every,
                handler=self.add,
                action=Action.KNOWLEDGE_CHANGE,
                summary="Add an article, or replace it",
                body=NewArticle,
                responses={201: ArticleView},
                max_body=MAX_BODY,
            ),
            Route(
                method="GET",
                path=f"{every}/search",
                dear=True,
                handler=self.search,
                action=Action.KNOWLEDGE_READ,
                summary="Find what answers a question",
                query=KnowledgeSearch,
                responses={200: FoundView},
            ),
            Route(
                method="GET",
                path=f"{every}/files",
                handler=self.list_files,
                action=Action.KNOWLEDGE_READ,
                summary="List the files that were read, with what was left out of them",
                query=KnowledgeList,
                responses={200: FileListView},
            ),
            Route(
                method="GET",
                path=f"{every}/check",
                dear=True,
                handler=self.check,
                action=Action.KNOWLEDGE_READ,
                summary="Compare the index with the articles",
                responses={200: CheckView},
            ),
            Route(
                method="GET",
                path=one,
                handler=self.show,
                action=Action.KNOWLEDGE_READ,
                summary="Read an article",
                responses={200: ArticleView},
            ),
            Route(
                method="DELETE",
                path=one,
                handler=self.remove,
                action=Action.KNOWLEDGE_CHANGE,
                summary="Remove an article",
                responses={204: None},
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

    async def list_files(self, request: web.Request) -> web.StreamResponse:
        """GET /api/knowledge/files."""
        query = query_of(request, KnowledgeList)
        current_user(request).require(Action.KNOWLEDGE_READ)
        kept = await self._knowledge.readings.all()
        begun = 0
        if query.cursor:
            [after] = read_cursor(query.cursor, str)
            begun = next((i for i, one in enumerate(kept, 1) if one.file == after), 0)
        page = kept[begun : begun + query.limit]
        more = len(kept) > begun + len(page)
        return json_answer(
            FileListView(
                items=[file_view(one) for one in page],
                next=write_cursor(page[-1].file) if more else None,
            )
        )

    async def check(self, request: web.Request) -> web.StreamResponse:
        """GET /api/knowledge/check."""
        current_user(request).require(Action.KNOWLEDGE_READ)
        try:
            found = await self._knowledge.check()
        except VectorsUnavailable as error:
            raise _down(error) from error
        return json_answer(
            CheckView(
                articles=found.articles,
                points=found.points,
                missing=list(found.missing),
                outdated=list(found.outdated),
                orphaned=list(found.orphaned),
                waiting=list(found.waiting),
            )
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
            FoundView(
                items=hits_of(found),
                confidence=self._confidence.score(found.signals),
                demonstration=found.demonstration,
            )
        )


def file_view(kept: KeptReading) -> FileView:
    """The file as it is listed."""
    return FileView(
        file=kept.file,
        characters=kept.read.characters,
        kept=kept.read.kept,
        left_out=[
            WithheldView(why=why, characters=n) for why, n in sorted(kept.read.dropped.items())
        ],
        warnings=list(kept.read.warnings),
        read_at=iso(kept.at),
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
        withheld=article.withheld,
        valid_from=iso(article.valid_from) if article.valid_from else None,
        valid_until=iso(article.valid_until) if article.valid_until else None,
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
