"""The rules for sending without review, topic by topic: earned from decisions, lost at once."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from approvals.autonomy.fits import FitStore
from approvals.autonomy.promotion import Promotion
from approvals.autonomy.recalibration import Recalibration
from approvals.autonomy.sampling import AnswersAlone, History
from approvals.autonomy.standing import Standing, proposal
from approvals.autonomy.topics import (
    AuditState,
    Change,
    Level,
    SentAlone,
    Topic,
    TopicStore,
)
from approvals.learning.evidence import (
    Evidence,
    EvidenceStore,
    Kind,
    bound_at,
    from_decision,
)
from approvals.queue.model import Approval
from core.accounts.audit.log import Audit
from core.accounts.roles import Action, User
from core.clock import Clock
from core.domain import events as ev
from core.domain.conversation import Conversation
from core.domain.drafts import Draft
from core.domain.events import Commit, Numbered
from core.domain.policy import Rules
from core.errors import AlreadyDecided, BadInput, StoreUnavailable
from core.rag.confidence.recalibration import RecalibratedConfidence
from core.rag.knowledge.revision import SharedRevision

log = logging.getLogger(__name__)

OVERLAP = timedelta(minutes=2)  #: by which clocks of writers may differ, and writes be late
REFIT_SECONDS = 1.0  #: between two looks whether another fit is due
EVERYTHING = "*"  #: the topic that stands for all of them: where it is reviewed, all are
POOR = 2  #: a rating up to this is a complaint

Recall = Callable[[str], Awaitable[Approval | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The operator's settings for sending without review."""

    target: float  #: share of right answers among those sent alone
    prior: float  #: the shipped threshold for that target
    review_first: bool = False  #: the cold start reviews everything
    automatic: bool = False  #: promotions need no supervisor
    audit_share: float = 0.0
    max_turns: int = 6


class Autonomy:
    """`core.engine.processing.pipeline.RulesSource`, and a projection that gathers the evidence."""

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
        confidence: RecalibratedConfidence,
        fits: FitStore | None = None,
        shared: SharedRevision | None = None,
    ) -> None:
        """`fits` is where all processes have their fit, `shared` says when another one has learned
        something; None: there are no others."""
        self._shared = shared
        self._evidence_store = evidence
        self._topic_store = topics
        self._wishes = wishes
        self._recall = recall
        self._alone = AnswersAlone(history, audit_share=wishes.audit_share)
        self._tempering = Recalibration(confidence, fits=fits)
        self._audit = audit
        self._clock = clock
        self._ladder = Promotion(topics, audit=audit, clock=clock, changed=self._changed)
        self._evidence: dict[str, Evidence] = {}
        self._read_at = clock.now()

    async def start(self) -> None:
        """Read what is known; before the first question."""
        await self._ladder.start()
        self._read_at = self._clock.now()
        known = await self._evidence_store.all()
        self._evidence = {e.id: _bare(e) for e in known}
        await self._tempering.begin(known)

    async def follow(self) -> None:
        """Go by what other processes learn and what is decided there, until cancelled."""
        if self._shared is not None:
            self._shared.on_changed_elsewhere(self._read_again)
            await self._shared.run()

    async def refit(self) -> None:
        """Fit the confidence for all processes, until cancelled: in one of them at a time."""
        if self._shared is None:
            return
        while True:
            try:
                if await self._tempering.refit_if_due():
                    self._changed()
            except StoreUnavailable:
                log.info("the store is away; a fit is published later")
            await self._clock.sleep(REFIT_SECONDS)

    async def _read_again(self) -> None:
        """What a supervisor or a decision has changed elsewhere."""
        await self._ladder.start()
        began = self._clock.now()
        for one in await self._evidence_store.since(self._read_at - OVERLAP):
            known = self._evidence.get(one.id)
            if known is None or known.weight != one.weight or known.right != one.right:
                self._evidence[one.id] = _bare(one)
                self._tempering.take(one)
        self._read_at = began
        await self._tempering.adopt_published()

    def _changed(self) -> None:
        if self._shared is not None:
            self._shared.changed()

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
        topic = self._ladder.topic(name)
        return topic.threshold if topic.level is Level.EARNED else self._wishes.prior

    def is_stopped(self) -> bool:
        """Whether nothing goes out alone, whatever its topic has earned."""
        return self._ladder.topic(EVERYTHING).level is Level.REVIEW

    def _reviews_all(self, name: str) -> bool:
        if self.is_stopped():
            return True
        level = self._ladder.topic(name).level
        return level is Level.REVIEW or (level is Level.BASE and self._wishes.review_first)

    @property
    def reviews_first(self) -> bool:
        """Whether a topic that has earned nothing yet sends nothing alone."""
        return self._wishes.review_first or self._wishes.target >= 1.0

    @property
    def promotes_itself(self) -> bool:
        """Whether a topic needs no supervisor to go by what it has earned."""
        return self._wishes.automatic

    # What is shown

    def standings(self, user: User) -> list[Standing]:
        """Every topic that was ever asked about or changed, the busiest first."""
        user.require(Action.DASHBOARD_READ)
        names = {e.topic for e in self._evidence.values()} | set(self._ladder.moved)
        found = [self.standing(name) for name in names - {"smalltalk", EVERYTHING}]
        return sorted(found, key=lambda s: (-s.now.total, s.topic.name))

    def standing(self, name: str) -> Standing:
        """One topic."""
        topic = self._ladder.topic(name)
        evidence = self._of(name)
        threshold = 1.0 if self._reviews_all(name) else self.threshold(name)
        return Standing(
            topic=topic,
            threshold=threshold,
            evidence=evidence,
            now=bound_at(evidence, threshold),
            proposal=proposal(topic, evidence, threshold=threshold, target=self._wishes.target),
        )

    async def drawn(self, user: User) -> list[SentAlone]:
        """What waits for a second look."""
        user.require(Action.AUTONOMY_CHANGE)
        return await self._topic_store.waiting()

    # What supervisors do

    async def accept(self, user: User, name: str) -> Topic:
        """Let the topic go by the threshold it has earned. Raises BadInput without a proposal."""
        user.require(Action.AUTONOMY_CHANGE)
        offered = self.standing(name).proposal
        if offered is None:
            raise BadInput("There is no proposal for this topic any more.")
        return await self._ladder.promote(name, offered, by=user.email)

    async def decline(self, user: User, name: str) -> None:
        """Leave it; a new proposal needs half as many decisions again."""
        user.require(Action.AUTONOMY_CHANGE)
        weight = sum(e.weight for e in self._of(name))
        await self._ladder.decline(name, by=user.email, weight=weight)

    async def review_all(self, user: User, name: str) -> Topic:
        """Send everything of this topic to people; of EVERYTHING, everything until `restore`."""
        user.require(Action.AUTONOMY_CHANGE)
        return await self._ladder.move(name, Level.REVIEW, by=user.email, why="by a supervisor")

    async def restore(self, user: User, name: str) -> Topic:
        """Back to the cold start."""
        user.require(Action.AUTONOMY_CHANGE)
        return await self._ladder.move(name, Level.BASE, by=user.email, why="by a supervisor")

    def last_change(self, user: User) -> tuple[str, Change] | None:
        """The newest change that can be undone, with its topic's name, perhaps EVERYTHING."""
        user.require(Action.AUTONOMY_CHANGE)
        return self._ladder.last_change()

    async def undo(self, user: User, name: str, at: datetime) -> Topic:
        """Take the topic's newest change back, made at this time. Raises BadInput for another."""
        user.require(Action.AUTONOMY_CHANGE)
        return await self._ladder.undo(name, at, by=user.email)

    async def judge(self, user: User, answer_id: str, *, right: bool) -> None:
        """Say whether what went out alone was right. Raises NotFound, AlreadyDecided."""
        user.require(Action.AUTONOMY_CHANGE)
        answer = await self._topic_store.drawn(answer_id)
        if answer.state is not AuditState.WAITING:
            raise AlreadyDecided(decided_by=answer.by, decision=answer.state.value)
        state = AuditState.RIGHT if right else AuditState.WRONG
        known = self._evidence.get(answer_id)
        complained = known is not None and known.kind is Kind.COMPLAINT
        await self._topic_store.judge(
            replace(answer, state=state, by=user.email, complained=complained)
        )
        await self._audit.record(
            who=user.email, what="autonomy.judge", subject=answer_id, after={"right": right}
        )
        await self._learn(_about(answer, kind=Kind.AUDIT, right=right, at=self._clock.now()))

    async def unjudge(self, user: User, answer_id: str) -> None:
        """Take one's own verdict back: the answer waits for a look again. Raises NotFound.

        A level that was lost by it is given back by `undo`.
        """
        user.require(Action.AUTONOMY_CHANGE)
        answer = await self._topic_store.drawn(answer_id)
        if answer.state is AuditState.WAITING:
            return
        if answer.by != user.email:
            raise AlreadyDecided(decided_by=answer.by, decision=answer.state.value)
        await self._topic_store.judge(replace(answer, state=AuditState.WAITING, by=""))
        await self._audit.record(who=user.email, what="autonomy.unjudge", subject=answer_id)
        if answer.complained:
            # The customer's word stands, which the verdict had replaced.
            complaint = _about(answer, kind=Kind.COMPLAINT, right=False, at=answer.at)
            await self._evidence_store.put(complaint)
            self._evidence[answer_id] = _bare(complaint)
            self._tempering.take(complaint)
            self._changed()
        elif (known := self._evidence.get(answer_id)) is not None:
            await self._disregard([known])

    # What is remembered

    def forget(self, conversation_id: str) -> None:
        """Drop the questions of this conversation; what is asked again is read from the log."""
        self._alone.forget(conversation_id)

    def forget_all(self) -> None:
        """The same of every conversation."""
        self._alone.forget_all()

    # What happens

    async def apply(self, commits: Sequence[Commit]) -> None:
        """See Projection."""
        # This runs on every message: what is not about trust must cost nothing here.
        self._alone.hear(commits)
        self._topic_store.gather(await self._alone.drawn(commits))
        for commit in commits:
            for item in commit.numbered():
                await self._take_in(item)

    async def flush(self) -> None:
        """See `core.engine.ports.Gathering.flush`."""
        await self._topic_store.flush()

    async def articles_replaced(self, article_ids: Collection[str]) -> None:
        """What was known about answers from these articles says nothing about the new ones."""
        stale = [e for e in self._evidence.values() if e.article in set(article_ids) and e.weight]
        await self._disregard(stale)
        for name in sorted({e.topic for e in stale}):
            if self._ladder.topic(name).level is Level.EARNED:
                await self._ladder.move(name, Level.BASE, by="", why="a document has changed")

    async def _take_in(self, item: Numbered) -> None:
        match item.event:
            case ev.ReviewDecided() as e if e.draft_id not in self._evidence:
                approval = await self._recall(e.draft_id)
                if approval is not None:
                    found = from_decision(approval, opened_sources=e.opened_sources)
                    if found is not None:
                        await self._learn(found)
            case ev.Rated(score=score) if score <= POOR:
                answer = await self._alone.complained_of(item, score)
                if answer is not None and answer.id not in self._evidence:
                    self._topic_store.gather([answer])
                    # Before the evidence, which says that the complaint has been taken in.
                    await self._topic_store.flush()
                    await self._learn(_about(answer, kind=Kind.COMPLAINT, right=False, at=item.at))
            case ev.Erased():
                self._alone.forget(item.conversation_id)
                # What is written down is removed there; nothing may be written after that.
                await self._topic_store.flush()
            case _:
                return

    async def _learn(self, evidence: Evidence) -> None:
        await self._evidence_store.put(evidence)
        self._evidence[evidence.id] = _bare(evidence)
        self._changed()
        await self._tempering.learn(evidence)
        await self._reconsider(evidence)

    async def _disregard(self, evidence: Sequence[Evidence]) -> None:
        """Count these for nothing from now on."""
        for one in evidence:
            forgotten = replace(one, weight=0.0)
            self._evidence[one.id] = forgotten
            await self._evidence_store.put(forgotten)
            self._changed()
        await self._tempering.forget([e.id for e in evidence])

    async def _reconsider(self, newest: Evidence) -> None:
        """Demote at once what does not hold; promote, if that is automatic, what does."""
        standing = self.standing(newest.topic)
        level = standing.topic.level
        alone = newest.kind is not Kind.REVIEW
        if alone and not newest.right and level is Level.EARNED:
            why = "a complaint" if newest.kind is Kind.COMPLAINT else "a wrong answer in the audit"
            await self._ladder.move(newest.topic, Level.BASE, by="", why=why)
            return
        if level is not Level.REVIEW and not self._reviews_all(newest.topic):
            # Customers are also cross about right answers: what they say costs what was earned,
            # and goes before a supervisor, whose word counts here.
            if newest.kind is Kind.AUDIT and standing.is_wrong_again(self._clock.now()):
                await self._ladder.move(
                    newest.topic, Level.REVIEW, by="", why="wrong in the audit again"
                )
                return
            if standing.drifts(self._wishes.target):
                below = Level.BASE if level is Level.EARNED else Level.REVIEW
                await self._ladder.move(newest.topic, below, by="", why="answers got worse")
                return
        if self._wishes.automatic and standing.proposal is not None:
            await self._ladder.promote(newest.topic, standing.proposal, by="")

    def _of(self, name: str) -> list[Evidence]:
        mine = [e for e in self._evidence.values() if e.topic == name and e.weight]
        return sorted(mine, key=lambda e: (e.at, e.id))


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
        signals=answer.signals,
    )


def _bare(evidence: Evidence) -> Evidence:
    """Without its signals, which only the refit needs, and of the newest only."""
    return replace(evidence, signals={})
