"""Missing answers: questions without an answer in the knowledge base, grouped by meaning."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analytics.facts.extractor import ends_question
from analytics.facts.model import Kind
from analytics.facts.periods import Period
from analytics.queries.service import Analytics
from core.domain import events as ev
from core.domain.messages import Author
from core.engine.repository import Conversations

LOOKED_AT = 300  #: newest missing answers that are read again
ALIKE = 0.9  #: cosine from which two questions ask the same
EXAMPLES = 5


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
    answer: str = ""
    by: str = ""


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


class Gaps:
    """Finds missing answers by reading the conversations again: facts hold no texts."""

    def __init__(
        self,
        analytics: Analytics,
        *,
        conversations: Conversations,
        meaning: Callable[[], Awaitable[Meaning]],
    ) -> None:
        self._analytics = analytics
        self._conversations = conversations
        self._meaning = meaning

    async def find(self, period: Period, *, limit: int = 20) -> list[Gap]:
        """The gaps of the period, most asked first."""
        return (await self._grouped(await self.asked(period)))[:limit]

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
        at = next((i.event for i in items if i.seq == seq), None)
        if not isinstance(at, ev.ReviewRequested):
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
            answer=answer.text if answer else "",
            by=answer.by if answer else "",
        )

    async def _grouped(self, asked: Sequence[Asked]) -> list[Gap]:
        meaning = await self._meaning()
        gaps: list[Gap] = []
        centers: list[NDArray[np.float32]] = []
        for one in asked:
            vector = await meaning.question(one.text)
            likeness = np.array([float(center @ vector) for center in centers])
            if len(likeness) and likeness.max() >= ALIKE:
                gaps[int(likeness.argmax())].asked.append(one)
            else:
                gaps.append(Gap(asked=[one]))
                centers.append(vector)
        return sorted(gaps, key=lambda gap: -gap.count)
