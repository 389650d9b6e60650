"""Sign-in links by e-mail; whether an address belongs to staff cannot be told from outside."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from core.accounts.service import AccountsService
from core.errors import ContactCenterError, NotFound
from core.mail import Mailer
from core.wording import Words

log = logging.getLogger(__name__)

MOST_AT_ONCE = 100


class MailedLinks:
    """Sends links in the background, so that a known address is answered like an unknown one."""

    def __init__(
        self,
        accounts: AccountsService,
        *,
        mailer: Mailer,
        words: Words,
        base_url: Callable[[], str],
    ) -> None:
        self._accounts = accounts
        self._mailer = mailer
        self._words = words
        self._base_url = base_url
        self._sending: set[asyncio.Task[None]] = set()

    def request(self, email: str, *, address: str, locale: str) -> None:
        """See to it that a colleague gets his link; strangers get nothing. Returns at once."""
        if len(self._sending) >= MOST_AT_ONCE:
            return
        task = asyncio.create_task(self._send(email, address=address, locale=locale))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def stop(self) -> None:
        """Return once what is under way is sent."""
        await asyncio.gather(*self._sending, return_exceptions=True)

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
