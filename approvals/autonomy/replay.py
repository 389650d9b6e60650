"""Replays the questions of the last days against a change, before customers meet it."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.domain import events as ev
from core.domain.drafts import Draft, Question
from core.domain.events import Commit
from core.domain.messages import Author
from core.domain.policy import BLOCKING
from core.domain.quoting import asked
from core.engine.ports import Responder, SnapshotStore
from core.engine.repository import Conversations
from core.engine.store.listing import ConversationListing
from core.errors import BadInput

SHOWN = 20  #: answers that differ, in a report
MOST = 2000  #: questions of one replay, the newest


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One past question and its draft of then."""

    conversation_id: str
    at: datetime
    question: str
    draft: Draft
    alone: bool  #: it went out without a person
    decision: str = ""  #: what a person said of it, where one did


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A question that would be answered otherwise."""

    question: str
    before: str
    after: str
    decision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """The outcome of a replay."""

    questions: int = 0
    alone_before: int = 0
    alone_after: int = 0
    different: int = 0
    expected_error: float = 0.0  #: of what would go out alone, by the confidence itself
    rejected_alone: int = 0  #: would go out alone although a person rejected the same answer
    differences: Sequence[Difference] = field(default=())

    @property
    def more_reviews(self) -> int:
        """How many more would wait for a person; negative for fewer."""
        return self.alone_before - self.alone_after


class Archive:
    """Past questions, from the log."""

    def __init__(
        self,
        conversations: Conversations,
        *,
        listing: ConversationListing,
        snapshots: SnapshotStore,
    ) -> None:
        self._conversations = conversations
        self._listing = listing
        self._snapshots = snapshots

    async def since(self, since: datetime) -> list[Past]:
        """The questions asked since then, oldest first; at most `MOST`, the newest.

        No conversation is read in which nothing happened since, or nothing so late as the
        questions that were found already.
        """
        changed = await self._listing.changed_since(since)
        # What has just happened is marked until it is written down.
        marked = await self._snapshots.unsettled()
        unsettled = frozenset(marked)
        newest: list[tuple[datetime, int, Past]] = []
        numbers = itertools.count()
        for conversation_id in dict.fromkeys((*marked, *changed)):
            last = None if conversation_id in unsettled else changed[conversation_id]
            if len(newest) == MOST and last is not None and last < newest[0][0]:
                break
            for past in pasts_of(await self._conversations.history(conversation_id)):
                if past.at >= since:
                    heapq.heappush(newest, (past.at, next(numbers), past))
                if len(newest) > MOST:
                    heapq.heappop(newest)
        return [past for _, _, past in sorted(newest, key=lambda one: one[:2])]


def pasts_of(commits: Sequence[Commit]) -> list[Past]:
    """The questions of one conversation."""
    said: dict[int, str] = {}
    waiting: dict[str, Past] = {}
    past: list[Past] = []
    for item in (item for commit in commits for item in commit.numbered()):
        match item.event:
            case ev.Received() as e:
                said[item.seq] = asked(e.text, e.quotes)
            case ev.Edited() as e:
                said[e.seq] = asked(e.text, e.quotes)
            case ev.ReviewRequested() as e:
                waiting[e.draft_id] = Past(
                    conversation_id=item.conversation_id,
                    at=item.at,
                    question=e.question,
                    draft=e.draft,
                    alone=False,
                )
            case ev.ReviewDecided() as e if e.draft_id in waiting:
                one = waiting.pop(e.draft_id)
                past.append(_decided(one, e.decision.value))
            case ev.Sent(author=Author.AI, by="", draft=Draft() as draft) as e:
                question = "\n".join(said[seq] for seq in e.answers if seq in said)
                past.append(
                    Past(
                        conversation_id=item.conversation_id,
                        at=item.at,
                        question=question,
                        draft=draft,
                        alone=True,
                    )
                )
            case ev.Erased():
                # Nobody is asked again what a person wanted forgotten.
                said, waiting, past = {}, {}, []
            case _:
                continue
    return [p for p in (*past, *waiting.values()) if p.question.strip()]


async def replay(
    past: Sequence[Past],
    *,
    responder: Responder,
    would_send: Callable[[Draft], bool],
    progress: Callable[[int, int], None] | None = None,
) -> Replayed:
    """Ask everything again; nobody hears the answers."""
    different: list[Difference] = []
    alone: list[float] = []
    rejected = 0
    for number, one in enumerate(past, start=1):
        draft = await responder.draft(
            Question(
                conversation_id="replay",
                text=one.question,
                locale=one.draft.locale,
                channel="replay",
            )
        )
        if draft.text != one.draft.text:
            different.append(
                Difference(
                    question=one.question,
                    before=one.draft.text,
                    after=draft.text,
                    decision=one.decision,
                )
            )
        if may_go(draft, would_send):
            alone.append(draft.confidence)
            rejected += one.decision == "reject" and draft.text == one.draft.text
        if progress is not None:
            progress(number, len(past))
    return Replayed(
        questions=len(past),
        alone_before=sum(p.alone for p in past),
        alone_after=len(alone),
        different=len(different),
        expected_error=sum(1.0 - c for c in alone) / len(alone) if alone else 0.0,
        rejected_alone=rejected,
        differences=tuple(different[:SHOWN]),
    )


def may_go(draft: Draft, would_send: Callable[[Draft], bool]) -> bool:
    """Whether nothing about the draft itself holds it back."""
    held: Collection[object] = BLOCKING.intersection(draft.reasons)
    return draft.sendable and not held and bool(draft.citations) and would_send(draft)


def start_of(text: str, *, now: datetime) -> datetime:
    """The time that `7d`, `12h` or a date means. Raises BadInput."""
    units: Mapping[str, timedelta] = {"d": timedelta(days=1), "h": timedelta(hours=1)}
    if text[:-1].isdigit() and text[-1:] in units:
        return now - int(text[:-1]) * units[text[-1]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--since {text!r}: write 7d, 12h or a date like 2026-11-15.") from None
    return at if at.tzinfo else at.replace(tzinfo=now.tzinfo)


def _decided(past: Past, decision: str) -> Past:
    return Past(
        conversation_id=past.conversation_id,
        at=past.at,
        question=past.question,
        draft=past.draft,
        alone=past.alone,
        decision=decision,
    )
