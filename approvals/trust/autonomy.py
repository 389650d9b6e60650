"""What may go out alone, topic by topic: earned from decisions, lost at once."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from approvals.model import Approval
from approvals.trust.evidence import (
    Bound,
    Evidence,
    EvidenceStore,
    Kind,
    article_of,
    bound_at,
    earned,
    from_decision,
)
from approvals.trust.topics import (
    HISTORY,
    AuditState,
    Change,
    Level,
    SentAlone,
    Topic,
    TopicStore,
)
from core import events as ev
from core.accounts.audit import Audit
from core.accounts.rules import Action, User
from core.clock import Clock
from core.conversations import Conversation
from core.drafts import Draft
from core.errors import AlreadyDecided, BadInput
from core.events import LONGEST_COMMIT, Commit, Numbered
from core.messages import Author
from core.policy import Rules
from core.rag.threshold import error_bound

log = logging.getLogger(__name__)

RECENT = 60  #: newest answers that are looked at for drift
WRONG = 2  #: answers found wrong in the audit that cost a topic even its cold start ...
WRONG_TIME = timedelta(days=7)  #: ... within this time
LEAST_RECENT = 8  #: fewer than so many say nothing about drift
POOR = 2  #: a rating up to this is a complaint
KEPT_QUESTIONS = 2_000  #: newest messages of customers kept for the answers that follow
STEP = 0.002  #: a smaller change of a threshold is not worth a supervisor's time

Recall = Callable[[str], Awaitable[Approval | None]]


class History(Protocol):
    """Reads the log of a conversation."""

    def __call__(self, conversation_id: str, *, after: int = 0) -> Awaitable[Sequence[Commit]]:
        """Its commits with numbers above `after`, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the operator set."""

    target: float  #: share of right answers among those sent alone
    prior: float  #: the shipped threshold for that target
    review_first: bool = False  #: the cold start reviews everything
    automatic: bool = False  #: promotions need no supervisor
    audit_share: float = 0.0
    max_turns: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A topic with its evidence and what could be done about it."""

    topic: Topic
    threshold: float  #: that counts now; 1 and more sends nothing alone
    evidence: Sequence[Evidence] = field(default=())
    now: Bound
    proposal: Bound | None = None  #: a lower threshold that the evidence allows


class Autonomy:
    """`core.pipeline.RulesSource`, and a projection that gathers the evidence."""

    name = "autonomy"

    def __init__(
        self,
        evidence: EvidenceStore,
        topics: TopicStore,
        *,
        wishes: Wishes,
        recall: Recall,
        history: History,
        audit: Audit,
        clock: Clock,
    ) -> None:
        self._evidence_store = evidence
        self._topic_store = topics
        self._wishes = wishes
        self._recall = recall
        self._history = history
        self._audit = audit
        self._clock = clock
        self._topics: dict[str, Topic] = {}
        self._evidence: dict[str, Evidence] = {}
        self._asked: OrderedDict[tuple[str, int], str] = OrderedDict()

    async def start(self) -> None:
        """Read what is known; before the first question."""
        self._topics = {topic.name: topic for topic in await self._topic_store.topics()}
        self._evidence = {e.id: e for e in await self._evidence_store.all()}

    @property
    def target(self) -> float:
        """The share of right answers that is promised."""
        return self._wishes.target

    # What the policy asks

    def rules(self, conversation: Conversation, draft: Draft) -> Rules:  # noqa: ARG002
        """See RulesSource."""
        return Rules(
            threshold=self.threshold(draft.topic),
            review_all=self._reviews_all(draft.topic),
            max_turns=self._wishes.max_turns,
        )

    def would_send(self, draft: Draft) -> bool:
        """Whether this draft's confidence is enough, everything else being well."""
        threshold = self.threshold(draft.topic)
        return (
            not self._reviews_all(draft.topic) and threshold < 1.0 and draft.confidence >= threshold
        )

    def threshold(self, name: str) -> float:
        """The confidence from which on answers of this topic go out alone."""
        if self._wishes.target >= 1.0:
            return 1.0
        topic = self._topics.get(name)
        if topic is not None and topic.level is Level.EARNED:
            return topic.threshold
        return self._wishes.prior

    def _reviews_all(self, name: str) -> bool:
        topic = self._topics.get(name)
        level = topic.level if topic is not None else Level.BASE
        return level is Level.REVIEW or (level is Level.BASE and self._wishes.review_first)

    # What is shown

    def standings(self, user: User) -> list[Standing]:
        """Every topic that was ever asked about or changed, the busiest first."""
        user.require(Action.DASHBOARD_READ)
        names = {e.topic for e in self._evidence.values()} | set(self._topics)
        found = [self.standing(name) for name in names if name != "smalltalk"]
        return sorted(found, key=lambda s: (-s.now.total, s.topic.name))

    def standing(self, name: str) -> Standing:
        """One topic."""
        topic = self._topics.get(name, Topic(name=name))
        evidence = self._of(name)
        threshold = 1.0 if self._reviews_all(name) else self.threshold(name)
        return Standing(
            topic=topic,
            threshold=threshold,
            evidence=evidence,
            now=bound_at(evidence, threshold),
            proposal=self._proposal(topic, threshold),
        )

    async def drawn(self, user: User) -> list[SentAlone]:
        """What waits for a second look."""
        user.require(Action.AUTONOMY_CHANGE)
        return await self._topic_store.waiting()

    # What supervisors do

    async def accept(self, user: User, name: str) -> Topic:
        """Let the topic go by the threshold it has earned. Raises BadInput without a proposal."""
        user.require(Action.AUTONOMY_CHANGE)
        proposal = self.standing(name).proposal
        if proposal is None:
            raise BadInput("There is no proposal for this topic any more.")
        return await self._promote(name, proposal, by=user.email)

    async def decline(self, user: User, name: str) -> None:
        """Leave it; a new proposal needs half as many decisions again."""
        user.require(Action.AUTONOMY_CHANGE)
        topic = self._topics.get(name, Topic(name=name))
        weight = sum(e.weight for e in self._of(name))
        await self._save(replace(topic, declined=weight))
        await self._audit.record(who=user.email, what="autonomy.decline", subject=name)

    async def review_all(self, user: User, name: str) -> Topic:
        """Send everything of this topic to people."""
        user.require(Action.AUTONOMY_CHANGE)
        return await self._move(name, Level.REVIEW, by=user.email, why="by a supervisor")

    async def restore(self, user: User, name: str) -> Topic:
        """Back to the cold start."""
        user.require(Action.AUTONOMY_CHANGE)
        return await self._move(name, Level.BASE, by=user.email, why="by a supervisor")

    async def judge(self, user: User, answer_id: str, *, right: bool) -> None:
        """Say whether what went out alone was right. Raises NotFound, AlreadyDecided."""
        user.require(Action.AUTONOMY_CHANGE)
        answer = await self._topic_store.drawn(answer_id)
        if answer.state is not AuditState.WAITING:
            raise AlreadyDecided(decided_by=answer.by, decision=answer.state.value)
        state = AuditState.RIGHT if right else AuditState.WRONG
        await self._topic_store.judge(replace(answer, state=state, by=user.email))
        await self._audit.record(
            who=user.email, what="autonomy.judge", subject=answer_id, after={"right": right}
        )
        await self._learn(_about(answer, kind=Kind.AUDIT, right=right, at=self._clock.now()))

    # What happens

    async def apply(self, commits: Sequence[Commit]) -> None:
        """See Projection."""
        # This runs on every message: what is not about trust must cost nothing here.
        for commit in commits:
            for item in commit.numbered():
                if isinstance(item.event, ev.Received):
                    self._asked[item.conversation_id, item.seq] = item.event.text
        while len(self._asked) > KEPT_QUESTIONS:
            self._asked.popitem(last=False)
        drawn = [
            await self._sent_alone(item, item.event)
            for commit in commits
            for item in commit.numbered()
            if isinstance(item.event, ev.Sent) and self._is_drawn(item, item.event)
        ]
        if drawn:
            await self._topic_store.draw(drawn)
        for commit in commits:
            for item in commit.numbered():
                await self._take_in(item)

    async def articles_replaced(self, article_ids: Collection[str]) -> None:
        """What was known about answers from these articles says nothing about the new ones."""
        stale = [e for e in self._evidence.values() if e.article in set(article_ids) and e.weight]
        for evidence in stale:
            forgotten = replace(evidence, weight=0.0)
            self._evidence[evidence.id] = forgotten
            await self._evidence_store.put(forgotten)
        for name in sorted({e.topic for e in stale}):
            topic = self._topics.get(name)
            if topic is not None and topic.level is Level.EARNED:
                await self._move(name, Level.BASE, by="", why="a document has changed")

    async def _take_in(self, item: Numbered) -> None:
        match item.event:
            case ev.ReviewDecided() as e if e.draft_id not in self._evidence:
                approval = await self._recall(e.draft_id)
                if approval is not None:
                    found = from_decision(approval, opened_sources=e.opened_sources)
                    if found is not None:
                        await self._learn(found)
            case ev.Rated(score=score) if score <= POOR:
                await self._complaint(item, score)
            case ev.Erased():
                for known in [key for key in self._asked if key[0] == item.conversation_id]:
                    del self._asked[known]
                await self._topic_store.erase(item.conversation_id)
            case _:
                return

    def _is_drawn(self, item: Numbered, sent: ev.Sent) -> bool:
        if sent.author is not Author.AI or sent.by or sent.draft is None:
            return False
        # By the number of the message, so that the same one is drawn again after a crash.
        key = f"{item.conversation_id}.{item.seq}".encode()
        lot = int.from_bytes(hashlib.blake2b(key, digest_size=4).digest()) / 2**32
        return lot < self._wishes.audit_share

    async def _complaint(self, item: Numbered, score: int) -> None:
        """The last answer that went out alone, if it was one, was not good enough."""
        last: Numbered | None = None
        for commit in await self._history(item.conversation_id):
            for other in commit.numbered():
                if other.seq < item.seq and isinstance(other.event, ev.Sent):
                    last = other if other.event.author is not Author.SYSTEM else last
        if last is None or not isinstance(last.event, ev.Sent):
            return
        if last.event.author is not Author.AI or last.event.by or last.event.draft is None:
            return
        answer = replace(await self._sent_alone(last, last.event), rating=score)
        if answer.id in self._evidence:
            return
        await self._topic_store.draw([answer])
        await self._learn(_about(answer, kind=Kind.COMPLAINT, right=False, at=item.at))

    async def _sent_alone(self, item: Numbered, sent: ev.Sent) -> SentAlone:
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

    async def _learn(self, evidence: Evidence) -> None:
        await self._evidence_store.put(evidence)
        self._evidence[evidence.id] = evidence
        await self._reconsider(evidence)

    async def _reconsider(self, newest: Evidence) -> None:
        """Demote at once what does not hold; promote, if that is automatic, what does."""
        standing = self.standing(newest.topic)
        level = standing.topic.level
        alone = newest.kind is not Kind.REVIEW
        if alone and not newest.right and level is Level.EARNED:
            why = "a complaint" if newest.kind is Kind.COMPLAINT else "a wrong answer in the audit"
            await self._move(newest.topic, Level.BASE, by="", why=why)
            return
        if level is not Level.REVIEW and not self._reviews_all(newest.topic):
            # Customers are also cross about right answers: what they say costs what was earned,
            # and goes before a supervisor, whose word counts here.
            if newest.kind is Kind.AUDIT and self._wrong_lately(standing) >= WRONG:
                await self._move(newest.topic, Level.REVIEW, by="", why="wrong in the audit again")
                return
            if self._drifts(standing):
                below = Level.BASE if level is Level.EARNED else Level.REVIEW
                await self._move(newest.topic, below, by="", why="answers got worse")
                return
        if self._wishes.automatic and standing.proposal is not None:
            await self._promote(newest.topic, standing.proposal, by="")

    def _wrong_lately(self, standing: Standing) -> int:
        since = max(
            self._clock.now() - WRONG_TIME,
            standing.topic.since or datetime.min.replace(tzinfo=self._clock.now().tzinfo),
        )
        return sum(
            e.kind is Kind.AUDIT and not e.right and e.at >= since for e in standing.evidence
        )

    def _drifts(self, standing: Standing) -> bool:
        """Whether the newest answers above the threshold are surely worse than promised."""
        since = standing.topic.since
        above = [
            e
            for e in standing.evidence
            if e.confidence >= standing.threshold and (since is None or e.at >= since)
        ][-RECENT:]
        wrong = sum(not e.right for e in above)
        # The upper bound of being right is what is left for the error from below.
        least_error = 1.0 - error_bound(len(above) - wrong, len(above)) if above else 0.0
        return len(above) >= LEAST_RECENT and least_error > 1.0 - self._wishes.target

    def _proposal(self, topic: Topic, threshold: float) -> Bound | None:
        evidence = [e for e in self._of(topic.name) if topic.since is None or e.at >= topic.since]
        if sum(e.weight for e in evidence) < topic.declined * 1.5:
            return None
        found = earned(evidence, target=self._wishes.target)
        return found if found is not None and found.threshold < threshold - STEP else None

    def _of(self, name: str) -> list[Evidence]:
        mine = [e for e in self._evidence.values() if e.topic == name and e.weight]
        return sorted(mine, key=lambda e: (e.at, e.id))

    async def _promote(self, name: str, proposal: Bound, *, by: str) -> Topic:
        why = f"{proposal.wrong:g} wrong of {proposal.sent:g}, at most {proposal.bound:.1%}"
        topic = await self._move(
            name, Level.EARNED, by=by, why=why, threshold=proposal.threshold, keeps_evidence=True
        )
        log.info("%r goes out alone from %.3f on: %s", name, proposal.threshold, why)
        return topic

    async def _move(
        self,
        name: str,
        level: Level,
        *,
        by: str,
        why: str,
        threshold: float = 1.0,
        keeps_evidence: bool = False,
    ) -> Topic:
        before = self._topics.get(name, Topic(name=name))
        now = self._clock.now()
        change = Change(at=now, by=by, level=level, threshold=threshold, why=why)
        after = replace(
            before,
            level=level,
            threshold=threshold,
            # What was lost has to be earned anew.
            since=before.since if keeps_evidence else now,
            declined=0.0,
            history=(*before.history, change)[-HISTORY:],
        )
        await self._save(after)
        await self._audit.record(
            who=by or "system",
            what="autonomy.change",
            subject=name,
            before=_plain(before),
            after={**_plain(after), "why": why},
        )
        return after

    async def _save(self, topic: Topic) -> None:
        await self._topic_store.save(topic)
        self._topics[topic.name] = topic


def _about(answer: SentAlone, *, kind: Kind, right: bool, at: datetime) -> Evidence:
    return Evidence(
        id=answer.id,
        at=at,
        kind=kind,
        topic=answer.topic,
        confidence=answer.confidence,
        right=right,
        by=answer.by,
        article=answer.article,
    )


def _plain(topic: Topic) -> Mapping[str, object]:
    return {"level": topic.level.value, "threshold": topic.threshold}
