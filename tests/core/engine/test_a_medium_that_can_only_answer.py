"""Where each message of the customer opens the way for one of ours, the rest waits for him."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from core.domain import events as ev
from core.domain.conversation import Conversation, Outgoing
from core.domain.fold import fold_commit
from core.domain.messages import Author, DeliveryState, InboundKind, OutboundMessage
from core.engine.outbound.outbox import MOST_ATTEMPTS
from core.errors import DeliveryAwaitsCustomer, DeliveryUnknown
from core.storage.client import Database
from tests.support.world import World, build, running, sure

QUESTION = "How do I reset my password?"


class OneWay:
    """Lets one message through each time the customer has written."""

    def __init__(self, world: World) -> None:
        world.vendor.answers_only = True
        world.vendor.before_send = self._pass
        self._world = world
        self.open = 0
        self.tried = 0

    async def write(self, text: str, kind: InboundKind = InboundKind.MESSAGE) -> str:
        self.open += 1
        message = self._world.message(text, channel="vendor", kind=kind)
        await self._world.inbox.accept(message)
        return message.address.conversation_id()

    async def _pass(self, message: OutboundMessage) -> None:
        del message
        self.tried += 1
        if not self.open:
            raise DeliveryAwaitsCustomer("he has to write first")
        self.open -= 1


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    async with running(build(db)) as started:
        yield started


async def say(world: World, cid: str, text: str) -> None:
    sent = ev.Sent(author=Author.AGENT, text=text, by="agent@example.com")
    await world.conversations.update(cid, lambda _: (sent,))
    world.worker.wake(cid)


async def recorded(world: World, cid: str) -> list[ev.DeliveryRecorded]:
    happened = [item.event for item in await world.events(cid)]
    return [event for event in happened if isinstance(event, ev.DeliveryRecorded)]


def waits(c: Conversation) -> bool:
    return bool(c.outgoing) and c.outgoing[0].awaits_customer


async def rests(world: World, cid: str) -> None:
    """Nobody works on it any more: what waits for the customer is not tried in the meantime."""
    async with asyncio.timeout(5):
        while cid in world.worker.under_way:
            await asyncio.sleep(0.01)


async def test_an_agents_words_wait_and_go_out_once_with_the_next_message(world: World) -> None:
    way = OneWay(world)
    cid = await way.write(QUESTION)
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    await say(world, cid, "I looked it up for you.")
    await world.until(cid, waits)
    await rests(world, cid)
    tried = way.tried
    await way.write("Show the reply", InboundKind.CONTINUE)
    await world.until(cid, lambda c: not c.outgoing)
    first, second = (m.text for m in world.vendor.sent)
    assert first.endswith(sure().text), "it says that an AI writes, and then this"
    assert second == "I looked it up for you."
    assert way.tried == tried + 1, "it was tried without a way"


async def test_later_words_wait_behind_the_first_and_keep_their_order(world: World) -> None:
    way = OneWay(world)
    cid = await way.write(QUESTION)
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    for text in ("One.", "Two.", "Three."):
        await say(world, cid, text)
    await world.until(cid, lambda c: waits(c) and len(c.outgoing) == 3)
    for left in (2, 1, 0):
        await way.write("Show the reply", InboundKind.CONTINUE)
        await world.until(
            cid,
            lambda c, left=left: len(c.outgoing) == left and (waits(c) or not left),  # type: ignore[misc]
        )
    assert [m.text for m in world.vendor.sent][1:] == ["One.", "Two.", "Three."]


async def test_waiting_is_no_failure_however_often_it_was_tried(world: World) -> None:
    way = OneWay(world)
    cid = await way.write(QUESTION)
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    await say(world, cid, "Patience.")
    for turn in range(MOST_ATTEMPTS + 2):
        await world.until(cid, waits)
        await world.inbox.accept(
            world.message(f"look {turn}", channel="vendor", kind=InboundKind.CONTINUE)
        )
        await world.until(cid, lambda c, turn=turn: c.outgoing[0].attempt > turn + 1)  # type: ignore[misc]
    await way.write("look", InboundKind.CONTINUE)
    await world.until(cid, lambda c: not c.outgoing)
    assert world.vendor.sent[-1].text == "Patience."


async def test_a_customer_who_wrote_while_we_tried_is_not_overlooked(world: World) -> None:
    way = OneWay(world)
    cid = await way.write(QUESTION)
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)

    async def crossing(message: OutboundMessage) -> None:
        del message
        world.vendor.before_send = None
        await way.write("Show the reply", InboundKind.CONTINUE)
        raise DeliveryAwaitsCustomer("he has to write first")

    world.vendor.before_send = crossing
    await say(world, cid, "Here you are.")
    await world.until(cid, lambda c: not c.outgoing)
    assert world.vendor.sent[-1].text == "Here you are."


async def test_what_may_have_arrived_waits_too_and_is_marked_when_it_goes_again(
    world: World,
) -> None:
    way = OneWay(world)
    cid = await way.write(QUESTION)
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)

    async def lost(message: OutboundMessage) -> None:
        del message
        world.vendor.after_send = None
        raise DeliveryUnknown("the connection broke")

    way.open = 1
    world.vendor.after_send = lost
    await say(world, cid, "Perhaps.")
    await world.until(cid, waits)
    await way.write("Show the reply", InboundKind.CONTINUE)
    await world.until(cid, lambda c: not c.outgoing)
    last = (await recorded(world, cid))[-1]
    assert (last.state, last.doubled) == (DeliveryState.SENT, True)


async def test_a_channel_that_never_said_so_has_no_right_to_wait(world: World) -> None:
    way = OneWay(world)
    world.vendor.answers_only = False
    cid = await world.write(QUESTION, channel="vendor")
    await world.until(cid, lambda c: bool(c.outgoing) and c.outgoing[0].retry_at is not None)
    way.open = 1
    await world.until(cid, lambda c: not c.outgoing)


async def test_an_agents_words_are_as_fresh_as_the_message_that_fetches_them(
    world: World,
) -> None:
    at = world.clock.now()
    waiting = tuple(
        Outgoing(seq=seq, at=at, author=author, awaits_customer=True)
        for seq, author in ((1, Author.AGENT), (2, Author.SYSTEM))
    )
    late = at + timedelta(days=3)
    commit = ev.Commit(
        conversation_id="c", base=5, at=late, events=(ev.Received(text="Any news?"),)
    )
    agents, notice = fold_commit(Conversation(id="c", seq=4, outgoing=waiting), commit).outgoing
    assert (agents.at, agents.awaits_customer) == (late, False)
    assert (notice.at, notice.awaits_customer) == (at, False)
