"""Approved is not arrived: the card, who decided, and the queue hear it when the vendor refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from core.domain import events as ev
from core.domain.conversation import Conversation
from core.domain.messages import Author, DeliveryState
from core.storage.client import Database
from tests.approvals.slack_rig import MINA, Customer, Rig, buttons, rig, shown, until
from tests.support.servers.slack import Message, SlackServer


@pytest.fixture
async def desk(
    slack: SlackServer, db: Database, mongo_uri: str, tmp_path: Path
) -> AsyncIterator[Rig]:
    async with rig(slack, db, mongo_uri, tmp_path, over_socket=False) as made:
        yield made


async def approved(desk: Rig) -> tuple[Customer, Message, int]:
    """An approved answer by SMS, which waits for its channel; gives its number."""
    customer = await desk.texts("How do I reset my password?")
    card = await desk.card(customer)
    await desk.press(card, "approve")
    await until(lambda: buttons(card) == {}, what="the decided card")
    state = await desk.state(customer)
    [sent] = [o for o in state.outgoing if o.author is not Author.SYSTEM]
    return customer, card, sent.seq


async def vendor_says(desk: Rig, customer: Customer, seq: int, state: DeliveryState) -> None:
    """The vendor's word about this message comes in."""
    detail = "The customer's number does not exist." if state is DeliveryState.FAILED else ""

    def said(c: Conversation) -> Sequence[ev.Event]:
        return (ev.DeliveryRecorded(seq=seq, state=state, detail=detail, code="30005"),)

    await desk.live.core.conversations.update(customer.id, said)


async def test_the_card_and_who_decided_hear_it_within_two_seconds(desk: Rig) -> None:
    customer, card, seq = await approved(desk)
    assert "Not delivered" not in shown(card)
    await vendor_says(desk, customer, seq, DeliveryState.SENT)
    await vendor_says(desk, customer, seq, DeliveryState.FAILED)
    await until(lambda: "Not delivered" in shown(card), seconds=2, what="the truth on the card")
    assert "Not delivered" in str(card.blocks), "the notification alone says so"
    assert "Approved by mina@example.com" in shown(card)
    assert "does not exist" in shown(card)
    assert "What was to reach the customer" in shown(card)
    assert "will get" not in shown(card)
    assert {name.removeprefix("desk:") for name in buttons(card)} == {"again", "another_way"}

    def called() -> bool:
        told = [shown(m) for m in desk.thread(card)]
        return any(f"<@{MINA}>" in text and "did not reach" in text for text in told)

    await until(called, seconds=2, what="a word to who decided")


async def test_sent_again_the_card_says_so_no_longer(desk: Rig) -> None:
    customer, card, seq = await approved(desk)
    await vendor_says(desk, customer, seq, DeliveryState.FAILED)
    await until(lambda: "Not delivered" in shown(card), what="the truth on the card")
    await desk.press(card, "again")
    await until(lambda: "Not delivered" not in shown(card), what="the card of a message on its way")


async def test_another_way_is_to_take_over(desk: Rig) -> None:
    customer, card, seq = await approved(desk)
    await vendor_says(desk, customer, seq, DeliveryState.FAILED)
    await until(lambda: "another_way" in str(buttons(card)), what="another way")
    await desk.press(card, "another_way")
    await desk.is_human(customer)
    await until(lambda: buttons(card) == {}, what="a card with nothing left to press")
