"""The ladder a waiting draft climbs: remind, remind again, escalate, and tell the customer.

Nothing unapproved is ever sent because time ran out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from approvals.hours import Hours
from approvals.model import Approval
from approvals.store import ApprovalStore
from core import events as ev
from core.clock import Clock
from core.conversations import Conversation, Review
from core.errors import StoreUnavailable
from core.events import Event, Notice
from core.ports import AlreadyAccepted
from core.repository import Conversations
from core.speech import Speech
from core.wording import Words

log = logging.getLogger(__name__)

SHARES = (0.5, 0.75, 1.0)  #: of the time until the deadline: remind, remind again, escalate
ESCALATED = len(SHARES)


class Desk:
    """The people who review: by when they decide, and when they are there."""

    def __init__(self, *, hours: Hours, seconds: float, words: Words) -> None:
        """`seconds` is how long a draft may wait while people are there."""
        self._hours = hours
        self._seconds = seconds
        self._words = words

    def deadline(self, now: datetime) -> datetime:
        """By when a draft that is queued now should be decided; closed hours do not count."""
        return self._hours.deadline(now, self._seconds)

    def back(self, now: datetime, locale: str) -> str | None:
        """When people are back, in a customer's words; None while they are there."""
        if self._hours.is_open(now):
            return None
        zone = self._hours.zone
        opens, here = self._hours.opens_at(now).astimezone(zone), now.astimezone(zone)
        days = (opens.date() - here.date()).days
        if days < 7:
            name = ("today", "tomorrow")[days] if days < 2 else f"weekday_{opens.weekday()}"
            day = self._words.text(f"desk.{name}", locale)
        else:
            day = self._words.text(
                "desk.date",
                locale,
                month=opens.month,
                day=opens.day,
                month_name=self._words.text(f"desk.month_{opens.month}", locale),
            )
        return self._words.text(
            "desk.back", locale, day=day, time=f"{opens:%H:%M}", zone=opens.tzname() or ""
        )

    def step_at(self, requested_at: datetime, deadline: datetime, step: int) -> datetime:
        """When step 1, 2 or 3 of the ladder is due."""
        if step >= ESCALATED:
            return deadline
        waits = self._hours.worked(requested_at, deadline)
        return self._hours.deadline(requested_at, waits * SHARES[step - 1])

    def next_step_at(self, approval: Approval) -> datetime | None:
        """When the ladder next has something to do about this approval."""
        return self._next(approval, closing_after=approval.at)

    def next_step_after(self, approval: Approval, now: datetime) -> datetime | None:
        """The same, when what was due by now turned out to be nothing."""
        return self._next(approval, closing_after=self._hours.opens_at(now))

    def _next(self, approval: Approval, *, closing_after: datetime) -> datetime | None:
        due: list[datetime] = []
        if approval.step < ESCALATED:
            due.append(self.step_at(approval.requested_at, approval.deadline, approval.step + 1))
        if not approval.told_closed:
            closes = self._hours.closes_at(closing_after)
            if closes is not None:
                due.append(closes)
        return min(due, default=None)

    def reached(self, review: Review, now: datetime) -> int:
        """The step this review has reached by now, 0 to 3."""
        return sum(
            now >= self.step_at(review.requested_at, review.deadline, step)
            for step in range(1, ESCALATED + 1)
        )

    def is_open(self, now: datetime) -> bool:
        """Whether people are there."""
        return self._hours.is_open(now)

    def opening_day(self, now: datetime) -> str:
        """The date of the next opening: names one closing among all."""
        return self._hours.opens_at(now).astimezone(self._hours.zone).date().isoformat()


class Ladder:
    """Takes each waiting draft one step up when its time has come."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        store: ApprovalStore,
        desk: Desk,
        speech: Speech,
        clock: Clock,
        wake: Callable[[str], None],
        many_notices: Callable[[str], bool],
    ) -> None:
        self._conversations = conversations
        self._store = store
        self._desk = desk
        self._speech = speech
        self._clock = clock
        self._wake = wake
        self._many_notices = many_notices

    async def sweep(self, now: datetime | None = None) -> int:
        """Do what is due; gives how many drafts moved. Any process, any time, any number of times.

        What was missed while nobody swept is made up for with one step, not with one notice each.
        """
        now = now or self._clock.now()
        moved = 0
        try:
            due = await self._store.due(now)
        except StoreUnavailable:
            log.warning("the store is away; the deadlines are looked at again in a moment")
            return 0
        for approval in due:
            try:
                done = await self._climb(approval, now) + await self._close(approval, now)
                if not done:
                    after = self._desk.next_step_after(approval, now)
                    await self._store.postpone(approval, after)
                moved += done
            except StoreUnavailable:
                log.warning("the store is away; %s climbs later", approval.id)
            except Exception:
                log.exception("the deadline of %s could not be handled", approval.id)
        return moved

    async def _climb(self, approval: Approval, now: datetime) -> int:
        def decide(c: Conversation) -> Sequence[Event]:
            review = c.review
            if review is None or review.draft_id != approval.id or c.erased:
                return ()
            step = self._desk.reached(review, now)
            if step <= review.step:
                return ()
            if step < ESCALATED:
                reminded = ev.ReviewReminded(draft_id=review.draft_id, step=step)
                return (reminded, *self._tell(c, Notice.STILL_WAITING, once=review.step == 0))
            escalated = ev.ReviewEscalated(draft_id=review.draft_id)
            return (escalated, *self._tell(c, Notice.ESCALATED, once=True))

        return await self._update(approval, decide)

    async def _close(self, approval: Approval, now: datetime) -> int:
        """When people leave with the draft still waiting, the customer hears when they are back."""
        if approval.told_closed or self._desk.is_open(now):
            return 0

        def decide(c: Conversation) -> Sequence[Event]:
            if c.review is None or c.review.draft_id != approval.id or c.erased:
                return ()
            if c.told is Notice.OUT_OF_HOURS or not self._many_notices(c.channel):
                return ()
            when = self._desk.back(now, c.locale) or ""
            return (self._speech.notice(c, Notice.OUT_OF_HOURS, values={"when": when}),)

        key = "\x1f".join(("closing", approval.id, self._desk.opening_day(now)))
        return await self._update(approval, decide, key=key)

    def _tell(self, c: Conversation, notice: Notice, *, once: bool) -> Sequence[Event]:
        if not once or c.told is notice or not self._many_notices(c.channel):
            return ()
        return (self._speech.notice(c, notice),)

    async def _update(
        self,
        approval: Approval,
        decide: Callable[[Conversation], Sequence[Event]],
        *,
        key: str = "",
    ) -> int:
        try:
            change = await self._conversations.update(approval.conversation_id, decide, key=key)
        except AlreadyAccepted:
            return 0
        if change.commit is None:
            return 0
        self._wake(approval.conversation_id)
        return 1
