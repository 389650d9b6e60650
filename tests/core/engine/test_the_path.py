"""The one path of a message: accepted once, answered once or queued, and never over a person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.domain import events as ev
from core.domain.conversation import Status
from core.domain.drafts import Draft, Question, Reason
from core.domain.messages import Author, Citation, DeliveryState, InboundKind, OutboundMessage
from core.errors import DeliveryDeferred, DeliveryFailed, DeliveryUnknown
from core.storage.client import Database, connect
from tests.support.world import World, build, running, sure, unsure

QUESTION = "How do I reset my password?"


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    async with running(build(db)) as started:
        yield started


async def test_a_sure_answer_goes_out_with_its_source(world: World) -> None:
    cid = await world.write(QUESTION)
    await world.until(cid, lambda c: not c.unanswered)
    [sent] = [e.event for e in await world.events(cid) if isinstance(e.event, ev.Sent)]
    assert sent.author == "ai"
    assert sent.citations[0].url == "https://example.com/guide"
    assert sent.draft is not None
    assert sent.draft.confidence == 0.99


async def test_an_unsure_answer_waits_and_the_customer_is_told(world: World) -> None:
    world.responder.always(unsure())
    cid = await world.write(QUESTION)
    state = await world.until(cid, lambda c: c.status is Status.REVIEW)
    assert state.review is not None
    assert state.review.reasons == (Reason.LOW_CONFIDENCE,)
    [(author, text)] = await world.said(cid)
    assert author == "system"
    assert "Perhaps" not in text


async def test_the_same_message_three_times_gets_one_answer(world: World) -> None:
    message = world.message(QUESTION, key="same")
    commits = await asyncio.gather(*(world.inbox.accept(message) for _ in range(3)))
    assert len({c.base for c in commits}) == 1
    cid = commits[0].conversation_id
    await world.until(cid, lambda c: c.seq > 0 and not c.unanswered)
    await asyncio.sleep(0.1)
    assert len(await world.said(cid)) == 1


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("a\ud83d", "a\ufffd"),
        ("\ude00b", "\ufffdb"),
        ("\ud83dx\ud83d\ude00", "\ufffdx😀"),
        ("\0", "\ufffd"),
        ("\ufeff환불 😀\r\n", "환불 😀\r\n"),  # what nobody sees is left out
    ],
)
async def test_what_no_store_takes_is_marked_and_everything_else_is_kept(
    world: World, written: str, stored: str
) -> None:
    message = world.message(written)
    named = replace(message, sender=replace(message.sender, name=written))
    cid = (await world.inbox.accept(named)).conversation_id
    events = [e.event for e in await world.events(cid)]
    assert [e.text for e in events if isinstance(e, ev.Received)] == [stored]
    assert [e.sender.name for e in events if isinstance(e, ev.Started)] == [stored]


async def test_an_answer_is_looked_for_while_the_message_is_stored(world: World) -> None:
    cid = await world.write(QUESTION)
    assert world.responder.foreseen == [QUESTION]
    await world.until(cid, lambda c: not c.unanswered)
    await world.conversations.update(cid, lambda _: (ev.TakenOver(by="ann"),))
    await world.write("And what does it cost?")
    assert world.responder.foreseen == [QUESTION]  # a person will answer that


async def test_a_conversation_taken_for_new_by_mistake_goes_on_where_it_was(world: World) -> None:
    cid = await world.write(QUESTION)
    await world.until(cid, lambda c: not c.unanswered)
    known = await world.events(cid)
    message = world.message("Thank you")
    world.conversations.begin(cid)
    await world.inbox.accept(message)
    await world.until(cid, lambda c: c.seq > len(known) and not c.unanswered)
    assert (await world.events(cid))[: len(known)] == known
    texts = [e.event.text for e in await world.events(cid) if isinstance(e.event, ev.Received)]
    assert texts == [QUESTION, "Thank you"]


async def test_a_crowd_that_comes_at_once_is_let_in(
    db: Database, mongo_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is stored must not stand in line behind what everybody else's conversation looks up.
    monkeypatch.setattr("core.engine.store.commit_log.PATIENCE", 2.0)
    client = connect(f"{mongo_uri}&maxPoolSize=4")
    async with running(build(client[db.name])) as crowded:
        coming = (crowded.write(QUESTION, chat=f"c{number}") for number in range(1200))
        ids = await asyncio.gather(*coming)
        assert len(set(ids)) == 1200
    await client.close()


async def test_a_burst_is_one_thought(world: World) -> None:
    cid = await world.write("hi")
    await world.write("about my card")
    await world.write("how do I get a new one?")
    await world.until(cid, lambda c: not c.unanswered)
    await asyncio.sleep(0.1)
    assert len(await world.said(cid)) == 1
    assert world.responder.asked[-1].text.splitlines() == [
        "hi",
        "about my card",
        "how do I get a new one?",
    ]


async def test_a_stale_draft_is_dropped_when_the_customer_writes_again(world: World) -> None:
    started = asyncio.Event()

    async def answer(question: Question) -> Draft:
        if "card" not in question.text:
            started.set()
            await asyncio.sleep(30)
        return sure(f"About: {question.text}")

    world.responder.answer = answer
    cid = await world.write(QUESTION)
    await started.wait()
    await world.write("And how do I get a new card?")
    await world.until(cid, lambda c: not c.unanswered)
    [(_, text)] = await world.said(cid)
    assert text == f"About: {QUESTION}\nAnd how do I get a new card?"


async def test_a_draft_for_words_that_have_grown_is_not_concluded(world: World) -> None:
    """It was ready in the very moment in which they wrote again."""
    await world.worker.stop()
    cid = await world.write(QUESTION)
    before = await world.conversations.load(cid)
    await world.write("And how do I get a new card?")
    change = await world.pipeline.conclude(before, sure())
    assert change.commit is None
    assert await world.said(cid) == []
    change = await world.pipeline.conclude(await world.conversations.load(cid), sure())
    assert change.commit is not None


async def test_the_assistant_does_not_speak_over_a_person(world: World) -> None:
    drafting = asyncio.Event()
    release = asyncio.Event()

    async def answer(question: Question) -> Draft:
        del question
        drafting.set()
        await release.wait()
        return sure()

    world.responder.answer = answer
    cid = await world.write(QUESTION)
    await drafting.wait()
    await world.append(cid, ev.TakenOver(by="ann@example.com"))
    release.set()
    await asyncio.sleep(0.2)
    assert await world.said(cid) == []
    await world.write("Are you there, somebody?")
    await asyncio.sleep(0.2)
    assert await world.said(cid) == []
    await world.append(cid, ev.HandedBack(by="ann@example.com"))
    await world.write("How do I change my address?")
    await world.until(cid, lambda c: not c.unanswered and c.status is Status.AI)
    assert [a for a, _ in await world.said(cid)] == ["ai"]


async def test_what_asks_nothing_belongs_to_the_draft_that_waits(world: World) -> None:
    world.responder.always(unsure())
    cid = await world.write(QUESTION)
    first = (await world.until(cid, lambda c: c.review is not None)).review
    await world.write("It is about the mobile app, please.")
    state = await world.until(cid, lambda c: c.review is not None and c.review != first)
    assert first is not None
    [review] = state.reviews
    assert (review.draft_id, review.version) == (first.draft_id, 2)
    assert len(review.answers) == 2
    # One holding message: a second one would say nothing new.
    assert len(await world.said(cid)) == 1


async def test_talk_to_a_person_always_works(world: World) -> None:
    for number, words in enumerate(["I want to talk to a person", "상담원 연결해 주세요"]):
        cid = await world.write(words, chat=f"p{number}")
        state = await world.until(cid, lambda c: c.review is not None)
        assert state.review is not None
        assert Reason.PERSON_REQUESTED in state.review.reasons
        assert [a for a, _ in await world.said(cid)] == ["system"]


async def test_the_human_button_before_any_question(world: World) -> None:
    commit = await world.inbox.accept(world.message("", kind=InboundKind.HUMAN))
    state = await world.until(commit.conversation_id, lambda c: c.review is not None)
    assert state.status is Status.REVIEW
    again = await world.inbox.accept(world.message("x", kind=InboundKind.HUMAN))
    await asyncio.sleep(0.1)
    assert again.conversation_id == commit.conversation_id
    assert len(await world.said(commit.conversation_id)) == 1


async def test_an_old_request_for_a_person_triggers_no_new_one(world: World) -> None:
    cid = await world.write("I want to talk to a person")
    await world.until(cid, lambda c: c.review is not None)
    await world.conversations.update(cid, lambda _: (ev.TakenOver(by="mina@example.com"),))
    reply = ev.Sent(author=Author.AGENT, text="Here I am.", by="mina@example.com", pulled=True)
    await world.conversations.update(cid, lambda _: (reply,))
    await world.conversations.update(cid, lambda _: (ev.HandedBack(by="mina@example.com"),))
    await world.write(QUESTION)
    state = await world.until(cid, lambda c: not c.unanswered)
    assert "talk to a person" in str(state.memory), "the old words are still in the context"
    assert (state.review, state.person_requested) == (None, False)
    assert (await world.said(cid))[-1][0] == "ai"


async def test_an_error_of_ours_ends_in_review(world: World) -> None:
    async def answer(question: Question) -> Draft:
        raise RuntimeError(question.text)

    world.responder.answer = answer
    cid = await world.write(QUESTION)
    state = await world.until(cid, lambda c: c.review is not None)
    assert state.review is not None
    assert Reason.INTERNAL_ERROR in state.review.reasons


async def test_out_of_time_ends_in_review_within_three_seconds(world: World) -> None:
    async def answer(question: Question) -> Draft:
        del question
        await asyncio.sleep(60)
        return sure()

    world.responder.answer = answer
    cid = await world.write(QUESTION)
    state = await world.until(cid, lambda c: c.review is not None, seconds=3.0)
    assert state.review is not None
    assert Reason.OUT_OF_TIME in state.review.reasons


async def test_after_six_answers_without_progress_a_person_comes(world: World) -> None:
    for number in range(6):
        cid = await world.write(f"How do I reset it, attempt {number}?")
        await world.until(cid, lambda c: not c.unanswered)
    cid = await world.write("How do I reset it at last?")
    state = await world.until(cid, lambda c: c.review is not None)
    assert state.review is not None
    assert Reason.TOO_MANY_TURNS in state.review.reasons


async def test_ever_new_answers_are_progress(world: World) -> None:
    async def answer(question: Question) -> Draft:
        source = Citation(id=question.text, title="Guide", url="https://example.com/guide")
        return replace(sure(), citations=(source,))

    world.responder.answer = answer
    for number in range(9):
        cid = await world.write(f"How do I do the thing number {number}?")
        await world.until(cid, lambda c: not c.unanswered)
    assert (await world.conversations.load(cid)).review is None


async def test_a_push_channel_is_sent_to_and_the_outcome_recorded(world: World) -> None:
    cid = await world.write(QUESTION, channel="vendor")
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    assert [m.text for m in world.vendor.sent] == [f"This is the AI assistant.\n\n{sure().text}"]
    recorded = [e.event for e in await world.events(cid)][-1]
    assert isinstance(recorded, ev.DeliveryRecorded)
    assert recorded.state is DeliveryState.SENT
    assert recorded.external_ids == ("v1",)


async def test_an_answer_knows_which_message_it_replies_to(world: World) -> None:
    cid = await world.write(QUESTION, channel="vendor")
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    [received] = [i for i in await world.events(cid) if isinstance(i.event, ev.Received)]
    assert isinstance(received.event, ev.Received)
    assert received.event.external_id
    assert world.vendor.sent[0].reply_to == received.event.external_id
    await world.write("👍", channel="vendor")
    late = ev.Sent(author=Author.AI, text="Or press Reset.", answers=(received.seq,))
    await world.append(cid, late)
    await world.until(cid, lambda c: not c.outgoing)
    assert world.vendor.sent[1].reply_to == "", "the sign is not what was asked"


async def test_a_deferred_send_is_tried_again_when_the_vendor_says(world: World) -> None:
    attempts = 0

    async def busy(message: OutboundMessage) -> None:
        nonlocal attempts
        attempts += 1
        assert message.attempt == attempts
        if attempts < 3:
            raise DeliveryDeferred("too many requests", retry_after=0.05)

    world.vendor.before_send = busy
    cid = await world.write(QUESTION, channel="vendor")
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    assert len(world.vendor.sent) == 1


async def test_a_refused_send_is_a_dead_letter_and_hurts_nobody_else(world: World) -> None:
    async def blocked(message: OutboundMessage) -> None:
        if message.address.chat == "gone":
            raise DeliveryFailed("the customer blocked us", code="403")

    world.vendor.before_send = blocked
    gone = await world.write(QUESTION, channel="vendor", chat="gone")
    here = await world.write(QUESTION, channel="vendor", chat="here")
    for cid in (gone, here):
        await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    failed = [e.event for e in await world.events(gone)][-1]
    assert isinstance(failed, ev.DeliveryRecorded)
    assert (failed.state, failed.code) == (DeliveryState.FAILED, "403")
    assert [m.address.chat for m in world.vendor.sent] == ["here"]


async def test_an_unknown_outcome_is_sent_again_and_marked_as_a_possible_double(
    world: World,
) -> None:
    async def lost(message: OutboundMessage) -> None:
        if message.attempt == 1:
            raise DeliveryUnknown("the connection broke")

    world.vendor.after_send = lost
    cid = await world.write(QUESTION, channel="vendor")
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    assert len(world.vendor.sent) == 2
    recorded = [e.event for e in await world.events(cid)][-1]
    assert isinstance(recorded, ev.DeliveryRecorded)
    assert recorded.doubled


async def test_messages_wait_for_a_channel_that_is_off(world: World) -> None:
    vendor = world.channels.running.pop("vendor")
    cid = await world.write(QUESTION, channel="vendor")
    await world.until(cid, lambda c: not c.unanswered)
    await asyncio.sleep(0.05)
    world.channels.running["vendor"] = vendor
    await world.worker.channel_is_up("vendor")
    await world.until(cid, lambda c: not c.outgoing)
    assert len(world.vendor.sent) == 1


async def test_an_opted_out_customer_gets_nothing(world: World) -> None:
    cid = await world.write(QUESTION, channel="vendor")
    await world.until(cid, lambda c: not c.open and not c.outgoing)
    await world.inbox.accept(world.message("STOP", channel="vendor", kind=InboundKind.OPT_OUT))
    await world.write("How do I reset my mail address?", channel="vendor")
    await world.until(cid, lambda c: not c.open and not c.outgoing)
    assert len(world.vendor.sent) == 1
    assert (await world.conversations.load(cid)).opted_out
