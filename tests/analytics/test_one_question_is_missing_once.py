"""A customer who waits and writes on asks one question: one missing answer, not one a draft."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from analytics.facts.extractor import FactExtractor
from analytics.facts.model import Kind
from analytics.facts.projection import FactsProjection
from analytics.facts.store import FactStore
from analytics.queries.service import Analytics
from core.domain import events as ev
from core.domain.drafts import Draft, Reason
from core.domain.messages import Address, Author, Sender
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from tests.analytics.conftest import seven, write_log
from tests.analytics.reports.test_reports import gaps_of
from tests.support.world import build

START = datetime(2026, 11, 7, 9, tzinfo=UTC)
BEGUN = ev.Started(
    address=Address(channel="web", account="", chat="v"),
    sender=Sender(id="v", name=""),
    locale="en",
)
MINE = ev.Sent(author=Author.AGENT, text="Mine.", by="mina@example.com", draft_id="d3")


def waits(number: int, question: str = "Why?", *, why: Reason = Reason.NOTHING_FOUND) -> ev.Event:
    """A draft that waits."""
    return ev.ReviewRequested(
        draft_id=f"d{number}",
        version=1,
        question=question,
        draft=Draft(text=""),
        reasons=(why,),
        deadline=START,
    )


def decided(number: int, decision: ev.Decision) -> ev.Event:
    """Mina's word on it."""
    return ev.ReviewDecided(
        draft_id=f"d{number}", version=1, decision=decision, by="mina@example.com"
    )


def talk(events: Sequence[ev.Event]) -> list[ev.Commit]:
    """These events, a minute apart."""
    return [
        ev.Commit(conversation_id="c1", base=n, at=START + timedelta(minutes=n), events=(event,))
        for n, event in enumerate((BEGUN, *events), start=1)
    ]


def missing(*events: ev.Event) -> int:
    """How often an answer is said to be missing."""
    trace = FactExtractor("c1")
    facts = [fact for commit in talk(events) for fact in trace.take(commit)]
    return sum(fact.kind is Kind.MISSING for fact in facts)


ASKED_ON = (
    ev.Received(text="Why?"),
    waits(1),
    ev.Received(text="Hello?"),
    ev.ReviewSuperseded(draft_id="d1"),
    waits(2, "Why?\nHello?"),
    ev.Received(text="Anybody?"),
    ev.ReviewSuperseded(draft_id="d2"),
    waits(3, "Why?\nHello?\nAnybody?"),
)


def test_who_writes_on_while_he_waits_has_asked_once() -> None:
    assert missing(*ASKED_ON) == 1


def test_another_try_of_the_assistant_is_no_other_question() -> None:
    again = ev.RetryRequested(by="mina@example.com", hint="Look again.")
    assert missing(waits(1), decided(1, ev.Decision.REJECT), again, waits(2)) == 1


def test_what_is_asked_after_an_answer_is_another_question() -> None:
    assert missing(*ASKED_ON, MINE, ev.Received(text="And how?"), waits(4)) == 2


def test_declined_taken_over_and_closed_end_a_question_but_a_polite_notice_does_not() -> None:
    polite = ev.Sent(author=Author.SYSTEM, text="Please wait.", notice=ev.Notice.WAITING_FOR_REVIEW)
    declined = ev.Sent(
        author=Author.SYSTEM, text="We cannot.", notice=ev.Notice.REJECTED, draft_id="d1"
    )
    by = "mina@example.com"
    assert missing(waits(1), polite, waits(2)) == 1
    assert missing(waits(1), declined, waits(2)) == 2
    assert missing(waits(1), ev.TakenOver(by=by), ev.HandedBack(by=by), waits(2)) == 2
    assert missing(waits(1), ev.Resolved(by=by), ev.Reopened(), waits(2)) == 2


def test_a_question_becomes_missing_when_a_later_draft_finds_nothing() -> None:
    assert missing(waits(1, why=Reason.AUDIT), waits(2)) == 1


async def test_the_gap_shows_all_he_asked_and_what_was_answered(db: Database) -> None:
    clock = ManualClock(START + timedelta(hours=5))
    commits = talk((*ASKED_ON, MINE))
    await write_log(db, [commits])
    world = build(db, clock=clock)
    store = FactStore(db, clock=clock)
    projection = FactsProjection(store, conversations=world.conversations)
    await projection.apply(commits)
    await projection.flush()
    analytics = Analytics(store, clock=clock, zone=ZoneInfo("UTC"), queue_length=seven)
    gaps = gaps_of(db, analytics, world.conversations)
    [gap] = await gaps.find(analytics.period(None, None, days=2))
    assert gap.count == 1
    assert gap.question == "Why? Hello? Anybody?"
    assert gap.answered is not None
    assert (gap.answered.answer, gap.answered.by) == ("Mine.", "mina@example.com")
