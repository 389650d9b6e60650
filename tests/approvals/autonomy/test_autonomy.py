"""Autonomy by topic on the real store: earned slowly, lost at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from approvals.autonomy.autonomy import EVERYTHING, Autonomy, Wishes
from approvals.autonomy.fits import FitStore
from approvals.autonomy.topics import Level, TopicStore
from approvals.learning.evidence import EvidenceStore
from approvals.queue.model import Approval
from core.accounts.audit.log import Audit
from core.accounts.roles import Role, User
from core.domain import events as ev
from core.domain.conversation import Conversation
from core.domain.drafts import Draft, Reason
from core.domain.events import Commit, Decision
from core.domain.messages import Author, Citation
from core.domain.policy import Rules
from core.errors import AlreadyDecided, BadInput, Forbidden
from core.rag.confidence.model import Confidence
from core.rag.confidence.recalibration import RecalibratedConfidence
from core.rag.knowledge.revision import SharedRevision
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database

SUE = User(id="s", email="sue@example.com", role=Role.SUPERVISOR)
ANN = User(id="a", email="ann@example.com", role=Role.AGENT)
TALK = Conversation(id="c")


class Office:
    """Decisions as they come from the log."""

    def __init__(self, db: Database, clock: ManualClock, wishes: Wishes) -> None:
        self.db, self.clock, self.wishes = db, clock, wishes
        self.approvals: dict[str, Approval] = {}
        self.commits: dict[str, list[Commit]] = {}
        self.confidence = RecalibratedConfidence(Confidence.load())
        self.autonomy = self.made()
        self.count = 0

    def made(self, *, shared: bool = False) -> Autonomy:
        """Another process; `shared`: one of many."""

        async def recall(approval_id: str) -> Approval | None:
            return self.approvals.get(approval_id)

        async def history(conversation_id: str, *, after: int = 0) -> Sequence[Commit]:
            return [c for c in self.commits.get(conversation_id, []) if c.base > after]

        return Autonomy(
            EvidenceStore(self.db["evidence"], clock=self.clock),
            TopicStore(self.db["topics"], self.db["drawn"]),
            wishes=self.wishes,
            recall=recall,
            history=history,
            audit=Audit(self.db, clock=self.clock),
            clock=self.clock,
            confidence=RecalibratedConfidence(Confidence.load()) if shared else self.confidence,
            fits=FitStore(self.db["fits"]) if shared else None,
            shared=SharedRevision(self.db["meta"], name="autonomy") if shared else None,
        )

    async def decided(
        self,
        decision: Decision,
        *,
        confidence: float = 0.8,
        signals: Mapping[str, float] | None = None,
        seconds: float = 60.0,
    ) -> None:
        self.count += 1
        key, now = f"c{self.count}.4", self.clock.now()
        self.approvals[key] = Approval(
            id=key,
            conversation_id=f"c{self.count}",
            seq=5,
            at=now,
            requested_at=now,
            deadline=now,
            decided_at=now,
            decision=decision.value,
            seconds=seconds,
            reasons=(Reason.LOW_CONFIDENCE,),
            draft=replace(draft(confidence), signals=signals or {}),
        )
        event = ev.ReviewDecided(draft_id=key, version=1, decision=decision, by=ANN.email)
        await self.happened(f"c{self.count}", event)

    async def sent_alone(self, *, confidence: float = 0.99) -> str:
        self.count += 1
        conversation = f"c{self.count}"
        await self.happened(conversation, ev.Received(text="How?"))
        answer = ev.Sent(author=Author.AI, text="So.", draft=draft(confidence), answers=(1,))
        await self.happened(conversation, answer)
        return conversation

    async def happened(self, conversation: str, *events: ev.Event) -> None:
        known = self.commits.setdefault(conversation, [])
        base = known[-1].last + 1 if known else 1
        commit = Commit(conversation_id=conversation, base=base, at=self.clock.now(), events=events)
        known.append(commit)
        await self.autonomy.apply([commit])
        await self.clock.advance(1)


def draft(confidence: float, topic: str = "billing") -> Draft:
    source = Citation(id="doc#0", title="Doc")
    return Draft(text="So.", citations=(source,), confidence=confidence, topic=topic)


def wishes(**changes: object) -> Wishes:
    return Wishes(**{"target": 0.95, "prior": 0.93, **changes})  # type: ignore[arg-type]


@pytest.fixture
def office(db: Database, clock: ManualClock) -> Office:
    return Office(db, clock, wishes())


def rules(office: Office, topic: str = "billing") -> Rules:
    return office.autonomy.rules(TALK, draft(0.9, topic))


async def test_a_topic_goes_by_the_prior_until_a_supervisor_accepts_what_it_has_earned(
    office: Office,
) -> None:
    for _ in range(59):
        assert office.autonomy.standing("billing").proposal is None
        await office.decided(Decision.APPROVE)
    assert rules(office).threshold == 0.93
    proposal = office.autonomy.standing("billing").proposal
    assert proposal is not None
    assert (proposal.threshold, proposal.wrong, proposal.sent) == (0.8, 0, 59)
    with pytest.raises(Forbidden):
        await office.autonomy.accept(ANN, "billing")
    await office.autonomy.accept(SUE, "billing")
    assert rules(office).threshold == 0.8
    assert rules(office, "other").threshold == 0.93
    assert office.autonomy.would_send(draft(0.85))
    with pytest.raises(BadInput):
        await office.autonomy.accept(SUE, "billing")
    # It is remembered, with who and why.
    again = office.made()
    await again.start()
    assert again.threshold("billing") == 0.8
    [change] = again.standing("billing").topic.history
    assert (change.by, change.level) == (SUE.email, Level.EARNED)
    [entry] = await Audit(office.db, clock=office.clock).page()
    assert (entry.who, entry.what, entry.subject) == (SUE.email, "autonomy.change", "billing")


async def test_promotion_can_be_automatic(db: Database, clock: ManualClock) -> None:
    office = Office(db, clock, wishes(automatic=True))
    for _ in range(59):
        await office.decided(Decision.APPROVE)
    assert rules(office).threshold == 0.8


async def test_where_everything_is_reviewed_first_a_topic_has_to_earn_it(
    db: Database, clock: ManualClock
) -> None:
    office = Office(db, clock, wishes(review_first=True))
    assert rules(office).review_all
    for _ in range(59):
        await office.decided(Decision.APPROVE, confidence=0.97)
    await office.autonomy.accept(SUE, "billing")
    assert not rules(office).review_all
    assert rules(office, "other").review_all


async def test_a_promise_of_certainty_sends_nothing_alone(db: Database, clock: ManualClock) -> None:
    office = Office(db, clock, wishes(target=1.0))
    for _ in range(80):
        await office.decided(Decision.APPROVE)
    assert rules(office).threshold == 1.0
    assert not office.autonomy.would_send(draft(1.0))
    assert office.autonomy.standing("billing").proposal is None


async def promoted(office: Office) -> None:
    for _ in range(59):
        await office.decided(Decision.APPROVE)
    await office.autonomy.accept(SUE, "billing")


async def test_a_complaint_takes_back_at_once_what_was_earned(office: Office) -> None:
    await promoted(office)
    conversation = await office.sent_alone()
    await office.happened(conversation, ev.Rated(score=5))
    assert rules(office).threshold == 0.8
    await office.happened(conversation, ev.Rated(score=1))
    assert rules(office).threshold == 0.93
    assert office.autonomy.standing("billing").proposal is None
    # It also waits for a supervisor's look, with what was asked.
    [answer] = await office.autonomy.drawn(SUE)
    assert (answer.rating, answer.question, answer.text) == (1, "How?", "So.")


async def test_a_changed_document_takes_back_what_its_old_text_earned(office: Office) -> None:
    await promoted(office)
    await office.autonomy.articles_replaced(["another"])
    assert rules(office).threshold == 0.8
    await office.autonomy.articles_replaced(["doc"])
    assert rules(office).threshold == 0.93
    assert office.autonomy.standing("billing").evidence == []


async def test_a_share_of_what_went_out_gets_a_second_look_and_never_waits_for_it(
    db: Database, clock: ManualClock
) -> None:
    office = Office(db, clock, wishes(audit_share=1.0))
    await promoted(office)
    conversation = await office.sent_alone()
    assert not rules(office).audit
    [answer] = await office.autonomy.drawn(SUE)
    assert answer.conversation_id == conversation
    await office.autonomy.judge(SUE, answer.id, right=False)
    assert rules(office).threshold == 0.93
    assert await office.autonomy.drawn(SUE) == []
    with pytest.raises(AlreadyDecided):
        await office.autonomy.judge(SUE, answer.id, right=True)
    await office.sent_alone()
    [second] = await office.autonomy.drawn(SUE)
    await office.autonomy.judge(SUE, second.id, right=False)
    await office.sent_alone()
    [third] = await office.autonomy.drawn(SUE)
    await office.autonomy.judge(SUE, third.id, right=False)
    assert rules(office).review_all


async def test_about_the_share_that_was_wished_is_drawn_and_the_same_again_after_a_crash(
    db: Database, clock: ManualClock
) -> None:
    office = Office(db, clock, wishes(audit_share=0.3))
    for _ in range(200):
        await office.sent_alone()
    drawn = await office.autonomy.drawn(SUE)
    assert 35 <= len(drawn) <= 85
    for commits in office.commits.values():
        await office.autonomy.apply(commits)
    assert await office.autonomy.drawn(SUE) == drawn


async def test_a_supervisor_can_send_a_topic_to_people_and_restore_it(office: Office) -> None:
    await office.autonomy.review_all(SUE, "billing")
    assert rules(office).review_all
    assert office.autonomy.standing("billing").threshold == 1.0
    await office.autonomy.restore(SUE, "billing")
    assert not rules(office).review_all
    with pytest.raises(Forbidden):
        await office.autonomy.review_all(ANN, "billing")


async def test_one_step_stops_everything_and_one_goes_on_with_what_was_earned(
    office: Office,
) -> None:
    await office.autonomy.review_all(SUE, "refunds")
    await office.autonomy.review_all(SUE, EVERYTHING)
    assert office.autonomy.is_stopped()
    for topic in ("billing", "never asked about", "smalltalk"):
        assert rules(office, topic).review_all
    assert EVERYTHING not in {s.topic.name for s in office.autonomy.standings(SUE)}

    with pytest.raises(Forbidden):
        await office.autonomy.restore(ANN, EVERYTHING)
    await office.autonomy.restore(SUE, EVERYTHING)
    assert not office.autonomy.is_stopped()
    assert not rules(office, "billing").review_all
    assert rules(office, "refunds").review_all  # stopped by itself, before


async def test_a_declined_proposal_comes_back_only_with_more_evidence(office: Office) -> None:
    for _ in range(59):
        await office.decided(Decision.APPROVE)
    await office.autonomy.decline(SUE, "billing")
    assert office.autonomy.standing("billing").proposal is None
    for _ in range(30):
        await office.decided(Decision.APPROVE)
    assert office.autonomy.standing("billing").proposal is not None


async def test_the_same_decision_again_counts_once(office: Office) -> None:
    await office.decided(Decision.APPROVE)
    for commits in office.commits.values():
        await office.autonomy.apply(commits)
    assert office.autonomy.standing("billing").now.total == 1


async def test_what_is_drawn_is_gathered_until_it_is_flushed_and_survives_us_then(
    db: Database, clock: ManualClock
) -> None:
    office = Office(db, clock, wishes(audit_share=1.0))
    conversation = await office.sent_alone()
    assert await office.made().drawn(SUE) == []
    await office.autonomy.flush()
    [answer] = await office.made().drawn(SUE)
    assert answer.conversation_id == conversation


async def test_a_complaint_is_written_at_once(db: Database, clock: ManualClock) -> None:
    office = Office(db, clock, wishes())
    conversation = await office.sent_alone()
    await office.happened(conversation, ev.Rated(score=1))
    [answer] = await office.made().drawn(SUE)
    assert answer.rating == 1


async def test_nothing_is_drawn_of_an_erased_conversation_after_its_end(
    db: Database, clock: ManualClock
) -> None:
    office = Office(db, clock, wishes(audit_share=1.0))
    conversation = await office.sent_alone()
    await office.happened(conversation, ev.Erased())
    # All that was drawn is written down by now, where the erasure finds it.
    assert await db["drawn"].count_documents({"c": conversation}) == 1
    await db["drawn"].delete_many({"c": conversation})
    await office.autonomy.flush()
    assert await office.autonomy.drawn(SUE) == []


SEEN = {
    "question": 0.97, "question_margin": 0.08, "question_spread": 0.12, "text": 0.9,
    "text_margin": 0.04, "has_text": 1.0, "share": 0.98, "lead": 4.0, "vote": 0.99,
    "question_overlap": 1.0, "text_overlap": 0.8, "unknown_words": 0.0, "length": 1.6,
    "other_language": 0.0, "learned": 0.0, "lost": 0.1, "lost_words": 0.0,
}  # fmt: skip


async def refused_often(db: Database, clock: ManualClock) -> tuple[Office, float]:
    """Answers like SEEN rejected 45 times, and what such an answer scored before."""
    office = Office(db, clock, wishes())
    await office.autonomy.start()
    shipped = office.confidence.score(SEEN)
    for _ in range(45):
        await office.decided(Decision.REJECT, signals=SEEN)
    return office, shipped


async def test_decisions_temper_the_confidence_also_after_a_restart(
    db: Database, clock: ManualClock
) -> None:
    office, shipped = await refused_often(db, clock)
    tempered = office.confidence.score(SEEN)
    assert tempered < shipped - 0.1
    again = Office(db, clock, wishes())
    assert again.confidence.score(SEEN) == shipped
    await again.autonomy.start()
    assert again.confidence.score(SEEN) <= tempered


async def test_what_was_decided_about_an_older_document_tempers_nothing(
    db: Database, clock: ManualClock
) -> None:
    office, shipped = await refused_often(db, clock)
    await office.autonomy.articles_replaced(["doc"])
    assert office.confidence.score(SEEN) == shipped
    again = Office(db, clock, wishes())
    await again.autonomy.start()
    assert again.confidence.score(SEEN) == shipped
