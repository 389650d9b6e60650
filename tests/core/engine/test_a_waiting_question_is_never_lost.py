"""What waits for a person goes on waiting, whatever else is said meanwhile."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from core.domain import events as ev
from core.domain.conversation import Conversation, Status
from core.domain.drafts import Draft, Question, Reason
from core.domain.events import Decision
from core.domain.fold import fold_commit
from core.domain.messages import Author, InboundKind
from core.domain.standing import KEEPS_STATUS, Standing
from core.engine.ports import Snapshot
from core.engine.processing.draft_merging import MOST_WAITING
from core.engine.store.snapshots import from_document, to_document
from core.storage.client import Database
from tests.approvals.office import JOON, MINA, Office, build_office
from tests.support.world import World, build, running, sure, unsure

HARD = "Why is my parcel still in Busan?"
HARDER = "Who broke the crane in the harbour?"
EASY = "When do you open?"


async def by_words(question: Question) -> Draft:
    """Sure of what is easy."""
    return sure("At nine.") if "open" in question.text else unsure()


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    async with running(build(db)) as started:
        started.responder.answer = by_words
        yield started


@pytest.fixture
async def office(db: Database) -> AsyncIterator[Office]:
    made = build_office(db)
    made.world.responder.answer = by_words
    async with running(made.world):
        yield made


async def settled(world: World, cid: str) -> Conversation:
    return await world.until(cid, lambda c: not c.due and c.seq > 0)


async def ask(world: World, *texts: str) -> str:
    cid = ""
    for text in texts:
        cid = await world.write(text)
        await settled(world, cid)
    return cid


async def test_an_easy_question_settles_itself_only(world: World) -> None:
    cid = await ask(world, HARD, EASY)
    state = await world.conversations.load(cid)
    [review] = state.reviews
    assert review.question == HARD
    assert [m.text for m in state.unanswered] == [HARD]
    assert state.status is Status.REVIEW
    assert (await world.said(cid))[-1] == ("ai", "At nine.")
    # The easy one was asked alone.
    assert [q.text for q in world.responder.asked] == [HARD, EASY]


async def test_two_hard_questions_are_two_drafts_with_one_place_in_the_queue(
    office: Office,
) -> None:
    cid = await ask(office.world, HARD, EASY, HARDER)
    first, second = (await office.world.conversations.load(cid)).reviews
    assert (first.question, second.question) == (HARD, HARDER)
    assert second.requested_at > first.requested_at
    assert second.deadline == first.deadline
    items = (await office.service.pending(MINA)).items
    assert [a.question for a in items] == [HARD, HARDER]
    assert [(t.author, t.text) for t in items[0].said] == [
        ("customer", EASY),
        ("ai", "At nine."),
        ("customer", HARDER),
    ]
    assert items[1].said == ()


@pytest.mark.parametrize("decision", [Decision.APPROVE, Decision.EDIT, Decision.REJECT])
async def test_a_decision_settles_its_own_question(office: Office, decision: Decision) -> None:
    cid = await ask(office.world, HARD, HARDER)
    first, second = (await office.service.pending(MINA)).items
    await office.decide(second, decision, text="" if decision is Decision.APPROVE else "My words.")
    state = await office.world.until(cid, lambda c: len(c.reviews) == 1)
    assert (state.status, [m.text for m in state.unanswered]) == (Status.REVIEW, [HARD])
    assert [a.id for a in (await office.service.pending(MINA)).items] == [first.id]
    await office.decide(first, decision, text="" if decision is Decision.APPROVE else "My words.")
    state = await office.world.until(cid, lambda c: not c.reviews)
    assert (state.status, state.unanswered) == (Status.AI, ())


async def test_who_takes_one_over_has_taken_all(office: Office) -> None:
    cid = await ask(office.world, HARD, HARDER)
    first, second = (await office.service.pending(MINA)).items
    await office.decide(first, Decision.TAKE_OVER)
    assert (await office.service.pending(MINA)).items == ()
    other = await office.service.get(MINA, second.id)
    assert (other.decided_by, other.decision) == (MINA.email, "take_over")
    await office.service.reply(MINA, cid, "Both of it at once: it is the strike.")
    await office.service.hand_back(MINA, cid)
    state = await office.world.conversations.load(cid)
    assert (state.status, state.unanswered) == (Status.AI, ())


async def test_what_nobody_answered_is_taken_up_at_hand_back(office: Office) -> None:
    cid = await ask(office.world, HARD)
    await office.service.take_over(MINA, cid)
    await office.service.reply(MINA, cid, "It is the strike.")
    await office.world.write("Thank you!")
    await office.world.write(EASY)
    await office.service.hand_back(MINA, cid)
    await settled(office.world, cid)
    assert (await office.world.said(cid))[-1] == ("ai", "At nine.")
    assert [q.text for q in office.world.responder.asked] == [HARD, EASY]


async def test_what_was_promised_is_taken_up_when_a_person_leaves_without_a_word(
    office: Office,
) -> None:
    cid = await ask(office.world, HARD)
    await office.service.take_over(MINA, cid)
    await office.service.hand_back(MINA, cid)
    state = await office.world.until(cid, lambda c: bool(c.reviews))
    assert state.reviews[0].question == HARD


async def test_the_same_words_again_are_the_same_question(world: World) -> None:
    cid = await ask(world, HARD)
    [before] = (await world.conversations.load(cid)).reviews
    await ask(world, "why is my parcel STILL in Busan??")
    [review] = (await world.conversations.load(cid)).reviews
    assert (review.draft_id, review.version) == (before.draft_id, before.version)
    assert len(review.answers) == 2
    assert len(world.responder.asked) == 1


async def test_the_human_button_calls_for_the_draft_that_waits(world: World) -> None:
    cid = await ask(world, HARD, HARDER)
    await world.inbox.accept(world.message("", kind=InboundKind.HUMAN))
    state = await world.until(cid, lambda c: Reason.PERSON_REQUESTED in c.reviews[0].reasons)
    assert [r.question for r in state.reviews] == [HARD, HARDER]
    assert [r.version for r in state.reviews] == [2, 1]
    await ask(world, "I want to talk to a person")
    assert len((await world.conversations.load(cid)).reviews) == 2


async def test_one_customer_does_not_fill_the_queue(world: World) -> None:
    cid = await ask(world, *(f"Why did number {n} not arrive?" for n in range(MOST_WAITING + 2)))
    state = await world.conversations.load(cid)
    assert len(state.reviews) == MOST_WAITING
    assert len(state.reviews[-1].answers) == 3
    assert state.reviews[-1].version == 3


async def test_another_try_is_for_its_own_question(office: Office) -> None:
    cid = await ask(office.world, HARD, HARDER)
    first = (await office.service.pending(MINA)).items[0]
    office.world.responder.asked.clear()
    retry = ev.ReviewDecided(draft_id=first.id, version=1, decision=Decision.REJECT, by=MINA.email)
    hint = ev.RetryRequested(by=MINA.email, hint="Ask the harbour.", answers=(2,))
    await office.world.append(cid, retry, hint)
    state = await office.world.until(cid, lambda c: len(c.reviews) == 2)
    assert [(q.text, q.hint) for q in office.world.responder.asked] == [(HARD, "Ask the harbour.")]
    assert {r.question for r in state.reviews} == {HARD, HARDER}
    # The place in the queue is that of the first message still.
    assert len({r.deadline for r in state.reviews}) == 1


async def test_decisions_that_may_be_taken_back_are_each_their_own(db: Database) -> None:
    office = build_office(db, undo_seconds=0.4)
    office.world.responder.answer = by_words
    async with running(office.world):
        cid = await ask(office.world, HARD, HARDER)
        first, second = (await office.service.pending(MINA)).items
        await office.decide(first, Decision.EDIT, text="One.")
        await office.decide(second, Decision.EDIT, text="Two.")
        # An easy question need not wait for either.
        await ask(office.world, EASY)
        await office.service.undo(MINA, first.id)
        state = await office.world.until(cid, lambda c: not c.holds)
        assert [r.draft_id for r in state.reviews] == [first.id]
        assert [text for _, text in await office.world.said(cid)][-2:] == ["At nine.", "Two."]
        assert state.status is Status.REVIEW


async def test_a_take_over_withdraws_what_was_about_to_go_out(db: Database) -> None:
    office = build_office(db, undo_seconds=30)
    office.world.responder.answer = by_words
    async with running(office.world):
        cid = await ask(office.world, HARD, HARDER)
        first, second = (await office.service.pending(MINA)).items
        await office.decide(first, Decision.EDIT, text="One.")
        await office.service.take_over(JOON, cid)
        for one in (first, second):
            over = await office.service.get(MINA, one.id)
            assert (over.decided_by, over.decision) == (JOON.email, "take_over")
        assert "One." not in str(await office.world.said(cid))


async def test_a_restart_changes_nothing(db: Database) -> None:
    office = build_office(db)
    office.world.responder.answer = by_words
    async with running(office.world):
        cid = await ask(office.world, HARD, EASY, HARDER)
        before = (await office.service.pending(MINA)).items
    again = build_office(db)
    again.world.responder.answer = by_words
    async with running(again.world):
        assert (await again.service.pending(MINA)).items == before
        await again.decide(before[1], Decision.EDIT, text="Two.")
        await ask(again.world, EASY)
        state = await again.world.conversations.load(cid)
        assert [r.question for r in state.reviews] == [HARD]


async def test_the_ladder_counts_from_the_first_message(db: Database) -> None:
    office = build_office(db, seconds=600)
    office.world.responder.answer = by_words
    async with running(office.world):
        cid = await ask(office.world, HARD)
        [first] = (await office.world.conversations.load(cid)).reviews
        await ask(office.world, HARDER)
        await office.service.pending(MINA)  # as new as the log
        assert await office.escalation.sweep(first.requested_at + timedelta(seconds=301)) == 2
        state = await office.world.conversations.load(cid)
        assert [r.step for r in state.reviews] == [1, 1]
        # Told once, not once a draft.
        still = [e.event for e in await office.world.events(cid) if isinstance(e.event, ev.Sent)]
        assert [s.notice for s in still].count(ev.Notice.STILL_WAITING) == 1


async def test_erasing_takes_what_was_said_since(office: Office) -> None:
    cid = await ask(office.world, HARD, EASY)
    await office.world.append(cid, ev.Erased())
    await office.world.projector.drain()
    [one] = await office.store.of_conversation(cid)
    assert (one.said, one.question, one.state.value) == ((), "", "closed")


async def test_a_state_written_down_with_one_draft_is_read(world: World) -> None:
    cid = await ask(world, HARD)
    state = await world.conversations.load(cid)
    document = to_document(Snapshot(state=state, projected=state.seq))
    [document["state"]["review"]] = document["state"].pop("reviews")
    assert from_document(document).state == state


ACTS = ("easy", "hard", "hard", "again", "remark", "person", "approve", "reject", "retry", "take")


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens_every_hard_question_waits_or_was_answered(
    office: Office, seed: int
) -> None:
    world, rng = office.world, random.Random(seed)
    cid = await ask(world, HARD)
    for number in range(14):
        waiting = (await office.service.pending(MINA)).items
        match rng.choice(ACTS):
            case "easy":
                await world.write(f"When do you open on day {number}?")
            case "hard":
                await world.write(f"Why did number {number} not arrive?")
            case "again":
                await world.write(HARD)
            case "remark":
                await world.write(f"My order is number {number}.")
            case "person":
                await world.inbox.accept(world.message("", kind=InboundKind.HUMAN))
            case "approve" if waiting:
                await office.decide(rng.choice(waiting), Decision.APPROVE)
            case "reject" if waiting:
                await office.decide(rng.choice(waiting), Decision.REJECT)
            case "retry" if waiting:
                one = (await world.conversations.load(cid)).review_of(rng.choice(waiting).id)
                assert one is not None
                decided = ev.ReviewDecided(
                    draft_id=one.draft_id,
                    version=one.version,
                    decision=Decision.REJECT,
                    by=MINA.email,
                )
                again = ev.RetryRequested(by=MINA.email, hint="Again.", answers=one.answers)
                await world.append(cid, decided, again)
            case "take":
                await office.service.take_over(MINA, cid)
                if rng.random() < 0.5:
                    await office.service.reply(MINA, cid, f"Reply {number}.")
                await world.write(f"Why is number {number} late?")
                await office.service.hand_back(MINA, cid)
            case _:
                continue
        await world.until(cid, lambda c: not c.due)
        state = await world.conversations.load(cid)
        # A call for a person is stored first and its draft by a commit of its own.
        known = [item for item in await world.events(cid) if item.seq <= state.seq]
        assert_nothing_is_lost(known, state)


def assert_nothing_is_lost(items: list[ev.Numbered], state: Conversation) -> None:
    """Every message is answered by what names it, by a person's reply, or waits."""
    open_: set[int] = set()
    standing = Standing()
    for item in items:
        match item.event:
            case ev.Received():
                open_.add(item.seq)
            case ev.Sent(author=Author.AGENT, draft_id=""):
                open_.clear()
            case ev.Sent(answers=answers):
                open_ -= set(answers)
            case ev.HandedBack(settles=settles):
                open_ -= set(settles)
        after = standing.after(item)
        assert type(item.event) not in KEEPS_STATUS or after == standing
        standing = after
    assert open_ == {m.seq for m in state.unanswered}
    waiting = {seq for review in state.reviews for seq in review.answers}
    assert open_ == waiting or state.status is Status.HUMAN
    assert standing == Standing.of(state)
    assert (state.status is Status.REVIEW) == bool(state.reviews)


def test_where_a_conversation_stands_follows_from_its_events_alone() -> None:
    """`Standing`, which a live stream folds, against the whole fold, over random histories."""
    draft = unsure()
    for seed in range(300):
        rng = random.Random(seed)
        state, standing = Conversation(id="c"), Standing()
        for number in range(1, 25):
            event = rng.choice(possible(state, rng, draft))
            commit = ev.Commit(conversation_id="c", base=number, at=AT, events=(event,))
            state = fold_commit(state, commit)
            standing = standing.after(commit.numbered()[0])
            assert standing == Standing.of(state), (seed, number, event)


AT = datetime(2026, 11, 29, tzinfo=UTC)


def possible(c: Conversation, rng: random.Random, draft: Draft) -> list[ev.Event]:
    """What may happen next."""
    found: list[ev.Event] = [
        ev.Received(text="x"),
        ev.TakenOver(by="a"),
        ev.HandedBack(by="a"),
        ev.Resolved(by="a"),
        ev.Reopened(),
        ev.PersonRequested(),
        ev.Noted(by="a", text="n"),
    ]
    if c.status in (Status.AI, Status.REVIEW):
        found += 3 * [
            ev.ReviewRequested(
                draft_id=f"d{c.seq}",
                version=1,
                question="q",
                draft=draft,
                reasons=(),
                deadline=AT,
                answers=(c.seq,),
            )
        ]
    for review in c.reviews:
        one = review.draft_id
        sent = ev.Sent(author=Author.AGENT, text="t", draft_id=one, answers=review.answers)
        decided = ev.ReviewDecided(draft_id=one, version=1, decision=Decision.EDIT, by="a")
        found += [
            decided,
            ev.ReviewSuperseded(draft_id=one),
            ev.ReviewExtended(draft_id=one, version=2, answers=(c.seq,)),
            ev.SendHeld(draft_id=one, sent=sent, until=AT),
        ]
    for held in c.holds:
        found += [
            ev.SendReleased(draft_id=held.draft_id),
            ev.DecisionUndone(draft_id=held.draft_id, version=2, by="a"),
        ]
    if rng.random() < 0.02:
        found.append(ev.Erased())
    return found
