"""Gives waiting drafts to people, by the rules that an admin has set."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

from approvals.inbox.assignment import AssignmentRules, has_gone
from approvals.inbox.presence import PresenceStore
from approvals.inbox.rows import Row
from core.accounts.roles import User
from core.clock import Clock
from core.domain import events as ev
from core.domain.conversation import Conversation, Status
from core.domain.events import Event
from core.engine.repository import Conversations
from core.errors import StoreUnavailable

log = logging.getLogger(__name__)

OpenWork = Callable[[], Awaitable[Sequence[Row]]]
"""What waits for a person or is in somebody's hands, and is not put aside, longest wait first."""

Colleagues = Callable[[], Awaitable[Sequence[User]]]
"""All staff."""


class Assigner:
    """Assigns each draft that nobody has claimed, holds or was given; takes back from who is gone.

    An assignment is a sign: it shows in the person's list and they are told, the draft stays with
    everybody else's in the queue, and whoever is faster may decide it.
    """

    def __init__(
        self,
        rules: AssignmentRules,
        *,
        open_work: OpenWork,
        presence: PresenceStore,
        colleagues: Colleagues,
        conversations: Conversations,
        clock: Clock,
    ) -> None:
        self._rules = rules
        self._open_work = open_work
        self._presence = presence
        self._colleagues = colleagues
        self._conversations = conversations
        self._clock = clock

    async def sweep(self, now: datetime | None = None) -> int:
        """Assign what can be; gives how many. Of many processes one does it."""
        now = now or self._clock.now()
        try:
            return await self._assign(now)
        except StoreUnavailable:
            log.warning("the store is away; drafts are assigned later")
            return 0

    async def _assign(self, now: datetime) -> int:
        rules = await self._rules.load()
        if not rules.on:
            return 0
        work = await self._open_work()
        staff = {user.email: user for user in await self._colleagues()}
        presence = dict(await self._presence.all())
        load = Counter(row.assignee for row in work if row.assignee)
        given = 0
        for row in work:
            if row.status != Status.REVIEW.value or not row.waits:
                continue
            if row.assignee and not has_gone(presence.get(row.assignee), now):
                continue
            user = rules.chosen(row, staff=staff, presence=presence, load=load, now=now)
            if user is None or not await self._give(row, user):
                continue
            given += 1
            load[row.assignee] -= 1
            load[user.email] += 1
            await self._presence.assigned(user)
            presence[user.email] = replace(presence[user.email], assigned_at=now)
        return given

    async def _give(self, row: Row, user: User) -> bool:
        """Whether they have it now; false where something has happened meanwhile."""

        def decide(c: Conversation) -> Sequence[Event]:
            claimed = any(review.claimed_by for review in c.reviews)
            # `row` may be older than the conversation: only what it knew may be given away.
            if c.status is not Status.REVIEW or claimed or c.assigned != row.assignee:
                return ()
            return (ev.Assigned(to=user.email),)

        try:
            change = await self._conversations.update(row.id, decide)
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("%s could not be assigned", row.id)
            return False
        return change.commit is not None
