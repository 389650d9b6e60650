"""Samples answers that were sent without review, for a supervisor's second look."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Protocol

from approvals.autonomy.topics import SentAlone
from approvals.learning.evidence import article_of
from core.domain import events as ev
from core.domain.events import LONGEST_COMMIT, Commit, Numbered
from core.domain.messages import Author
from core.domain.quoting import asked
from core.runtime.lru import LruDict

KEPT_QUESTIONS = 2_000  #: newest messages of customers kept for the answers that follow


class History(Protocol):
    """Reads the log of a conversation."""

    def __call__(self, conversation_id: str, *, after: int = 0) -> Awaitable[Sequence[Commit]]:
        """Its commits with numbers above `after`, in order."""
        ...


class AnswersAlone:
    """Finds answers that were sent without review, with their questions, in the log."""

    def __init__(self, history: History, *, audit_share: float) -> None:
        self._history = history
        self._audit_share = audit_share
        self._asked: LruDict[tuple[str, int], str] = LruDict(KEPT_QUESTIONS)

    def hear(self, commits: Sequence[Commit]) -> None:
        """Remember what was asked, for the answers that follow."""
        for commit in commits:
            for item in commit.numbered():
                match item.event:
                    case ev.Received() as e:
                        self._asked[item.conversation_id, item.seq] = asked(e.text, e.quotes)
                    case ev.Edited() as e:
                        self._asked[item.conversation_id, e.seq] = asked(e.text, e.quotes)
                    case _:
                        pass

    def forget(self, conversation_id: str) -> None:
        """Remember nothing of this conversation."""
        for known in [key for key in self._asked if key[0] == conversation_id]:
            del self._asked[known]

    def forget_all(self) -> None:
        """The same of every conversation."""
        self._asked.clear()

    async def drawn(self, commits: Sequence[Commit]) -> list[SentAlone]:
        """The answers among these that the random audit looks at."""
        return [
            await self._described(item, item.event)
            for commit in commits
            for item in commit.numbered()
            if isinstance(item.event, ev.Sent) and self._is_drawn(item, item.event)
        ]

    async def complained_of(self, item: Numbered, rating: int) -> SentAlone | None:
        """The last answer before this rating, if it went out alone."""
        last: Numbered | None = None
        for commit in await self._history(item.conversation_id):
            for other in commit.numbered():
                if other.seq < item.seq and isinstance(other.event, ev.Sent):
                    last = other if other.event.author is not Author.SYSTEM else last
        if last is None or not isinstance(last.event, ev.Sent) or not _is_alone(last.event):
            return None
        return replace(await self._described(last, last.event), rating=rating)

    def _is_drawn(self, item: Numbered, sent: ev.Sent) -> bool:
        if not _is_alone(sent):
            return False
        # By the number of the message, so that the same one is drawn again after a crash.
        key = f"{item.conversation_id}.{item.seq}".encode()
        lot = int.from_bytes(hashlib.blake2b(key, digest_size=4).digest()) / 2**32
        return lot < self._audit_share

    async def _described(self, item: Numbered, sent: ev.Sent) -> SentAlone:
        assert sent.draft is not None
        asked = [self._asked.get((item.conversation_id, seq)) for seq in sent.answers]
        if None in asked:
            # Asked before this process began, or very long ago.
            asked = await self._asked_before(item, sent)
        return SentAlone(
            id=f"{item.conversation_id}.{item.seq}",
            conversation_id=item.conversation_id,
            at=item.at,
            text=sent.text,
            question="\n".join(text for text in asked if text),
            topic=sent.draft.topic,
            confidence=sent.draft.confidence,
            article=article_of(sent.draft),
            signals=sent.draft.signals,
        )

    async def _asked_before(self, item: Numbered, sent: ev.Sent) -> list[str | None]:
        # A commit is read whole, so it may begin before the question.
        after = max(0, min(sent.answers, default=item.seq) - LONGEST_COMMIT)
        return [
            other.event.text
            for commit in await self._history(item.conversation_id, after=after)
            for other in commit.numbered()
            if other.seq in sent.answers and isinstance(other.event, ev.Received)
        ]


def _is_alone(sent: ev.Sent) -> bool:
    # A demonstration says how good the product's guide is, not what the company knows.
    draft = sent.draft if sent.author is Author.AI and not sent.by else None
    return draft is not None and not draft.demonstration
