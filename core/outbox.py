"""The only caller of `Channel.send`: hands stored messages over and records what became of them."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from core import events as ev
from core.channel import Channel, Reconciles
from core.clock import Clock
from core.conversations import Conversation, Outgoing, Status
from core.errors import (
    ChannelError,
    DeliveryAwaitsCustomer,
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryUnknown,
)
from core.messages import Author, Delivery, DeliveryState, OutboundMessage
from core.offers import buttons_under
from core.ports import ChannelDirectory
from core.repository import Change, Conversations
from core.wording import Words

log = logging.getLogger(__name__)

SEND_SECONDS = 30.0  #: a send that takes longer has an unknown outcome
MOST_ATTEMPTS = 12  #: with the doubling pauses below: about an hour
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 600.0
KEPT_TEXTS = 5_000  #: texts on their way kept in memory; older ones are read from the log
STALE = timedelta(hours=24)  #: an answer older than this confuses more than it helps
STALE_NOTICE = timedelta(minutes=30)  #: so does a notice on where the conversation stood


class Outbox:
    """Delivers the messages of a conversation one after the other."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        channels: ChannelDirectory,
        clock: Clock,
        words: Words | None = None,
    ) -> None:
        self._words = words  #: for the labels of buttons; None: no buttons
        self._conversations = conversations
        self._channels = channels
        self._clock = clock
        self._texts: dict[tuple[str, int], ev.Sent] = {}
        # The latest message of each customer: its number here and its id at the vendor's.
        self._asked: OrderedDict[str, tuple[int, str]] = OrderedDict()
        conversations.on_commit(self._keep_texts)

    async def deliver(self, conversation: Conversation, outgoing: Outgoing) -> None:
        """One attempt; afterwards its outcome is recorded, whatever it was."""
        channel = self._channels.get(conversation.channel)
        if channel is None:
            return
        if outgoing.state is DeliveryState.SENDING:
            await self._settle_unknown(conversation, outgoing, channel)
            return
        change = await self._conversations.update(
            conversation.id, lambda c: self._begin(c, outgoing)
        )
        started = change.commit is not None and any(
            isinstance(e, ev.DeliveryStarted) for e in change.commit.events
        )
        if started:
            message = await self._message(change.after, outgoing)
            await self._attempt(change.after, message, channel, doubled=False)

    def _begin(self, c: Conversation, outgoing: Outgoing) -> Sequence[ev.Event]:
        current = next((o for o in c.outgoing if o.seq == outgoing.seq), None)
        if current is None or current.state is not DeliveryState.QUEUED:
            return ()
        refusal = self._refusal(c, current)
        if refusal is not None:
            state, detail = refusal
            return (ev.DeliveryRecorded(seq=current.seq, state=state, detail=detail),)
        return (ev.DeliveryStarted(seq=current.seq, attempt=current.attempt + 1),)

    def _refusal(self, c: Conversation, o: Outgoing) -> tuple[DeliveryState, str] | None:
        age = self._clock.now() - o.at
        if c.opted_out:
            return DeliveryState.DROPPED, "the customer has opted out (STOP)"
        if c.status is Status.HUMAN and o.author is Author.AI:
            return DeliveryState.DROPPED, "a person had taken over before it was sent"
        if o.author is Author.SYSTEM and age > STALE_NOTICE:
            return DeliveryState.DROPPED, "the notice was out of date before it could be sent"
        if age > STALE:
            return DeliveryState.FAILED, "it could not be sent for more than a day"
        return None

    async def _attempt(
        self, before: Conversation, message: OutboundMessage, channel: Channel, *, doubled: bool
    ) -> None:
        seq = int(message.id.rpartition(".")[2])
        moved = ""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                delivery = await channel.send(message)
            moved = delivery.migrated_chat
            recorded = _recorded(seq, delivery, doubled=doubled)
        except DeliveryFailed as error:
            recorded = ev.DeliveryRecorded(
                seq=seq, state=DeliveryState.FAILED, detail=error.detail, code=error.code
            )
        except DeliveryUnknown as error:
            # SENDING stays: the next attempt asks the vendor before it sends again.
            recorded = self._again(
                message,
                DeliveryState.SENDING,
                error.detail,
                after=None,
                parts_done=error.parts_done,
            )
        except DeliveryAwaitsCustomer as error:
            # What may have arrived already goes out as a double, and is marked so, then too.
            state = DeliveryState.SENDING if doubled else DeliveryState.QUEUED
            recorded = self._again(
                message, state, error.detail, after=None, parts_done=error.parts_done
            )
            if channel.capabilities.answers_only:
                recorded = ev.DeliveryRecorded(
                    seq=seq,
                    state=state,
                    detail=error.detail,
                    parts_done=max(error.parts_done, message.skip_parts),
                    awaits_customer=True,
                )
        except DeliveryDeferred as error:
            recorded = self._again(
                message,
                DeliveryState.QUEUED,
                error.detail,
                after=error.retry_after,
                parts_done=error.parts_done,
            )
        except ChannelError as error:
            recorded = self._again(message, DeliveryState.QUEUED, error.detail, after=None)
        except TimeoutError:
            recorded = self._again(
                message, DeliveryState.SENDING, "the vendor did not answer", after=None
            )
        except Exception:
            log.exception("channel %s raised while sending", message.address.channel)
            recorded = self._again(
                message, DeliveryState.SENDING, "the channel broke while sending", after=None
            )

        def events(c: Conversation) -> Sequence[ev.Event]:
            happened: list[ev.Event] = [recorded]
            if recorded.awaits_customer and c.last_customer_at != before.last_customer_at:
                # He wrote while we tried: the way is open again already.
                happened = [replace(recorded, awaits_customer=False)]
            if moved and c.address is not None:
                happened.append(ev.AddressMoved(address=replace(c.address, chat=moved)))
            return happened

        await self._conversations.update(before.id, events)

    def _again(
        self,
        message: OutboundMessage,
        state: DeliveryState,
        detail: str,
        *,
        after: float | None,
        parts_done: int = 0,
    ) -> ev.DeliveryRecorded:
        seq = int(message.id.rpartition(".")[2])
        if message.attempt >= MOST_ATTEMPTS:
            ended = (
                DeliveryState.UNKNOWN if state is DeliveryState.SENDING else DeliveryState.FAILED
            )
            return ev.DeliveryRecorded(
                seq=seq, state=ended, detail=f"given up after {message.attempt} attempts: {detail}"
            )
        pause = after if after is not None else FIRST_PAUSE * 2 ** (message.attempt - 1)
        retry_at = self._clock.now() + timedelta(seconds=min(pause, LONGEST_PAUSE))
        return ev.DeliveryRecorded(
            seq=seq,
            state=state,
            detail=detail,
            retry_at=retry_at,
            parts_done=max(parts_done, message.skip_parts),
        )

    async def _settle_unknown(
        self, conversation: Conversation, outgoing: Outgoing, channel: Channel
    ) -> None:
        """An attempt has begun and nobody knows how it ended: ask, or send and say so."""
        message = await self._message(conversation, outgoing)
        found: Delivery | None = None
        if isinstance(channel, Reconciles):
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    found = await channel.find(message)
            except (ChannelError, TimeoutError) as error:
                recorded = self._again(message, DeliveryState.SENDING, str(error), after=None)
                await self._conversations.update(conversation.id, lambda _: (recorded,))
                return
            if found is not None:
                known = _recorded(outgoing.seq, found, doubled=False)
                await self._conversations.update(conversation.id, lambda _: (known,))
                return
        started = ev.DeliveryStarted(seq=outgoing.seq, attempt=outgoing.attempt + 1)
        change = await self._conversations.update(
            conversation.id, lambda c: self._refused(c, outgoing) or (started,)
        )
        if change.commit is not None and started in change.commit.events:
            doubled = not isinstance(channel, Reconciles)
            message = replace(message, attempt=outgoing.attempt + 1)
            await self._attempt(change.after, message, channel, doubled=doubled)

    def _refused(self, c: Conversation, o: Outgoing) -> Sequence[ev.Event]:
        refusal = self._refusal(c, o)
        if refusal is None:
            return ()
        _, detail = refusal
        return (
            ev.DeliveryRecorded(
                seq=o.seq, state=DeliveryState.UNKNOWN, detail=f"probably delivered; {detail}"
            ),
        )

    async def _message(self, c: Conversation, outgoing: Outgoing) -> OutboundMessage:
        sent = self._texts.get((c.id, outgoing.seq)) or await self._load(c.id, outgoing.seq)
        current = next((o for o in c.outgoing if o.seq == outgoing.seq), outgoing)
        assert c.address is not None
        return OutboundMessage(
            id=f"{c.id}.{outgoing.seq}",
            conversation_id=c.id,
            address=c.address,
            author=sent.author,
            text=sent.text,
            locale=c.locale,
            citations=sent.citations,
            buttons=buttons_under(sent, c, self._words) if self._words else (),
            attempt=max(current.attempt, 1),
            skip_parts=current.parts_done,
            reply_to=self._reply_to(c.id, sent),
            queued_at=current.at,
        )

    def _reply_to(self, conversation_id: str, sent: ev.Sent) -> str:
        seq, external_id = self._asked.get(conversation_id, (0, ""))
        return external_id if seq in sent.answers else ""

    async def _load(self, conversation_id: str, seq: int) -> ev.Sent:
        for commit in await self._conversations.history(conversation_id):
            for item in commit.numbered():
                match item.event:
                    case ev.Received(external_id=external_id) if external_id:
                        self._asked[conversation_id] = item.seq, external_id
                    case ev.Sent() as sent if item.seq == seq:
                        return sent
                    case _:
                        pass
        raise LookupError(f"no message {seq} in {conversation_id}")

    def _keep_texts(self, change: Change) -> None:
        assert change.commit is not None
        for item in change.commit.numbered():
            match item.event:
                case ev.Received(external_id=external_id) if external_id:
                    self._asked[change.after.id] = item.seq, external_id
                    self._asked.move_to_end(change.after.id)
                    if len(self._asked) > KEPT_TEXTS:
                        self._asked.popitem(last=False)
                case ev.Sent(pulled=False) as sent if len(self._texts) < KEPT_TEXTS:
                    self._texts[change.after.id, item.seq] = sent
                case ev.DeliveryRecorded(seq=seq, state=state):
                    if state not in (DeliveryState.QUEUED, DeliveryState.SENDING):
                        self._texts.pop((change.after.id, seq), None)
                case _:
                    pass


def _recorded(seq: int, delivery: Delivery, *, doubled: bool) -> ev.DeliveryRecorded:
    return ev.DeliveryRecorded(
        seq=seq,
        state=delivery.state,
        external_ids=delivery.external_ids,
        detail=delivery.detail,
        segments=delivery.segments,
        doubled=doubled,
    )
