"""The console's pages of trust: what goes out alone, what was learned, questions that are alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from aiohttp import web
from pydantic import Field

from approvals.trust.autonomy import Autonomy, Standing
from approvals.trust.curves import reliability_picture, risk_picture
from approvals.trust.learning import Learning
from approvals.trust.topics import Level
from core.accounts.rules import Action
from core.errors import BadInput
from core.web.pages import Pages
from core.web.routing import Access, Fields, Handler, Route, body_of, current_user
from core.wording import Words

TEMPLATES = Path(__file__).parent / "templates"  #: registered with Pages as "trust"
AUTONOMY = "/console/autonomy"
LEARNING = "/console/learning"


class TopicForm(Fields):
    """What a supervisor does about a topic."""

    topic: str = Field(default="", max_length=200)
    act: Literal["accept", "decline", "review", "restore"]


class VerdictForm(Fields):
    """What a supervisor says of an answer that went out alone."""

    id: str = Field(min_length=1, max_length=300)
    verdict: Literal["right", "wrong"]


class CandidateForm(Fields):
    """What a supervisor says of a candidate, perhaps in better words."""

    id: str = Field(min_length=1, max_length=300)
    act: Literal["accept", "decline", "forget"]
    question: str = Field(default="", max_length=500)
    text: str = ""


class TrustPages:
    """The handlers behind `/console/autonomy` and `/console/learning`."""

    def __init__(
        self, *, autonomy: Autonomy, learning: Learning, pages: Pages, words: Words
    ) -> None:
        self._autonomy = autonomy
        self._learning = learning
        self._pages = pages
        self._words = words

    def routes(self) -> Sequence[Route]:
        """Two pages and their forms."""
        change, confirm = Action.AUTONOMY_CHANGE, Action.LEARNING_CONFIRM
        return (
            _page(AUTONOMY, self.autonomy, change, "What goes out alone"),
            _form(AUTONOMY, self.change_topic, change, "Change a topic", TopicForm),
            _form(AUTONOMY + "/verdict", self.judge, change, "Judge an answer", VerdictForm),
            _page(LEARNING, self.learning, confirm, "What was learned"),
            _form(LEARNING, self.change_lesson, confirm, "Decide a candidate", CandidateForm),
        )

    async def autonomy(self, request: web.Request) -> web.StreamResponse:
        """GET /console/autonomy."""
        user, locale = current_user(request), self._pages.locale(request)
        standings = self._autonomy.standings(user)
        return self._pages.render(
            request,
            "trust/autonomy.html",
            {
                "topics": [self._shown(s, locale) for s in standings],
                "drawn": await self._autonomy.drawn(user),
                "target": self._autonomy.target,
            },
        )

    async def change_topic(self, request: web.Request) -> web.StreamResponse:
        """POST /console/autonomy."""
        user, form = current_user(request), body_of(request, TopicForm)
        match form.act:
            case "accept":
                await self._autonomy.accept(user, form.topic)
            case "decline":
                await self._autonomy.decline(user, form.topic)
            case "review":
                await self._autonomy.review_all(user, form.topic)
            case "restore":
                await self._autonomy.restore(user, form.topic)
        return _back(AUTONOMY)

    async def judge(self, request: web.Request) -> web.StreamResponse:
        """POST /console/autonomy/verdict."""
        form = body_of(request, VerdictForm)
        await self._autonomy.judge(current_user(request), form.id, right=form.verdict == "right")
        return _back(AUTONOMY + "#drawn")

    async def learning(self, request: web.Request) -> web.StreamResponse:
        """GET /console/learning."""
        user = current_user(request)
        return self._pages.render(
            request,
            "trust/learning.html",
            {
                "candidates": await self._learning.candidates(user),
                "learned": await self._learning.learned(user),
            },
        )

    async def change_lesson(self, request: web.Request) -> web.StreamResponse:
        """POST /console/learning."""
        user, form = current_user(request), body_of(request, CandidateForm)
        match form.act:
            case "accept":
                if not form.text.strip():
                    raise BadInput("An answer is needed.")
                await self._learning.accept(user, form.id, question=form.question, text=form.text)
            case "decline":
                await self._learning.decline(user, form.id)
            case "forget":
                await self._learning.forget(user, form.id)
        return _back(LEARNING)

    def _shown(self, standing: Standing, locale: str) -> dict[str, object]:
        evidence = standing.evidence
        return {
            "standing": standing,
            "level": standing.topic.level.value,
            "is_base": standing.topic.level is Level.BASE,
            "reliability": reliability_picture(
                evidence, title=self._words.text("trust.reliability", locale)
            ),
            "risk": risk_picture(
                evidence,
                title=self._words.text("trust.risk", locale),
                allowed=1.0 - self._autonomy.target,
            ),
            "recent": sorted(evidence, key=lambda e: e.at, reverse=True)[:8],
            "history": standing.topic.history[::-1][:8],
        }


def _page(path: str, handler: Handler, action: Action, summary: str) -> Route:
    return Route(
        method="GET",
        path=path,
        handler=handler,
        access=Access.SUPERVISOR,
        action=action,
        summary=summary,
        page=True,
    )


def _form(path: str, handler: Handler, action: Action, summary: str, body: type[Fields]) -> Route:
    return Route(
        method="POST",
        path=path,
        handler=handler,
        access=Access.SUPERVISOR,
        action=action,
        summary=summary,
        body=body,
        form=True,
        page=True,
    )


def _back(to: str) -> web.Response:
    # So that a reload does not do it again.
    return web.Response(status=303, headers={"Location": to})
