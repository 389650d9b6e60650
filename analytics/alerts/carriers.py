"""Carries alerts to supervisors: one message in Slack's channel for reports, one mail to all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING

from analytics.alerts.model import Telling
from analytics.alerts.words import said
from core.clock import Clock
from core.i18n import Words
from core.rendering.slack import SlackMessage
from core.runtime.mail import Outgoing
from core.slack.client import Mark
from core.slack.mrkdwn import escaped

if TYPE_CHECKING:
    from core.slack.app import SlackApp

MARK = "figure_alert"  #: kind of the marks by which we know an alert in Slack again
LONGEST = 500
PAGE = "/console/dashboard"


class SlackCarrier:
    """Posts to the channel for reports, else the desk's; `attach` with every Slack app."""

    name = "slack"

    def __init__(self, words: Words, *, base_url: Callable[[], str]) -> None:
        self._words = words
        self._base_url = base_url
        self._slack: SlackApp | None = None

    def attach(self, shared: SlackApp) -> None:
        """Post through this app from now on."""
        self._slack = shared

    async def where(self) -> str:
        """Where alerts go, "" while that is nowhere."""
        slack = self._slack
        return "" if slack is None else slack.staff.reports_channel or slack.staff.desk_channel

    async def tell(self, telling: Telling, *, again: bool) -> None:
        """Post it; `again` looks whether it is there already. Raises SlackError."""
        slack, channel = self._slack, await self.where()
        assert slack is not None
        mark = Mark(kind=MARK, fields={"id": telling.id})
        if again and await slack.client.find(mark, channel):
            return
        text = escaped(said(telling, self._words, slack.staff.language), LONGEST)
        icon = ":white_check_mark:" if telling.over else ":rotating_light:"
        message = SlackMessage(text=f"{icon} {text}\n{self._base_url()}{PAGE}", blocks=())
        await slack.client.post(channel, message, mark=mark)


class MailCarrier:
    """Writes to everybody who may read reports."""

    name = "mail"

    def __init__(
        self,
        mailer: Outgoing | None,
        words: Words,
        *,
        recipients: Callable[[], Awaitable[Sequence[str]]],
        locale: str,
        base_url: Callable[[], str],
        clock: Clock,
    ) -> None:
        """`mailer` is None where there is no mail server."""
        self._mailer = mailer
        self._words = words
        self._recipients = recipients
        self._locale = locale
        self._base_url = base_url
        self._clock = clock

    async def where(self) -> str:
        """To whom alerts go, "" while that is nobody."""
        has_server = self._mailer is not None and self._mailer.is_set
        return ", ".join(await self._recipients()) if has_server else ""

    async def tell(self, telling: Telling, *, again: bool) -> None:
        """One mail to all of them. Raises MailFailed."""
        del again  # the same id: programs that read mail show it once
        assert self._mailer is not None
        text = said(telling, self._words, self._locale)
        message = EmailMessage()
        message["Subject"] = text
        message["From"] = self._mailer.sender
        message["To"] = await self.where()
        message["Date"] = format_datetime(self._clock.now())
        name = telling.id.replace("/", ".").replace(":", ".").replace("+", ".")
        message["Message-ID"] = f"<{name}@contact-center>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(f"{text}\n\n{self._base_url()}{PAGE}\n")
        await self._mailer.deliver(message)
