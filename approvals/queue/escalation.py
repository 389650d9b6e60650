"""Escalates waiting drafts: reminders, deadlines, supervisors, notices to the customer.

Nothing unapproved is ever sent because time ran out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from approvals.queue.model import Approval
from approvals.queue.opening_hours import Hours
from approvals.queue.store import ApprovalStore
from core.clock import Clock
from core.domain import events as ev
from core.domain.conversation import Conversation, Review
from core.domain.events import Event, Notice
from core.engine.ports import AlreadyAccepted
from core.engine.replies import Replies
from core.engine.repository import Conversations
from core.errors import StoreUnavailable
from core.i18n import Words

log = logging.getLogger(__name__)

SHARES = (0.5, 0.75, 1.0)  #: of the time until the deadline: remind, remind again, escalate
ESCALATED = len(SHARES)


class Desk:
    """The desk's opening hours and deadlines."""

    def __init__(self, *, hours: Hours, seconds: float, words: Words) -> None:
        """`seconds` is how long a draft may wait while people are there."""
        self._hours = hours
        self._seconds = seconds
        self._words = words

    def change(self, *, hours: Hours, seconds: float) -> None:
        """From now on these hold; a draft that waits keeps its deadline."""
        self._hours, self._seconds = hours, seconds

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

    def step_at(self, since: datetime, deadline: datetime, step: int) -> datetime:
        """When step 1, 2 or 3 of the escalation is due, where the customer waits since then."""
        if step >= ESCALATED:
            return deadline
        waits = self._hours.worked(since, deadline)
        return self._hours.deadline(since, waits * SHARES[step - 1])

    def next_step_at(self, approval: Approval) -> datetime | None:
        """When the next step is due for this approval."""
        return self._next(approval, closing_after=approval.at)

    def next_step_after(self, approval: Approval, now: datetime) -> datetime | None:
        """The same, when what was due by now turned out to be nothing."""
        return self._next(approval, closing_after=self._hours.opens_at(now))

    def _next(self, approval: Approval, *, closing_after: datetime) -> datetime | None:
        due: list[datetime] = []
        if approval.step < ESCALATED:
            due.append(self.step_at(approval.waits_since, approval.deadline, approval.step + 1))
        if not approval.told_closed:
            closes = self._hours.closes_at(closing_after)
            if closes is not None:
                due.append(closes)
        return min(due, default=None)

    def reached(self, review: Review, now: datetime) -> int:
        """The step this review has reached by now, 0 to 3."""
        return sum(
            now >= self.step_at(review.since or review.requested_at, review.deadline, step)
            for step in range(1, ESCALATED + 1)
        )

    def is_open(self, now: datetime) -> bool:
        """Whether people are there."""
        return self._hours.is_open(now)

    def opening_day(self, now: datetime) -> str:
        """The date of the next opening: names one closing among all."""
        return self._hours.opens_at(now).astimezone(self._hours.zone).date().isoformat()


class PoliteNotices:
    """Notices to customers who wait: none twice running, and none where nobody wants to hear it."""

    def __init__(self, replies: Replies, *, many_notices: Callable[[str], bool]) -> None:
        """`many_notices` says whether a channel (by id) takes notices that are merely polite."""
        self._replies = replies
        self._many_notices = many_notices

    def tell(
        self, c: Conversation, notice: Notice, *, values: dict[str, str] | None = None
    ) -> Sequence[Event]:
        """The notice, with these values in its words; nothing where it is better left out."""
        if c.told is notice or c.wants_no_machine or not self._many_notices(c.channel):
            return ()
        return (self._replies.notice(c, notice, values=values),)


class Escalation:
    """Takes each waiting draft one step further when it is due."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        store: ApprovalStore,
        desk: Desk,
        replies: Replies,
        clock: Clock,
        wake: Callable[[str], None],
        many_notices: Callable[[str], bool],
    ) -> None:
        self._conversations = conversations
        self._store = store
        self._desk = desk
        self._notices = PoliteNotices(replies, many_notices=many_notices)
        self._clock = clock
        self._wake = wake

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
            review = c.review_of(approval.id)
            if review is None or c.erased:
                return ()
            step = self._desk.reached(review, now)
            if step <= review.step:
                return ()
            if step < ESCALATED:
                reminded = ev.ReviewReminded(draft_id=review.draft_id, step=step)
                told = self._notices.tell(c, Notice.STILL_WAITING) if review.step == 0 else ()
                return (reminded, *told)
            escalated = ev.ReviewEscalated(draft_id=review.draft_id)
            return (escalated, *self._notices.tell(c, Notice.ESCALATED))

        return await self._update(approval, decide)

    async def _close(self, approval: Approval, now: datetime) -> int:
        """When people leave with the draft still waiting, the customer hears when they are back."""
        if approval.told_closed or self._desk.is_open(now):
            return 0

        def decide(c: Conversation) -> Sequence[Event]:
            if c.review_of(approval.id) is None or c.erased:
                return ()
            when = self._desk.back(now, c.locale) or ""
            return self._notices.tell(c, Notice.OUT_OF_HOURS, values={"when": when})

        key = "\x1f".join(("closing", approval.id, self._desk.opening_day(now)))
        return await self._update(approval, decide, key=key)

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
            self._wake(approval.conversation_id)
            return 0
        if change.commit is None:
            return 0
        self._wake(approval.conversation_id)
        return 1
