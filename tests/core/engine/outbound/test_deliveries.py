"""Deliveries tell the truth: receipts in any order, dead letters listed and retried."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.accounts.roles import Role, User
from core.domain import events as ev
from core.domain.messages import Address, DeliveryState, OutboundMessage, Receipt
from core.engine.outbound.deliveries import RANK, Deliveries, SentMessage
from core.errors import BadInput, DeliveryFailed, NotFound
from core.storage.client import Database
from tests.support.world import World, build, running

QUESTION = "How do I reset my password?"
AGENT = User(id="u1", email="ann@example.com", role=Role.AGENT)


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    async with running(build(db)) as started:
        yield started


def receipt(state: DeliveryState, external_id: str = "v1") -> Receipt:
    address = Address(channel="vendor", account="a", chat="c1")
    return Receipt(address=address, external_id=external_id, state=state)


async def states(world: World, cid: str) -> list[DeliveryState]:
    return [
        item.event.state
        for item in await world.events(cid)
        if isinstance(item.event, ev.DeliveryRecorded)
    ]


async def test_receipts_out_of_order_never_take_a_state_back(world: World) -> None:
    cid = await world.write(QUESTION, channel="vendor")
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    for state in (DeliveryState.READ, DeliveryState.DELIVERED, DeliveryState.SENT):
        await world.deliveries.on_receipt(receipt(state))
        await world.projector.drain()
    assert await states(world, cid) == [DeliveryState.SENT, DeliveryState.READ]


async def test_what_may_get_through_later_is_sent_once_more(world: World) -> None:
    cid = await world.write(QUESTION, channel="vendor")
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    off = replace(receipt(DeliveryState.FAILED), code="30003", again_after=0.05)
    await world.projector.drain()
    await world.deliveries.on_receipt(off)
    await world.until(cid, lambda c: bool(c.outgoing) or len(world.vendor.sent) == 2)
    await world.until(cid, lambda c: not c.outgoing)
    await world.projector.drain()
    assert len(world.vendor.sent) == 2
    # The second failure is for a person to look at.
    await world.deliveries.on_receipt(replace(off, external_id="v2"))
    await world.projector.drain()
    [letter], _ = await world.deliveries.dead_letters(AGENT)
    assert (letter.state, letter.code) == (DeliveryState.FAILED, "30003")
    assert len(world.vendor.sent) == 2


async def failed_once(world: World) -> tuple[str, Receipt]:
    """A message that failed for now, and what the vendor says of it."""
    cid = await world.write(QUESTION, channel="vendor")
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    await world.projector.drain()
    return cid, replace(receipt(DeliveryState.FAILED), code="30003", again_after=0.05)


async def test_a_failure_that_is_said_twice_at_once_sends_once_more(world: World) -> None:
    cid, off = await failed_once(world)
    await asyncio.gather(*(world.deliveries.on_receipt(off) for _ in range(5)))
    await world.until(cid, lambda c: not c.outgoing and len(world.vendor.sent) > 1)
    kinds = await world.kinds(cid)
    assert kinds.count("delivery_requeued") == 1
    assert len(world.vendor.sent) == 2


async def test_a_failure_that_is_said_to_two_processes_sends_once_more(world: World) -> None:
    cid, off = await failed_once(world)
    other = build(world.db)  # its lists and what it remembers are its own
    await other.conversations.load(cid)
    await asyncio.gather(*(w.deliveries.on_receipt(off) for w in (world, other)))
    await asyncio.gather(*(w.deliveries.on_receipt(off) for w in (world, other)))
    assert (await world.kinds(cid)).count("delivery_requeued") == 1
    await other.commit_log.close()
    await other.snapshots.close()


async def test_the_failure_of_an_earlier_attempt_takes_nothing_from_the_next(
    world: World,
) -> None:
    cid, off = await failed_once(world)
    await world.deliveries.on_receipt(replace(off, again_after=60.0))
    [waiting] = (await world.conversations.peek(cid)).outgoing
    await world.projector.drain()
    await world.deliveries.on_receipt(off)
    assert (await world.conversations.peek(cid)).outgoing == (waiting,)
    # That it did arrive after all is news, and nothing is sent again.
    await world.deliveries.on_receipt(receipt(DeliveryState.DELIVERED))
    assert (await world.conversations.peek(cid)).outgoing == ()
    assert len(world.vendor.sent) == 1


async def test_receipts_at_once_never_take_a_state_back(world: World) -> None:
    cid = await world.write(QUESTION, channel="vendor")
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    await world.projector.drain()
    said = (DeliveryState.READ, DeliveryState.DELIVERED, DeliveryState.READ)
    await asyncio.gather(*(world.deliveries.on_receipt(receipt(state)) for state in said))
    recorded = await states(world, cid)
    assert recorded == sorted(recorded, key=lambda state: RANK[state])
    assert recorded.count(DeliveryState.READ) == 1


async def test_a_receipt_about_nothing_of_ours_changes_nothing(world: World) -> None:
    await world.deliveries.on_receipt(receipt(DeliveryState.READ, "someone-else"))
    assert await world.db["log"].count_documents({}) == 0


async def test_a_dead_letter_is_listed_explained_and_retried_once(world: World) -> None:
    async def blocked(message: OutboundMessage) -> None:
        del message
        raise DeliveryFailed("the customer blocked us", code="403")

    world.vendor.before_send = blocked
    cid = await world.write(QUESTION, channel="vendor")
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    await world.projector.drain()
    [letter], more = await world.deliveries.dead_letters(AGENT)
    assert (letter.detail, letter.code, more) == ("the customer blocked us", "403", "")
    world.vendor.before_send = None
    await world.deliveries.retry(AGENT, letter.id)
    await world.until(cid, lambda c: not c.outgoing)
    await world.projector.drain()
    assert len(world.vendor.sent) == 1
    assert await world.deliveries.dead_letters(AGENT) == ([], "")
    with pytest.raises(BadInput):
        await world.deliveries.retry(AGENT, letter.id)
    with pytest.raises(NotFound):
        await world.deliveries.retry(AGENT, "nothing.7")


class Lagging:
    """A list of dead letters that has not heard yet what happened since."""

    def __init__(self, letter: SentMessage) -> None:
        self._letter = letter

    async def by_external_id(self, channel: str, external_id: str) -> SentMessage | None:
        return None

    async def get(self, message_id: str) -> SentMessage | None:
        return self._letter

    async def dead_letters(self, *, limit: int, cursor: str) -> tuple[list[SentMessage], str]:
        return [self._letter], ""


async def test_a_list_that_lags_behind_sends_nothing_twice(world: World) -> None:
    async def refuses(message: OutboundMessage) -> None:
        raise DeliveryFailed("blocked", code="403")

    world.vendor.before_send = refuses
    cid = await world.write(QUESTION, channel="vendor")
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    await world.projector.drain()
    [letter], _ = await world.deliveries.dead_letters(AGENT)
    world.vendor.before_send = None
    late = Deliveries(
        conversations=world.conversations, store=Lagging(letter), wake=world.worker.wake
    )
    await late.retry(AGENT, letter.id)
    await world.until(cid, lambda c: not c.outgoing)
    assert len(world.vendor.sent) == 1
    with pytest.raises(BadInput):
        await late.retry(AGENT, letter.id)
    assert len(world.vendor.sent) == 1
