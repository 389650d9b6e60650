"""The first message that a machine sends says so, once; whoever wrote a message can be told."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from channels.web.transcript import messages_of
from core.domain import events as ev
from core.domain.messages import Author, InboundKind, OutboundMessage
from core.engine.replies import Replies
from core.errors import DeliveryDeferred, DeliveryFailed
from core.i18n import Words
from core.runtime.shipped import LOCALES
from core.storage.client import Database
from tests.support.world import World, build, running, unsure

QUESTION = "How do I reset my password?"


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    async with running(build(db)) as started:
        yield started


async def test_the_first_answer_says_it_and_the_second_does_not(world: World) -> None:
    cid = await world.write(QUESTION, channel="vendor")
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    await world.write("How do I reset my mail address?", channel="vendor")
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    first, second = world.vendor.sent
    assert first.text.startswith("This is the AI assistant.\n\n")
    assert "AI assistant" not in second.text
    assert [(m.ai, m.reviewed) for m in world.vendor.sent] == [(True, False)] * 2


async def test_a_notice_that_comes_first_says_it(world: World) -> None:
    world.responder.always(unsure())
    cid = await world.write(QUESTION)
    await world.until(cid, lambda c: bool(c.reviews) and bool(c.disclosed))
    shown = messages_of(await world.conversations.history(cid))
    assert [m["ai"] for m in shown] == [False, True]
    assert shown[1]["author"] == "system"
    assert shown[1]["text"].startswith("This is the AI assistant.")


async def test_a_greeting_says_it_in_the_customers_language(world: World) -> None:
    cid = await world.write("비밀번호를 어떻게 바꾸나요?", channel="vendor")
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    assert world.vendor.sent[0].text.startswith("AI 상담 도우미")
    await world.inbox.accept(world.message("", channel="vendor", chat="c2", kind=InboundKind.START))
    await world.until(
        world.message("", channel="vendor", chat="c2").address.conversation_id(),
        lambda c: bool(c.disclosed) and not c.outgoing,
    )
    assert world.vendor.sent[-1].text.startswith("This is the AI assistant.")


async def test_what_did_not_arrive_has_told_nobody(world: World) -> None:
    async def refuse(_: object) -> None:
        raise DeliveryFailed("filtered")

    world.vendor.before_send = refuse
    cid = await world.write(QUESTION, channel="vendor")
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    world.vendor.before_send = None
    await world.write("How do I reset my mail address?", channel="vendor")
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    assert "AI assistant" in world.vendor.sent[-1].text


async def test_who_is_next_says_it_where_the_message_that_was_to_say_it_failed(
    world: World,
) -> None:
    tried = 0

    async def refuse(_: OutboundMessage) -> None:
        nonlocal tried
        tried += 1
        if tried == 1:
            raise DeliveryDeferred("busy", retry_after=1)
        if tried == 2:
            raise DeliveryFailed("filtered")
        if tried == 3:
            raise DeliveryDeferred("busy", retry_after=0.1)

    world.vendor.before_send = refuse
    await world.inbox.accept(world.message("", channel="vendor", kind=InboundKind.START))
    cid = await world.write(QUESTION, channel="vendor")
    await world.until(
        cid, lambda c: len(c.outgoing) == 2, seconds=10
    )  # the answer is stored before the greeting has failed
    await world.until(cid, lambda c: not c.due and not c.outgoing, seconds=10)
    await world.write("How do I reset my mail address?", channel="vendor")
    await world.until(cid, lambda c: not c.due and not c.outgoing, seconds=10)
    told = ["AI assistant" in message.text for message in world.vendor.sent]
    assert told == [True, False]
    assert world.vendor.sent[0].text.count("AI assistant") == 1


async def test_what_was_put_before_a_text_is_there_after_a_restart_too(
    db: Database, world: World
) -> None:
    cid = await world.write("👍", channel="vendor")
    await world.append(
        cid,
        ev.Sent(author=Author.AI, text="Press Reset."),
        ev.DeliveryStarted(seq=3, attempt=1, disclosure="An AI assistant writes."),
    )
    async with running(build(db)) as again:
        await again.until(cid, lambda c: not c.outgoing, seconds=10)
        sent = [*world.vendor.sent, *again.vendor.sent]
    assert {message.text for message in sent} == {"An AI assistant writes.\n\nPress Reset."}


async def test_of_two_held_answers_the_first_says_it(world: World) -> None:
    cid = await world.write("👍", channel="vendor")
    for name in ("d1", "d2"):
        c = await world.conversations.load(cid)
        sent = world.replies.answer(c, unsure(), by="mina@x", draft_id=name)
        until = world.clock.now()
        await world.append(cid, ev.SendHeld(draft_id=name, sent=sent, until=until))
    await world.until(cid, lambda c: not c.holds and not c.outgoing, seconds=10)
    assert ["AI assistant" in m.text for m in world.vendor.sent] == [True, False]


async def test_a_persons_words_are_a_persons(world: World) -> None:
    cid = await world.write(QUESTION)
    c = await world.until(cid, lambda c: not c.unanswered)
    await world.append(cid, world.replies.person(c, "Mina here.", by="mina@x"))
    last = messages_of(await world.conversations.history(cid))[-1]
    assert (last["author"], last["ai"], last["text"]) == ("agent", False, "Mina here.")
    assert "reviewed_by" not in last


async def test_who_checked_can_be_told(world: World) -> None:
    cid = await world.write(QUESTION)
    c = await world.until(cid, lambda c: not c.unanswered)
    sent = world.replies.answer(c, unsure(), by="mina@x")
    await world.append(cid, sent)
    last = messages_of(await world.conversations.history(cid))[-1]
    assert (last["author"], last["ai"], last.get("reviewed_by")) == ("ai", True, "person")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", "This is the AI assistant."),
        ("  \n ", "This is the AI assistant."),
        ("Robo, our AI assistant, writes.", "Robo, our AI assistant, writes."),
    ],
)
async def test_the_setting_changes_the_words_and_cannot_leave_them_out(
    world: World, said: str, told: str
) -> None:
    replies = Replies(Words.load(LOCALES), pulls=lambda _: False, disclosure=said)
    cid = await world.write("thanks", channel="vendor")
    c = await world.conversations.load(cid)
    notice = Replies.notice(replies, c, ev.Notice.WAITING_FOR_REVIEW)
    assert notice.disclosure in (told, "")
    assert replies.disclosure(type(c)(id="new")) == told
