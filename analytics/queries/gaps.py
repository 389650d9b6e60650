"""Missing answers: questions without an answer in the knowledge base, grouped by meaning."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analytics.facts.extractor import ends_question
from analytics.facts.model import Kind
from analytics.facts.periods import Period
from analytics.queries.gap_marks import Mark, MarkKind, MarkStore, Question
from analytics.queries.service import Analytics
from core.accounts.audit.log import Audit
from core.accounts.roles import Action, User
from core.domain import events as ev
from core.domain.messages import Author
from core.engine.repository import Conversations
from core.errors import BadInput

LOOKED_AT = 300  #: newest missing answers that are read again
ALIKE = 0.9  #: cosine from which two questions ask the same
EXAMPLES = 5
SEEDS = 3  #: questions of a mark that are looked up where they were asked before the period


class Meaning(Protocol):
    """The port to unit vectors of questions."""

    async def question(self, text: str) -> NDArray[np.float32]:
        """The question's vector."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question that had no answer, and what an agent answered in the end."""

    conversation_id: str
    seq: int  #: number of the first request that had no answer
    text: str
    locale: str
    topic: str
    at: datetime
    answer: str = ""
    by: str = ""

    @property
    def place(self) -> Question:
        """Where it stands in the log."""
        return Question(conversation_id=self.conversation_id, seq=self.seq)


@dataclass(slots=True, kw_only=True)
class Gap:
    """Questions of one meaning."""

    asked: list[Asked] = field(default_factory=list)

    @property
    def question(self) -> str:
        """How it was asked last."""
        return self.asked[0].text

    @property
    def count(self) -> int:
        """How often."""
        return len(self.asked)

    @property
    def examples(self) -> list[str]:
        """Different wordings."""
        return list(dict.fromkeys(a.text for a in self.asked))[:EXAMPLES]

    @property
    def answered(self) -> Asked | None:
        """The latest time an agent answered it."""
        return next((a for a in self.asked if a.answer), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A gap that somebody has dismissed or answered."""

    gap: Gap
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """The gaps of a period: open ones, most asked first, and settled ones, the newest first.

    `merged` are the marks of merges that shape the open ones, with the question of each.
    """

    open: list[Gap]
    settled: list[Settled]
    merged: list[Settled]


class Gaps:
    """Finds missing answers by reading the conversations again: facts hold no texts."""

    def __init__(
        self,
        analytics: Analytics,
        *,
        conversations: Conversations,
        meaning: Callable[[], Awaitable[Meaning]],
        marks: MarkStore,
        audit: Audit,
    ) -> None:
        self._analytics = analytics
        self._conversations = conversations
        self._meaning = meaning
        self._marks = marks
        self._audit = audit

    async def find(self, period: Period, *, limit: int = 20) -> list[Gap]:
        """The open gaps of the period, most asked first."""
        return (await self.sorted_out(period)).open[:limit]

    async def sorted_out(self, period: Period) -> Sorted:
        """The gaps of the period, as people have sorted them out."""
        groups = await self._grouped(await self.asked(period))
        settled: list[Settled] = []
        merged: list[Settled] = []
        for mark in await self._marks.all():
            found = await self._marked(groups, mark)
            match mark.kind:
                case MarkKind.DISMISSED:
                    settled += [Settled(gap=one.gap, mark=mark) for one in found]
                    groups = [one for one in groups if one not in found]
                case MarkKind.MERGED:
                    if len(found) > 1:
                        whole = _joined(found)
                        groups = [one for one in groups if one not in found] + [whole]
                        merged.append(Settled(gap=whole.gap, mark=mark))
                case MarkKind.ANSWERED:
                    for one in found:
                        known = [a for a in one.gap.asked if a.at <= mark.at]
                        settled.append(Settled(gap=Gap(asked=known), mark=mark))
                        one.gap.asked = [a for a in one.gap.asked if a.at > mark.at]
                    groups = [one for one in groups if one.gap.asked]
        return Sorted(
            open=sorted((one.gap for one in groups), key=lambda gap: -gap.count),
            settled=sorted(settled, key=lambda one: one.mark.at, reverse=True),
            merged=merged,
        )

    async def mark(self, user: User, kind: MarkKind, questions: Sequence[Question]) -> Mark:
        """Dismiss, merge or settle the gaps of these questions. Raises BadInput."""
        user.require(Action.LEARNING_CONFIRM)
        if not questions:
            raise BadInput("Say which questions.")
        mark = await self._marks.add(kind, questions, by=user.email)
        await self._audit.record(
            who=user.email,
            what="gaps.mark",
            subject=mark.id,
            after={"kind": kind.value, "questions": len(mark.questions)},
        )
        return mark

    async def unmark(self, user: User, mark_id: str) -> None:
        """Take that back. Raises NotFound."""
        user.require(Action.LEARNING_CONFIRM)
        mark = await self._marks.remove(mark_id)
        await self._audit.record(
            who=user.email, what="gaps.unmark", subject=mark_id, before={"kind": mark.kind.value}
        )

    async def asked(self, period: Period) -> list[Asked]:
        """The questions of the period that had no answer, the newest first."""
        counting = await self._analytics.counting(period)
        missing = counting.of(Kind.MISSING)
        digests = counting.facts.digests[missing["conversation"][-LOOKED_AT:][::-1]].tolist()
        ids = await self._analytics.ids(period, digests)
        asked = []
        for digest, seq in zip(digests, missing["seq"][-LOOKED_AT:][::-1].tolist(), strict=True):
            if digest in ids:
                found = await self.again(ids[digest], seq)
                if found is not None:
                    asked.append(found)
        return asked

    async def again(self, conversation_id: str, seq: int) -> Asked | None:
        """This question as the log has it, None once its customer is forgotten."""
        history = await self._conversations.history(conversation_id)
        items = [item for commit in history for item in commit.numbered()]
        erased_at = max((i.seq for i in items if isinstance(i.event, ev.Erased)), default=0)
        items = [item for item in items if item.seq > erased_at]
        first = next((i for i in items if i.seq == seq), None)
        at = first.event if first is not None else None
        if first is None or not isinstance(at, ev.ReviewRequested):
            return None
        drafts = {"", at.draft_id}
        for item in items:
            if item.seq <= seq:
                continue
            match item.event:
                case ev.Sent(answers=answers) if answers and not set(answers) & set(at.answers):
                    continue  # the answer to another question
                case ev.ReviewRequested() as e if not e.answers or set(e.answers) & set(at.answers):
                    # Another try, or the whole of what the customer asked.
                    at = e
                    drafts.add(at.draft_id)
            if ends_question(item.event):
                break
        if not at.question.strip():
            return None
        answer = next(
            (
                i.event
                for i in items
                if i.seq > seq
                and isinstance(i.event, ev.Sent)
                and i.event.author is Author.AGENT
                and i.event.draft_id in drafts
            ),
            None,
        )
        return Asked(
            conversation_id=conversation_id,
            seq=seq,
            text=" ".join(at.question.split())[:500],
            locale=at.draft.locale,
            topic=at.draft.topic,
            at=first.at,
            answer=answer.text if answer else "",
            by=answer.by if answer else "",
        )

    async def _grouped(self, asked: Sequence[Asked]) -> list[_Group]:
        meaning = await self._meaning()
        groups: list[_Group] = []
        for one in asked:
            vector = await meaning.question(one.text)
            likeness = np.array([float(group.center @ vector) for group in groups])
            if len(likeness) and likeness.max() >= ALIKE:
                groups[int(likeness.argmax())].gap.asked.append(one)
            else:
                groups.append(_Group(gap=Gap(asked=[one]), center=vector))
        return groups

    async def _marked(self, groups: Sequence[_Group], mark: Mark) -> list[_Group]:
        """The groups that a mark is about: by its questions, or by what was asked before them."""
        named = set(mark.questions)
        found = [one for one in groups if any(a.place in named for a in one.gap.asked)]
        if mark.kind is MarkKind.ANSWERED:
            return found
        here = {a.place for one in groups for a in one.gap.asked}
        meaning = await self._meaning()
        for question in [q for q in mark.questions if q not in here][:SEEDS]:
            before = await self.again(question.conversation_id, question.seq)
            if before is None:
                continue
            vector = await meaning.question(before.text)
            found += [
                one for one in groups if one not in found and float(one.center @ vector) >= ALIKE
            ]
        return found


@dataclass(slots=True, eq=False, kw_only=True)
class _Group:
    """A gap while it is sorted out, with the vector of its first question."""

    gap: Gap
    center: NDArray[np.float32]


def _joined(groups: Sequence[_Group]) -> _Group:
    asked = sorted((a for one in groups for a in one.gap.asked), key=lambda a: a.at, reverse=True)
    largest = max(groups, key=lambda one: one.gap.count)
    return _Group(gap=Gap(asked=asked), center=largest.center)
