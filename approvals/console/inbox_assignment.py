"""The admin's page and API of the rules by which drafts are assigned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, Field

from approvals.inbox.assignment import (
    MOST_OPEN,
    MOST_PEOPLE,
    MOST_RULES,
    AssignmentRules,
    Rule,
    Rules,
)
from approvals.inbox.presence import PresenceStore
from approvals.inbox.service import Inbox
from config.languages import LANGUAGES
from core.accounts.roles import Action, User
from core.clock import Clock
from core.i18n import Words
from core.web.http.responses import json_answer
from core.web.http.routing import (
    Route,
    Strict,
    Whole,
    address_of,
    body_of,
    current_user,
    page_route,
)
from core.web.pages import Pages

Colleagues = Callable[[], Awaitable[Sequence[User]]]
"""All staff."""

Email = Annotated[str, Field(min_length=1, max_length=254, pattern=r"^[^\x00-\x1f\x7f]*$")]
Topic = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class AssignmentRuleShape(Strict):
    """Drafts of this topic and language go to these people; an empty field is any."""

    topic: Topic = ""
    locale: str = Field(default="", max_length=20, pattern=r"^[A-Za-z-]*$")
    to: list[Email] = Field(min_length=1, max_length=MOST_PEOPLE)


class AssignmentBody(Strict):
    """The rules, in place of this revision."""

    on: bool
    capacity: Annotated[Whole, Field(ge=1, le=MOST_OPEN)]
    rules: list[AssignmentRuleShape] = Field(default_factory=list, max_length=MOST_RULES)
    rest: bool = Field(default=True, description="What fits no rule goes to every agent.")
    revision: Annotated[Whole, Field(ge=0)]


class AssignmentView(BaseModel):
    """The rules in force."""

    on: bool
    capacity: int
    rules: list[AssignmentRuleShape]
    rest: bool
    revision: int


class AssignmentRoutes:
    """The handlers behind `/console/assignment` and `/api/inbox/assignment`."""

    def __init__(
        self,
        rules: AssignmentRules,
        *,
        inbox: Inbox,
        presence: PresenceStore,
        colleagues: Colleagues,
        pages: Pages,
        words: Words,
        clock: Clock,
    ) -> None:
        self._rules = rules
        self._inbox = inbox
        self._presence = presence
        self._colleagues = colleagues
        self._pages = pages
        self._words = words
        self._clock = clock

    def routes(self) -> Sequence[Route]:
        """The page, and the API behind it."""
        may, path = Action.SETTINGS_CHANGE, "/api/inbox/assignment"
        return (
            page_route("/console/assignment", self.page, "Assignment", action=may).in_menu(
                "inbox.assignment.title", 117
            ),
            Route(
                method="GET",
                path=path,
                handler=self.read,
                action=may,
                summary="The rules by which drafts are assigned",
                responses={200: AssignmentView},
            ),
            Route(
                method="PUT",
                path=path,
                handler=self.save,
                action=may,
                summary="Set the rules by which drafts are assigned",
                body=AssignmentBody,
                responses={200: AssignmentView, 409: None},
            ),
        )

    async def page(self, request: web.Request) -> web.StreamResponse:
        """GET /console/assignment."""
        now = self._clock.now()
        presence = await self._presence.all()
        load = Counter(row.assignee for row in await self._inbox.open_work())
        people = []
        for colleague in await self._colleagues():
            known = presence.get(colleague.email)
            here = known is not None and known.is_here(now)
            state = "here" if here else "away" if known is not None and known.away else "gone"
            people.append((colleague, state, load.get(colleague.email, 0)))
        values = {
            "rules": await self._rules.load(),
            "people": people,
            "topics": self._inbox.values()["topic"],
            "spoken": [(code, language.name) for code, language in LANGUAGES.items()],
            "words": self._words.section("inbox.assignment", self._pages.locale(request)),
        }
        return self._pages.render(request, "approvals/assignment.html", values)

    async def read(self, request: web.Request) -> web.StreamResponse:
        """GET /api/inbox/assignment."""
        del request
        return json_answer(_view(await self._rules.load()))

    async def save(self, request: web.Request) -> web.StreamResponse:
        """PUT /api/inbox/assignment."""
        body = body_of(request, AssignmentBody)
        rules = Rules(
            on=body.on,
            capacity=body.capacity,
            rules=tuple(Rule(topic=r.topic, locale=r.locale, to=tuple(r.to)) for r in body.rules),
            rest=body.rest,
            revision=body.revision,
        )
        user = current_user(request)
        return json_answer(_view(await self._rules.save(user, rules, address=address_of(request))))


def _view(rules: Rules) -> AssignmentView:
    return AssignmentView(
        on=rules.on,
        capacity=rules.capacity,
        rules=[
            AssignmentRuleShape(topic=r.topic, locale=r.locale, to=list(r.to)) for r in rules.rules
        ],
        rest=rules.rest,
        revision=rules.revision,
    )
