"""Server-rendered pages: templates of all slices on one shell, in the reader's language."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from core.accounts.rules import Action, User
from core.inbox import choose_locale
from core.web.answers import dumps, iso
from core.web.assets import Assets
from core.web.problems import Problem
from core.web.routing import CALL
from core.web.settings import WebSettings
from core.wording import Words

HERE = Path(__file__).parent
STATIC = HERE / "static"  #: the shell's own files, "core/…" among the assets
LOCALE_COOKIE = "locale"
THEME_COOKIE = "theme"
THEMES = ("auto", "light", "dark")


@dataclass(frozen=True, slots=True, kw_only=True)
class NavItem:
    """An entry of the console's menu; shown to those who have the right, if the page exists."""

    path: str
    words: str
    action: Action


NAV = (
    NavItem(path="/console/approvals", words="console.nav.approvals", action=Action.QUEUE_READ),
    NavItem(
        path="/console/conversations",
        words="console.nav.conversations",
        action=Action.CONVERSATION_READ,
    ),
    NavItem(path="/console/deliveries", words="deliveries.title", action=Action.CONVERSATION_READ),
    NavItem(path="/console/dashboard", words="console.nav.dashboard", action=Action.DASHBOARD_READ),
    NavItem(path="/console/reports", words="console.nav.reports", action=Action.REPORT_READ),
    NavItem(path="/console/autonomy", words="trust.nav", action=Action.AUTONOMY_CHANGE),
    NavItem(path="/console/learning", words="trust.nav_learning", action=Action.LEARNING_CONFIRM),
    NavItem(path="/console/users", words="console.nav.users", action=Action.USERS_READ),
    NavItem(path="/console/knowledge", words="console.nav.knowledge", action=Action.KNOWLEDGE_READ),
    NavItem(path="/console/plugins", words="console.nav.plugins", action=Action.PLUGINS_READ),
    NavItem(path="/console/privacy", words="console.nav.privacy", action=Action.PERSON_ERASE),
    NavItem(path="/console/audit", words="console.nav.audit", action=Action.AUDIT_READ),
)


class Pages:
    """Renders templates; a slice's template "queue.html" is "approvals/queue.html".

    Templates see `user`, `csrf`, `locale`, `theme`, `nav`, `path`, and the functions
    `t(name, **values)` (words), `asset(name)`, `iso(time)` and `json(value)`.
    """

    def __init__(
        self,
        settings: WebSettings,
        *,
        words: Words,
        assets: Assets,
        templates: Mapping[str, Path] | None = None,
    ) -> None:
        self.assets = assets
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
            iso=iso,
            json=lambda value: dumps(value).decode(),
            languages=words.languages,
            idle_seconds=int(settings.session_idle_seconds),
        )
        self._paths: Collection[str] = frozenset(item.path for item in NAV)

    def know_paths(self, paths: Collection[str]) -> None:
        """Only these pages appear in the menu."""
        self._paths = frozenset(paths)

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
            "locale": locale,
            "theme": _theme(request),
            "path": request.path,
            "nav": self._nav(user) if user else (),
            "t": functools.partial(self._words_of, locale),
        }
        html = self._environment.get_template(template).render(context)
        return web.Response(text=html, status=status, content_type="text/html", charset="utf-8")

    def locale(self, request: web.Request) -> str:
        """The reader's choice, else what his browser prefers."""
        chosen = request.cookies.get(LOCALE_COOKIE, "")
        if chosen in self._words.languages:
            return chosen
        for preferred in request.headers.get("Accept-Language", "").split(","):
            tag = preferred.partition(";")[0].strip()
            if tag:
                locale = choose_locale(tag, default="")
                if locale:
                    return locale
        return "en"

    def section(self, prefix: str, request: web.Request) -> dict[str, str]:
        """All texts below a prefix in the reader's language, by the rest of their names."""
        return self._words.section(prefix, self.locale(request))

    def error(self, request: web.Request, problem: Problem) -> web.StreamResponse:
        """The problem for a person to read."""
        response = self.render(request, "error.html", problem.document(), status=problem.status)
        response.headers.update(problem.headers)
        return response

    def _nav(self, user: User) -> tuple[NavItem, ...]:
        return tuple(i for i in NAV if i.path in self._paths and user.may(i.action))

    def _words_of(self, locale: str, name: str, /, **values: object) -> str:
        return self._words.text(name, locale, **values)


def _theme(request: web.Request) -> str:
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else "auto"
