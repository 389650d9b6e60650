"""Edits, deletions, reactions, quotes, unreadable kinds and our own person's words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from core.domain import events as ev
from core.domain.amended import amended
from core.domain.conversation import Status
from core.domain.drafts import Draft, Question
from core.domain.messages import (
    KNOWN,
    Author,
    InboundKind,
    InboundMessage,
    Pointing,
    Quoted,
    Sender,
)
from core.storage.client import Database
from tests.support.world import World, build, running, sure, unsure

QUESTION = "How do I reset my password?"
CHANGED = "How do I reset my router?"


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    async with running(build(db)) as started:
        yield started


def written(
    world: World, text: str = QUESTION, *, name: str = "m1", **more: object
) -> InboundMessage:
    message = world.message(text, key=f"event-{name}", channel="vendor")
    return replace(message, message_id=name, **more)  # type: ignore[arg-type]


def about(
    world: World, name: str, kind: InboundKind, text: str = "", **more: object
) -> InboundMessage:
    message = world.message(text, channel="vendor")
    return replace(message, kind=kind, about=name, **more)  # type: ignore[arg-type]


async def accept(world: World, message: InboundMessage) -> str:
    return (await world.inbox.accept(message)).conversation_id


async def of_kind(world: World, cid: str, kind: type[ev.Event]) -> list[ev.Event]:
    return [e.event for e in await world.events(cid) if isinstance(e.event, kind)]


async def test_an_edit_replaces_a_question_that_waits_and_its_draft_is_made_anew(
    world: World,
) -> None:
    asked: list[str] = []

    async def answer(question: Question) -> Draft:
        asked.append(question.text)
        return unsure(f"Perhaps: {question.text}")

    world.responder.answer = answer
    cid = await accept(world, written(world))
    before = await world.until(cid, lambda c: c.review is not None)
    await accept(world, about(world, "m1", InboundKind.EDIT, CHANGED))
    after = await world.until(cid, lambda c: c.review is not None and c.review.question == CHANGED)
    assert [r.question for r in after.reviews] == [CHANGED]
    assert asked == [QUESTION, CHANGED]
    assert before.review is not None
    assert after.review is not None
    assert after.review.since == before.review.since, "it lost its place in the queue"
    assert [t.text for t in after.memory] == [CHANGED]
    assert len(await of_kind(world, cid, ev.Received)) == 1


async def test_an_edit_while_the_draft_is_made_is_what_is_answered(world: World) -> None:
    reached, go = asyncio.Event(), asyncio.Event()

    async def answer(question: Question) -> Draft:
        reached.set()
        if question.text == QUESTION:
            await go.wait()
        return sure(f"About: {question.text}")

    world.responder.answer = answer
    cid = await accept(world, written(world))
    await reached.wait()
    await accept(world, about(world, "m1", InboundKind.EDIT, CHANGED))
    go.set()
    await world.until(cid, lambda c: not c.unanswered)
    assert [text for _, text in await world.said(cid)] == [f"About: {CHANGED}"]


async def test_an_edit_of_an_answered_question_is_shown_and_not_answered_again(
    world: World,
) -> None:
    cid = await accept(world, written(world))
    await world.until(cid, lambda c: not c.unanswered)
    await accept(world, about(world, "m1", InboundKind.EDIT, CHANGED))
    await asyncio.sleep(0.2)
    assert len(await of_kind(world, cid, ev.Edited)) == 1
    assert len(await world.said(cid)) == 1


@pytest.mark.parametrize("kind", [InboundKind.EDIT, InboundKind.DELETION])
async def test_an_edit_or_deletion_twice_and_an_edit_that_changes_nothing_are_nothing(
    world: World, kind: InboundKind
) -> None:
    world.responder.always(unsure())
    cid = await accept(world, written(world))
    await accept(world, about(world, "m1", InboundKind.EDIT, QUESTION))
    assert not await of_kind(world, cid, ev.Edited)
    for _ in range(2):
        await accept(world, about(world, "m1", kind, CHANGED))
    assert (
        len(await of_kind(world, cid, ev.Edited)) + len(await of_kind(world, cid, ev.Deleted)) == 1
    )


async def test_an_edit_that_comes_before_its_message_is_the_message(world: World) -> None:
    world.responder.always(unsure())
    cid = await accept(world, about(world, "m1", InboundKind.EDIT, CHANGED))
    await accept(world, written(world))
    received = await of_kind(world, cid, ev.Received)
    assert [e.text for e in received if isinstance(e, ev.Received)] == [CHANGED]


@pytest.mark.parametrize("word", ["Edited to “{}”", "“{}”(으)로 수정됨"])
async def test_a_phones_word_that_a_message_was_changed_changes_it(world: World, word: str) -> None:
    world.responder.always(unsure())
    phone = "+15551230000"
    first = world.message(QUESTION, chat=phone, channel="vendor")
    cid = await accept(world, first)
    await world.until(cid, lambda c: c.review is not None)
    await accept(world, world.message(word.format(CHANGED), chat=phone, channel="vendor"))
    after = await world.until(cid, lambda c: c.review is not None and c.review.question == CHANGED)
    assert [r.question for r in after.reviews] == [CHANGED]
    assert len(await of_kind(world, cid, ev.Received)) == 1


async def test_a_phones_word_about_a_message_nobody_knows_is_the_message(world: World) -> None:
    phone = "+15551230000"
    cid = await accept(
        world, world.message(f"Edited to “{QUESTION}”", chat=phone, channel="vendor")
    )
    await world.until(cid, lambda c: not c.due and c.seq > 0)
    [received] = await of_kind(world, cid, ev.Received)
    assert isinstance(received, ev.Received)
    assert received.text == QUESTION


async def test_who_writes_so_in_the_chat_means_it(world: World) -> None:
    cid = await accept(world, world.message(f"Edited to “{QUESTION}”"))
    [received] = await of_kind(world, cid, ev.Received)
    assert isinstance(received, ev.Received)
    assert received.text.startswith("Edited to")


async def test_an_old_edit_of_a_message_nobody_knows_is_recorded_only(world: World) -> None:
    cid = await accept(world, written(world))
    await world.until(cid, lambda c: not c.unanswered)
    old = world.clock.now() - timedelta(days=2)
    await accept(world, about(world, "m0", InboundKind.EDIT, CHANGED, sent_at=old))
    await asyncio.sleep(0.1)
    assert len(await of_kind(world, cid, ev.Received)) == 2
    assert len(await world.said(cid)) == 1


async def test_a_reaction_made_a_question_is_answered(world: World) -> None:
    cid = await accept(world, written(world, "👍"))
    await accept(world, about(world, "m1", InboundKind.EDIT, QUESTION))
    await world.until(cid, lambda c: not c.unanswered)
    assert len(await world.said(cid)) == 1


async def test_a_reaction_that_is_changed_twice_and_then_asks_is_answered(world: World) -> None:
    cid = await accept(world, written(world, "👍"))
    await accept(world, about(world, "m1", InboundKind.EDIT, "👍👍"))
    await accept(world, about(world, "m1", InboundKind.EDIT, QUESTION))
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    assert len(world.vendor.sent) == 1


async def test_a_question_that_becomes_a_stop_asks_nothing_any_more(world: World) -> None:
    world.responder.always(unsure())
    cid = await accept(world, written(world))
    await world.until(cid, lambda c: c.review is not None and not c.outgoing)
    await accept(world, about(world, "m1", InboundKind.EDIT, "Please stop texting me"))
    c = await world.until(cid, lambda c: c.opted_out)
    assert (c.reviews, c.unanswered) == ((), ())
    await asyncio.sleep(0.6)  # as long as a burst is waited for
    assert (await world.conversations.peek(cid)).reviews == ()


async def test_a_deleted_question_is_not_answered_and_its_draft_goes(world: World) -> None:
    world.responder.always(unsure())
    cid = await accept(world, written(world))
    await world.until(cid, lambda c: c.review is not None)
    await accept(world, about(world, "m1", InboundKind.DELETION))
    state = await world.until(cid, lambda c: c.review is None)
    await asyncio.sleep(0.1)
    assert (state.status, state.unanswered, state.memory) == (Status.AI, (), ())
    assert len(await of_kind(world, cid, ev.ReviewRequested)) == 1


@pytest.mark.parametrize("begun", [False, True])
async def test_what_was_taken_back_before_it_came_is_not_answered(
    world: World, begun: bool
) -> None:
    if begun:
        cid = await accept(world, written(world, name="m0"))
        await world.until(cid, lambda c: not c.unanswered)
    asked = len(world.responder.asked)
    cid = await accept(world, about(world, "m1", InboundKind.DELETION))
    await accept(world, about(world, "m1", InboundKind.DELETION))
    await accept(world, written(world, CHANGED))
    await accept(world, about(world, "m1", InboundKind.EDIT, QUESTION))
    after = await world.conversations.load(cid)
    assert (after.unanswered, after.reviews) == ((), ())
    items = await world.events(cid)
    received = next(i for i in items if isinstance(i.event, ev.Received) and i.event.named == "m1")
    assert received.event.text == CHANGED  # type: ignore[attr-defined]
    assert amended(items)[received.seq].deleted_at is not None, "it is shown as taken back"
    assert len(await of_kind(world, cid, ev.Deleted)) == 2
    await asyncio.sleep(0.6)  # as long as a burst is waited for
    assert len(world.responder.asked) == asked
    await accept(world, written(world, name="m2"))
    await world.until(cid, lambda c: not c.unanswered)
    assert len(world.responder.asked) == asked + 1


async def test_what_was_read_long_ago_and_is_taken_back_begins_nothing(world: World) -> None:
    at = world.clock.now() - timedelta(hours=2)
    cid = await accept(world, about(world, "m1", InboundKind.DELETION, sent_at=at))
    cleared = about(world, "m2", InboundKind.DELETION, value=KNOWN)
    await accept(world, cleared)
    assert await world.events(cid) == []


async def test_a_message_without_a_word_is_no_wish_for_a_person(world: World) -> None:
    cid = await accept(world, written(world, " "))
    await world.until(cid, lambda c: not c.unanswered)
    said = await world.said(cid)
    assert len(said) == 1
    assert "read text" in said[0][1]
    assert await of_kind(world, cid, ev.PersonRequested) == []


async def test_a_message_whose_words_are_all_taken_out_is_taken_back(world: World) -> None:
    world.responder.always(unsure())
    cid = await accept(world, written(world))
    await world.until(cid, lambda c: c.review is not None)
    await accept(world, about(world, "m1", InboundKind.EDIT, ""))
    after = await world.until(cid, lambda c: c.review is None)
    assert (after.unanswered, after.person_requested) == ((), False)


async def test_who_points_at_words_with_our_name_alone_wants_them_answered(world: World) -> None:
    await accept(world, written(world, "", quotes=(Quoted(text=QUESTION, author="Bob"),)))
    cid = world.message("", channel="vendor").address.conversation_id()
    await world.until(cid, lambda c: not c.unanswered)
    assert [q.text for q in world.responder.asked] == [QUESTION]


async def test_words_beside_the_call_for_a_person_are_what_the_person_answers(
    world: World,
) -> None:
    cid = await accept(world, written(world, "My order is lost", kind=InboundKind.HUMAN))
    after = await world.until(cid, lambda c: c.review is not None)
    assert [r.question for r in after.reviews] == ["My order is lost"]
    assert len(await of_kind(world, cid, ev.PersonRequested)) == 1


async def test_who_calls_a_person_and_wants_no_more_messages_gets_none(world: World) -> None:
    cid = await accept(world, written(world, "Stop texting me", kind=InboundKind.HUMAN))
    after = await world.until(cid, lambda c: c.opted_out)
    assert after.outgoing == ()
    assert await world.said(cid) == []


async def test_a_reaction_is_recorded_and_wakes_nobody(world: World) -> None:
    cid = await accept(world, written(world))
    await world.until(cid, lambda c: not c.unanswered)
    for kind in (InboundKind.REACTION, InboundKind.REACTION_REMOVED):
        await accept(world, about(world, "m1", kind, value="👍"))
    await asyncio.sleep(0.1)
    reacted = await of_kind(world, cid, ev.Reacted)
    assert [(e.sign, e.removed) for e in reacted if isinstance(e, ev.Reacted)] == [
        ("👍", False),
        ("👍", True),
    ]
    assert len(await world.said(cid)) == 1


async def test_a_reaction_where_nothing_was_said_begins_nothing(world: World) -> None:
    cid = await accept(world, about(world, "m1", InboundKind.REACTION, value="👍"))
    assert not await world.events(cid)


async def test_a_kind_nobody_can_read_is_told_so_and_recorded(world: World) -> None:
    cid = await accept(world, written(world, "", kind=InboundKind.UNREADABLE, value="dice"))
    await world.until(cid, lambda c: c.seq > 0 and not c.unanswered)
    [(author, text)] = await world.said(cid)
    assert (author, "text only" in text) == ("system", True)
    [received] = await of_kind(world, cid, ev.Received)
    assert isinstance(received, ev.Received)
    assert received.unreadable == "dice"
    assert not await of_kind(world, cid, ev.ReviewRequested)


async def test_words_that_are_handed_on_are_the_question(world: World) -> None:
    world.responder.always(unsure())
    quotes = (Quoted(text="The printer says E04.", kind=Pointing.FORWARDED, author="Bob"),)
    cid = await accept(world, written(world, "", quotes=quotes))
    state = await world.until(cid, lambda c: c.review is not None)
    assert state.review is not None
    assert state.review.question == "The printer says E04."
    assert state.memory[-1].text == "> Bob: The printer says E04."


async def test_words_that_are_replied_to_stand_beside_the_question(world: World) -> None:
    asked: list[Question] = []

    async def answer(question: Question) -> Draft:
        asked.append(question)
        return unsure()

    world.responder.answer = answer
    quotes = (Quoted(text="Returns take 30 days.", author="Us"),)
    cid = await accept(world, written(world, "And for sale items?", quotes=quotes))
    state = await world.until(cid, lambda c: c.review is not None)
    assert state.review is not None
    assert (state.review.question, state.review.quoted) == (
        "And for sale items?",
        "> Us: Returns take 30 days.",
    )
    assert [turn.text for turn in asked[0].history] == ["Us: Returns take 30 days."]


async def test_in_a_group_the_draft_says_who_asked(world: World) -> None:
    world.responder.always(unsure())
    await accept(world, written(world, "👍", sender=Sender(id="1", name="Ada")))
    cid = await accept(world, written(world, name="m2", sender=Sender(id="2", name="Bob")))
    await world.until(cid, lambda c: c.review is not None)
    [request] = await of_kind(world, cid, ev.ReviewRequested)
    assert isinstance(request, ev.ReviewRequested)
    assert request.asked_by == "Bob"


async def test_our_own_persons_answer_is_recorded_and_a_take_over(world: World) -> None:
    world.responder.always(unsure())
    cid = await accept(world, written(world))
    await world.until(cid, lambda c: c.review is not None)
    owner = Sender(id="99", name="Grace")
    ours = written(world, "I will call you.", name="m2", kind=InboundKind.OURS, sender=owner)
    await accept(world, ours)
    state = await world.until(cid, lambda c: c.status is Status.HUMAN)
    assert (state.assignee, state.unanswered) == ("Grace (vendor)", ())
    assert not [o for o in state.outgoing if o.author is Author.AGENT], "it would be sent again"
    await accept(world, replace(ours, external_id="again"))
    await accept(world, written(world, name="m3"))
    await asyncio.sleep(0.2)
    texts = [text for author, text in await world.said(cid) if author == "agent"]
    assert texts == ["I will call you."]
    assert not world.vendor.sent or all(m.text != "I will call you." for m in world.vendor.sent)


async def test_an_answer_goes_to_the_thread_it_was_asked_in(world: World) -> None:
    cid = await accept(world, written(world, place="t7"))
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    other = await accept(world, written(world, "And my router?", name="m2"))
    await world.until(other, lambda c: not c.unanswered and not c.outgoing)
    assert cid == other
    assert [m.address.thread for m in world.vendor.sent] == ["t7", ""]


async def test_a_reply_to_an_answer_takes_its_subject_up_again(world: World) -> None:
    asked: list[Question] = []

    async def answer(question: Question) -> Draft:
        asked.append(question)
        return sure(f"This is about {question.text}")

    world.responder.answer = answer
    cid = await accept(world, written(world))
    await world.until(cid, lambda c: not c.unanswered)
    await accept(world, written(world, "What are your hours?", name="m2"))
    await world.until(cid, lambda c: not c.unanswered)
    first = (Quoted(text=f"This is about {QUESTION}", author="Our bot"),)
    await accept(world, written(world, "And without the app?", name="m3", quotes=first))
    await world.until(cid, lambda c: not c.unanswered)
    assert [turn.text for turn in asked[-1].history[-2:]] == [
        QUESTION,
        f"This is about {QUESTION}",
    ]
