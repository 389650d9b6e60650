"""Server-rendered pages: templates of all slices on one shell, in the reader's language."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from config.languages import DEFAULT, LANGUAGES, STAFF
from core.accounts.roles import User
from core.i18n import Words, choose_locale
from core.web.http.assets import Assets
from core.web.http.problems import Problem
from core.web.http.responses import dumps, iso
from core.web.http.routing import CALL, MENU_GROUPS, Route
from core.web.http.settings import WebSettings
from core.web.identity.cookies import LOCALE, THEME, Cookies

HERE = Path(__file__).parent
STATIC = HERE / "static"  #: the shell's own files, "core/…" among the assets
THEMES = ("auto", "light", "dark")


@dataclass(frozen=True, slots=True, kw_only=True)
class NavItem:
    """An entry of the console's menu as its template reads it."""

    path: str
    words: str
    is_current: bool  #: the page that is shown belongs to it


@dataclass(frozen=True, slots=True, kw_only=True)
class NavGroup:
    """Entries of one kind of work."""

    name: str
    items: Sequence[NavItem]


class Pages:
    """Renders templates; a slice's template "queue.html" is "approvals/queue.html".

    Templates see `user`, `csrf`, `locale`, `theme`, `nav`, `path`, and the functions
    `t(name, **values)` (words), `asset(name)`, `at(path)`, `iso(time)` and `json(value)`.
    `root` stands before every path of ours that is written out: `href="{{ root }}/console"`.
    """

    def __init__(
        self,
        settings: WebSettings,
        *,
        words: Words,
        assets: Assets,
        templates: Mapping[str, Path] | None = None,
        warnings: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """`warnings` are names of texts that every page of staff shows at its top."""
        self._warnings = warnings
        self.assets = assets
        self.at = settings.base.at
        self._cookies = Cookies(secure=settings.is_https, base=settings.base)
        self._words = words
        slices = {name: FileSystemLoader(folder) for name, folder in (templates or {}).items()}
        self._environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(HERE / "templates"), PrefixLoader(slices)]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            asset=assets.url,
            at=self.at,
            root=settings.base.text,
            iso=iso,
            json=lambda value: dumps(value).decode(),
            languages=[(code, LANGUAGES[code].name) for code in STAFF],
            idle_seconds=int(settings.session_idle_seconds),
        )
        self._menu: Sequence[Route] = ()

    def know_routes(self, routes: Iterable[Route]) -> None:
        """Those of these that have an entry make the menu."""
        entries = [(route.menu.place, route) for route in routes if route.menu is not None]
        self._menu = [route for _, route in sorted(entries, key=lambda entry: entry[0])]

    def render(
        self,
        request: web.Request,
        template: str,
        values: Mapping[str, Any] | None = None,
        *,
        status: int = 200,
    ) -> web.Response:
        """The page as a response."""
        locale = self.locale(request)
        call = request.get(CALL)
        user = call.user if call else None
        session = call.session if call else None
        context = {
            **(values or {}),
            "user": user,
            "csrf": session.csrf if session else "",
            "session_seconds": int(session.seconds_left) if session else 0,
            "locale": locale,
            "theme": self.theme(request),
            "path": request.path,
            "nav": self._nav(user, request.path) if user else (),
            "warnings": self._warnings() if user else (),
            "t": functools.partial(self._words_of, locale),
        }
        html = self._environment.get_template(template).render(context)
        return web.Response(text=html, status=status, content_type="text/html", charset="utf-8")

    def locale(self, request: web.Request) -> str:
        """The reader's choice, else what their browser prefers, of what staff pages speak."""
        chosen = self._cookies.read(request, LOCALE)
        if chosen in STAFF:
            return chosen
        for preferred in request.headers.get("Accept-Language", "").split(","):
            tag = preferred.partition(";")[0].strip()
            if tag:
                locale = choose_locale(tag, default="", among=STAFF)
                if locale:
                    return locale
        return DEFAULT

    def section(self, prefix: str, request: web.Request) -> dict[str, str]:
        """All texts below a prefix in the reader's language, by the rest of their names."""
        return self._words.section(prefix, self.locale(request))

    def error(self, request: web.Request, problem: Problem) -> web.StreamResponse:
        """The problem for a person to read."""
        response = self.render(request, "error.html", problem.document(), status=problem.status)
        response.headers.update(problem.headers)
        return response

    def _nav(self, user: User, path: str) -> tuple[NavGroup, ...]:
        entries = [
            (route.menu, route.path)
            for route in self._menu
            if route.menu is not None and route.action is not None and user.may(route.action)
        ]
        # /console/knowledge/disagreements is a page of its own, and none of /console/knowledge.
        here = max((p for _, p in entries if _is_below(path, p)), key=len, default="")
        return tuple(
            NavGroup(
                name=name,
                items=tuple(
                    NavItem(path=p, words=menu.words, is_current=p == here) for menu, p in group
                ),
            )
            for name, group in (
                (name, [entry for entry in entries if entry[0].group == name])
                for name, _ in MENU_GROUPS
            )
            if group
        )

    def _words_of(self, locale: str, name: str, /, **values: object) -> str:
        return self._words.text(name, locale, **values)

    def theme(self, request: web.Request) -> str:
        """The reader's choice: auto, light or dark."""
        chosen = self._cookies.read(request, THEME)
        return chosen if chosen in THEMES else "auto"


def _is_below(path: str, page: str) -> bool:
    return path == page or path.startswith(f"{page}/")
