"""The console pages of the numbers behind autonomy, and of similar questions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from aiohttp import web
from pydantic import Field, create_model

from approvals.autonomy.autonomy import Autonomy
from approvals.autonomy.charts import reliability_picture, risk_picture
from approvals.autonomy.cli import Replay
from approvals.autonomy.explained import WHYS
from approvals.autonomy.similar import Incidents, Outcome, Picked
from approvals.autonomy.standing import Standing
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
ALIKE = "/console/alike"
NUMBERS = "/console/assistant/numbers"


class NumbersQuery(Fields):
    """The topic whose figures are shown; without it those of all."""

    topic: str | None = Field(default=None, max_length=200)


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


class TrustPages:
    """The handlers behind the numbers of what goes out alone, and behind `/console/alike`."""

    def __init__(
        self,
        *,
        autonomy: Autonomy,
        incidents: Incidents,
        replay: Replay,
        pages: Pages,
        words: Words,
    ) -> None:
        self._incidents = incidents
        self._replay = replay
        self._autonomy = autonomy
        self._pages = pages
        self._words = words

    def routes(self) -> Sequence[Route]:
        """Pages and their forms."""
        change = Action.AUTONOMY_CHANGE
        return (
            page_route(
                NUMBERS,
                self.numbers,
                "The numbers behind what goes out alone",
                action=change,
                query=NumbersQuery,
            ),
            page_route(
                NUMBERS + "/replay",
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
        )

    async def numbers(self, request: web.Request) -> web.StreamResponse:
        """GET /console/assistant/numbers."""
        user, locale = current_user(request), self._pages.locale(request)
        wanted = query_of(request, NumbersQuery).topic
        standings = self._autonomy.standings(user)
        return self._pages.render(
            request,
            "trust/numbers.html",
            {
                "topics": [
                    self._shown(s, locale)
                    for s in standings
                    if wanted is None or s.topic.name == wanted
                ],
                "target": self._autonomy.target,
                "wanted": wanted,
            },
        )

    async def replay(self, request: web.Request) -> web.StreamResponse:
        """GET /console/assistant/numbers/replay: before a threshold is changed."""
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

    def _shown(self, standing: Standing, locale: str) -> dict[str, object]:
        evidence = standing.evidence
        return {
            "standing": standing,
            "level": standing.topic.level.value,
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
        """The stored reasons in the reader's language; figures as they stand."""
        return self._words.text(f"trust.why.{WHYS[why]}", locale) if why in WHYS else why


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
