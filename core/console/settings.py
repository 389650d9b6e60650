"""The settings page: what an admin may set without a file, seen at once in a preview."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, Field

from config.languages import LANGUAGES
from config.sections import ApprovalSettings
from core.accounts.roles import Action
from core.company.mail_server import MailServer
from core.company.model import Company
from core.company.store import CompanyStore
from core.console.mail_api import mail_view
from core.i18n import Words
from core.rag.console.model_api import model_view
from core.rag.llm.choice import ModelChoices
from core.web.http.responses import json_answer
from core.web.http.routing import Route, Strict, address_of, body_of, current_user, page_route
from core.web.identity.visitor_identity import VisitorIdentity
from core.web.pages import Pages

_LINE = r"^[^\x00-\x1f\x7f]*$"
Line = Annotated[str, Field(max_length=500, pattern=_LINE)]
Code = Annotated[str, Field(max_length=10, pattern=r"^[a-z-]+$")]


class CompanySettingsBody(Strict):
    """The settings, whole; what is left out is as the environment, or else the product, has it."""

    name: Line = ""
    colour: Line = Field(default="", description="The company's colour: #2456c6.")
    greeting: dict[Code, Line] = Field(default_factory=dict, description="By language.")
    questions: dict[Code, list[Line]] = Field(
        default_factory=dict, description="To begin with, by language; at most four."
    )
    launcher: dict[Code, Line] = Field(
        default_factory=dict, description="Words on the widget's button, by language."
    )
    position: Line = Field(default="", description="The widget's corner: left or right.")
    theme: Line = Field(default="", description="light or dark; empty: as the device has it.")
    ask_name: Line = Field(default="", description="Before a conversation: optional or required.")
    ask_email: Line = Field(default="", description="Before a conversation: optional or required.")
    hours: Line | None = Field(default=None, description="mon-fri 09:00-18:00, or always.")
    holidays: Line | None = Field(default=None, description="2026-12-25, 2027-01-01, or none.")
    timezone: Line | None = Field(default=None, description="Asia/Seoul")
    deadline_minutes: float | None = Field(default=None, description="For a draft that waits.")


class SettingsView(BaseModel):
    """The settings as they stand."""

    name: str
    colour: str
    greeting: dict[str, str]
    questions: dict[str, list[str]]
    launcher: dict[str, str]
    position: str
    theme: str
    ask_name: str
    ask_email: str
    hours: str | None
    holidays: str | None
    timezone: str | None
    deadline_minutes: float | None


class SettingsRoutes:
    """The handlers behind `/console/settings` and `/api/settings`."""

    def __init__(
        self,
        company: CompanyStore,
        *,
        pages: Pages,
        words: Words,
        environment: ApprovalSettings,
        site: Callable[[], str],
        identity: VisitorIdentity,
        models: ModelChoices,
        mail: MailServer,
        is_public: bool,
    ) -> None:
        """`is_public` says whether `site` is an address that the world can reach."""
        self._is_public = is_public
        self._mail = mail
        self._models = models
        self._company = company
        self._pages = pages
        self._words = words
        self._environment = environment
        self._site = site
        self._identity = identity

    def routes(self) -> Sequence[Route]:
        """The page, and the API behind it."""
        may = Action.SETTINGS_CHANGE
        return (
            page_route("/console/settings", self.page, "Settings", action=may).in_menu(
                "settings.title", 115
            ),
            Route(
                method="GET",
                path="/api/settings",
                handler=self.read,
                action=may,
                summary="What is set for the company",
                responses={200: SettingsView},
            ),
            Route(
                method="PUT",
                path="/api/settings",
                handler=self.save,
                action=may,
                summary="Set it",
                body=CompanySettingsBody,
                responses={200: SettingsView},
            ),
        )

    async def page(self, request: web.Request) -> web.StreamResponse:
        """GET /console/settings."""
        env = self._environment
        await self._models.load()
        await self._mail.load()
        values = {
            "mail": mail_view(self._mail),
            "model": model_view(self._models),
            "company": await self._company.load(),
            "spoken": list(LANGUAGES.values()),
            "environment": {
                "hours": env.desk_hours or "always",
                "holidays": env.desk_holidays or "none",
                "timezone": env.desk_timezone,
                "deadline": f"{env.approval_timeout_seconds / 60:g}",
            },
            "is_public": self._is_public,
            "script": f'<script src="{self._site()}/widget.js" async></script>',
            "identity_secret": self._identity.secret,
            "words": self._words.section("settings", self._pages.locale(request)),
        }
        return self._pages.render(request, "settings.html", values)

    async def read(self, request: web.Request) -> web.StreamResponse:
        """GET /api/settings."""
        del request
        return json_answer(_view(await self._company.load()))

    async def save(self, request: web.Request) -> web.StreamResponse:
        """PUT /api/settings."""
        body = body_of(request, CompanySettingsBody)
        saved = await self._company.save(
            current_user(request), Company(**body.model_dump()), address=address_of(request)
        )
        return json_answer(_view(saved))


def _view(company: Company) -> SettingsView:
    return SettingsView(
        name=company.name,
        colour=company.colour,
        greeting=dict(company.greeting),
        questions={code: list(lines) for code, lines in company.questions.items()},
        launcher=dict(company.launcher),
        position=company.position,
        theme=company.theme,
        ask_name=company.ask_name,
        ask_email=company.ask_email,
        hours=company.hours,
        holidays=company.holidays,
        timezone=company.timezone,
        deadline_minutes=company.deadline_minutes,
    )
