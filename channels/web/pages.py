"""The chat page at /, and the script that puts the same chat on other sites."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from channels.web.files import VersionedFiles
from core.web.routing import Access, Route
from core.wording import DEFAULT, Words

_HERE = Path(__file__).parent
_NAMES = {"en": "English", "ko": "한국어"}
_WIDGET_CACHE = "public, max-age=600"  #: sites keep it for ten minutes, then they get the new one


class ChatPages:
    """Draws the page once for each language and place, and hands out its files."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._files = VersionedFiles(_HERE / "static" / "chat", mount="/assets/chat")
        self._widget = VersionedFiles(_HERE / "static" / "widget", mount="/assets/widget")
        environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template("chat/page.html")
        self._languages = [(code, _NAMES.get(code, code)) for code in words.languages]
        self._texts = {code: words.section("chat", code) for code in words.languages}
        self._pages = {
            (code, embedded): self._draw(code, embedded=embedded)
            for code in words.languages
            for embedded in (False, True)
        }

    def routes(self) -> Sequence[Route]:
        """What the web frame serves of us."""
        return (
            Route(
                method="GET",
                path="/",
                handler=self.page,
                access=Access.PUBLIC,
                summary="The chat page",
                page=True,
                framed=True,
                responses={200: None},
            ),
            Route(
                method="GET",
                path="/widget.js",
                handler=self.widget,
                access=Access.PUBLIC,
                summary="The chat for any site, by one script tag",
                media_type="text/javascript",
                responses={200: None},
                hidden=True,
            ),
            Route(
                method="GET",
                path=self._files.path,
                handler=self._files.serve,
                access=Access.PUBLIC,
                summary="Scripts and styles of the chat page",
                responses={200: None},
                hidden=True,
            ),
        )

    async def page(self, request: web.Request) -> web.StreamResponse:
        """GET /; `?lang=` beats the browser's languages, `?embed=1` is the widget's frame."""
        wanted = request.query.get("lang", "")
        locale = choose_language(
            f"{wanted},{request.headers.get('Accept-Language', '')}", self._words.languages
        )
        body = self._pages[locale, request.query.get("embed") == "1"]
        return web.Response(
            body=body,
            content_type="text/html",
            charset="utf-8",
            headers={"Vary": "Accept-Language", "Content-Language": locale},
        )

    async def widget(self, request: web.Request) -> web.StreamResponse:
        """GET /widget.js."""
        response = await self._widget.serve_named(request, "widget.js", cache=_WIDGET_CACHE)
        # Sites that isolate themselves (COEP) take only scripts that say this.
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    def _draw(self, locale: str, *, embedded: bool) -> bytes:
        texts = self._texts[locale]
        return self._template.render(
            locale=locale,
            embed=embedded,
            languages=self._languages,
            texts=self._texts,
            say=lambda name: texts[name],
            asset=self._files.url,
            modules=self._files.names(".js"),
        ).encode()


def choose_language(accepted: str, offered: Sequence[str]) -> str:
    """The offered language that an Accept-Language header likes best."""
    ranked: list[tuple[float, int, str]] = []
    for place, part in enumerate(accepted[:500].split(",")):
        tag, _, parameters = part.strip().partition(";")
        quality = parameters.strip().removeprefix("q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        ranked.append((-weight, place, tag.split("-")[0].lower()))
    for weight, _, language in sorted(ranked):
        if weight < 0 and language in offered:
            return language
    return DEFAULT
