"""Sends sign-in links by e-mail, without telling outsiders whether an address is staff's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from core.accounts.roles import User
from core.accounts.service import AccountsService
from core.errors import ContactCenterError, NotFound
from core.i18n import Words
from core.runtime.mail import Outgoing
from core.runtime.tasks import BackgroundTasks

log = logging.getLogger(__name__)

MOST_AT_ONCE = 100


class MailedLinks:
    """Sends links in the background, so that a known address is answered like an unknown one."""

    def __init__(
        self,
        accounts: AccountsService,
        *,
        mailer: Outgoing,
        words: Words,
        base_url: Callable[[], str],
    ) -> None:
        self._accounts = accounts
        self._mailer = mailer
        self._words = words
        self._base_url = base_url
        self._sending = BackgroundTasks()

    @property
    def is_set(self) -> bool:
        """Whether mail can be sent."""
        return self._mailer.is_set

    def request(self, email: str, *, address: str, locale: str) -> None:
        """See to it that a colleague gets their link; strangers get nothing. Returns at once."""
        if len(self._sending) < MOST_AT_ONCE:
            work = self._send(email, address=address, locale=locale)
            self._sending.start(work, name="sign-in link")

    async def invite(
        self, actor: User, user: User, *, life: timedelta, locale: str, address: str = ""
    ) -> None:
        """Send a colleague a link that the actor makes for them. Raises MailFailed, Forbidden."""
        secret = await self._accounts.issue_link(user, actor=actor, life=life, address=address)
        until = self._accounts.now() + life
        await self._mailer.send(
            user.email,
            subject=self._words.text("console.mail.invite_subject", locale),
            text=self._words.text(
                "console.mail.invite_text",
                locale,
                by=actor.name or actor.email,
                link=f"{self._base_url()}/login/link/{secret}",
                until=f"{until:%Y-%m-%d %H:%M} UTC",
            ),
        )

    async def stop(self) -> None:
        """Return once what is under way is sent."""
        await self._sending.finish()

    async def _send(self, email: str, *, address: str, locale: str) -> None:
        try:
            user = await self._accounts.find(email)
            secret = await self._accounts.issue_link(user, actor=user, address=address)
            link = f"{self._base_url()}/login/link/{secret}"
            await self._mailer.send(
                user.email,
                subject=self._words.text("console.mail.subject", locale),
                text=self._words.text("console.mail.text", locale, link=link),
            )
        except NotFound:
            pass
        except ContactCenterError as error:
            log.error("a sign-in link could not be mailed: %s", error.detail)
