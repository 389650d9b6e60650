"""The chat page at /, and the widget script for other sites."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, Field

from config.languages import DEFAULT, LANGUAGES
from core.company.model import THEMES, Company, is_legible
from core.errors import StoreUnavailable
from core.i18n import Words
from core.web.http.assets import Assets
from core.web.http.responses import dumps, json_answer
from core.web.http.routing import Access, Route

_HERE = Path(__file__).parent
STATIC = _HERE / "static"  #: the page's own files, "chat/…" among the assets
_COLOURS = """:root {
  --accent: light-dark(COLOUR, color-mix(in oklab, COLOUR 45%, white));
  --accent-strong: light-dark(color-mix(in oklab, COLOUR 80%, black), color-mix(in oklab, COLOUR 30%, white));
  --accent-soft: light-dark(color-mix(in oklab, COLOUR 12%, white), color-mix(in oklab, COLOUR 35%, black));
}
"""  # noqa: E501
_NO_TEXTS = "const TEXTS = {};"  #: where the widget takes its texts from
_NO_COMPANY = "const COMPANY = {};"  #: and what the company has set
_WIDGET_CACHE = "public, max-age=600"  #: sites keep it for ten minutes, then they get the new one


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """The key of a cached page: its language, place, state and theme."""

    locale: str
    embedded: bool
    demonstration: bool
    is_open: bool
    theme: str  #: as its site wants it


class ChatView(BaseModel):
    """The state of the whole chat that the page shows."""

    demonstration: bool = Field(
        description="The company has added no knowledge yet: the product's guide answers."
    )
    open: bool = Field(description="Messages are taken in; false while the chat is switched off.")


class ChatPages:
    """Draws the page once for each language and place.

    `assets` must have `STATIC` under the name "chat", and the shell's own files under "core".
    `demonstrates` says whether customers are answered from the product's guide.
    """

    def __init__(
        self,
        words: Words,
        *,
        assets: Assets,
        demonstrates: Callable[[], Awaitable[bool]],
        is_on: Callable[[], bool],
        max_mb: int = 25,
        company: Callable[[], Company] = Company,
    ) -> None:
        self._max_mb = max_mb
        self._company = company
        self._words = words
        self._demonstrates = demonstrates
        self._is_on = is_on
        self._assets = assets
        ours = (f"chat/{file.name}" for file in sorted(STATIC.glob("*.js")))
        self._modules = [*ours, "core/http.js", "core/say.js", "core/stream.js"]
        environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template("page.html")
        self._shown: Company | None = None
        self._texts: Mapping[str, Mapping[str, str]] = {}
        self._pages: dict[Which, bytes] = {}
        self._widget = b""
        self._renew()

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
                path="/api/chat",
                handler=self.about,
                access=Access.PUBLIC,
                summary="What the chat page says of the whole chat",
                responses={200: ChatView},
            ),
            Route(
                method="GET",
                path="/chat-colours.css",
                handler=self.colours,
                access=Access.PUBLIC,
                summary="The company's colour",
                media_type="text/css",
                responses={200: None},
                hidden=True,
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
        """GET /; `?lang=` beats the browser's languages, `?embed=1` is the widget's frame.

        `?theme=` and `?colour=2456c6` are what its site wants, before what the company has set.
        """
        wanted = request.query.get("lang", "")
        locale = choose_language(
            f"{wanted},{request.headers.get('Accept-Language', '')}", tuple(LANGUAGES)
        )
        demonstration = await self._is_demonstration()
        self._renew()
        theme = request.query.get("theme", "")
        which = Which(
            locale=locale,
            embedded=request.query.get("embed") == "1",
            demonstration=demonstration,
            is_open=self._is_on(),
            theme=theme if theme in THEMES else "",
        )
        colour = f"#{request.query.get('colour', '')}"
        if is_legible(colour):
            # Of colours there are millions: such a page is drawn each time and not kept.
            body: bytes | None = self._draw(which, colour)
        elif (body := self._pages.get(which)) is None:
            body = self._pages[which] = self._draw(which, self._company().colour)
        return web.Response(
            body=body,
            content_type="text/html",
            charset="utf-8",
            headers={"Vary": "Accept-Language", "Content-Language": locale},
        )

    async def about(self, request: web.Request) -> web.StreamResponse:
        """GET /api/chat."""
        del request
        return json_answer(
            ChatView(demonstration=await self._is_demonstration(), open=self._is_on())
        )

    async def _is_demonstration(self) -> bool:
        try:
            return await self._demonstrates()
        except StoreUnavailable:
            # The page is there all the same: what is written waits, and nothing answers it yet.
            return False

    async def widget(self, request: web.Request) -> web.StreamResponse:
        """GET /widget.js."""
        del request
        self._renew()
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

    async def colours(self, request: web.Request) -> web.StreamResponse:
        """GET /chat-colours.css: the colour after the "?", else the company's; light and dark."""
        named = f"#{request.query_string}"
        colour = named if is_legible(named) else self._company().colour
        css = _COLOURS.replace("COLOUR", colour) if colour else ""
        return web.Response(body=css.encode(), content_type="text/css", charset="utf-8")

    def _renew(self) -> None:
        """Say and show what the company has set now."""
        company = self._company()
        if company is self._shown:
            return
        self._shown = company
        self._texts = {code: _own_texts(self._words, company, code) for code in LANGUAGES}
        self._pages.clear()
        self._widget = _widget(self._words, company)

    def _draw(self, which: Which, colour: str) -> bytes:
        texts, company = self._texts[which.locale], self._company()
        return self._template.render(
            locale=which.locale,
            embed=which.embedded,
            demonstration=which.demonstration,
            is_open=which.is_open,
            theme=which.theme or company.theme,
            ask_name=company.ask_name,
            ask_email=company.ask_email,
            languages=LANGUAGES.values(),
            texts=self._texts,
            say=lambda name: texts[name],
            max_mb=self._max_mb,
            asset=self._assets.url,
            modules=self._modules,
            colour=colour,
            logo=company.logo,
            starters=_starters(self._words, company),
        ).encode()


def _own_texts(words: Words, company: Company, code: str) -> Mapping[str, str]:
    """The chat's texts in a language, with what the company says itself."""
    named = {"brand": company.name, "title": company.name}
    own = {**named, "welcome.heading": company.greeting.get(code, "")}
    if company.demonstration:
        own["demonstration"] = words.text("channels.shop.demonstration", code)
    return {**words.section("chat", code), **{name: text for name, text in own.items() if text}}


def _starters(words: Words, company: Company) -> Mapping[str, Sequence[str]]:
    """Questions to begin with, by language: the company's, or the demonstration shop's."""
    own = {code: list(lines) for code, lines in company.questions.items()}
    if own or not company.demonstration:
        return own
    return {code: words.text("channels.shop.questions", code).splitlines() for code in LANGUAGES}


def _widget(words: Words, company: Company) -> bytes:
    """The widget's script with what it says in every language, the default first."""
    script = (_HERE / "widget.js").read_text(encoding="utf-8")
    texts = {code: words.section("channels.widget", code) for code in LANGUAGES}
    shows = {
        "colour": company.colour,
        "theme": company.theme,
        "position": company.position,
        "launcher": dict(company.launcher),
    }
    assert script.count(_NO_TEXTS) == script.count(_NO_COMPANY) == 1
    script = script.replace(_NO_COMPANY, f"const COMPANY = {dumps(shows).decode()};")
    return script.replace(_NO_TEXTS, f"const TEXTS = {dumps(texts).decode()};").encode()


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
