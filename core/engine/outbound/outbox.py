"""The outbox: the only caller of `Channel.send`; delivers stored messages and records outcomes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from core.clock import Clock
from core.domain import events as ev
from core.domain.conversation import Conversation, Outgoing, Status, placed
from core.domain.message_index import taken_back
from core.domain.messages import Author, Delivery, DeliveryState, OutboundFile, OutboundMessage
from core.engine.outbound.quick_replies import buttons_under
from core.engine.ports import ChannelDirectory, OutgoingFiles, Ownership, SoleOwner
from core.engine.repository import Change, Conversations
from core.errors import (
    ChannelError,
    DeliveryAwaitsCustomer,
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryUnknown,
)
from core.i18n import Words
from core.runtime.backoff import Backoff
from core.runtime.lru import LruDict
from core.runtime.telemetry import tracing
from core.sdk.channel import Channel, Reconciles

log = logging.getLogger(__name__)

SEND_SECONDS = 30.0  #: a send that takes longer has an unknown outcome
MOST_ATTEMPTS = 12  #: with the pauses below: about half an hour
BACKOFF = Backoff(1.0, 600.0)
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
        files: OutgoingFiles | None = None,
        disclosure: Callable[[Conversation], str] = lambda _: "",
        ownership: Ownership | None = None,
    ) -> None:
        """`disclosure` gives what the first message of a machine says before its text."""
        self._disclosure = disclosure
        self._ownership = ownership or SoleOwner()
        self._files = files  #: gives what goes with messages; None: they go without
        self._words = words  #: for the labels of buttons; None: no buttons
        self._conversations = conversations
        self._channels = channels
        self._clock = clock
        self._texts: dict[tuple[str, int], ev.Sent] = {}
        # The latest message of each customer: its number here and its id at the vendor's.
        self._asked: LruDict[str, tuple[int, str]] = LruDict(KEPT_TEXTS)
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
            sent = await self._sent(conversation.id, outgoing)
            message = await self._message(change.after, outgoing, sent)
            await self._attempt(change.after, message, channel, sent, doubled=False)

    def _may_send(self, c: Conversation, outgoing: Outgoing) -> bool:
        """Whether it is ours to send, and nobody who came after us has begun to."""
        return self._ownership.owns(c.id) and outgoing.fence <= self._ownership.fence(c.id)

    def _begin(self, c: Conversation, outgoing: Outgoing) -> Sequence[ev.Event]:
        current = next((o for o in c.outgoing if o.seq == outgoing.seq), None)
        if current is None or current.state is not DeliveryState.QUEUED:
            return ()
        if not self._may_send(c, current):
            return ()
        refusal = self._refusal(c, current)
        if refusal is not None:
            state, detail = refusal
            return (ev.DeliveryRecorded(seq=current.seq, state=state, detail=detail),)
        # The message that was to say who writes may have failed after this one was stored.
        by_machine = current.author is Author.AI or (
            current.author is Author.SYSTEM and not current.by_person
        )
        said = self._disclosure(c) if by_machine else ""
        return (
            ev.DeliveryStarted(
                seq=current.seq,
                attempt=current.attempt + 1,
                disclosure=said,
                fence=self._ownership.fence(c.id),
            ),
        )

    def _refusal(self, c: Conversation, o: Outgoing) -> tuple[DeliveryState, str] | None:
        age = self._clock.now() - o.at
        if c.opted_out:
            return DeliveryState.DROPPED, "the customer has opted out (STOP)"
        if c.wants_no_machine and not o.by_person:
            return DeliveryState.DROPPED, "the customer seems to opt out; a person decides first"
        if c.status is Status.HUMAN and o.author is Author.AI:
            return DeliveryState.DROPPED, "a person had taken over before it was sent"
        if o.author is Author.AI and not o.parts_done and _is_for_nothing(c, o):
            return DeliveryState.DROPPED, "the customer had taken the question back"
        if o.author is Author.SYSTEM and age > STALE_NOTICE:
            return DeliveryState.DROPPED, "the notice was out of date before it could be sent"
        if age > STALE:
            return DeliveryState.FAILED, "it could not be sent for more than a day"
        return None

    async def _attempt(
        self,
        before: Conversation,
        message: OutboundMessage,
        channel: Channel,
        sent: ev.Sent,
        *,
        doubled: bool,
    ) -> None:
        """Send it once, as a part of the trace of the message that it answers."""
        seq = int(message.id.rpartition(".")[2])
        with (
            tracing.about(before.id, min(sent.answers, default=seq)),
            tracing.stage("deliver", channel=message.address.channel) as span,
        ):
            span.note(attempt=message.attempt)
            recorded = await self._try(before, message, channel, doubled=doubled)
            if recorded is not None:
                span.note(state=recorded.state.value)

    async def _try(
        self, before: Conversation, message: OutboundMessage, channel: Channel, *, doubled: bool
    ) -> ev.DeliveryRecorded | None:
        """What became of it, recorded; None where it was not ours to send any more."""
        seq = int(message.id.rpartition(".")[2])
        moved = ""
        if not self._ownership.owns(before.id):
            # Lost since it was recorded that we begin: whoever has it finds out and sends.
            return None
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
            if not _waits(c, seq):
                return ()  # whoever it was for has been forgotten meanwhile
            happened: list[ev.Event] = [recorded]
            if recorded.awaits_customer and c.last_customer_at != before.last_customer_at:
                # The customer wrote while we tried: the way is open again already.
                happened = [replace(recorded, awaits_customer=False)]
            if moved and c.address is not None:
                happened.append(ev.AddressMoved(address=replace(c.address, chat=moved)))
            return happened

        await self._conversations.update(before.id, events)
        return recorded

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
        pause = BACKOFF.after(message.attempt) if after is None else min(after, BACKOFF.longest)
        retry_at = self._clock.now() + timedelta(seconds=pause)
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
        sent = await self._sent(conversation.id, outgoing)
        message = await self._message(conversation, outgoing, sent)
        found: Delivery | None = None
        if isinstance(channel, Reconciles):
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    found = await channel.find(message)
            except (ChannelError, TimeoutError) as error:
                recorded = self._again(message, DeliveryState.SENDING, str(error), after=None)
                await self._note(conversation.id, recorded)
                return
            if found is not None:
                await self._note(conversation.id, _recorded(outgoing.seq, found, doubled=False))
                return
        started = ev.DeliveryStarted(
            seq=outgoing.seq,
            attempt=outgoing.attempt + 1,
            fence=self._ownership.fence(conversation.id),
        )

        def begin(c: Conversation) -> Sequence[ev.Event]:
            current = next((o for o in c.outgoing if o.seq == outgoing.seq), None)
            if current is None or not self._may_send(c, current):
                return ()
            return self._refused(c, outgoing) or (started,)

        change = await self._conversations.update(conversation.id, begin)
        if change.commit is not None and started in change.commit.events:
            doubled = not isinstance(channel, Reconciles)
            message = replace(message, attempt=outgoing.attempt + 1)
            await self._attempt(change.after, message, channel, sent, doubled=doubled)

    async def _note(self, conversation_id: str, recorded: ev.DeliveryRecorded) -> None:
        await self._conversations.update(
            conversation_id, lambda c: (recorded,) if _waits(c, recorded.seq) else ()
        )

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

    async def _sent(self, conversation_id: str, outgoing: Outgoing) -> ev.Sent:
        kept = self._texts.get((conversation_id, outgoing.seq))
        return kept or await self._load(conversation_id, outgoing.seq)

    async def _message(self, c: Conversation, outgoing: Outgoing, sent: ev.Sent) -> OutboundMessage:
        current = next((o for o in c.outgoing if o.seq == outgoing.seq), outgoing)
        address = placed(c.address, current.place)
        assert address is not None
        files, links = await self._files_of(c, outgoing.seq, sent)
        return OutboundMessage(
            id=f"{c.id}.{outgoing.seq}",
            conversation_id=c.id,
            address=address,
            author=sent.author,
            text="\n\n".join(part for part in (sent.whole, links) if part),
            ai=sent.ai,
            reviewed=sent.ai and bool(sent.by),
            files=files,
            locale=c.locale,
            citations=sent.citations,
            buttons=buttons_under(sent, c, self._words) if self._words else (),
            attempt=max(current.attempt, 1),
            skip_parts=current.parts_done,
            reply_to=self._reply_to(c.id, sent),
            queued_at=current.at,
        )

    async def _files_of(
        self, c: Conversation, seq: int, sent: ev.Sent
    ) -> tuple[tuple[OutboundFile, ...], str]:
        if not sent.attachments or self._files is None:
            return (), ""
        return await self._files.of(c.channel, c.id, seq, sent.attachments)

    def _reply_to(self, conversation_id: str, sent: ev.Sent) -> str:
        seq, external_id = self._asked.get(conversation_id, (0, ""))
        return external_id if seq in sent.answers else ""

    async def _load(self, conversation_id: str, seq: int) -> ev.Sent:
        found: ev.Sent | None = None
        for commit in await self._conversations.history(conversation_id):
            for item in commit.numbered():
                match item.event:
                    case ev.Received(external_id=external_id) if external_id and found is None:
                        self._asked[conversation_id] = item.seq, external_id
                    case ev.Sent() as sent if item.seq == seq:
                        found = sent
                    case ev.DeliveryStarted() as started if found and started.seq == seq:
                        found = _disclosed(found, started)
                    case _:
                        pass
        if found is None:
            raise LookupError(f"no message {seq} in {conversation_id}")
        return found

    def forget(self, conversation_id: str) -> None:
        """Drop what is remembered of its texts; what is still to be sent is in the log."""
        self._asked.pop(conversation_id, None)
        for key in [key for key in self._texts if key[0] == conversation_id]:
            del self._texts[key]

    def forget_all(self) -> None:
        """The same of every conversation."""
        self._asked.clear()
        self._texts.clear()

    def _keep_texts(self, change: Change) -> None:
        assert change.commit is not None
        for item in change.commit.numbered():
            match item.event:
                case ev.Received(external_id=external_id) if external_id:
                    self._asked[change.after.id] = item.seq, external_id
                case ev.Sent(pulled=False) as sent if len(self._texts) < KEPT_TEXTS:
                    self._texts[change.after.id, item.seq] = sent
                case ev.DeliveryStarted(seq=seq) as started:
                    if (key := (change.after.id, seq)) in self._texts:
                        self._texts[key] = _disclosed(self._texts[key], started)
                case ev.DeliveryRecorded(seq=seq, state=state):
                    if state not in (DeliveryState.QUEUED, DeliveryState.SENDING):
                        self._texts.pop((change.after.id, seq), None)
                case ev.Erased():
                    self.forget(change.after.id)
                case _:
                    pass


def _is_for_nothing(c: Conversation, o: Outgoing) -> bool:
    """Whether all that this message answers was taken back."""
    turn = next((t for t in c.memory if t.seq == o.seq), None)
    return turn is not None and taken_back(c.messages, turn.answers)


def _disclosed(sent: ev.Sent, started: ev.DeliveryStarted) -> ev.Sent:
    """The message with what its delivery has put before it."""
    return sent if sent.disclosure else replace(sent, disclosure=started.disclosure)


def _waits(c: Conversation, seq: int) -> bool:
    """Whether this message is still on its way in this conversation."""
    return any(o.seq == seq for o in c.outgoing)


def _recorded(seq: int, delivery: Delivery, *, doubled: bool) -> ev.DeliveryRecorded:
    return ev.DeliveryRecorded(
        seq=seq,
        state=delivery.state,
        external_ids=delivery.external_ids,
        detail=delivery.detail,
        segments=delivery.segments,
        doubled=doubled,
    )
