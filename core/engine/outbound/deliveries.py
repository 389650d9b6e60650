"""Delivery tracking: receipts that come later, dead letters, retries."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial, reduce
from typing import Protocol

from core.accounts.roles import Action, User
from core.clock import Clock, SystemClock
from core.domain import events as ev
from core.domain.conversation import Conversation
from core.domain.messages import Author, DeliveryState, Receipt
from core.engine.repository import Conversations
from core.errors import BadInput, NotFound, StaleConversation

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

ATTEMPTS = 20  #: on a log to which somebody appends meanwhile
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The progress of one message, by the log."""

    seq: int  #: the message's number
    state: DeliveryState = DeliveryState.QUEUED
    external_ids: tuple[str, ...] = ()  #: what the vendor calls the last attempt; none: not yet
    sent_again: bool = False  #: as in `SentMessage`

    def after(self, item: ev.Numbered) -> Progress:
        """After this event of the conversation."""
        match item.event:
            case ev.DeliveryStarted(seq=self.seq):
                return replace(self, state=DeliveryState.SENDING)
            case ev.DeliveryRecorded(seq=self.seq) as e:
                ids = e.external_ids or self.external_ids
                return replace(self, state=e.state, external_ids=ids)
            case ev.DeliveryRequeued(seq=self.seq) as e:
                return Progress(seq=self.seq, sent_again=self.sent_again or not e.by)
            case _:
                return self

    def takes(self, receipt: Receipt) -> bool:
        """Whether the receipt says something new.

        Of an attempt before the last only its arrival is news: its failure is why there was
        another.
        """
        if RANK[receipt.state] <= RANK[self.state]:
            return False
        arrived = receipt.state in (DeliveryState.DELIVERED, DeliveryState.READ)
        return arrived or receipt.external_id in self.external_ids

    def may_get_through(self, receipt: Receipt) -> bool:
        """Whether what failed so is sent once more by itself."""
        # Of a message in several parts the others have arrived: a person decides about it.
        whole = len(self.external_ids) == 1
        failed = receipt.state is DeliveryState.FAILED
        return failed and receipt.again_after > 0 and whole and not self.sent_again


class DeliveryStore(Protocol):
    """The port to stored delivery states."""

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
            return  # the list may lag, but never runs ahead of the log

        def recorded(progress: Progress) -> Sequence[ev.Event]:
            if not progress.takes(receipt):
                return ()
            first = ev.DeliveryRecorded(
                seq=message.seq, state=receipt.state, code=receipt.code, detail=receipt.detail
            )
            if not progress.may_get_through(receipt):
                return (first,)
            return (first, *self._once_more(receipt, message))

        happened = await self._decided(message, recorded)
        if any(isinstance(event, ev.DeliveryRequeued) for event in happened):
            self._wake(message.conversation_id)

    async def _decided(
        self, message: SentMessage, decide: Callable[[Progress], Sequence[ev.Event]]
    ) -> Sequence[ev.Event]:
        """What `decide` said of the message as the log has it, appended unless that is nothing.

        A vendor says things twice, and at once: lists lag behind the log and what a conversation
        keeps of a message ends when it is sent, so the decision is made on the log and appended
        only if nothing was appended since. Raises StaleConversation, StoreUnavailable.
        """
        seq, conversation_id = message.seq, message.conversation_id
        for _ in range(ATTEMPTS):
            # The commit that holds it begins at most so far before it.
            start = max(seq - ev.LONGEST_COMMIT, 0)
            commits = await self._conversations.history(conversation_id, after=start)
            items = [item for commit in commits for item in commit.numbered()]
            sent = any(item.seq == seq and isinstance(item.event, ev.Sent) for item in items)
            erased = any(item.seq > seq and isinstance(item.event, ev.Erased) for item in items)
            if erased or not sent:
                return ()
            happened = tuple(decide(reduce(Progress.after, items, Progress(seq=seq))))
            if not happened:
                return ()
            seen = items[-1].seq
            change = await self._conversations.update(
                conversation_id, partial(_unless_newer, seen, happened)
            )
            if change.commit is not None:
                return happened
            if change.after.seq < seen:
                self._conversations.forget(conversation_id)  # another process wrote
        raise StaleConversation

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

        def requeued(progress: Progress) -> Sequence[ev.Event]:
            if progress.state in (DeliveryState.QUEUED, DeliveryState.SENDING):
                return ()  # the second click
            if progress.state not in (DeliveryState.FAILED, DeliveryState.UNKNOWN):
                raise BadInput(
                    f"This message is {progress.state.value}; only a failed one is retried."
                )
            return (ev.DeliveryRequeued(seq=message.seq, by=user.email, author=message.author),)

        await self._decided(message, requeued)
        self._wake(message.conversation_id)


def _unless_newer(seen: int, happened: Sequence[ev.Event], c: Conversation) -> Sequence[ev.Event]:
    return happened if c.seq == seen else ()
