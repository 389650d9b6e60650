"""The console page of one article: as customers see it, edited, with its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal
from urllib.parse import quote

from aiohttp import web
from pydantic import Field

from core.accounts.roles import Action
from core.errors import NotFound
from core.rag.domain.model import Article
from core.rag.knowledge.history import History
from core.rag.knowledge_base.service import Knowledge
from core.rendering.html import to_html
from core.rendering.markdown import from_markdown
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

PATH = "/console/knowledge/article"
RESTORE = "/console/knowledge/restoration"
MOST_QUESTIONS = 200


class ArticleQuery(Fields):
    """The id of the article whose page is asked for."""

    id: str = Field(min_length=1, max_length=300)


class EditForm(Fields):
    """An article in other words; `digest` is of what was read before."""

    id: str = Field(min_length=1, max_length=300)
    digest: str = Field(min_length=1, max_length=100)
    act: Literal["save", "preview"] = "save"
    title: str = Field(min_length=1, max_length=500)
    text: str = Field(min_length=1)
    topic: str = Field(default="", max_length=100)
    url: str = Field(default="", max_length=2000, pattern=r"^(https?://.*)?$")
    questions: str = ""


class RestoreForm(Fields):
    """A version to come back to."""

    id: str = Field(min_length=1, max_length=300)
    digest: str = Field(min_length=1, max_length=100)


class ArticlePages:
    """Draws the page and takes its forms."""

    def __init__(self, knowledge: Knowledge, *, history: History, pages: Pages) -> None:
        self._knowledge = knowledge
        self._history = history
        self._pages = pages

    def routes(self) -> Sequence[Route]:
        """The page, and where it is saved and brought back."""
        read, change = Action.KNOWLEDGE_READ, Action.KNOWLEDGE_CHANGE
        return (
            page_route(PATH, self.show, "An article", action=read, query=ArticleQuery),
            form_route(PATH, self.edit, "Edit an article", action=change, body=EditForm),
            form_route(
                RESTORE, self.restore, "Bring a version back", action=change, body=RestoreForm
            ),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        """GET /console/knowledge/article."""
        current_user(request).require(Action.KNOWLEDGE_READ)
        return await self._drawn(request, query_of(request, ArticleQuery).id)

    async def edit(self, request: web.Request) -> web.StreamResponse:
        """POST /console/knowledge/article."""
        user, form = current_user(request), body_of(request, EditForm)
        user.require(Action.KNOWLEDGE_CHANGE)
        stored = await self._knowledge.get(form.id)
        edited = replace(
            stored.article,
            title=form.title.strip(),
            text=form.text.replace("\r\n", "\n").strip(),
            topic=form.topic.strip(),
            url=form.url,
            questions=tuple(
                dict.fromkeys(q for line in form.questions.splitlines() if (q := line.strip()))
            )[:MOST_QUESTIONS],
        )
        if form.act == "preview":
            return await self._drawn(request, form.id, draft=edited, digest=form.digest)
        await self._knowledge.edit(edited, digest=form.digest, by=user.email)
        return _to(form.id)

    async def restore(self, request: web.Request) -> web.StreamResponse:
        """POST /console/knowledge/restoration."""
        user, form = current_user(request), body_of(request, RestoreForm)
        user.require(Action.KNOWLEDGE_CHANGE)
        await self._knowledge.restore(form.id, form.digest, by=user.email)
        return _to(form.id)

    async def _drawn(
        self,
        request: web.Request,
        article_id: str,
        *,
        draft: Article | None = None,
        digest: str = "",
    ) -> web.StreamResponse:
        try:
            stored = await self._knowledge.get(article_id)
        except NotFound:
            stored = None
        history = await self._history.of(article_id)
        if stored is None and not history:
            raise NotFound(f"There is no article {article_id}.")
        article = draft or (stored.article if stored else None)
        return self._pages.render(
            request,
            "knowledge/article.html",
            {
                "id": article_id,
                "article": article,
                "stored": stored,
                "digest": digest or (stored.digest if stored else ""),
                "is_draft": draft is not None,
                "seen": to_html(from_markdown(article.text)) if article else "",
                "history": history,
                "versions": await self._history.versions(article_id),
                "may_change": current_user(request).may(Action.KNOWLEDGE_CHANGE),
            },
        )


def _to(article_id: str) -> web.Response:
    place = f"{PATH}?id={quote(article_id, safe='')}"
    return web.Response(status=303, headers={"Location": place})
