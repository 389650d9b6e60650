"""What is learned from people, on a real index: and how it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from approvals.model import Approval
from approvals.trust.contradictions import contradictions
from approvals.trust.learning import KEEP, Learning
from approvals.trust.lessons import LessonState, LessonStore
from approvals.trust.taking_down import lesson_from, without_name
from config.settings import read_settings
from core import events as ev
from core.accounts.audit import Audit
from core.accounts.rules import Role, User
from core.drafts import Draft, Reason
from core.errors import AlreadyDecided, BadInput, Forbidden
from core.events import Commit, Numbered
from core.messages import Author, Citation
from core.rag.assembly import Rag, open_rag
from core.rag.passages import Article
from core.storage.client import Database
from core.testing.clock import ManualClock

SUE = User(id="s", email="sue@example.com", role=Role.SUPERVISOR)
ANN = User(id="a", email="ann@example.com", role=Role.AGENT)
ASKED = "May I bring my parrot into the sauna?"
SAID = "Yes, parrots are welcome until 18:00."
DOC = Article(id="house", title="House rules", text="Dogs stay outside. The sauna opens at 9.")


class Class:
    """People who answer, and what is learned from them."""

    def __init__(self, db: Database, rag: Rag, clock: ManualClock, *, automatic: bool) -> None:
        self.approvals: dict[str, Approval] = {}
        self.store, self.rag, self.clock = LessonStore(db["lessons"]), rag, clock
        self.count = 0

        async def recall(approval_id: str) -> Approval | None:
            return self.approvals.get(approval_id)

        async def find(email: str) -> User | None:
            return {u.email: u for u in (SUE, ANN)}.get(email)

        self.learning = Learning(
            self.store,
            knowledge=rag.knowledge,
            recall=recall,
            find_user=find,
            audit=Audit(db, clock=clock),
            clock=clock,
            automatic=automatic,
        )

    async def said(
        self,
        by: User,
        text: str = SAID,
        *,
        decision: str = "edit",
        question: str = ASKED,
        confidence: float = 0.7,
        seconds: float = 60.0,
    ) -> str:
        self.count += 1
        key, now = f"c{self.count}.3", self.clock.now()
        self.approvals[key] = Approval(
            id=key,
            conversation_id=f"c{self.count}",
            seq=4,
            at=now,
            requested_at=now,
            deadline=now,
            decision=decision,
            customer="Min Park",
            question=question,
            seconds=seconds,
            reasons=(Reason.LOW_CONFIDENCE,),
            draft=Draft(
                text=DOC.text,
                confidence=confidence,
                citations=(Citation(id="house#0", title="House rules"),),
            ),
        )
        author = Author.AI if decision == "approve" else Author.AGENT
        sent = ev.Sent(author=author, text=text, by=by.email, draft_id=key)
        commit = Commit(conversation_id=f"c{self.count}", base=4, at=now, events=(sent,))
        await self.learning.apply([commit, commit])
        for lesson in await self.store.in_state(LessonState.NEW):
            await self.learning._learn(lesson)
        await self.clock.advance(1)
        return key

    async def best(self, question: str = ASKED) -> str:
        await self.rag.retriever.refresh()
        found = await self.rag.knowledge.search(question)
        return found.hits[0].passage.text if found.hits else ""


@pytest.fixture
async def rag(db: Database, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Rag]:
    async with AsyncExitStack() as stack:
        rag = await open_rag(
            stack, vectors=read_settings({}).vectors, data_dir=tmp_path, db=db, clock=clock
        )
        await rag.knowledge.add_article(DOC)
        yield rag


@pytest.fixture
def lessons(db: Database, rag: Rag, clock: ManualClock) -> Class:
    return Class(db, rag, clock, automatic=False)


async def test_an_approved_answer_makes_its_question_known(lessons: Class) -> None:
    await lessons.said(ANN, DOC.text, decision="approve")
    assert (await lessons.rag.knowledge.get("house")).article.questions == (ASKED,)
    # And a changed document forgets it.
    await lessons.rag.knowledge.add_article(replace(DOC, text="All animals are welcome."))
    assert (await lessons.rag.knowledge.get("house")).article.questions == ()
    assert await lessons.store.in_state(LessonState.LEARNED) == []


async def test_a_doubtful_draft_that_was_approved_unread_teaches_nothing(lessons: Class) -> None:
    await lessons.said(ANN, DOC.text, decision="approve", confidence=0.2, seconds=0.3)
    assert (await lessons.rag.knowledge.get("house")).article.questions == ()


async def test_an_approval_against_the_odds_waits_for_a_supervisor(lessons: Class) -> None:
    key = await lessons.said(ANN, DOC.text, decision="approve", confidence=0.2)
    assert (await lessons.rag.knowledge.get("house")).article.questions == ()
    assert [c.id for c in await lessons.learning.candidates(SUE)] == [key]
    await lessons.learning.accept(SUE, key)
    assert (await lessons.rag.knowledge.get("house")).article.questions == (ASKED,)


async def test_a_supervisors_words_are_known_at_once_and_newer_ones_take_their_place(
    lessons: Class,
) -> None:
    await lessons.said(SUE)
    assert await lessons.best() == SAID
    await lessons.said(SUE, "No, parrots stay outside since May.")
    assert await lessons.best() == "No, parrots stay outside since May."
    assert len(await lessons.store.in_state(LessonState.LEARNED)) == 1


async def test_an_agents_words_wait_for_a_supervisor(lessons: Class) -> None:
    key = await lessons.said(ANN)
    assert await lessons.best() != SAID
    with pytest.raises(Forbidden):
        await lessons.learning.accept(ANN, key)
    [candidate] = await lessons.learning.candidates(SUE)
    assert (candidate.by, candidate.question, candidate.cited) == (ANN.email, ASKED, ("house",))
    await lessons.learning.accept(SUE, key)
    assert await lessons.best() == SAID
    with pytest.raises(AlreadyDecided):
        await lessons.learning.decline(SUE, key)
    await lessons.learning.forget(SUE, key)
    assert await lessons.best() != SAID


async def test_words_are_known_at_once_where_that_is_wished(
    db: Database, rag: Rag, clock: ManualClock
) -> None:
    lessons = Class(db, rag, clock, automatic=True)
    await lessons.said(ANN)
    assert await lessons.best() == SAID
    # A rejection's text was for one customer; it waits all the same.
    await lessons.said(ANN, "Not for you.", decision="reject", question="May I sing in the pool?")
    assert [c.text for c in await lessons.learning.candidates(SUE)] == ["Not for you."]


async def test_what_is_learned_expires_and_ends_with_its_document(lessons: Class) -> None:
    await lessons.said(SUE)
    await lessons.clock.advance(KEEP.total_seconds() + 10)
    await lessons.learning.sweep()
    assert await lessons.best() != SAID
    await lessons.said(SUE)
    assert await lessons.best() == SAID
    await lessons.rag.knowledge.remove("house")
    assert await lessons.best() == ""
    assert len(await lessons.store.in_state(LessonState.RETIRED)) == 2


async def test_personal_data_never_enters(lessons: Class) -> None:
    key = await lessons.said(
        SUE,
        "Dear Min Park, we wrote to min.park@example.com about it.",
        question="I am Min Park, call 010-1234-5678: may parrots swim?",
    )
    [candidate] = await lessons.learning.candidates(SUE)
    everything = f"{candidate.question} {candidate.text}"
    assert "Park" not in everything
    assert "1234" not in everything
    assert "@" not in everything
    with pytest.raises(BadInput):
        await lessons.learning.accept(SUE, key)
    with pytest.raises(BadInput):
        await lessons.learning.accept(SUE, key, text="Write to min.park@example.com.")
    await lessons.learning.accept(SUE, key, question="May parrots swim?", text="They may.")
    assert await lessons.best("May parrots swim?") == "They may."


async def test_an_erased_conversation_leaves_no_candidate(lessons: Class) -> None:
    await lessons.said(ANN)
    erased = Commit(conversation_id="c1", base=9, at=lessons.clock.now(), events=(ev.Erased(),))
    await lessons.learning.apply([erased])
    assert await lessons.learning.candidates(SUE) == []


async def test_contradictions_with_what_is_known_are_named(lessons: Class) -> None:
    rule = Article(id="parrots", title=ASKED, text="Parrots are not welcome in the sauna.")
    await lessons.rag.knowledge.add_article(rule)
    found = await lessons.rag.knowledge.search(ASKED)
    assert contradictions("Parrots are welcome in the sauna.", found) == (ASKED,)
    assert contradictions("Parrots are not welcome there.", found) == ()
    assert contradictions("Parrots are welcome in the sauna.", found, but=["parrots"]) == ()


def test_only_a_persons_answer_to_a_draft_teaches() -> None:
    def of(event: ev.Event) -> bool:
        at = ManualClock().now()
        return lesson_from(Numbered(conversation_id="c", seq=4, at=at, event=event)) is not None

    assert of(ev.Sent(author=Author.AGENT, text="x", by="a@b.c", draft_id="c.3"))
    assert not of(ev.Sent(author=Author.AI, text="x"))
    assert not of(ev.Sent(author=Author.AGENT, text="x", by="a@b.c"))
    notice = ev.Sent(
        author=Author.SYSTEM, text="x", by="a@b.c", draft_id="c.3", notice=ev.Notice.REJECTED
    )
    assert not of(notice)


def test_a_customers_name_is_taken_out() -> None:
    assert without_name("I am Kim, Kimchi?", "Kim").split() == ["I", "am", ",", "Kimchi?"]
    assert without_name("김민수입니다. 안녕하세요", "김민수") == "입니다. 안녕하세요"
    assert without_name("x y", "") == "x y"
