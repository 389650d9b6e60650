"""Brings back conversations that were put aside, when their time has come."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from core.clock import Clock
from core.domain import events as ev
from core.domain.conversation import Conversation
from core.domain.events import Event
from core.engine.repository import Conversations
from core.errors import StoreUnavailable

log = logging.getLogger(__name__)

Due = Callable[[datetime], Awaitable[Sequence[str]]]
"""The conversations that were put aside until this time or before."""


class Snoozed:
    """Wakes what is due; what came due while no process ran is woken by the next one."""

    def __init__(self, due: Due, *, conversations: Conversations, clock: Clock) -> None:
        self._due = due
        self._conversations = conversations
        self._clock = clock

    async def sweep(self, now: datetime | None = None) -> int:
        """Wake what is due; gives how many. Any process, any number of times."""
        now = now or self._clock.now()
        woken = 0
        try:
            for conversation_id in await self._due(now):
                woken += await self._wake(conversation_id, now)
        except StoreUnavailable:
            log.warning("the store is away; what was put aside comes back later")
        return woken

    async def _wake(self, conversation_id: str, now: datetime) -> bool:
        def decide(c: Conversation) -> Sequence[Event]:
            until = c.snoozed_until
            if not c.snoozed_by or until is None or until > now or c.erased:
                return ()
            return (ev.Woken(set_by=c.snoozed_by),)

        try:
            change = await self._conversations.update(conversation_id, decide)
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("%s could not be brought back", conversation_id)
            return False
        return change.commit is not None
