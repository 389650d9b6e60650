"""Tells people outside the console what concerns them: in Slack, else by mail."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from approvals.inbox.notifications import Notification, Notifications, State
from approvals.inbox.presence import PresenceStore
from config.languages import DEFAULT
from core.accounts.roles import User
from core.clock import Clock
from core.errors import ContactCenterError, StoreUnavailable
from core.i18n import Words
from core.runtime.backoff import Backoff
from core.runtime.mail import Outgoing

log = logging.getLogger(__name__)

MOST_TRIES = 6
BACKOFF = Backoff(30.0, 3600.0)  #: after failures

FindUser = Callable[[str], Awaitable[User | None]]


class Messenger(Protocol):
    """A way to write to one member of staff that may not know them."""

    async def tell(self, user: User, text: Callable[[str], str]) -> bool:
        """Send `text(language)`; False where it does not know them. Raises what it does."""
        ...


class Teller:
    """Sends each notification by the first way there is; broken off, it may come twice.

    It names who did it and where to look, and no word of a customer leaves the console by it.
    """

    def __init__(
        self,
        notifications: Notifications,
        *,
        presence: PresenceStore,
        find_user: FindUser,
        mailer: Outgoing | None,
        words: Words,
        site: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._notifications = notifications
        self._presence = presence
        self._find_user = find_user
        self._mailer = mailer
        self._words = words
        self._site = site
        self._clock = clock
        self._messenger: Messenger | None = None

    def take(self, messenger: Messenger) -> None:
        """Speak through this from now on, and by mail only to those it does not know."""
        self._messenger = messenger

    async def sweep(self, now: datetime | None = None) -> int:
        """Tell what is due; gives how much was told. Of many processes one does it."""
        now = now or self._clock.now()
        told = 0
        try:
            for one in await self._notifications.due(now):
                told += await self._tell(one, now)
        except StoreUnavailable:
            log.warning("the store is away; people are told later")
        return told

    async def _tell(self, one: Notification, now: datetime) -> bool:
        user = await self._find_user(one.to)
        if one.seen or user is None:
            await self._notifications.end(one, State.SEEN if one.seen else State.NOWHERE)
            return False
        again = now + timedelta(seconds=BACKOFF.after(one.tries + 1))
        if not await self._notifications.claim(one, again_at=again):
            return False
        try:
            way = await self._sent(user, one)
        except StoreUnavailable:
            raise
        except Exception as error:
            # A vendor's library may raise anything, and nobody else's news waits for it.
            why = error.detail if isinstance(error, ContactCenterError) else repr(error)
            log.warning("%s could not be told (%s): %s", one.to, one.kind.value, why)
            if one.tries + 1 >= MOST_TRIES:
                await self._notifications.end(one, State.FAILED)
            return False
        await self._notifications.end(one, State.TOLD if way else State.NOWHERE)
        return way

    async def _sent(self, user: User, one: Notification) -> bool:
        """Whether there was a way to tell them. Raises what the way does."""
        link = f"{self._site().rstrip('/')}/console/conversations/{one.c}"

        def text(locale: str) -> str:
            return f"{self._what(one, locale)}\n{link}"

        if self._messenger is not None and await self._messenger.tell(user, text):
            return True
        if self._mailer is None or not self._mailer.is_set:
            return False
        locale = (await self._presence.of(user)).locale or DEFAULT
        await self._mailer.send(
            user.email, subject=self._what(one, locale), text=f"{text(locale)}\n"
        )
        return True

    def _what(self, one: Notification, locale: str) -> str:
        return self._words.text(f"inbox.news.{one.kind.value}", locale, by=one.by)
