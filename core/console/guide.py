"""The product's guide as public pages, the targets of its citations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web
from markdown_it import MarkdownIt
from markupsafe import Markup

from core.rag.domain.chunks import without_comments
from core.web.http.problems import Problem
from core.web.http.routing import Access, Route
from core.web.pages import Pages

_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
_NAME = re.compile(r"[a-z0-9-]{1,40}")


class GuideRoutes:
    """`/guide/{lang}/{page}` from the Markdown files of the guide."""

    def __init__(self, folder: Path, *, pages: Pages) -> None:
        self._folder = folder
        self._pages = pages
        self._markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    def routes(self) -> Sequence[Route]:
        """One public page for each file."""
        return (
            Route(
                method="GET",
                path="/guide/{lang}/{page}",
                handler=self.read,
                access=Access.PUBLIC,
                summary="A page of the user guide",
                responses={200: None},
                page=True,
            ),
        )

    async def read(self, request: web.Request) -> web.StreamResponse:
        """GET /guide/{lang}/{page}."""
        lang, page = request.match_info["lang"], request.match_info["page"]
        # Only plain names get as far as the file system.
        if not _NAME.fullmatch(lang) or not _NAME.fullmatch(page):
            raise Problem(404, "The guide has no such page.")
        file = self._folder / lang / f"{page}.md"
        if not file.is_file():
            raise Problem(404, "The guide has no such page.")
        text = without_comments(_FRONT.sub("", file.read_text(encoding="utf-8")))
        title = _TITLE.search(text)
        others = [
            (f"/guide/{lang}/{other.stem}", _title_of(other))
            for other in sorted(file.parent.glob("*.md"))
        ]
        return self._pages.render(
            request,
            "guide.html",
            {
                "title": title[1] if title else page,
                # Safe: the files are ours, and HTML in them would be shown as text.
                "body": Markup(self._markdown.render(text)),  # noqa: S704
                "lang": lang,
                "others": others,
            },
        )


def _title_of(file: Path) -> str:
    title = _TITLE.search(file.read_text(encoding="utf-8"))
    return title[1] if title else file.stem
