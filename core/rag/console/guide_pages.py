"""Help for staff, answered from the product's guide: `/console/help` and `/guide`."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from pydantic import Field

from core.accounts.roles import Action
from core.rag.answering.guide import Guide
from core.rag.domain.errors import VectorsUnavailable
from core.rag.domain.model import Passage
from core.rendering.html import to_html
from core.rendering.markdown import from_markdown
from core.web.http.problems import Problem
from core.web.http.routing import Fields, Route, page_route, query_of
from core.web.pages import Pages

HELP = "/console/help"
SHOWN = 3  #: sections of the guide for one question


class HelpQuery(Fields):
    """A question about the product."""

    q: str = Field(default="", max_length=1000)


class HelpPages:
    """Asks the guide for staff; customers get no answer from it (see `responder.py`)."""

    def __init__(self, guide: Guide, *, pages: Pages) -> None:
        self._guide = guide
        self._pages = pages

    def routes(self) -> Sequence[Route]:
        """The page in the console, and by its short address."""
        page, short = (
            page_route(
                path,
                self.show,
                "Help from the product's guide",
                action=Action.ACCOUNT_OWN,
                query=HelpQuery,
            )
            for path in (HELP, "/guide")
        )
        return page.in_menu("console.nav.help", 150), short

    async def show(self, request: web.Request) -> web.StreamResponse:
        """GET /console/help, GET /guide."""
        asked, locale = query_of(request, HelpQuery).q.strip(), self._pages.locale(request)
        passages: Sequence[Passage] = ()
        if asked:
            try:
                found = await self._guide.search(asked, locale=locale, limit=SHOWN)
            except VectorsUnavailable as error:
                raise Problem(503, error.detail, headers={"Retry-After": "2"}) from error
            passages = [hit.passage for hit in found.hits if hit.passage.text]
        return self._pages.render(
            request,
            "knowledge/help.html",
            {
                "q": asked,
                "sections": [(p, to_html(from_markdown(p.text))) for p in passages],
                "contents": await self._guide.contents(locale),
            },
        )
