"""What waits for its channel is looked at again before it goes: the conversation has gone on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from core.domain import events as ev
from core.domain.conversation import Conversation
from core.domain.drafts import Draft, Question, Reason
from core.domain.messages import DeliveryState, InboundKind
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from tests.support.world import VendorChannel, World, build, running, sure

QUESTION = "How do I reset my password?"


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    async with running(build(db)) as started:
        yield started


async def waiting(world: World) -> tuple[str, VendorChannel]:
    """A conversation whose answer is stored while its channel is off."""
    vendor = world.vendor
    del world.channels.running["vendor"]
    cid = await world.write(QUESTION, channel="vendor")
    await world.until(cid, lambda c: not c.unanswered and bool(c.outgoing))
    return cid, vendor


async def settled(world: World, cid: str, vendor: VendorChannel) -> Conversation:
    """The conversation, once its channel is back and nothing waits for it any more."""
    world.channels.running["vendor"] = vendor
    world.worker.wake(cid)
    return await world.until(cid, lambda c: not c.outgoing and not c.due)


async def states(world: World, cid: str) -> Sequence[DeliveryState]:
    happened = [item.event for item in await world.events(cid)]
    return [event.state for event in happened if isinstance(event, ev.DeliveryRecorded)]


async def test_it_goes_out_when_the_channel_is_back(world: World) -> None:
    cid, vendor = await waiting(world)
    await settled(world, cid, vendor)
    assert len(vendor.sent) == 1


async def test_nothing_of_the_assistants_goes_out_once_a_person_has_taken_over(
    world: World,
) -> None:
    cid, vendor = await waiting(world)
    await world.append(cid, ev.TakenOver(by="ann@example.com"))
    c = await settled(world, cid, vendor)
    assert vendor.sent == []
    assert await states(world, cid) == [DeliveryState.DROPPED]
    await world.append(cid, world.replies.person(c, "Ann here.", by="ann@example.com"))
    await settled(world, cid, vendor)
    assert [message.text for message in vendor.sent] == ["Ann here."]


async def test_nothing_goes_out_to_who_has_opted_out_meanwhile(world: World) -> None:
    cid, vendor = await waiting(world)
    c = await world.conversations.load(cid)
    await world.append(cid, world.replies.person(c, "Ann here.", by="ann@example.com"))
    await world.write("STOP", channel="vendor")
    c = await settled(world, cid, vendor)
    assert c.opted_out
    assert vendor.sent == []
    assert await states(world, cid) == [DeliveryState.DROPPED] * 2


async def test_an_answer_goes_with_the_question_that_is_taken_back_meanwhile(
    world: World,
) -> None:
    vendor = world.vendor
    del world.channels.running["vendor"]
    asked = replace(world.message(QUESTION, channel="vendor"), message_id="m1")
    cid = (await world.inbox.accept(asked)).conversation_id
    await world.until(cid, lambda c: not c.unanswered and bool(c.outgoing))
    other = replace(world.message("When do you open?", channel="vendor"), message_id="m2")
    await world.inbox.accept(other)
    await world.until(cid, lambda c: not c.unanswered and len(c.outgoing) == 2)
    gone = replace(world.message("", channel="vendor"), kind=InboundKind.DELETION, about="m1")
    await world.inbox.accept(gone)
    await settled(world, cid, vendor)
    assert len(vendor.sent) == 1
    assert DeliveryState.DROPPED in await states(world, cid)
    sent = [i.seq for i in await world.events(cid) if isinstance(i.event, ev.Sent)]
    assert vendor.sent[0].id.endswith(str(sent[-1])), "the other question has its answer"


async def test_a_question_that_is_changed_before_its_answer_went_out_is_answered_anew(
    world: World,
) -> None:
    async def answer(question: Question) -> Draft:
        return sure(f"About: {question.text}")

    world.responder.answer = answer
    vendor = world.vendor
    del world.channels.running["vendor"]
    asked = replace(world.message(QUESTION, channel="vendor"), message_id="m1")
    cid = (await world.inbox.accept(asked)).conversation_id
    await world.until(cid, lambda c: not c.unanswered and bool(c.outgoing))
    edit = world.message("How do I reset my router?", channel="vendor")
    await world.inbox.accept(replace(edit, kind=InboundKind.EDIT, about="m1"))
    await world.until(cid, lambda c: not c.unanswered)
    await settled(world, cid, vendor)
    [sent] = vendor.sent
    assert sent.text.endswith("About: How do I reset my router?")


async def test_nothing_of_a_machine_goes_out_to_who_seems_to_opt_out_meanwhile(
    world: World,
) -> None:
    cid, vendor = await waiting(world)
    await world.write("leave me alone!!", channel="vendor")
    c = await world.until(cid, lambda c: bool(c.reviews))
    await world.append(cid, world.replies.person(c, "Ann here.", by="ann@example.com"))
    c = await settled(world, cid, vendor)
    assert [r.reasons[0] for r in c.reviews] == [Reason.SEEMS_OPT_OUT]
    assert [message.text for message in vendor.sent] == ["Ann here."], "a person decides"


@pytest.mark.parametrize(
    ("minutes", "became"),
    [
        (29, [DeliveryState.SENT, DeliveryState.SENT]),
        (31, [DeliveryState.SENT, DeliveryState.DROPPED]),
        (24 * 60 + 1, [DeliveryState.FAILED, DeliveryState.DROPPED]),
    ],
)
async def test_what_is_out_of_date_is_not_sent(
    db: Database, minutes: int, became: list[DeliveryState]
) -> None:
    """A notice says where things stood; an answer of yesterday confuses, and is told as failed."""
    clock = ManualClock()
    async with running(build(db, clock=clock)) as world:
        cid, vendor = await waiting(world)
        c = await world.conversations.load(cid)
        await world.append(cid, world.replies.notice(c, ev.Notice.WAITING_FOR_REVIEW))
        await clock.advance(minutes * 60)
        await settled(world, cid, vendor)
        assert await states(world, cid) == became
        assert len(vendor.sent) == became.count(DeliveryState.SENT)
