"""The timers of conversations that a person holds: remind, tell the customer, hand back."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from approvals.queue.decisions import is_elsewhere
from approvals.queue.escalation import Desk, PoliteNotices
from core.clock import Clock
from core.domain import events as ev
from core.domain.conversation import Conversation, Status
from core.domain.events import Event, Notice
from core.engine.processing.draft_merging import wants_nothing
from core.engine.replies import Replies
from core.engine.repository import Conversations
from core.errors import StoreUnavailable

log = logging.getLogger(__name__)

TOLD = 2  #: the step at which the customer is told; one more hands the conversation back


class Holding:
    """Reminds the holder of a conversation, tells the customer, hands it back in the end.

    Half of a draft's deadline after their question, or after the take-over if that came later,
    the holder is reminded; at its end the customer hears that it takes longer; after twice the
    time the assistant takes the question up, and what it cannot answer waits in the queue, overdue.
    """

    def __init__(
        self,
        *,
        conversations: Conversations,
        waiting: Callable[[], Awaitable[Sequence[str]]],
        desk: Desk,
        replies: Replies,
        clock: Clock,
        wake: Callable[[str], None],
        many_notices: Callable[[str], bool],
    ) -> None:
        """`waiting` gives conversations in people's hands whose customers wait."""
        self._conversations = conversations
        self._waiting = waiting
        self._desk = desk
        self._notices = PoliteNotices(replies, many_notices=many_notices)
        self._clock = clock
        self._wake = wake

    async def sweep(self, now: datetime | None = None) -> int:
        """Do what is due; gives how many conversations moved. Any process, any number of times."""
        now = now or self._clock.now()
        moved = 0
        try:
            for conversation_id in await self._waiting():
                moved += await self._look_at(conversation_id, now)
        except StoreUnavailable:
            log.warning("the store is away; people are reminded later")
        return moved

    async def _look_at(self, conversation_id: str, now: datetime) -> bool:
        """Whether it moved; one that cannot be handled keeps nobody else waiting."""
        try:
            change = await self._conversations.update(conversation_id, lambda c: self._due(c, now))
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("the clock of %s could not be looked at", conversation_id)
            return False
        if change.commit is None:
            return False
        self._wake(conversation_id)
        return True

    def _due(self, c: Conversation, now: datetime) -> Sequence[Event]:
        asked = [u.at for u in c.unanswered if not wants_nothing(u.text)]
        if c.status is not Status.HUMAN or c.erased or not asked or is_elsewhere(c.assignee):
            return ()
        since = max(min(asked), c.held_since or min(asked))
        step = self._reached(since, now)
        if step <= c.held_step:
            return ()
        if step > TOLD:
            return (ev.HandedBack(by=""), *self._notices.tell(c, Notice.PERSON_LEFT))
        reminded = ev.HolderReminded(holder=c.assignee, step=step)
        return (reminded, *(self._notices.tell(c, Notice.STILL_WAITING) if step == TOLD else ()))

    def _reached(self, since: datetime, now: datetime) -> int:
        deadline = self._desk.deadline(since)
        if now >= self._desk.deadline(deadline):
            return TOLD + 1
        return TOLD if now >= deadline else int(now >= self._desk.step_at(since, deadline, 1))
