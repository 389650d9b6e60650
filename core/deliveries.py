"""What became of each message that was sent: receipts that come later, dead letters, retries."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from core import events as ev
from core.accounts.rules import Action, User
from core.clock import Clock, SystemClock
from core.conversations import Conversation
from core.errors import BadInput, NotFound
from core.messages import Author, DeliveryState, Receipt
from core.repository import Conversations

log = logging.getLogger(__name__)

RANK = {
    DeliveryState.QUEUED: 0,
    DeliveryState.SENDING: 1,
    DeliveryState.UNKNOWN: 2,
    DeliveryState.SENT: 3,
    DeliveryState.FAILED: 4,
    DeliveryState.DELIVERED: 5,
    DeliveryState.READ: 6,
    DeliveryState.DROPPED: 7,
}
"""A lattice: vendors' callbacks come out of order, and a state never goes down."""

RETRY_ATTEMPTS = 5  #: a conversation in which so much happens meanwhile is looked at anew
RECEIPT_PAUSES = (0.0, 0.2, 1.0, 4.0)  #: seconds; a receipt may overtake our own record


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """One message on its way, as lists show it."""

    id: str  #: "<conversation id>.<number>"
    conversation_id: str
    seq: int
    channel: str
    author: Author
    state: DeliveryState
    at: datetime
    detail: str = ""
    code: str = ""
    external_ids: tuple[str, ...] = ()
    segments: int = 0
    doubled: bool = False
    sent_again: bool = False  #: by ourselves, because the vendor said that it may get through


class DeliveryStore(Protocol):
    """Where the state of deliveries can be looked up."""

    async def by_external_id(self, channel: str, external_id: str) -> SentMessage | None:
        """The message that the vendor calls so."""
        ...

    async def get(self, message_id: str) -> SentMessage | None:
        """One message."""
        ...

    async def dead_letters(self, *, limit: int, cursor: str) -> tuple[list[SentMessage], str]:
        """Messages that failed or may not have arrived, newest first, and the next cursor."""
        ...


class Deliveries:
    """Takes in receipts and lets people retry what failed."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        store: DeliveryStore,
        wake: Callable[[str], None],
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._conversations = conversations
        self._store = store
        self._wake = wake

    async def on_receipt(self, receipt: Receipt) -> None:
        """Record what the vendor says, unless something later is known already."""
        for pause in RECEIPT_PAUSES:
            await asyncio.sleep(pause)
            message = await self._store.by_external_id(receipt.address.channel, receipt.external_id)
            if message is not None:
                break
        else:
            log.info("a receipt on %s is about no message of ours", receipt.address.channel)
            return
        if RANK[receipt.state] <= RANK[message.state]:
            return
        recorded = ev.DeliveryRecorded(
            seq=message.seq, state=receipt.state, code=receipt.code, detail=receipt.detail
        )
        happened: tuple[ev.Event, ...] = (recorded,)
        if self._may_get_through(receipt, message):
            happened = (recorded, *self._once_more(receipt, message))
        await self._conversations.update(message.conversation_id, lambda _: happened)
        if len(happened) > 1:
            self._wake(message.conversation_id)

    def _may_get_through(self, receipt: Receipt, message: SentMessage) -> bool:
        # Of a message in several parts the others have arrived: a person decides about it.
        whole = len(message.external_ids) == 1
        failed = receipt.state is DeliveryState.FAILED
        return failed and receipt.again_after > 0 and whole and not message.sent_again

    def _once_more(self, receipt: Receipt, message: SentMessage) -> Sequence[ev.Event]:
        later = self._clock.now() + timedelta(seconds=receipt.again_after)
        return (
            ev.DeliveryRequeued(seq=message.seq, by="", author=message.author),
            ev.DeliveryRecorded(
                seq=message.seq,
                state=DeliveryState.QUEUED,
                code=receipt.code,
                detail=receipt.detail,
                retry_at=later,
            ),
        )

    async def dead_letters(
        self, user: User, *, limit: int = 50, cursor: str = ""
    ) -> tuple[list[SentMessage], str]:
        """What did not arrive, newest first. Raises Forbidden."""
        user.require(Action.CONVERSATION_READ)
        return await self._store.dead_letters(limit=limit, cursor=cursor)

    async def retry(self, user: User, message_id: str) -> None:
        """Send a dead letter once more. Raises NotFound, BadInput when it is not dead."""
        user.require(Action.DELIVERY_RETRY)
        message = await self._store.get(message_id)
        if message is None:
            raise NotFound
        if message.state not in (DeliveryState.FAILED, DeliveryState.UNKNOWN):
            raise BadInput(f"This message is {message.state.value}; only a failed one is retried.")

        for _ in range(RETRY_ATTEMPTS):
            if await self._requeued(user, message):
                break
        self._wake(message.conversation_id)

    async def _requeued(self, user: User, message: SentMessage) -> bool:
        """False when something happened in between; the list may lag, only the log decides."""
        state, seen = DeliveryState.QUEUED, 0
        for commit in await self._conversations.history(message.conversation_id):
            seen = commit.last
            for event in commit.events:
                match event:
                    case ev.DeliveryRecorded(seq=message.seq):
                        state = event.state
                    case ev.DeliveryRequeued(seq=message.seq):
                        state = DeliveryState.QUEUED
                    case _:
                        pass
        if state in (DeliveryState.QUEUED, DeliveryState.SENDING):
            return True  # the second click
        if state not in (DeliveryState.FAILED, DeliveryState.UNKNOWN):
            raise BadInput(f"This message is {state.value}; only a failed one is retried.")

        def requeue(c: Conversation) -> Sequence[ev.Event]:
            if c.seq != seen:
                return ()
            return (ev.DeliveryRequeued(seq=message.seq, by=user.email, author=message.author),)

        change = await self._conversations.update(message.conversation_id, requeue)
        return change.commit is not None
