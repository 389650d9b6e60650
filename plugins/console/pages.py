"""The console page `/console/plugins`: one card a channel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from core.accounts.roles import Action
from core.i18n import Words
from core.web.http.routing import Route, current_user, page_route
from core.web.pages import Pages
from plugins.host.host import Plugin
from plugins.host.service import PluginService

TEMPLATES = Path(__file__).parent / "templates"  #: registered with Pages as "plugins"
STATIC = Path(__file__).parent / "static"  #: registered with Assets as "plugins"


class PluginPages:
    """Draws the page; its script does the rest over the API."""

    def __init__(self, service: PluginService, *, pages: Pages, words: Words) -> None:
        self._service = service
        self._pages = pages
        self._words = words

    def routes(self) -> Sequence[Route]:
        """The one page."""
        return (
            page_route(
                "/console/plugins", self.show, "Channels", action=Action.PLUGINS_READ
            ).in_menu("plugins.title", 120),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        """GET /console/plugins."""
        locale = self._pages.locale(request)
        plugins = await self._service.plugins(current_user(request))
        values = {
            "cards": [_card(plugin, locale) for plugin in plugins],
            "words": self._words.section("plugins", locale),
        }
        return self._pages.render(request, "plugins/plugins.html", values)


def _card(plugin: Plugin, locale: str) -> dict[str, object]:
    manifest = plugin.found.manifest
    described = ""
    if manifest is not None:
        described = (locale == "ko" and manifest.description_ko) or manifest.description
    return {
        "id": plugin.id,
        "name": manifest.name if manifest else plugin.id,
        "version": manifest.version if manifest else "",
        "homepage": manifest.homepage if manifest else "",
        "description": described,
        "origin": plugin.found.origin.value,
        "state": plugin.status.state.value,
        "enabled": plugin.wanted.enabled,
        "broken": bool(plugin.found.problem),
    }
