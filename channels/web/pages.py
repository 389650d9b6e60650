"""The chat page at /, and the script that puts the same chat on other sites."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core.web.assets import Assets
from core.web.routing import Access, Route
from core.wording import DEFAULT, Words

_HERE = Path(__file__).parent
STATIC = _HERE / "static"  #: the page's own files, "chat/…" among the assets
_NAMES = {"en": "English", "ko": "한국어"}
_WIDGET_CACHE = "public, max-age=600"  #: sites keep it for ten minutes, then they get the new one


class ChatPages:
    """Draws the page once for each language and place.

    `assets` must have `STATIC` under the name "chat", and the shell's own files under "core".
    """

    def __init__(self, words: Words, *, assets: Assets) -> None:
        self._words = words
        self._assets = assets
        self._widget = (_HERE / "widget.js").read_bytes()
        self._modules = [f"chat/{file.name}" for file in sorted(STATIC.glob("*.js"))]
        environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template("page.html")
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
        del request
        return web.Response(
            body=self._widget,
            content_type="text/javascript",
            charset="utf-8",
            headers={
                "Cache-Control": _WIDGET_CACHE,
                # Sites that isolate themselves (COEP) take only scripts that say this.
                "Cross-Origin-Resource-Policy": "cross-origin",
            },
        )

    def _draw(self, locale: str, *, embedded: bool) -> bytes:
        texts = self._texts[locale]
        return self._template.render(
            locale=locale,
            embed=embedded,
            languages=self._languages,
            texts=self._texts,
            say=lambda name: texts[name],
            asset=self._assets.url,
            modules=self._modules,
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
