"""One step of the card sync: makes Slack show what a conversation's log says."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from approvals.queue.arrival import is_trouble
from approvals.queue.model import Approval, ApprovalState, given_to
from approvals.slack.history import ConversationHistory, Strand, alarms, past_of, waits
from approvals.slack.posts import MARK, Desk, Posts, mark, stamp_of
from approvals.slack.sync_store import ERASED, CardRecord, CardStore
from approvals.slack.thread_files import Content, ThreadFiles, of_strand
from approvals.slack.views.cards import Looks, card, small
from approvals.slack.views.thread import before, erased_card, talk_card, thread_head, told
from core.clock import Clock
from core.domain import events as ev
from core.domain.conversation import Conversation, Status
from core.engine.repository import Conversations
from core.rendering.slack import SlackMessage
from core.sdk.rate_limit import Pacer
from core.slack.errors import SlackGone, SlackRefused
from core.slack.mrkdwn import escaped

log = logging.getLogger(__name__)

Escalated = Callable[[str], Awaitable[None]]
"""Takes the id of a draft about which supervisors have just been called in Slack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """The outcome of one step: how far the conversation has been synchronized."""

    seq: int
    open: bool  #: what is shown of it may still change


class Step:
    """Synchronizes one conversation; idempotent, and the next step finishes a broken one."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        cards: CardStore,
        escalated: Escalated,
        clock: Clock,
        pacer: Pacer,
        content: Content | None = None,
    ) -> None:
        """`content` gives the bytes of customers' files; without it threads show none."""
        self._files = ThreadFiles(content=content, cards=cards) if content else None
        self._conversations = conversations
        self._cards = cards
        self._escalated = escalated
        self._posts = Posts(cards=cards, clock=clock, pacer=pacer)

    async def bring_up(self, desk: Desk, conversation_id: str) -> Brought:
        """Post, change and tell what is missing in Slack. Raises what Slack does, and
        StoreUnavailable.
        """
        past = past_of(conversation_id, await self._conversations.history(conversation_id))
        if past.state.is_invented:
            return Brought(seq=past.state.seq, open=False)  # nobody is called for a demonstration
        records = {r.id: r for r in await self._cards.of_conversation(conversation_id)}
        looks = desk.looks()
        await self._wipe_erased(desk, past, records, looks)
        is_open = False
        if not past.state.erased:
            # The drafts first: only then is it known which talks have no thread of theirs.
            drafts = [s for s in past.strands(shown=frozenset()) if s.approval is not None]
            for strand in drafts:
                record = await self._draft_shown(desk, strand, past, records, looks)
                if record is not None:
                    records[strand.id] = record
            shown = frozenset(r.id for r in records.values() if r.ts)
            for strand in past.strands(shown=shown):
                is_open |= await self._strand(desk, strand, past, records, looks)
        return Brought(seq=past.state.seq, open=is_open)

    async def _strand(
        self,
        desk: Desk,
        strand: Strand,
        past: ConversationHistory,
        records: Mapping[str, CardRecord],
        looks: Looks,
    ) -> bool:
        """Tell the strand's thread; gives whether it may still change."""
        record = records.get(strand.id)
        a = strand.approval
        if a is None:
            if record is None and not strand.held:
                return False
            if record is not None and not (record.open or strand.held):
                return False
            record = record or CardRecord(
                id=strand.id,
                conversation_id=past.state.id,
                channel=desk.channel,
                told=strand.since,
            )
            record = await self._talk_shown(desk, record, strand, past, looks)
        elif record is None or not (record.open or waits(a) or alarms(a) or strand.held):
            return False
        if record.ts:
            record = await self._tell(desk, record, strand, past, looks)
            if self._files is not None:
                files = list(of_strand(strand, past))
                record = await self._files.share(
                    desk.slack, record, files, looks, mark=mark(f"{record.id}/file")
                )
        stays = (a is not None and (waits(a) or alarms(a))) or strand.held
        if record.open != stays:
            await self._posts.save(replace(record, open=stays))
        return stays

    async def _draft_shown(
        self,
        desk: Desk,
        strand: Strand,
        past: ConversationHistory,
        records: Mapping[str, CardRecord],
        looks: Looks,
    ) -> CardRecord | None:
        """The draft's card, as it is to look now; None where it needs none."""
        a, record = strand.approval, records.get(strand.id)
        assert a is not None
        if record is None:
            if a.state is not ApprovalState.PENDING:
                return None
            record = CardRecord(
                id=a.id,
                conversation_id=a.conversation_id,
                channel=desk.channel,
                told=strand.since,
            )
        elif not (record.open or alarms(a) or a.state is ApprovalState.PENDING):
            return record
        asked = past.asked(strand)
        assert asked is not None
        earlier = before(past.items, strand.since, leave_out=asked.answers)
        return await self._posts.show(
            desk,
            record,
            card(a, looks, earlier=earlier),
            instead=small(a, looks),
            # Decided before it could be shown: there is nothing to press any more.
            wanted=a.state is ApprovalState.PENDING,
        )

    async def _talk_shown(
        self, desk: Desk, r: CardRecord, strand: Strand, past: ConversationHistory, looks: Looks
    ) -> CardRecord:
        posted = talk_card(
            _as_of(strand, past),
            looks,
            before=before(past.items, strand.since),
            carried=f"{strand.id} 0",
        )
        return await self._posts.show(desk, r, posted, instead=posted, wanted=strand.held)

    async def _tell(
        self, desk: Desk, r: CardRecord, strand: Strand, past: ConversationHistory, looks: Looks
    ) -> CardRecord:
        """Tell the thread what has happened since, in order, each thing once."""
        if r.posting:
            r = await self._posts.settle(desk, r)
        a = strand.approval
        human = a is None
        head_at = past.taken_at(strand) if a is not None else 0
        for number, item in enumerate(strand.items):
            if item.seq == head_at:
                if not r.head_ts:
                    r = await self._head_posted(desk, r, strand, past, looks, at=item.seq)
            elif item.seq > r.told and item.seq not in r.own:
                post = told(
                    item,
                    looks,
                    about=past.state,
                    human=human or isinstance(item.event, ev.TakenOver),
                    waits=a is not None and a.state is ApprovalState.PENDING,
                    on_duty=desk.on_duty,
                    supervisors=desk.supervisors,
                    receiver=await _receiver(desk, strand.items[number : number + 2]),
                    lost=await _lost(desk, a, item.event),
                )
                if post is not None:
                    await self._posts.tell(desk, r, post, key=f"{r.id}/{item.seq}")
                    if isinstance(item.event, ev.ReviewEscalated) and desk.supervisors:
                        await self._escalated(item.event.draft_id)
                    r = await self._posts.save(replace(r, told=item.seq, posting=""))
            match item.event:
                case ev.TakenOver():
                    human = True
                case ev.HandedBack() | ev.Resolved():
                    human = False
                case _:
                    pass
        if r.head_ts:
            r = await self._bring_up_head(desk, r, strand, past, looks)
        return r

    async def _head_posted(
        self,
        desk: Desk,
        r: CardRecord,
        strand: Strand,
        past: ConversationHistory,
        looks: Looks,
        *,
        at: int,
    ) -> CardRecord:
        assert strand.approval is not None
        head = _head(strand.approval, _as_of(strand, past), past, looks, at=at)
        ts = await self._posts.tell(desk, r, head, key=f"{r.id}/head")
        return await self._posts.save(
            replace(r, head_ts=ts, head_stamp=stamp_of(head), told=at, posting="")
        )

    async def _bring_up_head(
        self, desk: Desk, r: CardRecord, strand: Strand, past: ConversationHistory, looks: Looks
    ) -> CardRecord:
        assert strand.approval is not None
        at = past.taken_at(strand)
        head = _head(strand.approval, _as_of(strand, past), past, looks, at=at)
        stamp = stamp_of(head)
        if stamp == r.head_stamp:
            return r
        with contextlib.suppress(SlackGone):
            await desk.slack.update(r.channel, r.head_ts, head)
        return await self._posts.save(replace(r, head_stamp=stamp))

    async def _wipe_erased(
        self, desk: Desk, past: ConversationHistory, records: Mapping[str, CardRecord], looks: Looks
    ) -> None:
        """The customer was erased: what Slack shows of them goes as well.

        Their log goes too, perhaps before we look; what has a card and no log was erased.
        """
        known = {a.id for a, _ in past.approvals} | {
            strand.id for strand in past.strands(shown=frozenset())
        }
        gone = [r for r in records.values() if (past.state.erased or r.id not in known) and r.ts]
        for r in gone:
            if r.told >= ERASED:
                continue
            if not r.open:
                # Until it is done, a restart has to look here again.
                r = await self._posts.save(replace(r, open=True))
            with contextlib.suppress(SlackGone):
                await desk.slack.update(r.channel, r.ts, erased_card(looks))
            if self._files is not None:
                await self._files.remove(desk.slack, r)
            try:
                await desk.slack.clear(r.channel, r.ts, kind=MARK)
            except SlackRefused as error:
                log.warning(
                    "the thread of the erased %s stays in Slack (%s)",
                    r.conversation_id,
                    error.code,
                )
            await self._posts.save(replace(r, told=ERASED, head_ts="", posting="", open=False))


def _as_of(strand: Strand, past: ConversationHistory) -> Conversation:
    """The conversation as this strand's thread has it: a later one's affairs are not its."""
    if not strand.held and past.state.status is Status.HUMAN:
        return replace(past.state, status=Status.AI)
    return past.state


def _head(
    a: Approval, c: Conversation, past: ConversationHistory, looks: Looks, *, at: int
) -> SlackMessage:
    carried = f"{a.id} {a.version}"
    return thread_head(c, looks, before=before(past.items, at), carried=carried)


async def _receiver(desk: Desk, items: Sequence[ev.Numbered]) -> str:
    """Slack's id of a colleague to whom the conversation was given; "" for all else."""
    match [item.event for item in items]:
        case [ev.TakenOver(by=to), ev.Noted(by=giver, text=text)] if text == given_to(giver, to):
            return await desk.member_of(to) if desk.member_of else ""
        case _:
            return ""


async def _lost(desk: Desk, a: Approval | None, event: ev.Event) -> str | None:
    """Whom to call because what they decided did not arrive; None for all other news."""
    if a is None or a.arrival is None or not is_trouble(event):
        return None
    if not isinstance(event, ev.DeliveryRecorded) or event.seq != a.arrival.seq:
        return None
    member = await desk.member_of(a.decided_by) if desk.member_of else ""
    return f"<@{member}>" if member else escaped(a.decided_by, 300)
