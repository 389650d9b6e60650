"""The console page `/console/knowledge`: what is known, what a question would find, and changes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aiohttp import web
from pydantic import Field

from core.accounts.rules import Action
from core.rag.articles import StoredArticle
from core.rag.chunks import language_of
from core.rag.documents import article_id
from core.rag.knowledge import Knowledge
from core.rag.passages import Article
from core.rag.tempering import Scorer
from core.web.pages import Pages
from core.web.routing import Access, Fields, Route, body_of, current_user, query_of

TEMPLATES = Path(__file__).parent / "templates"  #: registered with Pages as "knowledge"
PATH = "/console/knowledge"
PAGE = 100


class KnowledgeQuery(Fields):
    """What to look for."""

    q: str = Field(default="", max_length=2000)
    after: str = Field(default="", max_length=300)


class ArticleForm(Fields):
    """An article written by hand."""

    title: str = Field(min_length=1, max_length=500)
    text: str = Field(min_length=1)
    topic: str = Field(default="", max_length=100)


class RemovalForm(Fields):
    """An article to forget."""

    id: str = Field(min_length=1, max_length=300)


class KnowledgePages:
    """Draws the page and takes its forms; files come by `bot.py kb add` and the API."""

    def __init__(self, knowledge: Knowledge, *, confidence: Scorer, pages: Pages) -> None:
        self._knowledge = knowledge
        self._confidence = confidence
        self._pages = pages

    def routes(self) -> Sequence[Route]:
        """The page and its two forms."""
        return (
            Route(
                method="GET",
                path=PATH,
                handler=self.show,
                access=Access.ADMIN,
                action=Action.KNOWLEDGE_READ,
                summary="Knowledge",
                query=KnowledgeQuery,
                page=True,
            ),
            Route(
                method="POST",
                path=PATH,
                handler=self.add,
                access=Access.ADMIN,
                action=Action.KNOWLEDGE_CHANGE,
                summary="Add an article",
                body=ArticleForm,
                form=True,
                page=True,
            ),
            Route(
                method="POST",
                path=PATH + "/removal",
                handler=self.remove,
                access=Access.ADMIN,
                action=Action.KNOWLEDGE_CHANGE,
                summary="Remove an article",
                body=RemovalForm,
                form=True,
                page=True,
            ),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        """GET /console/knowledge."""
        current_user(request).require(Action.KNOWLEDGE_READ)
        query = query_of(request, KnowledgeQuery)
        stored: Sequence[StoredArticle] = await self._knowledge.list()
        rest = [s for s in stored if s.article.id > query.after]
        found, confidence = None, 0.0
        if query.q.strip():
            found = await self._knowledge.search(query.q.strip())
            confidence = self._confidence.score(found.signals)
        return self._pages.render(
            request,
            "knowledge/knowledge.html",
            {
                "articles": rest[:PAGE],
                "total": len(stored),
                "next": rest[PAGE - 1].article.id if len(rest) > PAGE else "",
                "q": query.q,
                "found": found,
                "confidence": confidence,
            },
        )

    async def add(self, request: web.Request) -> web.StreamResponse:
        """POST /console/knowledge."""
        current_user(request).require(Action.KNOWLEDGE_CHANGE)
        form = body_of(request, ArticleForm)
        title, text = form.title.strip(), form.text.strip()
        article = Article(
            id=article_id(title, title),
            title=title,
            text=text,
            topic=form.topic.strip(),
            locale=language_of(f"{title} {text}"),
            source="console",
        )
        await self._knowledge.add_article(article, by=current_user(request).email)
        return web.Response(status=303, headers={"Location": PATH})

    async def remove(self, request: web.Request) -> web.StreamResponse:
        """POST /console/knowledge/removal."""
        current_user(request).require(Action.KNOWLEDGE_CHANGE)
        wanted = body_of(request, RemovalForm).id
        await self._knowledge.remove(wanted, by=current_user(request).email)
        return web.Response(status=303, headers={"Location": PATH})
