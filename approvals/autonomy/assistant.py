"""The console page that says in words what the assistant may do, and lets people change it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from aiohttp import web
from pydantic import AwareDatetime, Field

from approvals.autonomy.autonomy import EVERYTHING, Autonomy
from approvals.autonomy.explained import Explained, Freedom, explained, why_words
from approvals.autonomy.promotion import NOT_NOW
from approvals.autonomy.topics import Change, Level
from approvals.learning.learning import Learning
from core.accounts.roles import Action, User
from core.clock import Clock
from core.errors import BadInput
from core.web.http.routing import (
    Fields,
    Route,
    body_of,
    current_user,
    form_route,
    page_route,
    query_of,
)
from core.web.pages import Pages

ASSISTANT = "/console/assistant"
STATIC = Path(__file__).parent / "static"  #: served as "trust"
UNDO_SHOWN = timedelta(days=30)  #: after a change; older ones are changed back topic by topic


class TopicForm(Fields):
    """A supervisor's action on a topic; `at` is the time of the change that is undone."""

    topic: str = Field(default="", max_length=200)
    act: Literal["accept", "decline", "review", "restore", "undo"]
    at: AwareDatetime | None = None


class VerdictForm(Fields):
    """A supervisor's verdict on an answer that was sent without review."""

    id: str = Field(min_length=1, max_length=300)
    verdict: Literal["right", "wrong", "undo"]


class CandidateForm(Fields):
    """A supervisor's verdict on a candidate, perhaps in better words."""

    id: str = Field(min_length=1, max_length=300)
    act: Literal["accept", "decline", "forget", "undo"]
    question: str = Field(default="", max_length=500)
    text: str = ""


class Done(Fields):
    """The act that was just done, so that the page can offer to undo it."""

    judged: str = Field(default="", max_length=300)
    declined: str = Field(default="", max_length=300)


class AssistantPages:
    """`/console/assistant`, and the addresses at which its parts stood before."""

    def __init__(
        self, *, autonomy: Autonomy, learning: Learning, pages: Pages, clock: Clock
    ) -> None:
        self._autonomy = autonomy
        self._learning = learning
        self._pages = pages
        self._clock = clock

    def routes(self) -> Sequence[Route]:
        """The page and its forms."""
        change, confirm = Action.AUTONOMY_CHANGE, Action.LEARNING_CONFIRM
        return (
            page_route(
                ASSISTANT, self.page, "What the assistant may do", action=change, query=Done
            ).in_menu("trust.nav", 65),
            form_route(
                ASSISTANT, self.change_topic, "Change a topic", action=change, body=TopicForm
            ),
            form_route(
                ASSISTANT + "/verdict",
                self.judge,
                "Judge an answer",
                action=change,
                body=VerdictForm,
            ),
            form_route(
                ASSISTANT + "/lesson",
                self.change_lesson,
                "Decide a candidate",
                action=confirm,
                body=CandidateForm,
            ),
            page_route("/console/autonomy", self.moved, "Moved to the assistant", action=change),
            page_route("/console/learning", self.lessons, "Moved to the assistant", action=confirm),
        )

    async def page(self, request: web.Request) -> web.StreamResponse:
        """GET /console/assistant."""
        user, done = current_user(request), query_of(request, Done)
        topics = self._topics(user)
        return self._pages.render(
            request,
            "trust/assistant.html",
            {
                "topics": topics,
                "free": Counter(topic.freedom.value for topic in topics),
                "freedoms": [freedom.value for freedom in Freedom],
                "target": round(self._autonomy.target * 100),
                "stopped": self._autonomy.is_stopped(),
                "everything": EVERYTHING,
                "undo": self._last(user),
                "drawn": await self._autonomy.drawn(user),
                "candidates": await self._learning.candidates(user),
                "learned": await self._learning.learned(user),
                "taken_back": await self._learning.taken_back(user),
                "done": done,
            },
        )

    async def change_topic(self, request: web.Request) -> web.StreamResponse:
        """POST /console/assistant."""
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
            case "undo":
                if form.at is None:
                    raise BadInput("Say which change to undo.")
                await self._autonomy.undo(user, form.topic, form.at)
        return _back()

    async def judge(self, request: web.Request) -> web.StreamResponse:
        """POST /console/assistant/verdict."""
        user, form = current_user(request), body_of(request, VerdictForm)
        if form.verdict == "undo":
            await self._autonomy.unjudge(user, form.id)
            return _back("checks")
        await self._autonomy.judge(user, form.id, right=form.verdict == "right")
        return _back("checks", judged=form.id)

    async def change_lesson(self, request: web.Request) -> web.StreamResponse:
        """POST /console/assistant/lesson."""
        user, form = current_user(request), body_of(request, CandidateForm)
        match form.act:
            case "accept":
                if not form.text.strip():
                    raise BadInput("An answer is needed.")
                await self._learning.accept(user, form.id, question=form.question, text=form.text)
            case "decline":
                await self._learning.decline(user, form.id)
                return _back("learning", declined=form.id)
            case "forget":
                await self._learning.forget(user, form.id)
            case "undo":
                await self._learning.reopen(user, form.id)
        return _back("learning")

    async def moved(self, request: web.Request) -> web.StreamResponse:
        """GET /console/autonomy."""
        del request
        raise web.HTTPSeeOther(ASSISTANT)

    async def lessons(self, request: web.Request) -> web.StreamResponse:
        """GET /console/learning."""
        del request
        raise web.HTTPSeeOther(ASSISTANT + "#learning")

    def _topics(self, user: User) -> list[Explained]:
        autonomy = self._autonomy
        return [
            explained(
                standing,
                threshold=autonomy.threshold(standing.topic.name),
                reviews_first=autonomy.reviews_first,
                automatic=autonomy.promotes_itself,
            )
            for standing in autonomy.standings(user)
        ]

    def _last(self, user: User) -> dict[str, Any] | None:
        """The newest change, if it is still worth a button."""
        found = self._autonomy.last_change(user)
        if found is None or found[1].at < self._clock.now() - UNDO_SHOWN:
            return None
        name, change = found
        return {
            "topic": name,
            "change": change,
            "did": did(name, change),
            "why": why_words(change.why),
            "at": change.at.isoformat(),
        }


def did(name: str, change: Change) -> str:
    """The name of the words, below `trust.plain`, for what a change did."""
    if change.why == NOT_NOW:
        return "did_decline"
    if name == EVERYTHING:
        return "did_stop" if change.level is Level.REVIEW else "did_go_on"
    return f"did_{change.level.value}"


def _back(part: str = "", **done: str) -> web.Response:
    # So that a reload does not do it again.
    to = ASSISTANT + (f"?{urlencode(done)}" if done else "") + (f"#{part}" if part else "")
    return web.Response(status=303, headers={"Location": to})
