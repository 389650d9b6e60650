"""The API behind "mail" on the settings page: read, set, send a test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, Field

from core.accounts.audit.log import Audit
from core.accounts.roles import Action
from core.company.mail_server import MailServer, WantedMail
from core.i18n import Words
from core.runtime.mail import MailFailed
from core.web.http.responses import json_answer
from core.web.http.routing import Route, Strict, address_of, body_of, current_user
from core.web.pages import Pages

_Line = Annotated[str, Field(max_length=254, pattern=r"^[^\x00-\x1f\x7f]*$")]


class MailBody(Strict):
    """The mail server. An empty host: the environment's; an empty password: the stored one."""

    host: _Line = Field(default="", description="smtp.example.com; empty: the environment's.")
    port: int = Field(default=587, ge=1, le=65535, description="465: encrypted from the start.")
    user: _Line = ""
    password: _Line = Field(default="", description="Is kept encrypted and never shown again.")
    sender: _Line = Field(default="", description="From whom mail comes: desk@example.com.")

    def wanted(self) -> WantedMail:
        """As the service takes it."""
        return WantedMail(**self.model_dump())


class MailView(BaseModel):
    """The mail server as it is set here, and what the environment says."""

    host: str
    port: int
    user: str
    sender: str
    has_password: bool = Field(description="Whether one is stored; it is never shown.")
    environment_host: str = Field(description="SMTP_HOST; empty when it is not set.")
    trouble: str = Field(description="Why no mail is sent although a server is set.")


class MailTrialView(BaseModel):
    """The outcome of a test."""

    ok: bool
    sent_to: str = Field(description="Whoever asked for the test.")
    detail: str = Field(description="What the mail server said; empty when ok.")


class MailRoutes:
    """The handlers behind `/api/settings/mail`."""

    def __init__(self, server: MailServer, *, audit: Audit, pages: Pages, words: Words) -> None:
        self._server = server
        self._audit = audit
        self._pages = pages
        self._words = words

    def routes(self) -> Sequence[Route]:
        """All three."""
        may, path = Action.SETTINGS_CHANGE, "/api/settings/mail"
        return (
            Route(
                method="GET",
                path=path,
                handler=self.read,
                action=may,
                summary="Through which server mail is sent",
                responses={200: MailView},
            ),
            Route(
                method="PUT",
                path=path,
                handler=self.save,
                action=may,
                summary="Set the mail server",
                body=MailBody,
                responses={200: MailView},
            ),
            Route(
                method="POST",
                path=path + "/test",
                handler=self.test,
                action=may,
                summary="Send yourself a mail by what is entered; nothing is kept",
                body=MailBody,
                responses={200: MailTrialView},
                dear=True,
            ),
        )

    async def read(self, request: web.Request) -> web.StreamResponse:
        """GET /api/settings/mail."""
        del request
        await self._server.load()
        return json_answer(mail_view(self._server))

    async def save(self, request: web.Request) -> web.StreamResponse:
        """PUT /api/settings/mail."""
        wanted = body_of(request, MailBody).wanted()
        await self._server.save(current_user(request), wanted, address=address_of(request))
        return json_answer(mail_view(self._server))

    async def test(self, request: web.Request) -> web.StreamResponse:
        """POST /api/settings/mail/test."""
        user, locale = current_user(request), self._pages.locale(request)
        await self._server.load()
        mailer = await self._server.tried(user, body_of(request, MailBody).wanted())
        detail = ""
        try:
            await mailer.send(
                user.email,
                subject=self._words.text("settings.mail_subject", locale),
                text=self._words.text("settings.mail_text", locale) + "\n",
            )
        except MailFailed as error:
            detail = error.detail
        await self._audit.record(
            "settings.mail_test",
            who=user.email,
            address=address_of(request),
            after={"host": mailer.host, "outcome": detail or "sent"},
        )
        return json_answer(MailTrialView(ok=not detail, sent_to=user.email, detail=detail))


def mail_view(server: MailServer) -> MailView:
    """The mail server for whoever may change it."""
    choice = server.current
    return MailView(
        host=choice.host,
        port=choice.port,
        user=choice.user,
        sender=choice.sender,
        has_password=bool(choice.sealed_password),
        environment_host=server.environment.smtp_host or "",
        trouble=server.trouble,
    )
