"""The console page `/console/knowledge/disagreements`: sources that contradict each other."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from core.accounts.roles import Action
from core.rag.groundedness.disagreements import Disagreements
from core.web.http.routing import Route, current_user, page_route
from core.web.pages import Pages

PATH = "/console/knowledge/disagreements"


class DisagreementPages:
    """Draws the page, for supervisors."""

    def __init__(self, disagreements: Disagreements, *, pages: Pages) -> None:
        self._disagreements = disagreements
        self._pages = pages

    def routes(self) -> Sequence[Route]:
        """The page."""
        return (
            page_route(
                PATH, self.show, "Sources that disagree", action=Action.LEARNING_CONFIRM
            ).in_menu("knowledge.disagree_nav", 80),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        """GET /console/knowledge/disagreements."""
        user = current_user(request)
        user.require(Action.LEARNING_CONFIRM)
        return self._pages.render(
            request,
            "knowledge/disagreements.html",
            {
                "disagreements": await self._disagreements.current(),
                "searchable": user.may(Action.KNOWLEDGE_READ),
            },
        )
