"""The quality review: whose turn it is, what was said of it, and what that says of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from analytics.facts.model import Kind
from analytics.facts.periods import Period
from analytics.quality.sample import Share, in_turn
from analytics.quality.store import Review, ReviewStore, Verdict
from analytics.queries.service import Analytics
from core.accounts.audit.log import Audit
from core.accounts.roles import Action, User
from core.clock import Clock
from core.domain import events as ev
from core.domain.messages import Author
from core.engine.repository import Conversations
from core.errors import BadInput

WEEKS = 8  #: that results are shown of
AHEAD = 20  #: conversations that are looked up at once, because some may be forgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of a conversation that is looked at."""

    author: Author
    text: str
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """The conversation whose turn it is."""

    conversation_id: str
    number: int  #: 1 for the first of the week
    turns: Sequence[Turn]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The results of one week."""

    week: str
    conversations: int  #: in which a customer wrote: all that could be drawn
    reviewed: int
    unknown: int  #: reviewed, but at least one question could not be told
    solved: Share
    correct: Share
    tone: Share


class QualityReview:
    """Each method checks the user's right."""

    def __init__(
        self,
        store: ReviewStore,
        *,
        analytics: Analytics,
        conversations: Conversations,
        key: bytes,
        audit: Audit,
        clock: Clock,
    ) -> None:
        """`key` makes the lots; whoever does not have it cannot foresee them."""
        self._store = store
        self._analytics = analytics
        self._conversations = conversations
        self._key = key
        self._audit = audit
        self._clock = clock

    def weeks(self) -> list[str]:
        """The Mondays of the weeks that are over, the newest first."""
        today = self._clock.now().astimezone(self._analytics.zone).date()
        this = today - timedelta(days=today.weekday())
        return [(this - timedelta(weeks=n)).isoformat() for n in range(1, WEEKS + 1)]

    async def next(self, user: User, week: str) -> Drawn | None:
        """The conversation that is looked at next; None when all of the week were."""
        user.require(Action.QUALITY_REVIEW)
        done = {one.conversation_id for one in await self._store.of_weeks([week])}
        order = in_turn(await self._all(week), key=self._key, week=week)
        for start in range(0, len(order), AHEAD):
            some = order[start : start + AHEAD]
            ids = await self._analytics.ids(self._period(week), some)
            for place, digest in enumerate(some, start=start + 1):
                if digest not in ids or ids[digest] in done:
                    continue
                turns = await self._turns(ids[digest])
                if turns:  # nothing is left of somebody who was forgotten
                    return Drawn(conversation_id=ids[digest], number=place, turns=turns)
        return None

    async def review(
        self,
        user: User,
        week: str,
        conversation_id: str,
        *,
        solved: Verdict,
        correct: Verdict,
        tone: Verdict,
        note: str = "",
    ) -> None:
        """Say how it was. Raises BadInput for one whose turn it is not, AlreadyDecided."""
        user.require(Action.QUALITY_REVIEW)
        due = await self.next(user, week)
        if due is None or due.conversation_id != conversation_id:
            # Whoever could choose would choose the interesting ones.
            raise BadInput("It is another conversation's turn; load the page again.")
        await self._store.add(
            Review(
                conversation_id=conversation_id,
                week=week,
                by=user.email,
                at=self._clock.now(),
                solved=solved,
                correct=correct,
                tone=tone,
                note=note.strip(),
            )
        )
        await self._audit.record(who=user.email, what="quality.review", subject=conversation_id)

    async def take_back(self, user: User, week: str, conversation_id: str) -> None:
        """Take one's own verdict back: it is this conversation's turn again."""
        user.require(Action.QUALITY_REVIEW)
        if await self._store.remove(week, conversation_id, by=user.email):
            await self._audit.record(
                who=user.email, what="quality.review", subject=conversation_id, after={"back": True}
            )

    async def results(self, user: User) -> list[Result]:
        """Week by week, the newest first; not added up, for weeks are not equally large."""
        user.require(Action.QUALITY_REVIEW)
        weeks = self.weeks()
        reviews = await self._store.of_weeks(weeks)
        return [
            _result(week, len(await self._all(week)), [r for r in reviews if r.week == week])
            for week in weeks
        ]

    async def notes(self, user: User, week: str) -> list[Review]:
        """What was said in words, the newest first."""
        user.require(Action.QUALITY_REVIEW)
        return [one for one in (await self._store.of_weeks([week]))[::-1] if one.note]

    def _period(self, week: str) -> Period:
        if week not in self.weeks():
            raise BadInput("Choose one of the last weeks that are over.")
        monday = date.fromisoformat(week)
        return self._analytics.days(monday, monday + timedelta(days=6))

    async def _all(self, week: str) -> list[int]:
        """The digests of all conversations of the week in which a customer wrote."""
        counting = await self._analytics.counting(self._period(week))
        places = np.unique(counting.of(Kind.ASKED)["conversation"])
        digests: list[int] = counting.facts.digests[places].tolist()
        return digests

    async def _turns(self, conversation_id: str) -> list[Turn]:
        turns: list[Turn] = []
        for commit in await self._conversations.history(conversation_id):
            for event in commit.events:
                match event:
                    case ev.Received(text=text):
                        turns.append(Turn(author=Author.CUSTOMER, text=text))
                    case ev.Sent(text=text, author=author, by=by):
                        turns.append(Turn(author=author, text=text, by=by))
                    case ev.Erased():
                        turns = []
        return turns


def _result(week: str, conversations: int, reviews: Sequence[Review]) -> Result:
    return Result(
        week=week,
        conversations=conversations,
        reviewed=len(reviews),
        unknown=sum(Verdict.UNKNOWN in (one.solved, one.correct, one.tone) for one in reviews),
        solved=_share([one.solved for one in reviews]),
        correct=_share([one.correct for one in reviews]),
        tone=_share([one.tone for one in reviews]),
    )


def _share(verdicts: Sequence[Verdict]) -> Share:
    told = [one for one in verdicts if one is not Verdict.UNKNOWN]
    return Share(good=sum(one is Verdict.YES for one in told), judged=len(told))
