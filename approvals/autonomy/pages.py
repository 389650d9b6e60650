"""The console pages of autonomy, learning and similar questions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from aiohttp import web
from pydantic import Field, create_model

from approvals.autonomy.autonomy import EVERYTHING, Autonomy
from approvals.autonomy.charts import reliability_picture, risk_picture
from approvals.autonomy.cli import Replay
from approvals.autonomy.similar import Incidents, Outcome, Picked
from approvals.autonomy.standing import Standing
from approvals.autonomy.topics import Level
from approvals.learning.learning import Learning
from approvals.queue.model import Ruling
from config.languages import LANGUAGES
from core.accounts.roles import Action
from core.domain.events import Decision
from core.errors import BadInput
from core.i18n import Words
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

TEMPLATES = Path(__file__).parent / "templates"  #: registered with Pages as "trust"
AUTONOMY = "/console/autonomy"
LEARNING = "/console/learning"
ALIKE = "/console/alike"
WHYS = {
    "by a supervisor": "person",
    "a complaint": "complaint",
    "a wrong answer in the audit": "wrong",
    "wrong in the audit again": "again",
    "answers got worse": "worse",
    "a document has changed": "document",
}


class TopicForm(Fields):
    """A supervisor's action on a topic."""

    topic: str = Field(default="", max_length=200)
    act: Literal["accept", "decline", "review", "restore"]


class VerdictForm(Fields):
    """A supervisor's verdict on an answer that was sent without review."""

    id: str = Field(min_length=1, max_length=300)
    verdict: Literal["right", "wrong"]


class ReplayQuery(Fields):
    """A threshold to try on the questions of the last days."""

    topic: str = Field(default="", max_length=200)
    threshold: float = Field(ge=0, le=1)
    days: int = Field(default=7, ge=1, le=90)


class GroupDecision(Fields):
    """One decision about the ticked drafts; `items` are id:version:language with commas."""

    items: str = Field(default="", max_length=60_000)
    act: Literal["approve", "edit"]


_TEXTS: Any = {f"text_{code}": (str, "") for code in LANGUAGES}
GroupForm = create_model("GroupForm", __base__=GroupDecision, **_TEXTS)
"""The same with an answer in each language: `text_en`, `text_ko`, …."""


class CandidateForm(Fields):
    """A supervisor's verdict on a candidate, perhaps in better words."""

    id: str = Field(min_length=1, max_length=300)
    act: Literal["accept", "decline", "forget"]
    question: str = Field(default="", max_length=500)
    text: str = ""


class TrustPages:
    """The handlers behind `/console/autonomy` and `/console/learning`."""

    def __init__(
        self,
        *,
        autonomy: Autonomy,
        learning: Learning,
        incidents: Incidents,
        replay: Replay,
        pages: Pages,
        words: Words,
    ) -> None:
        self._incidents = incidents
        self._replay = replay
        self._autonomy = autonomy
        self._learning = learning
        self._pages = pages
        self._words = words

    def routes(self) -> Sequence[Route]:
        """Pages and their forms."""
        change, confirm = Action.AUTONOMY_CHANGE, Action.LEARNING_CONFIRM
        return (
            page_route(AUTONOMY, self.autonomy, "What goes out alone", action=change).in_menu(
                "trust.nav", 65
            ),
            form_route(
                AUTONOMY, self.change_topic, "Change a topic", action=change, body=TopicForm
            ),
            form_route(
                AUTONOMY + "/verdict",
                self.judge,
                "Judge an answer",
                action=change,
                body=VerdictForm,
            ),
            page_route(
                AUTONOMY + "/replay",
                self.replay,
                "Try a threshold",
                action=change,
                query=ReplayQuery,
                dear=True,
            ),
            page_route(ALIKE, self.alike, "Drafts that ask the same", action=Action.QUEUE_READ),
            form_route(
                ALIKE,
                self.decide,
                "Decide them together",
                action=Action.DRAFT_DECIDE,
                body=GroupForm,
            ),
            page_route(LEARNING, self.learning, "What was learned", action=confirm).in_menu(
                "trust.nav_learning", 70
            ),
            form_route(
                LEARNING,
                self.change_lesson,
                "Decide a candidate",
                action=confirm,
                body=CandidateForm,
            ),
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
                "stopped": self._autonomy.is_stopped(),
                "everything": EVERYTHING,
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

    async def replay(self, request: web.Request) -> web.StreamResponse:
        """GET /console/autonomy/replay: before a threshold is changed."""
        current_user(request).require(Action.AUTONOMY_CHANGE)
        query = query_of(request, ReplayQuery)
        found = await self._replay(
            f"{query.days}d", query.threshold, None, "", lambda _done, _total: None
        )
        return self._pages.render(
            request, "trust/replay.html", {"found": found, "query": query, "outcomes": ()}
        )

    async def alike(self, request: web.Request) -> web.StreamResponse:
        """GET /console/alike."""
        return await self._groups(request, ())

    async def decide(self, request: web.Request) -> web.StreamResponse:
        """POST /console/alike."""
        form = body_of(request, GroupForm)
        outcomes = await self._incidents.decide(
            current_user(request),
            picked(form.items),
            Ruling(decision=Decision(form.act), opened_sources=True),
            texts={code: getattr(form, f"text_{code}") for code in LANGUAGES},
        )
        return await self._groups(request, outcomes)

    async def _groups(
        self, request: web.Request, outcomes: Sequence[Outcome]
    ) -> web.StreamResponse:
        groups = await self._incidents.groups(current_user(request))
        return self._pages.render(
            request, "trust/alike.html", {"groups": groups, "outcomes": outcomes}
        )

    async def learning(self, request: web.Request) -> web.StreamResponse:
        """GET /console/learning."""
        user = current_user(request)
        return self._pages.render(
            request,
            "trust/learning.html",
            {
                "candidates": await self._learning.candidates(user),
                "learned": await self._learning.learned(user),
                "taken_back": await self._learning.taken_back(user),
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
            "history": [
                (change, self._why(change.why, locale))
                for change in standing.topic.history[::-1][:8]
            ],
        }

    def _why(self, why: str, locale: str) -> str:
        """The system's reasons in the reader's language; figures as they stand."""
        known = WHYS.get(why)
        return self._words.text(f"trust.why.{known}", locale) if known else why


def picked(items: str) -> list[Picked]:
    """The drafts of a form. Raises BadInput for what it cannot hold, and for nothing at all."""
    if not items:
        raise BadInput("Tick at least one draft.")
    found = []
    for item in items.split(","):
        approval_id, _, rest = item.partition(":")
        version, _, locale = rest.partition(":")
        if not approval_id or not version.isdecimal():
            raise BadInput("This list of drafts cannot be read.")
        found.append(Picked(approval_id=approval_id, version=int(version), locale=locale))
    return found


def _back(to: str) -> web.Response:
    # So that a reload does not do it again.
    return web.Response(status=303, headers={"Location": to})
