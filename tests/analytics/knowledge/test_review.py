"""A look at what is known: what is old, unused, doubled, missing and untaught, and for whom."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from analytics.facts.projection import FactsProjection
from analytics.facts.store import FactStore
from analytics.knowledge.command import lines
from analytics.knowledge.review import Look, Review
from analytics.knowledge.suggestions import Questions
from analytics.queries.gap_marks import MarkStore
from analytics.queries.gaps import Gaps
from analytics.queries.service import Analytics
from config.settings import read_settings
from core.accounts.audit.log import Audit
from core.accounts.roles import Role, User
from core.domain import events as ev
from core.domain.drafts import Draft, Reason
from core.domain.messages import Address, Author, Citation, Sender
from core.errors import BadInput, Forbidden
from core.rag.domain.model import Article
from core.rag.knowledge_base.rag import Rag
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from tests.analytics.conftest import SUPERVISOR, seven, write_log
from tests.support.world import build

WRITTEN = datetime(2026, 1, 5, 9, tzinfo=UTC)
ASKED = datetime(2026, 10, 1, 9, tzinfo=UTC)
RETURNS = "You can send an item back within thirty days of delivery, in the box it came in."
ARTICLES = (
    ("returns", "Returns", RETURNS),
    ("sending", "How do I send something back?", RETURNS),
    ("hours", "Opening hours", "We are open from nine to five on weekdays."),
    ("shop", "The shop in Leeds", "The shop in Leeds is open from nine to seven on weekdays."),
    ("parking", "Parking", "There is a free car park behind the shop."),
)
AGENT = User(id="a", email="ann@example.com", role=Role.AGENT)


def talk(number: int, question: str, *after: ev.Event) -> list[ev.Commit]:
    """A customer who asks this, and what became of it."""
    started = ev.Started(
        address=Address(channel="web", account="", chat=f"v{number}"),
        sender=Sender(id=f"v{number}", name=""),
        locale="en",
    )
    events: Sequence[ev.Event] = (started, ev.Received(text=question), *after)
    return [
        ev.Commit(
            conversation_id=f"c{number}", base=n, at=ASKED + timedelta(hours=number, minutes=n),
            events=(event,),
        )
        for n, event in enumerate(events, start=1)
    ]  # fmt: skip


def answered(*titles: str) -> ev.Event:
    return ev.Sent(
        author=Author.AI, text="So.", answers=(2,), draft=Draft(text="So.", locale="en"),
        citations=tuple(Citation(id=f"{t}#1", title=t) for t in titles),
    )  # fmt: skip


def unanswered(question: str) -> ev.Event:
    return ev.ReviewRequested(
        draft_id="d", version=1, question=question, draft=Draft(text="", locale="en"),
        reasons=(Reason.NOTHING_FOUND,), deadline=ASKED,
    )  # fmt: skip


@dataclass(kw_only=True)
class Shop:
    """A shop's knowledge, and whom it has answered."""

    rag: Rag
    review: Review
    clock: ManualClock
    db: Database

    async def look(self) -> Look:
        return await self.review.look(SUPERVISOR, catch_up=True)


@pytest.fixture
async def shop(db: Database, tmp_path: Path) -> AsyncIterator[Shop]:
    clock = ManualClock(WRITTEN)
    talks = [
        talk(1, "Can I send my boots back?", answered("Returns")),
        talk(2, "Hello,\nhow long may I keep it before I return it?\n\nThanks,\nJo Doe",
             answered("Returns › In the shop")),
        talk(3, "Send it to jo@mail.example, can I?", answered("Returns")),
        talk(4, "When do you open?", answered("Opening hours")),
        talk(5, "Do you sell gift cards?", unanswered("Do you sell gift cards?")),
        talk(6, "Can I bring my car?", unanswered("Can I bring my car?")),
    ]  # fmt: skip
    await write_log(db, talks)
    async with AsyncExitStack() as stack:
        rag = Rag(stack, vectors=read_settings({}).vectors, data_dir=tmp_path, db=db, clock=clock)
        await rag.open()
        for article_id, title, text in ARTICLES:
            article = Article(id=article_id, title=title, text=text)
            await rag.knowledge.add_article(article)
        await rag.knowledge.add_known_question("hours", "When do you open?")
        await clock.advance((ASKED + timedelta(days=2) - clock.now()).total_seconds())
        world = build(db, clock=clock)
        facts = FactStore(db, clock=clock)
        projection = FactsProjection(facts, conversations=world.conversations)
        for commits in talks:
            await projection.apply(commits)
        await projection.flush()
        analytics = Analytics(facts, clock=clock, zone=ZoneInfo("UTC"), queue_length=seven)

        async def meaning() -> Rag:
            await rag.open()
            return rag.embedder  # type: ignore[return-value]

        review = Review(
            analytics,
            gaps=Gaps(
                analytics,
                conversations=world.conversations,
                meaning=meaning,  # type: ignore[arg-type]
                marks=MarkStore(db["gap_marks"], clock=clock),
                audit=Audit(db, clock=clock),
            ),
            disagreements=rag.disagreements,
            questions=Questions(world.conversations),
            knowledge=rag.ready,
            clock=clock,
        )
        yield Shop(rag=rag, review=review, clock=clock, db=db)


async def test_everything_that_deserves_a_look_is_there_with_its_customers(shop: Shop) -> None:
    look = await shop.look()
    # Age times use: what was given to three stands before what was given to one.
    stale = [(one.stored.article.id, one.use.customers) for one in look.stale]
    assert stale == [("returns", 3), ("hours", 1)]
    assert {look.talks[d] for d in look.stale[0].use.latest} == {"c1", "c2", "c3"}
    assert {one.stored.article.id for one in look.unused} == {"sending", "shop", "parking"}
    [group] = look.copies
    assert {one.stored.article.id for one in group} == {"returns", "sending"}
    assert {gap.question for gap in look.gaps} == {"Do you sell gift cards?", "Can I bring my car?"}
    untaught = {one.looked.stored.article.id: one for one in look.untaught}
    assert set(untaught) == {"returns", "sending", "shop", "parking"}
    assert next(iter(untaught)) == "returns"
    # In their words, without greeting, name or address; who wrote one is not suggested at all.
    asked = {s.question for s in untaught["returns"].suggestions}
    assert asked == {"Can I send my boots back?", "how long may I keep it before I return it?"}
    told = "\n".join(lines(look))
    for words in (
        "Old and still given (age × use): 2", "given 3 times to 3 customers", "Never used: 3",
        "Say the same: 1", "Asked and not answered: 2", "Without known questions: 4",
        "asked: Can I send my boots back?",
    ):  # fmt: skip
        assert words in told, told


async def test_a_contradiction_is_told_with_whom_it_has_answered(shop: Shop) -> None:
    text = "We are open from eight to five on weekdays."
    await shop.rag.knowledge.add_article(Article(id="old", title="Opening hours", text=text))
    [one] = (await shop.look()).contradictions
    assert {one.pair.one.article_id, one.pair.other.article_id} == {"hours", "old"}
    assert one.use.customers >= 1


async def test_a_press_teaches_what_was_asked_and_nothing_else(shop: Shop) -> None:
    question = "Can I send my boots back?"
    with pytest.raises(Forbidden):
        await shop.review.look(AGENT)
    with pytest.raises(Forbidden):
        await shop.review.teach(
            AGENT, article_id="returns", question=question, conversation_id="c1"
        )
    for wrong in ("Buy watches!", "how long may I keep it before I return it?"):
        with pytest.raises(BadInput):
            await shop.review.teach(
                SUPERVISOR, article_id="returns", question=wrong, conversation_id="c1"
            )
    await shop.review.teach(
        SUPERVISOR, article_id="returns", question=question, conversation_id="c1"
    )
    assert (await shop.rag.knowledge.get("returns")).article.questions == (question,)
    # Whose words it is stays known, so that they can be forgotten.
    [origin] = await shop.rag.knowledge.origins.of_article("returns")
    assert origin.conversation_id == "c1"
    look = await shop.look()
    assert "returns" not in {one.looked.stored.article.id for one in look.untaught}
