"""Read queries of staff: the queue, its history, conversations in people's hands."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from approvals.queue.fold import Known, fold
from approvals.queue.model import Approval, ApprovalState, Withdrawn, conversation_of
from approvals.queue.store import PAGE, ApprovalStore, Page
from core.accounts.roles import Action, User
from core.clock import Clock
from core.domain.conversation import Conversation
from core.engine.repository import Conversations
from core.errors import AlreadyDecided, NotFound

HELD_DAYS = timedelta(days=14)  #: a conversation in which nothing happened since is not looked for
ALARM_DAYS = timedelta(days=7)  #: what did not arrive is old news after that
FRESH_SECONDS = 1.0  #: how long a list waits for the newest events

Drain = Callable[[], Awaitable[None]]
"""Returns once lists are as new as the log (`core.engine.projection.projector.Projector.drain`)."""

InHands = Callable[[datetime], Awaitable[Mapping[str, str]]]
"""Who holds which conversation, of those in which something happened since; newest first."""


class Reading:
    """The queries of the approvals service."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        store: ApprovalStore,
        in_hands: InHands,
        drain: Drain,
        clock: Clock,
    ) -> None:
        self._conversations = conversations
        self._store = store
        self._in_hands = in_hands
        self._drain = drain
        self._clock = clock

    async def pending(self, user: User, *, cursor: str = "", limit: int = PAGE) -> Page:
        """The queue as of now, most urgent first."""
        user.require(Action.QUEUE_READ)
        await self._fresh()
        return await self._store.pending(cursor=cursor, limit=limit)

    async def get(self, user: User, approval_id: str) -> Approval:
        """One approval, waiting or past. Raises NotFound."""
        user.require(Action.QUEUE_READ)
        await self._fresh()
        approval = await self._store.get(approval_id)
        if approval is None:
            raise NotFound
        return approval

    async def decided(
        self, user: User, *, since: datetime, cursor: str = "", limit: int = PAGE
    ) -> Page:
        """What people have decided since then, newest first."""
        user.require(Action.QUEUE_READ)
        await self._fresh()
        until = self._clock.now() + timedelta(seconds=1)
        return await self._store.decided(since=since, until=until, cursor=cursor, limit=limit)

    async def undelivered(self, user: User) -> Sequence[Approval]:
        """What was decided and did not arrive, as long as nobody has done anything about it."""
        user.require(Action.QUEUE_READ)
        await self._fresh()
        return await self._store.undelivered(since=self._clock.now() - ALARM_DAYS)

    async def waiting(self, user: User, approval_id: str) -> Approval:
        """A draft that waits now, as the log has it. Raises AlreadyDecided, NotFound."""
        user.require(Action.QUEUE_READ)
        approval = await self.recall(approval_id)
        if approval is None:
            raise NotFound
        if approval.state is not ApprovalState.PENDING:
            raise self.too_late(approval)
        return approval

    async def recall(self, approval_id: str) -> Approval | None:
        """What has become of a draft, from the log: the lists may be a moment behind."""
        conversation_id = conversation_of(approval_id)
        about = await self._conversations.peek(conversation_id)
        known: Known = {}
        for commit in await self._conversations.history(conversation_id):
            for item in commit.numbered():
                known = fold(known, item, about=about)
        return known.get(approval_id)

    def too_late(self, approval: Approval) -> AlreadyDecided:
        """Who was first, for the one who comes second."""
        if approval.state is ApprovalState.DECIDED:
            return AlreadyDecided(decided_by=approval.decided_by, decision=approval.decision)
        return Withdrawn(by=approval.decided_by, state=approval.state)

    async def held_by(self, user: User) -> Sequence[str]:
        """Conversations in this user's hands, however they came by them; newest first."""
        user.require(Action.CONVERSATION_READ)
        await self._fresh()
        held = await self._in_hands(self._clock.now() - HELD_DAYS)
        return [conversation_id for conversation_id, by in held.items() if by == user.email]

    async def held_now(self) -> Sequence[str]:
        """Conversations in anybody's hands; newest first."""
        return list(await self._in_hands(self._clock.now() - HELD_DAYS))

    async def conversation(self, user: User, conversation_id: str) -> Conversation:
        """A conversation as it stands. Raises NotFound."""
        user.require(Action.CONVERSATION_READ)
        return await self._conversations.load(conversation_id)

    async def _fresh(self) -> None:
        """Wait until lists are as new as the log, but not for ever: under load or in an outage a
        list that is a moment old serves better than none.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FRESH_SECONDS):
                await self._drain()
