"""The console page `/console/knowledge`: list, search, add and remove articles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import web
from pydantic import Field

from core.accounts.roles import Action
from core.nlu.language_detection import language_of
from core.rag.confidence.recalibration import Scorer
from core.rag.console.overview import ListQuery, listed
from core.rag.domain.model import Article
from core.rag.domain.reading_outcome import article_id
from core.rag.groundedness.disagreements import Disagreements
from core.rag.knowledge.history import History
from core.rag.knowledge.store import StoredArticle
from core.rag.knowledge_base.service import Knowledge
from core.rag.reading.readers import READERS
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

TEMPLATES = Path(__file__).parent / "templates"  #: registered with Pages as "knowledge"
PATH = "/console/knowledge"
PAGE = 100
SHORT = 5  #: pairs of sources that disagree; the rest stand on their own page


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

    def __init__(
        self,
        knowledge: Knowledge,
        *,
        disagreements: Disagreements,
        confidence: Scorer,
        history: History,
        pages: Pages,
    ) -> None:
        self._knowledge = knowledge
        self._history = history
        self._disagreements = disagreements
        self._confidence = confidence
        self._pages = pages

    def routes(self) -> Sequence[Route]:
        """The page and its two forms."""
        return (
            page_route(
                PATH, self.show, "Knowledge", action=Action.KNOWLEDGE_READ, query=ListQuery
            ).in_menu("console.nav.knowledge", 60),
            form_route(
                PATH, self.add, "Add an article", action=Action.KNOWLEDGE_CHANGE, body=ArticleForm
            ),
            form_route(
                PATH + "/removal",
                self.remove,
                "Remove an article",
                action=Action.KNOWLEDGE_CHANGE,
                body=RemovalForm,
            ),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        """GET /console/knowledge."""
        current_user(request).require(Action.KNOWLEDGE_READ)
        query = query_of(request, ListQuery)
        stored: Sequence[StoredArticle] = await self._knowledge.list()
        wanted = listed(stored, query)
        found, confidence = None, 0.0
        if query.q.strip():
            found = await self._knowledge.search(query.q.strip())
            confidence = self._confidence.score(found.signals)
        return self._pages.render(
            request,
            "knowledge/knowledge.html",
            {
                "articles": wanted[query.skip : query.skip + PAGE],
                "total": len(stored),
                "wanted": len(wanted),
                "query": query,
                "next": self._link(query, query.skip + PAGE)
                if query.skip + PAGE < len(wanted)
                else "",
                "topics": sorted({one.article.topic for one in stored if one.article.topic}),
                "locales": sorted({one.article.locale for one in stored}),
                "removed": (await self._history.removed())[:SHORT],
                "kinds": ",".join(sorted(READERS)),
                "q": query.q,
                "found": found,
                "confidence": confidence,
                "files": [
                    one
                    for one in await self._knowledge.readings.all()
                    if one.read.warnings or one.read.dropped
                ][:PAGE],
                "disagreements": await self._disagreements.current(limit=SHORT),
                "searchable": True,
                "demonstrates": await self._knowledge.demonstrates(),
            },
        )

    def _link(self, query: ListQuery, skip: int) -> str:
        """The same list from another place on."""
        told = query.model_dump(exclude_defaults=True, exclude={"q"}) | {"skip": skip}
        return urlencode(told)

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
