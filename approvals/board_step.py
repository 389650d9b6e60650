"""One step of the board: what Slack shows of one conversation becomes what its log says."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from approvals.blocks import Posted
from approvals.board_port import Desk, SlackGone, SlackRefused
from approvals.board_posts import Posts, stamp_of
from approvals.board_store import CardRecord, CardStore
from approvals.cards import Looks, card, small
from approvals.heads import erased_card, talk_card, thread_head
from approvals.model import Approval, ApprovalState, given_to
from approvals.past import Past, Strand, past_of, waits
from approvals.thread import before, told
from core import events as ev
from core.clock import Clock
from core.conversations import Conversation, Status
from core.pacing import Pacer
from core.repository import Conversations

log = logging.getLogger(__name__)

ERASED = 2**31  #: told of an erased conversation: beyond every event


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """How far a conversation has been brought up."""

    seq: int
    open: bool  #: what is shown of it may still change


class Step:
    """Brings up one conversation; again is the same, and a broken step is finished by the next."""

    def __init__(
        self, *, conversations: Conversations, cards: CardStore, clock: Clock, pacer: Pacer
    ) -> None:
        self._conversations = conversations
        self._cards = cards
        self._posts = Posts(cards=cards, clock=clock, pacer=pacer)

    async def bring_up(self, desk: Desk, conversation_id: str) -> Brought:
        """Post, change and tell what is missing in Slack. Raises what Slack does, and
        StoreUnavailable.
        """
        past = past_of(conversation_id, await self._conversations.history(conversation_id))
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
        past: Past,
        records: Mapping[str, CardRecord],
        looks: Looks,
    ) -> bool:
        """Tell the strand's thread; gives whether it may still change."""
        record = records.get(strand.id)
        a = strand.approval
        if a is None:
            if record is None and not past.is_held(strand):
                return False
            if record is not None and not (record.open or past.is_held(strand)):
                return False
            record = record or CardRecord(
                id=strand.id,
                conversation_id=past.state.id,
                channel=desk.channel,
                told=strand.since,
            )
            record = await self._talk_shown(desk, record, strand, past, looks)
        elif record is None or not (record.open or waits(a) or past.is_held(strand)):
            return False
        if record.ts:
            record = await self._tell(desk, record, strand, past, looks)
        stays = (a is not None and waits(a)) or past.is_held(strand)
        if record.open != stays:
            await self._posts.save(replace(record, open=stays))
        return stays

    async def _draft_shown(
        self,
        desk: Desk,
        strand: Strand,
        past: Past,
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
        elif not (record.open or a.state is ApprovalState.PENDING):
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
        self, desk: Desk, r: CardRecord, strand: Strand, past: Past, looks: Looks
    ) -> CardRecord:
        posted = talk_card(
            _as_of(strand, past),
            looks,
            before=before(past.items, strand.since),
            carried=f"{strand.id} 0",
        )
        return await self._posts.show(desk, r, posted, instead=posted, wanted=past.is_held(strand))

    async def _tell(
        self, desk: Desk, r: CardRecord, strand: Strand, past: Past, looks: Looks
    ) -> CardRecord:
        """Tell the thread what has happened since, in order, each thing once."""
        if r.posting:
            r = await self._posts.settle(desk, r)
        a = strand.approval
        human = a is None
        head_at = past.taken_at(strand) if a is not None else 0
        for number, item in enumerate(past.items):
            if item.seq <= strand.since:
                continue
            if item.seq >= strand.until:
                break
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
                    receiver=await _receiver(desk, past.items[number : number + 2]),
                )
                if post is not None:
                    await self._posts.tell(desk, r, post, key=f"{r.id}/{item.seq}")
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
        self, desk: Desk, r: CardRecord, strand: Strand, past: Past, looks: Looks, *, at: int
    ) -> CardRecord:
        assert strand.approval is not None
        head = _head(strand.approval, _as_of(strand, past), past, looks, at=at)
        ts = await self._posts.tell(desk, r, head, key=f"{r.id}/head")
        return await self._posts.save(
            replace(r, head_ts=ts, head_stamp=stamp_of(head), told=at, posting="")
        )

    async def _bring_up_head(
        self, desk: Desk, r: CardRecord, strand: Strand, past: Past, looks: Looks
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
        self, desk: Desk, past: Past, records: Mapping[str, CardRecord], looks: Looks
    ) -> None:
        """The customer was erased: what Slack shows of him goes as well.

        His log goes too, perhaps before we look; what has a card and no log was erased.
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
            try:
                await desk.slack.clear(r.channel, r.ts)
            except SlackRefused as error:
                log.warning(
                    "the thread of the erased %s stays in Slack (%s)",
                    r.conversation_id,
                    error.detail,
                )
            await self._posts.save(replace(r, told=ERASED, head_ts="", posting="", open=False))


def _as_of(strand: Strand, past: Past) -> Conversation:
    """The conversation as this strand's thread has it: a later one's affairs are not its."""
    if not strand.is_last and past.state.status is Status.HUMAN:
        return replace(past.state, status=Status.AI)
    return past.state


def _head(a: Approval, c: Conversation, past: Past, looks: Looks, *, at: int) -> Posted:
    carried = f"{a.id} {a.version}"
    return thread_head(c, looks, before=before(past.items, at), carried=carried)


async def _receiver(desk: Desk, items: Sequence[ev.Numbered]) -> str:
    """Slack's id of a colleague to whom the conversation was given; "" for all else."""
    match [item.event for item in items]:
        case [ev.TakenOver(by=to), ev.Noted(by=giver, text=text)] if text == given_to(giver, to):
            return await desk.member_of(to) if desk.member_of else ""
        case _:
            return ""
