"""Keeps the cards in Slack as the log says: posts them, brings them up to date, tells threads.

Everything is done by one idempotent step, `bring up a conversation`; what Slack or the store
refuses now is done by a later step, so nothing has to be remembered about failures.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from weakref import WeakValueDictionary

from approvals import model
from approvals.blocks import Posted
from approvals.board_store import CardRecord, CardStore
from approvals.cards import Looks, card, small, thread_head
from approvals.model import Approval, ApprovalState, fold, is_about_approvals
from approvals.store import ApprovalStore
from approvals.thread import before, told
from core import events as ev
from core.clock import Clock
from core.conversations import Conversation, Status
from core.errors import ContactCenterError, DeliveryDeferred, StoreUnavailable
from core.pacing import Pace, Pacer
from core.ports import Lease
from core.repository import Conversations

log = logging.getLogger(__name__)

AT_ONCE = 8  #: conversations brought up at the same time
#: Slack takes bursts and says when they are too long; then we wait as long as it says
POSTS = Pace(burst=60, per_second=1)
SWEEP_SECONDS = 15.0
DOUBT_SECONDS = 1.0  #: before we look whether a message came through after all
REFUSED_SECONDS = 15.0
STORE_SECONDS = 1.0
ERASED = 2**31  #: told of an erased conversation: beyond every event
LIMITED = frozenset({"ratelimited", "rate_limited"})
UNSHOWABLE = frozenset({"invalid_blocks", "msg_blocks_too_long", "msg_too_long"})


class SlackAway(ContactCenterError):
    """Slack did not take it; it will later."""

    def __init__(self, detail: str = "", *, after: float = 2.0) -> None:
        self.after = after
        super().__init__(detail)


class SlackDoubt(ContactCenterError):
    """No answer came: Slack may have taken it."""


class SlackGone(ContactCenterError):
    """The message is not there any more."""


class SlackRefused(ContactCenterError):
    """Slack will not take this; the detail is its code."""


class Slack(Protocol):
    """What the board needs of Slack; raises the errors above."""

    async def post(self, channel: str, posted: Posted, *, key: str, thread: str = "") -> str:
        """Post a message that carries our key; gives its time stamp."""
        ...

    async def update(self, channel: str, ts: str, posted: Posted) -> None:
        """Let the message look like this."""
        ...

    async def find(self, channel: str, *, key: str, since: datetime, thread: str = "") -> str:
        """The time stamp of our message with this key, "" when it is not there."""
        ...

    async def clear(self, channel: str, thread: str) -> None:
        """Delete what we have posted in this thread, the message that heads it left out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where the cards are, how they are worded, and whom to call."""

    slack: Slack
    channel: str
    looks: Callable[[], Looks]
    on_duty: str = ""
    supervisors: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Past:
    """A conversation as the log tells it."""

    state: Conversation
    items: list[ev.Numbered]
    approvals: Sequence[tuple[Approval, int]]  #: each with the number of its request, in order


class _Heard:
    """A Slack whose every answer is noticed: trouble is over when it speaks again."""

    def __init__(self, slack: Slack, answered: Callable[[], None]) -> None:
        self._slack = slack
        self._answered = answered

    async def post(self, channel: str, posted: Posted, *, key: str, thread: str = "") -> str:
        ts = await self._slack.post(channel, posted, key=key, thread=thread)
        self._answered()
        return ts

    async def update(self, channel: str, ts: str, posted: Posted) -> None:
        await self._slack.update(channel, ts, posted)
        self._answered()

    async def find(self, channel: str, *, key: str, since: datetime, thread: str = "") -> str:
        return await self._slack.find(channel, key=key, since=since, thread=thread)

    async def clear(self, channel: str, thread: str) -> None:
        await self._slack.clear(channel, thread)
        self._answered()


class Board:
    """The cards of one desk; `look` is cheap and may be called for anything that happens."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        approvals: ApprovalStore,
        cards: CardStore,
        lease: Lease,
        clock: Clock,
    ) -> None:
        self._conversations = conversations
        self._approvals = approvals
        self._cards = cards
        self._lease = lease
        self._clock = clock
        self._pacer = Pacer(clock)
        self._desk: Desk | None = None
        self._dirty: dict[str, None] = {}
        self._busy: set[str] = set()
        self._open: set[str] = set()  #: conversations with cards that may still change
        self._seen: dict[str, int] = {}  #: up to which event a conversation has been brought up
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.trouble = ""  #: Slack's code when it refuses us, "away" when it is silent

    def attach(self, desk: Desk) -> None:
        """From now on the cards are there; everything is looked at again."""
        self._desk = replace(desk, slack=_Heard(desk.slack, self._answered))
        self._seen.clear()
        self._wake.set()

    def detach(self) -> None:
        """There is no desk in Slack any more."""
        self._desk, self.trouble = None, ""

    def _answered(self) -> None:
        self.trouble = ""

    def concerns(self, commit: ev.Commit) -> bool:
        """Whether a card may look different after this commit."""
        if any(is_about_approvals(event) for event in commit.events):
            return True
        return commit.conversation_id in self._open

    def look(self, conversation_id: str) -> None:
        """Bring this conversation's cards up to date soon."""
        self._dirty[conversation_id] = None
        self._wake.set()

    def lock(self, conversation_id: str) -> asyncio.Lock:
        """Held while a conversation's cards are being changed."""
        lock = self._locks.get(conversation_id)
        if lock is None:
            lock = self._locks[conversation_id] = asyncio.Lock()
        return lock

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            await self._until_swept()
            while True:
                self._wake.clear()
                for conversation_id in list(self._dirty):
                    if len(self._busy) >= AT_ONCE:
                        break
                    if conversation_id not in self._busy:
                        del self._dirty[conversation_id]
                        self._begin(conversation_id)
                try:
                    async with asyncio.timeout(SWEEP_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    await self._try_sweep()
        finally:
            for timer in self._timers.values():
                timer.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def sweep(self) -> None:
        """Look at everything that may have been missed. Raises StoreUnavailable."""
        wanted = {record.conversation_id for record in await self._cards.open()}
        self._open |= wanted
        cursor = ""
        while True:
            page = await self._approvals.pending(cursor=cursor, limit=500)
            wanted |= {a.conversation_id for a in page.items}
            cursor = page.next
            if not cursor:
                break
        for conversation_id in sorted(wanted):
            state = await self._conversations.peek(conversation_id)
            if self._seen.get(conversation_id) != state.seq:
                self.look(conversation_id)

    async def _until_swept(self) -> None:
        while not await self._try_sweep():  # noqa: ASYNC110
            # The store calls nobody when it is back.
            await asyncio.sleep(STORE_SECONDS)

    async def _try_sweep(self) -> bool:
        try:
            await self.sweep()
        except StoreUnavailable:
            log.warning("the store is away; the cards in Slack are looked at again in a moment")
            return False
        return True

    def _begin(self, conversation_id: str) -> None:
        self._busy.add(conversation_id)
        task = asyncio.create_task(self._step(conversation_id), name=f"card {conversation_id}")
        self._tasks.add(task)

        def done(ended: asyncio.Task[None]) -> None:
            self._tasks.discard(ended)
            self._busy.discard(conversation_id)
            self._wake.set()

        task.add_done_callback(done)

    async def _step(self, conversation_id: str) -> None:
        """One attempt; whatever prevents it, there will be another."""
        desk = self._desk
        if desk is None:
            return
        pause = 0.0
        try:
            async with (
                self.lock(conversation_id),
                self._lease.hold(f"desk:{conversation_id}") as ours,
            ):
                if ours:
                    await self._bring_up(desk, conversation_id)
                else:
                    pause = STORE_SECONDS
        except DeliveryDeferred as error:
            pause = error.retry_after or DOUBT_SECONDS
        except SlackAway as error:
            pause = error.after
            self._pacer.close(f"post:{desk.channel}", pause)
            if error.detail not in LIMITED:
                self.trouble = "away"
        except SlackDoubt:
            pause, self.trouble = DOUBT_SECONDS, "away"
        except (SlackRefused, SlackGone) as error:
            if self.trouble != error.detail:
                log.warning("Slack refuses the desk's card: %s", error.detail)
            pause, self.trouble = REFUSED_SECONDS, error.detail
        except StoreUnavailable:
            pause = STORE_SECONDS
        except Exception:
            log.exception("the card of %s could not be brought up to date", conversation_id)
            pause = REFUSED_SECONDS
        if pause:
            self._again(conversation_id, pause)

    def _again(self, conversation_id: str, seconds: float) -> None:
        timer = self._timers.pop(conversation_id, None)
        if timer is not None:
            timer.cancel()

        def look() -> None:
            self._timers.pop(conversation_id, None)
            self.look(conversation_id)

        loop = asyncio.get_running_loop()
        self._timers[conversation_id] = loop.call_later(min(seconds, 60.0), look)

    async def _bring_up(self, desk: Desk, conversation_id: str) -> None:
        past = await self._past(conversation_id)
        records = {r.id: r for r in await self._cards.of_conversation(conversation_id)}
        looks = desk.looks()
        still_open = False
        for number, (a, asked_at) in enumerate(past.approvals):
            record = records.get(a.id)
            if record is None:
                if a.state is not ApprovalState.PENDING:
                    continue
                record = CardRecord(
                    id=a.id, conversation_id=a.conversation_id, channel=desk.channel, told=asked_at
                )
            elif not (record.open or a.state is ApprovalState.PENDING or past.state.erased):
                continue
            self._open.add(conversation_id)
            is_last = number + 1 == len(past.approvals)
            until = past.state.seq + 1 if is_last else past.approvals[number + 1][1]
            record = await self._bring_up_card(desk, record, a, past, looks)
            if record.ts and past.state.erased:
                record = await self._forget(desk, record)
            elif record.ts:
                record = await self._tell(desk, record, a, past, looks, until=until)
            waits = a.state is ApprovalState.PENDING or a.held_until is not None
            stays = waits or (is_last and past.state.status is Status.HUMAN)
            still_open = still_open or stays
            if record.open != stays:
                record = await self._saved(replace(record, open=stays))
        if not still_open:
            self._open.discard(conversation_id)
        self._seen[conversation_id] = past.state.seq

    async def _past(self, conversation_id: str) -> _Past:
        commits = await self._conversations.history(conversation_id)
        items = [item for commit in commits for item in commit.numbered()]
        state = Conversation(id=conversation_id)
        for commit in commits:
            state = state.apply(commit)
        known: model.Known = {}
        asked: dict[str, int] = {}
        for item in items:
            known = fold(known, item, about=state)
            if isinstance(item.event, ev.ReviewRequested):
                asked[item.event.draft_id] = item.seq
        ordered = sorted(((a, asked[a.id]) for a in known.values()), key=lambda pair: pair[1])
        return _Past(state=state, items=items, approvals=ordered)

    async def _bring_up_card(
        self, desk: Desk, r: CardRecord, a: Approval, past: _Past, looks: Looks
    ) -> CardRecord:
        asked = next(
            i
            for i in past.items
            if isinstance(i.event, ev.ReviewRequested) and i.event.draft_id == a.id
        )
        assert isinstance(asked.event, ev.ReviewRequested)
        earlier = before(past.items, asked.seq, leave_out=asked.event.answers)
        posted = card(a, looks, earlier=earlier)
        stamp = _stamp(posted)
        if not r.ts:
            ts = await self._found(desk, r, a.id)
            if not ts and a.state is not ApprovalState.PENDING:
                return r  # decided before it could be shown: there is nothing to press any more
            if not ts:
                r = await self._saved(replace(r, posting=a.id, posting_at=self._clock.now()))
                ts = await self._post(desk, r.channel, posted, small(a, looks), key=a.id)
                return await self._saved(replace(r, ts=ts, stamp=stamp, posting=""))
            r = replace(r, ts=ts, posting="")
        if stamp == r.stamp:
            return r
        try:
            await desk.slack.update(r.channel, r.ts, posted)
        except SlackRefused as error:
            if error.detail not in UNSHOWABLE:
                raise
            await desk.slack.update(r.channel, r.ts, small(a, looks))
        except SlackGone:
            # Somebody deleted the card: one that waits is posted again, an old one is let go.
            if a.state is ApprovalState.PENDING:
                gone = replace(r, ts="", stamp="", posting="")
                return await self._bring_up_card(desk, gone, a, past, looks)
        return await self._saved(replace(r, stamp=stamp))

    async def _tell(
        self, desk: Desk, r: CardRecord, a: Approval, past: _Past, looks: Looks, *, until: int
    ) -> CardRecord:
        """Tell the thread what has happened since, in order, each thing once."""
        if r.posting:
            r = await self._settle(desk, r)
        human, asked_at = False, _asked(past, a)
        head_at = _taken_at(past, asked_at)
        for item in past.items:
            if item.seq <= asked_at:
                continue
            if item.seq >= until:
                break
            if item.seq == head_at:
                if not r.head_ts:
                    head = thread_head(past.state, a, looks, before=before(past.items, item.seq))
                    ts = await self._tell_one(desk, r, head, key=f"{a.id}/head")
                    r = replace(r, head_ts=ts, head_stamp=_stamp(head), told=item.seq, posting="")
                    r = await self._saved(r)
            elif item.seq > r.told and item.seq not in r.own:
                post = told(
                    item,
                    looks,
                    about=past.state,
                    human=human or isinstance(item.event, ev.TakenOver),
                    waits=a.state is ApprovalState.PENDING,
                    on_duty=desk.on_duty,
                    supervisors=desk.supervisors,
                )
                if post is not None:
                    await self._tell_one(desk, r, post, key=f"{a.id}/{item.seq}")
                    r = await self._saved(replace(r, told=item.seq, posting=""))
            match item.event:
                case ev.TakenOver():
                    human = True
                case ev.HandedBack() | ev.Resolved():
                    human = False
                case _:
                    pass
        if r.head_ts:
            r = await self._bring_up_head(desk, r, a, past, looks)
        return r

    async def _forget(self, desk: Desk, r: CardRecord) -> CardRecord:
        """The customer was erased: what the thread told of him goes as well."""
        if r.told < ERASED:
            try:
                await desk.slack.clear(r.channel, r.ts)
            except SlackRefused as error:
                log.warning(
                    "the thread of the erased %s stays in Slack (%s)",
                    r.conversation_id,
                    error.detail,
                )
            r = await self._saved(replace(r, told=ERASED, head_ts="", posting=""))
        return r

    async def _bring_up_head(
        self, desk: Desk, r: CardRecord, a: Approval, past: _Past, looks: Looks
    ) -> CardRecord:
        since = _taken_at(past, _asked(past, a))
        state = past.state
        if past.approvals[-1][0].id != a.id and state.status is Status.HUMAN:
            state = replace(state, status=Status.AI)  # a later card's thread has it now
        head = thread_head(state, a, looks, before=before(past.items, since))
        stamp = _stamp(head)
        if stamp == r.head_stamp:
            return r
        with contextlib.suppress(SlackGone):
            await desk.slack.update(r.channel, r.head_ts, head)
        return await self._saved(replace(r, head_stamp=stamp))

    async def _tell_one(self, desk: Desk, r: CardRecord, posted: Posted, *, key: str) -> str:
        await self._saved(replace(r, posting=key, posting_at=self._clock.now()))
        return await self._post(desk, r.channel, posted, None, key=key, thread=r.ts)

    async def _settle(self, desk: Desk, r: CardRecord) -> CardRecord:
        """A message's posting has begun and nobody knows how it ended: look."""
        ts = await self._found(desk, r, r.posting, thread=r.ts)
        which = r.posting.rpartition("/")[2]
        if ts and which == "head":
            r = replace(r, head_ts=ts)
        elif ts and which.isdecimal():
            r = replace(r, told=max(r.told, int(which)))
        return await self._saved(replace(r, posting=""))

    async def _found(self, desk: Desk, r: CardRecord, key: str, *, thread: str = "") -> str:
        if not r.posting or r.posting_at is None:
            return ""
        return await desk.slack.find(r.channel, key=key, since=r.posting_at, thread=thread)

    async def _post(
        self,
        desk: Desk,
        channel: str,
        posted: Posted,
        instead: Posted | None,
        *,
        key: str,
        thread: str = "",
    ) -> str:
        await self._pacer.wait((f"post:{channel}", POSTS))
        try:
            return await desk.slack.post(channel, posted, key=key, thread=thread)
        except SlackRefused as error:
            if instead is None or error.detail not in UNSHOWABLE:
                raise
            return await desk.slack.post(channel, instead, key=key, thread=thread)

    async def _saved(self, record: CardRecord) -> CardRecord:
        await self._cards.save(record)
        return record


def _asked(past: _Past, a: Approval) -> int:
    return next(seq for known, seq in past.approvals if known.id == a.id)


def _taken_at(past: _Past, after: int) -> int:
    """Number of the first take-over after this event; beyond the end where there is none."""
    taken = (i.seq for i in past.items if isinstance(i.event, ev.TakenOver) and i.seq > after)
    return next(taken, past.state.seq + 1)


def _stamp(posted: Posted) -> str:
    shown = json.dumps([posted.text, posted.blocks], sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(shown.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
